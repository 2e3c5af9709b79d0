package server

import (
	"context"
	"net"
	"net/http"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/arm"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/graph"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/manifest"
	"github.com/inborn-id/inborn/internal/oauth"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
)

// newFronts builds the APIs and says under which names and paths each is served: by path on this machine's own names,
// by name under the domain; and, where only a launch comes, under the public names.
func (s *Server) newFronts() (front, public *serve.Front) {
	deps := serve.Deps{Now: s.config.Now, Random: s.config.Random, Log: s.log, Refused: s.traces.waiting.Add,
		Limiter: serve.NewLimiter(maxRequests, maxRequestsFrom)}
	inside := deps
	for _, name := range append([]string{"localhost", "127.0.0.1", "[::1]"}, s.config.PublicNames...) {
		inside.Origins = append(inside.Origins, "https://"+name)
	}
	inside.Limiter = serve.NewLimiter(maxRequests, maxRequests)
	outer, inner := s.handlers(deps, s.loginOrigin()), s.handlers(inside, "https://login.microsoftonline.com")
	return serve.NewFront(deps, append(outer.byName(s.config.Domain), outer.byPath(listenHost(s.config.Listen)...))...),
		serve.NewFront(inside, append(inner.byPublicName(s.config.PublicNames), inner.byPath())...)
}

// handlers are the wire APIs.
type handlers struct{ tokens, directories, resources http.Handler }

func (s *Server) handlers(deps serve.Deps, login string) handlers {
	return handlers{
		tokens: (&oauth.Handler{
			Now:    s.config.Now,
			Tenant: s.tenantNamed,
			Home:   func() (directory.Tenant, error) { return s.tenantNamed(s.home.tenant.String()) },
			Keys:   s.keys.Ring,
			Serves: func(host string) bool { return s.front.Serves(host) || s.public.Serves(host) },
		}).API().Handler(deps),
		directories: (&graph.Handler{Live: s.live, Now: s.config.Now, Verifier: s.verifier, Keys: s.keys.Ring}).API().Handler(deps),
		resources: arm.New(arm.Config{
			Live:   s.live,
			Now:    s.config.Now,
			Random: s.config.Random,
			Seal:   s.keys.seal,
			Open:   s.keys.master.Decrypt,
			Cipher: s.keys.cipher,
			Verify: s.verifier.Verify,
			Keys:   s.keys.current,
			Login:  login,
			Domain: s.config.Domain,
			Apply:  s.apply,
			Trace:  s.traces.find,
		}).Handler(deps),
	}
}

// byPath serves all APIs under this machine's own names.
func (h handlers) byPath(more ...string) serve.Site {
	return serve.Site{
		Hosts: append([]string{"localhost", "127.0.0.1", "::1"}, more...),
		Mounts: []serve.Mount{
			{Segments: []string{"v1.0", "beta"}, Handler: h.directories},
			{Segments: []string{"subscriptions", "providers", "tenants", "metadata"}, Handler: h.resources},
			{Handler: h.tokens},
		},
	}
}

// byName serves each API under its name in a domain; "" is none.
func (h handlers) byName(domain string) []serve.Site {
	if domain == "" {
		return nil
	}
	return []serve.Site{
		{Hosts: []string{"login." + domain}, Mounts: []serve.Mount{{Handler: h.tokens}}},
		{Hosts: []string{"graph." + domain}, Mounts: []serve.Mount{{Handler: h.directories}}},
		{Hosts: []string{"management." + domain}, Mounts: []serve.Mount{{Handler: h.resources}}},
	}
}

// byPublicName serves each API under those of its public names that are wanted. The other names that are wanted are
// answered, too, so that a request for one is told that it went to Inborn and not to the cloud.
func (h handlers) byPublicName(wanted []string) []serve.Site {
	var sites []serve.Site
	for _, name := range wanted {
		site := serve.Site{Hosts: []string{name}}
		switch name {
		case "graph.microsoft.com":
			site.Mounts = []serve.Mount{{Handler: h.directories}}
		case "management.azure.com", "management.core.windows.net":
			site.Mounts = []serve.Mount{{Handler: h.resources}}
		case "login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net":
			site.Mounts = []serve.Mount{{Handler: h.tokens}}
		}
		sites = append(sites, site)
	}
	return sites
}

// loginOrigin is where people sign in, for challenges; "" is the origin of the request.
func (s *Server) loginOrigin() string {
	if s.config.Domain == "" {
		return ""
	}
	if _, port, err := net.SplitHostPort(s.config.Listen); err == nil && port != "443" {
		return "https://login." + s.config.Domain + ":" + port
	}
	return "https://login." + s.config.Domain
}

// listenHost is the host of a listen address, if it is one that a client could name.
func listenHost(address string) []string {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return nil
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		return nil
	}
	return []string{host}
}

// naming says for which names certificates are made.
func (s *Server) naming() serve.Naming {
	names := serve.Naming{Listed: s.front.Serves}
	if s.config.Domain != "" {
		names.Domains = []string{s.config.Domain}
	}
	return names
}

// tenantNamed returns the tenant with that id or domain.
func (s *Server) tenantNamed(name string) (directory.Tenant, error) {
	for _, dir := range s.live.View().Directories() {
		if t := dir.Tenant(); strings.EqualFold(t.ID.String(), name) || strings.EqualFold(t.Name, name) {
			return *t, nil
		}
	}
	return directory.Tenant{}, apierr.New(apierr.TenantUnknown, "Tenant '%s' not found.", name).At(name)
}

// apply brings a tenant to what a manifest declares, in one change, or plans it without.
func (s *Server) apply(ctx context.Context, actor state.Actor, tenant guid.GUID, text []byte, dryRun, prune bool) ([]arm.Change, error) {
	m, err := manifest.Parse(text)
	if err != nil {
		return nil, err
	}
	var plan []manifest.Change
	_, err = s.live.Update(ctx, actor, func(v *state.View, env *state.Env) (state.Batch, error) {
		draft := state.NewDraft(v, env, tenant)
		if plan, err = manifest.Plan(draft, m, prune); err != nil || dryRun {
			return state.Batch{}, err
		}
		return draft.Batch(), nil
	})
	changes := make([]arm.Change, len(plan))
	for i, c := range plan {
		changes[i] = arm.Change{Action: string(c.Action), Kind: c.Kind, Name: c.Name, Detail: c.Detail}
	}
	return changes, err
}
