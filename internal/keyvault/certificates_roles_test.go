package keyvault

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// TestRolesOfCertificates asks for each operation with each role. The private half of a certificate goes by the
// permission for secrets: Certificate User has it, Certificates Officer does not.
func TestRolesOfCertificates(t *testing.T) {
	w, ca := withAuthority(t, same), newOutsider(t)
	w.create("c", certificateBody(ec("Self", "CN=c"), ""))
	w.create("gone", certificateBody(ec("Self", "CN=c"), ""))
	w.want(200, "DELETE", "/certificates/gone", "")
	w.want(200, "PUT", "/certificates/issuers/i", `{"provider":"x"}`)
	w.want(200, "PUT", "/certificates/contacts", `{"contacts":[{"email":"a@b"}]}`)
	merge := x5c(ca.sign(w, w.want(202, "POST", "/certificates/m/create", certificateBody(ec("Unknown", "CN=c"), "")), 1)...)
	operations := []struct{ name, method, path, body string }{
		{"list", "GET", "/certificates", ""},
		{"versions", "GET", "/certificates/c/versions", ""},
		{"get", "GET", "/certificates/c", ""},
		{"policy", "GET", "/certificates/c/policy", ""},
		{"pending", "GET", "/certificates/c/pending", ""},
		{"listDeleted", "GET", "/deletedcertificates", ""},
		{"getDeleted", "GET", "/deletedcertificates/gone", ""},
		{"key", "GET", "/keys/c", ""},
		{"private", "GET", "/secrets/c", ""},
		{"secrets", "GET", "/secrets", ""},
		{"sign", "POST", "/keys/c/sign", `{"alg":"ES256","value":"` + b64(make([]byte, 32)) + `"}`},
		{"contacts", "GET", "/certificates/contacts", ""},
		{"setContacts", "PUT", "/certificates/contacts", `{"contacts":[{"email":"a@b"}]}`},
		{"issuers", "GET", "/certificates/issuers", ""},
		{"issuer", "GET", "/certificates/issuers/i", ""},
		{"setIssuer", "PUT", "/certificates/issuers/i", `{"provider":"x"}`},
		{"updateIssuer", "PATCH", "/certificates/issuers/i", `{}`},
		{"deleteIssuer", "DELETE", "/certificates/issuers/none", ""},
		{"create", "POST", "/certificates/c/create", `{}`},
		{"import", "POST", "/certificates/n/import", `{"value":"x"}`},
		{"update", "PATCH", "/certificates/c", `{}`},
		{"setPolicy", "PATCH", "/certificates/c/policy", `{}`},
		{"cancel", "PATCH", "/certificates/m/pending", `{"cancellation_requested":false}`},
		{"merge", "POST", "/certificates/m/pending/merge", merge},
		{"deletePending", "DELETE", "/certificates/none/pending", ""},
		{"backup", "POST", "/certificates/c/backup", ""},
		{"restore", "POST", "/certificates/restore", `{"value":"AAAA"}`},
		{"delete", "DELETE", "/certificates/none", ""},
		{"recover", "POST", "/deletedcertificates/none/recover", ""},
		{"purge", "DELETE", "/deletedcertificates/none", ""},
	}
	reads := "list versions get policy pending listDeleted getDeleted"
	roles := map[string]string{
		"":                                      "",
		"Owner":                                 "",
		"Key Vault Contributor":                 "",
		"Key Vault Secrets User":                "private secrets",
		"Key Vault Secrets Officer":             "private secrets",
		"Key Vault Crypto User":                 "key sign",
		"Key Vault Reader":                      reads + " key secrets issuers issuer",
		"Key Vault Certificate User":            reads + " key private secrets",
		"Key Vault Certificates Officer":        reads + " contacts setContacts issuers issuer setIssuer updateIssuer deleteIssuer create import update setPolicy cancel merge deletePending backup restore delete recover purge",
		"Key Vault Administrator":               "*",
		"Key Vault Crypto Service Release User": "",
	}
	for role, may := range roles {
		bearer := w.identity("id-"+strings.ReplaceAll(role+"x", " ", "-"), role, group)
		for _, o := range operations {
			a := w.as(bearer, "kv-orders.vault.azure.net", o.method, o.path, o.body)
			allowed := may == "*" || strings.Contains(" "+may+" ", " "+o.name+" ")
			if a.status == 401 || a.status == 500 || a.status == 405 {
				t.Errorf("%q, %s: %d %s", role, o.name, a.status, a.text)
			}
			if refused := a.at("error", "innererror", "code") == "ForbiddenByRbac"; refused == allowed {
				t.Errorf("%q, %s: %d %s; allowed is %v", role, o.name, a.status, a.text, allowed)
			}
		}
	}
}

// TestARoleAtOneCertificate: it is no role at its neighbours, at the issuers of the vault or at its own secret.
func TestARoleAtOneCertificate(t *testing.T) {
	w := withAuthority(t, same)
	for _, name := range []string{"mine", "yours"} {
		w.create(name, certificateBody(ec("Self", "CN=c"), ""))
	}
	bearer := w.identity("id-app", "Key Vault Certificates Officer", vault.Scope(orders, vault.Certificates, "mine"))
	as := func(method, path, body string) answer {
		return w.as(bearer, "kv-orders.vault.azure.net", method, path, body)
	}
	for _, path := range []string{"/certificates/mine", "/certificates/mine/policy", "/certificates/mine/versions", "/certificates/mine/pending"} {
		if a := as("GET", path, ""); a.status != 200 {
			t.Errorf("%s: %s", path, a.text)
		}
	}
	for _, path := range []string{"/certificates/yours", "/certificates", "/certificates/issuers", "/certificates/issuers/mine", "/certificates/contacts", "/secrets/mine", "/keys/mine"} {
		w.refused(path, as("GET", path, ""), 403, "Forbidden", "ForbiddenByRbac")
	}
	w.refused("an issuer of its name", as("PUT", "/certificates/issuers/mine", `{"provider":"x"}`), 403, "Forbidden", "ForbiddenByRbac")
	if a := as("POST", "/certificates/mine/create", `{}`); a.status != 202 {
		t.Error(a.text)
	}
}

// TestAccessPoliciesOfCertificates: their words, of which manageIssuers covers four.
func TestAccessPoliciesOfCertificates(t *testing.T) {
	w := withAuthority(t, same)
	bearer := w.identity("id-app", "", "")
	w.change(func(d *state.Draft) error {
		properties := fmt.Appendf(nil, `{"accessPolicies":[{"objectId":%q,"permissions":{"certificates":["Create","get","manageIssuers","manageContacts"]}}]}`, w.principal("id-app"))
		_, _, err := d.PutResource(state.ResourceSpec{ID: legacy, Location: "local", Properties: properties})
		return err
	})
	as := func(method, path, body string) answer {
		return w.as(bearer, "kv-legacy.vault.azure.net", method, path, body)
	}
	for _, o := range []struct {
		status             int
		method, path, body string
	}{
		{202, "POST", "/certificates/c/create", certificateBody(ec("Self", "CN=c"), "")},
		{200, "GET", "/certificates/c", ""},
		{200, "PUT", "/certificates/issuers/i", `{"provider":"x"}`},
		{200, "GET", "/certificates/issuers", ""},
		{200, "DELETE", "/certificates/issuers/i", ""},
		{404, "GET", "/certificates/contacts", ""},
		{403, "GET", "/certificates", ""},
		{403, "DELETE", "/certificates/c", ""},
		{403, "GET", "/secrets/c", ""},
		{403, "PATCH", "/certificates/c", `{}`},
	} {
		if a := as(o.method, o.path, o.body); a.status != o.status || o.status == 403 && a.at("error", "innererror", "code") != "ForbiddenByPolicy" {
			t.Errorf("%s %s: %d %s; want %d", o.method, o.path, a.status, a.text, o.status)
		}
	}
}

func TestIssuersOfAVault(t *testing.T) {
	w := withAuthority(t, same)
	w.refused("none yet", w.do("GET", "/certificates/issuers/One", ""), 404, "CertificateIssuerNotFound", "")
	body := `{"provider":"DigiCert","credentials":{"account_id":"me","pwd":"canary-password"},"org_details":{"id":"o","admin_details":[{"first_name":"A","last_name":"B","email":"a@b","phone":"1"}]}}`
	a := w.want(200, "PUT", "/certificates/issuers/One", body)
	w.equal("set", a.text, `{"id":"`+kvOrders+`/certificates/issuers/One","provider":"DigiCert","credentials":{"account_id":"me"},"org_details":{"id":"o","admin_details":[`+
		`{"first_name":"A","last_name":"B","email":"a@b","phone":"1"}]},"attributes":{"enabled":true,"created":1772366400,"updated":1772366400}}`)
	w.equal("get", w.want(200, "GET", "/certificates/issuers/one", "").text, a.text)
	cipher, found, err := w.store.Cipher(t.Context(), home.ID, state.IssuerCipher(orders, "one"))
	if err != nil || !found || strings.Contains(string(cipher.Ciphertext), "canary") {
		t.Errorf("the password is kept as %q, %v", cipher.Ciphertext, err)
	}
	w.later(60e9)
	b := w.want(200, "PATCH", "/certificates/issuers/one", `{"credentials":{"account_id":"you"},"attributes":{"enabled":false}}`)
	w.equal("updated", b.at("credentials", "account_id")+b.at("provider")+b.at("attributes", "enabled")+b.at("org_details", "admin_details", "0", "email")+b.at("attributes", "updated"),
		"youDigiCertfalsea@b1772366460")
	for i := range 3 {
		w.want(200, "PUT", fmt.Sprintf("/certificates/issuers/x%d", i), `{"provider":"x"}`)
	}
	page := w.want(200, "GET", "/certificates/issuers?maxresults=3", "")
	w.equal("list", page.at("value", "0", "id")+page.at("value", "0", "provider")+page.at("value", "0", "attributes"), kvOrders+"/certificates/issuers/OneDigiCert")
	next := w.want(200, "GET", strings.TrimPrefix(page.at("nextLink"), kvOrders), "")
	w.equal("the next page", next.at("value", "0", "id")+next.at("nextLink"), kvOrders+"/certificates/issuers/x2")
	w.equal("deleted", w.want(200, "DELETE", "/certificates/issuers/One", "").text, b.text)
	for _, method := range []string{"GET", "DELETE", "PATCH"} {
		w.refused(method, w.do(method, "/certificates/issuers/One", map[string]string{"PATCH": "{}"}[method]), 404, "CertificateIssuerNotFound", "")
	}
	if _, found, _ := w.store.Cipher(t.Context(), home.ID, state.IssuerCipher(orders, "one")); found {
		t.Error("its password is left")
	}
	for what, a := range map[string]answer{
		"the platform":    w.do("PUT", "/certificates/issuers/inborn", `{"provider":"x"}`),
		"Self":            w.do("PUT", "/certificates/issuers/Self", `{"provider":"x"}`),
		"no provider":     w.do("PUT", "/certificates/issuers/a", `{}`),
		"a name":          w.do("PUT", "/certificates/issuers/a_b", `{"provider":"x"}`),
		"a long account":  w.do("PUT", "/certificates/issuers/a", `{"provider":"x","credentials":{"account_id":"`+strings.Repeat("a", 300)+`"}}`),
		"another type":    w.do("PUT", "/certificates/issuers/a", `{"provider":7}`),
		"a provider less": w.do("PATCH", "/certificates/issuers/x0", `{"provider":""}`),
	} {
		w.refused(what, a, 400, "BadParameter", "")
	}
}

func TestContactsOfAVault(t *testing.T) {
	w := withAuthority(t, same)
	for _, method := range []string{"GET", "DELETE"} {
		a := w.do(method, "/certificates/contacts", "")
		w.refused(method, a, 404, "ContactsNotFound", "")
		w.equal("the sentence", a.at("error", "message"), "Contacts not found")
	}
	body := `{"contacts":[{"email":"b@b.com","name":"b","phone":"2"},{"email":"a@a.com"}]}`
	want := `{"id":"` + kvOrders + `/certificates/contacts","contacts":[{"email":"b@b.com","name":"b","phone":"2"},{"email":"a@a.com"}]}`
	w.equal("set", w.want(200, "PUT", "/certificates/contacts", body).text, want)
	w.equal("get", w.want(200, "GET", "/certificates/contacts", "").text, want)
	for what, body := range map[string]string{"nobody": `{"contacts":[]}`, "nothing": `{}`, "no address": `{"contacts":[{"name":"x"}]}`, "a text": `{"contacts":"x"}`} {
		w.refused(what, w.do("PUT", "/certificates/contacts", body), 400, "BadParameter", "")
	}
	w.equal("deleted", w.want(200, "DELETE", "/certificates/contacts", "").text, want)
	w.refused("gone", w.do("GET", "/certificates/contacts", ""), 404, "ContactsNotFound", "")
}
