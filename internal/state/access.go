package state

import (
	"cmp"
	"strings"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/store"
)

// access is the part of a Directory that says who may do what.
type access struct {
	roleDefinitions table[guid.GUID, *rbac.RoleDefinition] // custom ones, as all here
	roles           table[guid.GUID, *rbac.Role]           // the same, ready to be checked
	rolesNamed      table[string, *rbac.Role]              // by name
	rolesUsed       table[guid.GUID, int]                  // by role that is not built in: how many assignments it has

	roleAssignments trie[guid.GUID, *rbac.RoleAssignment]
	assignedAt      table[[3]rbac.Mark, []*rbac.RoleAssignment] // by path, then in the order of their ids
	grants          trie[guid.GUID, rbac.Grants]                // by principal
	denyAssignments table[guid.GUID, *rbac.DenyAssignment]
	denies          rbac.Denies // the same, ready to be checked

	managementGroups table[string, *rbac.ManagementGroup] // by place key
	placements       table[string, *rbac.Placement]       // by the subscription's id, as text
	places           trie[rbac.Mark, []placed]            // of both, by the marks of their scopes
	placedUnder      table[string, string]                // by the place keys of a group and of what is in it: the latter

	builtIn *rbac.Catalog
	coming  *arrivals // while records are applied; nil for none
}

func newAccess(builtIn *rbac.Catalog) access {
	return access{
		builtIn:          builtIn,
		roleDefinitions:  newTable[guid.GUID, *rbac.RoleDefinition](compareGUID),
		roles:            newTable[guid.GUID, *rbac.Role](compareGUID),
		rolesNamed:       newTable[string, *rbac.Role](compareString),
		rolesUsed:        newLeanTable[guid.GUID, int](compareGUID),
		roleAssignments:  newTrie[guid.GUID, *rbac.RoleAssignment](hashGUID),
		assignedAt:       newLeanTable[[3]rbac.Mark, []*rbac.RoleAssignment](comparePath),
		grants:           newTrie[guid.GUID, rbac.Grants](hashGUID),
		denyAssignments:  newTable[guid.GUID, *rbac.DenyAssignment](compareGUID),
		managementGroups: newTable[string, *rbac.ManagementGroup](compareString),
		placements:       newTable[string, *rbac.Placement](compareString),
		places:           newTrie[rbac.Mark, []placed](hashMark),
		placedUnder:      newTable[string, string](compareString),
	}
}

func (a access) clone() access {
	return access{
		builtIn:          a.builtIn,
		roleDefinitions:  a.roleDefinitions.clone(),
		roles:            a.roles.clone(),
		rolesNamed:       a.rolesNamed.clone(),
		rolesUsed:        a.rolesUsed.clone(),
		roleAssignments:  a.roleAssignments.clone(),
		assignedAt:       a.assignedAt.clone(),
		grants:           a.grants.clone(),
		denyAssignments:  a.denyAssignments.clone(),
		denies:           a.denies,
		managementGroups: a.managementGroups.clone(),
		placements:       a.placements.clone(),
		places:           a.places.clone(),
		placedUnder:      a.placedUnder.clone(),
	}
}

// comparePath orders paths so that what lies below a scope stands together, as far as its path goes. Scopes with equal
// marks may differ, so whoever walks looks at the scopes, too.
func comparePath(a, b [3]rbac.Mark) int {
	for i := range a {
		if a[i] != b[i] {
			return cmp.Compare(a[i], b[i])
		}
	}
	return 0
}

// builtinAccess is what exists in a tenant without a record.
type builtinAccess struct {
	roles         *rbac.Catalog
	root          *rbac.ManagementGroup // its name is the tenant's id
	rootPlace     *rbac.Place
	unplaced      *rbac.Place  // of whatever has no record that says where it is: below the root
	administrator []rbac.Grant // makes the local administrator Owner of everything, and of what is in vaults
}

func newBuiltinAccess(roles *rbac.Catalog, tenant *directory.Tenant) builtinAccess {
	root := &rbac.ManagementGroup{Name: tenant.ID.String(), DisplayName: "Tenant Root Group", Created: tenant.Created, Updated: tenant.Created}
	return builtinAccess{
		roles:     roles,
		root:      root,
		rootPlace: placeOf(root),
		unplaced:  placeBelow(root.Name),
		administrator: []rbac.Grant{
			administratorIs(tenant, roles.Role(rbac.Owner), "role assignment of the local administrator"),
			administratorIs(tenant, roles.Role(rbac.KeyVaultAdministrator), "vault role assignment of the local administrator"),
		},
	}
}

// administratorIs gives the local administrator a role everywhere. It may read the data directory and the master key, so
// that to keep what is in vaults from it would protect nothing.
func administratorIs(tenant *directory.Tenant, role *rbac.Role, name string) rbac.Grant {
	return rbac.NewGrant(&rbac.RoleAssignment{
		ID:    guid.Derive(tenant.ID, name),
		Scope: rbac.Tenant, Role: role.ID,
		Principal: directory.LocalAdministrator(tenant.ID).ID, PrincipalType: rbac.TypeServicePrincipal,
		Created: tenant.Created, Updated: tenant.Created,
	}, rbac.MarkOf(rbac.Tenant), role)
}

// placed is a place with its own scope. Those that have one mark, which is hardly ever more than one, stand in a list.
type placed struct {
	scope string
	*rbac.Place
}

func comparePlaced(a, b placed) int { return rbac.CompareScopes(a.scope, b.scope) }

// placeKey is the id of a management group or a subscription in the form that places are found by.
func placeKey[S ~string](id S) string { return strings.ToLower(string(id)) }

func placeOf(g *rbac.ManagementGroup) *rbac.Place {
	p := &rbac.Place{}
	if g.Parent != "" {
		p = placeBelow(g.Parent)
	}
	p.Scope, p.Mark = string(g.ID()), rbac.MarkOf(g.ID())
	return p
}

// placeBelow is the place of something below a management group.
func placeBelow(group string) *rbac.Place {
	above := rbac.ManagementGroupID(group)
	return &rbac.Place{Above: string(above), AboveMark: rbac.MarkOf(above)}
}

func (a *access) apply(r store.Record) error {
	switch r.Kind {
	case kindRoleDefinition:
		return applyObject(r, &a.roleDefinitions, guidKey, func(d *rbac.RoleDefinition, on bool) {
			role := rbac.NewRole(d)
			put1(&a.roles, d.ID, role, on)
			put1(&a.rolesNamed, nameKey(d.Name, r.ID), role, on)
		})
	case kindRoleAssignment:
		return a.applyAssignment(r, arrival{})
	case kindDenyAssignment:
		return applyObject(r, &a.denyAssignments, guidKey, func(d *rbac.DenyAssignment, on bool) {
			if on {
				a.denies = a.denies.With(d)
			} else {
				a.denies = a.denies.Without(d)
			}
		})
	case kindManagementGroup:
		return applyObject(r, &a.managementGroups, textKey, func(g *rbac.ManagementGroup, on bool) {
			a.indexPlace(r.ID, placeOf(g), on)
		})
	case kindPlacement:
		return applyObject(r, &a.placements, textKey, func(p *rbac.Placement, on bool) {
			a.indexPlace(string(resource.SubscriptionID(r.ID)), placeBelow(p.Group), on)
		})
	}
	return nil // a kind that a newer version wrote: nothing here depends on it
}

func (a *access) indexPlace(key string, p *rbac.Place, on bool) {
	scope := key
	if p.Scope != "" {
		scope = p.Scope // as it is written in what stands below: texts that are equal as they are compare faster
	}
	putInto(&a.places, rbac.MarkOf(resource.ID(scope)), placed{scope, p}, comparePlaced, on)
	put1(&a.placedUnder, nameKey(p.Above, key), key, on)
}
