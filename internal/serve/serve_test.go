package serve

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

// world is a Front with one API on a real TLS listener, and everything that comes out of it.
type world struct {
	client    *http.Client
	authority *Authority
	url       string // https://127.0.0.1:port
	stop      func()

	mu     sync.Mutex
	traces []apierr.Trace
	log    bytes.Buffer
}

func (w *world) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(b)
}

func (w *world) logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

func spellTest(w http.ResponseWriter, r *http.Request, e *apierr.Error) int {
	status := map[apierr.Kind]int{apierr.Internal: 500, apierr.NotFound: 404, apierr.Forbidden: 403, apierr.Throttled: 429, apierr.Unavailable: 503}[e.Kind]
	if status == 0 {
		status = 400
	}
	w.WriteHeader(status)
	fmt.Fprintf(w, "%s|%s|%s", e.Code, e.Message, RequestID(r))
	return status
}

// start serves the routes; change may alter the API and what it is given.
func start(t *testing.T, routes []Route, change func(*API, *Deps)) *world {
	t.Helper()
	w := &world{}
	d := Deps{
		Now:    time.Now,
		Random: rand.Reader,
		Log:    slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Refused: func(trace apierr.Trace) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.traces = append(w.traces, trace)
		},
	}
	api := API{Name: "test", IDHeader: "request-id", Spell: spellTest, Routes: routes}
	if change != nil {
		change(&api, &d)
	}
	front := NewFront(d, Site{Hosts: []string{"localhost", "127.0.0.1", "*.vault.example.test"}, Mounts: []Mount{{Handler: api.Handler(d)}}})
	a, err := NewAuthority(Naming{Domains: []string{"localhost", "example.test"}, Listed: front.Serves}, time.Now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Server{Handler: front, TLS: a.TLSConfig(), Log: d.Log, Grace: 5 * time.Second}.Serve(ctx, l)
	}()
	var once sync.Once
	w.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Serve ended with %v", err)
			}
		})
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.PEM())
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots}}
	w.authority, w.url, w.client = a, "https://"+l.Addr().String(), &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		w.stop()
	})
	return w
}

// get returns the answer and its body.
func (w *world) do(t *testing.T, method, path string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, w.url+path, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
	}
	answer, err := w.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

func TestARefusalIsSpelledTracedAndShownWithItsID(t *testing.T) {
	tenant := guid.MustParse("11111111-1111-1111-1111-111111111111")
	w := start(t, []Route{{Method: "GET", Pattern: "/things/{name}", Handle: func(_ http.ResponseWriter, r *http.Request) error {
		SetCaller(r, tenant, "ann")
		Note(r, "permission", "%s needs %s", Param(r, "name"), "Things.Read")
		return apierr.New(apierr.PermissionMissing, "No.").WithHelp("inborn grant")
	}}}, nil)
	answer, body := w.do(t, "GET", "/Things/a%20b?secret=s3cret", "Authorization", "Bearer s3cret")
	id := answer.Header.Get("request-id")
	if answer.StatusCode != 403 || body != "PermissionMissing|No.|"+id {
		t.Errorf("got %d %s with id %s", answer.StatusCode, body, id)
	}
	if answer.ProtoMajor != 2 || answer.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("got HTTP/%d, headers %v", answer.ProtoMajor, answer.Header)
	}
	w.stop()
	if len(w.traces) != 1 {
		t.Fatalf("got %d traces", len(w.traces))
	}
	got := w.traces[0]
	if got.ID.String() != id || got.Tenant != tenant || got.Caller != "ann" || got.Status != 403 || got.Path != "/Things/a b" ||
		got.Code != "PermissionMissing" || got.Help != "inborn grant" || got.API != "test" || got.At.IsZero() ||
		len(got.Steps) != 1 || got.Steps[0] != (apierr.Step{Check: "permission", Result: "a b needs Things.Read"}) {
		t.Errorf("trace %+v", got)
	}
	if strings.Contains(w.logged(), "s3cret") || !strings.Contains(w.logged(), id) {
		t.Errorf("log: %s", w.logged())
	}
}

func TestAnUnknownErrorAndAPanicSayNothing(t *testing.T) {
	w := start(t, []Route{
		{Method: "GET", Pattern: "/error", Handle: func(http.ResponseWriter, *http.Request) error { return errors.New("inner detail") }},
		{Method: "GET", Pattern: "/panic", Handle: func(http.ResponseWriter, *http.Request) error { panic("inner detail") }},
	}, nil)
	for _, path := range []string{"/error", "/panic"} {
		answer, body := w.do(t, "GET", path)
		if want := "Fault|An unexpected error occurred.|" + answer.Header.Get("request-id"); answer.StatusCode != 500 || body != want {
			t.Errorf("%s: got %d %s", path, answer.StatusCode, body)
		}
	}
	w.stop()
	if log := w.logged(); !strings.Contains(log, "level=ERROR") || strings.Count(log, "inner detail") != 2 || !strings.Contains(log, "serve_test.go") {
		t.Errorf("the log lacks the causes or the stack: %s", log)
	}
	for _, trace := range w.traces {
		if strings.Contains(fmt.Sprint(trace), "inner detail") {
			t.Errorf("the trace tells the cause: %+v", trace)
		}
	}
}

func TestAnAnswerThatBreaksOffIsCut(t *testing.T) {
	w := start(t, []Route{{Method: "GET", Pattern: "/half", Handle: func(w http.ResponseWriter, _ *http.Request) error {
		fmt.Fprint(w, "half")
		return errors.New("broke off")
	}}}, nil)
	answer, err := w.client.Get(w.url + "/half")
	if err == nil {
		_, err = io.ReadAll(answer.Body)
		answer.Body.Close()
	}
	if err == nil {
		t.Error("the client took half an answer for a whole one")
	}
}

func TestHosts(t *testing.T) {
	w := start(t, []Route{{Method: "GET", Pattern: "/", Handle: func(w http.ResponseWriter, r *http.Request) error {
		return WriteJSON(w, 200, Origin(r))
	}}}, func(_ *API, d *Deps) {
		d.HSTS, d.Origins = true, []string{"http://kv2.vault.example.test:8080"}
	})
	for host, want := range map[string]string{
		"localhost":                   `"https://localhost"`,
		"LOCALHOST.:8443":             `"https://localhost.:8443"`,
		"127.0.0.1:443":               `"https://127.0.0.1"`,
		"kv1.vault.example.test:8443": `"https://kv1.vault.example.test:8443"`,
		"kv2.vault.example.test:8080": `"http://kv2.vault.example.test:8080"`,
		"a.kv1.vault.example.test":    "",
		".vault.example.test":         "",
		"vault.example.test":          "",
		"evil.test":                   "",
		"localhost.evil.test":         "",
		"127.0.0.1.evil.test:8443":    "",
		"[::1]":                       "",
	} {
		answer, body := w.do(t, "GET", "/", "Host", host)
		if want == "" {
			if answer.StatusCode != http.StatusMisdirectedRequest || !strings.Contains(body, answer.Header.Get("x-ms-request-id")) {
				t.Errorf("%s: got %d %s", host, answer.StatusCode, body)
			}
			continue
		}
		if answer.StatusCode != 200 || body != want {
			t.Errorf("%s: got %d %s, want %s", host, answer.StatusCode, body, want)
		}
		hsts := answer.Header.Get("Strict-Transport-Security") != ""
		if wantHSTS := strings.HasPrefix(host, "kv1."); hsts != wantHSTS {
			t.Errorf("%s: Strict-Transport-Security %v", host, hsts)
		}
	}
}

func TestFrontChoosesByFirstSegment(t *testing.T) {
	say := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })
	}
	d := Deps{Now: time.Now, Random: rand.Reader}
	f := NewFront(d, Site{Hosts: []string{"a"}, Mounts: []Mount{{[]string{"v1.0", "beta"}, say("graph")}, {nil, say("rest")}}},
		Site{Hosts: []string{"b"}, Mounts: []Mount{{[]string{"portal"}, say("portal")}}})
	for target, want := range map[string]string{
		"http://a/v1.0/users": "graph", "http://a//BETA": "graph", "http://a/v1.0x": "rest", "http://a/": "rest",
		"http://b/portal/": "portal", "http://b/": "421", "http://c/v1.0": "421",
	} {
		if got := get(f, target); got != want {
			t.Errorf("%s: got %s, want %s", target, got, want)
		}
	}
}

func TestLimits(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	w := start(t, []Route{
		{Method: "GET", Pattern: "/wait", Handle: func(http.ResponseWriter, *http.Request) error {
			entered <- struct{}{}
			<-leave
			return nil
		}},
		{Method: "GET", Pattern: "/slow", Handle: func(_ http.ResponseWriter, r *http.Request) error {
			<-r.Context().Done()
			return r.Context().Err()
		}},
		{Method: "POST", Pattern: "/body", Handle: func(_ http.ResponseWriter, r *http.Request) error {
			_, err := ReadBody(r, 1<<20)
			return err
		}},
	}, func(a *API, d *Deps) {
		a.Timeout, a.MaxBody = 300*time.Millisecond, 10
		d.Limiter = NewLimiter(10, 1)
	})
	first := make(chan error, 1)
	go func() {
		answer, err := w.client.Get(w.url + "/wait")
		if err == nil {
			answer.Body.Close()
		}
		first <- err
	}()
	<-entered
	if answer, body := w.do(t, "GET", "/wait"); answer.StatusCode != 429 || answer.Header.Get("Retry-After") == "" {
		t.Errorf("second request: %d %s", answer.StatusCode, body)
	}
	leave <- struct{}{}
	if err := <-first; err != nil {
		t.Error(err)
	}
	if answer, body := w.do(t, "GET", "/slow"); answer.StatusCode != 503 || !strings.Contains(body, "300ms") {
		t.Errorf("slow request: %d %s", answer.StatusCode, body)
	}
	answer, err := w.client.Post(w.url+"/body", "text/plain", strings.NewReader("eleven bytes"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, _ := io.ReadAll(answer.Body); !strings.HasPrefix(string(body), "BodyTooLarge") {
		t.Errorf("large body: %d %s", answer.StatusCode, body)
	}
}

func TestAStreamOutlivesTheTimeLimitAndEndsWithTheServer(t *testing.T) {
	w := start(t, []Route{{Method: "GET", Pattern: "/watch", Stream: true, Handle: func(w http.ResponseWriter, r *http.Request) error {
		if _, limited := r.Context().Deadline(); limited {
			return errors.New("a stream has a time limit")
		}
		fmt.Fprint(w, "open")
		if err := http.NewResponseController(w).Flush(); err != nil {
			return err
		}
		<-r.Context().Done()
		fmt.Fprint(w, " closed")
		return nil
	}}}, nil)
	answer, err := w.client.Get(w.url + "/watch")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	first := make([]byte, 4)
	if _, err := io.ReadFull(answer.Body, first); err != nil || string(first) != "open" {
		t.Fatalf("got %q, %v", first, err)
	}
	began := time.Now()
	go w.stop()
	rest, err := io.ReadAll(answer.Body)
	if err != nil || string(rest) != " closed" || time.Since(began) > 4*time.Second {
		t.Errorf("got %q, %v after %v", rest, err, time.Since(began))
	}
}
