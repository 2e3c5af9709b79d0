package arm

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

func TestResourceLifeCycle(t *testing.T) {
	w := start(t)
	made := w.want(201, "PUT", jobs+"Nightly"+v1, `{"location":"West Europe","kind":"batch","tags":{"a":"b"},"sku":{"name":"S1"},
		"properties":{"count":12345678901234567890,"on":true,"list":[1,2],"nested":{"a":1,"b":null},"provisioningState":"Updating"}}`)
	for key, want := range map[string]string{"id": jobs + "Nightly", "name": "Nightly", "type": "Contoso.Jobs/jobs", "location": "West Europe",
		"kind": "batch", "tags": "map[a:b]", "identity": "map[type:None]"} {
		w.equal(key, made.at(key), want)
	}
	if want := `"properties":{"count":12345678901234567890,"list":[1,2],"nested":{"a":1,"b":null},"on":true,"provisioningState":"Succeeded"}`; !strings.Contains(made.text, want) {
		t.Errorf("%s lacks %s", made.text, want)
	}
	lower := strings.ToLower(jobs + "Nightly")
	w.equal("GET in lower case", w.want(200, "GET", lower+v1, "").text, made.text)

	patched := w.want(200, "PATCH", lower+v1, `{"tags":{"c":"d"},"properties":{"on":null,"nested":{"a":{"x":1}},"more":"text"}}`)
	w.equal("tags are replaced", patched.at("tags"), "map[c:d]")
	w.equal("kind stays", patched.at("kind"), "batch")
	if want := `"properties":{"count":12345678901234567890,"list":[1,2],"more":"text","nested":{"a":{"x":1},"b":null},"provisioningState":"Succeeded"}`; !strings.Contains(patched.text, want) {
		t.Errorf("%s lacks %s", patched.text, want)
	}
	w.equal("empty PATCH", w.want(200, "PATCH", lower+v1, `{}`).text, patched.text)

	replaced := w.want(200, "PUT", lower+v1, `{"properties":{"only":1}}`)
	w.equal("PUT replaces", replaced.at("properties"), "map[only:1 provisioningState:Succeeded]")
	w.equal("PUT replaces", replaced.at("kind")+replaced.at("tags"), "map[]")
	w.equal("location stays", replaced.at("location"), "West Europe")
	w.equal("id keeps its case", replaced.at("id"), jobs+"Nightly")

	w.want(200, "DELETE", lower+v1, "")
	w.want(204, "DELETE", lower+v1, "")
	w.want(404, "GET", lower+v1, "")
	w.want(200, "PUT", sites+"a"+v1, `{"location":"local"}`) // its clients take no 201
}

func TestNestedResources(t *testing.T) {
	w := start(t)
	w.want(201, "PUT", jobs+"a"+v1, block("SystemAssigned", ""))
	step := w.want(201, "PUT", jobs+"a/Steps/1"+v1, `{"identity":{"type":"SystemAssigned"}}`)
	w.equal("type", step.at("type"), "Contoso.Jobs/jobs/Steps")
	w.want(201, "PUT", jobs+"ab"+v1, block("SystemAssigned", ""))
	principal := step.at("identity", "principalId")
	if w.grantRole(principal) != 1 || w.principals() != 3 {
		t.Fatalf("%d principals", w.principals())
	}
	w.want(200, "DELETE", jobs+"a"+v1, "")
	w.want(404, "GET", jobs+"a/steps/1"+v1, "")
	if w.principals() != 1 || w.assignments(principal) != 0 {
		t.Errorf("%d principals and %d grants are left; want that of ab alone", w.principals(), w.assignments(principal))
	}
}

// TestIdentityBlocks walks one resource through identity blocks; each step says what the block is afterwards.
func TestIdentityBlocks(t *testing.T) {
	w := start(t)
	ids := map[string]string{}
	for _, name := range []string{"One", "Two"} {
		a := w.want(201, "PUT", uami+name+v1, `{"location":"local"}`)
		ids[name] = a.at("properties", "principalId") + " " + a.at("properties", "clientId")
	}
	one, two := `"`+uami+`One"`, `"`+uami+`Two"`
	low := strings.ToLower(one)
	id := jobs + "a"
	for i, step := range []struct {
		method, body string
		status       int
		code         string // of a refusal
		kind         string // afterwards
		users        string
	}{
		{"PUT", `{"location":"local"}`, 201, "", "None", ""},
		{"PUT", block("SystemAssigned", ""), 200, "", "SystemAssigned", ""},
		{"PUT", block("systemassigned,userassigned", one+":{}"), 200, "", "SystemAssigned, UserAssigned", "One"},
		{"PUT", `{"location":"local"}`, 200, "", "SystemAssigned, UserAssigned", "One"},
		{"PUT", `{"location":"local","identity":null}`, 200, "", "SystemAssigned, UserAssigned", "One"},
		{"PATCH", block("SystemAssigned, UserAssigned", two+":{}"), 200, "", "SystemAssigned, UserAssigned", "One Two"},
		{"PATCH", block("SystemAssigned, UserAssigned", low+":null"), 200, "", "SystemAssigned, UserAssigned", "Two"},
		{"PATCH", block("UserAssigned", low+`:{"clientId":"x","principalId":"y"}`), 200, "", "UserAssigned", "One Two"},
		{"PUT", block("UserAssigned", low+":{}"), 200, "", "UserAssigned", "One"},
		{"PATCH", block("UserAssigned", one+":null"), 400, "MissingIdentityIds", "UserAssigned", "One"},
		{"PUT", block("UserAssigned", ""), 400, "MissingIdentityIds", "UserAssigned", "One"},
		{"PUT", block("UserAssigned", one+":null"), 400, "MissingIdentityIds", "UserAssigned", "One"},
		{"PUT", block("SystemAssigned", one+":{}"), 400, "InvalidIdentityValues", "UserAssigned", "One"},
		{"PUT", block("Managed", ""), 400, "InvalidIdentityValues", "UserAssigned", "One"},
		{"PATCH", `{"identity":{"userAssignedIdentities":{}}}`, 400, "InvalidIdentityValues", "UserAssigned", "One"},
		{"PUT", block("UserAssigned", one+`:"x"`), 400, "BadRequest", "UserAssigned", "One"},
		{"PUT", block("UserAssigned", `"`+uami+`None":{}`), 400, "FailedIdentityOperation", "UserAssigned", "One"},
		{"PUT", block("UserAssigned", `"One":{}`), 400, "FailedIdentityOperation", "UserAssigned", "One"},
		{"PATCH", block("UserAssigned", `"`+id+`":{}`), 400, "FailedIdentityOperation", "UserAssigned", "One"},
		{"PATCH", block("SystemAssigned", two+":null"), 200, "", "SystemAssigned", ""},
		{"PATCH", block("UserAssigned", one+":{},"+two+":{}"), 200, "", "UserAssigned", "One Two"},
		{"PATCH", `{"identity":{"type":"None"}}`, 200, "", "None", ""},
		{"PUT", block("UserAssigned", one+":{},"+low+":{}"), 200, "", "UserAssigned", "One"},
		{"PUT", block("None", ""), 200, "", "None", ""},
	} {
		a := w.do(step.method, id+v1, step.body)
		if a.status != step.status || a.at("error", "code") != step.code {
			t.Fatalf("step %d: %d %s; want %d %s", i, a.status, a.text, step.status, step.code)
		}
		have := w.want(200, "GET", id+v1, "")
		if step.code == "" {
			w.equal("answer and GET", a.text, have.text)
		}
		names := []string{}
		for _, user := range users(have) {
			name := strings.TrimPrefix(user, uami)
			names = append(names, name)
			entry := []string{"identity", "userAssignedIdentities", user}
			w.equal("ids of "+name, have.at(append(entry, "principalId")...)+" "+have.at(append(entry, "clientId")...), ids[name])
		}
		if have.at("identity", "type") != step.kind || strings.Join(names, " ") != step.users {
			t.Errorf("step %d: %s; want %s %s", i, have.at("identity"), step.kind, step.users)
		}
		system := strings.HasPrefix(step.kind, "System")
		if (have.at("identity", "principalId") != "") != system || (have.at("identity", "tenantId") == home.ID.String()) != system {
			t.Errorf("step %d: %s", i, have.at("identity"))
		}
	}
	a := w.do("PUT", id+v1, block("UserAssigned", `"`+uami+`none":{}`))
	w.equal("message", a.at("error", "message"), "Identity operation for resource '"+id+"' failed with error 'Failed to perform resource identity"+
		` operation. Status: 'BadRequest'. Response: '{"error":{"code":"BadRequest","message":"Resource '`+uami+`none' was not found."}}'.'`)
	w.equal("help", a.at("error", "details", "0", "message"), "inborn identity create none")
}

func TestASystemIdentityIsNewEachTime(t *testing.T) {
	w := start(t)
	first := w.want(201, "PUT", jobs+"a"+v1, block("SystemAssigned", "")).at("identity", "principalId")
	w.equal("kept", w.want(200, "PUT", jobs+"a"+v1, block("SystemAssigned", "")).at("identity", "principalId"), first)
	if w.grantRole(first) != 1 {
		t.Fatal("the grant did not take")
	}
	w.want(200, "PATCH", jobs+"a"+v1, `{"identity":{"type":"None"}}`)
	if w.principals() != 0 || w.assignments(first) != 0 {
		t.Errorf("%d principals, %d grants are left", w.principals(), w.assignments(first))
	}
	if second := w.want(200, "PATCH", jobs+"a"+v1, `{"identity":{"type":"SystemAssigned"}}`).at("identity", "principalId"); second == first || second == "" {
		t.Errorf("the second identity is %q, the first was %q", second, first)
	}
}

func TestConcurrentPutsMakeOneIdentity(t *testing.T) {
	w := start(t)
	const n = 16
	answers := make([]answer, n)
	var group sync.WaitGroup
	for i := range n {
		path := jobs + "a"
		if i%2 == 0 {
			path = strings.ToLower(path)
		}
		group.Go(func() { answers[i] = w.do("PUT", path+v1, block("SystemAssigned", "")) })
	}
	group.Wait()
	created := 0
	for _, a := range answers {
		if a.status == 201 {
			created++
		} else if a.status != 200 {
			t.Errorf("%d %s", a.status, a.text)
		}
		w.equal("principal", a.at("identity", "principalId"), answers[0].at("identity", "principalId"))
		w.equal("id", a.at("id"), answers[0].at("id"))
	}
	if created != 1 || w.principals() != 1 {
		t.Errorf("created %d times, %d principals", created, w.principals())
	}
	sp, ok := w.dir().ServicePrincipal(guid.MustParse(answers[0].at("identity", "principalId")))
	if !ok || !resource.ID(sp.ResourceID).Same(jobs+"a") {
		t.Errorf("the principal is %+v", sp)
	}
}

func TestMergeFollowsRFC7396(t *testing.T) {
	for _, test := range [][3]string{ // the examples of its appendix A that are objects
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`{"e":null}`, `{"a":1}`, `{"a":1,"e":null}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{``, `{"a":1}`, `{"a":1}`},
		{`{"a":1}`, ``, `{"a":1}`},
		{`{"a":1}`, `null`, `{"a":1}`},
	} {
		got, err := mergeProperties(json.RawMessage(test[0]), json.RawMessage(test[1]))
		if err != nil || string(got) != test[2] {
			t.Errorf("%s with %s: %s, %v; want %s", test[0], test[1], got, err, test[2])
		}
	}
	big := `{"a":"` + strings.Repeat("x", maxBody/2) + `"}`
	if _, err := mergeProperties(json.RawMessage(big), json.RawMessage(strings.Replace(big, "a", "b", 1))); err == nil {
		t.Error("properties grew beyond their bound")
	}
}
