package state

import (
	"fmt"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/store"
)

// These are the parts of TestViewsAgreeHoweverTheyWereBuilt that have to do with roles.

// somebody draws one of all principals that have a record; none is the zero id.
func somebody(d *Directory, t *rapid.T) guid.GUID {
	all := []guid.GUID{{}}
	for u := range d.Users(guid.GUID{}) {
		all = append(all, u.ID)
	}
	for g := range d.Groups(guid.GUID{}) {
		all = append(all, g.ID)
	}
	for i := range d.Identities("") {
		all = append(all, i.PrincipalID)
	}
	return rapid.SampledFrom(all).Draw(t, "principal")
}

// somewhere draws a scope, of which some are not there.
func somewhere(t *rapid.T, name string) resource.ID {
	return rapid.SampledFrom([]resource.ID{rbac.Tenant, rbac.ManagementGroupID(name), testSubscription, testGroup, siteID(name), siteID(name) + "/slots/" + resource.ID(name),
		identityID(name)}).Draw(t, "scope")
}

func stepRoles(d *Draft, t *rapid.T, name string) {
	dir := d.Directory()
	switch rapid.IntRange(0, 7).Draw(t, "what of roles") {
	case 0:
		role := rbac.RoleDefinition{Name: "custom " + name, AssignableScopes: []resource.ID{testSubscription},
			Permissions: []rbac.Permission{{Actions: []string{"Microsoft.Web/*/read"}}}}
		if old, ok := dir.RoleNamed(role.Name); ok {
			role.ID, role.Name = old.ID, "custom "+name+name
		}
		_, _ = d.PutRoleDefinition(role)
	case 1:
		for role := range dir.CustomRoles() {
			_ = d.DeleteRoleDefinition(role.ID)
		}
	case 2, 3, 4:
		roles := []guid.GUID{rbac.Owner, rbac.Reader}
		for role := range dir.CustomRoles() {
			roles = append(roles, role.ID)
		}
		_, _ = d.PutRoleAssignment(rbac.RoleAssignment{Principal: somebody(dir, t), Role: rapid.SampledFrom(roles).Draw(t, "role"), Scope: somewhere(t, name)})
	case 5:
		for a := range dir.Grants(somebody(dir, t)).All() {
			if rapid.Bool().Draw(t, "change") {
				changed := *a
				changed.Description += name
				_, _ = d.PutRoleAssignment(changed)
			} else {
				_ = d.DeleteRoleAssignment(a.ID, rapid.Bool().Draw(t, "even the last owner"))
			}
		}
	case 6:
		_, _ = d.PutDenyAssignment(rbac.DenyAssignment{Name: name, Scope: somewhere(t, name), Permissions: []rbac.Permission{{Actions: []string{"*"}}},
			Principals: []rbac.Target{{ID: somebody(dir, t), Type: rbac.TypeUser}}, Exclude: []rbac.Target{{ID: somebody(dir, t), Type: rbac.TypeUser}}})
	case 7:
		_, _ = d.PutManagementGroup(rbac.ManagementGroup{Name: name, Parent: rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "parent")})
		_ = d.PlaceSubscription(subscriptionID, rapid.SampledFrom([]string{"", name}).Draw(t, "under"))
		_ = d.DeleteManagementGroup(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "gone"))
	}
}

// describeRoles lists what a directory shows of roles through each of its tables.
func describeRoles(d *Directory) (s string) {
	for r := range d.CustomRoles() {
		byName, ok := d.RoleNamed(r.Name)
		used, _ := d.access.rolesUsed.get(r.ID)
		s += fmt.Sprintln("role", r.ID, r.Name, ok && byName.ID == r.ID, used)
	}
	all := maps.Collect(d.access.roleAssignments.all())
	for _, id := range slices.SortedFunc(maps.Keys(all), compareGUID) {
		a := all[id]
		at := slices.Contains(slices.Collect(d.AssignmentsAt(a.Scope)), a)
		of := slices.Contains(slices.Collect(d.Grants(a.Principal).All()), a)
		s += fmt.Sprintln("role assignment", id == a.ID, *a, at, of)
	}
	listed := 0
	for range d.AssignmentsAbove(rbac.Tenant) {
		listed++
	}
	for range d.AssignmentsBelow(rbac.Tenant) {
		listed++
	}
	s += fmt.Sprintln("listed", listed == len(all))
	granted := 0
	for _, grants := range d.access.grants.all() {
		granted += grants.Len()
	}
	s += fmt.Sprintln("granted", granted == len(all))
	for a := range d.DenyAssignments() {
		s += fmt.Sprintln("deny", *a, d.Denies().Len())
	}
	for g := range d.ManagementGroups() {
		s += fmt.Sprintln("management group", *g, rbac.Lineage(d, g.ID()), slices.Collect(d.PlacedUnder(g.ID())))
	}
	return s + fmt.Sprintln("subscription", rbac.Lineage(d, testSubscription), d.GroupAbove(subscriptionID).Name)
}

// rolesDangle fails if a record names what is not there.
func rolesDangle(t *rapid.T, d *Directory, r store.Record) {
	known := func(principal guid.GUID) bool { _, _, ok := d.Principal(principal); return ok }
	switch r.Kind {
	case kindRoleAssignment:
		a, err := decode[rbac.RoleAssignment](r)
		if err != nil || !known(a.Principal) || d.Role(a.Role) == nil {
			t.Fatalf("role assignment %+v dangles: %v", a, err)
		}
		if err := (&Draft{view: &View{tenants: tenantsOf(d)}, tenant: testTenant}).checkScope(a.Scope); err != nil {
			t.Fatalf("role assignment %+v is nowhere: %v", a, err)
		}
	case kindDenyAssignment:
		a, err := decode[rbac.DenyAssignment](r)
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range slices.Concat(a.Principals, a.Exclude) {
			if target.ID != rbac.Everyone && !known(target.ID) {
				t.Fatalf("deny assignment %+v dangles", a)
			}
		}
	case kindPlacement:
		p, err := decode[rbac.Placement](r)
		if _, ok := d.ManagementGroup(p.Group); err != nil || !ok {
			t.Fatalf("placement %+v dangles: %v", p, err)
		}
	}
}

func tenantsOf(d *Directory) table[guid.GUID, *Directory] {
	tenants := newTable[guid.GUID, *Directory](compareGUID)
	tenants.set(testTenant, d)
	return tenants
}
