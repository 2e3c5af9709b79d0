package manifest

import (
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/rbac"
)

// customRoles makes the declared role definitions, once the scopes at which they may be assigned exist.
func (p *planner) customRoles() error {
	for i, want := range p.m.CustomRoles {
		if err := p.customRole(want); err != nil {
			return at(err, "$.customRoles[%d]", i)
		}
	}
	return nil
}

func (p *planner) customRole(want CustomRole) error {
	next := rbac.RoleDefinition{ID: want.ID.GUID, Name: want.Name, Description: want.Description,
		Permissions: []rbac.Permission{{Actions: want.Actions, NotActions: want.NotActions, DataActions: want.DataActions, NotDataActions: want.NotDataActions}}}
	if len(want.Actions)+len(want.DataActions) == 0 {
		return apierr.New(apierr.PropertyInvalid, "The role %s allows nothing: give it actions or dataActions.", want.Name)
	}
	scopes := want.Scopes
	if len(scopes) == 0 {
		scopes = []string{""}
	}
	for _, name := range scopes {
		scope, err := p.scope(name)
		if err != nil {
			return err
		}
		next.AssignableScopes = append(next.AssignableScopes, scope)
	}
	have, exists := p.dir().RoleNamed(want.Name)
	if !exists && !next.ID.IsZero() { // it may have had another name
		have = p.dir().Role(next.ID)
		exists = have != nil
	}
	switch {
	case exists && have.BuiltIn:
		return apierr.New(apierr.PropertyInvalid, "The role %s (%s) is built in: give this one a name and an id of its own.", have.Name, have.ID)
	case exists && !next.ID.IsZero() && next.ID != have.ID:
		return apierr.New(apierr.PropertyInvalid, "The id of the role %s is %s and cannot be changed.", have.Name, have.ID)
	case exists:
		next.ID = have.ID
		if sameRole(have.RoleDefinition, &next) {
			return nil
		}
	}
	p.did(verb(exists), "custom role", want.Name, "")
	_, err := p.draft.PutRoleDefinition(next)
	return err
}

// sameRole reports whether a role says what a declaration says.
func sameRole(have, want *rbac.RoleDefinition) bool {
	if len(have.Permissions) != 1 {
		return false
	}
	h, w := have.Permissions[0], want.Permissions[0]
	return have.Name == want.Name && have.Description == want.Description && h.Condition == "" &&
		slices.Equal(h.Actions, w.Actions) && slices.Equal(h.NotActions, w.NotActions) &&
		slices.Equal(h.DataActions, w.DataActions) && slices.Equal(h.NotDataActions, w.NotDataActions) &&
		slices.EqualFunc(have.AssignableScopes, want.AssignableScopes, rbac.SameScope)
}

// pruneCustomRoles deletes the custom roles that are not declared, except those that somebody has: who is not declared
// either keeps his roles.
func (p *planner) pruneCustomRoles() error {
	used := map[*rbac.Role]bool{}
	for a := range p.dir().AssignmentsBelow(rbac.Tenant) {
		used[p.dir().Role(a.Role)] = true
	}
	for role := range p.dir().CustomRoles() {
		declared := slices.ContainsFunc(p.m.CustomRoles, func(want CustomRole) bool { return strings.EqualFold(want.Name, role.Name) })
		if declared || used[role] {
			continue
		}
		p.did(Delete, "custom role", role.Name, "")
		if err := p.draft.DeleteRoleDefinition(role.ID); err != nil {
			return err
		}
	}
	return nil
}
