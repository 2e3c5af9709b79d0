package state

import (
	"iter"
	"strings"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
)

// MemberOf returns the groups that principal is a direct member of, in the order of their ids. It is part of rbac.Policy,
// as Grants, Denies, Role and Place are.
func (d *Directory) MemberOf(principal guid.GUID) []guid.GUID {
	groups, _ := d.memberOf.get(principal)
	return groups
}

// Grants returns the role assignments of principal itself. The local administrator is Owner of everything without a record,
// and Key Vault Administrator.
func (d *Directory) Grants(principal guid.GUID) rbac.Grants {
	grants, _ := d.access.grants.get(principal)
	if principal == d.builtin.administrator.ID {
		return grants.With(d.builtin.access.administrator...)
	}
	return grants
}

// Denies returns the deny assignments.
func (d *Directory) Denies() rbac.Denies { return d.access.denies }

// Role returns the role definition with the id, built in or custom, or nil.
func (d *Directory) Role(id guid.GUID) *rbac.Role {
	if role := d.builtin.access.roles.Role(id); role != nil {
		return role
	}
	role, _ := d.access.roles.get(id)
	return role
}

// RoleIsUsed reports whether somebody has the custom role.
func (d *Directory) RoleIsUsed(id guid.GUID) bool {
	used, _ := d.access.rolesUsed.get(id)
	return used > 0
}

// Place returns the place of a subscription or management group in the tree.
func (d *Directory) Place(scope string, mark rbac.Mark) *rbac.Place {
	root := d.builtin.access.rootPlace
	if mark == root.Mark && rbac.CompareScopes(scope, root.Scope) == 0 {
		return root
	}
	places, _ := d.access.places.get(mark)
	for i := range places {
		if rbac.CompareScopes(scope, places[i].scope) == 0 {
			return places[i].Place
		}
	}
	const subscriptions = "/subscriptions/"
	if len(scope) > len(subscriptions) && strings.EqualFold(scope[:len(subscriptions)], subscriptions) {
		return d.builtin.access.unplaced
	}
	if _, isGroup := rbac.ManagementGroupName(resource.ID(scope)); isGroup {
		return d.builtin.access.unplaced
	}
	return nil
}

// RoleNamed returns the role definition with the name, in any case.
func (d *Directory) RoleNamed(name string) (*rbac.Role, bool) {
	for role := range named(d.access.rolesNamed, name) {
		return role, true
	}
	role := d.builtin.access.roles.RoleNamed(name)
	return role, role != nil
}

// RoleDefinitions walks the roles that can be assigned at scope: all built-in ones in the order of their names, then the
// custom ones that say so, in the order of their ids.
func (d *Directory) RoleDefinitions(scope resource.ID) iter.Seq[*rbac.Role] {
	return func(yield func(*rbac.Role) bool) {
		for _, role := range d.builtin.access.roles.Roles() {
			if !yield(role) {
				return
			}
		}
		for _, role := range d.access.roles.from(guid.GUID{}) {
			if d.assignableAt(role, scope) && !yield(role) {
				return
			}
		}
	}
}

// CustomRoles walks all custom roles, in the order of their ids.
func (d *Directory) CustomRoles() iter.Seq[*rbac.Role] { return following(d.access.roles, guid.GUID{}) }

// assignableAt reports whether a role may be assigned at scope.
func (d *Directory) assignableAt(role *rbac.Role, scope resource.ID) bool {
	for _, above := range rbac.Lineage(d, scope) {
		for _, assignable := range role.AssignableScopes {
			if rbac.SameScope(above, assignable) {
				return true
			}
		}
	}
	return false
}

// RoleAssignment returns the role assignment with the id.
func (d *Directory) RoleAssignment(id guid.GUID) (*rbac.RoleAssignment, bool) {
	return d.access.roleAssignments.get(id)
}

// AssignmentsAt walks the role assignments at exactly one scope, in the order of their ids. With MembersOf it makes
// Directory a rbac.Roll.
func (d *Directory) AssignmentsAt(scope resource.ID) iter.Seq[*rbac.RoleAssignment] {
	there, _ := d.access.assignedAt.get(rbac.PathOf(scope).Marks)
	return func(yield func(*rbac.RoleAssignment) bool) {
		for _, a := range there {
			if rbac.SameScope(a.Scope, scope) && !yield(a) {
				return
			}
		}
	}
}

// AssignmentsAbove walks the role assignments that hold at scope: those at the tenant, at the management groups from the
// root down, and so on to scope itself.
func (d *Directory) AssignmentsAbove(scope resource.ID) iter.Seq[*rbac.RoleAssignment] {
	return func(yield func(*rbac.RoleAssignment) bool) {
		for _, above := range rbac.Lineage(d, scope) {
			for a := range d.AssignmentsAt(above) {
				if !yield(a) {
					return
				}
			}
		}
	}
}

// AssignmentsBelow walks the role assignments below scope, which are not those at it. Those of one resource, group and
// subscription stand together.
func (d *Directory) AssignmentsBelow(scope resource.ID) iter.Seq[*rbac.RoleAssignment] {
	return func(yield func(*rbac.RoleAssignment) bool) {
		for a := range d.under(scope) {
			if !rbac.SameScope(a.Scope, scope) && !yield(a) {
				return
			}
		}
		if _, isGroup := rbac.ManagementGroupName(scope); !isGroup {
			return
		}
		for child := range d.PlacedUnder(scope) {
			for a := range d.AssignmentsAt(child) {
				if !yield(a) {
					return
				}
			}
			for a := range d.AssignmentsBelow(child) {
				if !yield(a) {
					return
				}
			}
		}
	}
}

// under walks the role assignments at scope and below by their paths.
func (d *Directory) under(scope resource.ID) iter.Seq[*rbac.RoleAssignment] {
	path := rbac.PathOf(scope)
	n := min(path.Depth, len(path.Marks))
	return func(yield func(*rbac.RoleAssignment) bool) {
		for marks, there := range d.access.assignedAt.from(path.Marks) {
			if !startsWith(marks, path.Marks, n) {
				return
			}
			for _, a := range there {
				if rbac.Within(scope, a.Scope) && !yield(a) {
					return
				}
			}
		}
	}
}

func startsWith(marks, with [3]rbac.Mark, n int) bool {
	for i := range n {
		if marks[i] != with[i] {
			return false
		}
	}
	return true
}

// DenyAssignment returns the deny assignment with the id.
func (d *Directory) DenyAssignment(id guid.GUID) (*rbac.DenyAssignment, bool) {
	return d.access.denyAssignments.get(id)
}

// DenyAssignments walks all deny assignments, in the order of their ids. There are few.
func (d *Directory) DenyAssignments() iter.Seq[*rbac.DenyAssignment] {
	return following(d.access.denyAssignments, guid.GUID{})
}

// ManagementGroup returns the management group with the name, in any case; the root group, whose name is the tenant's id,
// is always there.
func (d *Directory) ManagementGroup(name string) (*rbac.ManagementGroup, bool) {
	key := placeKey(rbac.ManagementGroupID(name))
	if g, ok := d.access.managementGroups.get(key); ok {
		return g, true
	}
	return d.builtin.access.root, key == placeKey(d.builtin.access.rootPlace.Scope)
}

// ManagementGroups walks all management groups, the root group first and the others in the order of their names.
func (d *Directory) ManagementGroups() iter.Seq[*rbac.ManagementGroup] {
	root, _ := d.ManagementGroup(d.builtin.access.root.Name)
	return func(yield func(*rbac.ManagementGroup) bool) {
		if !yield(root) {
			return
		}
		for _, g := range d.access.managementGroups.from("") {
			if g != root && !yield(g) {
				return
			}
		}
	}
}

// GroupAbove returns the management group that a subscription stands under.
func (d *Directory) GroupAbove(subscription guid.GUID) *rbac.ManagementGroup {
	if p, ok := d.access.placements.get(subscription.String()); ok {
		if g, ok := d.ManagementGroup(p.Group); ok {
			return g
		}
	}
	root, _ := d.ManagementGroup(d.builtin.access.root.Name)
	return root
}

// PlacedUnder walks the scopes directly under a management group, as placeKey spells them: groups, then subscriptions.
// Under the root group stand all subscriptions without a place of their own, too.
func (d *Directory) PlacedUnder(group resource.ID) iter.Seq[resource.ID] {
	isRoot := placeKey(group) == placeKey(d.builtin.access.rootPlace.Scope)
	return func(yield func(resource.ID) bool) {
		for key := range named(d.access.placedUnder, placeKey(group)) {
			if !yield(resource.ID(key)) {
				return
			}
		}
		if !isRoot {
			return
		}
		for s := range d.Subscriptions() {
			if _, placed := d.access.placements.get(s.ID.String()); !placed && !yield(resource.SubscriptionID(s.ID.String())) {
				return
			}
		}
	}
}
