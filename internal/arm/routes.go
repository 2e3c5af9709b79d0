package arm

import (
	"net/http"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
)

// action is what the caller must be permitted to do on the id in the path, in the words of Azure's role definitions.
// {type} and {provider} in it stand for the type and the resource provider in the path.
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

	deciding *state.View // within update: what is decided on
	broken   error       // why a list ended before its end

	word string // the provisioning state of what is being made, if it takes a while

	sitesOn map[resource.Key]int // by plan, once counted
}

// routes is all there is. Each line says what it takes to be let in; a line without it does not compile.
func (a *api) routes() []serve.Route {
	const (
		sub      = "/subscriptions/{subscription}"
		group    = sub + "/resourceGroups/{group}"
		identity = "/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
		bindings = "{scope...}/providers/Inborn.Platform/bindings"
		tags     = "{scope...}/providers/" + typeTags + "/default"
		anything = group + "/providers/{namespace}/{type}/{name}"
	)
	others := slices.Concat(a.generic(anything), a.generic(anything+"/{type2}/{name2}"), a.webRoutes(), a.typeRoutes(), a.roleRoutes(),
		a.authorizationRoutes(), a.lockRoutes(), a.managementRoutes(), a.credentialRoutes(), a.deletedRoutes())
	return slices.Concat(others, []serve.Route{
		a.anyone("GET", "/metadata/endpoints", a.getEndpoints),
		a.filtered("GET", "/tenants", "Microsoft.Resources/tenants/read", (*call).listTenants),

		a.filtered("GET", "/subscriptions", "Microsoft.Resources/subscriptions/read", (*call).listSubscriptions),
		a.route("GET", sub, "Microsoft.Resources/subscriptions/read", (*call).getSubscription),
		a.route("GET", sub+"/locations", "Microsoft.Resources/subscriptions/locations/read", (*call).listLocations),
		a.route("GET", sub+"/providers", "Microsoft.Resources/subscriptions/providers/read", (*call).listProviders),
		a.route("GET", sub+"/providers/{provider}", "Microsoft.Resources/subscriptions/providers/read", (*call).getProvider),
		a.route("POST", sub+"/providers/{provider}/register", "{provider}/register/action", (*call).registerProvider),
		a.route("POST", sub+"/providers/{provider}/unregister", "{provider}/unregister/action", (*call).unregisterProvider),
		a.filtered("GET", "/providers", "Microsoft.Resources/providers/read", (*call).listProviders),
		a.filtered("GET", "/providers/{provider}", "Microsoft.Resources/providers/read", (*call).getProvider),
		a.filtered("GET", "/providers/{provider}/operations", "{provider}/operations/read", (*call).listOperations),
		a.filtered("GET", "/providers/Microsoft.Authorization/providerOperations", "Microsoft.Authorization/providerOperations/read",
			(*call).listProviderOperations),
		a.filtered("GET", "/providers/Microsoft.Authorization/providerOperations/{provider}", "Microsoft.Authorization/providerOperations/read",
			(*call).getProviderOperations),
		a.route("GET", sub+"/resources", "Microsoft.Resources/subscriptions/resources/read", (*call).listResources),

		a.route("GET", sub+"/resourceGroups", "Microsoft.Resources/subscriptions/resourceGroups/read", (*call).listGroups),
		a.route("HEAD", group, "Microsoft.Resources/subscriptions/resourceGroups/read", (*call).headGroup),
		a.route("GET", group, "Microsoft.Resources/subscriptions/resourceGroups/read", (*call).getGroup),
		a.route("PUT", group, "Microsoft.Resources/subscriptions/resourceGroups/write", (*call).putGroup),
		a.route("PATCH", group, "Microsoft.Resources/subscriptions/resourceGroups/write", (*call).patchGroup),
		a.route("DELETE", group, "Microsoft.Resources/subscriptions/resourceGroups/delete", (*call).deleteGroup),
		a.filtered("GET", sub+"/operationresults/{operation}", "Microsoft.Resources/subscriptions/operationresults/read", (*call).getOperationResult),
		a.filtered("GET", sub+"/operations/{operation}", "Microsoft.Resources/subscriptions/operationresults/read", (*call).getOperation),
		a.route("GET", sub+"/tagNames", "Microsoft.Resources/subscriptions/tagNames/read", (*call).listTagNames),
		a.route("GET", tags, "Microsoft.Resources/tags/read", (*call).getTags),
		a.route("PUT", tags, "Microsoft.Resources/tags/write", (*call).putTags),
		a.route("PATCH", tags, "Microsoft.Resources/tags/write", (*call).patchTags),
		a.route("DELETE", tags, "Microsoft.Resources/tags/delete", (*call).deleteTags),
		a.route("GET", group+"/resources", "Microsoft.Resources/subscriptions/resourceGroups/resources/read", (*call).listResources),

		a.route("GET", sub+identity, resource.TypeIdentity+"/read", (*call).listIdentities),
		a.route("GET", group+identity, resource.TypeIdentity+"/read", (*call).listIdentities),
		a.route("GET", group+identity+"/{name}", resource.TypeIdentity+"/read", (*call).getIdentity),
		a.route("PUT", group+identity+"/{name}", resource.TypeIdentity+"/write", (*call).putIdentity),
		a.route("PATCH", group+identity+"/{name}", resource.TypeIdentity+"/write", (*call).patchIdentity),
		a.route("DELETE", group+identity+"/{name}", resource.TypeIdentity+"/delete", (*call).deleteIdentity),
		a.route("POST", group+identity+"/{name}/listAssociatedResources", resource.TypeIdentity+"/listAssociatedResources/action",
			(*call).listAssociatedResources),
		a.route("GET", "{scope...}/providers/"+typeSystemIdentity+"/default", typeSystemIdentity+"/read", (*call).getSystemIdentity),

		a.route("GET", bindings, "Inborn.Platform/bindings/read", (*call).listBindings),
		a.route("GET", bindings+"/{binding}", "Inborn.Platform/bindings/read", (*call).getBinding),
		a.route("PUT", bindings+"/{binding}", bindingsWrite, (*call).putBinding),
		a.route("DELETE", bindings+"/{binding}", "Inborn.Platform/bindings/delete", (*call).deleteBinding),

		a.route("POST", "{scope...}/providers/Inborn.Platform/environment", "Inborn.Platform/environment/action", (*call).getEnvironment),
		a.route("GET", "{scope...}/providers/Inborn.Platform/accesses", "Inborn.Platform/accesses/read", (*call).listAccesses),
		a.route("POST", "/providers/Inborn.Platform/apply", "Inborn.Platform/apply/action", (*call).apply),
		a.route("GET", "/providers/Inborn.Platform/traces", "Inborn.Platform/traces/read", (*call).listTraces),
		a.route("GET", "/providers/Inborn.Platform/traces/{request}", "Inborn.Platform/traces/read", (*call).getTrace),
	})
}

// generic returns the routes of resources that have no file of their own, and of those nested in them.
func (a *api) generic(pattern string) []serve.Route {
	return []serve.Route{
		a.route("GET", pattern, "{type}/read", (*call).getResource),
		a.route("PUT", pattern, "{type}/write", (*call).putResource),
		a.route("PATCH", pattern, "{type}/write", (*call).patchResource),
		a.route("DELETE", pattern, "{type}/delete", (*call).deleteResource),
	}
}

// route lets callers in who are permitted to do what needs says on the id in the path.
func (a *api) route(method, pattern string, needs action, do func(*call) error) serve.Route {
	return a.filtered(method, pattern, needs, func(c *call) error {
		if err := authorize(c.dir, c.caller, c.needs, c.id); err != nil {
			serve.Note(c.r, "permission", "%s", c.dir.Explain(decide(c.dir, c.caller, c.needs, c.id, nil)))
			return err
		}
		if method != http.MethodGet && method != http.MethodHead {
			if err := checkLocks(c.dir, c.needs, c.id); err != nil {
				return err
			}
		}
		return do(c)
	})
}

// anyone lets requests in without a token.
func (a *api) anyone(method, pattern string, do serve.HandlerFunc) serve.Route {
	return serve.Route{Method: method, Pattern: pattern, Handle: do}
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
		id = a.canonical(id)
		needs := needed(r, needs, id)
		if err := checkTypeVersion(r, needs); err != nil {
			return err
		}
		return do(&call{api: a, w: w, r: r, dir: dir, caller: who, needs: needs, id: id})
	}}
}

// needed puts what the path says into the words that stand for it.
func needed(r *http.Request, needs action, id resource.ID) action {
	if !strings.Contains(string(needs), "{") {
		return needs
	}
	return action(strings.NewReplacer("{type}", id.Type(), "{provider}", serve.Param(r, "provider"), "{namespace}", serve.Param(r, "listed"),
		"{kind}", serve.Param(r, "kind")).Replace(string(needs)))
}

// place returns the id that the path names.
func place(r *http.Request) (resource.ID, error) {
	if scope := serve.Param(r, "scope"); scope == "/" {
		return "", nil
	} else if scope != "" {
		return resource.ParseID(scope)
	}
	if name := serve.Param(r, "managementGroup"); name != "" {
		return managementGroupPlace(name)
	}
	var path string
	for _, level := range placeLevels(serve.Param(r, "namespace")) {
		value := serve.Param(r, level.param)
		if value == "" {
			break
		}
		if strings.Contains(value, "/") { // it came as %2F and would read as several segments
			return "", apierr.New(apierr.ResourceIDInvalid, "The name %q is not valid: it holds a slash.", value).At(value)
		}
		path += level.before + value
	}
	if path == "" {
		return "", nil
	}
	id, err := resource.ParseID(path)
	if err == nil && serve.Param(r, "namespace") != "" && !resource.IsPlain(id.Type()) {
		return "", apierr.New(apierr.PathUnknown, "The resource type could not be found in the namespace '%s' for api version '%s'.",
			serve.Param(r, "namespace"), query(r, "api-version")).At(id.Type())
	}
	return id, err
}

type placeLevel struct{ before, param string }

// placeLevels are the parameters that make up an id, and what stands before each. Without a namespace, the name is that
// of a user-assigned identity.
func placeLevels(namespace string) []placeLevel {
	levels := []placeLevel{{"/subscriptions/", "subscription"}, {"/resourceGroups/", "group"}}
	if namespace == "" {
		return append(levels, placeLevel{"/providers/" + resource.TypeIdentity + "/", "name"})
	}
	return append(levels, placeLevel{"/providers/", "namespace"}, placeLevel{"/", "type"}, placeLevel{"/", "name"},
		placeLevel{"/", "type2"}, placeLevel{"/", "name2"})
}

// update decides a change on the newest state and commits it. The caller's right is checked there again: it may have
// been revoked since the request came. decide may run more than once.
func (c *call) update(decide func(d *state.Draft) error) error {
	return c.change(func(d *state.Draft) error {
		if err := authorize(d.Directory(), c.caller, c.needs, c.id); err != nil {
			return err
		}
		if err := checkLocks(d.Directory(), c.needs, c.id); err != nil {
			return err
		}
		if err := checkRegistered(d.Directory(), c.needs, c.id); err != nil {
			return err
		}
		return decide(d)
	})
}

// change is update for changes that decide themselves whether the caller may make them.
func (c *call) change(decide func(d *state.Draft) error) error {
	tenant := c.dir.Tenant().ID
	_, err := c.Live.Update(c.r.Context(), c.actor(), func(v *state.View, env *state.Env) (state.Batch, error) {
		if _, ok := v.Directory(tenant); !ok {
			return state.Batch{}, apierr.New(apierr.CallerUnknown, "The tenant %s does not exist any more.", tenant)
		}
		c.deciding = v
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
