package rbac

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/inborn-id/inborn/internal/resource"
)

// Grants that come and go, one by one and many at once, from none to many and back: all of them are there, each is found at
// its scope, and those at management groups are counted, so that a check knows when to look above subscriptions.
func TestGrantsThatComeAndGo(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var have []*RoleAssignment
	var grants Grants
	for n := range 3000 {
		growing := n/60%2 == 0 // waves of about forty
		switch {
		case growing && n%60 == 30:
			var more []Grant
			for range 5 {
				a := someAssignment(random, len(have)+1000*n)
				have, more = append(have, a), append(more, NewGrant(a, MarkOf(a.Scope), nil))
			}
			grants = grants.With(more...)
		case growing || len(have) == 0:
			a := someAssignment(random, 1000*n)
			have, grants = append(have, a), grants.With(NewGrant(a, MarkOf(a.Scope), nil))
		default:
			i := random.IntN(len(have))
			grants = grants.Without(have[i])
			have = slices.Delete(have, i, i+1)
		}
		checkGrants(t, grants, have)
		if t.Failed() {
			t.Fatalf("after %d steps", n)
		}
	}
}

func someAssignment(random *rand.Rand, n int) *RoleAssignment {
	scope := resource.ID(fmt.Sprint(testSubscription, "/resourceGroups/rg", random.IntN(20)))
	if random.IntN(4) == 0 {
		scope = ManagementGroupID(fmt.Sprint("division", random.IntN(3)))
	}
	a := &RoleAssignment{ID: id(n), Scope: scope, Role: Reader, Principal: ann}
	a.ID[0], a.ID[1] = byte(n>>16), byte(n>>24)
	return a
}

func checkGrants(t *testing.T, grants Grants, have []*RoleAssignment) {
	t.Helper()
	all := slices.Collect(grants.All())
	if len(all) != len(have) || grants.Len() != len(have) || grants.many != nil && len(grants.few) > 0 {
		t.Errorf("%d grants of %d", len(all), len(have))
	}
	high := 0
	for _, a := range have {
		if _, is := ManagementGroupName(a.Scope); is {
			high++
		}
		if !slices.Contains(all, a) || !slices.Contains(slices.Collect(grants.At(a.Scope)), a) {
			t.Errorf("the grant at %s is lost", a.Scope)
		}
		if found := hintedAt(&grants, MarkOf(a.Scope)); grants.many == nil && !slices.Contains(found, a) {
			t.Errorf("no hint at the grant at %s, but at %d others", a.Scope, len(found))
		}
	}
	if grants.high != high {
		t.Errorf("%d grants at management groups, not %d", high, grants.high)
	}
}

func hintedAt(grants *Grants, mark Mark) (found []*RoleAssignment) {
	for like := grants.hints.like(mark); like != 0; like &= like - 1 {
		if g := grants.hinted(like); g != nil && g.mark == mark {
			found = append(found, g.assignment)
		}
	}
	return found
}

// Two scopes whose marks end alike, and a mark that ends in zeros like the hint of a grant that is not there.
func TestHintsAreOnlyHints(t *testing.T) {
	grants := newFew([]Grant{{mark: 0x1_0007}, {mark: 0x2_0007}, {mark: 0x3_8000}}, 0)
	for mark, want := range map[Mark]int{0x1_0007: 2, 0x5_0007: 2, 0x3_8000: 1, 0x1_0006: 0, 0xf_ffff: 0, 0: 0} {
		n := 0
		for like := grants.hints.like(mark); like != 0; like &= like - 1 {
			if grants.hinted(like) != nil {
				n++
			}
		}
		if n != want {
			t.Errorf("%x has %d hints, not %d", uint64(mark), n, want)
		}
	}
}
