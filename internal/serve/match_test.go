package serve

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/apierr"
)

func noop(http.ResponseWriter, *http.Request) error { return nil }

func routerOf(patterns ...string) *router {
	var routes []Route
	for _, p := range patterns {
		method, pattern, _ := strings.Cut(p, " ")
		routes = append(routes, Route{Method: method, Pattern: pattern, Handle: noop})
	}
	return newRouter(routes)
}

// found returns "pattern name=value ..." or the code of the error.
func found(t *testing.T, router *router, method, target string) string {
	t.Helper()
	u, err := url.ParseRequestURI(target)
	if err != nil {
		t.Fatal(err)
	}
	var m match
	if err := router.find(&http.Request{Method: method, URL: u}, &m); err != nil {
		s := apierr.From(err).Code.String()
		if m.allow != "" {
			s += " " + m.allow
		}
		return s
	}
	s := m.route.Pattern
	for i, name := range m.params {
		s += " " + name + "=" + m.values[i]
	}
	return s
}

func TestMatch(t *testing.T) {
	const (
		sp       = "/{version:v1.0|beta}/servicePrincipals/{id}"
		spByApp  = "/{version:v1.0|beta}/servicePrincipals(appId={appId})"
		spRoles  = "/{version:v1.0|beta}/servicePrincipals/{id}/appRoleAssignments"
		count    = "/{version:v1.0|beta}/servicePrincipals/$count"
		any      = "/subscriptions/{sub}/resourceGroups/{rg}/providers/{ns}/{type}/{name}"
		site     = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Web/sites/{name}"
		role     = "{scope...}/providers/Microsoft.Authorization/roleAssignments/{name}"
		binding  = "{scope...}/providers/Inborn.Platform/bindings/{name}"
		anyScope = "{scope...}/providers/{ns}/{type}/{name}"
	)
	router := routerOf("GET "+sp, "PATCH "+sp, "GET "+spByApp, "GET "+spRoles, "GET "+count, "GET /", "GET "+any, "PUT "+any, "GET "+site,
		"GET "+role, "PUT "+role, "GET "+binding, "GET "+anyScope)
	for _, c := range []struct{ method, target, want string }{
		{"GET", "/v1.0/servicePrincipals/1", sp + " version=v1.0 id=1"},
		{"GET", "/V1.0/serviceprincipals/1", sp + " version=V1.0 id=1"},
		{"GET", "//beta///servicePrincipals//1/", sp + " version=beta id=1"},
		{"GET", "/v2.0/servicePrincipals/1", "PathUnknown"},
		{"GET", "/v1.0/serviceprincipals('1')", sp + " version=v1.0 id=1"},
		{"GET", "/v1.0/servicePrincipals(%271%27)/appRoleAssignments", spRoles + " version=v1.0 id=1"},
		{"GET", "/v1.0/servicePrincipals(appId='a')", spByApp + " version=v1.0 appId=a"},
		{"GET", "/v1.0/ServicePrincipals%28APPID%3D%27a%27%29", spByApp + " version=v1.0 appId=a"},
		{"GET", "/v1.0/servicePrincipals('O''Neil')", sp + " version=v1.0 id=O'Neil"},
		{"GET", "/v1.0/servicePrincipals('O%27%27Neil')", sp + " version=v1.0 id=O'Neil"},
		{"GET", "/v1.0/servicePrincipals('O'Neil')", "PathUnknown"},
		{"GET", "/v1.0/servicePrincipals('')", "PathUnknown"},
		{"GET", "/v1.0/servicePrincipals(other='a')", "PathUnknown"},
		{"GET", "/v1.0/servicePrincipals('$count')", sp + " version=v1.0 id=$count"},
		{"GET", "/v1.0/servicePrincipals/$count", count + " version=v1.0"},
		{"PATCH", "/v1.0/servicePrincipals/$count", sp + " version=v1.0 id=$count"},
		{"GET", "/v1.0/servicePrincipals/a%2Fb", sp + " version=v1.0 id=a/b"},
		{"GET", "/v1.0/servicePrincipals/a%20b", sp + " version=v1.0 id=a b"},
		{"HEAD", "/v1.0/servicePrincipals/1", sp + " version=v1.0 id=1"},
		{"POST", "/v1.0/servicePrincipals/1", "MethodNotAllowed GET, HEAD, PATCH"},
		{"POST", "/v1.0/servicePrincipals/$count", "MethodNotAllowed GET, HEAD, PATCH"},
		{"GET", "/", "/"},
		{"GET", "//", "/"},
		{"GET", "/v1.0", "PathUnknown"},
		{"GET", "/v1.0/servicePrincipals/1/2", "PathUnknown"},
		{"GET", "/v1.0/servicePrincipals/..", sp + " version=v1.0 id=.."},
		{"GET", "/v1.0/servicePrincipals/a%00b", "RequestMalformed"},
		{"GET", "/" + strings.Repeat("a/", maxSegments+1), "RequestMalformed"},
		{"GET", "/v1.0/" + strings.Repeat("a", 2*maxLiteral), "PathUnknown"},

		{"GET", "/subscriptions/s/resourcegroups/g/providers/microsoft.web/SITES/n", site + " sub=s rg=g name=n"},
		{"PUT", "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/n", any + " sub=s rg=g ns=Microsoft.Web type=sites name=n"},
		{"GET", "/subscriptions/s/resourceGroups/my(rg)/providers/a/b/c", any + " sub=s rg=my(rg) ns=a type=b name=c"},
		{"GET", "/subscriptions/s/resourceGroups/g/providers/Microsoft.Authorization/roleAssignments/n",
			role + " scope=/subscriptions/s/resourceGroups/g name=n"},
		{"GET", "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/w/providers/Inborn.Platform/bindings/n",
			binding + " scope=/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/w name=n"},
		{"GET", "//providers/microsoft.authorization/roleassignments/n", role + " scope=/ name=n"},
		{"GET", "/a%2Fb/providers/Inborn.Platform/bindings/n", "PathUnknown"},
		{"DELETE", "/x/providers/Microsoft.Authorization/roleAssignments/n", "MethodNotAllowed GET, HEAD, PUT"},
	} {
		if got := found(t, router, c.method, c.target); got != c.want {
			t.Errorf("%s %s\n got %s\nwant %s", c.method, c.target, got, c.want)
		}
	}
}

func TestBadPatternsPanic(t *testing.T) {
	for _, p := range []string{"GET a", "GET /{}", "GET /a{b}", "GET /{a", "GET /a}", "GET /{a...}/b/{c...}", "GET {a...}", "GET /x(a={b}",
		"GET /{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}", " /a"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("pattern %q was accepted", p)
				}
			}()
			routerOf(p)
		}()
	}
	defer func() {
		if recover() == nil {
			t.Error("two routes for one path were accepted")
		}
	}()
	routerOf("GET /a/{b}", "GET /A/{c}")
}

func FuzzMatch(f *testing.F) {
	router := routerOf("GET /{version:v1.0|beta}/sets/{id}", "GET /{version}/sets(key={id})", "GET {scope...}/providers/ns/things/{name}", "GET /a/{b}/{c}/d")
	f.Add("/v1.0/sets('a''b')")
	f.Add("/v1.0/sets(key='%27%27')")
	f.Add("/x/providers/ns/things/y")
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		var m match
		err = router.find(&http.Request{Method: "GET", URL: u}, &m)
		if (err == nil) != (m.route != nil) {
			t.Fatalf("%q: route %v, error %v", path, m.route, err)
		}
		if err != nil {
			return
		}
		for i, name := range m.params {
			if m.values[i] == "" {
				t.Fatalf("%q: parameter %s is empty", path, name)
			}
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	router := routerOf("GET /{version:v1.0|beta}/servicePrincipals/{id}", "GET /{version:v1.0|beta}/servicePrincipals(appId={id})",
		"GET {scope...}/providers/Microsoft.Authorization/roleAssignments/{name}")
	r := httptest.NewRequest("GET", "/v1.0/serviceprincipals(appId='f8973019-6953-433b-b935-adc31f5646d5')", nil)
	b.ReportAllocs()
	for b.Loop() {
		var m match
		if router.find(r, &m) != nil || m.values[1] == "" {
			b.Fatal("not found")
		}
	}
}
