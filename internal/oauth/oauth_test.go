package oauth

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/token"
)

const (
	ownID    = "11111111-2222-3333-4444-555555555555"
	publicID = "99999999-2222-3333-4444-555555555555"
	nobodyID = "00000000-2222-3333-4444-555555555555"
)

// world is the token service on a real TLS listener, with two tenants: own.test has issuers under this server's origin,
// public.test has the public pair.
type world struct {
	t      *testing.T
	client *http.Client
	origin string // https://localhost:port
}

func start(t *testing.T) *world {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	w := &world{t: t, origin: "https://localhost:" + port}
	key, err := token.NewKey(rand.Reader, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	own := directory.Tenant{ID: guid.MustParse(ownID), Name: "own.test",
		IssuerV1: w.origin + "/" + ownID + "/", IssuerV2: w.origin + "/" + ownID + "/v2.0"}
	public := directory.Tenant{ID: guid.MustParse(publicID), Name: "public.test",
		IssuerV1: "https://sts.windows.net/" + publicID + "/", IssuerV2: "https://login.microsoftonline.com/" + publicID + "/v2.0"}
	var front *serve.Front
	h := &Handler{
		Now: time.Now,
		Tenant: func(name string) (directory.Tenant, error) {
			for _, tenant := range []directory.Tenant{own, public} {
				if name == tenant.ID.String() || name == tenant.Name {
					return tenant, nil
				}
			}
			return directory.Tenant{}, apierr.New(apierr.TenantUnknown, "Tenant '%s' not found.", name)
		},
		Home: func() (directory.Tenant, error) { return own, nil },
		Keys: func(context.Context) (token.KeyRing, error) {
			return token.KeyRing{}.With(key, time.Now().Add(-time.Hour)), nil
		},
		Serves: func(host string) bool { return front.Serves(host) },
	}
	d := serve.Deps{Now: time.Now, Random: rand.Reader}
	front = serve.NewFront(d, serve.Site{Hosts: []string{"localhost", "login.own.test", "login.microsoftonline.com", "sts.windows.net"}, Mounts: []serve.Mount{{Handler: h.API().Handler(d)}}})
	a, err := serve.NewAuthority(serve.Naming{Listed: front.Serves}, time.Now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve.Server{Handler: front, TLS: a.TLSConfig(), Grace: time.Second}.Serve(ctx, l) }()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.PEM())
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots}}
	w.client = &http.Client{Transport: transport, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		t.Errorf("redirected to %s", r.URL)
		return http.ErrUseLastResponse
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return w
}

// answer is a response and the JSON object in it.
type answer struct {
	*http.Response
	body map[string]any
}

func (a answer) text(name string) string {
	s, _ := a.body[name].(string)
	return s
}

func (w *world) do(r *http.Request) answer {
	w.t.Helper()
	response, err := w.client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	a := answer{Response: response}
	if err := json.Unmarshal(text, &a.body); err != nil {
		w.t.Fatalf("%s %s: %d %s: %v", r.Method, r.URL, response.StatusCode, text, err)
	}
	if _, err := guid.Parse(response.Header.Get("x-ms-request-id")); err != nil {
		w.t.Errorf("%s: x-ms-request-id: %v", r.URL, err)
	}
	return a
}

func (w *world) get(path string) answer {
	w.t.Helper()
	r, err := http.NewRequest("GET", w.origin+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Origin", "https://app.example")
	return w.do(r)
}

func (w *world) post(path, form string, header ...string) answer {
	w.t.Helper()
	r, err := http.NewRequest("POST", w.origin+path, strings.NewReader(form))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return w.do(r)
}

// want checks an error answer in all its parts (G152).
func (a answer) want(t *testing.T, status int, word, number string) {
	t.Helper()
	description := a.text("error_description")
	codes, _ := a.body["error_codes"].([]any)
	if a.StatusCode != status || a.text("error") != word || !strings.HasPrefix(description, "AADSTS"+number+": ") || len(codes) != 1 {
		t.Errorf("got %d %v, want %d %s %s", a.StatusCode, a.body, status, word, number)
		return
	}
	if f, ok := codes[0].(float64); !ok || number != jsonNumber(f) {
		t.Errorf("error_codes %v, want the number %s", codes, number)
	}
	trace, correlation := a.text("trace_id"), a.text("correlation_id")
	if trace != a.Header.Get("x-ms-request-id") || !strings.Contains(description, "Trace ID: "+trace+" Correlation ID: "+correlation+" Timestamp: "+a.text("timestamp")) {
		t.Errorf("trace %q, correlation %q, timestamp %q do not fit %q", trace, correlation, a.text("timestamp"), description)
	}
	if _, err := guid.Parse(correlation); err != nil {
		t.Errorf("correlation_id %q", correlation)
	}
	if at, err := time.Parse("2006-01-02 15:04:05Z", a.text("timestamp")); err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("timestamp %q", a.text("timestamp"))
	}
	if !strings.HasSuffix(a.text("error_uri"), "/error?code="+number) {
		t.Errorf("error_uri %q", a.text("error_uri"))
	}
	if a.Header.Get("Cache-Control") != "no-store, no-cache" {
		t.Errorf("an error may be cached: %v", a.Header)
	}
}

func jsonNumber(f float64) string {
	b, _ := json.Marshal(f)
	return string(b)
}

func TestDiscoveryG94G95G96G97G98(t *testing.T) {
	w := start(t)
	for _, c := range []struct{ path, base, issuer, keys string }{
		{"/" + ownID + "/v2.0", ownID + "/oauth2/v2.0", w.origin + "/" + ownID + "/v2.0", ownID + "/discovery/v2.0/keys"},
		{"/" + strings.ToUpper(ownID) + "/V2.0", ownID + "/oauth2/v2.0", w.origin + "/" + ownID + "/v2.0", ownID + "/discovery/v2.0/keys"},
		{"/own.test/v2.0", ownID + "/oauth2/v2.0", w.origin + "/" + ownID + "/v2.0", ownID + "/discovery/v2.0/keys"},
		{"/Public.Test/v2.0", publicID + "/oauth2/v2.0", "https://login.microsoftonline.com/" + publicID + "/v2.0", publicID + "/discovery/v2.0/keys"},
		{"/common/v2.0", "common/oauth2/v2.0", w.origin + "/{tenantid}/v2.0", "common/discovery/v2.0/keys"},
		{"/Organizations/v2.0", "organizations/oauth2/v2.0", w.origin + "/{tenantid}/v2.0", "organizations/discovery/v2.0/keys"},
		{"/consumers/v2.0", "consumers/oauth2/v2.0", w.origin + "/{tenantid}/v2.0", "consumers/discovery/v2.0/keys"},
		{"/" + ownID, ownID + "/oauth2", w.origin + "/" + ownID + "/", ownID + "/discovery/keys"},
		{"/public.test", publicID + "/oauth2", "https://sts.windows.net/" + publicID + "/", publicID + "/discovery/keys"},
		{"/common", "common/oauth2", w.origin + "/{tenantid}/", "common/discovery/keys"},
		{"/adfs", "adfs/oauth2/v2.0", w.origin + "/adfs", "adfs/discovery/keys"},
		{"/adfs/adfs", "adfs/oauth2/v2.0", w.origin + "/adfs", "adfs/discovery/keys"},
		{"/adfs/v2.0", "adfs/oauth2/v2.0", w.origin + "/adfs", "adfs/discovery/keys"},
	} {
		a := w.get(c.path + "/.well-known/openid-configuration?")
		base := w.origin + "/" + c.base
		for name, want := range map[string]string{
			"issuer":                        c.issuer,
			"token_endpoint":                base + "/token",
			"authorization_endpoint":        base + "/authorize",
			"device_authorization_endpoint": base + "/devicecode",
			"jwks_uri":                      w.origin + "/" + c.keys,
		} {
			if a.text(name) != want {
				t.Errorf("%s: %s is %q, want %q", c.path, name, a.text(name), want)
			}
		}
		if a.StatusCode != 200 || !strings.HasPrefix(a.text("userinfo_endpoint"), w.origin+"/") || a.Header.Get("Cache-Control") != "max-age=86400, private" {
			t.Errorf("%s: %d %v %v", c.path, a.StatusCode, a.body, a.Header)
		}
	}
}

func TestDiscoveryOfAnUnknownTenantG99(t *testing.T) {
	w := start(t)
	for _, document := range []string{"/v2.0/.well-known/openid-configuration", "/.well-known/openid-configuration", "/discovery/keys", "/discovery/v2.0/keys"} {
		for _, tenant := range []string{nobodyID, "unknown.test"} {
			w.get("/"+tenant+document).want(t, 400, "invalid_tenant", "90002")
		}
		for _, tenant := range []string{"nodots", "a..b", "a_b.test", "%22.test", nobodyID + "0"} {
			w.get("/"+tenant+document).want(t, 400, "invalid_request", "900023")
		}
	}
	w.get("/nothing/at/all").want(t, 404, "invalid_request", "9002313")
}

func TestKeysG100(t *testing.T) {
	w := start(t)
	for path, issuer := range map[string]any{
		"/" + ownID + "/discovery/v2.0/keys":   w.origin + "/" + ownID + "/v2.0",
		"/public.test/discovery/v2.0/keys":     "https://login.microsoftonline.com/" + publicID + "/v2.0",
		"/common/discovery/v2.0/keys":          w.origin + "/{tenantid}/v2.0",
		"/" + ownID + "/discovery/keys":        nil,
		"/adfs/discovery/keys":                 nil,
		"/" + publicID + "//discovery//keys/?": nil,
	} {
		a := w.get(path)
		keys, _ := a.body["keys"].([]any)
		if a.StatusCode != 200 || len(keys) != 1 || a.Header.Get("Cache-Control") == "" {
			t.Fatalf("%s: %d %v", path, a.StatusCode, a.body)
		}
		key := keys[0].(map[string]any)
		if key["issuer"] != issuer || key["kid"] == "" || key["kid"] != key["x5t"] || key["use"] != "sig" || key["kty"] != "RSA" {
			t.Errorf("%s: %v, want issuer %v", path, key, issuer)
		}
		if _, has := key["alg"]; has {
			t.Errorf("%s: alg is there", path)
		}
		text, _ := json.Marshal(a.body)
		if parsed, err := token.ParseJWKS(text); err != nil || len(parsed) != 1 {
			t.Errorf("%s: not readable: %v", path, err)
		}
	}
}

func TestInstanceDiscoveryG101G102(t *testing.T) {
	w := start(t)
	ask := func(endpoint, version string) answer {
		return w.get("/common/discovery/instance?api-version=" + version + "&authorization_endpoint=" + url.QueryEscape(endpoint))
	}
	port := strings.TrimPrefix(w.origin, "https://localhost")
	for _, c := range []struct{ endpoint, document, network, cache, aliases string }{
		{w.origin + "/T/oauth2/v2.0/authorize", w.origin + "/T/v2.0", "localhost" + port, "localhost" + port, "localhost" + port + " localhost"},
		{"https://LOGIN.own.test/T/oauth2/v2.0/authorize", "https://LOGIN.own.test/T/v2.0", "LOGIN.own.test", "LOGIN.own.test", "LOGIN.own.test"},
		{"https://login.own.test/T/oauth2/authorize", "https://login.own.test/T", "login.own.test", "login.own.test", "login.own.test"},
		{"https://login.microsoftonline.com/T/oauth2/v2.0/authorize", "https://login.microsoftonline.com/T/v2.0", "login.microsoftonline.com",
			"login.windows.net", "login.microsoftonline.com login.windows.net login.microsoft.com sts.windows.net"},
		{"https://login.microsoftonline.us/T/oauth2/v2.0/authorize", "https://login.microsoftonline.us/T/v2.0",
			"login.microsoftonline.us", "login.microsoftonline.us", "login.microsoftonline.us"},
	} {
		for _, version := range []string{"1.0", "1.1"} {
			a := ask(c.endpoint, version)
			metadata, _ := a.body["metadata"].([]any)
			if a.StatusCode != 200 || a.text("tenant_discovery_endpoint") != c.document+"/.well-known/openid-configuration" ||
				a.text("api-version") != version || len(metadata) != 1 {
				t.Errorf("%s: %d %v", c.endpoint, a.StatusCode, a.body)
				continue
			}
			m := metadata[0].(map[string]any)
			var aliases []string
			for _, alias := range m["aliases"].([]any) {
				aliases = append(aliases, alias.(string))
			}
			if m["preferred_network"] != c.network || m["preferred_cache"] != c.cache || strings.Join(aliases, " ") != c.aliases {
				t.Errorf("%s: %v", c.endpoint, m)
			}
		}
	}
	for _, foreign := range []string{"https://login.evil.test/T/oauth2/v2.0/authorize", "http://login.own.test/T/oauth2/v2.0/authorize",
		"https://login.own.test.evil.test/T", "https://login.own.test@evil.test/T", "//login.own.test/T", ":", "https:///T"} {
		ask(foreign, "1.1").want(t, 400, "invalid_instance", "50049")
	}
	ask("https://login.own.test/", "1.1").want(t, 400, "invalid_request", "9002313")
	ask(w.origin+"/T", "7").want(t, 400, "invalid_request", "9002313")
	ask("", "1.1").want(t, 400, "invalid_request", "900144")
}

// TestDiscoveryUnderThePublicNames is what a client in a sandbox sees: the issuers stay those of the tenant, and the
// endpoints lead where it came from.
func TestDiscoveryUnderThePublicNames(t *testing.T) {
	w := start(t)
	const public = "https://login.microsoftonline.com/"
	for _, c := range []struct{ host, path, issuer, token string }{
		{"login.microsoftonline.com", publicID + "/v2.0", public + publicID + "/v2.0", public + publicID + "/oauth2/v2.0/token"},
		{"Login.MicrosoftOnline.com:443", "public.test/v2.0", public + publicID + "/v2.0", public + publicID + "/oauth2/v2.0/token"},
		{"login.microsoftonline.com", publicID, "https://sts.windows.net/" + publicID + "/", public + publicID + "/oauth2/token"},
		{"login.microsoftonline.com", ownID + "/v2.0", w.origin + "/" + ownID + "/v2.0", public + ownID + "/oauth2/v2.0/token"},
		{"login.microsoftonline.com", "common/v2.0", w.origin + "/{tenantid}/v2.0", public + "common/oauth2/v2.0/token"},
		{"sts.windows.net", publicID, "https://sts.windows.net/" + publicID + "/", "https://sts.windows.net/" + publicID + "/oauth2/token"},
		// az asks for both documents of the alias.
		{"login.own.test", "adfs/adfs", "https://login.own.test/adfs", "https://login.own.test/adfs/oauth2/v2.0/token"},
		{"login.own.test", "adfs", "https://login.own.test/adfs", "https://login.own.test/adfs/oauth2/v2.0/token"},
	} {
		r, err := http.NewRequest("GET", w.origin+"/"+c.path+"/.well-known/openid-configuration", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = c.host
		a := w.do(r)
		if a.StatusCode != 200 || a.text("issuer") != c.issuer || a.text("token_endpoint") != c.token {
			t.Errorf("%s/%s: %d %v", c.host, c.path, a.StatusCode, a.body)
		}
	}
	// Instance discovery comes to the public name, whatever the authority, and never leads there.
	r, err := http.NewRequest("GET", w.origin+"/common/discovery/instance?api-version=1.1&authorization_endpoint="+
		url.QueryEscape("https://login.own.test/T/oauth2/v2.0/authorize"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "login.microsoftonline.com"
	if a := w.do(r); a.text("tenant_discovery_endpoint") != "https://login.own.test/T/v2.0/.well-known/openid-configuration" {
		t.Errorf("%d %v", a.StatusCode, a.body)
	}
}

func TestUserRealmG148(t *testing.T) {
	w := start(t)
	for path, want := range map[string]string{
		"/common/UserRealm/ann@own.test?api-version=1.0":      `map[account_type:Managed cloud_audience_urn:urn:federation:MicrosoftOnline cloud_instance_name:microsoftonline.com domain_name:own.test ver:1.0]`,
		"/common/userrealm/ann%40Public.Test?api-version=1.0": `map[account_type:Managed cloud_audience_urn:urn:federation:MicrosoftOnline cloud_instance_name:microsoftonline.com domain_name:public.test ver:1.0]`,
		"/common/userrealm/ann@elsewhere.test":                `map[account_type:Unknown cloud_audience_urn:urn:federation:MicrosoftOnline cloud_instance_name:microsoftonline.com ver:1.0]`,
		"/common/userrealm/" + publicID:                       `map[account_type:Unknown cloud_audience_urn:urn:federation:MicrosoftOnline cloud_instance_name:microsoftonline.com ver:1.0]`,
		"/common/userrealm/ann@" + publicID:                   `map[account_type:Unknown cloud_audience_urn:urn:federation:MicrosoftOnline cloud_instance_name:microsoftonline.com ver:1.0]`,
		"/common/userrealm/a@b@own.test":                      `map[account_type:Unknown cloud_audience_urn:urn:federation:MicrosoftOnline cloud_instance_name:microsoftonline.com ver:1.0]`,
	} {
		if a := w.get(path); a.StatusCode != 200 || fmt.Sprint(a.body) != want {
			t.Errorf("%s: %d %v", path, a.StatusCode, a.body)
		}
	}
}

func TestDeviceEndpointIsTheTokenEndpointWithAnotherWordG103(t *testing.T) {
	w := start(t)
	for _, authority := range []string{ownID + "/v2.0", ownID, "common/v2.0", "adfs"} {
		a := w.get("/" + authority + "/.well-known/openid-configuration")
		if got, want := strings.ReplaceAll(a.text("token_endpoint"), "token", "devicecode"), a.text("device_authorization_endpoint"); got != want || want == "" {
			t.Errorf("%s: %q, want %q", authority, got, want)
		}
	}
}

func TestPagesMayReadG104(t *testing.T) {
	w := start(t)
	for _, path := range []string{"/" + ownID + "/v2.0/.well-known/openid-configuration", "/adfs/.well-known/openid-configuration", "/common/discovery/keys",
		"/common/discovery/v2.0/keys", "/" + nobodyID + "/.well-known/openid-configuration", "/common/discovery/instance"} {
		if got := w.get(path).Header.Get("Access-Control-Allow-Origin"); got != "*" {
			t.Errorf("%s: Access-Control-Allow-Origin is %q", path, got)
		}
	}
	if got := w.post("/common/oauth2/token", "").Header.Values("Access-Control-Allow-Origin"); len(got) != 0 {
		t.Errorf("any page may read what the token endpoint answers: %v", got)
	}
}

func TestTokenRequestsThatNoGrantAnswersG116G117G118G119G155(t *testing.T) {
	w := start(t)
	v2, v1 := "/"+ownID+"/oauth2/v2.0/token", "/own.test/OAuth2/token/"
	for _, c := range []struct{ path, form, word, number string }{
		{v2, "", "invalid_request", "900144"},
		{v1, "client_id=x&grant_type=", "invalid_request", "900144"},
		{v2, "grant_type=foo", "unsupported_grant_type", "70003"},
		{v1, "grant_type=foo&resource=x", "unsupported_grant_type", "70003"},
		{"/adfs/oauth2/v2.0/token", "grant_type=foo", "unsupported_grant_type", "70003"},
		{"/common/oauth2/v2.0/token", "grant_type=foo", "unsupported_grant_type", "70003"},
		{v2, "grant_type=client_credentials&resource=https%3A%2F%2Fgraph.microsoft.com", "invalid_request", "901002"},
		{v2, "grant_type=a&grant_type=b", "invalid_request", "9002313"},
		{v2, "grant_type=%zz", "invalid_request", "9002313"},
		{"/" + nobodyID + "/oauth2/v2.0/token", "grant_type=foo", "invalid_request", "90002"},
		{"/nodots/oauth2/token", "grant_type=foo", "invalid_request", "900023"},
	} {
		a := w.post(c.path, c.form)
		a.want(t, 400, c.word, c.number)
		if a.Header.Get("Pragma") != "no-cache" || a.Header.Get("Expires") != "-1" || a.Header.Get("x-ms-clitelem") != "1,"+c.number+",0,," {
			t.Errorf("%s: headers %v", c.path, a.Header)
		}
	}
	w.get(v2).want(t, 400, "invalid_request", "900561")
	if description := w.get(v1).text("error_description"); !strings.Contains(description, "only accepts POST requests. Received a GET request.") {
		t.Error(description)
	}
	w.post(v2+"?grant_type=foo", "").want(t, 400, "invalid_request", "900144")
	w.post(v2, "grant_type=foo", "Content-Type", "application/json").want(t, 400, "invalid_request", "900144")
	w.post(v2, "grant_type="+strings.Repeat("a", maxForm)).want(t, 413, "invalid_request", "9002313")
	if got := w.post(v2, "grant_type=%0A"+strings.Repeat("a", 1000)).text("error_description"); len(got) > 400 || strings.Contains(got, "\n") {
		t.Errorf("a long grant type is repeated: %s", got)
	}
}

func TestCorrelationG153(t *testing.T) {
	w := start(t)
	const id = "0D7C1111-2222-3333-4444-555555555555"
	a := w.post("/"+ownID+"/oauth2/token", "grant_type=foo", "client-request-id", id, "return-client-request-id", "true")
	if got := a.Header.Get("client-request-id"); got != id || a.text("correlation_id") != strings.ToLower(id) {
		t.Errorf("client-request-id %q, correlation_id %q", got, a.text("correlation_id"))
	}
	a = w.post("/"+ownID+"/oauth2/token?client-request-id="+id, "grant_type=foo")
	if got := a.Header.Values("client-request-id"); len(got) != 0 || a.text("correlation_id") != strings.ToLower(id) {
		t.Errorf("client-request-id %q, correlation_id %q", got, a.text("correlation_id"))
	}
	a = w.post("/"+ownID+"/oauth2/token", "grant_type=foo", "client-request-id", "no guid", "return-client-request-id", "true")
	if got := a.Header.Values("client-request-id"); len(got) != 0 || a.text("correlation_id") != a.text("trace_id") {
		t.Errorf("client-request-id %q, correlation_id %q", got, a.text("correlation_id"))
	}
	a = w.get("/" + ownID + "/.well-known/openid-configuration")
	if slices.Contains(a.Header.Values("client-request-id"), id) {
		t.Error("an id of another request was answered")
	}
}
