package oauth

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/serve"
)

// spelling is how the token service says one thing: the HTTP status, the OAuth error and the AADSTS number, by which
// people and programs know it. The numbers are those of Microsoft's reference of error codes.
type spelling struct {
	status int
	word   string
	number int
}

// spell writes e in the shape that every MSAL decodes.
func (h *Handler) spell(w http.ResponseWriter, r *http.Request, e *apierr.Error) int {
	s := spellingOf(e)
	if e.Code == apierr.TenantUnknown && isTokenPath(r.URL.Path) {
		s.word = "invalid_request"
	}
	message := e.Message
	if e.Code == apierr.MethodNotAllowed {
		message = fmt.Sprintf("The endpoint only accepts %s requests. Received a %s request.", w.Header().Get("Allow"), shown(r.Method))
	}
	if e.Help != "" {
		message += " Try: " + e.Help
	}
	trace, correlation := serve.RequestID(r), correlationID(r)
	if correlation.IsZero() {
		correlation = trace
	}
	at := h.Now().UTC().Format("2006-01-02 15:04:05Z")
	noStore(w)
	w.Header().Set("x-ms-clitelem", "1,"+strconv.Itoa(s.number)+",0,,")
	body := failure{
		Error: s.word,
		Description: fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s",
			s.number, message, trace, correlation, at),
		Codes:         []int{s.number},
		Timestamp:     at,
		TraceID:       trace,
		CorrelationID: correlation,
		URI:           serve.Origin(r) + "/error?code=" + strconv.Itoa(s.number),
	}
	_ = serve.WriteJSON(w, s.status, body) // a failure always has a JSON form
	return s.status
}

func isTokenPath(path string) bool {
	return strings.HasSuffix(strings.ToLower(strings.TrimRight(path, "/")), "/token")
}

// correlationID returns the id that the client gave its request, or zero.
func correlationID(r *http.Request) guid.GUID {
	id, _ := guid.Parse(clientRequestID(r))
	return id
}

// clientRequestID returns the client's own name for r: a header of all clients, a query parameter with MSAL for Node.
func clientRequestID(r *http.Request) string {
	if id := r.Header.Get("client-request-id"); id != "" {
		return id
	}
	return r.URL.Query().Get("client-request-id")
}

// echo returns the client's id for its request to clients that ask for it.
func echo(w http.ResponseWriter, r *http.Request) {
	if strings.EqualFold(r.Header.Get("return-client-request-id"), "true") && !correlationID(r).IsZero() {
		w.Header().Set("client-request-id", clientRequestID(r))
	}
}

func spellingOf(e *apierr.Error) spelling {
	if s, ok := spellings[e.Code]; ok {
		return s
	}
	switch e.Kind {
	case apierr.Invalid, apierr.Conflict, apierr.Precondition:
		return spelling{http.StatusBadRequest, "invalid_request", 9002313}
	case apierr.Unauthenticated:
		return spelling{http.StatusUnauthorized, "invalid_client", 70002}
	case apierr.Forbidden:
		return spelling{http.StatusForbidden, "access_denied", 90094}
	case apierr.NotFound:
		return spelling{http.StatusNotFound, "invalid_request", 9002313}
	case apierr.Throttled:
		return spelling{http.StatusTooManyRequests, "temporarily_unavailable", 90055}
	case apierr.Unavailable:
		return spelling{http.StatusServiceUnavailable, "temporarily_unavailable", 90033}
	default:
		return spelling{http.StatusInternalServerError, "server_error", 50000}
	}
}

var spellings = map[apierr.Code]spelling{
	apierr.ParameterMissing:     {http.StatusBadRequest, "invalid_request", 900144},
	apierr.ParameterUnsupported: {http.StatusBadRequest, "invalid_request", 901002},
	apierr.BodyTooLarge:         {http.StatusRequestEntityTooLarge, "invalid_request", 9002313},
	apierr.MethodNotAllowed:     {http.StatusBadRequest, "invalid_request", 900561},
	apierr.CallerUnknown:        {http.StatusBadRequest, "unauthorized_client", 700016},
	apierr.TenantUnknown:        {http.StatusBadRequest, "invalid_tenant", 90002},
	apierr.TenantMalformed:      {http.StatusBadRequest, "invalid_request", 900023},
	apierr.InstanceUnknown:      {http.StatusBadRequest, "invalid_instance", 50049},
	apierr.AudienceUnknown:      {http.StatusBadRequest, "invalid_resource", 500011},
	apierr.AudienceDisabled:     {http.StatusBadRequest, "invalid_resource", 500014},
	apierr.RoleRequired:         {http.StatusBadRequest, "invalid_grant", 501051},
	apierr.GrantUnsupported:     {http.StatusBadRequest, "unsupported_grant_type", 70003},
}
