package rbac

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

func newRanking(t testing.TB) (*Catalog, *Ranking) {
	t.Helper()
	catalog, err := BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	return catalog, NewRanking(catalog.Roles())
}

func anything(Proposal) bool { return true }

func text(proposals []Proposal) string {
	var lines []string
	for _, p := range proposals {
		lines = append(lines, p.Role.Name+" at "+string(p.Scope))
	}
	return strings.Join(lines, "; ")
}

func TestNarrower(t *testing.T) {
	catalog, ranking := newRanking(t)
	const (
		getSecret = "d:Microsoft.KeyVault/vaults/secrets/getSecret/action"
		read      = "Microsoft.Web/sites/read"
		write     = "Microsoft.Web/sites/write"
		assign    = "Microsoft.Authorization/roleAssignments/write"
	)
	everywhere := func(action string, groups int) (all []Need) {
		for i := range groups {
			all = append(all, need(action, resource.ID(fmt.Sprintf("%s/resourceGroups/g%d/providers/Microsoft.Web/sites/s", reviewed, i))))
		}
		return all
	}
	for _, c := range []struct {
		name, role string
		at         resource.ID
		needs      []Need
		want       string
	}{
		{"one read", "Owner", reviewed, []Need{need(read, siteA)}, "Reader at " + siteA},
		{"one write", "Contributor", reviewed, []Need{need(write, siteA), need(read, siteA)}, "Website Contributor at " + siteA},
		{"secrets of a vault", "Owner", reviewed, []Need{need(getSecret, vaultA)}, "Key Vault Secrets User at " + vaultA},
		{"two resources", "Contributor", reviewed, []Need{need(read, siteA), need(read, vaultA)}, "Reader at " + vaultA + "; Reader at " + siteA},
		{"reading the group serves for what is in it", "Contributor", reviewed, []Need{need(read, groupA), need("Microsoft.KeyVault/vaults/read", vaultA), need(write, siteA)},
			"Reader at " + groupA + "; Website Contributor at " + siteA},
		{"more resources than places: their groups", "Contributor", reviewed,
			[]Need{need(read, siteA), need(read, siteA+"2"), need(read, siteA+"3"), need(read, groupB+"/providers/Microsoft.Web/sites/x")},
			"Reader at " + groupA + "; Reader at " + groupB},
		{"more secrets than places: their vault", "Owner", reviewed, []Need{need(getSecret, vaultA+"/secrets/a"), need(getSecret, vaultA+"/secrets/b"),
			need(getSecret, vaultA+"/secrets/c"), need(getSecret, vaultA+"/secrets/d")}, "Key Vault Secrets User at " + vaultA},
		{"one secret", "Owner", reviewed, []Need{need(getSecret, vaultA+"/secrets/a")}, "Key Vault Secrets User at " + vaultA + "/secrets/a"},
		{"more groups than places: a smaller role where it is", "Contributor", reviewed, everywhere(read, 5), "Reader at " + reviewed},
		{"several roles in place of all", "Contributor", reviewed, []Need{need(write, groupA), need("Microsoft.Storage/storageAccounts/write", groupA)},
			"Website Contributor at " + groupA + "; Storage Account Contributor at " + groupA},
		{"giving access", "Owner", reviewed, []Need{need(assign, groupA)}, "Role Based Access Control Administrator at " + groupA},
		{"a data action and one that is not", "Owner", reviewed, []Need{need(getSecret, vaultA), need("Microsoft.KeyVault/vaults/read", vaultA)},
			"Reader at " + vaultA + "; Key Vault Secrets User at " + vaultA},
		{"all of Contributor, but in one group", "Contributor", reviewed, []Need{need("Any.Provider/things/write", groupA)}, "Contributor at " + groupA},
		{"it is all needed", "Contributor", reviewed, everywhere("Any.Provider/things/write", 11), ""},
		{"nothing smaller", "Reader", siteA, []Need{need(read, siteA)}, ""},
		{"nothing smaller above", "Reader", siteA, []Need{need(read, groupA)}, ""},
		{"no role has it", "Owner", reviewed, []Need{need("d:Any.Provider/things/read", siteA)}, ""},
		{"at a management group", "Owner", "/providers/Microsoft.Management/managementGroups/mg", []Need{need(read, siteA)}, "Reader at " + siteA},
		{"needed at the management group", "Contributor", "/providers/Microsoft.Management/managementGroups/mg",
			[]Need{need(read, "/providers/Microsoft.Management/managementGroups/mg")}, "Reader at /providers/Microsoft.Management/managementGroups/mg"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := text(ranking.Narrower(catalog.RoleNamed(c.role), c.at, c.needs, anything)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestNarrowerWhereTheWidestDoesNotFit refuses what would be proposed at the subscription.
func TestNarrowerWhereTheWidestDoesNotFit(t *testing.T) {
	catalog, ranking := newRanking(t)
	below := func(p Proposal) bool { return BreadthOf(p.Scope) < AtSubscription }
	for n, want := range map[int]int{1: 1, 3: 3, 5: 5, 10: 10, 11: 0} {
		var needs []Need
		for i := range n {
			needs = append(needs, need("Microsoft.Web/sites/read", resource.ID(fmt.Sprintf("%s/resourceGroups/g%d/providers/Microsoft.Web/sites/s", reviewed, i))))
		}
		got := ranking.Narrower(catalog.Role(Contributor), reviewed, needs, below)
		if len(got) != want || len(got) > 0 && got[0].Role.Name != "Reader" {
			t.Errorf("%d groups: %s", n, text(got))
		}
	}
	if got := ranking.Narrower(catalog.Role(Owner), reviewed, []Need{need("Microsoft.Web/sites/read", reviewed)}, below); got != nil {
		t.Errorf("needed at the subscription itself: %s", text(got))
	}
}

func TestACustomRoleIsNotReplacedByABroaderOne(t *testing.T) {
	_, ranking := newRanking(t)
	tiny := NewRole(&RoleDefinition{ID: guid.GUID{1}, Name: "tiny", Permissions: []Permission{{Actions: []string{"Microsoft.Web/sites/restart/action"}}}})
	if got := ranking.Narrower(tiny, groupA, []Need{need("Microsoft.Web/sites/restart/action", groupA)}, anything); got != nil {
		t.Errorf("where it is: %s", text(got))
	}
	if got := ranking.Narrower(tiny, groupA, []Need{need("Microsoft.Web/sites/restart/action", siteA)}, anything); text(got) != "Website Contributor at "+siteA {
		t.Errorf("at the site: %s", text(got))
	}
}

// TestProposalsAllowWhatWasNeeded checks with Check itself, on random needs, that what is proposed allows each need.
func TestProposalsAllowWhatWasNeeded(t *testing.T) {
	catalog, ranking := newRanking(t)
	random := rand.New(rand.NewPCG(1, 2))
	scopes := []resource.ID{reviewed, groupA, groupB, siteA, vaultA, siteA + "/slots/blue", groupB + "/providers/Microsoft.Web/sites/x"}
	policy, ann, proposed := newLists(t), guid.GUID{7}, 0
	for range 3000 {
		var needs Needs
		for range 1 + random.IntN(6) {
			a := ranking.known[random.IntN(len(ranking.known))]
			needs.Add(Need{a.lower, a.data, scopes[random.IntN(len(scopes))]})
		}
		all := ranking.Narrower(catalog.Role(Owner), reviewed, needs.List, anything)
		if all == nil {
			continue
		}
		proposed++
		policy.assignments = nil
		for i, p := range all {
			policy.assignments = append(policy.assignments, &RoleAssignment{ID: guid.GUID{byte(i + 1)}, Scope: p.Scope, Role: p.Role.ID, Principal: ann})
		}
		for _, n := range needs.List {
			if d := Check(policy, Request{Principal: ann, Action: n.action(), Scope: n.Scope}); !d.Allowed() {
				t.Fatalf("%s do not allow %+v", text(all), n)
			}
		}
		if len(all) > maxProposedRoles*maxProposedScopes {
			t.Fatalf("%d proposals", len(all))
		}
	}
	if proposed < 1000 {
		t.Errorf("only %d of 3000 had a proposal", proposed)
	}
}

func BenchmarkNewRanking(b *testing.B) {
	catalog, err := BuiltIn()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		NewRanking(catalog.Roles())
	}
}

func BenchmarkNarrower(b *testing.B) {
	catalog, ranking := newRanking(b)
	needs := []Need{need("Microsoft.Web/sites/write", siteA), need("Microsoft.Storage/storageAccounts/write", groupB), need("Microsoft.KeyVault/vaults/read", vaultA)}
	for b.Loop() {
		ranking.Narrower(catalog.Role(Contributor), reviewed, needs, anything)
	}
}
