package agent

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/attest"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/nodeapi"
)

const noManagedIdentity = "No Managed Identity found for specified ClientId/ResourceId/PrincipalId."

func TestG57G58TheBodyAndThePaths(t *testing.T) {
	w := newWorld(t, launched(site, secret, system(1, site), user(1)))
	shape := regexp.MustCompile(`^\{"access_token":".+","client_id":".+","expires_in":"[0-9]+","expires_on":"[0-9]+",` +
		`"ext_expires_in":"[0-9]+","not_before":"[0-9]+","resource":"https://vault.azure.net","token_type":"Bearer"\}$`)
	for _, path := range []string{"/msi/token", "/msi/token/", "/MSI/token", "/MSI/token/", "//msi//token", "/Msi/Token"} {
		r := w.raw("GET "+path+"?resource=https://vault.azure.net&api-version=2019-08-01", "X-IDENTITY-HEADER: "+secret)
		if r.status != 200 || !shape.MatchString(r.body) || w.claims(r).Object != system(1, site).ObjectID.String() {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	if w.tokens.Load() != 1 {
		t.Errorf("%d tokens", w.tokens.Load())
	}
}

func TestG59toG61G63toG66Refusals(t *testing.T) {
	others := "2f0c7f0e-0000-4000-8000-000000000000"
	expired := launched(site, "expired", system(3, site))
	expired.Binding, expired.Expires = guid.GUID{3, 3}, time.Now().Add(-time.Second)
	attested := launched(site, "attested", system(4, site))
	attested.Binding, attested.Selectors = guid.GUID{4, 4}, append(attested.Selectors, "uid:1000")
	w := newWorld(t, open(vm, system(9, vm)), launched(site, secret, nil, user(1)), expired, attested)
	w.mint = func(_ context.Context, m nodeapi.MintRequest) error {
		if m.Audience == "unknown" {
			return apierr.New(apierr.AudienceUnknown, "no such resource")
		}
		return nil
	}
	client := "&client_id=" + user(1).ClientID.String()
	const query = "?api-version=2019-08-01&resource=x"
	for _, c := range []struct {
		name, query string
		headers     []string
		status      int
		message     string
	}{
		{"G59", query, nil, 401, "The header X-IDENTITY-HEADER is missing"},
		{"G59 Metadata is another header", query, []string{"Metadata: true"}, 401, "The header X-IDENTITY-HEADER is missing"},
		{"G59 empty", query, []string{"X-IDENTITY-HEADER:"}, 401, "The header X-IDENTITY-HEADER is missing"},
		{"G60", query, []string{"X-IDENTITY-HEADER: " + others}, 401, "The value of X-IDENTITY-HEADER belongs to no workload"},
		{"G60 the hash is not the secret", query, []string{"X-IDENTITY-HEADER: " + string(attest.Launch(secret))}, 401, "The value of X-IDENTITY-HEADER belongs"},
		{"G60 twice", query, []string{"X-IDENTITY-HEADER: " + secret, "X-IDENTITY-HEADER: " + secret}, 401, "There is more than one"},
		{"G60 expired", query, []string{"X-IDENTITY-HEADER: expired"}, 401, "The value of X-IDENTITY-HEADER belongs to no workload of this machine, or no longer"},
		{"header right, attestation does not permit it", query, []string{"X-IDENTITY-HEADER: attested"}, 400, noManagedIdentity},
		{"G61", query, []string{"X-IDENTITY-HEADER: " + secret}, 400, noManagedIdentity},
		{"G63", query + "&client_id=" + others, []string{"X-IDENTITY-HEADER: " + secret}, 400, noManagedIdentity},
		{"G64", query + client + "&mi_res_id=/x", []string{"X-IDENTITY-HEADER: " + secret}, 400, "Only one of client_id, object_id"},
		{"G64 principal_id and object_id", query + "&principal_id=x&object_id=x", []string{"X-IDENTITY-HEADER: " + secret}, 400, "Only one of"},
		{"G65", "?api-version=2019-08-01&resource=unknown" + client, []string{"X-IDENTITY-HEADER: " + secret}, 400, "AADSTS500011: The resource principal named unknown"},
		{"G66", "?api-version=2020-01-01&resource=x" + client, []string{"X-IDENTITY-HEADER: " + secret}, 400, "The api-version is not supported"},
		{"G66 a version of IMDS", "?api-version=2018-02-01&resource=x" + client, []string{"X-IDENTITY-HEADER: " + secret}, 400, "The api-version is not supported"},
		{"G66 none", "?resource=x" + client, []string{"X-IDENTITY-HEADER: " + secret}, 400, "The query variable 'api-version' is missing"},
		{"no resource", "?api-version=2019-08-01" + client, []string{"X-IDENTITY-HEADER: " + secret}, 400, "Required query variable 'resource' is missing"},
		{"claims are no parameter here", query + client + "&claims=x", []string{"X-IDENTITY-HEADER: " + secret}, 200, ""},
		{"G71", query + client, []string{"X-IDENTITY-HEADER: " + secret, "Metadata: false"}, 200, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := w.raw("GET /msi/token"+c.query, c.headers...)
			if r.status != c.status || !strings.HasPrefix(w.member(r, "message"), c.message) {
				t.Fatalf("%d %s", r.status, r.body)
			}
			if c.status == 200 {
				return
			}
			id := r.header.Get("x-ms-request-id")
			if _, err := guid.Parse(id); err != nil || w.member(r, "correlationId") != id || !regexp.MustCompile(`^\{"statusCode":4..,"message":".*","correlationId":".*"\}$`).MatchString(r.body) {
				t.Errorf("request id %q, %s", id, r.body)
			}
		})
	}
}

func TestG62EachSelector(t *testing.T) {
	u := user(1)
	w := newWorld(t, launched(site, secret, system(1, site), u, user(2)))
	for _, query := range []string{"&client_id=" + u.ClientID.String(), "&principal_id=" + u.ObjectID.String(), "&object_id=" + u.ObjectID.String(),
		"&mi_res_id=" + string(u.ResourceID), "&msi_res_id=" + string(u.ResourceID)} {
		if c := w.claims(w.appService(secret, query)); c.Object != u.ObjectID.String() || c.Compute != string(site) {
			t.Errorf("%s: %+v", query, c)
		}
	}
	if w.tokens.Load() != 1 {
		t.Errorf("%d tokens for one identity and one audience", w.tokens.Load())
	}
}

func TestG40TheSameIdentityOnTwoResourcesHasTwoTokens(t *testing.T) {
	u := user(1)
	w := newWorld(t, open(vm, nil, u), launched(site, secret, nil, u))
	if c := w.claims(w.imds("")); c.Compute != string(vm) {
		t.Errorf("IMDS: %+v", c)
	}
	if c := w.claims(w.appService(secret, "&client_id="+u.ClientID.String())); c.Compute != string(site) {
		t.Errorf("App Service: %+v", c)
	}
}

func TestAnUnknownHeaderNeverReachesTheBindingOfAnyProcess(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	if r := w.appService("guess", ""); r.status != 401 || w.tokens.Load() != 0 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := w.appService("guess", "&client_id="+system(1, vm).ClientID.String()); r.status != 401 || w.tokens.Load() != 0 {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestARefusalIsNeverGivenOnOldKnowledge(t *testing.T) {
	w := newWorld(t, launched(site, secret, nil))
	if r := w.appService(secret, ""); r.status != 400 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	// The agent is not told, as if its watch were slow.
	w.edit(false, func(s *nodeapi.Workloads) { s.Bindings[0].System = system(1, site) })
	if r := w.appService(secret, ""); r.status != 200 {
		t.Errorf("an identity assigned a moment ago: %d %s", r.status, r.body)
	}
	w.edit(false, func(s *nodeapi.Workloads) {
		s.Bindings = append(s.Bindings, launched(vm, "second", system(2, vm)))
		s.Bindings[1].Binding = guid.GUID{9}
	})
	if r := w.appService("second", ""); r.status != 200 {
		t.Errorf("a launch of a moment ago: %d %s", r.status, r.body)
	}
	w.edit(false, func(s *nodeapi.Workloads) { s.Bindings = append(s.Bindings, open(vm, nil, user(1))) })
	if r := w.imds(""); r.status != 200 {
		t.Errorf("a default resource of a moment ago: %d %s", r.status, r.body)
	}
}

// legacy asks the endpoint of App Service as az does: a slash before the query, the resource as it is.
func (w *world) legacy(secret, more string) reply {
	w.t.Helper()
	return w.raw("GET /msi/token/?resource="+vault+"&api-version=2017-09-01"+more, "secret: "+secret)
}

func TestG67toG71TheFormOf2017(t *testing.T) {
	u := user(1)
	w := newWorld(t, launched(site, secret, system(1, site), u))
	for _, c := range []struct {
		name, query string
		want        *nodeapi.Identity
	}{
		{"G67", "", system(1, site)},
		{"G68", "&clientid=", system(1, site)},
		{"G69", "&clientid=" + u.ClientID.String(), &u},
		{"G69 named a second time in other letters", "&ClientId=" + strings.ToUpper(u.ClientID.String()), &u},
		{"the system-assigned one by its client id", "&clientid=" + system(1, site).ClientID.String(), system(1, site)},
	} {
		r := w.legacy(secret, c.query)
		if got := w.claims(r); got.Object != c.want.ObjectID.String() || got.Audience != vault || got.Compute != string(site) {
			t.Errorf("%s: %+v", c.name, got)
		}
		if !regexp.MustCompile(`"client_id":"` + c.want.ClientID.String() + `".*"expires_on":"[0-9]{10}".*"resource":"` + vault + `","token_type":"Bearer"}$`).MatchString(r.body) {
			t.Errorf("%s: not the members and times that az and Azure ML clients read: %s", c.name, r.body)
		}
	}
	if w.tokens.Load() != 2 {
		t.Errorf("%d tokens for two identities", w.tokens.Load())
	}
	r := w.raw("GET /msi/token?api-version=2017-09-01&resource="+vault, "Secret: "+secret, "Metadata: true")
	if r.status != 200 {
		t.Errorf("G71: %d %s", r.status, r.body)
	}
	r = w.raw("GET /msi/token?api-version=2019-08-01&resource="+vault, "secret: other", "X-IDENTITY-HEADER: "+secret)
	if r.status != 200 {
		t.Errorf("both headers are the newer form: %d %s", r.status, r.body)
	}
}

func TestG70RefusalsOfTheFormOf2017(t *testing.T) {
	others := "2f0c7f0e-0000-4000-8000-000000000000"
	w := newWorld(t, open(vm, system(9, vm)), launched(site, secret, nil, user(1)))
	const query = "?resource=x&api-version=2017-09-01"
	for _, c := range []struct {
		name, query string
		headers     []string
		status      int
		code        string
		message     string
	}{
		{"G70", query, []string{"secret: " + others}, 401, "EndpointHeaderWrong", "The value of secret belongs to no workload"},
		{"G70 empty", query, []string{"secret:"}, 401, "EndpointHeaderMissing", "The header secret is missing"},
		{"G70 twice", query, []string{"secret: " + secret, "secret: " + secret}, 401, "EndpointHeaderWrong", "There is more than one header secret"},
		{"G70 none", query, nil, 401, "EndpointHeaderMissing", "The header X-IDENTITY-HEADER is missing. Client libraries"},
		{"the newer header", query, []string{"X-IDENTITY-HEADER: " + secret}, 400, "APIVersionInvalid", "The header X-IDENTITY-HEADER goes with api-version=2019-08-01"},
		{"the newer version", "?resource=x&api-version=2019-08-01", []string{"secret: " + secret}, 400, "APIVersionInvalid", "The header secret goes with api-version=2017-09-01"},
		{"no system-assigned identity", query, []string{"secret: " + secret}, 400, "IdentityNotFound", noManagedIdentity},
		{"clientid of another", query + "&clientid=" + others, []string{"secret: " + secret}, 400, "IdentityNotFound", noManagedIdentity},
		{"a selector of the newer form", query + "&client_id=" + others, []string{"secret: " + secret}, 400, "ParameterUnsupported", "With api-version=2017-09-01 the identity is named by 'clientid'"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := w.raw("GET /msi/token"+c.query, c.headers...)
			id := r.header.Get("x-ms-request-id")
			if r.status != c.status || !strings.HasPrefix(w.member(r, "message"), c.message) || w.member(r, "correlationId") != id {
				t.Errorf("%d %s", r.status, r.body)
			}
			trace := w.trace()
			if trace.ID.String() != id || trace.Code != c.code || !strings.HasPrefix(trace.API, "App Service") {
				t.Errorf("%+v", trace)
			}
		})
	}
	if r := w.raw("POST /msi/token", "secret: "+secret, "Content-Length: 10", "Content-Type: application/x-www-form-urlencoded"); r.status != 405 {
		t.Errorf("Cloud Shell's form: %d %s", r.status, r.body)
	}
	if w.tokens.Load() != 0 {
		t.Errorf("%d tokens", w.tokens.Load())
	}
}

func TestTracesTellWhyAndHoldNoSecret(t *testing.T) {
	w := newWorld(t, launched(site, secret, nil, user(1)))
	r := w.appService(secret, "&client_id=$(reboot)")
	trace := w.trace()
	if trace.ID.String() != r.header.Get("x-ms-request-id") || trace.API != "App Service" || trace.Caller != string(site) || trace.Status != 400 ||
		trace.Code != "IdentityNotFound" || trace.Path != "/msi/token" || trace.Method != "GET" || trace.Tenant != w.state.Tenant {
		t.Errorf("%+v", trace)
	}
	var checks, all []string
	for _, s := range trace.Steps {
		checks, all = append(checks, s.Check), append(all, s.Result)
	}
	if got := strings.Join(checks, ", "); got != "caller, request, workload binding, identity" {
		t.Errorf("steps: %s", got)
	}
	if trace.Help != "inborn identity assign "+string(site)+" IDENTITY" {
		t.Errorf("help: %s", trace.Help)
	}
	if text := strings.Join(all, "\n"); strings.Contains(text, secret) || !strings.Contains(text, user(1).ClientID.String()) {
		t.Errorf("steps: %s", text)
	}
	w.appService("wrong-secret", "")
	trace = w.trace()
	for _, s := range trace.Steps {
		if strings.Contains(s.Result, "wrong-secret") {
			t.Errorf("the trace holds the header: %+v", s)
		}
	}
	if trace.Code != "EndpointHeaderWrong" || trace.Help != "inborn env --as RESOURCE" {
		t.Errorf("%+v", trace)
	}
}

func TestHelpSaysWhatToType(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		bindings []nodeapi.Workload
		ask      func() reply
		help     string
	}{
		{nil, func() reply { return w.imds("") }, "inborn dev --default-resource RESOURCE"},
		{[]nodeapi.Workload{open(vm, nil)}, func() reply { return w.imds("") }, "inborn identity assign " + string(vm) + " --system"},
		{[]nodeapi.Workload{open(vm, nil, user(1), user(2))}, func() reply { return w.imds("") }, "export AZURE_CLIENT_ID=" + user(1).ClientID.String()},
		{[]nodeapi.Workload{open(vm, nil)}, func() reply { return w.imds("&client_id=" + user(3).ClientID.String()) },
			"inborn identity assign " + string(vm) + " " + user(3).ClientID.String()},
		{[]nodeapi.Workload{launched(site, secret, nil, user(1))}, func() reply { return w.appService(secret, "") },
			"export AZURE_CLIENT_ID=" + user(1).ClientID.String()},
	} {
		w.edit(true, func(s *nodeapi.Workloads) { s.Bindings = c.bindings })
		if r := c.ask(); r.status != 400 {
			t.Errorf("%s: %d %s", c.help, r.status, r.body)
		}
		if trace := w.trace(); trace.Help != c.help {
			t.Errorf("help %q, want %q", trace.Help, c.help)
		}
	}
}

func TestTwoBindingsOfAnyProcessAreRefused(t *testing.T) {
	second := open(site, system(2, site))
	second.Binding = guid.GUID{8}
	w := newWorld(t, open(vm, system(1, vm)), second)
	if r := w.imds(""); r.status != 400 || w.member(r, "error") != "invalid_request" || w.tokens.Load() != 0 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if trace := w.trace(); trace.Code != "WorkloadAmbiguous" {
		t.Errorf("%+v", trace)
	}
}

func TestAFloodOfRefusalsDropsTracesAndHoldsNobodyUp(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	client := http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	start := time.Now()
	for range 1000 {
		response, err := client.Get(w.base + tokenPath)
		if err != nil || response.StatusCode != 400 {
			t.Fatalf("%v %v", response, err)
		}
		response.Body.Close()
	}
	if time.Since(start) > 5*time.Second {
		t.Errorf("1000 refusals took %v", time.Since(start))
	}
	time.Sleep(100 * time.Millisecond)
	if n := len(w.traces); n == 0 || n > 250 {
		t.Errorf("%d traces", n)
	}
}
