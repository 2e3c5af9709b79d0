package nodeapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

const node = resource.ID("/subscriptions/s/resourceGroups/g/providers/Microsoft.HybridCompute/machines/m")

// directory is what stands behind the server's half in these tests.
type directory struct {
	mu      sync.Mutex
	now     Workloads
	err     error
	changed chan struct{}
	asked   int
}

func (d *directory) workloads(resource.ID) (Workloads, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	return d.now, d.err
}

func (d *directory) change() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changed
}

// set changes the state, and tells those who watch.
func (d *directory) set(edit func(*Workloads)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now.Position++
	edit(&d.now)
	close(d.changed)
	d.changed = make(chan struct{})
}

func handler(d *directory) *Handler {
	return &Handler{
		Node:      func(*http.Request) (resource.ID, error) { return node, nil },
		Workloads: d.workloads,
		Changed:   d.change,
		Mint: func(_ context.Context, n resource.ID, m MintRequest) (Minted, error) {
			return Minted{AccessToken: "t", Resource: m.Audience, Stamp: string(n)}, nil
		},
		Report: func(resource.ID, []apierr.Trace) {},
	}
}

// serve runs h on a Pipe until the test ends.
func serve(t testing.TB, h http.Handler) *Client {
	t.Helper()
	pipe := NewPipe()
	ctx, cancel := context.WithCancel(context.Background())
	server := &http.Server{Handler: h, BaseContext: func(net.Listener) context.Context { return ctx }}
	done := make(chan error, 1)
	go func() { done <- server.Serve(pipe) }()
	client := pipe.Client()
	t.Cleanup(func() {
		cancel()
		client.HTTP.CloseIdleConnections()
		late, stop := context.WithTimeout(context.Background(), 5*time.Second)
		defer stop()
		if err := server.Shutdown(late); err != nil {
			t.Errorf("the server does not stop: %v", err)
		}
		<-done
	})
	return client
}

func sample() Workloads {
	id := func(n byte) guid.GUID { return guid.GUID{15: n} }
	return Workloads{Position: 7, Tenant: id(1), TenantName: "contoso", Bindings: []Workload{{
		Binding: id(2), Selectors: []string{"launch:a", "uid:1"}, Resource: "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/f",
		Expires: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		System:  &Identity{id(3), id(4), "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/f", "stamp 1"},
		User:    []Identity{{id(5), id(6), "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/u", "stamp 2"}},
	}, {Binding: id(7), Resource: "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/none"}}}
}

func TestWorkloadsCrossWhole(t *testing.T) {
	client := serve(t, handler(&directory{now: sample(), changed: make(chan struct{})}))
	got, err := client.Workloads(t.Context())
	if err != nil || !reflect.DeepEqual(got, sample()) {
		t.Errorf("Workloads = %+v, %v", got, err)
	}
}

func TestSameSeesEveryField(t *testing.T) {
	later := sample()
	later.Position = 99
	if !later.Same(sample()) {
		t.Error("the position makes a difference")
	}
	for name, edit := range map[string]func(*Workloads){
		"tenant":          func(w *Workloads) { w.Tenant = guid.GUID{1} },
		"tenant name":     func(w *Workloads) { w.TenantName = "other" },
		"binding gone":    func(w *Workloads) { w.Bindings = w.Bindings[:1] },
		"binding":         func(w *Workloads) { w.Bindings[0].Binding = guid.GUID{1} },
		"selector":        func(w *Workloads) { w.Bindings[0].Selectors = []string{"launch:a", "uid:2"} },
		"resource":        func(w *Workloads) { w.Bindings[0].Resource = "/x" },
		"expires":         func(w *Workloads) { w.Bindings[0].Expires = time.Time{} },
		"system gone":     func(w *Workloads) { w.Bindings[0].System = nil },
		"system new":      func(w *Workloads) { w.Bindings[1].System = &Identity{} },
		"system's stamp":  func(w *Workloads) { w.Bindings[0].System.Stamp = "x" },
		"user's stamp":    func(w *Workloads) { w.Bindings[0].User[0].Stamp = "x" },
		"user's clientid": func(w *Workloads) { w.Bindings[0].User[0].ClientID = guid.GUID{} },
		"user gone":       func(w *Workloads) { w.Bindings[0].User = nil },
	} {
		changed := sample()
		if edit(&changed); changed.Same(sample()) || sample().Same(changed) {
			t.Errorf("%s: not seen", name)
		}
	}
}

func TestMintCrossesBothWays(t *testing.T) {
	h := handler(&directory{})
	want := MintRequest{Binding: guid.GUID{1}, Identity: guid.GUID{2}, Audience: "https://vault.azure.net/ü?a&b", Position: 12}
	made := Minted{AccessToken: "ey.J.0", NotBefore: time.Unix(100, 0).UTC(), ExpiresAt: time.Unix(200, 0).UTC(), Resource: want.Audience, Stamp: "s"}
	h.Mint = func(_ context.Context, n resource.ID, m MintRequest) (Minted, error) {
		if n != node || m != want {
			t.Errorf("Mint(%s, %+v)", n, m)
		}
		return made, nil
	}
	if got, err := serve(t, h).Mint(t.Context(), want); err != nil || got != made {
		t.Errorf("Mint = %+v, %v", got, err)
	}
}

func TestEveryCodeCrosses(t *testing.T) {
	var err error
	h := handler(&directory{})
	h.Mint = func(context.Context, resource.ID, MintRequest) (Minted, error) { return Minted{}, err }
	client := serve(t, h)
	for _, code := range apierr.Codes() {
		sent := apierr.New(code, "message of %s <&>", code).At("target").WithHelp("inborn fix %s", code)
		err = fmt.Errorf("wrapped: %w", sent.Because(errors.New("secret cause")))
		_, got := client.Mint(t.Context(), MintRequest{})
		want := &apierr.Error{Kind: sent.Kind, Code: code, Message: sent.Message, Target: "target", Help: sent.Help}
		if !reflect.DeepEqual(got, error(want)) {
			t.Errorf("%s arrived as %#v", code, got)
		}
	}
	for _, kind := range apierr.Kinds() { // a kind that is not the code's own
		err = &apierr.Error{Kind: kind, Code: apierr.RoleRequired, Message: "m"}
		if _, got := client.Mint(t.Context(), MintRequest{}); apierr.From(got).Kind != kind {
			t.Errorf("kind %d arrived as %d", kind, apierr.From(got).Kind)
		}
	}
	err = errors.New("secret cause")
	_, got := client.Mint(t.Context(), MintRequest{})
	if e := apierr.From(got); e.Kind != apierr.Internal || strings.Contains(got.Error(), "secret") {
		t.Errorf("a fault without a name arrived as %v", got)
	}
}

func TestTheNodeIsAskedForFirst(t *testing.T) {
	h := handler(&directory{})
	h.Node = func(*http.Request) (resource.ID, error) { return "", apierr.New(apierr.TokenMissing, "who?") }
	client := serve(t, h)
	_, err1 := client.Workloads(t.Context())
	_, err2 := client.Mint(t.Context(), MintRequest{})
	err3 := client.Report(t.Context(), nil)
	err4 := client.follow(t.Context(), func(Workloads) { t.Error("a stranger is shown workloads") })
	for i, err := range []error{err1, err2, err3, err4} {
		if !apierr.Is(err, apierr.TokenMissing) {
			t.Errorf("request %d: %v", i+1, err)
		}
	}
}

func TestWhatIsNoRefusalIsUnavailable(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter){
		"html":        func(w http.ResponseWriter) { http.Error(w, "<html>Bad gateway", http.StatusBadGateway) },
		"404":         func(w http.ResponseWriter) { http.Error(w, "{}", http.StatusNotFound) },
		"not JSON":    func(w http.ResponseWriter) { w.Write([]byte("hello")) },
		"cut":         func(w http.ResponseWriter) { w.Header().Set("Content-Length", "100"); w.Write([]byte("{")) },
		"endless":     func(w http.ResponseWriter) { w.Write([]byte(`"` + strings.Repeat("x", maxMinted) + `"`)) },
		"long 500":    func(w http.ResponseWriter) { http.Error(w, strings.Repeat("x", 1<<20), 500) },
		"null":        func(w http.ResponseWriter) { http.Error(w, `{"error":null}`, 403) },
		"wrong types": func(w http.ResponseWriter) { http.Error(w, `{"error":"forbidden"}`, 403) },
	} {
		t.Run(name, func(t *testing.T) {
			client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w) }))
			_, err := client.Mint(t.Context(), MintRequest{})
			if e := apierr.From(err); e == nil || e.Kind != apierr.Unavailable {
				t.Errorf("err = %v", err)
			} else if len(err.Error()) > 1000 {
				t.Errorf("the error is %d bytes long", len(err.Error()))
			}
		})
	}
}

func TestNoServerIsUnavailable(t *testing.T) {
	pipe := NewPipe()
	pipe.Close()
	if _, err := pipe.Client().Mint(t.Context(), MintRequest{}); apierr.From(err).Kind != apierr.Unavailable {
		t.Errorf("err = %v", err)
	}
	if _, err := pipe.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept = %v", err)
	}
}

func TestAHangingServerEndsWithTheContext(t *testing.T) {
	h := handler(&directory{})
	h.Mint = func(ctx context.Context, _ resource.ID, _ MintRequest) (Minted, error) {
		<-ctx.Done()
		return Minted{}, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := serve(t, h).Mint(ctx, MintRequest{})
	if apierr.From(err).Kind != apierr.Unavailable || time.Since(start) > 2*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
}

func TestMethodsPathsAndSizes(t *testing.T) {
	h := handler(&directory{})
	for _, c := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"POST", pathWorkloads, "", 400, "MethodNotAllowed"},
		{"GET", pathTokens, "", 400, "MethodNotAllowed"},
		{"GET", pathTraces, "", 400, "MethodNotAllowed"},
		{"POST", "/node/v1/other", "", 404, "PathUnknown"},
		{"POST", pathTokens, "", 400, "RequestMalformed"},
		{"POST", pathTokens, `{"binding":"x"}`, 400, "RequestMalformed"},
		{"POST", pathTokens, `{"audience":"` + strings.Repeat("x", maxMint) + `"}`, 400, "BodyTooLarge"},
		{"POST", pathTraces, `{"traces":[` + strings.Repeat("{},", MaxTraces) + `{}]}`, 400, "LimitExceeded"},
		{"POST", pathTraces, `{"traces":[` + strings.Repeat("{},", MaxTraces-1) + `{}]}`, 204, ""},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, c.path, strings.NewReader(c.body)))
		if w.Code != c.status || c.code != "" && !strings.Contains(w.Body.String(), `"code":"`+c.code+`"`) {
			t.Errorf("%s %s %.40s: %d %s", c.method, c.path, c.body, w.Code, w.Body)
		}
	}
}

func TestReportCrosses(t *testing.T) {
	want := apierr.Trace{ID: guid.GUID{1}, Tenant: guid.GUID{2}, At: time.Unix(100, 5).UTC(), API: "IMDS", Method: "GET", Path: "/p",
		Caller: "c", Status: 400, Code: "IdentityNotFound", Message: "m", Help: "h"}
	want.Note("a", "b")
	got := make(chan []apierr.Trace, 1)
	h := handler(&directory{})
	h.Report = func(n resource.ID, traces []apierr.Trace) { got <- traces }
	if err := serve(t, h).Report(t.Context(), []apierr.Trace{want, {Steps: []apierr.Step{}, At: time.Unix(0, 0).UTC()}}); err != nil {
		t.Fatal(err)
	}
	if traces := <-got; len(traces) != 2 || !reflect.DeepEqual(traces[0], want) {
		t.Errorf("%+v", traces)
	}
}

func TestErrorsAreWrittenWithTheStatusOfTheirKind(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range apierr.Kinds() {
		name, status := kinds(k)
		if seen[name] || status < 400 {
			t.Errorf("kind %d: %s, %d", k, name, status)
		}
		seen[name] = true
	}
}

func TestATokenOfTheSameProcessIsTheSame(t *testing.T) {
	h := handler(&directory{})
	want := apierr.New(apierr.RoleRequired, "m").At("target").WithHelp("help")
	h.Mint = func(ctx context.Context, n resource.ID, m MintRequest) (Minted, error) {
		switch m.Audience {
		case "refused":
			return Minted{}, fmt.Errorf("wrapped: %w", want)
		case "hangs":
			<-ctx.Done()
			return Minted{}, ctx.Err()
		case "panics":
			panic("a mistake")
		}
		return Minted{AccessToken: "t", Resource: m.Audience, Stamp: string(n)}, nil
	}
	over := serve(t, h)
	for _, client := range []*Client{over, {Local: h}} {
		ask := func(audience string) (Minted, error) {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			return client.Mint(ctx, MintRequest{Audience: audience})
		}
		if got, err := ask("a"); err != nil || got != (Minted{AccessToken: "t", Resource: "a", Stamp: string(node)}) {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := ask("refused"); !reflect.DeepEqual(err, error(want)) {
			t.Errorf("refused: %#v", err)
		}
		for _, audience := range []string{"hangs", "panics"} {
			if _, err := ask(audience); apierr.From(err).Kind != apierr.Unavailable {
				t.Errorf("%s: %v", audience, err)
			}
		}
	}
	stranger := *h
	stranger.Node = func(*http.Request) (resource.ID, error) { return "", apierr.New(apierr.TokenMissing, "who?") }
	if _, err := (&Client{Local: &stranger}).Mint(t.Context(), MintRequest{}); !apierr.Is(err, apierr.TokenMissing) {
		t.Errorf("a stranger: %v", err)
	}
}
