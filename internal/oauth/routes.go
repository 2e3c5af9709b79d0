// Package oauth is the token service as its clients see it: the discovery documents that every MSAL reads first, the
// keys that tokens are verified with, and the token endpoint. Paths and documents are those of the Microsoft identity
// platform, so that an unmodified client finds what it looks for under /{tenant}.
//
// A tenant is named by its id or its domain. Three names stand for "the tenant of whoever signs in": common,
// organizations and consumers. One more, adfs, is an alias of the server's own tenant: the MSAL libraries take an
// authority of that name on trust, whereas they ask login.microsoftonline.com about any other host they do not know.
package oauth

import (
	"context"
	"net/http"
	"time"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/token"
)

// Handler answers for the token service.
type Handler struct {
	Now func() time.Time

	// Tenant returns the tenant of that id or verified domain, in any case; the error is a TenantUnknown.
	Tenant func(name string) (directory.Tenant, error)

	// Home returns the tenant that adfs is an alias of and whose issuers are the pattern for all others.
	Home func() (directory.Tenant, error)

	// Keys returns the signing keys. It waits while the first is being made; the error is then a KeysNotReady.
	Keys func(context.Context) (token.KeyRing, error)

	// Serves reports whether this server answers under that host name, given in lower case and without port.
	Serves func(host string) bool
}

// API returns the routes of the token service.
func (h *Handler) API() serve.API {
	get, post := http.MethodGet, http.MethodPost
	return serve.API{
		Name:     "token service",
		IDHeader: "x-ms-request-id",
		Prepare:  echo,
		Spell:    h.spell,
		Routes: []serve.Route{
			{Method: get, Pattern: "/{tenant}/v2.0/.well-known/openid-configuration", Handle: h.discoveryV2},
			{Method: get, Pattern: "/{tenant}/.well-known/openid-configuration", Handle: h.discoveryV1},
			{Method: get, Pattern: "/adfs/adfs/.well-known/openid-configuration", Handle: h.discoveryAlias},
			{Method: get, Pattern: "/adfs/.well-known/openid-configuration", Handle: h.discoveryAlias},
			{Method: get, Pattern: "/{tenant}/discovery/v2.0/keys", Handle: h.keysV2},
			{Method: get, Pattern: "/{tenant}/discovery/keys", Handle: h.keysV1},
			{Method: get, Pattern: "/common/discovery/instance", Handle: h.instance},
			{Method: get, Pattern: "/common/userrealm/{user}", Handle: h.userRealm},
			{Method: post, Pattern: "/{tenant}/oauth2/v2.0/token", Handle: h.tokenV2},
			{Method: post, Pattern: "/{tenant}/oauth2/token", Handle: h.tokenV1},
		},
	}
}
