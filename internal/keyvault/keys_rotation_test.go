package keyvault

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/token"
	"github.com/inborn-id/inborn/internal/vault"
)

const day = 24 * time.Hour

// later moves the clock, and gives the administrator a token of that time.
func (w *world) later(d time.Duration) {
	w.ahead.Add(int64(d))
	w.admin = w.token(w.principal("id-admin"), func(*token.Grant) {})
}

// renewNow does what is due, once, as Run does.
func (w *world) renewNow() {
	w.Helper()
	must(w.T, w.api.renewAll(w.Context(), w.live.View()))
}

// versions are the ids of a key's versions.
func (w *world) versions(name string) (ids []string) {
	o, _ := w.dir().VaultObject(orders, vault.Keys, name)
	for v := range w.dir().VaultVersions(o, "") {
		ids = append(ids, v.ID)
	}
	return ids
}

// policy is the body of a rotation policy.
func policy(expiry string, actions ...string) string {
	var all []string
	for _, a := range actions {
		kind, trigger, _ := strings.Cut(a, " ")
		name, duration, _ := strings.Cut(trigger, " ")
		all = append(all, fmt.Sprintf(`{"trigger":{%q:%q},"action":{"type":%q}}`, name, duration, kind))
	}
	attributes := "{}"
	if expiry != "" {
		attributes = `{"expiryTime":"` + expiry + `"}`
	}
	return `{"lifetimeActions":[` + strings.Join(all, ",") + `],"attributes":` + attributes + `}`
}

func TestRotationPolicies(t *testing.T) {
	w := start(t)
	w.want(200, "POST", "/keys/K/create", `{"kty":"EC"}`)
	at := "/keys/k/rotationpolicy"
	w.equal("the default", w.want(200, "GET", at, "").text, `{"lifetimeActions":[{"trigger":{"timeBeforeExpiry":"P30D"},"action":{"type":"Notify"}}],"attributes":null}`)
	want := `{"id":"` + kvOrders + `/keys/K/rotationpolicy","lifetimeActions":[{"trigger":{"timeAfterCreate":"P2M"},"action":{"type":"Rotate"}},` +
		`{"trigger":{"timeBeforeExpiry":"P30D"},"action":{"type":"Notify"}}],"attributes":{"expiryTime":"P90D","created":1772366400,"updated":%d}}`
	w.equal("set", w.want(200, "PUT", at, policy("P90D", "rotate timeAfterCreate P2M")).text, fmt.Sprintf(want, 1772366400))
	w.equal("kept", w.want(200, "GET", at, "").text, fmt.Sprintf(want, 1772366400))
	w.ahead.Add(int64(time.Minute))
	w.equal("again", w.want(200, "PUT", at, policy("P90D", "ROTATE timeAfterCreate P2M", "Notify timeBeforeExpiry P30D")).text, fmt.Sprintf(want, 1772366460))
	w.equal("short", w.want(200, "PUT", at, policy("P28D", "Rotate timeBeforeExpiry P7D")).at("lifetimeActions", "1"), "")
	w.equal("reset", w.want(200, "PUT", at, `{"lifetimeActions":[],"attributes":{}}`).at("lifetimeActions", "0", "action", "type"), "Notify")
	w.equal("null is none", w.want(200, "PUT", at, `{"lifetimeActions":[{"trigger":{"timeAfterCreate":"P1Y","timeBeforeExpiry":null},"action":{"type":"Rotate"}}],"attributes":null}`).
		at("lifetimeActions", "0", "trigger", "timeAfterCreate"), "P1Y")
	w.equal("a key with that name", fmt.Sprint(w.want(200, "POST", "/keys/rotationpolicy/create", `{"kty":"EC"}`).status), "200")
	w.equal("and its policy", w.want(200, "GET", "/keys/rotationpolicy/rotationpolicy", "").at("attributes"), "")
	for what, body := range map[string]string{
		"a short life":                    policy("P27D"),
		"a short trigger":                 policy("", "Rotate timeAfterCreate P6D"),
		"a trigger after expiry":          policy("P90D", "Rotate timeAfterCreate P90D"),
		"before an expiry there is not":   policy("", "Rotate timeBeforeExpiry P30D"),
		"an unknown action":               policy("P90D", "Delete timeAfterCreate P30D"),
		"twice the same":                  policy("P90D", "Rotate timeAfterCreate P30D", "rotate timeAfterCreate P40D"),
		"notice after creation":           policy("P90D", "Notify timeAfterCreate P30D"),
		"no duration":                     policy("soon"),
		"a duration of nothing":           policy("P0D"),
		"a duration of a million years":   policy("P99999Y"),
		"an action without trigger":       `{"lifetimeActions":[{"action":{"type":"Rotate"}}]}`,
		"both triggers":                   `{"lifetimeActions":[{"trigger":{"timeAfterCreate":"P30D","timeBeforeExpiry":"P30D"},"action":{"type":"Rotate"}}],"attributes":{"expiryTime":"P90D"}}`,
		"actions that are no list":        `{"lifetimeActions":{}}`,
		"not JSON":                        `{"lifetimeActions":`,
		"an expiry that is a number":      `{"attributes":{"expiryTime":90}}`,
		"an action that is not an object": `{"lifetimeActions":["Rotate"]}`,
	} {
		w.refused(what, w.do("PUT", at, body), 400, "BadParameter", "")
	}
	w.equal("the last good one", w.want(200, "GET", at, "").at("lifetimeActions", "0", "trigger", "timeAfterCreate"), "P1Y")
}

func TestAKeyIsRotatedByHand(t *testing.T) {
	w := start(t)
	first := w.want(200, "POST", "/keys/k/create", `{"kty":"EC","crv":"P-384","key_ops":["sign"],"tags":{"a":"b"},"attributes":{"exp":4000000000}}`)
	w.later(time.Hour)
	second := w.want(200, "POST", "/keys/k/rotate", "")
	w.equal("another of the same kind", second.at("key", "crv")+second.at("key", "key_ops")+second.at("tags", "a")+second.at("attributes", "exp")+second.at("attributes", "enabled"), "P-384[sign]btrue")
	if second.at("key", "x") == first.at("key", "x") || second.at("key", "kid") == first.at("key", "kid") || second.at("attributes", "created") == first.at("attributes", "created") {
		t.Errorf("it is the old one: %s", second.text)
	}
	w.equal("the newest", w.want(200, "GET", "/keys/k", "").at("key", "kid"), second.at("key", "kid"))
	w.want(200, "PUT", "/keys/k/rotationpolicy", policy("P90D", "Rotate timeAfterCreate P30D"))
	third := w.want(200, "POST", "/keys/k/rotate", "")
	w.equal("with the life of the policy", third.at("attributes", "exp"), fmt.Sprint(w.now().Add(90*day).Unix()))
	w.equal("what the first has signed is still verified", fmt.Sprint(w.do("POST", path(first.at("key", "kid"))+"/sign", `{"alg":"ES384","value":"`+b64(make([]byte, 48))+`"}`).status), "200")
}

func TestRotationsAtTheSameTime(t *testing.T) {
	w := start(t)
	w.want(200, "POST", "/keys/k/create", `{"kty":"RSA"}`)
	var wait sync.WaitGroup
	made := sync.Map{}
	for range 6 {
		wait.Go(func() {
			a := w.do("POST", "/keys/k/rotate", "")
			if a.status == 200 {
				made.Store(a.at("key", "kid"), true)
			} else if a.status != 503 || a.header.Get("Retry-After") == "" {
				t.Errorf("%d %s", a.status, a.text)
			}
		})
	}
	wait.Wait()
	count := 1
	made.Range(func(any, any) bool { count++; return true })
	if got := len(w.versions("k")); got != count || count < 2 {
		t.Errorf("%d versions; %d were made", got, count)
	}
}

// TestTooManyKeysAreMade: making keys is bounded, and whoever comes on top is told when to come again.
func TestTooManyKeysAreMade(t *testing.T) {
	w := start(t)
	w.api.makers = token.NewSigner(1, 1)
	begun, end := make(chan bool), make(chan bool)
	go w.api.makers.Do(t.Context(), func() { close(begun); <-end })
	<-begun
	var wait sync.WaitGroup
	var mu sync.Mutex
	var got []answer
	for range 4 {
		wait.Go(func() {
			a := w.do("POST", "/keys/k/create", `{"kty":"RSA"}`)
			mu.Lock()
			defer mu.Unlock()
			if got = append(got, a); len(got) == 3 {
				close(end) // all but the one that waits have their answer
			}
		})
	}
	wait.Wait()
	sent := 0
	for _, a := range got {
		if a.status == 503 && a.header.Get("Retry-After") == "1" && a.at("error", "code") == "ServiceUnavailable" {
			sent++
		} else if a.status != 200 {
			t.Errorf("%d %s", a.status, a.text)
		}
	}
	w.equal("sent away", fmt.Sprint(sent), "3")
	w.equal("a key on a curve needs no turn", fmt.Sprint(w.do("POST", "/keys/k/create", `{"kty":"EC"}`).status), "200")
}

func TestKeysRotateByThemselves(t *testing.T) {
	w := start(t)
	w.want(200, "POST", "/keys/after/create", `{"kty":"EC"}`)
	w.want(200, "PUT", "/keys/after/rotationpolicy", policy("P90D", "Rotate timeAfterCreate P30D"))
	w.want(200, "POST", "/keys/before/create", fmt.Sprintf(`{"kty":"EC","attributes":{"exp":%d}}`, began.Add(50*day).Unix()))
	w.want(200, "PUT", "/keys/before/rotationpolicy", policy("", "Rotate timeBeforeExpiry P10D"))
	w.want(200, "POST", "/keys/never/create", `{"kty":"EC"}`)
	count := func() string {
		w.renewNow()
		return fmt.Sprint(len(w.versions("after")), len(w.versions("before")), len(w.versions("never")))
	}
	w.equal("at once", count(), "1 1 1")
	w.later(30*day - time.Second)
	w.equal("a second before", count(), "1 1 1")
	w.later(time.Second)
	w.equal("after 30 days", count(), "2 1 1")
	w.equal("not again", count(), "2 1 1")
	a := w.want(200, "GET", "/keys/after", "")
	w.equal("valid for 90 days from then", a.at("attributes", "exp")+a.at("attributes", "created"), fmt.Sprint(w.now().Add(90*day).Unix(), w.now().Unix())[:10]+fmt.Sprint(w.now().Unix()))
	w.later(10 * day)
	w.equal("10 days before the other expires", count(), "2 2 1")
	w.equal("which does not any more", w.want(200, "GET", "/keys/before", "").at("attributes", "exp"), "")
	w.later(200 * day)
	w.equal("one version, however long nobody looked", count(), "3 2 1")
	byItself := 0
	must(t, w.store.Events(t.Context(), home.ID, 0, func(e store.Event) error {
		if strings.Contains(string(e.Body), `"Inborn"`) && e.Action == "Put key version" {
			byItself++
		}
		return nil
	}))
	w.equal("told in the audit log", fmt.Sprint(byItself), "3")
}

func TestWhatKeepsAKeyFromRotating(t *testing.T) {
	w := start(t)
	month := policy("", "Rotate timeAfterCreate P30D")
	for _, name := range []string{"disabled", "deleted", "reset", "moved", "newer"} {
		w.want(200, "POST", "/keys/"+name+"/create", fmt.Sprintf(`{"kty":"EC","attributes":{"exp":%d}}`, began.Add(40*day).Unix()))
		w.want(200, "PUT", "/keys/"+name+"/rotationpolicy", month)
	}
	w.later(20 * day)
	w.want(200, "PATCH", "/keys/disabled", `{"attributes":{"enabled":false}}`)
	w.want(200, "DELETE", "/keys/deleted", "")
	w.want(200, "PUT", "/keys/reset/rotationpolicy", `{"lifetimeActions":[]}`)
	w.want(200, "PUT", "/keys/moved/rotationpolicy", policy("", "Rotate timeBeforeExpiry P10D"))
	w.want(200, "PATCH", "/keys/moved", fmt.Sprintf(`{"attributes":{"exp":%d}}`, began.Add(100*day).Unix()))
	w.want(200, "POST", "/keys/newer/create", `{"kty":"EC"}`)
	w.later(15 * day) // 35 days
	w.renewNow()
	for _, name := range []string{"disabled", "reset", "moved"} {
		w.equal(name, fmt.Sprint(len(w.versions(name))), "1")
	}
	w.equal("newer", fmt.Sprint(len(w.versions("newer"))), "2")
	w.want(200, "PATCH", "/keys/disabled", `{"attributes":{"enabled":true}}`)
	w.renewNow()
	w.equal("enabled again", fmt.Sprint(len(w.versions("disabled"))), "2")
	w.later(16 * day) // 51 days
	w.renewNow()
	w.equal("the newer has its own 30 days", fmt.Sprint(len(w.versions("newer"))), "3")
	w.later(40 * day) // 91 days
	w.renewNow()
	w.equal("before the later expiry", fmt.Sprint(len(w.versions("moved"))), "2")
}

// TestTwoServersRotateOnce: both find the same key due, and one of them makes the version.
func TestTwoServersRotateOnce(t *testing.T) {
	w := start(t)
	w.want(200, "POST", "/keys/k/create", `{"kty":"EC"}`)
	w.want(200, "PUT", "/keys/k/rotationpolicy", policy("", "Rotate timeAfterCreate P30D"))
	w.later(31 * day)
	view := w.live.View() // what both see
	second := New(w.api.Config)
	must(t, w.api.renewAll(t.Context(), view))
	must(t, second.renewAll(t.Context(), view))
	w.equal("versions", fmt.Sprint(len(w.versions("k"))), "2")
	must(t, w.api.renewAll(t.Context(), view)) // an old view once more
	w.equal("still", fmt.Sprint(len(w.versions("k"))), "2")
}

func TestRecoveredLate(t *testing.T) {
	w := start(t)
	w.want(200, "POST", "/keys/k/create", `{"kty":"EC"}`)
	w.want(200, "PUT", "/keys/k/rotationpolicy", policy("", "Rotate timeAfterCreate P30D"))
	w.later(28 * day)
	w.want(200, "DELETE", "/keys/k", "")
	w.later(6 * day)
	w.renewNow()
	w.want(200, "POST", "/deletedkeys/k/recover", "")
	w.equal("deleted, it did not rotate", fmt.Sprint(len(w.versions("k"))), "1")
	w.renewNow()
	w.equal("recovered, it does", fmt.Sprint(len(w.versions("k"))), "2")
	w.change(func(d *state.Draft) error { return d.DeleteResource(orders) })
	w.later(31 * day)
	w.renewNow()
	o, ok := w.dir().VaultObject(orders, vault.Keys, "k")
	if ok {
		t.Errorf("the vault is over, and %s is there", o.Name)
	}
}
