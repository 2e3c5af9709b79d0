package nodeapi

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// Pipe connects the two halves inside one process, without a port that others could reach. It carries what a network
// would carry, HTTP with bodies of JSON, but as the values that net/http makes of it: to write and read the text of
// HTTP through a connection in memory would cost more than all else there is to a token beside its signature.
type Pipe struct {
	open    chan struct{}   // closed when the next two are set
	serving context.Context // of Serve
	handler http.Handler
	closed  chan struct{}
	once    sync.Once
}

// NewPipe makes a Pipe. Requests wait until somebody serves or the pipe is closed.
func NewPipe() *Pipe {
	return &Pipe{open: make(chan struct{}), closed: make(chan struct{})}
}

// Serve lets h answer until ctx ends or the pipe is closed, and closes the pipe. The context of a watch ends then; other
// requests end by themselves. It can be called once.
func (p *Pipe) Serve(ctx context.Context, h http.Handler) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.serving, p.handler = ctx, h
	close(p.open)
	select {
	case <-ctx.Done():
	case <-p.closed:
	}
	p.Close()
}

// Close ends Serve and refuses further requests.
func (p *Pipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Client returns the agent's half.
func (p *Pipe) Client() *Client {
	return &Client{Base: "http://inborn.pipe", HTTP: &http.Client{Transport: p}}
}

// RoundTrip implements http.RoundTripper. The handler answers in the goroutine of the caller, unless it is a watch that
// is asked for, whose answer has no end.
func (p *Pipe) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-p.closed: // which comes first, since open stays open
		return nil, net.ErrClosed
	default:
	}
	select {
	case <-p.open:
	case <-p.closed:
		return nil, net.ErrClosed
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if r.Body == nil { // handlers rely on one
		r = r.WithContext(r.Context())
		r.Body = http.NoBody
	}
	if r.URL.RawQuery == queryWatch {
		return p.watch(r)
	}
	defer r.Body.Close()
	var whole reply
	if err := run(p.handler, &whole, r); err != nil {
		return nil, err
	}
	return whole.response(r, io.NopCloser(bytes.NewReader(whole.body)), int64(len(whole.body))), nil
}

// watch lets the handler answer in a goroutine of its own until the caller closes the body, the context of one of the
// two sides ends, or the handler does.
func (p *Pipe) watch(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	out, in := io.Pipe()
	forget := context.AfterFunc(p.serving, cancel)
	context.AfterFunc(ctx, func() { in.CloseWithError(ctx.Err()) }) // so that nobody is stuck in a Read or Write
	w := &stream{in: in, begun: make(chan struct{})}
	go func() {
		defer cancel()
		defer forget()
		err := run(p.handler, w, r.WithContext(ctx))
		w.FlushError()
		in.CloseWithError(err) // nil says that the answer is complete
	}()
	select {
	case <-w.begun:
		return w.response(r, watched{out, cancel}, -1), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// run calls the handler. A panic ends this request only, as in an http.Server.
func run(h http.Handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the handler of %s panicked: %v", r.URL.Path, p)
		}
	}()
	h.ServeHTTP(w, r)
	return nil
}

// reply is the http.ResponseWriter of an answer that is kept until it is whole.
type reply struct {
	header http.Header
	status int // 0: 200
	body   []byte
}

// Header implements http.ResponseWriter.
func (w *reply) Header() http.Header {
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}

// WriteHeader implements http.ResponseWriter.
func (w *reply) WriteHeader(status int) { w.status = status }

// Write implements http.ResponseWriter.
func (w *reply) Write(b []byte) (int, error) {
	w.body = append(w.body, b...)
	return len(b), nil
}

func (w *reply) response(r *http.Request, body io.ReadCloser, length int64) *http.Response {
	status := cmp.Or(w.status, http.StatusOK)
	return &http.Response{Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.Header(), Body: body, ContentLength: length, Request: r}
}

// stream is the http.ResponseWriter of a watch. It keeps what is written until it is flushed, as an http.Server does.
type stream struct {
	reply
	in    *io.PipeWriter
	once  sync.Once
	begun chan struct{} // closed at the first flush: header and status are final
}

// FlushError is what http.ResponseController calls.
func (w *stream) FlushError() error {
	w.once.Do(func() { close(w.begun) })
	if len(w.body) == 0 {
		return nil
	}
	_, err := w.in.Write(w.body)
	w.body = w.body[:0]
	return err
}

// SetWriteDeadline is what http.ResponseController calls. There is no clock here: a deadline counts as passed as soon as
// it is set, and a watch sets one only then.
func (w *stream) SetWriteDeadline(time.Time) error {
	return w.in.CloseWithError(os.ErrDeadlineExceeded)
}

// watched is the body of the answer to a watch.
type watched struct {
	*io.PipeReader
	cancel context.CancelFunc
}

// Close ends the watch.
func (b watched) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}
