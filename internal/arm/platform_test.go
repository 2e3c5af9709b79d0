package arm

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/attest"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

func TestWorkloadBindings(t *testing.T) {
	w := start(t)
	one, two := string(attest.Launch("one")), string(attest.Launch("two")) // "launch:76..", "launch:3f.."
	w.want(201, "PUT", node+v1, `{"location":"local"}`)
	w.want(201, "PUT", jobs+"Nightly"+v1, `{"location":"local"}`)
	w.want(201, "PUT", jobs+"daily"+v1, `{"location":"local"}`)
	const first, second = "/10000000-0000-4000-8000-000000000001", "/20000000-0000-4000-8000-000000000002"
	body := func(name, more string) string {
		return `{"properties":{"resource":"` + strings.ToLower(jobs+name) + `"` + more + `}}`
	}
	made := w.want(201, "PUT", bindings+first+own, body("nightly", `,"selectors":["`+one+`","`+two+`","`+one+`"],"expires":"2026-03-01T14:00:00+01:00"`))
	w.equal("id", made.at("id"), bindings+first)
	w.equal("type", made.at("type"), "Inborn.Platform/bindings")
	w.equal("properties", made.at("properties"), "map[expires:2026-03-01T13:00:00Z resource:"+jobs+"Nightly selectors:["+two+" "+one+"]]")
	w.equal("GET", w.want(200, "GET", strings.ToLower(bindings)+first+own, "").text, made.text)
	changed := w.want(200, "PUT", bindings+first+own, body("daily", ""))
	w.equal("properties", changed.at("properties"), "map[expires:<nil> resource:"+jobs+"daily selectors:[]]")

	w.want(201, "PUT", bindings+second+own, body("nightly", `,"expires":"2026-03-01T12:00:01Z"`))
	list := w.want(200, "GET", bindings+own+"&$top=1", "")
	w.equal("first page", list.at("value", "0", "id"), bindings+first)
	list = w.want(200, "GET", list.at("nextLink"), "")
	w.equal("second page", list.at("value", "0", "id")+list.at("nextLink"), bindings+second)

	// An id belongs to one node: from another it can be neither taken over nor seen nor deleted.
	elsewhere := rg + "/providers/Microsoft.HybridCompute/machines/web-02"
	w.want(201, "PUT", elsewhere+v1, `{"location":"local"}`)
	w.want(409, "PUT", elsewhere+"/providers/Inborn.Platform/bindings"+first+own, body("nightly", ""))
	w.want(404, "GET", elsewhere+"/providers/Inborn.Platform/bindings"+first+own, "")
	w.want(204, "DELETE", elsewhere+"/providers/Inborn.Platform/bindings"+first+own, "")
	w.want(200, "GET", bindings+first+own, "")

	w.want(200, "DELETE", bindings+first+own, "")
	w.want(204, "DELETE", bindings+first+own, "")
	w.want(404, "GET", bindings+first+own, "")

	b, ok := w.dir().Binding(guid.MustParse(second[1:]))
	if !ok || b.Node != resource.ID(node) || !b.Expires.Equal(now.Add(time.Second)) {
		t.Errorf("%+v", b)
	}
	w.want(200, "DELETE", jobs+"Nightly"+v1, "")
	w.equal("bindings of a deleted resource", w.want(200, "GET", bindings+own, "").text, `{"value":[]}`)
}

func TestSelectors(t *testing.T) {
	w := start(t)
	hash := strings.Repeat("0f", 32)
	w.want(201, "PUT", node+v1, `{"location":"local"}`)
	w.want(201, "PUT", jobs+"nightly"+v1, `{"location":"local"}`)
	for selectors, good := range map[string]bool{
		`"launch:` + hash + `"`:                  true,
		`"launch:` + strings.ToUpper(hash) + `"`: false,
		`"launch:abc"`:                           false,
		`"launch:` + hash + `\n"`:                false,
		`"uid:1000"`:                             false, // which nothing attests yet
		`""`:                                     false,
		`":x"`:                                   false,
		strings.Repeat(`"launch:`+hash+`",`, maxSelectors) + `"launch:` + hash + `"`: false,
	} {
		a := w.do("PUT", bindings+"/10000000-0000-4000-8000-000000000001"+own, `{"properties":{"resource":"`+jobs+`nightly","selectors":[`+selectors+`]}}`)
		if (a.status < 300) != good {
			t.Errorf("%.60s: %d %s", selectors, a.status, a.text)
		}
	}
}

const declared = `
identities:
  - {name: id-orders}
resources:
  - {type: Microsoft.Web/sites, name: func-orders, identity: {system: true, user: [id-orders]}}
`

func TestApply(t *testing.T) {
	w := start(t)
	const path = "/providers/Inborn.Platform/apply" + own
	before := w.live.View().At()
	planned := w.want(200, "POST", path+"&dryRun=true", declared)
	w.equal("dryRun", planned.at("dryRun"), "true")
	if planned.at("changes", "0", "action") != "create" || !strings.Contains(planned.text, `"kind":"identity","name":"id-orders"`) {
		t.Errorf("plan: %s", planned.text)
	}
	if w.live.View().At() != before {
		t.Error("a dry run changed something")
	}
	applied := w.want(200, "POST", path, declared)
	w.equal("the plan and what was done", applied.at("changes"), planned.at("changes"))
	w.equal("dryRun", applied.at("dryRun"), "false")
	if w.principals() != 2 {
		t.Errorf("%d principals; want 2", w.principals())
	}
	w.equal("again", w.want(200, "POST", path, declared).text, `{"changes":[],"dryRun":false}`)
	w.equal("without prune", w.want(200, "POST", path, "users: []").text, `{"changes":[],"dryRun":false}`)
	if pruned := w.want(200, "POST", path+"&prune=true", "users: []"); !strings.Contains(pruned.text, `"action":"delete"`) || w.principals() != 0 {
		t.Errorf("prune: %s, %d principals are left", pruned.text, w.principals())
	}

	a := w.want(400, "POST", path, "identities:\n  - {nam: id}\n")
	w.equal("code", a.at("error", "code"), "ManifestInvalid")
	w.equal("target", a.at("error", "target"), "2:6")
	a = w.want(400, "POST", path, strings.Replace(declared, "[id-orders]", "[id-other]", 1))
	w.equal("target", a.at("error", "target"), "$.resources[0].identity.user")
	w.equal("code", a.at("error", "code"), "ManifestInvalid")
}

func TestTraces(t *testing.T) {
	w := start(t)
	refused := w.want(404, "GET", uami+"none"+v1, "")
	id := refused.header.Get("x-ms-request-id")
	trace := w.want(200, "GET", "/providers/Inborn.Platform/traces/"+strings.ToUpper(id)+own, "")
	for key, want := range map[string]string{"id": id, "api": "Resource Manager", "method": "GET", "path": uami + "none", "status": "404",
		"code": "ResourceNotFound", "help": "inborn identity list", "caller": "Local administrator"} {
		w.equal(key, trace.at(key), want)
	}
	w.equal("first step", trace.at("steps", "0", "check"), "token")
	list := "/providers/Inborn.Platform/traces" + own
	w.equal("the newest", w.want(200, "GET", list, "").at("value", "0", "id"), id)
	w.equal("of its caller", w.want(200, "GET", list+"&$top=1&caller="+url.QueryEscape(trace.at("caller")), "").at("value", "0", "id"), id)
	w.equal("of nobody else", w.want(200, "GET", list+"&caller=x", "").at("value"), "[]")
	w.want(404, "GET", "/providers/Inborn.Platform/traces/00000000-0000-4000-8000-000000000001"+own, "")
	w.equal("a trace that is not there leaves none", w.want(200, "GET", list, "").at("value", "0", "id"), id)
	for _, top := range []string{"0", "1001", "x"} {
		w.want(400, "GET", list+"&$top="+top, "")
	}
	if theirs := w.as(sign(t, grantOf(other), signingKey(), now), "GET", list, ""); strings.Contains(theirs.text, id) {
		t.Errorf("another tenant reads the list: %s", theirs.text)
	}
	a := w.as(sign(t, grantOf(other), signingKey(), now), "GET", "/providers/Inborn.Platform/traces/"+id+own, "")
	if a.status != 404 {
		t.Errorf("another tenant reads the trace: %s", a.text)
	}
}

func TestCommonHeaders(t *testing.T) {
	w := start(t)
	a := w.want(200, "GET", "/subscriptions"+v1, "")
	if a.header.Get("x-ms-correlation-request-id") != a.header.Get("x-ms-request-id") || a.header.Get("Cache-Control") != "no-cache" {
		t.Errorf("%v", a.header)
	}
	a = w.withHeaders(map[string]string{"x-ms-correlation-request-id": "mine", "x-ms-client-request-id": "too", "x-ms-return-client-request-id": "true"})
	w.equal("correlation id", a.header.Get("x-ms-correlation-request-id"), "mine")
	w.equal("client's id", a.header.Get("x-ms-client-request-id"), "too")
	a = w.withHeaders(map[string]string{"x-ms-correlation-request-id": strings.Repeat("x", 200), "x-ms-client-request-id": "too"})
	w.equal("correlation id", a.header.Get("x-ms-correlation-request-id"), a.header.Get("x-ms-request-id"))
	w.equal("client's id", a.header.Get("x-ms-client-request-id"), "")
}
