package server

import (
	"net"
	"net/http"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/arm"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/graph"
	"github.com/inborn-id/inborn/internal/keyvault"
	"github.com/inborn-id/inborn/internal/oauth"
	"github.com/inborn-id/inborn/internal/serve"
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
type handlers struct{ tokens, directories, resources, vaults http.Handler }

func (s *Server) handlers(deps serve.Deps, login string) handlers {
	return handlers{
		tokens: (&oauth.Handler{
			Now:    s.config.Now,
			Tenant: s.tenantNamed,
			Home:   func() (directory.Tenant, error) { return s.tenantNamed(s.home.tenant.String()) },
			Keys:   s.keys.Ring,
			Serves: func(host string) bool { return s.front.Serves(host) || s.public.Serves(host) },
		}).API().Handler(deps),
		directories: (&graph.Handler{Live: s.live, Now: s.config.Now, Verifier: s.verifier, Keys: s.keys.Ring, Domain: s.config.Domain}).API().Handler(deps),
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
			Traces: s.traces.newest,

			Accessed: s.accesses.add,
			Accesses: s.accesses.find,

			SlowOperations: s.config.SlowOperations,

			Needed:  s.usage.needed,
			LastUse: s.usage.lastUse,
			NeedsOf: s.usage.needsOf,
		}).Handler(deps),
		vaults: s.vaults.SigningIn(login).Handler(deps),
	}
}

// newVaults is the data plane of vaults, one for all names under which it is served.
func (s *Server) newVaults() keyvault.API {
	return keyvault.New(keyvault.Config{
		Live:   s.live,
		Now:    s.config.Now,
		Random: s.config.Random,
		Log:    s.log,
		Verify: s.verifier.Verify,
		Keys:   s.keys.current,
		Seal:   s.keys.seal,
		Open:   s.keys.master.Decrypt,
		Cipher: s.keys.cipher,
		Signer: s.minter.signer,

		Authority: (&certificateAuthority{live: s.live, store: s.store, master: s.master, now: s.config.Now, random: s.config.Random,
			hosts: workloadHosts(s.config.Domain, s.config.WorkloadDomains)}).get,

		Domain:   s.config.Domain,
		Accessed: s.accesses.add,
		Needed:   s.usage.needed,
	})
}

// byPath serves all APIs under this machine's own names.
func (h handlers) byPath(more ...string) serve.Site {
	return serve.Site{
		Hosts: append([]string{"localhost", "127.0.0.1", "::1"}, more...),
		Mounts: []serve.Mount{
			{Segments: []string{"v1.0", "beta"}, Handler: h.directories},
			{Segments: []string{"subscriptions", "providers", "tenants", "metadata"}, Handler: h.resources},
			{Segments: []string{"vaults"}, Handler: h.vaults},
			{Handler: h.tokens},
		},
	}
}

// byName serves each API under its name in a domain; "" is none. Vaults have names everywhere, as their clients need one.
func (h handlers) byName(domain string) []serve.Site {
	vaults := serve.Site{Hosts: []string{"*.vault.localhost"}, Mounts: []serve.Mount{{Handler: h.vaults}}}
	if domain == "" {
		return []serve.Site{vaults}
	}
	vaults.Hosts = append(vaults.Hosts, "*.vault."+domain)
	return []serve.Site{
		vaults,
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
		case "*.vault.azure.net":
			site.Mounts = []serve.Mount{{Handler: h.vaults}}
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
