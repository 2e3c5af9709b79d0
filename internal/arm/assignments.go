package arm

import (
	"iter"
	"maps"
	"net/http"
	"slices"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
)

// listRoleAssignments lists the assignments at, above and below a scope, or those of them that the filter lets through.
func (c *call) listRoleAssignments() error {
	f, err := readAssignmentFilter(query(c.r, "$filter"))
	if err != nil {
		return err
	}
	holders := map[guid.GUID]bool{}
	switch {
	case !f.principal.IsZero():
		holders[f.principal] = true
	case !f.assignedTo.IsZero():
		for _, id := range c.dir.WithGroups(f.assignedTo) {
			holders[id] = true
		}
	}
	found := map[string]*rbac.RoleAssignment{}
	for a := range c.assignmentsAround(scopeOf(c.id), f.below) {
		if len(holders) == 0 || holders[a.Principal] {
			found[a.ID.String()] = a
		}
	}
	return c.page(func(yield func(string, any) bool) {
		for _, id := range slices.Sorted(maps.Keys(found)) {
			if !yield(id, roleAssignmentOut(found[id])) {
				return
			}
		}
	})
}

// assignmentsAround walks the assignments at and above a scope and, if wanted, below it.
func (c *call) assignmentsAround(at resource.ID, below bool) iter.Seq[*rbac.RoleAssignment] {
	return func(yield func(*rbac.RoleAssignment) bool) {
		for a := range c.dir.AssignmentsAbove(at) {
			if !yield(a) {
				return
			}
		}
		if !below {
			return
		}
		for a := range c.dir.AssignmentsBelow(at) {
			if c.r.Context().Err() != nil || !yield(a) {
				return
			}
		}
	}
}

// findAssignment returns the assignment in the path if it is at the scope there; nil if there is none.
func (c *call) findAssignment(dir *state.Directory) (*rbac.RoleAssignment, guid.GUID, error) {
	id, err := c.pathID("assignment", "role assignment")
	if err != nil {
		return nil, id, err
	}
	a, ok := dir.RoleAssignment(id)
	if !ok || !rbac.SameScope(a.Scope, scopeOf(c.id)) {
		return nil, id, nil
	}
	return a, id, nil
}

func (c *call) getRoleAssignment() error {
	a, id, err := c.findAssignment(c.dir)
	if err != nil {
		return err
	}
	if a == nil {
		return apierr.New(apierr.RoleAssignmentNotFound, "The role assignment '%s' is not found.", id).At(id.String())
	}
	return c.json(http.StatusOK, roleAssignmentOut(a))
}

// putRoleAssignment gives a role. Whether the caller may can depend on which role it is and to whom, so it is decided
// with the assignment in hand, on the state that the change is made to. The status is 201 in any case: clients accept
// nothing else.
func (c *call) putRoleAssignment() error {
	want, err := c.readAssignment()
	if err != nil {
		return err
	}
	var made rbac.RoleAssignment
	err = c.change(func(d *state.Draft) (err error) {
		known := want
		if known.PrincipalType == rbac.TypeUnknown { // what a condition may ask for
			known.PrincipalType = typeOf(d.Directory(), want.Principal)
		}
		if err := c.mayChange(d.Directory(), rbac.AssignmentAttributes(rbac.RequestSource, &known)); err != nil {
			return err
		}
		made, err = d.PutRoleAssignment(want)
		return err
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusCreated, roleAssignmentOut(&made))
}

// readAssignment reads and checks the body of a PUT.
func (c *call) readAssignment() (a rbac.RoleAssignment, err error) {
	if a.ID, err = c.pathID("assignment", "role assignment"); err != nil {
		return a, err
	}
	var body roleAssignmentWire
	if err := serve.ReadJSON(c.r, maxBody, &body); err != nil {
		return a, err
	}
	p := body.Properties
	role, ok := rbac.ParseRoleDefinitionID(p.Role)
	if !ok {
		return a, apierr.New(apierr.PropertyInvalid, "The property roleDefinitionId must be the id of a role definition, and '%s' is none.", p.Role).
			At("properties.roleDefinitionId")
	}
	principal, err := guid.Parse(p.Principal)
	if err != nil {
		return a, apierr.New(apierr.PropertyInvalid, "The property principalId must be the object id of a principal, and '%s' is none.", p.Principal).
			At("properties.principalId")
	}
	kind, ok := rbac.ParsePrincipalType(p.PrincipalType)
	if !ok {
		return a, apierr.New(apierr.PropertyInvalid, "The principalType '%s' is none of User, Group and ServicePrincipal.", p.PrincipalType).
			At("properties.principalType")
	}
	return rbac.RoleAssignment{ID: a.ID, Scope: scopeOf(c.id), Role: role, Principal: principal, PrincipalType: kind,
		Condition: orNone(p.Condition), ConditionVersion: orNone(p.ConditionVersion), Description: orNone(p.Description),
		DelegatedIdentity: orNone(p.Delegated), UpdatedBy: c.caller.id}, nil
}

// deleteRoleAssignment takes a role away; 204 if there is no such assignment.
func (c *call) deleteRoleAssignment() error {
	var gone *rbac.RoleAssignment
	err := c.change(func(d *state.Draft) (err error) {
		var id guid.GUID
		if gone, id, err = c.findAssignment(d.Directory()); err != nil {
			return err
		}
		var about []rbac.Attribute
		if gone != nil {
			about = rbac.AssignmentAttributes(rbac.Resource, gone)
		}
		if err := c.mayChange(d.Directory(), about); err != nil || gone == nil {
			return err
		}
		return d.DeleteRoleAssignment(id, isGlobalAdministrator(d.Directory(), c.caller.id))
	})
	if err != nil {
		return err
	}
	if gone == nil {
		return c.empty(http.StatusNoContent)
	}
	return c.json(http.StatusOK, roleAssignmentOut(gone))
}

// mayChange decides whether the caller may change the assignment that the attributes tell of.
func (c *call) mayChange(dir *state.Directory, about []rbac.Attribute) error {
	d := decide(dir, c.caller, c.needs, c.id, about)
	if d.Allowed() {
		return checkLocks(dir, c.needs, c.id)
	}
	serve.Note(c.r, "permission", "%s", dir.Explain(d))
	return forbidden(dir, c.caller, c.needs, c.id, d)
}
