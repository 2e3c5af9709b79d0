package oauth

import (
	"net/http"

	"github.com/inborn-id/inborn/internal/serve"
)

// The documents do not change while a server runs; a day is what Entra allows.
const cacheDay = "max-age=86400, private"

// discoveryV2 answers with the document of the v2.0 endpoints. Its issuer is the tenant's own, whatever host the client
// came to: with the public pair, every MSAL accepts it under any host.
func (h *Handler) discoveryV2(w http.ResponseWriter, r *http.Request) error {
	allowPages(w)
	a, err := h.authority(r)
	if err != nil {
		return err
	}
	if a.name == alias {
		return h.discoveryAlias(w, r)
	}
	base := serve.Origin(r) + "/" + a.name
	doc := newConfiguration(base, a.IssuerV2, "/oauth2/v2.0")
	doc.JWKS = base + "/discovery/v2.0/keys"
	return writeDocument(w, doc)
}

// discoveryV1 answers with the document of the v1.0 endpoints, whose issuer ends in a slash.
func (h *Handler) discoveryV1(w http.ResponseWriter, r *http.Request) error {
	allowPages(w)
	a, err := h.authority(r)
	if err != nil {
		return err
	}
	base := serve.Origin(r) + "/" + a.name
	doc := newConfiguration(base, a.IssuerV1, "/oauth2")
	doc.JWKS = base + "/discovery/keys"
	return writeDocument(w, doc)
}

// discoveryAlias answers with the document of the adfs alias. MSAL accepts the authority of that name if the issuer has
// its scheme, host and port, so here the issuer follows the request and is not the one in the tokens; and because it is
// not, the keys are those of the v1.0 endpoints, which name no issuer. Clients find the endpoints of both versions by
// this one document and send scopes, hence v2.0.
func (h *Handler) discoveryAlias(w http.ResponseWriter, r *http.Request) error {
	allowPages(w)
	if _, err := h.Home(); err != nil {
		return err
	}
	base := serve.Origin(r) + "/" + alias
	doc := newConfiguration(base, base, "/oauth2/v2.0")
	doc.JWKS = base + "/discovery/keys"
	return writeDocument(w, doc)
}

// newConfiguration returns what all documents have in common. The paths of the token and the device endpoint differ in
// one word only, because MSAL for Go makes the one from the other by replacing it.
func newConfiguration(base, issuer, endpoints string) configuration {
	return configuration{
		Token:             base + endpoints + "/token",
		ResponseModes:     []string{"query", "fragment", "form_post"},
		SubjectTypes:      []string{"pairwise"},
		SigningAlgorithms: []string{"RS256"},
		ResponseTypes:     []string{"code", "id_token", "code id_token", "id_token token"},
		Issuer:            issuer,
		UserInfo:          base + "/openid/userinfo",
		Authorization:     base + endpoints + "/authorize",
		Device:            base + endpoints + "/devicecode",
		RegionScope:       "WW",
	}
}

func writeDocument(w http.ResponseWriter, doc any) error {
	w.Header().Set("Cache-Control", cacheDay)
	return serve.WriteJSON(w, http.StatusOK, doc)
}

// allowPages lets the scripts of any web page read the answer, which is public and the same for everyone.
func allowPages(w http.ResponseWriter) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
}
