package server

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/manifest"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

func TestARevokeHoldsWithinASecond(t *testing.T) {
	w := startWorld(t, Config{})
	one := w.launch("one")
	id1, _ := w.dir().Identity(resource.In(w.server.home.group, resource.TypeIdentity, "id1"))
	chosen := url.Values{"client_id": {id1.ClientID.String()}}
	_, body := w.ask(one, "https://graph.microsoft.com", chosen)
	bearer, _ := body["access_token"].(string)
	if status, users := w.get("/v1.0/users", bearer); status != http.StatusOK {
		t.Fatalf("with the role: %d %v", status, users)
	}
	if c := w.claims(one, "api://orders", chosen); c["roles"] == nil {
		t.Fatal("no roles to lose")
	}
	revoked := time.Now()
	w.change(func(d *state.Draft) error {
		for a := range d.Directory().AssignmentsOf(id1.PrincipalID) {
			if err := d.Revoke(a.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if status, _ := w.get("/v1.0/users", bearer); status != http.StatusForbidden {
		t.Errorf("the very same token: %d, want 403", status)
	}
	w.eventually(func() bool { return w.claims(one, "api://orders", chosen)["roles"] == nil })
	if took := time.Since(revoked); took > time.Second {
		t.Errorf("the next token lost the role after %v", took)
	}
}

func TestARestartKeepsEverything(t *testing.T) {
	dir := shortDir(t)
	w := startWorld(t, Config{DataDir: dir})
	header := w.launch("both")
	before := w.server.Status()
	_, body := w.ask(header, "https://graph.microsoft.com", nil)
	bearer := body["access_token"].(string)
	w.stop()

	w = startWorld(t, Config{DataDir: dir, Manifest: &manifest.Manifest{}})
	after := w.server.Status()
	if after.Tenant != before.Tenant || after.Subscription != before.Subscription || after.Node != before.Node || len(w.server.Applied()) != 0 {
		t.Errorf("after the restart %+v, before %+v, applied %v", after, before, w.server.Applied())
	}
	w.eventually(func() bool { status, _ := w.ask(header, "api://orders", nil); return status == http.StatusOK })
	if status, _ := w.get("/v1.0/users", bearer); status != http.StatusForbidden {
		t.Errorf("a token from before the restart: %d, want 403 for its roles and not 401 for its key", status)
	}
}

func TestTheDataDirectoryBelongsToOneProcess(t *testing.T) {
	w := startWorld(t, Config{})
	_, err := New(t.Context(), Config{DataDir: w.config.DataDir, Listen: "127.0.0.1:0"})
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second server on the same directory: %v", err)
	}
	if status, _ := w.ask(w.launch("both"), "api://orders", nil); status != http.StatusOK {
		t.Errorf("the first one is disturbed: %d", status)
	}
}

func TestBadConfigurationIsOneSentence(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(shortDir(t), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		config Config
		says   string
	}{
		"an occupied address":      {Config{Listen: taken.Addr().String()}, "address already in use"},
		"no port":                  {Config{Listen: "127.0.0.1"}, "HOST:PORT"},
		"a host that is not here":  {Config{Listen: "192.0.2.1:1"}, "cannot assign requested address"},
		"a file as data directory": {Config{DataDir: file}, file},
		"a path below a file":      {Config{DataDir: filepath.Join(file, "x", "y")}, "lies below one"},
		"an unknown resource":      {Config{DefaultResource: "nope"}, `No resource is called "nope"`},
		"an unknown resource id":   {Config{DefaultResource: "/subscriptions/x/resourceGroups/y/providers/a/b/c"}, "No resource has the id"},
		"a long data directory":    {Config{DataDir: filepath.Join(shortDir(t), strings.Repeat("x", 120))}, "shorter --data"},
		"a readable master key":    {Config{MasterKey: readable(t)}, "chmod"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.config.DataDir == "" {
				c.config.DataDir = shortDir(t)
			}
			if c.config.Listen == "" {
				c.config.Listen = "127.0.0.1:0"
			}
			s, err := New(t.Context(), c.config)
			if err == nil {
				s.Close()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("it says %q, want %q in it", err, c.says)
			}
		})
	}
}

// readable is a master key that others could read.
func readable(t *testing.T) string {
	file := filepath.Join(shortDir(t), "key")
	if err := os.WriteFile(file, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestDefaultResource(t *testing.T) {
	dir := shortDir(t)
	imds := func(w *world) (int, map[string]any) {
		req, _ := http.NewRequest(http.MethodGet, w.endpoint+"/metadata/identity/oauth2/token?api-version=2018-02-01&resource=api://orders", nil)
		req.Header.Set("Metadata", "true")
		return w.do(req)
	}
	for _, c := range []struct {
		name, resource string
		status         int
		says           string
	}{
		{"none: nobody has an identity (G16)", "", 400, "Identity not found"},
		{"system and user: the system-assigned", "both", 200, ""},
		{"changed: the only user-assigned (G24)", "one", 200, ""},
		{"two user-assigned: choose (G25)", "two", 400, "Multiple user assigned identities exist"},
		{"none again", "", 400, "Identity not found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := startWorld(t, Config{DataDir: dir, DefaultResource: c.resource})
			defer w.stop()
			status, body := imds(w)
			says, _ := body["error_description"].(string)
			if status != c.status || !strings.HasPrefix(says, c.says) {
				t.Errorf("%d %v, want %d %q", status, body, c.status, c.says)
			}
		})
	}
}

func TestKeysRotate(t *testing.T) {
	var ahead atomic.Int64 // how far the clock was moved
	w := startWorld(t, Config{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }, TokenLifetime: 24 * time.Hour})
	both := w.launch("both")
	keyIDs := func() int { return len(w.server.live.View().SigningKeys()) }
	w.claims(both, "api://orders", nil)
	if keyIDs() != 1 {
		t.Fatalf("%d keys at the start", keyIDs())
	}
	ring, err := w.server.keys.Ring(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first, _ := ring.Signing(w.server.config.Now())

	ahead.Store(int64(29*24*time.Hour + 12*time.Hour)) // within the day before: published, not yet signing
	if err := w.server.keys.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.eventually(func() bool { return keyIDs() == 2 })
	ring, _ = w.server.keys.Ring(t.Context())
	if now, _ := ring.Signing(w.server.config.Now()); now.ID() != first.ID() {
		t.Error("the new key signs before anybody could fetch it")
	}
	ahead.Store(int64(31 * 24 * time.Hour))
	if now, _ := ring.Signing(w.server.config.Now()); now.ID() == first.ID() {
		t.Error("the old key still signs after 31 days")
	}
}

func TestTheAdminSocketGivesStatusAndTokens(t *testing.T) {
	w := startWorld(t, Config{})
	admin := NewAdmin(w.config.DataDir)
	status, err := admin.Status(t.Context())
	if err != nil || status.TenantName != "contoso.example" || status.PID != os.Getpid() {
		t.Fatalf("%+v, %v", status, err)
	}
	info, err := os.Stat(filepath.Join(w.config.DataDir, adminSocket))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v, %v", info.Mode(), err)
	}
	token, err := admin.Token(t.Context(), "https://graph.microsoft.com")
	if err != nil {
		t.Fatal(err)
	}
	if life := time.Until(time.Unix(token.ExpiresOn, 0)); life > administratorLifetime || life < administratorLifetime-time.Minute {
		t.Errorf("the token lives for %v", life)
	}
	c := payload(t, token.AccessToken)
	if c["oid"] != directory.LocalAdministrator(w.server.home.tenant).ID.String() {
		t.Errorf("the token is of %v", c["oid"])
	}
	if got, _ := w.get("/v1.0/groups", token.AccessToken); got != http.StatusOK {
		t.Errorf("Graph answers the administrator with %d", got)
	}
	if _, err := admin.Token(t.Context(), "https://nobody.example"); err == nil || !strings.Contains(err.Error(), "was not found in the tenant") {
		t.Errorf("a token for nobody: %v", err)
	}
	w.stop()
	if _, err := admin.Status(context.Background()); err == nil || !strings.Contains(err.Error(), "No Inborn is running on") {
		t.Errorf("after the end: %v", err)
	}
}

func TestNamesOfADomain(t *testing.T) {
	w := startWorld(t, Config{Domain: "id.example"})
	address := w.server.listener.Addr().String()
	transport := w.client.Transport.(*http.Transport)
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}
	get := func(target string) (int, error) {
		resp, err := w.client.Get(target)
		if err != nil {
			return 0, err
		}
		resp.Body.Close()
		return resp.StatusCode, nil
	}
	for target, want := range map[string]int{
		"https://login.id.example/contoso.example/v2.0/.well-known/openid-configuration":          200,
		"https://graph.id.example/v1.0/users":                                                     401,
		"https://management.id.example/subscriptions?api-version=2022-12-01":                      401,
		"https://localhost/11111111-1111-4111-8111-111111111111/.well-known/openid-configuration": 200,
	} {
		if status, err := get(target); status != want {
			t.Errorf("%s: %d, %v, want %d", target, status, err, want)
		}
	}
	if _, err := get("https://other.example/"); err == nil {
		t.Error("a certificate was made for a name that is not ours")
	}
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}
	transport.CloseIdleConnections()
	if status, err := get("https://other.example/"); status != http.StatusMisdirectedRequest {
		t.Errorf("a Host that is not ours: %d, %v, want 421", status, err)
	}
}
