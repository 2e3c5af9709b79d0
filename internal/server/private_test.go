package server

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/agent"
	"github.com/inborn-id/inborn/internal/manifest"
)

var publicNames = []string{"login.microsoftonline.com", "graph.microsoft.com", "management.azure.com", "*.vault.azure.net"}

// startPrivate runs an Inborn in memory, without a port, for the processes that know "secret", and returns its handlers.
func startPrivate(t *testing.T, as string) (public, metadata http.Handler, tenant string) {
	t.Helper()
	m, err := manifest.Parse([]byte(declared))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s, err := New(ctx, Config{Manifest: m, DefaultResource: as, Launch: "secret", PublicNames: publicNames})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	node := agent.New(agent.Config{Server: s.Nodes(), Now: time.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler)})
	ended := make(chan error, 2)
	go func() { ended <- s.Serve(ctx) }()
	go func() { ended <- node.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Errorf("stopped with %v", err)
			}
		}
	})
	return s.Public(), node.Handler(), s.Status().Tenant
}

// get asks a handler as a client on this host would that reached it as host.
func get(h http.Handler, host, path string, header ...string) (int, string) {
	r := httptest.NewRequest("GET", path, nil)
	r.Host, r.RemoteAddr = host, "127.0.0.1:5"
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

const metadataToken = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://graph.microsoft.com"

func TestAPrivateInbornIsItsLaunchsOnly(t *testing.T) {
	_, metadata, _ := startPrivate(t, "both")
	ask := func(secret string) (int, string) {
		return get(metadata, "169.254.169.254", metadataToken, "Metadata", "true", "Inborn-Launch", secret)
	}
	if status, text := ask("secret"); status != 200 || !strings.Contains(text, `"access_token":"ey`) {
		t.Errorf("the launch: %d %s", status, text)
	}
	for _, secret := range []string{"", "Secret", "secret2"} {
		if status, text := ask(secret); status != 400 || !strings.Contains(text, "Identity not found") {
			t.Errorf("%q: %d %s", secret, status, text)
		}
	}
	const appService = "/msi/token?api-version=2019-08-01&resource=https://graph.microsoft.com"
	for _, c := range []struct {
		path, header, launch string
		status               int
	}{
		{appService, "secret", "secret", 200},
		{appService, "secret", "another", 401}, // a secret that got out of one launch, used in another
		{appService, "another", "secret", 401},
		{appService, "", "secret", 401},
		{"/" + appService, "", "secret", 401},
		{"//msi//token?api-version=2019-08-01&resource=x", "", "secret", 401},
	} {
		status, text := get(metadata, "169.254.169.254", c.path, "X-Identity-Header", c.header, "Inborn-Launch", c.launch)
		if status != c.status {
			t.Errorf("%+v: %d %s", c, status, text)
		}
	}
}

func TestAPrivateInbornAnswersByThePublicNames(t *testing.T) {
	public, _, tenant := startPrivate(t, "one")
	for _, c := range []struct {
		host, path string
		status     int
		contains   string
	}{
		{"login.microsoftonline.com", "/" + tenant + "/v2.0/.well-known/openid-configuration", 200,
			`"token_endpoint":"https://login.microsoftonline.com/` + tenant + `/oauth2/v2.0/token"`},
		{"graph.microsoft.com", "/v1.0/users", 401, "InvalidAuthenticationToken"},
		{"management.azure.com", "/metadata/endpoints?api-version=2022-09-01", 200, `"resourceManager":"https://management.azure.com/"`},
		{"management.azure.com", "/subscriptions?api-version=2022-12-01", 401, "AuthenticationFailed"},
		{"localhost", "/v1.0/users", 401, "InvalidAuthenticationToken"},
		{"kv1.vault.azure.net", "/secrets/x", 404, "VaultNotFound"},
		{"storage.azure.com", "/", 421, "does not answer"},
		{"evil.example", "/v1.0/users", 421, "does not answer"},
	} {
		if status, text := get(public, c.host, c.path); status != c.status || !strings.Contains(text, c.contains) {
			t.Errorf("%s%s: %d %s", c.host, c.path, status, text)
		}
	}
}

func TestThePublicNamesAreBehindTheAdminSocketOnly(t *testing.T) {
	w := startWorld(t, Config{PublicNames: publicNames})
	relayed := NewAdmin(w.config.DataDir).Public()
	status, text := get(relayed, "login.microsoftonline.com", "/common/v2.0/.well-known/openid-configuration")
	if status != 200 || !strings.Contains(text, `"https://login.microsoftonline.com/`) || strings.Contains(text, "http://") {
		t.Errorf("through the socket: %d %s", status, text)
	}
	if status, text := get(relayed, "graph.microsoft.com", "/v1.0/users"); status != 401 || !strings.Contains(text, "InvalidAuthenticationToken") {
		t.Errorf("through the socket, without a token: %d %s", status, text)
	}
	r, err := http.NewRequest("GET", w.server.Status().Origin+"/v1.0/users", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "graph.microsoft.com"
	answer, err := w.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != 421 {
		t.Errorf("at the port that everybody reaches: %d %s", answer.StatusCode, body)
	}
	for _, host := range []string{"admin", "public", "ADMIN", ""} { // what a program may send is no way to the administrator
		if status, text := get(relayed, host, "/status"); status != 421 && status != 400 {
			t.Errorf("Host %q: %d %s", host, status, text)
		}
	}
	w.stop()
	if status, text := get(relayed, "graph.microsoft.com", "/v1.0/users"); status != 502 || !strings.Contains(text, "No Inborn is running") {
		t.Errorf("after the end: %d %s", status, text)
	}
}

func TestAPrivateInbornLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("TMPDIR", dir)
	t.Setenv("XDG_STATE_HOME", filepath.Join(dir, "state"))
	_, metadata, _ := startPrivate(t, "one")
	if status, text := get(metadata, "169.254.169.254", metadataToken, "Metadata", "true", "Inborn-Launch", "secret"); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	if found, err := os.ReadDir(dir); err != nil || len(found) > 0 {
		t.Errorf("%v, %v", found, err)
	}
}
