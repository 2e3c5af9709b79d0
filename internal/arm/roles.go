package arm

import (
	"iter"
	"net/http"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
)

// roleRoutes returns the routes of Microsoft.Authorization and of Inborn.Platform/access.
func (a *api) roleRoutes() []serve.Route {
	const (
		definitions = "{scope...}/providers/" + typeRoleDefinition
		assignments = "{scope...}/providers/" + typeRoleAssignment
		denials     = "{scope...}/providers/" + typeDenyAssignment
		access      = "{scope...}/providers/Inborn.Platform/access"
	)
	return []serve.Route{
		a.route("GET", definitions, typeRoleDefinition+"/read", (*call).listRoleDefinitions),
		a.route("GET", definitions+"/{role}", typeRoleDefinition+"/read", (*call).getRoleDefinition),
		a.route("PUT", definitions+"/{role}", typeRoleDefinition+"/write", (*call).putRoleDefinition),
		a.route("DELETE", definitions+"/{role}", typeRoleDefinition+"/delete", (*call).deleteRoleDefinition),

		a.route("GET", assignments, typeRoleAssignment+"/read", (*call).listRoleAssignments),
		a.route("GET", assignments+"/{assignment}", typeRoleAssignment+"/read", (*call).getRoleAssignment),
		a.filtered("PUT", assignments+"/{assignment}", typeRoleAssignment+"/write", (*call).putRoleAssignment),
		a.filtered("DELETE", assignments+"/{assignment}", typeRoleAssignment+"/delete", (*call).deleteRoleAssignment),

		a.route("GET", denials, typeDenyAssignment+"/read", (*call).listDenyAssignments),
		a.route("GET", denials+"/{deny}", typeDenyAssignment+"/read", (*call).getDenyAssignment),
		a.filtered("GET", "{scope...}/providers/Microsoft.Authorization/permissions", "Microsoft.Authorization/permissions/read", (*call).listPermissions),
		a.route("GET", "{scope...}/providers/Microsoft.Authorization/{kind:"+kindsOfNothing+"}", "Microsoft.Authorization/{kind}/read", (*call).listNothing),

		a.route("POST", access+"/can", "Inborn.Platform/access/can/action", (*call).accessCan),
		a.route("POST", access+"/who", "Inborn.Platform/access/who/action", (*call).accessWho),
		a.route("GET", access+"/review", "Inborn.Platform/access/review/read", (*call).accessReview),
	}
}

// scopeOf is the scope of an id of this package, where "" is the tenant.
func scopeOf(id resource.ID) resource.ID {
	if id == "" {
		return rbac.Tenant
	}
	return id
}

// pathID reads the GUID that the path gives under a name.
func (c *call) pathID(name, what string) (guid.GUID, error) {
	text := serve.Param(c.r, name)
	id, err := guid.Parse(text)
	if err != nil || id.IsZero() {
		return id, apierr.New(apierr.ParameterInvalid, "The name of a %s must be a GUID, and '%s' is none.", what, text).At(text)
	}
	return id, nil
}

func (c *call) listRoleDefinitions() error {
	match, below, err := roleFilter(query(c.r, "$filter"))
	if err != nil {
		return err
	}
	at := scopeOf(c.id)
	return c.page(func(yield func(string, any) bool) {
		for r := range c.rolesAround(at, below) {
			key := "0" + strings.ToLower(r.Name) // built-in roles come by name, custom ones by id
			if !r.BuiltIn {
				key = "1" + r.ID.String()
			}
			if match(r) && !yield(key, roleDefinitionOut(at, r)) {
				return
			}
		}
	})
}

// rolesAround walks the roles that can be assigned at a scope and, if wanted, those that can be only below it: all built-in
// ones in the order of their names, then the custom ones in the order of their ids.
func (c *call) rolesAround(at resource.ID, below bool) iter.Seq[*rbac.Role] {
	if !below {
		return c.dir.RoleDefinitions(at)
	}
	return func(yield func(*rbac.Role) bool) {
		for r := range c.dir.RoleDefinitions(rbac.Tenant) { // at which no custom role is assignable
			if !yield(r) {
				return
			}
		}
		isAround := func(scope resource.ID) bool { return c.holdsAt(scope, at) || c.holdsAt(at, scope) } // a group of subscriptions
		for r := range c.dir.CustomRoles() {
			if slices.ContainsFunc(r.AssignableScopes, isAround) && !yield(r) {
				return
			}
		}
	}
}

func (c *call) findRoleDefinition(dir *state.Directory) (*rbac.Role, error) {
	id, err := c.pathID("role", "role definition")
	if err != nil {
		return nil, err
	}
	r := dir.Role(id)
	if r == nil {
		return nil, apierr.New(apierr.RoleDefinitionNotFound, "The specified role definition with ID '%s' does not exist.", id).
			At(id.String()).WithHelp("inborn role list")
	}
	return r, nil
}

func (c *call) getRoleDefinition() error {
	r, err := c.findRoleDefinition(c.dir)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, roleDefinitionOut(scopeOf(c.id), r))
}

// putRoleDefinition makes or changes a custom role. It takes the right to do so at each scope that the role shall be
// assignable at, and at each where it is so far: whoever has it there would get what it becomes. The status is 201 in
// either case: clients accept nothing else.
func (c *call) putRoleDefinition() error {
	id, err := c.pathID("role", "role definition")
	if err != nil {
		return err
	}
	var body roleDefinitionWire
	if err := serve.ReadJSON(c.r, maxBody, &body); err != nil {
		return err
	}
	p := body.Properties
	if p.Type != "" && !strings.EqualFold(p.Type, "CustomRole") {
		return apierr.New(apierr.PropertyInvalid, "The type of a role that is made must be CustomRole, not '%s'.", p.Type).At("properties.type")
	}
	var made rbac.RoleDefinition
	err = c.update(func(d *state.Draft) (err error) {
		if err := c.mayChangeRole(d.Directory(), id); err != nil {
			return err
		}
		made = rbac.RoleDefinition{ID: id, Name: p.Name, Description: p.Description, Permissions: permissionsIn(p.Permissions),
			AssignableScopes: p.Scopes, UpdatedBy: c.caller.id}
		if made, err = d.PutRoleDefinition(made); err != nil {
			return err
		}
		return c.mayChangeRole(d.Directory(), id)
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusCreated, roleDefinitionOut(scopeOf(c.id), rbac.NewRole(&made)))
}

// deleteRoleDefinition removes a custom role; 204 if there is none.
func (c *call) deleteRoleDefinition() error {
	id, err := c.pathID("role", "role definition")
	if err != nil {
		return err
	}
	var gone *rbac.Role
	err = c.update(func(d *state.Draft) error {
		if gone = d.Directory().Role(id); gone == nil {
			return nil
		}
		if err := c.mayChangeRole(d.Directory(), id); err != nil {
			return err
		}
		return d.DeleteRoleDefinition(id)
	})
	if err != nil {
		return err
	}
	if gone == nil {
		return c.empty(http.StatusNoContent)
	}
	return c.json(http.StatusOK, roleDefinitionOut(scopeOf(c.id), gone))
}

// mayChangeRole asks for the right of the call at every scope that a custom role is assignable at, and where it is assigned,
// if there is such a role.
func (c *call) mayChangeRole(dir *state.Directory, id guid.GUID) error {
	role := dir.Role(id)
	if role == nil || role.BuiltIn {
		return nil
	}
	for _, scope := range role.AssignableScopes {
		if err := authorizeLinked(dir, c, c.needs, scope); err != nil {
			return err
		}
	}
	if !dir.RoleIsUsed(id) {
		return nil
	}
	for a := range dir.AssignmentsBelow(rbac.Tenant) { // which may be where the role cannot be assigned any more
		if a.Role != id {
			continue
		}
		if err := authorizeLinked(dir, c, c.needs, a.Scope); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) listDenyAssignments() error {
	at := scopeOf(c.id)
	return c.page(func(yield func(string, any) bool) {
		for d := range c.dir.DenyAssignments() {
			if c.holdsAt(d.Scope, at) && !yield(d.ID.String(), denyAssignmentOut(d)) {
				return
			}
		}
	})
}

// holdsAt reports whether what is at scope stands at, above or below at.
func (c *call) holdsAt(scope, at resource.ID) bool {
	if rbac.Within(at, scope) {
		return true
	}
	for _, above := range rbac.Lineage(c.dir, at) {
		if rbac.SameScope(above, scope) {
			return true
		}
	}
	return false
}

func (c *call) getDenyAssignment() error {
	id, err := c.pathID("deny", "deny assignment")
	if err != nil {
		return err
	}
	d, ok := c.dir.DenyAssignment(id)
	if !ok {
		return apierr.New(apierr.DenyAssignmentNotFound, "The deny assignment '%s' is not found.", id).At(id.String())
	}
	return c.json(http.StatusOK, denyAssignmentOut(d))
}

// listPermissions says what the caller itself may do at a scope, one element for each permission of each role that it has
// there. Everyone may ask that of himself.
func (c *call) listPermissions() error {
	all := []permissionWire{}
	for _, held := range rbac.Holdings(c.dir, c.caller.id, scopeOf(c.id)) {
		all = append(all, permissionsOut(held.Role.Permissions)...)
	}
	out := pageWire{Value: make([]any, len(all))}
	for i, p := range all {
		out.Value[i] = p
	}
	return c.json(http.StatusOK, out)
}
