package server

import (
	"context"
	"net"
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

// newFront builds the APIs and says under which names and paths each is served: by path on this machine's own names,
// by name under the domain.
func (s *Server) newFront() *serve.Front {
	deps := serve.Deps{Now: s.config.Now, Random: s.config.Random, Log: s.log, Refused: s.traces.waiting.Add,
		Limiter: serve.NewLimiter(maxRequests, maxRequestsFrom)}
	tokens := (&oauth.Handler{
		Now:    s.config.Now,
		Tenant: s.tenantNamed,
		Home:   func() (directory.Tenant, error) { return s.tenantNamed(s.home.tenant.String()) },
		Keys:   s.keys.Ring,
		Serves: func(host string) bool { return s.front.Serves(host) },
	}).API().Handler(deps)
	directories := (&graph.Handler{Live: s.live, Now: s.config.Now, Verifier: s.verifier, Keys: s.keys.Ring}).API().Handler(deps)
	resources := arm.New(arm.Config{
		Live:   s.live,
		Now:    s.config.Now,
		Verify: s.verifier.Verify,
		Keys:   s.keys.current,
		Login:  s.loginOrigin(),
		Domain: s.config.Domain,
		Apply:  s.apply,
		Trace:  s.traces.find,
	}).Handler(deps)

	sites := []serve.Site{{
		Hosts: append([]string{"localhost", "127.0.0.1", "::1"}, listenHost(s.config.Listen)...),
		Mounts: []serve.Mount{
			{Segments: []string{"v1.0", "beta"}, Handler: directories},
			{Segments: []string{"subscriptions", "providers", "tenants", "metadata"}, Handler: resources},
			{Handler: tokens},
		},
	}}
	if d := s.config.Domain; d != "" {
		sites = append(sites,
			serve.Site{Hosts: []string{"login." + d}, Mounts: []serve.Mount{{Handler: tokens}}},
			serve.Site{Hosts: []string{"graph." + d}, Mounts: []serve.Mount{{Handler: directories}}},
			serve.Site{Hosts: []string{"management." + d}, Mounts: []serve.Mount{{Handler: resources}}})
	}
	return serve.NewFront(deps, sites...)
}

// loginOrigin is where people sign in, for challenges; "" is the origin of the request.
func (s *Server) loginOrigin() string {
	if s.config.Domain == "" {
		return ""
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
