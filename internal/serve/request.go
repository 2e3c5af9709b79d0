package serve

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

// Bounds of what a trace keeps of a request.
const (
	maxNotes = 64
	maxText  = 1024 // bytes of a path
)

// request is everything serve knows about one request. It is the ResponseWriter of the handlers, so that the status is
// seen, and it travels in the request's context.
type request struct {
	http.ResponseWriter
	match
	id      guid.GUID
	started time.Time
	origin  string
	status  int // 0: nothing was written yet
	failure *apierr.Error
	tenant  guid.GUID
	caller  string
	notes   []note

	unrecorded bool // a refusal leaves no trace
}

// note is one step of the trace; its text is made only if the request is refused.
type note struct {
	check, format string
	args          []any
}

type key struct{}

// from returns the state of a request, or an empty one for a request that came past no Handler, as in a unit test.
func from(r *http.Request) *request {
	if q, ok := r.Context().Value(key{}).(*request); ok {
		return q
	}
	return &request{}
}

// WriteHeader implements http.ResponseWriter.
func (q *request) WriteHeader(status int) {
	if q.status == 0 && status >= http.StatusOK {
		q.status = status
	}
	q.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (q *request) Write(b []byte) (int, error) {
	if q.status == 0 {
		q.status = http.StatusOK
	}
	return q.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (q *request) Unwrap() http.ResponseWriter { return q.ResponseWriter }

// trace returns what `inborn explain` will tell about a refused request.
func (q *request) trace(api string, r *http.Request, now time.Time) apierr.Trace {
	t := apierr.Trace{ID: q.id, Tenant: q.tenant, At: now, API: api, Method: r.Method, Path: clip(r.URL.Path), Caller: q.caller}
	if t.Caller == "" {
		t.Caller = callerAddress(r)
	}
	for _, n := range q.notes {
		t.Steps = append(t.Steps, apierr.Step{Check: n.check, Result: fmt.Sprintf(n.format, n.args...)})
	}
	t.Status = q.status
	if q.failure != nil {
		t.Fail(q.failure, q.status)
	}
	return t
}

// Unrecorded keeps no trace of a refusal: of what asks for traces, which would only be in its own way.
func Unrecorded(r *http.Request) {
	from(r).unrecorded = true
}

// OwnOrigin returns the origin of a request to an API by its own name in a domain, label.domain, or in localhost, in the
// form in which it is an audience; false for a request to any other host. No application can be registered under such a
// name (directory.Catalog.Own).
func OwnOrigin(r *http.Request, label, domain string) (string, bool) {
	host, port := Asked(r)
	if host != label+".localhost" && (domain == "" || host != label+"."+strings.ToLower(domain)) {
		return "", false
	}
	return "https://" + host + port, true
}

// Asked returns the name or address in the Host of a request, as Front reads it, and ":port", or "" without a port. What
// is built from a Host is built from these, so that no other spelling of a name gets past a comparison.
func Asked(r *http.Request) (name, port string) {
	if _, number, err := net.SplitHostPort(r.Host); err == nil && number != "" {
		port = ":" + number
	}
	return hostname(r.Host), port
}

// RequestID returns the id that the client is shown for r.
func RequestID(r *http.Request) guid.GUID { return from(r).id }

// Param returns the path parameter of that name of the matched pattern: percent-decoded and with OData quotes undone.
// A parameter the pattern does not have is "".
func Param(r *http.Request, name string) string {
	q := from(r)
	for i := range q.params {
		if i < len(q.values) && q.params[i] == name {
			return q.values[i]
		}
	}
	return ""
}

// Note adds a step to the decision trace that is kept if r is refused: what was checked and what was found. The text is
// made only then, so args must be values that no longer change, and never secrets.
func Note(r *http.Request, check, format string, args ...any) {
	if q := from(r); len(q.notes) < maxNotes {
		q.notes = append(q.notes, note{check, format, args})
	}
}

// SetCaller says for the trace in which tenant r is and who sent it, as far as that is established; "" and the zero
// GUID leave what was said before. Without a caller the trace names the address that the request came from.
func SetCaller(r *http.Request, tenant guid.GUID, caller string) {
	q := from(r)
	if !tenant.IsZero() {
		q.tenant = tenant
	}
	if caller != "" {
		q.caller = caller
	}
}

// Origin returns the scheme and authority under which the client reached us, such as https://login.example:8443. Links
// in answers start with it. The Host of the request has been checked by Front.
func Origin(r *http.Request) string {
	if q := from(r); q.origin != "" {
		return q.origin
	}
	return origin(r, nil)
}

func origin(r *http.Request, configured []string) string {
	host := strings.ToLower(r.Host)
	for _, o := range configured {
		scheme, authority, ok := strings.Cut(o, "://")
		if _, below, wild := strings.Cut(authority, "*."); ok && wild {
			if label, rest, _ := strings.Cut(host, "."); label != "" && rest == below {
				return scheme + "://" + host
			}
		}
		if ok && strings.EqualFold(authority, host) {
			return o
		}
	}
	if r.TLS == nil {
		return "http://" + strings.TrimSuffix(host, ":80")
	}
	return "https://" + strings.TrimSuffix(host, ":443")
}

// clip bounds a text that a client chose.
func clip(s string) string {
	if len(s) > maxText {
		return s[:maxText] + "..."
	}
	return s
}
