package arm

import (
	"net/http"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
)

// action is what the caller must be permitted to do on the id in the path, in the words of Azure's role definitions.
// {type} in it stands for the type in the path.
type action string

// call is one request whose caller is known and permitted to make it.
type call struct {
	*api
	w      http.ResponseWriter
	r      *http.Request
	dir    *state.Directory // the caller's tenant, as it was when the request came
	caller caller
	needs  action
	id     resource.ID // what the path names: a subscription, a group, a resource, or "" for the tenant
}

// routes is all there is. Each line says what it takes to be let in; a line without it does not compile.
func (a *api) routes() []serve.Route {
	const (
		sub      = "/subscriptions/{subscription}"
		group    = sub + "/resourceGroups/{group}"
		identity = "/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
		bindings = "{scope...}/providers/Inborn.Platform/bindings"
	)
	return append([]serve.Route{
		a.filtered("GET", "/subscriptions", "Microsoft.Resources/subscriptions/read", (*call).listSubscriptions),
		a.route("GET", sub, "Microsoft.Resources/subscriptions/read", (*call).getSubscription),
		a.route("GET", sub+"/resources", "Microsoft.Resources/subscriptions/resources/read", (*call).listResources),

		a.route("HEAD", group, "Microsoft.Resources/subscriptions/resourceGroups/read", (*call).headGroup),
		a.route("GET", group, "Microsoft.Resources/subscriptions/resourceGroups/read", (*call).getGroup),
		a.route("PUT", group, "Microsoft.Resources/subscriptions/resourceGroups/write", (*call).putGroup),
		a.route("GET", group+"/resources", "Microsoft.Resources/subscriptions/resourceGroups/resources/read", (*call).listResources),

		a.route("GET", sub+identity, resource.TypeIdentity+"/read", (*call).listIdentities),
		a.route("GET", group+identity, resource.TypeIdentity+"/read", (*call).listIdentities),
		a.route("GET", group+identity+"/{name}", resource.TypeIdentity+"/read", (*call).getIdentity),
		a.route("PUT", group+identity+"/{name}", resource.TypeIdentity+"/write", (*call).putIdentity),
		a.route("PATCH", group+identity+"/{name}", resource.TypeIdentity+"/write", (*call).patchIdentity),
		a.route("DELETE", group+identity+"/{name}", resource.TypeIdentity+"/delete", (*call).deleteIdentity),

		a.route("GET", bindings, "Inborn.Platform/bindings/read", (*call).listBindings),
		a.route("GET", bindings+"/{binding}", "Inborn.Platform/bindings/read", (*call).getBinding),
		a.route("PUT", bindings+"/{binding}", bindingsWrite, (*call).putBinding),
		a.route("DELETE", bindings+"/{binding}", "Inborn.Platform/bindings/delete", (*call).deleteBinding),

		a.route("POST", "/providers/Inborn.Platform/apply", "Inborn.Platform/apply/action", (*call).apply),
		a.route("GET", "/providers/Inborn.Platform/traces/{request}", "Inborn.Platform/traces/read", (*call).getTrace),
	}, a.generic()...)
}

// generic returns the routes of resources that have no file of their own: three levels of types, the deepest that
// clients use for what this API keeps.
func (a *api) generic() []serve.Route {
	pattern := "{scope...}/providers/{namespace}"
	var all []serve.Route
	for _, level := range []string{"/{type}/{name}", "/{type2}/{name2}", "/{type3}/{name3}"} {
		pattern += level
		all = append(all,
			a.route("GET", pattern, "{type}/read", (*call).getResource),
			a.route("PUT", pattern, "{type}/write", (*call).putResource),
			a.route("PATCH", pattern, "{type}/write", (*call).patchResource),
			a.route("DELETE", pattern, "{type}/delete", (*call).deleteResource))
	}
	return all
}

// route lets callers in who are permitted to do what needs says on the id in the path.
func (a *api) route(method, pattern string, needs action, do func(*call) error) serve.Route {
	return a.filtered(method, pattern, needs, func(c *call) error {
		if err := authorize(c.dir, c.caller, c.needs, c.id); err != nil {
			serve.Note(c.r, "permission", "%s on %s: not held; until role assignments exist, Resource Manager obeys the tenant's local administrator only", c.needs, scope(c.id))
			return err
		}
		return do(c)
	})
}

// filtered lets every caller in; do shows each only what authorize permits.
func (a *api) filtered(method, pattern string, needs action, do func(*call) error) serve.Route {
	return serve.Route{Method: method, Pattern: pattern, Handle: func(w http.ResponseWriter, r *http.Request) error {
		dir, who, err := a.authenticate(w, r)
		if err != nil {
			return err
		}
		if err := checkVersion(r, needs); err != nil {
			return err
		}
		id, err := place(r)
		if err != nil {
			return err
		}
		needs := action(strings.ReplaceAll(string(needs), "{type}", id.Type()))
		return do(&call{api: a, w: w, r: r, dir: dir, caller: who, needs: needs, id: id})
	}}
}

// place returns the id that the path names.
func place(r *http.Request) (resource.ID, error) {
	path := serve.Param(r, "scope")
	if path == "" {
		for _, level := range [][2]string{{"/subscriptions/", "subscription"}, {"/resourceGroups/", "group"},
			{"/providers/" + resource.TypeIdentity + "/", "name"}} {
			value := serve.Param(r, level[1])
			if value == "" {
				break
			}
			path += level[0] + value
			if err := oneSegment(value); err != nil {
				return "", err
			}
		}
		if path == "" {
			return "", nil
		}
	}
	var id resource.ID
	if path != "/" {
		var err error
		if id, err = resource.ParseID(path); err != nil {
			return "", err
		}
	}
	if serve.Param(r, "namespace") == "" {
		return id, nil
	}
	return genericPlace(r, id)
}

// genericPlace returns the id of a resource in a group, unless its type is none that is kept in the generic form.
func genericPlace(r *http.Request, group resource.ID) (resource.ID, error) {
	kind, below := serve.Param(r, "namespace"), ""
	for _, n := range []string{"", "2", "3"} {
		t, name := serve.Param(r, "type"+n), serve.Param(r, "name"+n)
		if t == "" {
			break
		}
		if err := oneSegment(name); err != nil {
			return "", err
		}
		kind, below = kind+"/"+t, below+"/"+t+"/"+name
	}
	if group.Group() == "" || group.Type() != "" || !isGeneric(kind) {
		return "", apierr.New(apierr.PathUnknown, "The resource type could not be found in the namespace '%s' for api version '%s'.",
			serve.Param(r, "namespace"), query(r, "api-version")).At(kind)
	}
	path := string(resource.GroupID(group.Subscription(), group.Group())) + "/providers/" + serve.Param(r, "namespace") + below
	return resource.ParseID(path)
}

// isGeneric says whether resources of that type are just kept. Namespaces with a meaning of their own are not: a role
// assignment, say, that was stored and granted nothing would be worse than a refusal.
func isGeneric(kind string) bool {
	namespace, _, _ := strings.Cut(kind, "/")
	for _, special := range []string{"Microsoft.Authorization", "Microsoft.ManagedIdentity", "Microsoft.Management",
		"Microsoft.Resources", "Microsoft.Subscription", "Inborn.Platform"} {
		if strings.EqualFold(namespace, special) {
			return false
		}
	}
	return strings.Contains(namespace, ".") && !strings.ContainsFunc(kind, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '/' || c == '-' || c == '_')
	})
}

// oneSegment refuses a name that would read as several segments of an id: it came as %2F.
func oneSegment(name string) error {
	if strings.Contains(name, "/") {
		return apierr.New(apierr.ResourceIDInvalid, "The name %q is not valid: it holds a slash.", name).At(name)
	}
	return nil
}

// update decides a change on the newest state and commits it. The caller's right is checked there again: it may have
// been revoked since the request came. decide may run more than once.
func (c *call) update(decide func(d *state.Draft) error) error {
	tenant := c.dir.Tenant().ID
	_, err := c.Live.Update(c.r.Context(), c.actor(), func(v *state.View, env *state.Env) (state.Batch, error) {
		dir, ok := v.Directory(tenant)
		if !ok {
			return state.Batch{}, apierr.New(apierr.CallerUnknown, "The tenant %s does not exist any more.", tenant)
		}
		if err := authorize(dir, c.caller, c.needs, c.id); err != nil {
			return state.Batch{}, err
		}
		d := state.NewDraft(v, env, tenant)
		err := decide(d)
		return d.Batch(), err
	})
	return err
}

func (c *call) actor() state.Actor {
	return state.Actor{ID: c.caller.id, Name: c.caller.name, RequestID: serve.RequestID(c.r).String()}
}

// empty answers with a status and no body.
func (c *call) empty(status int) error {
	c.w.WriteHeader(status)
	return nil
}

// json answers with a body.
func (c *call) json(status int, v any) error { return serve.WriteJSON(c.w, status, v) }
