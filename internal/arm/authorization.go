package arm

import (
	"net/http"
	"slices"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
)

// maxQuestions bounds what one checkAccess asks.
const maxQuestions = 100

func (a *api) authorizationRoutes() []serve.Route {
	return []serve.Route{
		a.filtered("POST", "{scope...}/providers/Microsoft.Authorization/checkAccess", "Microsoft.Authorization/checkAccess/action", (*call).checkAccess),
		a.filtered("POST", "/providers/Microsoft.Authorization/elevateAccess", "Microsoft.Authorization/elevateAccess/action", (*call).elevateAccess),
	}
}

// checkAccess decides for a data plane, or for anyone who wants to know, whether a principal may do something at the scope
// in the path or below it. Everyone may ask that of himself; of others, whoever may read the role assignments at that
// scope. The groups of the principal are those that it is in now, whatever the body says of them.
func (c *call) checkAccess() error {
	var in checkAccessIn
	if err := serve.ReadJSON(c.r, maxBody, &in); err != nil {
		return err
	}
	principal, err := guid.Parse(in.Subject.Attributes.ObjectID)
	if err != nil {
		return apierr.New(apierr.PropertyInvalid, "The ObjectId of the subject must be the object id of a principal, and '%s' is none.", in.Subject.Attributes.ObjectID).
			At("Subject.Attributes.ObjectId")
	}
	if principal != c.caller.id {
		if err := authorize(c.dir, c.caller, typeRoleAssignment+"/read", c.id); err != nil {
			return err
		}
	}
	at, err := c.checkedScope(in.Resource.ID)
	if err != nil {
		return err
	}
	if len(in.Actions) == 0 || len(in.Actions) > maxQuestions {
		return apierr.New(apierr.PropertyInvalid, "The property Actions must be a list of 1 to %d actions.", maxQuestions).At("Actions")
	}
	out := pageWire{Value: []any{}}
	for _, a := range in.Actions {
		request := rbac.Request{Principal: principal, Scope: at, Attributes: slices.Concat(
			a.Attributes.from(rbac.RequestSource), in.Resource.Attributes.from(rbac.Resource), in.Environment.Attributes.from(rbac.Environment))}
		if request.Action, err = askedAction(a.ID, a.IsData); err != nil {
			return err
		}
		out.Value = append(out.Value, accessDecisionOut(rbac.Check(c.dir, request)))
	}
	return c.json(http.StatusOK, out)
}

// checkedScope reads the id of what a checkAccess asks about, which is the scope in the path or lies below it.
func (c *call) checkedScope(id string) (resource.ID, error) {
	if id == "" {
		return scopeOf(c.id), nil
	}
	at, err := rbac.ParseScope(id)
	if err != nil {
		return "", err
	}
	for _, above := range rbac.Lineage(c.dir, at) {
		if rbac.SameScope(above, scopeOf(c.id)) {
			return at, nil
		}
	}
	return "", apierr.New(apierr.ReferenceInvalid, "The resource '%s' does not lie at the scope '%s' or below it.", id, scope(c.id)).At("Resource.Id")
}

// isGlobalAdministrator reports whether a principal may take every right there is. Only the local administrator holds the
// directory role Global Administrator.
func isGlobalAdministrator(dir *state.Directory, principal guid.GUID) bool {
	return principal == dir.LocalAdministrator().ID
}

// elevateAccess makes a Global Administrator User Access Administrator at the tenant, so that he can give himself what he
// needs. No role gives the right to do that, not even Owner of everything.
func (c *call) elevateAccess() error {
	err := c.change(func(d *state.Draft) error {
		if !isGlobalAdministrator(d.Directory(), c.caller.id) {
			return forbidden(d.Directory(), c.caller, c.needs, c.id, rbac.Decision{})
		}
		_, err := d.PutRoleAssignment(rbac.RoleAssignment{Scope: rbac.Tenant, Role: rbac.UserAccessAdministrator, Principal: c.caller.id, UpdatedBy: c.caller.id})
		if apierr.Is(err, apierr.RoleAssignmentExists) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}
