// Package serve is what every wire API has in common: it finds the handler for a path, gives the request an id, bounds
// it, catches its panics, and turns the error a handler returns into an answer, a line in the log and a decision trace.
//
// An API is a value: its name, its table of routes and the function that spells an error in its dialect. A handler
// returns an error instead of writing one, so that no refusal can forget its request id or its trace:
//
//	api := serve.API{
//		Name:     "Microsoft Graph",
//		IDHeader: "request-id",
//		Spell:    spell,
//		Routes: []serve.Route{
//			{Method: "GET", Pattern: "/{version:v1.0|beta}/users/{id}", Handle: h.getUser},
//		},
//	}
//	http.Handle("/", api.Handler(deps))
//
// Front puts several APIs behind one listener by Host and first path segment, Authority makes the certificates for the
// names that Front answers to, and Server runs a listener until its context ends.
package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

// The limits of a request where its API sets none.
const (
	DefaultMaxBody = 1 << 20          // bytes
	DefaultTimeout = 30 * time.Second // until the context of the request ends
)

// HandlerFunc answers one request. An error it returns is spelled by its API; it must not have written before it
// returns one.
type HandlerFunc func(w http.ResponseWriter, r *http.Request) error

// Route says who answers one method on one path. A Pattern is a path of literals, compared without regard to case, and
// parameters:
//
//	/{version:v1.0|beta}/users/{id}            one segment each, the first restricted to two values
//	/{version}/servicePrincipals(appId={id})   an OData key by name; {id} after a literal also matches literal('id')
//	{scope...}/providers/My.Platform/things    any number of leading segments, "/" if there are none
//
// Where several patterns match, a literal beats a parameter. A GET route answers HEAD, too.
type Route struct {
	Method  string
	Pattern string
	Handle  HandlerFunc
	Stream  bool // stays open: no time limit; its context ends when the server stops
}

// API is one wire API: its name, its routes and how it spells errors.
type API struct {
	Name     string // as people know it: "Microsoft Graph"; stands in traces and logs
	IDHeader string // the response header that shows the request id: "x-ms-request-id" or "request-id"
	Routes   []Route

	// Spell writes e as this API's clients expect it and returns the HTTP status it wrote. It must show the message of
	// every code but say nothing more than e.Message, e.Target and e.Help.
	Spell func(w http.ResponseWriter, r *http.Request, e *apierr.Error) (status int)

	// Prepare, if set, writes the headers that every answer of the API carries, before the route is looked up.
	Prepare func(w http.ResponseWriter, r *http.Request)

	MaxBody int64         // bytes; 0 is DefaultMaxBody
	Timeout time.Duration // 0 is DefaultTimeout
}

// Deps is what an API gets from the program that runs it.
type Deps struct {
	Now     func() time.Time
	Random  io.Reader          // request ids; safe for concurrent use
	Log     *slog.Logger       // nil: no log
	Refused func(apierr.Trace) // receives the trace of every answer from 400 up, must not block; nil: none are kept
	Limiter *Limiter           // shared by all APIs of a listener; nil: no limit
	Origins []string           // origins such as https://login.example or https://*.example that a proxy in front of us terminates
	HSTS    bool               // tell browsers to insist on TLS, except for localhost and addresses
}

// Handler returns the handler of the whole API. It panics if a pattern is malformed or two routes are the same, because
// that is a mistake in the program and not in its input.
func (a API) Handler(d Deps) http.Handler {
	if a.MaxBody == 0 {
		a.MaxBody = DefaultMaxBody
	}
	if a.Timeout == 0 {
		a.Timeout = DefaultTimeout
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	return &handler{API: a, Deps: d, find: newRouter(a.Routes).find}
}

type handler struct {
	API
	Deps
	find func(*http.Request, *match) error
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request{ResponseWriter: w, started: h.Now(), origin: origin(r, h.Origins)}
	id, failed := guid.New(h.Random)
	q.id = id
	err := h.find(r, &q.match)
	ctx, cancel := h.bound(context.WithValue(r.Context(), key{}, q), q.route)
	defer cancel()
	r = r.WithContext(ctx)
	r.Body = http.MaxBytesReader(w, r.Body, h.MaxBody)
	h.commonHeaders(q, r)
	if failed != nil {
		err = failed
	}
	if err == nil {
		err = h.run(q, r)
	} else if q.allow != "" {
		q.Header().Set("Allow", q.allow)
	}
	if err != nil {
		h.refuse(q, r, err)
	}
	h.finish(q, r)
}

// bound gives a request its time limit; a stream ends with the server instead.
func (h *handler) bound(ctx context.Context, route *Route) (context.Context, context.CancelFunc) {
	if route == nil || !route.Stream {
		return context.WithTimeout(ctx, h.Timeout)
	}
	ctx, cancel := context.WithCancel(ctx)
	stopping, ok := ctx.Value(stopKey{}).(context.Context)
	if !ok {
		return ctx, cancel
	}
	forget := context.AfterFunc(stopping, cancel)
	return ctx, func() {
		forget()
		cancel()
	}
}

func (h *handler) commonHeaders(q *request, r *http.Request) {
	header := q.Header()
	if h.IDHeader != "" {
		header.Set(h.IDHeader, q.id.String())
	}
	header.Set("X-Content-Type-Options", "nosniff")
	if h.HSTS && strings.HasPrefix(q.origin, "https://") && isPublicName(hostname(r.Host)) {
		header.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
	if h.Prepare != nil {
		h.Prepare(q, r)
	}
}

// run calls the route's handler and turns a panic into an error, whose stack only the log sees.
func (h *handler) run(q *request, r *http.Request) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	caller := callerAddress(r)
	if !h.Limiter.enter(caller) {
		return apierr.New(apierr.TooManyRequests, "Too many requests at the same time. Try again in a second.")
	}
	defer h.Limiter.leave(caller)
	if q.route.Stream {
		control := http.NewResponseController(q)
		if err := errors.Join(control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{})); err != nil {
			return err
		}
	}
	return q.route.Handle(q, r)
}

// refuse answers with the error, unless an answer was already begun: then the connection is cut, so that the client
// does not take half an answer for a whole one.
func (h *handler) refuse(q *request, r *http.Request, err error) {
	e := apierr.From(err)
	if e.Code == apierr.Fault && errors.Is(err, context.Canceled) && r.Context().Err() != nil { // the client has left
		e = apierr.New(apierr.StoreFailed, "The request was given up by its sender.").Because(err)
	}
	if e.Code == apierr.Fault && errors.Is(r.Context().Err(), context.DeadlineExceeded) {
		e = apierr.New(apierr.StoreFailed, "The request took longer than %s. Try again later.", h.Timeout).Because(err)
	}
	q.failure = e
	if q.status != 0 {
		h.finish(q, r)
		panic(http.ErrAbortHandler)
	}
	if e.Kind == apierr.Throttled || e.Kind == apierr.Unavailable {
		q.Header().Set("Retry-After", "1")
	}
	q.status = h.Spell(q, r, e)
}

// finish logs the request and hands over its trace if it was refused.
func (h *handler) finish(q *request, r *http.Request) {
	level := slog.LevelDebug
	attrs := []slog.Attr{}
	if e := q.failure; e != nil {
		attrs = append(attrs, slog.String("code", e.Code.String()))
		if e.Kind == apierr.Internal || e.Kind == apierr.Unavailable {
			level = slog.LevelWarn
			attrs = append(attrs, slog.Any("cause", e))
		}
		if e.Kind == apierr.Internal {
			level = slog.LevelError
		}
	}
	now := h.Now()
	if h.Log.Enabled(r.Context(), level) {
		attrs = append(attrs, slog.String("api", h.Name), slog.String("id", q.id.String()), slog.String("method", r.Method),
			slog.String("path", clip(r.URL.Path)), slog.Int("status", q.status), slog.Duration("took", now.Sub(q.started)))
		h.Log.LogAttrs(r.Context(), level, "request", attrs...)
	}
	if h.Refused != nil && q.status >= http.StatusBadRequest && !q.unrecorded {
		h.Refused(q.trace(h.Name, r, now))
	}
}
