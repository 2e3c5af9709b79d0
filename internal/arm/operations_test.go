package arm

import (
	"encoding/base64"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
)

// slow makes the operations of w take three seconds of a clock that pass moves on.
func (w *world) slow() (pass func(time.Duration)) {
	w.Helper()
	config := w.config
	config.SlowOperations, config.Now = 3*time.Second, w.now
	srv := httptest.NewTLSServer(New(config).Handler(serve.Deps{Now: time.Now, Random: config.Random}))
	w.Cleanup(srv.Close)
	w.url, w.client = srv.URL, srv.Client()
	return func(d time.Duration) { w.ahead.Add(int64(d)) }
}

// polled is the address in a header of an answer: absolute, on the origin that was asked, to be asked again in a second.
func (w *world) polled(a answer, header string) string {
	w.Helper()
	at := a.header.Get(header)
	if !strings.HasPrefix(at, w.url+"/subscriptions/") || a.header.Get("Retry-After") != "1" {
		w.Errorf("%s %q, Retry-After %q", header, at, a.header.Get("Retry-After"))
	}
	return at
}

func TestSlowOperationCases(t *testing.T) {
	w := start(t)
	pass := w.slow()
	t.Run("cases 47 and 48: a PUT is created, in progress, then succeeded", func(*testing.T) {
		for path, status := range map[string]int{jobs + "nightly": 201, sites + "orders": 200} { // clients of sites take no 201
			made := w.want(status, "PUT", path+v1, `{"location":"local","identity":{"type":"SystemAssigned"}}`)
			w.equal("state", made.at("properties", "provisioningState"), "Creating")
			at := w.polled(made, "Azure-AsyncOperation")
			w.equal("meanwhile", w.want(200, "GET", path+v1, "").at("properties", "provisioningState"), "Creating")
			going := w.want(200, "GET", at, "")
			w.equal("first", going.at("status")+going.at("endTime")+going.at("error"), "InProgress")
			w.equal("as often as", going.header.Get("Retry-After"), "1")
			pass(2999 * time.Millisecond)
			w.equal("nearly", w.want(200, "GET", at, "").at("status"), "InProgress")
			pass(time.Millisecond)
			over := w.want(200, "GET", at, "")
			w.equal("then", over.at("status")+over.header.Get("Retry-After"), "Succeeded")
			if start, end := over.at("startTime"), over.at("endTime"); start >= end || over.at("id") == "" || !strings.Contains(at, over.at("name")) {
				t.Errorf("%s", over.text)
			}
			done := w.want(200, "GET", path+v1, "")
			w.equal("ready", done.at("properties", "provisioningState"), "Succeeded")
			w.equal("the same identity", done.at("identity", "principalId"), made.at("identity", "principalId"))
			again := w.want(200, "PUT", path+v1, `{"location":"local"}`)
			w.equal("a second PUT", again.at("properties", "provisioningState"), "Updating")
			listed := w.want(200, "GET", rg+"/resources"+v1+"&$expand=provisioningState&$filter=name+eq+'"+resource.ID(path).Name()+"'", "")
			w.equal("in a list", listed.at("value", "0", "provisioningState"), "Updating")
			pass(24 * time.Hour)
			w.equal("a day later", w.want(200, "GET", at, "").at("status"), "Succeeded")
		}
	})
	t.Run("case 49: what is deleted before it is ready has failed", func(*testing.T) {
		first := w.polled(w.want(201, "PUT", jobs+"Doomed"+v1, `{"location":"local"}`), "Azure-AsyncOperation")
		second := w.polled(w.want(200, "PUT", jobs+"doomed"+v1, `{"location":"local"}`), "Azure-AsyncOperation")
		pass(time.Second)
		w.want(202, "DELETE", jobs+"doomed"+v1, "")
		w.polled(w.want(201, "PUT", jobs+"doomed"+v1, `{"location":"local"}`), "Azure-AsyncOperation")
		for range 2 {
			for _, at := range []string{first, second} {
				failed := w.want(200, "GET", at, "")
				w.equal("status", failed.at("status")+" "+failed.at("error", "code")+" "+failed.at("error", "target"), "Failed OperationPreempted "+jobs+"Doomed")
				if !strings.Contains(failed.at("error", "message"), "was deleted before it was ready") || failed.at("endTime") == "" {
					t.Errorf("%s", failed.text)
				}
			}
			pass(23 * time.Hour)
		}
		w.equal("by a manifest", func() string {
			at := w.polled(w.want(201, "PUT", jobs+"pruned"+v1, `{"location":"local"}`), "Azure-AsyncOperation")
			w.want(200, "POST", "/providers/Inborn.Platform/apply"+own+"&prune=true", "resources: []")
			return w.want(200, "GET", at, "").at("status")
		}(), "Failed")
		theirs := sign(w, grantOf(other), signingKey(), w.now())
		if a := w.as(theirs, "GET", strings.Replace(first, subscription, otherSubscription, 1), ""); strings.Contains(a.text, "Doomed") {
			t.Errorf("another tenant reads %s", a.text)
		}
	})
	t.Run("what others do not wait for is done at once", func(*testing.T) {
		w.want(200, "PUT", sites+"quick"+v1, `{"location":"local"}`)
		pass(3 * time.Second)
		patched := w.want(200, "PATCH", sites+"quick"+v1, `{"tags":{"a":"b"}}`)
		w.equal("PATCH", patched.at("properties", "provisioningState")+patched.header.Get("Azure-AsyncOperation"), "Succeeded")
		w.want(200, "POST", sites+"quick/restart"+v1, "")
		w.want(200, "DELETE", sites+"quick"+v1, "")
		identity := w.want(201, "PUT", uami+"quick"+v1, `{"location":"local"}`)
		w.equal("an identity", identity.header.Get("Azure-AsyncOperation"), "")
		w.want(204, "DELETE", jobs+"none"+v1, "")
	})
	t.Run("deletions and actions are accepted", func(*testing.T) {
		const vm = rg + "/providers/Microsoft.Compute/virtualMachines/vm"
		w.want(201, "PUT", vm+v1, `{"location":"local"}`)
		for _, request := range [][2]string{{"POST", vm + "/powerOff"}, {"DELETE", vm}, {"DELETE", rg}} {
			pass(time.Minute)
			begun := w.want(202, request[0], request[1]+v1, "")
			at := w.polled(begun, "Location")
			going := w.want(202, "GET", at, "")
			w.equal("still there", w.polled(going, "Location"), at)
			pass(3 * time.Second)
			if over := w.want(200, "GET", at, ""); over.text+over.header.Get("Location") != "" {
				t.Errorf("%v %s", over.header, over.text)
			}
		}
		w.want(404, "GET", rg+v1, "")
	})
}

// Names that were never given out are no fault of ours, and say nothing of anybody.
func TestOperationsNobodyBegan(t *testing.T) {
	w := start(t)
	w.slow()
	for _, name := range []string{"!", "AAAA", strings.Repeat("A", 33), base64.RawURLEncoding.EncodeToString(make([]byte, 25)), "%2F"} {
		for _, kind := range []string{"operations", "operationresults"} {
			w.status(kind+" "+name, w.do("GET", sub+"/"+kind+"/"+name+v1, ""), 404, "NotFound")
		}
	}
	long := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("\xff", 24)))
	w.equal("a negative time", w.want(200, "GET", sub+"/operations/"+long+v1, "").at("status"), "Succeeded")
	w.status("without a token", w.send(map[string]string{}, "GET", sub+"/operations/"+long+v1, ""), 401, "AuthenticationFailed")
}

func TestMakingsAreBounded(t *testing.T) {
	var k makings
	add := func(i int, at time.Time) *making {
		m := &making{operation: operation{fmt.Sprint(i), at, at.Add(time.Second)}, tenant: home.ID, id: resource.ID(fmt.Sprint("/r/", i)), word: "Creating"}
		k.add(m)
		return m
	}
	for i := range maxMakings + 5 {
		add(i, now)
	}
	if len(k.all) != maxMakings || len(k.byName) != maxMakings || len(k.newest) != maxMakings {
		t.Errorf("%d, %d, %d are kept", len(k.all), len(k.byName), len(k.newest))
	}
	if _, kept := k.find(home.ID, "4"); kept {
		t.Error("the oldest is kept")
	}
	if m, kept := k.find(home.ID, "5"); !kept || k.wordFor(m.target(), now) != "Creating" {
		t.Error("one of the newest is not kept")
	}
	if _, kept := k.find(guid.GUID{}, "5"); kept {
		t.Error("another tenant finds it")
	}
	last := add(0, now.Add(makingsFor+time.Hour))
	if len(k.all) != 1 || len(k.byName) != 1 || k.wordFor(last.target(), last.start) != "Creating" || k.wordFor(last.target(), last.end) != succeeded {
		t.Errorf("%d are kept", len(k.all))
	}
}
