package arm

import (
	"strings"
	"testing"
)

const (
	locksAt = "/providers/Microsoft.Authorization/locks/"
	v2016   = "?api-version=2016-09-01"
)

func (w *world) lock(scope, name, level string) answer {
	w.Helper()
	return w.want(201, "PUT", scope+locksAt+name+v2016, `{"name":"`+name+`","properties":{"level":"`+level+`"}}`)
}

// locked demands that something is refused because of a lock, in the words that clients print.
func (w *world) locked(what, verb, scope, at string, a answer) {
	w.Helper()
	text := "The scope '" + scope + "' cannot perform " + verb + " operation because following scope(s) are locked: '" + at + "'. Please remove the lock and try again."
	if a.status != 409 || a.at("error", "code") != "ScopeLocked" || !strings.Contains(a.at("error", "message"), text) {
		w.Errorf("%s: %d %s; want %s", what, a.status, a.text, text)
	}
}

func TestLocksAreResources(t *testing.T) {
	w := start(t)
	w.want(201, "PUT", jobs+"nightly"+v1, `{"location":"local"}`)
	for _, scope := range []string{sub, rg, jobs + "nightly"} {
		w.status("absent", w.do("GET", scope+locksAt+"Keep"+v2016, ""), 404, "LockNotFound")
		made := w.lock(scope, "Keep", "CanNotDelete")
		w.equal("made", made.text, `{"id":"`+scope+locksAt+`Keep","name":"Keep","type":"Microsoft.Authorization/locks","properties":{"level":"CanNotDelete"}}`)
		w.equal("in any case", w.want(200, "GET", strings.ToLower(scope+locksAt)+"keep?api-version=2020-05-01", "").text, made.text)
		changed := w.want(200, "PUT", scope+locksAt+"keep"+v2016, `{"properties":{"level":"readonly","notes":"why"}}`)
		w.equal("changed", changed.at("properties", "level")+changed.at("properties", "notes")+changed.at("name"), "ReadOnlywhyKeep")
		if scope != jobs+"nightly" {
			w.want(200, "DELETE", scope+locksAt+"Keep"+v2016, "")
			w.want(204, "DELETE", scope+locksAt+"Keep"+v2016, "")
		}
	}
	w.lock(sub, "One", "CanNotDelete")
	w.lock(rg, "Two", "CanNotDelete")
	names := func(scope, more string) (s string) {
		a := w.want(200, "GET", scope+strings.TrimSuffix(locksAt, "/")+v2016+more, "")
		for _, l := range a.json["value"].([]any) {
			s += l.(map[string]any)["name"].(string) + " "
		}
		return s
	}
	w.equal("all of the subscription", names(sub, ""), "One Keep Two ")
	w.equal("around the group", names(rg, ""), "One Keep Two ")
	w.equal("at the group and above", names(rg, "&$filter=atScope()"), "One Two ")
	w.equal("a page", names(sub, "&$top=1"), "One ")
	w.status("a filter", w.do("GET", rg+strings.TrimSuffix(locksAt, "/")+v2016+"&$filter=name+eq+'x'", ""), 400, "UnsupportedQuery")
	for body, scope := range map[string]string{`{}`: rg, `{"properties":{"level":"NotSpecified"}}`: rg, `{"properties":{"level":"ReadOnly","notes":"` + strings.Repeat("x", 600) + `"}}`: rg} {
		w.status(body, w.do("PUT", scope+locksAt+"bad"+v2016, body), 400, "BadRequest")
	}
	const level = `{"properties":{"level":"ReadOnly"}}`
	w.status("at the tenant", w.do("PUT", locksAt+"bad"+v2016, level), 400, "InvalidResourceId")
	w.status("at a management group", w.do("PUT", groupsAt+"/"+home.ID.String()+locksAt+"bad"+v2016, level), 400, "InvalidResourceId")
	w.status("at nothing", w.do("PUT", jobs+"none"+locksAt+"bad"+v2016, level), 404, "ResourceNotFound")
	w.status("a name", w.do("PUT", rg+locksAt+"a%3Cb"+v2016, level), 400, "BadRequest")
}

func TestCanNotDelete(t *testing.T) {
	w := start(t)
	w.want(201, "PUT", jobs+"nightly"+v1, `{"location":"local"}`)
	w.want(201, "PUT", jobs+"nightly/steps/one"+v1, `{}`)
	w.want(201, "PUT", uami+"shared"+v1, `{"location":"local"}`)
	w.lock(jobs+"nightly", "keep", "CanNotDelete")
	before := w.live.View().At()
	w.locked("itself", "delete", jobs+"nightly", jobs+"nightly", w.do("DELETE", jobs+"nightly"+v1, ""))
	w.locked("below", "delete", jobs+"nightly/steps/one", jobs+"nightly", w.do("DELETE", jobs+"nightly/steps/one"+v1, ""))
	w.locked("the whole group", "delete", rg, jobs+"nightly", w.do("DELETE", rg+v1, ""))
	if w.live.View().At() != before {
		t.Error("something was deleted all the same")
	}
	w.want(200, "PATCH", jobs+"nightly"+v1, `{"tags":{"a":"b"}}`)
	w.want(200, "DELETE", jobs+"nightly"+locksAt+"keep"+v2016, "")
	w.lock(rg, "keep", "CanNotDelete")
	w.locked("an identity", "delete", uami+"shared", rg, w.do("DELETE", uami+"shared"+v1, ""))
	w.locked("by a manifest", "delete", jobs+"nightly", rg, w.do("POST", "/providers/Inborn.Platform/apply"+own+"&prune=true", "resources: []"))
	who, _ := w.robot()
	w.status("a role is given", w.assign("", rg, 1, who.id.String(), reader, ""), 201, "")
	w.locked("but not taken away", "delete", rg, rg, w.do("DELETE", rg+given+"/00000000-0000-4000-8000-000000000001"+v2022, ""))
	w.want(200, "DELETE", rg+locksAt+"keep"+v2016, "")
	w.want(202, "DELETE", rg+v1, "")
	for l := range w.dir().LocksBelow("") {
		t.Errorf("%s is left", l.ID())
	}
}

func TestReadOnly(t *testing.T) {
	w := start(t)
	w.want(200, "PUT", sites+"a"+v1, `{"location":"local"}`)
	w.want(200, "PUT", accounts+"keys1"+v1, `{"location":"local"}`)
	who, bearer := w.robot()
	w.lock(sub, "frozen", "ReadOnly")
	for _, test := range [][4]string{
		{"PUT", sites + "a", `{"location":"local"}`, "write"},
		{"PATCH", sites + "a", `{"tags":{}}`, "write"},
		{"DELETE", sites + "a", "", "delete"},
		{"PUT", sites + "a/config/appsettings", `{"properties":{}}`, "write"},
		{"POST", sites + "a/restart", "", "action"},
		{"POST", accounts + "keys1/listKeys", "", "action"},
		{"PUT", rg, `{"location":"local"}`, "write"},
		{"PUT", uami + "new", `{"location":"local"}`, "write"},
	} {
		scope := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(test[1], "/config/appsettings"), "/restart"), "/listKeys")
		w.locked(test[0]+" "+test[1], test[3], scope, sub, w.do(test[0], test[1]+v1, test[2]))
	}
	w.locked("tags", "write", rg, sub, w.do("PUT", rg+"/providers/Microsoft.Resources/tags/default"+v1, `{"properties":{"tags":{}}}`))
	w.locked("a role", "write", rg, sub, w.assign("", rg, 1, who.id.String(), reader, ""))
	w.want(200, "GET", sites+"a"+v1, "")
	w.want(200, "GET", sub+"/resources"+v1, "")
	w.status("who has no right learns nothing of locks", w.as(bearer, "DELETE", sites+"a"+v1, ""), 403, "AuthorizationFailed")
	w.want(200, "POST", rg+"/providers/Inborn.Platform/access/can"+own, `{"principalId":"`+who.id.String()+`","action":"a/b"}`)
	w.want(200, "PUT", sub+locksAt+"frozen"+v2016, `{"properties":{"level":"CanNotDelete"}}`)
	w.want(200, "PATCH", sites+"a"+v1, `{"tags":{}}`)
}

// The role Contributor excepts what Microsoft.Authorization writes and deletes.
func TestWhoMayLock(t *testing.T) {
	w := start(t)
	who, bearer := w.robot()
	const body = `{"properties":{"level":"CanNotDelete"}}`
	w.status("Contributor", w.assign("", rg, 1, who.id.String(), contrib, ""), 201, "")
	w.status("may not", w.as(bearer, "PUT", rg+locksAt+"keep"+v2016, body), 403, "AuthorizationFailed")
	w.lock(rg, "keep", "CanNotDelete")
	w.status("may see", w.as(bearer, "GET", rg+locksAt+"keep"+v2016, ""), 200, "")
	w.status("may not", w.as(bearer, "DELETE", rg+locksAt+"keep"+v2016, ""), 403, "AuthorizationFailed")
	w.status("User Access Administrator", w.assign("", rg, 2, who.id.String(), access, ""), 201, "")
	w.status("may", w.as(bearer, "DELETE", rg+locksAt+"keep"+v2016, ""), 200, "")
	w.status("may", w.as(bearer, "PUT", rg+locksAt+"keep"+v2016, body), 201, "")
}
