package arm

import (
	"net"
	"net/url"
	"strings"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

// hosts are the domains in which the host names of resources are shown, for the origin that the client came to. Vaults
// and accounts have the port of that origin, as their clients connect to it.
type hosts struct {
	sites, containers string
	vaults, storage   string
}

// hostsAt follows cloudAt; where the cloud has no names for something, they are made up below the host that was asked.
func (a *api) hostsAt(origin string) hosts {
	c := a.cloudAt(origin)
	if c.name == publicCloud {
		return hosts{sites: "azurewebsites.net", containers: "azurecontainerapps.io", vaults: c.vaults, storage: c.storage}
	}
	u, err := url.Parse(origin)
	if err != nil {
		u = &url.URL{Host: "localhost"}
	}
	domain, port := strings.TrimPrefix(u.Hostname(), "management."), ""
	if net.ParseIP(domain) != nil {
		domain = "localhost" // nothing can be below an address
	}
	if u.Port() != "" {
		port = ":" + u.Port()
	}
	h := hosts{sites: "web." + domain, containers: "apps." + domain, vaults: "vault." + domain + port, storage: domain + port}
	if c.vaults != "" {
		h.vaults, h.storage = c.vaults, c.storage
	}
	return h
}

// derivedID is an id that belongs to r for as long as it exists: one that is deleted and made again has another.
func derivedID(dir *state.Directory, r *resource.Resource, of string) string {
	return guid.Derive(dir.Tenant().ID, of+"\x00"+string(r.ID.Key())+"\x00"+r.Created.String()).String()
}

// verificationID is what proves the ownership of a domain to App Service and Container Apps: one for each tenant.
func verificationID(t *directory.Tenant) string {
	one, two := guid.Derive(t.ID, "domain verification 1"), guid.Derive(t.ID, "domain verification 2")
	return strings.ToUpper(strings.ReplaceAll(one.String()+two.String(), "-", ""))
}
