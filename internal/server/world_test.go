package server

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/agent"
	"github.com/inborn-id/inborn/internal/attest"
	"github.com/inborn-id/inborn/internal/manifest"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

// declared is the tenant of most tests: an API of each token version, one that insists on an assignment, and three
// resources with different identity blocks.
const declared = `
tenant: {name: contoso.example, id: 11111111-1111-4111-8111-111111111111}
users: [{name: ann}]
apps:
  - {name: orders-api, identifierUri: api://orders, appRoles: [{value: Orders.Read.All}, {value: Orders.Write.All}]}
  - {name: billing-api, identifierUri: api://billing, tokenVersion: 2, appRoles: [{value: Bills.Read}]}
identities:
  - {name: id1, appRoles: [{app: Microsoft Graph, role: User.Read.All}, {app: orders-api, role: Orders.Read.All}]}
  - {name: id2}
resources:
  - {type: Microsoft.Web/sites, name: both, identity: {system: true, user: [id1], appRoles: [{app: billing-api, role: Bills.Read}]}}
  - {type: Microsoft.Web/sites, name: one, identity: {user: [id1]}}
  - {type: Microsoft.Web/sites, name: two, identity: {user: [id1, id2]}}
  - {type: Microsoft.Web/sites, name: none}
`

// world is a running server with an agent on real sockets.
type world struct {
	t        *testing.T
	server   *Server
	config   Config
	endpoint string // of the agent
	client   *http.Client
	stop     func()
}

func startWorld(t *testing.T, config Config) *world {
	t.Helper()
	if config.DataDir == "" {
		config.DataDir = shortDir(t)
	}
	if config.Manifest == nil {
		m, err := manifest.Parse([]byte(declared))
		if err != nil {
			t.Fatal(err)
		}
		config.Manifest = m
	}
	config.Listen = "127.0.0.1:0"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s, err := New(ctx, config)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	w := &world{t: t, server: s, config: config, endpoint: "http://" + l.Addr().String()}
	s.Announce(w.endpoint)
	ended := make(chan error, 2)
	node := agent.New(agent.Config{Server: s.Nodes(), Now: s.config.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler)})
	go func() { ended <- s.Serve(ctx) }()
	go func() { ended <- node.Run(ctx, l) }()
	w.stop = func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Errorf("stopped with %v", err)
			}
		}
		w.stop = func() {}
	}
	t.Cleanup(func() { w.stop() })
	pem, err := os.ReadFile(filepath.Join(config.DataDir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	w.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	return w
}

// shortDir is a temporary directory whose path leaves room for a unix socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "inborn")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// change makes a change as a test may.
func (w *world) change(do func(*state.Draft) error) {
	w.t.Helper()
	_, err := w.server.live.Update(context.Background(), state.Actor{Name: "test"}, func(v *state.View, env *state.Env) (state.Batch, error) {
		d := state.NewDraft(v, env, w.server.home.tenant)
		err := do(d)
		return d.Batch(), err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) dir() *state.Directory {
	dir, _ := w.server.live.View().Directory(w.server.home.tenant)
	return dir
}

// launch binds a header to a resource and waits until the agent knows it.
func (w *world) launch(name string) (header string) {
	w.t.Helper()
	header = rand.Text()
	r, err := findResource(w.dir(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	w.change(func(d *state.Draft) error {
		_, err := d.PutBinding(resource.WorkloadBinding{Node: w.server.home.node, Resource: r.ID, Selectors: []string{string(attest.Launch(header))}})
		return err
	})
	w.eventually(func() bool { status, _ := w.ask(header, "none", nil); return status != http.StatusUnauthorized })
	return header
}

func (w *world) eventually(ok func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatal("it did not come about within 5 s")
		}
	}
}

// ask sends a request to the App Service endpoint and returns status and body.
func (w *world) ask(header, audience string, more url.Values) (int, map[string]any) {
	w.t.Helper()
	query := url.Values{"api-version": {"2019-08-01"}, "resource": {audience}}
	for name, values := range more {
		query[name] = values
	}
	req, err := http.NewRequest(http.MethodGet, w.endpoint+"/msi/token?"+query.Encode(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("X-IDENTITY-HEADER", header)
	return w.do(req)
}

func (w *world) do(req *http.Request) (int, map[string]any) {
	w.t.Helper()
	resp, err := w.client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(body, &object); err != nil {
		w.t.Fatalf("%s answered %s, not JSON: %s", req.URL, resp.Status, body)
	}
	return resp.StatusCode, object
}

// claims asks for a token and returns what it says.
func (w *world) claims(header, audience string, more url.Values) map[string]any {
	w.t.Helper()
	status, body := w.ask(header, audience, more)
	if status != http.StatusOK {
		w.t.Fatalf("no token for %s: %d %v", audience, status, body)
	}
	return payload(w.t, body["access_token"].(string))
}

func payload(t *testing.T, token string) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// get calls one of the server's APIs with a bearer token.
func (w *world) get(path, bearer string) (int, map[string]any) {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodGet, w.server.Status().Origin+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	return w.do(req)
}
