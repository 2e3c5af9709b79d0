package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/nodeapi"
)

// The names of these tests carry the numbers of the conformance checklist, section G of the wire specification.

const (
	tokenPath  = "/metadata/identity/oauth2/token"
	goodQuery  = "?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net"
	badRequest = `{"error":"invalid_request","error_description":"Identity not found"}`
)

func TestG1toG5TheBodyOfAToken(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	r := w.raw("GET "+tokenPath+goodQuery, "Metadata: true")
	if r.status != 200 || r.header.Get("Content-Type") != "application/json; charset=utf-8" || len(r.header["Content-Length"]) != 1 {
		t.Fatalf("%d %v", r.status, r.header)
	}
	shape := regexp.MustCompile(`^\{"access_token":".+","client_id":"([0-9a-f-]{36})","expires_in":"([0-9]+)","expires_on":"([0-9]+)",` +
		`"ext_expires_in":"([0-9]+)","not_before":"([0-9]+)","resource":"https://vault.azure.net","token_type":"Bearer"\}$`)
	parts := shape.FindStringSubmatch(r.body)
	if parts == nil {
		t.Fatalf("not the members in their order, or not as strings of digits: %s", r.body)
	}
	if c := w.claims(r); c.Client != parts[1] || c.Client != system(1, vm).ClientID.String() || c.Audience != vault {
		t.Errorf("client_id %s, token %+v", parts[1], c)
	}
	in, _ := strconv.ParseInt(parts[2], 10, 64)
	on, _ := strconv.ParseInt(parts[3], 10, 64)
	if ahead := on - w.now().Unix() - in; ahead < -2 || ahead > 2 || in <= 3500 || in > 86400 {
		t.Errorf("expires_in %d, expires_on is %d s from that", in, ahead)
	}
	if parts[4] != parts[2] {
		t.Errorf("ext_expires_in %s, expires_in %s", parts[4], parts[2])
	}
}

func TestG6G7ProbesAreRefusedFast(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	for name, line := range map[string]string{"G6": "GET " + tokenPath, "G6 with slash": "GET " + tokenPath + "/", "G7": "GET " + tokenPath + goodQuery} {
		start := time.Now()
		r := w.raw(line)
		if r.status != 400 || time.Since(start) > 300*time.Millisecond || r.body != `{"error":"bad_request_102","error_description":"Required metadata header not specified"}` {
			t.Errorf("%s: %d after %v: %s", name, r.status, time.Since(start), r.body)
		}
	}
	if w.tokens.Load() != 0 {
		t.Error("a probe made a token")
	}
}

func TestG8toG15G22G23G32RequestsAndTheirStatus(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm), user(1)))
	w.mint = func(_ context.Context, m nodeapi.MintRequest) error {
		if m.Audience == "https://unknown.example" {
			return apierr.New(apierr.AudienceUnknown, "no such resource").At(m.Audience)
		}
		return nil
	}
	client, object := user(1).ClientID.String(), user(1).ObjectID.String()
	for _, c := range []struct {
		name, line string
		headers    []string
		status     int
		word       string // the member error
	}{
		{"G8 True", tokenPath + goodQuery, []string{"Metadata: True"}, 200, ""},
		{"G8 lower-case header", tokenPath + goodQuery, []string{"metadata: TRUE"}, 200, ""},
		{"G9 false", tokenPath + goodQuery, []string{"Metadata: false"}, 400, "bad_request_102"},
		{"G9 empty", tokenPath + goodQuery, []string{"Metadata:"}, 400, "bad_request_102"},
		{"G10", tokenPath + goodQuery, []string{"Metadata: true", "X-Forwarded-For: 1.2.3.4"}, 400, "Bad request. Request contains a X-Forwarded-For header"},
		{"G11", tokenPath + "?resource=x", []string{"Metadata: true"}, 400, "invalid_request"},
		{"G12", tokenPath + "?api-version=1999-01-01&resource=x", []string{"Metadata: true"}, 400, "invalid_request"},
		{"G12 before identities", tokenPath + "?api-version=2017-12-01&resource=x", []string{"Metadata: true"}, 400, "invalid_request"},
		{"G12 not listed", tokenPath + "?api-version=2024-03-16&resource=x", []string{"Metadata: true"}, 400, "invalid_request"},
		{"later version", tokenPath + "?api-version=2023-07-01&resource=x", []string{"Metadata: true"}, 200, ""},
		{"version of older Arc clients", tokenPath + "?api-version=2019-11-01&resource=x", []string{"Metadata: true"}, 200, ""},
		{"G13", tokenPath + "?api-version=2018-02-01", []string{"Metadata: true"}, 400, "invalid_request"},
		{"G14", tokenPath + "?api-version=2018-02-01&resource=", []string{"Metadata: true"}, 400, "invalid_request"},
		{"resource too long", tokenPath + "?api-version=2018-02-01&resource=" + strings.Repeat("x", 2049), []string{"Metadata: true"}, 400, "invalid_request"},
		{"resource not encoded", tokenPath + "?api-version=2018-02-01&resource=https://vault.azure.net", []string{"Metadata: true"}, 200, ""},
		{"resource badly encoded", tokenPath + "?api-version=2018-02-01&resource=%zz", []string{"Metadata: true"}, 400, "invalid_request"},
		{"G15", tokenPath + "?api-version=2018-02-01&resource=https://unknown.example", []string{"Metadata: true"}, 400, "invalid_resource"},
		{"G22", tokenPath + goodQuery + "&client_id=" + client + "&object_id=" + object, []string{"Metadata: true"}, 400, "invalid_request"},
		{"G22 two names of one", tokenPath + goodQuery + "&msi_res_id=/x&mi_res_id=/x", []string{"Metadata: true"}, 400, "invalid_request"},
		{"G23", tokenPath + goodQuery + "&client_id=" + client + "&client_id=" + client, []string{"Metadata: true"}, 400, "invalid_request"},
		{"G23 in other case", tokenPath + goodQuery + "&client_id=" + client + "&Client%5FID=" + client, []string{"Metadata: true"}, 400, "invalid_request"},
		{"two resources", tokenPath + goodQuery + "&resource=x", []string{"Metadata: true"}, 400, "invalid_request"},
		{"empty selectors are absent", tokenPath + goodQuery + "&client_id=&object_id=&msi_res_id=", []string{"Metadata: true"}, 200, ""},
		{"an empty selector beside one", tokenPath + goodQuery + "&object_id=&client_id=" + client, []string{"Metadata: true"}, 200, ""},
		{"encoded name", tokenPath + "?api%2Dversion=2018-02-01&resource=x", []string{"Metadata: true"}, 200, ""},
		{"G32", tokenPath + goodQuery + "&foo=1&foo=2&%zz=1", []string{"Metadata: true", "x-client-SKU: MSAL.JS", "x-client-Ver: 7",
			"x-ms-client-request-id: 1", "Content-Type: application/x-www-form-urlencoded;charset=utf-8"}, 200, ""},
		{"telemetry and capabilities", tokenPath + goodQuery + "&xms_cc=cp1&authority=https%3A%2F%2Fx", []string{"Metadata: true"}, 200, ""},
		{"Node's fetch", tokenPath + goodQuery, []string{"Metadata: true", "Sec-Fetch-Mode: cors", "Accept: */*", "User-Agent: node"}, 200, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := w.raw("GET "+c.line, c.headers...)
			if r.status != c.status || w.member(r, "error") != c.word {
				t.Errorf("%d %s", r.status, r.body)
			}
			if _, err := guid.Parse(r.header.Get("x-ms-request-id")); (err == nil) != (r.status != 200) {
				t.Errorf("x-ms-request-id %q", r.header.Get("x-ms-request-id"))
			}
		})
	}
}

func TestG15TheErrorOfTheTokenServiceIsPassedOn(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	w.mint = func(context.Context, nodeapi.MintRequest) error { return apierr.New(apierr.AudienceUnknown, "no") }
	r := w.imds("")
	var body struct {
		Error, Description, Timestamp, Trace, Correlation, URI string
		Codes                                                  []int
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(r.body), &raw); err != nil {
		t.Fatal(err)
	}
	for name, into := range map[string]any{"error": &body.Error, "error_description": &body.Description, "error_codes": &body.Codes,
		"timestamp": &body.Timestamp, "trace_id": &body.Trace, "correlation_id": &body.Correlation, "error_uri": &body.URI} {
		if err := json.Unmarshal(raw[name], into); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if body.Error != "invalid_resource" || len(body.Codes) != 1 || body.Codes[0] != 500011 || !strings.HasPrefix(body.Description,
		"AADSTS500011: The resource principal named https://vault.azure.net was not found in the tenant named contoso. ") {
		t.Errorf("%s", r.body)
	}
	if _, err := time.Parse("2006-01-02 15:04:05Z", body.Timestamp); err != nil || body.Trace != r.header.Get("x-ms-request-id") {
		t.Errorf("timestamp %q, trace %q", body.Timestamp, body.Trace)
	}
}

func TestG35ARoleIsRequired(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	w.mint = func(context.Context, nodeapi.MintRequest) error {
		return apierr.New(apierr.RoleRequired, "Application 'a' is not assigned to a role for the application 'b'.").WithHelp("inborn grant x")
	}
	if r := w.imds(""); r.status != 400 || !strings.HasPrefix(w.member(r, "error_description"), "AADSTS501051: Application 'a' is not") {
		t.Errorf("%d %s", r.status, r.body)
	}
	if trace := w.trace(); trace.Help != "inborn grant x" || trace.Code != "RoleRequired" || trace.Caller != string(vm) {
		t.Errorf("%+v", trace)
	}
}

func TestG16toG21G24toG26WhichIdentity(t *testing.T) {
	type workload = nodeapi.Workload
	sami, u1, u2 := system(1, vm), user(1), user(2)
	for _, c := range []struct {
		name     string
		workload []workload
		query    string
		want     *nodeapi.Identity // nil: Identity not found
		echo     string            // a member that is echoed
		value    string
	}{
		{name: "G16", workload: []workload{open(vm, nil)}},
		{name: "G16 no binding"},
		{name: "G17", workload: []workload{open(vm, sami, u1)}, query: "&client_id=" + u2.ClientID.String()},
		{name: "G17 no GUID", workload: []workload{open(vm, sami)}, query: "&client_id=func"},
		{name: "G17 an object id is no client id", workload: []workload{open(vm, sami, u1)}, query: "&client_id=" + u1.ObjectID.String()},
		{name: "G17 the zero GUID", workload: []workload{open(vm, sami)}, query: "&client_id=" + guid.GUID{}.String()},
		{name: "G18", workload: []workload{open(vm, sami, u1, u2)}, query: "&client_id=" + u2.ClientID.String(), want: &u2},
		{name: "G18 in upper case", workload: []workload{open(vm, sami, u1)}, query: "&client_id=" + strings.ToUpper(u1.ClientID.String()), want: &u1},
		{name: "G18 system-assigned by name", workload: []workload{open(vm, sami, u1)}, query: "&client_id=" + sami.ClientID.String(), want: sami},
		{name: "G19", workload: []workload{open(vm, sami, u1)}, query: "&object_id=" + u1.ObjectID.String(), want: &u1, echo: "object_id", value: u1.ObjectID.String()},
		{name: "G19 as principal_id", workload: []workload{open(vm, sami, u1)}, query: "&principal_id=" + u1.ObjectID.String(), want: &u1},
		{name: "G20", workload: []workload{open(vm, sami, u1)}, query: "&msi_res_id=" + url.QueryEscape(strings.ToUpper(string(u1.ResourceID))),
			want: &u1, echo: "msi_res_id", value: string(u1.ResourceID)},
		{name: "G20 with slashes", workload: []workload{open(vm, sami, u1)}, query: "&msi_res_id=/" + string(u1.ResourceID) + "/", want: &u1},
		{name: "G20 unassigned", workload: []workload{open(vm, sami, u1)}, query: "&msi_res_id=" + string(u2.ResourceID)},
		{name: "G20 the resource itself is no identity", workload: []workload{open(vm, sami, u1)}, query: "&msi_res_id=" + string(vm)},
		{name: "G21", workload: []workload{open(vm, sami, u1)}, query: "&mi_res_id=" + string(u1.ResourceID), want: &u1},
		{name: "G24", workload: []workload{open(vm, nil, u1)}, want: &u1},
		{name: "G26", workload: []workload{open(vm, sami, u1, u2)}, want: sami},
		{name: "a launch is not for any process", workload: []workload{launched(site, secret, sami)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.workload...)
			r := w.imds(c.query)
			if c.want == nil {
				if r.status != 400 || r.body != badRequest {
					t.Errorf("%d %s", r.status, r.body)
				}
				return
			}
			if got := w.claims(r); got.Object != c.want.ObjectID.String() || w.member(r, "client_id") != c.want.ClientID.String() {
				t.Errorf("%+v, %s", got, r.body)
			}
			if c.echo != "" && w.member(r, c.echo) != c.value {
				t.Errorf("%s is not echoed: %s", c.echo, r.body)
			}
		})
	}
}

func TestG25SeveralUserAssigned(t *testing.T) {
	w := newWorld(t, open(vm, nil, user(1), user(2)))
	const want = `{"error":"invalid_request","error_description":"Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request"}`
	if r := w.imds(""); r.status != 400 || r.body != want {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestG27G28PathsAndMethods(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)), launched(site, secret, system(2, site)))
	for _, path := range []string{tokenPath, tokenPath + "/", "/" + tokenPath, "//metadata//identity/oauth2///token//", "/Metadata/Identity/OAuth2/Token",
		"/metadata/identity/oauth2%2Ftoken"} {
		if r := w.raw("GET "+path+goodQuery, "Metadata: true"); r.status != 200 {
			t.Errorf("G27 %s: %d %s", path, r.status, r.body)
		}
	}
	for _, path := range []string{"/metadata/identity/oauth2/token2", "/metadata/identity/oauth2", "/metadata", "/metadata/instance", "/metadata/nope/", "/", "/tokens", "/msi"} {
		if r := w.raw("GET "+path+goodQuery, "Metadata: true", "X-IDENTITY-HEADER: "+secret); r.status != 404 || w.member(r, "error") == "" {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
		for _, path := range []string{tokenPath, "/msi/token", "/metadata/versions", "/metadata/identity/info"} {
			r := w.raw(method+" "+path+goodQuery, "Metadata: true", "X-IDENTITY-HEADER: "+secret)
			if r.status != 405 || r.header.Get("Allow") != "GET" || !json.Valid([]byte(r.body)) {
				t.Errorf("G28 %s %s: %d %s", method, path, r.status, r.body)
			}
		}
	}
	if w.tokens.Load() != 1 {
		t.Errorf("%d tokens", w.tokens.Load())
	}
}

func TestG29TheSlashAtTheEndOfTheResourceStays(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	for _, audience := range []string{"https://management.azure.com/", "https://management.azure.com", "api://orders/ü?a&b \"c\""} {
		r := w.raw("GET "+tokenPath+"?api-version=2018-02-01&resource="+url.QueryEscape(audience), "Metadata: true")
		if got := w.claims(r).Audience; got != audience || w.member(r, "resource") != audience {
			t.Errorf("asked for %q: token for %q, %s", audience, got, r.body)
		}
	}
	if w.tokens.Load() != 3 {
		t.Errorf("%d tokens", w.tokens.Load())
	}
}

func TestG30G31CacheAndBypass(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	first := w.imds("")
	w.advance(10 * time.Second)
	second := w.imds("&bypass_cache=false")
	in := func(r reply) int { n, _ := strconv.Atoi(w.member(r, "expires_in")); return n }
	if w.claims(first) != w.claims(second) || in(first)-in(second) < 9 || in(first)-in(second) > 15 {
		t.Errorf("G30: %s\n%s", first.body, second.body)
	}
	third := w.imds("&bypass_cache=True")
	if w.claims(third) == w.claims(second) {
		t.Error("G31: the same token again")
	}
	if w.claims(w.imds("")) != w.claims(third) {
		t.Error("G31: the new token is not kept")
	}
}

func TestTheTokenThatAResourceRefusedIsNotGivenAgain(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)), launched(site, secret, system(1, vm)))
	first := w.imds("")
	sum := sha256.Sum256([]byte(w.member(first, "access_token")))
	for _, hash := range []string{"", "no hash", strings.Repeat("0", 64), strings.ToUpper(hex.EncodeToString(sum[:]))} {
		if w.claims(w.imds("&token_sha256_to_refresh="+url.QueryEscape(hash))) != w.claims(first) {
			t.Errorf("the hash %q makes a new token", hash)
		}
	}
	second := w.imds("&token_sha256_to_refresh=" + hex.EncodeToString(sum[:]))
	if w.claims(second) == w.claims(first) {
		t.Error("IMDS gives the refused token again")
	}
	if w.claims(w.imds("&token_sha256_to_refresh="+hex.EncodeToString(sum[:]))) != w.claims(second) {
		t.Error("asked again for the same, IMDS makes yet another token")
	}
	first = w.appService(secret, "")
	sum = sha256.Sum256([]byte(w.member(first, "access_token")))
	if w.claims(w.appService(secret, "&token_sha256_to_refresh="+hex.EncodeToString(sum[:]))) == w.claims(first) {
		t.Error("App Service gives the refused token again")
	}
}

func TestG34Claims(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	for claims, status := range map[string]int{
		`{"xms_az_nwperimid":{"essential":true}}`: 200, `{}`: 200, `{"access_token":{}}`: 400, `{"xms_az_nwperimid":{},"x":1}`: 400,
		`null`: 400, `[]`: 400, `{`: 400, `"xms_az_nwperimid"`: 400,
	} {
		if r := w.imds("&claims=" + url.QueryEscape(claims)); r.status != status {
			t.Errorf("%s: %d %s", claims, r.status, r.body)
		}
	}
}

func TestG36TheServerIsDown(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)), launched(site, secret, system(2, site)))
	w.set(func(w *world) { w.down = true })
	for _, r := range []reply{w.imds(""), w.appService(secret, "")} {
		if r.status != 503 || !json.Valid([]byte(r.body)) || r.header.Get("Retry-After") == "" {
			t.Errorf("%d %v %s", r.status, r.header, r.body)
		}
	}
	w.set(func(w *world) {
		w.down = false
		w.mint = func(context.Context, nodeapi.MintRequest) error { return context.DeadlineExceeded }
	})
	if r := w.imds(""); r.status != 500 || strings.Contains(r.body, "deadline") || w.member(r, "error") != "server_error" {
		t.Errorf("%d %s", r.status, r.body)
	}
	w.set(func(w *world) { w.mint = nil })
	if r := w.imds(""); r.status != 200 {
		t.Errorf("the failure is remembered: %d %s", r.status, r.body)
	}
}

func TestG37TheSecondIMDSIsNotOffered(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	for _, path := range []string{"/metadata/identity/getplatformmetadata", "/metadata/identity/issuecredential"} {
		if r := w.raw("GET " + path + "?cred-api-version=2.0"); r.status != 404 || w.member(r, "error") != "not_found" {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
}

func TestG38G10OnlyDirectCallersOfThisHost(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)), launched(site, secret, system(2, site)))
	refused := [][]string{}
	for _, header := range []string{"X-Forwarded-For: 127.0.0.1", "X-Forwarded-For:", "Forwarded: for=127.0.0.1", "X-Forwarded-Host: localhost", "X-Forwarded-Proto: http", "X-Real-IP: 127.0.0.1", "Via: 1.1 proxy",
		"Origin: http://evil.example", "Origin: null", "Referer: http://evil.example/", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: none"} {
		refused = append(refused, []string{header})
	}
	for _, host := range []string{"evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", "169.254.169.253", "[::2]",
		"10.0.0.1", "[::1", "[::1]x", "metadata.google.internal"} {
		refused = append(refused, []string{"Host: " + host})
	}
	for _, headers := range refused {
		headers = append(headers, "Metadata: true", "X-IDENTITY-HEADER: "+secret)
		if r := w.raw("GET "+tokenPath+goodQuery, headers...); r.status != 400 || w.member(r, "error") == "" {
			t.Errorf("IMDS, %s: %d %s", headers[0], r.status, r.body)
		}
		if r := w.raw("GET /msi/token?api-version=2019-08-01&resource=x", headers...); r.status != 400 || w.member(r, "message") == "" {
			t.Errorf("App Service, %s: %d %s", headers[0], r.status, r.body)
		}
	}
	for _, host := range []string{"localhost", "localhost:1", "LocalHost:8169", "127.0.0.1", "127.0.0.1:99", "[::1]", "[::1]:80", "169.254.169.254", "169.254.169.254:80"} {
		if r := w.raw("GET "+tokenPath+goodQuery, "Metadata: true", "Host: "+host); r.status != 200 {
			t.Errorf("Host %s: %d %s", host, r.status, r.body)
		}
	}
	if w.tokens.Load() != 1 {
		t.Errorf("%d tokens", w.tokens.Load())
	}
}

func TestG41G42G50CheapMetadata(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	r := w.raw("GET /metadata/versions", "Metadata: true")
	if r.status != 200 || !strings.HasPrefix(r.body, `{"apiVersions":["2017-03-01",`) || !strings.Contains(r.body, `"2018-02-01"`) || !strings.Contains(r.body, `"2021-02-01"`) {
		t.Errorf("G41: %d %s", r.status, r.body)
	}
	if r := w.raw("GET /metadata/versions"); r.status != 400 || r.body != `{"error":"Bad request. Required metadata header not specified"}` {
		t.Errorf("G42: %d %s", r.status, r.body)
	}
	if r := w.raw("GET /metadata/instance?api-version=2021-02-01"); r.status != 400 || r.body != `{"error":"Bad request. Required metadata header not specified"}` {
		t.Errorf("G42 before 404: %d %s", r.status, r.body)
	}
	if r := w.raw("GET /metadata/identity/info?api-version=2018-02-01", "Metadata: true"); r.status != 200 || r.body != `{"tenantId":"72f98888-0000-4444-8888-000000000001"}` {
		t.Errorf("G50: %d %s", r.status, r.body)
	}
	for line, headers := range map[string][]string{"GET /metadata/identity/info?api-version=2018-02-01": nil, "GET /metadata/identity/info": {"Metadata: true"},
		"GET /metadata/identity/info?api-version=2018-02-01&api-version=2018-02-01": {"Metadata: true"}} {
		if r := w.raw(line, headers...); r.status != 400 || w.member(r, "error") == "" {
			t.Errorf("G50 %s: %d %s", line, r.status, r.body)
		}
	}
}

func TestG4TheLifeOfATokenIsWhatTheServerGives(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	w.lifetime = 24 * time.Hour
	if in, _ := strconv.Atoi(w.member(w.imds(""), "expires_in")); in < 86390 || in > 86400 {
		t.Errorf("expires_in %d", in)
	}
}

func TestHeadIsRefusedWithoutABody(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	response, err := http.Head(w.base + tokenPath)
	if err != nil || response.StatusCode != 405 {
		t.Errorf("%v %v", response, err)
	}
}
