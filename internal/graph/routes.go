// Package graph is the directory as clients of Microsoft Graph see it: users, groups, applications, service principals
// and app role assignments, on /v1.0 and /beta.
//
// It reads in this order:
//
//   - routes.go is the table of everything there is. Every route names the permission it needs.
//   - call.go and permission.go decide who is asking and whether it may. The token only says who: what a program may do
//     is looked up in the newest View each time, so a grant or a revoke holds for tokens that exist already.
//   - kind.go, list.go and the options and filter files are OData: how any kind of object is selected, filtered, ordered
//     and paged. users.go, groups.go, applications.go, principals.go and assignments.go say what each kind looks like.
//   - grant.go holds the two changes, giving and taking away an app role.
//   - errors.go and wire.go spell refusals and bodies.
//
// Names, default property sets and error texts are those of the Microsoft Graph v1.0 reference; docs/protocols/graph.md
// lists where this package knowingly differs.
package graph

import (
	"context"
	"net/http"
	"time"

	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/token"
)

// Handler answers for Microsoft Graph. All fields but Domain are required.
type Handler struct {
	Live     *state.Live
	Now      func() time.Time
	Verifier *token.Verifier

	// Keys returns the keys that tokens are signed with. It may wait for the first; the error is then a KeysNotReady.
	Keys func(context.Context) (token.KeyRing, error)

	Domain string // Graph is graph.Domain, too; "" for none
}

// API returns the routes of Graph.
func (h *Handler) API() serve.API {
	return serve.API{
		Name:     "Microsoft Graph",
		IDHeader: "request-id",
		Prepare:  prepare,
		Spell:    h.spell,
		Routes:   h.routes(),
	}
}

// action answers one request whose caller is known and permitted.
type action func(*call) error

// route makes the entry of the table for one method and path below the version. There is no way to make one without
// saying what it needs.
func (h *Handler) route(method, path string, need permission, do action) serve.Route {
	if len(need) == 0 {
		panic("graph: " + path + " needs no permission") // like a malformed pattern: a mistake in the program
	}
	return serve.Route{
		Method:  method,
		Pattern: "/{version:v1.0|beta}" + path,
		Handle: func(w http.ResponseWriter, r *http.Request) error {
			c, err := h.begin(w, r, need)
			if err != nil {
				return err
			}
			return do(c)
		},
	}
}

func (h *Handler) routes() []serve.Route {
	const get, post, del = http.MethodGet, http.MethodPost, http.MethodDelete
	users, groups := userKind(), groupKind()
	apps, principals := applicationKind(), principalKind()
	of, to := assignmentKind(ofPrincipal), assignmentKind(toResource)
	return []serve.Route{
		h.route(get, "/users", readUsers(), list(users)),
		h.route(get, "/users/$count", readUsers(), count(users)),
		h.route(get, "/users/{id}", readUsers(), show(users)),

		h.route(get, "/groups", readGroups(), list(groups)),
		h.route(get, "/groups/$count", readGroups(), count(groups)),
		h.route(get, "/groups/{id}", readGroups(), show(groups)),

		h.route(get, "/applications", readApps(), list(apps)),
		h.route(get, "/applications/$count", readApps(), count(apps)),
		h.route(get, "/applications/{id}", readApps(), show(apps)),
		h.route(get, "/applications(appId={appId})", readApps(), show(apps)),

		h.route(get, "/servicePrincipals", readApps(), list(principals)),
		h.route(get, "/servicePrincipals/$count", readApps(), count(principals)),
		h.route(get, "/servicePrincipals/{id}", readApps(), show(principals)),
		h.route(get, "/servicePrincipals(appId={appId})", readApps(), show(principals)),

		h.route(get, "/servicePrincipals/{id}/appRoleAssignments", readApps(), list(of)),
		h.route(get, "/servicePrincipals/{id}/appRoleAssignments/$count", readApps(), count(of)),
		h.route(get, "/servicePrincipals/{id}/appRoleAssignments/{assignment}", readApps(), show(of)),
		h.route(post, "/servicePrincipals/{id}/appRoleAssignments", assignRoles(), grant(ofPrincipal)),
		h.route(del, "/servicePrincipals/{id}/appRoleAssignments/{assignment}", unassignRoles(), revoke(ofPrincipal)),
		h.route(get, "/servicePrincipals(appId={appId})/appRoleAssignments", readApps(), list(of)),
		h.route(get, "/servicePrincipals(appId={appId})/appRoleAssignments/$count", readApps(), count(of)),
		h.route(get, "/servicePrincipals(appId={appId})/appRoleAssignments/{assignment}", readApps(), show(of)),
		h.route(post, "/servicePrincipals(appId={appId})/appRoleAssignments", assignRoles(), grant(ofPrincipal)),
		h.route(del, "/servicePrincipals(appId={appId})/appRoleAssignments/{assignment}", unassignRoles(), revoke(ofPrincipal)),

		h.route(get, "/servicePrincipals/{id}/appRoleAssignedTo", readApps(), list(to)),
		h.route(get, "/servicePrincipals/{id}/appRoleAssignedTo/$count", readApps(), count(to)),
		h.route(get, "/servicePrincipals/{id}/appRoleAssignedTo/{assignment}", readApps(), show(to)),
		h.route(post, "/servicePrincipals/{id}/appRoleAssignedTo", assignRoles(), grant(toResource)),
		h.route(del, "/servicePrincipals/{id}/appRoleAssignedTo/{assignment}", unassignRoles(), revoke(toResource)),
		h.route(get, "/servicePrincipals(appId={appId})/appRoleAssignedTo", readApps(), list(to)),
		h.route(get, "/servicePrincipals(appId={appId})/appRoleAssignedTo/$count", readApps(), count(to)),
		h.route(get, "/servicePrincipals(appId={appId})/appRoleAssignedTo/{assignment}", readApps(), show(to)),
		h.route(post, "/servicePrincipals(appId={appId})/appRoleAssignedTo", assignRoles(), grant(toResource)),
		h.route(del, "/servicePrincipals(appId={appId})/appRoleAssignedTo/{assignment}", unassignRoles(), revoke(toResource)),
	}
}
