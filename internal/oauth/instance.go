package oauth

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
)

// instance tells a client whether the host of its authority is one of ours. Clients ask login.microsoftonline.com,
// whatever their authority, so the answer is made from the authority they name and not from the Host they reached:
// otherwise all their requests would go to that host from then on.
func (h *Handler) instance(w http.ResponseWriter, r *http.Request) error {
	allowPages(w)
	query := r.URL.Query()
	version := query.Get("api-version")
	switch version {
	case "":
		version = "1.1"
	case "1.0", "1.1":
	default:
		return apierr.New(apierr.APIVersionInvalid, "The api-version '%s' is not valid; use 1.0 or 1.1.", shown(version)).At("api-version")
	}
	named := query.Get("authorization_endpoint")
	if named == "" {
		return apierr.New(apierr.ParameterMissing, "The request must contain the following parameter: 'authorization_endpoint'.").At("authorization_endpoint")
	}
	u, err := url.Parse(named)
	if err != nil || u.Scheme != "https" || !isPublicInstance(u.Hostname()) && !h.Serves(strings.ToLower(u.Hostname())) {
		return apierr.New(apierr.InstanceUnknown, "Unknown or invalid instance. The authorization endpoint '%s' is not one of this server.", shown(named)).
			At("authorization_endpoint")
	}
	tenant, rest, _ := strings.Cut(strings.TrimLeft(u.Path, "/"), "/")
	if tenant == "" {
		return apierr.New(apierr.ParameterInvalid, "The authorization endpoint '%s' names no tenant.", shown(named)).At("authorization_endpoint")
	}
	document := "/.well-known/openid-configuration"
	if strings.Contains(strings.ToLower(rest), "v2.0/") {
		document = "/v2.0" + document
	}
	return writeDocument(w, instances{
		Document: "https://" + u.Host + "/" + url.PathEscape(tenant) + document,
		Version:  version,
		Metadata: []instanceMetadata{aliasesOf(u)},
	})
}

// aliasesOf returns the names under which a client may keep what it gets from a host. The worldwide cloud has four, of
// which the clients know two by heart; a host of ours stands for itself, with the port if the authority has one.
func aliasesOf(u *url.URL) instanceMetadata {
	switch strings.ToLower(u.Host) {
	case "login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net":
		return instanceMetadata{
			Network: "login.microsoftonline.com",
			Cache:   "login.windows.net",
			Aliases: []string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"},
		}
	}
	m := instanceMetadata{Network: u.Host, Cache: u.Host, Aliases: []string{u.Host}}
	if u.Port() != "" {
		m.Aliases = append(m.Aliases, u.Hostname())
	}
	return m
}

// isPublicInstance reports whether host is one of the login hosts of the public and the national clouds that the MSAL
// libraries are shipped with. Whoever reaches us under such a name means us: the name leads here only inside a sandbox.
func isPublicInstance(host string) bool {
	switch strings.ToLower(host) {
	case "login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net",
		"login.partner.microsoftonline.cn", "login.chinacloudapi.cn", "login.microsoftonline.de",
		"login.microsoftonline.us", "login.usgovcloudapi.net", "login-us.microsoftonline.com",
		"login.sovcloud-identity.fr", "login.sovcloud-identity.de", "login.sovcloud-identity.sg":
		return true
	}
	return false
}
