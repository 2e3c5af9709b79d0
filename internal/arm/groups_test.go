package arm

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/resource"
)

// Cases 12 to 15, 92 and 93 of the conformance checklist, by their numbers.

const group2 = "/subscriptions/" + subscription + "/resourceGroups/Orders"

func TestResourceGroupCases(t *testing.T) {
	w := start(t)
	t.Run("12", func(*testing.T) {
		w.want(201, "PUT", group2+v1, `{"location":"westeurope"}`)
		w.want(200, "PUT", group2+v1, `{"location":"westeurope"}`)
		w.want(204, "HEAD", group2+v1, "")
		w.want(404, "HEAD", group2+"2"+v1, "")
		w.equal("unknown", w.want(404, "GET", group2+"2"+v1, "").at("error", "code"), "ResourceGroupNotFound")
	})
	t.Run("13", func(*testing.T) {
		w.equal("no location", w.want(400, "PUT", group2+"2"+v1, `{}`).at("error", "code"), "LocationRequired")
	})
	t.Run("14", func(*testing.T) {
		lower := strings.Replace(group2, "resourceGroups", "resourcegroups", 1)
		w.equal("lower case", w.want(200, "GET", lower+v1, "").text, w.want(200, "GET", group2+v1, "").text)
	})
	t.Run("15", func(t *testing.T) { w.T = t; w.deleteGroup() })
	w.T = t
}

// deleteGroup deletes a group with all sorts of things in it, as a client that follows Location does.
func (w *world) deleteGroup() {
	w.Helper()
	const in = group2 + "/providers/"
	before := w.principals()
	w.want(201, "PUT", in+"Microsoft.ManagedIdentity/userAssignedIdentities/id-orders"+v1, `{"location":"local"}`)
	id := in + "Microsoft.ManagedIdentity/userAssignedIdentities/id-orders"
	site := w.want(200, "PUT", in+"Microsoft.Web/sites/orders"+v1, `{"location":"local","identity":{"type":"SystemAssigned"}}`)
	w.want(200, "PUT", in+"Microsoft.Web/sites/orders/config/appsettings"+v1, `{"properties":{"A":"b"}}`)
	w.want(200, "PUT", in+"Microsoft.Web/sites/orders/slots/blue"+v1, `{"location":"local","identity":{"type":"SystemAssigned"}}`)
	w.want(200, "PUT", sites+"elsewhere"+v1, block("UserAssigned", `"`+id+`":{}`))
	principal := site.at("identity", "principalId")
	if w.grantRole(principal) != 1 || w.principals() != before+3 {
		w.Fatalf("%d principals", w.principals())
	}
	answer := w.want(202, "DELETE", strings.ToLower(group2)+v1, "")
	at := answer.header.Get("Location")
	if !strings.HasPrefix(at, w.url+"/subscriptions/") || answer.header.Get("Retry-After") != "1" || answer.text != "" {
		w.Errorf("Location %q, Retry-After %q, body %q", at, answer.header.Get("Retry-After"), answer.text)
	}
	w.want(200, "GET", at, "")
	w.want(404, "GET", group2+v1, "")
	w.equal("contents", w.want(404, "GET", in+"Microsoft.Web/sites/orders"+v1, "").at("error", "code"), "ResourceGroupNotFound")
	if w.principals() != before || w.assignments(principal) != 0 {
		w.Errorf("%d principals and %d grants are left", w.principals()-before, w.assignments(principal))
	}
	w.equal("the block that had its identity", w.want(200, "GET", sites+"elsewhere"+v1, "").at("identity"), "map[type:None]")
	for r := range w.dir().Resources(group2) {
		w.Errorf("%s is left", r.ID)
	}
	if _, found, err := w.store.Cipher(w.Context(), home.ID, cipherOf(in+"Microsoft.Web/sites/orders", "appsettings")); found || err != nil {
		w.Errorf("the settings are left: %v", err)
	}
	w.want(404, "DELETE", group2+v1, "")
	w.want(201, "PUT", group2+v1, `{"location":"local"}`)
	w.want(404, "GET", in+"Microsoft.Web/sites/orders"+v1, "")
	w.want(404, "GET", "/subscriptions/"+subscription+"/operationresults/!"+v1, "")
}

func TestTags(t *testing.T) {
	w := start(t)
	const tags = "/providers/Microsoft.Resources/tags/default"
	w.want(200, "PUT", sites+"a"+v1, `{"location":"local","tags":{"team":"web"}}`)
	w.want(201, "PUT", uami+"one"+v1, `{"location":"local"}`)
	w.equal("PATCH of a group", w.want(200, "PATCH", rg+v1, `{"tags":{"a":"1","b":"2"}}`).at("tags"), "map[a:1 b:2]")
	w.equal("PATCH without", w.want(200, "PATCH", rg+v1, `{}`).at("tags"), "map[a:1 b:2]")
	w.equal("PUT replaces", w.want(200, "PUT", rg+v1, `{"location":"local","tags":{"c":"3"}}`).at("tags"), "map[c:3]")
	for _, scope := range []string{"/subscriptions/" + subscription, rg, sites + "a", uami + "one"} {
		for i, step := range []struct{ method, body, want string }{
			{"PUT", `{"properties":{"tags":{"a":"1","b":"2"}}}`, "map[a:1 b:2]"},
			{"PATCH", `{"operation":"Merge","properties":{"tags":{"B":"3","c":"4"}}}`, "map[a:1 b:3 c:4]"},
			{"PATCH", `{"operation":"delete","properties":{"tags":{"a":"1","b":"other"}}}`, "map[b:3 c:4]"},
			{"PATCH", `{"operation":"Replace","properties":{"tags":{"x":"y"}}}`, "map[x:y]"},
		} {
			got := w.want(200, step.method, scope+tags+v1, step.body)
			if got.at("properties", "tags") != step.want || got.at("type") != "Microsoft.Resources/tags" || got.at("id") != scope+tags {
				t.Errorf("%s step %d: %s; want %s", scope, i, got.text, step.want)
			}
			w.equal("GET", w.want(200, "GET", scope+tags+v1, "").text, got.text)
			w.equal("at the thing itself", w.want(200, "GET", scope+v1, "").at("tags"), step.want)
		}
	}
	for filter, want := range map[string]string{"tagName+eq+'X'": "2", "tagName+eq+'x'+and+tagValue+eq+'y'": "2", "tagName+eq+'x'+and+tagValue+eq+'z'": "0",
		"resourceGroup+eq+'DEV'+and+tagName+eq+'x'": "2", "location+eq+'mars'": "0", "tagValue+eq+'y'": "0"} {
		list := w.want(200, "GET", "/subscriptions/"+subscription+"/resources"+v1+"&$filter="+filter, "")
		w.equal(filter, fmt.Sprint(len(list.json["value"].([]any))), want)
	}
	groups := w.want(200, "GET", "/subscriptions/"+subscription+"/resourceGroups"+v1+"&$filter=tagName+eq+'x'+and+tagValue+eq+'y'", "")
	w.equal("groups with the tag", groups.at("value", "0", "name")+groups.at("value", "1", "name"), "Dev")
	names := w.want(200, "GET", "/subscriptions/"+subscription+"/tagNames"+v1, "")
	w.equal("a name", names.at("value", "0", "tagName")+names.at("value", "0", "count", "value")+names.at("value", "0", "values", "0", "tagValue"), "x3y")
	for _, scope := range []string{rg, sites + "a"} {
		w.want(200, "DELETE", scope+tags+v1, "")
		w.equal("deleted", w.want(200, "GET", scope+v1, "").at("tags"), "map[]")
	}
	for path, status := range map[string]int{tags: 400, sites + "none" + tags: 404, group2 + tags: 404, "/subscriptions/" + otherSubscription + tags: 404} {
		w.want(status, "PUT", path+v1, `{"properties":{"tags":{}}}`)
		w.want(status, "GET", path+v1, "")
	}
	for _, body := range []string{`{}`, `{"operation":"Mix","properties":{"tags":{}}}`, `{"operation":"Merge","properties":{"tags":{"":"x"}}}`} {
		w.want(400, "PATCH", rg+tags+v1, body)
	}
}

func TestRegistrationCases(t *testing.T) {
	w := start(t)
	const provider = "/subscriptions/" + subscription + "/providers/Microsoft.ManagedIdentity"
	t.Run("92", func(*testing.T) {
		w.want(201, "PUT", uami+"before"+v1, `{"location":"local"}`)
		w.equal("unregistered", w.want(200, "POST", provider+"/unregister"+v1, "").at("registrationState"), "NotRegistered")
		w.equal("told", w.want(200, "GET", provider+v1, "").at("registrationState"), "NotRegistered")
		refused := w.want(409, "PUT", uami+"one"+v1, `{"location":"local"}`)
		w.equal("code", refused.at("error", "code"), "MissingSubscriptionRegistration")
		w.equal("message", refused.at("error", "message"), "The subscription is not registered to use namespace 'Microsoft.ManagedIdentity'."+
			" See https://aka.ms/rps-not-found for how to register subscriptions.")
		w.equal("what azcore reads", refused.at("error", "details", "0", "target"), "Microsoft.ManagedIdentity")
		w.want(200, "GET", uami+"before"+v1, "")
		w.want(200, "DELETE", uami+"before"+v1, "")
		w.want(200, "PUT", sites+"a"+v1, `{"location":"local"}`)
		w.want(200, "POST", provider+"/register?api-version=2019-05-01", "")
		w.want(201, "PUT", uami+"one"+v1, `{"location":"local"}`)
		w.equal("always there", w.want(200, "POST", "/subscriptions/"+subscription+"/providers/Microsoft.Resources/unregister"+v1, "").
			at("registrationState"), "Registered")
	})
	t.Run("93", func(*testing.T) {
		refused := w.want(400, "PUT", uami+"two?api-version=2015-08-31", `{"location":"local"}`)
		w.equal("code", refused.at("error", "code"), "NoRegisteredProviderFound")
		for _, part := range []string{"API version '2015-08-31' for type 'userAssignedIdentities'", "2024-11-30", "westeurope"} {
			if !strings.Contains(refused.at("error", "message"), part) {
				t.Errorf("%s lacks %s", refused.text, part)
			}
		}
		w.want(200, "GET", uami+"one?api-version=2018-11-30", "")
		w.want(200, "GET", sites+"a?api-version=2031-01-01-preview", "")
	})
}

func TestOperations(t *testing.T) {
	w := start(t)
	list := w.want(200, "GET", "/providers/Microsoft.ManagedIdentity/operations"+v1, "")
	if !strings.Contains(list.text, `"name":"Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"`) || list.at("value", "0", "display", "provider") == "" {
		t.Errorf("%s", list.text)
	}
	one := w.want(200, "GET", "/providers/Microsoft.Authorization/providerOperations/microsoft.web"+v1+"&$expand=resourceTypes", "")
	w.equal("name", one.at("name"), "Microsoft.Web")
	if !strings.Contains(one.text, `"Microsoft.Web/sites/restart/action"`) {
		t.Errorf("%s", one.text)
	}
	w.want(200, "GET", "/providers/Microsoft.Authorization/providerOperations"+v1, "")
	w.want(404, "GET", "/providers/Contoso.Nothing/operations"+v1, "")
}

// TestConditions: of two that read the same state, one changes it and the other is told.
func TestConditions(t *testing.T) {
	w := start(t)
	for _, thing := range []struct{ path, first, second string }{
		{rg, `{"location":"local","tags":{"n":"1"}}`, `{"location":"local","tags":{"n":"2"}}`},
		{uami + "one", `{"location":"local"}`, `{"location":"local","tags":{"n":"2"}}`},
		{jobs + "a", `{"location":"local"}`, `{"location":"local","tags":{"n":"2"}}`},
	} {
		with := func(header, value string) func(status int, method, body string) answer {
			return func(status int, method, body string) answer {
				t.Helper()
				a := w.send(map[string]string{"Authorization": "Bearer " + sign(t, grantOf(home), signingKey(), now), header: value}, method, thing.path+v1, body)
				if a.status != status {
					t.Fatalf("%s %s with %s: %s: %d %s; want %d", method, thing.path, header, value, a.status, a.text, status)
				}
				return a
			}
		}
		if thing.path != rg {
			w.equal("code", with("If-Match", "*")(412, "PUT", thing.first).at("error", "code"), "PreconditionFailed")
		}
		first := w.do("PUT", thing.path+v1, thing.first).header.Get("ETag")
		with("If-None-Match", "*")(412, "PUT", thing.second)
		with("If-Match", `"other"`)(412, "PATCH", `{"tags":{}}`)
		second := with("If-Match", first)(200, "PUT", thing.second).header.Get("ETag")
		if first == "" || second == "" || first == second {
			t.Errorf("%s: the entity tags %q and %q", thing.path, first, second)
		}
		with("If-Match", first)(412, "PUT", thing.first)
		with("If-Match", first)(412, "DELETE", "")
		w.equal("nothing changed", w.want(200, "GET", thing.path+v1, "").at("tags"), "map[n:2]")
		w.equal("GET tells it", with("Accept", "*/*")(200, "PATCH", `{}`).header.Get("ETag"), second)
		with("If-Match", `"other", `+second)(map[bool]int{true: 202, false: 200}[thing.path == rg], "DELETE", "")
		if thing.path == rg {
			w.want(201, "PUT", rg+v1, `{"location":"local"}`)
		}
	}
	w.want(201, "PUT", jobs+"b"+v1, `{"location":"local"}`)
	w.equal("in the body", w.want(200, "GET", jobs+"b"+v1, "").at("etag"), w.want(200, "GET", jobs+"b"+v1, "").header.Get("ETag"))
}

// TestOneOfManyWithTheSameTagWins sends the same condition many times at once.
func TestOneOfManyWithTheSameTagWins(t *testing.T) {
	w := start(t)
	tag := w.want(201, "PUT", jobs+"a"+v1, `{"location":"local"}`).header.Get("ETag")
	header := map[string]string{"Authorization": "Bearer " + sign(t, grantOf(home), signingKey(), now), "If-Match": tag}
	done := make(chan int, 12)
	for i := range cap(done) {
		go func() {
			done <- w.send(header, http.MethodPut, jobs+"a"+v1, `{"location":"local","properties":{"n":`+strings.Repeat("1", i+1)+`}}`).status
		}()
	}
	counts := map[int]int{}
	for range cap(done) {
		counts[<-done]++
	}
	if counts[200] != 1 || counts[412] != cap(done)-1 {
		t.Errorf("answers by status: %v", counts)
	}
	r, _ := w.dir().Resource(resource.ID(jobs + "a"))
	if r.Tags != nil || len(r.Properties) == 0 {
		t.Errorf("%+v", r)
	}
}
