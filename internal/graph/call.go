package graph

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/token"
)

// contentType is what Graph answers with where metadata=minimal, its default, applies.
const contentType = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"

// call is one request with its caller, on the View that was the newest when it came.
type call struct {
	verdict
	h       *Handler
	w       http.ResponseWriter
	r       *http.Request
	claims  *token.Claims
	need    permission
	version string // "v1.0" or "beta"
	base    string // origin and version, without a slash at the end
}

// begin finds out who is asking and whether it may. The error is one of those of tokens, a CallerUnknown, a
// PermissionMissing or a StateStale.
func (h *Handler) begin(w http.ResponseWriter, r *http.Request, need permission) (*call, error) {
	if err := h.Live.Stale(); err != nil {
		return nil, err
	}
	view := h.Live.View()
	claims, err := h.authenticate(r, view)
	if err != nil {
		return nil, err
	}
	serve.Note(r, "token", "of %s in tenant %s, issued for %s", claims.ObjectID, claims.Tenant, claims.Audience)
	found, err := judge(view, claims, need)
	if found.caller != nil {
		serve.SetCaller(r, claims.Tenant, found.caller.DisplayName+" ("+found.caller.ID.String()+")")
		serve.Note(r, "principal", "%s, enabled %t", found.caller.DisplayName, found.caller.Enabled)
		serve.Note(r, "permission", "holds %s; needs %s", holds(found.held), need)
	}
	if err != nil {
		return nil, err
	}
	version := strings.ToLower(serve.Param(r, "version"))
	return &call{verdict: found, h: h, w: w, r: r, claims: claims, need: need,
		version: version, base: "https://" + authority(r) + "/" + version}, nil
}

// authority returns host and port as the client knows them. Links are https whatever this connection is, since clients
// send their tokens nowhere else.
func authority(r *http.Request) string {
	_, authority, _ := strings.Cut(serve.Origin(r), "://")
	return authority
}

// authenticate checks the bearer token against the tenant that it names.
func (h *Handler) authenticate(r *http.Request, view *state.View) (*token.Claims, error) {
	bearer, err := serve.Bearer(r)
	if err != nil {
		return nil, err
	}
	tenant, err := claimedTenant(bearer, view)
	if err != nil {
		return nil, err
	}
	keys, err := h.Keys(r.Context())
	if err != nil {
		return nil, err
	}
	audiences := []string{directory.GraphAppID.String(), "https://graph.microsoft.com", "https://graph.microsoft.com/"}
	if own, ok := serve.OwnOrigin(r, "graph", h.Domain); ok {
		audiences = append(audiences, own, own+"/")
	}
	return h.Verifier.Verify(bearer, &token.Trust{Keys: keys, Issuers: []string{tenant.IssuerV1, tenant.IssuerV2}, Audiences: audiences}, h.Now())
}

// claimedTenant returns the tenant that an unchecked token says it is of. It only chooses the issuers to accept: the
// Verifier then reads the same claim of the same token.
func claimedTenant(bearer string, view *state.View) (*directory.Tenant, error) {
	jws, err := token.ParseJWS(bearer)
	if err != nil {
		return nil, err
	}
	claims, err := jws.Access()
	if err != nil {
		return nil, err
	}
	dir, ok := view.Directory(claims.Tenant)
	if !ok {
		return nil, apierr.New(apierr.TokenIssuer, "The token is of the tenant %s, which does not exist here.", claims.Tenant)
	}
	return dir.Tenant(), nil
}

// prepare writes the headers of every answer.
func prepare(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("OData-Version", "4.0")
	header.Set("Cache-Control", "no-cache")
	header.Set("client-request-id", clientRequestID(r))
}

// clientRequestID returns the client's own id for r, or ours where it gave none. Anything but a GUID is not echoed.
func clientRequestID(r *http.Request) string {
	text := r.Header.Get("client-request-id")
	if _, err := guid.Parse(text); err != nil {
		return serve.RequestID(r).String()
	}
	return text
}

// answer writes v as JSON.
func (c *call) answer(status int, v any) error {
	c.w.Header().Set("Content-Type", contentType)
	return serve.WriteJSON(c.w, status, v)
}

// eventual reports whether the client asks for the queries that need ConsistencyLevel: eventual.
func (c *call) eventual() bool {
	return strings.EqualFold(strings.TrimSpace(c.r.Header.Get("ConsistencyLevel")), "eventual")
}

// prefers returns the value of one preference of the Prefer header (RFC 7240), "" when it is not there or has none.
func (c *call) prefers(name string) string {
	for _, line := range c.r.Header["Prefer"] {
		for preference := range strings.SplitSeq(line, ",") {
			key, value, _ := strings.Cut(strings.TrimSpace(preference), "=")
			if strings.EqualFold(strings.TrimSpace(key), name) {
				return strings.Trim(strings.TrimSpace(value), `"`)
			}
		}
	}
	return ""
}

// maxPageSize returns the page size that the client prefers, 0 for none, and confirms it.
func (c *call) maxPageSize() int {
	n, err := strconv.Atoi(c.prefers("odata.maxpagesize"))
	if err != nil || n < 1 {
		return 0 // a preference that makes no sense is ignored (RFC 7240, section 2)
	}
	n = min(n, maxPage)
	c.w.Header().Set("Preference-Applied", "odata.maxpagesize="+strconv.Itoa(n))
	return n
}

// holdsAny reports whether the caller has what one more permission asks for.
func (c *call) holdsAny(p permission) bool { return c.admin || len(p.missing(c.held)) == 0 }

// notFound is for an id in a path.
func notFound(id string) error {
	if len(id) > 128 {
		id = strings.ToValidUTF8(id[:128], "") + "..."
	}
	return apierr.New(apierr.ObjectNotFound, "No object with id %s exists.", id).At(id)
}

// sortedKey returns the objects in the order of their keys.
func sortedKey[T any](objects []T, key func(T) []byte) []T {
	slices.SortFunc(objects, func(a, b T) int { return slices.Compare(key(a), key(b)) })
	return objects
}

// param returns a part of the path, "" when the path has none of that name.
func (c *call) param(name string) string { return serve.Param(c.r, name) }
