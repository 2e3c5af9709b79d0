package arm

import (
	"crypto/rand"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/serve"
)

// metadata asks an API with a domain for its cloud metadata, as a client that came to that origin and has no token.
func metadata(t *testing.T, origin, version string) (status int, text string) {
	t.Helper()
	api := New(Config{Domain: "Az.test"}).Handler(serve.Deps{Now: time.Now, Random: rand.Reader})
	rec := httptest.NewRecorder()
	api.ServeHTTP(rec, httptest.NewRequest("GET", origin+"//metadata/endpoints?api-version="+version, nil))
	return rec.Code, strings.TrimSpace(rec.Body.String())
}

// What all clouds have. az asks for tokens of the first audience; go-azure-sdk makes clients for Graph and for every
// suffix that is there, and of the resource that it reads out of the suffix.
const (
	signIn = `"audiences":["https://management.core.windows.net/","https://management.azure.com/"],"tenant":"common","identityProvider":"AAD"}`
	rest   = `"graph":"https://graph.windows.net/","graphAudience":"https://graph.windows.net/","ossrdbmsResourceId":"https://ossrdbms-aad.database.windows.net"`
	public = `{"name":"AzureCloud","authentication":{"loginEndpoint":"https://login.microsoftonline.com",` + signIn +
		`,"resourceManager":"https://management.azure.com/","microsoftGraphResourceId":"https://graph.microsoft.com/",` + rest +
		`,"suffixes":{"keyVaultDns":"vault.azure.net","storage":"core.windows.net"}}`
)

func TestCloudMetadataNamesWhatTheOriginLeadsTo(t *testing.T) {
	for origin, want := range map[string]string{
		"https://management.azure.com":        public,
		"https://Management.Azure.com:443":    public,
		"https://management.core.windows.net": public,
		"https://management.az.test": `{"name":"Inborn","authentication":{"loginEndpoint":"https://login.az.test",` + signIn +
			`,"resourceManager":"https://management.az.test/","microsoftGraphResourceId":"https://graph.az.test/",` + rest +
			`,"suffixes":{"keyVaultDns":"vault.az.test","storage":"az.test"}}`,
		"https://management.az.test:8443": `{"name":"Inborn","authentication":{"loginEndpoint":"https://login.az.test:8443",` + signIn +
			`,"resourceManager":"https://management.az.test:8443/","microsoftGraphResourceId":"https://graph.az.test:8443/",` + rest +
			`,"suffixes":{"keyVaultDns":"vault.az.test:8443","storage":"az.test:8443"}}`,
		"https://localhost:8443": `{"name":"Inborn","authentication":{"loginEndpoint":"https://localhost:8443",` + signIn +
			`,"resourceManager":"https://localhost:8443/","microsoftGraphResourceId":"https://localhost:8443/",` + rest + `,"suffixes":{}}`,
		"https://[::1]:8443": `{"name":"Inborn","authentication":{"loginEndpoint":"https://[::1]:8443",` + signIn +
			`,"resourceManager":"https://[::1]:8443/","microsoftGraphResourceId":"https://[::1]:8443/",` + rest + `,"suffixes":{}}`,
		"https://management.azure.com.az.test": `{"name":"Inborn","authentication":{"loginEndpoint":"https://management.azure.com.az.test",` + signIn +
			`,"resourceManager":"https://management.azure.com.az.test/","microsoftGraphResourceId":"https://management.azure.com.az.test/",` + rest + `,"suffixes":{}}`,
	} {
		for _, version := range []string{"2022-09-01", "2023-11-01", "2026-01-01-preview"} { // go-azure-sdk, OpenTofu, a later one
			if status, text := metadata(t, origin, version); status != 200 || text != want {
				t.Errorf("%s, %s: %d\n%s\nwant\n%s", origin, version, status, text, want)
			}
		}
		for _, version := range []string{"2019-05-01", "2020-06-01"} { // az wants a list
			if status, text := metadata(t, origin, version); status != 200 || text != "["+want+"]" {
				t.Errorf("%s, %s: %d %s", origin, version, status, text)
			}
		}
		var full struct{ Authentication json.RawMessage }
		if err := json.Unmarshal([]byte(want), &full); err != nil {
			t.Fatal(err)
		}
		older := `{"graphEndpoint":"https://graph.windows.net/","graphAudience":"https://graph.windows.net/","authentication":` + string(full.Authentication) + `}`
		for _, version := range []string{"2015-01-01", "1.0", "2018-01-01"} { // az cloud register
			if status, text := metadata(t, origin, version); status != 200 || text != older {
				t.Errorf("%s, %s: %d %s, want %s", origin, version, status, text, older)
			}
		}
	}
}

func TestCloudMetadataRefusesVersionsThatNeverWere(t *testing.T) {
	for version, code := range map[string]string{
		"": "MissingApiVersionParameter", "2014-12-31": "InvalidApiVersionParameter", "latest": "InvalidApiVersionParameter",
		"2.0": "InvalidApiVersionParameter", "2022-9-1": "InvalidApiVersionParameter",
	} {
		if status, text := metadata(t, "https://localhost", version); status != 400 || !strings.Contains(text, `"code":"`+code+`"`) {
			t.Errorf("%q: %d %s, want %s", version, status, text, code)
		}
	}
}

func TestCloudMetadataWithoutADomain(t *testing.T) {
	a := &api{}
	if got := a.cloudAt("https://management.az.test"); got.login != "https://management.az.test" || got.vaults != "" {
		t.Errorf("%+v", got)
	}
	if got := a.cloudAt("https://management."); got.login != "https://management." || got.vaults != "" {
		t.Errorf("%+v", got)
	}
}
