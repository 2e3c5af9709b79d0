package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/inborn-id/inborn/internal/manifest"
)

const declaredVault = `
tenant: {name: contoso.example, id: 11111111-1111-4111-8111-111111111111}
resources: [{type: Microsoft.Web/sites, name: f, identity: {system: true}}]
vaults:
  - name: kv-orders
    retentionDays: 7
    secrets: {db-password: {generate: 20}, api-key: {fromEnv: API_KEY}}
    keys: {signing: {type: EC}}
roles: [{principal: f, role: Key Vault Secrets User, scope: kv-orders/secrets/api-key}]
`

const canaryValue = "canary-9f8e7d6c"

func parsed(t *testing.T, text string) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// vaultToken is a token of the local administrator for vaults.
func (w *world) vaultToken() string {
	w.t.Helper()
	text, _, err := w.server.minter.administratorToken(w.t.Context(), "https://vault.azure.net")
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

func (w *world) secret(name string) string {
	w.t.Helper()
	status, body := w.get("/vaults/kv-orders/secrets/"+name+"?api-version=7.4", w.vaultToken())
	if status != http.StatusOK {
		w.t.Fatalf("%s: %d %v", name, status, body)
	}
	return body["value"].(string)
}

func TestTheFirstStartMakesTheVaultsOfTheManifest(t *testing.T) {
	var log syncBuffer
	config := Config{DataDir: shortDir(t), Manifest: parsed(t, declaredVault), Values: manifest.Values{"env:API_KEY": canaryValue},
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	w := startWorld(t, config)
	if got := w.secret("api-key"); got != canaryValue {
		t.Errorf("%q", got)
	}
	password := w.secret("db-password")
	if len(password) != 20 {
		t.Errorf("%q", password)
	}
	if status, body := w.get("/vaults/kv-orders/keys/signing?api-version=7.4", w.vaultToken()); status != http.StatusOK {
		t.Errorf("%d %v", status, body)
	}
	site := w.launch("f")
	_, answer := w.ask(site, "https://vault.azure.net", nil)
	bearer, _ := answer["access_token"].(string)
	for name, want := range map[string]int{"api-key": 200, "db-password": 403} {
		if status, body := w.get("/vaults/kv-orders/secrets/"+name+"?api-version=7.4", bearer); status != want {
			t.Errorf("the site reads %s: %d %v", name, status, body)
		}
	}
	w.stop()
	// The second start changes nothing; another value in the environment, that one secret.
	config.Manifest = parsed(t, declaredVault)
	w = startWorld(t, config)
	if changes := w.server.Applied(); len(changes) > 0 {
		t.Errorf("the second start: %v", changes)
	}
	w.stop()
	config.Manifest, config.Values = parsed(t, declaredVault), manifest.Values{"env:API_KEY": canaryValue + "-2"}
	w = startWorld(t, config)
	if got := fmt.Sprint(w.server.Applied()); got != "[{update secret kv-orders/api-key env API_KEY}]" {
		t.Error(got)
	}
	if w.secret("api-key") != canaryValue+"-2" || w.secret("db-password") != password {
		t.Error("not the declared values")
	}
	w.stop()
	if strings.Contains(log.String(), canaryValue) {
		t.Error("a value is in the log")
	}
	noCanaryIn(t, config.DataDir)
}

func noCanaryIn(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(canaryValue)) {
			t.Errorf("a value is readable in %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A first start that fails leaves nothing: the next one may fix the tenant's id.
func TestAFirstStartWithoutTheValuesLeavesNothing(t *testing.T) {
	dir := shortDir(t)
	_, err := New(t.Context(), Config{DataDir: dir, Manifest: parsed(t, strings.Replace(declaredVault, ", id: 11111111-1111-4111-8111-111111111111", "", 1))})
	if err == nil || !strings.Contains(err.Error(), "env:API_KEY did not come with the manifest") {
		t.Fatal(err)
	}
	w := startWorld(t, Config{DataDir: dir, Manifest: parsed(t, declaredVault), Values: manifest.Values{"env:API_KEY": "v"}})
	if got := w.server.Status().Tenant; got != "11111111-1111-4111-8111-111111111111" {
		t.Error(got)
	}
}

func TestAPrivateInbornHasTheVaultsOfItsManifest(t *testing.T) {
	s, err := New(t.Context(), Config{Manifest: parsed(t, declaredVault), Values: manifest.Values{"env:API_KEY": canaryValue}, PublicNames: publicNames})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.keys.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	bearer, _, err := s.minter.administratorToken(t.Context(), "https://vault.azure.net")
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/secrets/api-key?api-version=7.4", nil)
	r.Host, r.RemoteAddr = "kv-orders.vault.azure.net", "127.0.0.1:5"
	r.Header.Set("Authorization", "Bearer "+bearer)
	rec := httptest.NewRecorder()
	s.Public().ServeHTTP(rec, r)
	if rec.Code != 200 || !strings.Contains(rec.Body.String(), canaryValue) {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

func TestValuesTravelBesideTheManifest(t *testing.T) {
	var log syncBuffer
	w := startWorld(t, Config{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	vaults := declaredVault[strings.Index(declaredVault, "vaults:"):strings.Index(declaredVault, "roles:")]
	apply := func(query, value string) (int, map[string]any) {
		t.Helper()
		body, err := json.Marshal(map[string]any{"manifest": vaults, "values": map[string]string{"env:API_KEY": value}})
		if err != nil {
			t.Fatal(err)
		}
		return w.applyBody("application/vnd.inborn.manifest+json", query, string(body))
	}
	status, body := apply("&dryRun=true", canaryValue)
	if status != 200 || len(body["changes"].([]any)) != 4 || strings.Contains(fmt.Sprint(body), canaryValue) {
		t.Errorf("a dry run: %d %v", status, body)
	}
	if _, made := w.dir().Vault("kv-orders"); made {
		t.Error("the dry run made the vault")
	}
	if status, body := apply("", canaryValue); status != 200 || w.secret("api-key") != canaryValue {
		t.Errorf("%d %v", status, body)
	}
	if status, body := apply("", canaryValue); status != 200 || len(body["changes"].([]any)) != 0 {
		t.Errorf("again: %d %v", status, body)
	}
	status, body = apply("&dryRun=true", canaryValue+"-2")
	if status != 200 || len(body["changes"].([]any)) != 1 || w.secret("api-key") != canaryValue {
		t.Errorf("a dry run with another value: %d %v", status, body)
	}
	// Without its values, or with a body that is none.
	status, body = w.applyBody("application/yaml", "", vaults)
	if text := fmt.Sprint(body); status != 400 || !strings.Contains(text, "env:API_KEY did not come with the manifest") || !strings.Contains(text, "$.vaults[0].secrets.'api-key'") {
		t.Errorf("%d %v", status, body)
	}
	for _, bad := range []string{`{"manifest":"a","values":{"env:API_KEY":"` + canaryValue, `{"manifest":1}`, `{"manifest":"","values":{"env:API_KEY":["` + canaryValue + `"]}}`, ``} {
		status, body := w.applyBody("application/vnd.inborn.manifest+json", "", bad)
		if status != 400 || strings.Contains(fmt.Sprint(body), canaryValue) {
			t.Errorf("%s: %d %v", bad, status, body)
		}
	}
	w.stop()
	if strings.Contains(log.String(), canaryValue) {
		t.Error("a value is in the log")
	}
	noCanaryIn(t, w.config.DataDir)
}

func (w *world) applyBody(kind, query, body string) (int, map[string]any) {
	w.t.Helper()
	bearer, _, err := w.server.minter.administratorToken(w.t.Context(), "https://management.azure.com")
	if err != nil {
		w.t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, w.server.Status().Origin+"/providers/Inborn.Platform/apply?api-version=2026-11-01"+query, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("Content-Type", kind)
	return w.do(req)
}

// syncBuffer is what a log writes to while a test runs.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
