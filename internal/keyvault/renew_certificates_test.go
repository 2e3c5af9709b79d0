package keyvault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// renewing is a policy of a certificate for so many months, that renews after that much of its life.
func renewing(issuer string, months, percentage int) string {
	return certificateBody(fmt.Sprintf(`"key_props":{"kty":"EC"},"issuer":{"name":%q},"x509_props":{"subject":"CN=c","validity_months":%d},`+
		`"lifetime_actions":[{"trigger":{"lifetime_percentage":%d},"action":{"action_type":"AutoRenew"}}]`, issuer, months, percentage), `"tags":{"a":"b"}`)
}

func (w *world) certificateVersions(name string) (n int) {
	o, _ := w.dir().VaultObject(orders, vault.Certificates, name)
	for range w.dir().VaultVersions(o, "") {
		n++
	}
	return n
}

func (w *world) due(name string) string {
	o, _ := w.dir().VaultObject(orders, vault.Certificates, name)
	if o.Due.IsZero() {
		return "never"
	}
	return o.Due.Format(time.DateTime)
}

// TestCertificatesRenew goes through five renewals of each issuer that is here.
func TestCertificatesRenew(t *testing.T) {
	for _, issuer := range []string{"Self", "Inborn"} {
		t.Run(issuer, func(t *testing.T) {
			w := withAuthority(t, same)
			w.create("c", renewing(issuer, 3, 80))
			for i := range 5 {
				w.renewsOnTime(i + 1)
			}
		})
	}
}

// renewsOnTime expects the certificate c, which has so many versions, to get another when it is due and not before.
func (w *world) renewsOnTime(versions int) {
	w.Helper()
	o, _ := w.dir().VaultObject(orders, vault.Certificates, "c")
	before := w.want(200, "GET", "/certificates/c", "")
	c := w.leaf(before)
	if want := c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore) / 100 * 80); !o.Due.Equal(want) {
		w.Fatalf("due %s, want %s", o.Due, want)
	}
	w.later(o.Due.Sub(w.now()) - time.Second)
	w.renewNow()
	w.equal("a second before", fmt.Sprint(w.certificateVersions("c")), fmt.Sprint(versions))
	w.later(time.Second)
	w.renewNow()
	w.renewNow()
	w.equal("then", fmt.Sprint(w.certificateVersions("c")), fmt.Sprint(versions+1))
	after := w.want(200, "GET", "/certificates/c", "")
	if d := w.leaf(after); d.NotBefore.Add(10*time.Minute).After(w.now()) || d.NotAfter.Before(w.now().AddDate(0, 3, -1)) || after.at("kid") == before.at("kid") {
		w.Errorf("the new one is from %s to %s", d.NotBefore, d.NotAfter)
	}
	w.equal("tags", after.at("tags", "a")+after.at("attributes", "enabled"), "btrue")
	w.equal("policy", after.at("policy", "attributes", "updated"), "1772366400")
	_, leaf, _ := w.pfx(w.want(200, "GET", "/secrets/c", "").at("value"))
	w.equal("its secret", fmt.Sprint(leaf.Equal(w.leaf(after))), "true")
	w.verifies("/keys/c", w.signs("/keys/c"), true)
	w.equal("the operation", w.want(200, "GET", "/certificates/c/pending", "").at("status"), "completed")
}

// TestWhenCertificatesRenew follows the time through what changes it.
func TestWhenCertificatesRenew(t *testing.T) {
	w, ca := withAuthority(t, same), newOutsider(t)
	w.create("c", renewing("Self", 12, 50))
	w.equal("half of it", w.due("c"), "2026-08-30 23:55:00")
	days := func(n int, kind string) string {
		return fmt.Sprintf(`{"lifetime_actions":[{"trigger":{"days_before_expiry":%d},"action":{"action_type":%q}}]}`, n, kind)
	}
	w.want(200, "PATCH", "/certificates/c/policy", days(30, "AutoRenew"))
	w.equal("30 days before", w.due("c"), "2027-01-30 12:00:00")
	w.want(200, "PATCH", "/certificates/c", `{"attributes":{"enabled":false}}`)
	w.equal("disabled", w.due("c"), "never")
	w.want(200, "PATCH", "/certificates/c", `{"attributes":{"enabled":true},"policy":`+days(31, "AutoRenew")+`}`)
	w.equal("31 days before", w.due("c"), "2027-01-29 12:00:00")
	w.want(200, "PATCH", "/certificates/c/policy", `{"lifetime_actions":[]}`)
	w.equal("no action", w.due("c"), "never")
	w.want(200, "PATCH", "/certificates/c/policy", days(10, "EmailContacts"))
	w.equal("mail", w.due("c"), "2027-02-19 12:00:00")

	w.want(200, "POST", "/certificates/i/import", textOf(map[string]any{"value": pemOf(t, madeEC(), imported(t))}))
	i := imported(t)
	w.equal("imported", w.due("i"), i.NotBefore.Add(i.NotAfter.Sub(i.NotBefore)/100*80).Format(time.DateTime))
	a := w.want(202, "POST", "/certificates/m/create", certificateBody(ec("Unknown", "CN=m"), ""))
	w.equal("waiting", w.due("m"), "never")
	w.want(201, "POST", "/certificates/m/pending/merge", x5c(ca.sign(w, a, 1)...))
	w.equal("merged", w.due("m"), began.Add(began.AddDate(0, 1, 0).Sub(began)/100*80).Format(time.DateTime))
	// A life that is shorter than the days of the action does not renew again and again.
	w.want(200, "PATCH", "/certificates/m/policy", `{"issuer":{"name":"Self"},"lifetime_actions":[{"trigger":{"days_before_expiry":300},"action":{"action_type":"AutoRenew"}}]}`)
	w.equal("more days than it has", w.due("m"), began.Add(began.AddDate(0, 1, 0).Sub(began)/100*80).Format(time.DateTime))
}

// TestRenewalThatFails: the version there is stays, why stands in the operation, and it is tried again.
func TestRenewalThatFails(t *testing.T) {
	var broken atomic.Value
	broken.Store("")
	var tries atomic.Int32
	w := withAuthority(t, func(c *Config) {
		seal, authority := c.Seal, c.Authority
		c.Seal = func(context []string, plain []byte) ([]byte, error) {
			if broken.Load() == "seal" && strings.Contains(context[len(context)-1], "#keys/") {
				tries.Add(1)
				return nil, errors.New("the disk is full of secrets")
			}
			return seal(context, plain)
		}
		c.Authority = func(ctx context.Context) (*vault.Authority, error) {
			a, err := authority(ctx)
			if broken.Load() == "hosts" {
				fewer := *a
				fewer.Hosts = vault.Hosts{Below: []string{"localhost"}}
				return &fewer, err
			}
			return a, err
		}
	})
	c := w.create("c", certificateBody(ec("Inborn", "CN=c"), ""))
	w.create("other", renewing("Self", 6, 50))
	w.later(11 * 30 * day)
	for _, failure := range [][2]string{{"hosts", "'orders.corp.example' is none of its hosts"}, {"seal", "for a reason that only the log"}} {
		how, message := failure[0], failure[1]
		broken.Store(how)
		tries.Store(0)
		w.later(2 * renewAgain)
		w.renewNow()
		a := w.want(200, "GET", "/certificates/c/pending", "")
		w.equal("status", a.at("status"), "failed")
		if !strings.Contains(a.at("error", "message"), message) || strings.Contains(a.text, "disk") {
			t.Errorf("%s: %s", how, a.text)
		}
		w.equal("the newest", w.want(200, "GET", "/certificates/c", "").at("cer"), c.at("cer"))
		w.equal("again", w.due("c"), w.now().Add(renewAgain).Format(time.DateTime))
		w.renewNow()
		if how == "seal" {
			w.equal("tries", fmt.Sprint(tries.Load()), "1")
		}
	}
	w.equal("the other one", fmt.Sprint(w.certificateVersions("other")), "2")
	broken.Store("")
	w.renewNow()
	w.equal("not before its time", fmt.Sprint(w.certificateVersions("c")), "1")
	w.later(renewAgain)
	w.renewNow()
	w.equal("then", w.want(200, "GET", "/certificates/c/pending", "").at("status"), "completed")
	w.equal("versions", fmt.Sprint(w.certificateVersions("c")), "2")
	if w.want(200, "GET", "/certificates/c", "").at("cer") == c.at("cer") {
		t.Error("the newest is the old one")
	}
}

// TestRenewalWaits: a version on its way by hand, or from an issuer outside, is not overtaken.
func TestRenewalWaits(t *testing.T) {
	w, ca := withAuthority(t, same), newOutsider(t)
	w.create("c", renewing("Self", 1, 50))
	a := w.want(202, "POST", "/certificates/c/create", certificateBody(ec("Unknown", "CN=c"), ""))
	w.want(200, "PATCH", "/certificates/c/policy", `{"issuer":{"name":"Self"},"lifetime_actions":[{"trigger":{"lifetime_percentage":50},"action":{"action_type":"AutoRenew"}}]}`)
	w.later(20 * day)
	w.renewNow()
	w.equal("it waits", w.want(200, "GET", "/certificates/c/pending", "").at("request_id"), a.at("request_id"))
	w.want(200, "DELETE", "/certificates/c/pending", "")
	w.renewNow()
	w.equal("then it renews", fmt.Sprint(w.certificateVersions("c")), "2")

	w.want(200, "PUT", "/certificates/issuers/house", `{"provider":"outside"}`)
	b := w.want(202, "POST", "/certificates/o/create", renewing("house", 1, 50))
	w.want(201, "POST", "/certificates/o/pending/merge", x5c(ca.sign(w, b, 1)...))
	w.later(20 * day)
	w.renewNow()
	w.renewNow()
	next := w.want(200, "GET", "/certificates/o/pending", "")
	if next.at("status") != "inProgress" || next.at("request_id") == b.at("request_id") {
		t.Fatal(next.text)
	}
	w.want(201, "POST", "/certificates/o/pending/merge", x5c(ca.sign(w, next, 1)...))
	w.equal("versions", fmt.Sprint(w.certificateVersions("o")), "2")
	// An issuer that is gone is a failure that can be seen.
	w.want(200, "DELETE", "/certificates/issuers/house", "")
	w.later(20 * day)
	w.renewNow()
	if a := w.want(200, "GET", "/certificates/o/pending", ""); a.at("status") != "failed" || !strings.Contains(a.at("error", "message"), "'house'") {
		t.Error(a.text)
	}
}

// TestContactsAreTold: once for each version, in the log, and the renewal comes in its own time.
func TestContactsAreTold(t *testing.T) {
	var log bytes.Buffer
	w := withAuthority(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	w.want(200, "PUT", "/certificates/contacts", `{"contacts":[{"email":"ann@corp.example"}]}`)
	w.create("c", certificateBody(`"key_props":{"kty":"EC"},"issuer":{"name":"Self"},"x509_props":{"subject":"CN=c","validity_months":10},"lifetime_actions":[`+
		`{"trigger":{"lifetime_percentage":90},"action":{"action_type":"AutoRenew"}},{"trigger":{"lifetime_percentage":50},"action":{"action_type":"EmailContacts"}}]`, ""))
	for i := range 2 {
		w.later(160 * day)
		for range 3 {
			w.renewNow()
		}
		if n := strings.Count(log.String(), "a certificate nears its end"); n != i+1 || !strings.Contains(log.String(), "ann@corp.example") {
			t.Fatalf("told %d times: %s", n, &log)
		}
		w.equal("nothing else", fmt.Sprint(w.certificateVersions("c")), fmt.Sprint(i+1))
		w.later(120 * day)
		w.renewNow()
		w.equal("renewed", fmt.Sprint(w.certificateVersions("c")), fmt.Sprint(i+2))
	}
}

// TestTwoServersRenewOnce: both try, one version is made.
func TestTwoServersRenewOnce(t *testing.T) {
	w := withAuthority(t, same)
	w.create("c", renewing("Inborn", 1, 50))
	w.run(w.api)
	w.run(New(w.api.Config))
	w.later(20 * day)
	w.want(200, "PUT", "/secrets/other", `{"value":"v"}`)
	w.until("the certificate to renew", func() bool { return w.certificateVersions("c") > 1 })
	time.Sleep(3 * renewPace)
	w.equal("versions", fmt.Sprint(w.certificateVersions("c")), "2")
}

// TestDeletedCertificatesDoNotRenew, nor those of a deleted vault; once recovered they do.
func TestDeletedCertificatesDoNotRenew(t *testing.T) {
	w := withAuthority(t, same)
	w.create("c", renewing("Self", 1, 50))
	w.later(13 * day)
	w.want(200, "DELETE", "/certificates/c", "")
	w.later(5 * day)
	w.renewNow()
	w.equal("deleted", fmt.Sprint(w.certificateVersions("c")), "1")
	w.want(200, "POST", "/deletedcertificates/c/recover", "")
	w.change(func(d *state.Draft) error { return d.DeleteResource(orders) })
	w.renewNow()
	w.equal("in a deleted vault", fmt.Sprint(w.certificateVersions("c")), "1")
	w.change(func(d *state.Draft) error { _, err := d.RecoverVault(orders); return err })
	w.renewNow()
	w.equal("recovered", fmt.Sprint(w.certificateVersions("c")), "2")
}
