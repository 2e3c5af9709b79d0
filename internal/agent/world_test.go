package agent

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/attest"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/nodeapi"
	"github.com/inborn-id/inborn/internal/resource"
)

const (
	group  = "/subscriptions/5ab00000-0000-0000-0000-000000000001/resourceGroups/default"
	site   = resource.ID(group + "/providers/Microsoft.Web/sites/func-orders")
	vm     = resource.ID(group + "/providers/Microsoft.Compute/virtualMachines/vm-1")
	node   = resource.ID(group + "/providers/Microsoft.HybridCompute/machines/dev")
	vault  = "https://vault.azure.net"
	secret = "4c0f8f52-8df5-4a4e-9c2b-0d9c1f3b7a11"
)

// world is all that is outside of an agent: a server's half with a directory of one node, and a clock.
type world struct {
	t         testing.TB
	agent     *Agent
	base      string // of the identity endpoint
	tokens    atomic.Int64
	snapshots atomic.Int64
	offset    atomic.Int64 // of the clock, in nanoseconds
	traces    chan apierr.Trace
	log       *lockedLog

	mu       sync.Mutex
	state    nodeapi.Workloads
	changed  chan struct{}
	mint     func(context.Context, nodeapi.MintRequest) error // before a token is made; nil: nothing to do
	lifetime time.Duration
	slow     time.Duration // how long the server takes for a snapshot
	down     bool          // the server answers 502 to everything but a watch that is open
}

func system(n byte, of resource.ID) *nodeapi.Identity {
	return &nodeapi.Identity{ClientID: guid.GUID{0: 0xc0, 15: n}, ObjectID: guid.GUID{0: 0x0b, 15: n}, ResourceID: of, Stamp: "1"}
}

func user(n byte) nodeapi.Identity {
	return nodeapi.Identity{ClientID: guid.GUID{0: 0xc1, 15: n}, ObjectID: guid.GUID{0: 0x1b, 15: n}, Stamp: "1",
		ResourceID: resource.ID(fmt.Sprintf("%s/providers/Microsoft.ManagedIdentity/userAssignedIdentities/Id-%d", group, n))}
}

func open(of resource.ID, s *nodeapi.Identity, users ...nodeapi.Identity) nodeapi.Workload {
	return nodeapi.Workload{Binding: guid.GUID{1, 1}, Resource: of, System: s, User: users}
}

func launched(of resource.ID, secret string, s *nodeapi.Identity, users ...nodeapi.Identity) nodeapi.Workload {
	return nodeapi.Workload{Binding: guid.GUID{2, 2}, Resource: of, Selectors: []string{string(attest.Launch(secret))}, System: s, User: users}
}

// newWorld starts an agent with its endpoint on a port of its own, and stops both with the test.
func newWorld(t testing.TB, bindings ...nodeapi.Workload) *world {
	t.Helper()
	w := &world{t: t, traces: make(chan apierr.Trace, 10000), log: &lockedLog{}, changed: make(chan struct{}), lifetime: time.Hour,
		state: nodeapi.Workloads{Position: 1, Tenant: guid.MustParse("72f98888-0000-4444-8888-000000000001"), TenantName: "contoso", Bindings: bindings}}
	pipe := nodeapi.NewPipe()
	ctx, cancel := context.WithCancel(context.Background())
	server := &http.Server{Handler: w.server(), BaseContext: func(net.Listener) context.Context { return ctx }}
	go server.Serve(pipe)
	client := pipe.Client()
	client.Trouble = func(error) {}
	w.agent = New(Config{Server: client, Now: w.now, Random: rand.Reader, Log: slog.New(slog.NewTextHandler(w.log, nil)), MaxTokens: 64})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.base = "http://" + listener.Addr().String()
	stop, stopAgent := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.agent.Run(stop, listener) }()
	t.Cleanup(func() {
		stopAgent()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		cancel()
		server.Close()
	})
	select {
	case <-w.agent.Ready():
	case <-time.After(5 * time.Second):
		t.Fatal("the agent is not ready in 5 s")
	}
	return w
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.offset.Load())) }

func (w *world) advance(d time.Duration) { w.offset.Add(int64(d)) }

func (w *world) server() http.Handler {
	h := &nodeapi.Handler{
		Node: func(*http.Request) (resource.ID, error) { return node, nil },
		Workloads: func(resource.ID) (nodeapi.Workloads, error) {
			w.snapshots.Add(1)
			w.mu.Lock()
			state, slow := w.state, w.slow
			w.mu.Unlock()
			time.Sleep(slow)
			return state, nil
		},
		Changed: func() <-chan struct{} {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.changed
		},
		Mint: w.make,
		Report: func(_ resource.ID, traces []apierr.Trace) {
			for _, t := range traces {
				w.traces <- t
			}
		},
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		down := w.down
		w.mu.Unlock()
		if down {
			http.Error(rw, "<html>Bad Gateway", http.StatusBadGateway)
			return
		}
		h.ServeHTTP(rw, r)
	})
}

// claims is what the tokens of this world say.
type claims struct {
	Number   int64  `json:"n"`
	Audience string `json:"aud"`
	Client   string `json:"appid"`
	Object   string `json:"oid"`
	Compute  string `json:"rid"`
	Stamp    string `json:"stamp"`
}

func (w *world) make(ctx context.Context, _ resource.ID, m nodeapi.MintRequest) (nodeapi.Minted, error) {
	w.mu.Lock()
	state, before, lifetime := w.state, w.mint, w.lifetime
	w.mu.Unlock()
	if before != nil {
		if err := before(ctx, m); err != nil {
			return nodeapi.Minted{}, err
		}
	}
	if m.Position > state.Position {
		return nodeapi.Minted{}, apierr.New(apierr.StateStale, "position %d is ahead of %d", m.Position, state.Position)
	}
	for _, b := range state.Bindings {
		if b.Binding != m.Binding {
			continue
		}
		identities := b.User
		if b.System != nil {
			identities = append([]nodeapi.Identity{*b.System}, b.User...)
		}
		for _, i := range identities {
			if i.ObjectID == m.Identity {
				text, _ := json.Marshal(claims{w.tokens.Add(1), m.Audience, i.ClientID.String(), i.ObjectID.String(), string(b.Resource), i.Stamp})
				now := w.now().Truncate(time.Second)
				return nodeapi.Minted{AccessToken: string(text), NotBefore: now.Add(-5 * time.Minute), ExpiresAt: now.Add(lifetime),
					Resource: m.Audience, Stamp: i.Stamp}, nil
			}
		}
	}
	return nodeapi.Minted{}, apierr.New(apierr.ObjectNotFound, "no such identity")
}

// edit changes the state. With told, it waits until the agent has been told.
func (w *world) edit(told bool, change func(*nodeapi.Workloads)) {
	w.t.Helper()
	w.mu.Lock()
	fresh := w.state
	fresh.Bindings = nil
	for _, b := range w.state.Bindings { // a snapshot that was handed out stays as it is
		if b.System != nil {
			s := *b.System
			b.System = &s
		}
		b.User = append([]nodeapi.Identity(nil), b.User...)
		fresh.Bindings = append(fresh.Bindings, b)
	}
	fresh.Position++
	change(&fresh)
	w.state = fresh
	if told {
		close(w.changed)
		w.changed = make(chan struct{})
	}
	w.mu.Unlock()
	for deadline := time.Now().Add(5 * time.Second); told && !w.agent.current.Load().Same(fresh); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatal("the agent was not told in 5 s")
		}
	}
}

// set changes how the server behaves.
func (w *world) set(change func(*world)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

// reply is an answer of the endpoint.
type reply struct {
	status int
	header http.Header
	body   string
}

// member returns a string member of the body; a body that is no object fails the test.
func (w *world) member(r reply, name string) string {
	w.t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(r.body), &members); err != nil {
		w.t.Fatalf("%d %q: %v", r.status, r.body, err)
	}
	text, _ := members[name].(string)
	return text
}

func (w *world) claims(r reply) claims {
	w.t.Helper()
	if r.status != http.StatusOK {
		w.t.Fatalf("no token: %d %s", r.status, r.body)
	}
	var c claims
	if err := json.Unmarshal([]byte(w.member(r, "access_token")), &c); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// raw sends one request exactly as it is written: a request line and headers, to which Host and Connection are added
// unless they are there.
func (w *world) raw(line string, headers ...string) reply {
	w.t.Helper()
	address := strings.TrimPrefix(w.base, "http://")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(15 * time.Second))
	all := strings.Join(headers, "\r\n")
	if !strings.Contains("\n"+all, "\nHost:") {
		headers = append(headers, "Host: "+address)
	}
	headers = append(headers, "Connection: close")
	io.WriteString(conn, line+" HTTP/1.1\r\n"+strings.Join(headers, "\r\n")+"\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		w.t.Fatalf("%s: %v", line, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatalf("%s: %v", line, err)
	}
	return reply{response.StatusCode, response.Header, string(body)}
}

// imds asks the endpoint of IMDS as client libraries do; more is the query after api-version and resource.
func (w *world) imds(more string) reply {
	w.t.Helper()
	return w.raw("GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource="+url.QueryEscape(vault)+more, "Metadata: true")
}

// appService asks the endpoint of App Service as client libraries do.
func (w *world) appService(secret, more string) reply {
	w.t.Helper()
	return w.raw("GET /msi/token?api-version=2019-08-01&resource="+url.QueryEscape(vault)+more, "X-IDENTITY-HEADER: "+secret)
}

// trace waits for the trace of a refused request.
func (w *world) trace() apierr.Trace {
	w.t.Helper()
	select {
	case t := <-w.traces:
		return t
	case <-time.After(5 * time.Second):
		w.t.Fatal("no trace in 5 s")
		return apierr.Trace{}
	}
}

// lockedLog keeps what is logged.
type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
