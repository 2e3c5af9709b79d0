package arm

import (
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/state"
)

// What the checklist of the specification begins with, and what else of it has no better place, by the numbers there.
func TestCasesOfTheChecklist(t *testing.T) {
	w := start(t)
	anonymous := func(version string) answer {
		w.Helper()
		return w.send(map[string]string{}, "GET", "/metadata/endpoints?api-version="+version, "")
	}
	t.Run("case 1: cloud metadata is one object since 2022-09-01", func(*testing.T) {
		a := anonymous("2022-09-01")
		if a.status != 200 || a.at("name") == "" || a.at("resourceManager") == "" || a.at("microsoftGraphResourceId") == "" {
			t.Errorf("%d %s", a.status, a.text)
		}
	})
	t.Run("case 2: a list before", func(*testing.T) {
		status, text := metadata(t, w.url, "2019-05-01")
		if status != 200 || !strings.HasPrefix(text, `[{"name":"Inborn"`) {
			t.Errorf("%d %s", status, text)
		}
	})
	t.Run("case 3: and endpoints in 2015", func(*testing.T) {
		a := anonymous("2015-01-01")
		if a.status != 200 || a.at("graphEndpoint") == "" || a.at("authentication", "loginEndpoint") != w.url || a.at("authentication", "audiences", "0") == "" {
			t.Errorf("%d %s", a.status, a.text)
		}
	})
	t.Run("case 4: a version that is none", func(*testing.T) { w.status("metadata", anonymous("soon"), 400, "InvalidApiVersionParameter") })
	t.Run("case 5: no token", func(*testing.T) {
		a := w.send(map[string]string{}, "GET", "/subscriptions"+v1, "")
		w.status("subscriptions", a, 401, "AuthenticationFailed")
		if challenge := a.header.Get("WWW-Authenticate"); !strings.HasPrefix(challenge, `Bearer authorization_uri="`+w.url+"/") {
			t.Errorf("%q", challenge)
		}
	})
	t.Run("case 6: a token for Graph", func(*testing.T) {
		g := grantOf(home)
		g.Audience = "https://graph.microsoft.com/"
		w.status("subscriptions", w.as(sign(t, g, signingKey(), now), "GET", "/subscriptions"+v1, ""), 401, "InvalidAuthenticationTokenAudience")
	})
	t.Run("case 7: no api-version", func(*testing.T) {
		a := w.do("GET", "/subscriptions", "")
		w.status("subscriptions", a, 400, "MissingApiVersionParameter")
		w.equal("message", a.at("error", "message"), "The api-version query parameter (?api-version=) is required for all requests.")
	})
	t.Run("case 8: the tenant is the caller's", func(*testing.T) {
		a := w.want(200, "GET", "/tenants"+v1, "")
		w.equal("tenant", a.at("value", "0", "tenantId")+a.at("value", "0", "tenantCategory")+a.at("value", "1"), home.ID.String()+"Home")
	})
	t.Run("case 9: an Owner sees his subscription", func(*testing.T) {
		a := w.want(200, "GET", "/subscriptions"+v1, "")
		w.equal("subscription", a.at("value", "0", "state")+a.at("value", "0", "tenantId")+a.at("value", "1"), "Enabled"+home.ID.String())
	})
	t.Run("case 53: a built-in role by its id", func(*testing.T) {
		w.equal("role", w.want(200, "GET", rg+rolesAt+"/"+blobReader+v2022, "").at("properties", "roleName"), "Storage Blob Data Reader")
	})
	t.Run("case 60: a doubled slash", func(*testing.T) {
		w.equal("role", w.want(200, "GET", "/"+rolesAt+"/"+reader+v2022, "").at("properties", "roleName"), "Reader")
	})
}

// Case 77 wants the assignments of a principal that is deleted listed for ever. Section 11 of the design says otherwise:
// they go with it, come back with it, and nothing dangles. One that was taken on trust stays, as there was nobody to go.
func TestCase77AssignmentsGoWithTheirPrincipal(t *testing.T) {
	w := start(t)
	who, bearer := w.robot()
	const later = "dddddddd-dddd-4ddd-8ddd-dddddddddddd"
	w.status("given", w.assign("", rg, 1, who.id.String(), reader, ""), 201, "")
	w.status("on trust", w.assign("", rg, 2, later, reader, `,"principalType":"ServicePrincipal"`), 201, "")
	w.status("it counts", w.as(bearer, "GET", rg+v1, ""), 200, "")
	w.want(200, "DELETE", uami+"robot"+v1, "")
	listed := w.want(200, "GET", rg+given+v2022+"&$filter=atScope()", "")
	w.equal("what is left", listed.at("value", "0", "properties", "principalId")+listed.at("value", "0", "properties", "principalType")+listed.at("value", "1"), later+"ServicePrincipal")
	w.status("its token", w.as(bearer, "GET", rg+v1, ""), 401, "InvalidAuthenticationToken")
	w.change(home, func(d *state.Draft) error { _, err := d.RestoreIdentity(who.id); return err })
	w.status("restored", w.as(bearer, "GET", rg+v1, ""), 200, "")
}
