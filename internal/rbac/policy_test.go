package rbac

import (
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

// lists is a Policy and a Roll made of plain lists.
type lists struct {
	catalog     *Catalog
	roles       []*Role
	assignments []*RoleAssignment
	denies      Denies
	members     map[guid.GUID][]guid.GUID // by group
	above       map[string]string         // by scope in lower case
}

func newLists(t testing.TB) *lists {
	catalog, err := BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	return &lists{catalog: catalog, members: map[guid.GUID][]guid.GUID{}, above: map[string]string{}}
}

func (l *lists) MemberOf(principal guid.GUID) (groups []guid.GUID) {
	for group, members := range l.members {
		if slices.Contains(members, principal) {
			groups = append(groups, group)
		}
	}
	slices.SortFunc(groups, func(a, b guid.GUID) int { return strings.Compare(a.String(), b.String()) })
	return groups
}

func (l *lists) Grants(principal guid.GUID) (g Grants) {
	for _, a := range l.assignments {
		if a.Principal == principal {
			g = g.With(NewGrant(a, MarkOf(a.Scope), l.catalog.Role(a.Role)))
		}
	}
	return g
}

func (l *lists) Denies() Denies { return l.denies }

func (l *lists) Role(id guid.GUID) *Role {
	for _, r := range l.roles {
		if r.ID == id {
			return r
		}
	}
	return l.catalog.Role(id)
}

func (l *lists) Place(scope string, _ Mark) *Place {
	above, ok := l.above[strings.ToLower(scope)]
	if !ok {
		return nil
	}
	p := &Place{Above: above, AboveMark: MarkOf(resource.ID(above))}
	if !strings.HasPrefix(strings.ToLower(scope), "/subscriptions/") {
		p.Scope, p.Mark = scope, MarkOf(resource.ID(scope))
	}
	return p
}

func (l *lists) AssignmentsAt(scope resource.ID) iter.Seq[*RoleAssignment] {
	return func(yield func(*RoleAssignment) bool) {
		for _, a := range l.assignments {
			if a.Scope.Same(scope) && !yield(a) {
				return
			}
		}
	}
}

func (l *lists) MembersOf(group guid.GUID) iter.Seq[guid.GUID] {
	return slices.Values(l.members[group])
}

// id makes the n-th of a row of ids.
func id(n int) guid.GUID {
	g := guid.MustParse("00000000-0000-4000-8000-000000000000")
	g[14], g[15] = byte(n>>8), byte(n)
	return g
}

// grant assigns a built-in role by its name.
func (l *lists) grant(t testing.TB, principal guid.GUID, role string, scope resource.ID, condition ...string) *RoleAssignment {
	t.Helper()
	r := l.catalog.RoleNamed(role)
	if r == nil {
		t.Fatalf("there is no role %q", role)
		return nil
	}
	a := &RoleAssignment{ID: id(1000 + len(l.assignments)), Scope: scope, Role: r.ID, Principal: principal, PrincipalType: TypeUser,
		Condition: strings.Join(condition, "")}
	if err := CheckAssignment(a); err != nil {
		t.Fatal(err)
	}
	l.assignments = append(l.assignments, a)
	return a
}

// custom adds a role of one permission.
func (l *lists) custom(id guid.GUID, p ...Permission) {
	l.roles = append(l.roles, NewRole(&RoleDefinition{ID: id, Name: "custom " + id.String(), Permissions: p}))
}

const (
	testSubscription = resource.ID("/subscriptions/0ae3a2f0-9b4e-4d57-a7c1-0d6a3b0c5e11")
	testGroup        = testSubscription + "/resourceGroups/Rg1"
	testSite         = testGroup + "/providers/Microsoft.Web/sites/Func"
	testVault        = testGroup + "/providers/Microsoft.KeyVault/vaults/kv"
	testAccount      = testGroup + "/providers/Microsoft.Storage/storageAccounts/acc"
	testContainer    = testAccount + "/blobServices/default/containers/photos"
	testDivision     = resource.ID(managementGroupPrefix + "division")
	testRoot         = resource.ID(managementGroupPrefix + "root")
)
