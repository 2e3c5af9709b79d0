package nodeapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
)

// Handler is the server's half. All fields must be set.
//
// A watch lasts until its request's context ends, so serve a Handler from an http.Server whose BaseContext ends when
// the server stops, or its Shutdown waits for the agents to leave.
type Handler struct {
	// Node says which node sends the request, or refuses it.
	Node func(r *http.Request) (resource.ID, error)
	// Workloads makes the snapshot for a node from the newest View.
	Workloads func(node resource.ID) (Workloads, error)
	// Changed returns a channel that is closed at the next change of anything a snapshot could say. A change between
	// the call of Changed and a later call of Workloads closes the channel or is in the snapshot, or both.
	Changed func() <-chan struct{}
	// Mint makes a token from a View that has seen m.Position.
	Mint func(ctx context.Context, node resource.ID, m MintRequest) (Minted, error)
	// Report takes traces of requests that an agent refused. It must not block.
	Report func(node resource.ID, traces []apierr.Trace)
}

// ServeHTTP answers an agent.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h.serve(w, r); err != nil {
		refuse(w, err)
	}
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) error {
	node, err := h.Node(r)
	if err != nil {
		return err
	}
	want := http.MethodPost
	if r.URL.Path == pathWorkloads {
		want = http.MethodGet
	}
	if r.Method != want {
		return apierr.New(apierr.MethodNotAllowed, "Use %s on %s.", want, r.URL.Path)
	}
	switch r.URL.Path {
	case pathTokens:
		return h.mint(w, r, node)
	case pathTraces:
		return h.report(w, r, node)
	case pathWorkloads:
		if query, err := url.ParseQuery(r.URL.RawQuery); err != nil || !query.Has("watch") {
			return h.workloads(w, node)
		}
		return h.watch(w, r, node)
	default:
		return apierr.New(apierr.PathUnknown, "There is nothing at %s.", r.URL.Path)
	}
}

func (h *Handler) workloads(w http.ResponseWriter, node resource.ID) error {
	snapshot, err := h.Workloads(node)
	if err != nil {
		return err
	}
	return answer(w, snapshot)
}

func (h *Handler) mint(w http.ResponseWriter, r *http.Request, node resource.ID) error {
	var m MintRequest
	if err := read(r, maxMint, &m); err != nil {
		return err
	}
	minted, err := h.Mint(r.Context(), node, m)
	if err != nil {
		return err
	}
	return answer(w, minted)
}

// direct is mint without the wire.
func (h *Handler) direct(ctx context.Context, m MintRequest) (minted Minted, err error) {
	defer func() {
		if p := recover(); p != nil { // as in an http.Server, one request fails and no more
			err = unreachable(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	asked := http.Request{Method: http.MethodPost, URL: &url.URL{Path: pathTokens}, Header: http.Header{}}
	node, err := h.Node(asked.WithContext(ctx))
	if err == nil {
		minted, err = h.Mint(ctx, node, m)
	}
	switch {
	case err == nil:
		return minted, nil
	case ctx.Err() != nil:
		return Minted{}, unreachable(ctx.Err())
	default:
		return Minted{}, apierr.From(err)
	}
}

func (h *Handler) report(w http.ResponseWriter, r *http.Request, node resource.ID) error {
	var batch report
	if err := read(r, maxReport, &batch); err != nil {
		return err
	}
	if len(batch.Traces) > MaxTraces {
		return apierr.New(apierr.LimitExceeded, "A report holds at most %d traces.", MaxTraces)
	}
	traces := make([]apierr.Trace, len(batch.Traces))
	for i, t := range batch.Traces {
		traces[i] = fromWire(t)
	}
	h.Report(node, traces)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// watch sends a snapshot at once and another whenever it differs from the one before. However many changes happen
// while a line is made and written, the next one holds them all.
func (h *Handler) watch(w http.ResponseWriter, r *http.Request, node resource.ID) error {
	out := http.NewResponseController(w)
	if err := out.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	var sent Workloads
	for first := true; ; first = false {
		changed := h.Changed()
		snapshot, err := h.Workloads(node)
		switch {
		case err != nil && first:
			return err
		case err != nil:
			return nil // the stream ends; the agent comes again and is told why
		case first || !snapshot.Same(sent):
			line, err := json.Marshal(snapshot)
			if err != nil || !send(w, out, append(line, '\n')) {
				return nil
			}
			sent = snapshot
		}
		for waiting := true; waiting; {
			select {
			case <-changed:
				waiting = false
			case <-beat.C:
				if !send(w, out, []byte{'\n'}) {
					return nil
				}
			case <-r.Context().Done():
				return nil
			}
		}
	}
}

// send writes one line and reports whether it went out in time. The deadline is set when the time is up, by a timer,
// so that no clock needs to be read.
func send(w http.ResponseWriter, out *http.ResponseController, line []byte) bool {
	late := time.AfterFunc(sendTimeout, func() { out.SetWriteDeadline(time.Unix(1, 0)) })
	defer late.Stop()
	if _, err := w.Write(line); err != nil {
		return false
	}
	return out.Flush() == nil
}

// read decodes a body of at most limit bytes.
func read(r *http.Request, limit int64, into any) error {
	text, err := readAll(r.Body, r.ContentLength, limit)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	switch {
	case errors.Is(err, errTooLarge):
		return apierr.New(apierr.BodyTooLarge, "The body is larger than %d bytes.", limit)
	case err != nil:
		return apierr.New(apierr.RequestMalformed, "The body is not the JSON that is expected here.").Because(err)
	default:
		return nil
	}
}

var errTooLarge = errors.New("the body is larger than it may be")

// readAll reads a body of at most limit bytes. The length that was announced, -1 for none, saves it from growing a
// buffer; it is believed only as far as the bound.
func readAll(body io.Reader, length, limit int64) ([]byte, error) {
	if length > limit {
		return nil, errTooLarge
	}
	if length >= 0 {
		text := make([]byte, length)
		_, err := io.ReadFull(body, text)
		return text, err
	}
	text, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = errTooLarge
	}
	return text, err
}

func answer(w http.ResponseWriter, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Write(text)
	return nil
}
