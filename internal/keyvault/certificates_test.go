package keyvault

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// withAuthority is a world whose platform has an authority for the hosts of corp.example.
func withAuthority(t *testing.T, change func(*Config)) *world {
	w := start(t)
	config := w.api.Config
	authority := sync.OnceValues(func() (*vault.Authority, error) {
		return vault.NewAuthority(rand.Reader, began, vault.Hosts{Below: []string{"corp.example", "localhost"}, Reserved: []string{"login.corp.example"}})
	})
	config.Authority = func(context.Context) (*vault.Authority, error) { return authority() }
	change(&config)
	w.api = New(config)
	srv := httptest.NewTLSServer(w.api.Handler(serve.Deps{Now: time.Now, Random: rand.Reader}))
	t.Cleanup(srv.Close)
	w.url, w.client = srv.URL, srv.Client()
	return w
}

func same(*Config) {}

// certificateBody is the body of a create: members of the policy in JSON, without braces, and of the body beside it.
func certificateBody(policy, more string) string {
	if more != "" {
		more = "," + more
	}
	return `{"policy":{` + policy + `}` + more + `}`
}

// ec is a policy with a quick key.
func ec(issuer, subject string) string {
	return fmt.Sprintf(`"key_props":{"kty":"EC"},"issuer":{"name":%q},"x509_props":{"subject":%q,"sans":{"dns_names":["orders.corp.example"]}}`, issuer, subject)
}

// create makes a certificate and waits for it as clients do.
func (w *world) create(name, body string) answer {
	w.Helper()
	a := w.want(202, "POST", "/certificates/"+name+"/create", body)
	w.equal("the answer of create", a.at("status"), "inProgress")
	w.equal("the operation", w.want(200, "GET", "/certificates/"+name+"/pending", "").at("status"), "completed")
	return w.want(200, "GET", "/certificates/"+name+"/", "")
}

// leaf is the certificate of an answer.
func (w *world) leaf(a answer) *x509.Certificate {
	w.Helper()
	der, err := base64.StdEncoding.DecodeString(a.at("cer"))
	must(w.T, err)
	c, err := x509.ParseCertificate(der)
	must(w.T, err)
	return c
}

// pfx opens the secret that belongs to a certificate, in PKCS #12.
func (w *world) pfx(value string) (key any, leaf *x509.Certificate, chain []*x509.Certificate) {
	w.Helper()
	file, err := base64.StdEncoding.DecodeString(value)
	must(w.T, err)
	key, leaf, chain, err = pkcs12.DecodeChain(file, "")
	must(w.T, err)
	return key, leaf, chain
}

func TestSelfSignedCertificate(t *testing.T) {
	w := withAuthority(t, same)
	a := w.want(202, "POST", "/certificates/Web/create", certificateBody(ec("self", "CN=orders"), `"tags":{"a":"b"}`))
	w.equal("where to look", a.header.Get("Location"), kvOrders+"/certificates/Web/pending?api-version=7.4&request_id="+a.at("request_id"))
	w.equal("id", a.at("id"), kvOrders+"/certificates/Web/pending")
	w.equal("issuer", a.at("issuer", "name"), "self")
	w.equal("details", a.at("status_details"), detailsIssuer)
	der, err := base64.StdEncoding.DecodeString(a.at("csr"))
	must(t, err)
	csr, err := x509.ParseCertificateRequest(der)
	must(t, err)
	must(t, csr.CheckSignature())

	done := w.want(200, "GET", "/certificates/web/pending?request_id="+a.at("request_id"), "")
	w.equal("status", done.at("status"), "completed")
	w.equal("target", done.at("target"), kvOrders+"/certificates/Web")
	w.equal("details", done.at("status_details"), "")

	c := w.want(200, "GET", "/certificates/web", "")
	version := c.at("id")[len(kvOrders+"/certificates/Web/"):]
	w.equal("kid", c.at("kid"), kvOrders+"/keys/Web/"+version)
	w.equal("sid", c.at("sid"), kvOrders+"/secrets/Web/"+version)
	w.equal("tags", c.at("tags", "a"), "b")
	w.equal("pending", c.at("pending", "id"), kvOrders+"/certificates/Web/pending")
	leaf := w.leaf(c)
	w.equal("x5t", c.at("x5t"), encode(vault.Thumbprint(leaf.Raw)))
	w.equal("subject", leaf.Subject.String()+leaf.Issuer.String(), "CN=ordersCN=orders")
	w.equal("nbf", c.at("attributes", "nbf"), fmt.Sprint(began.Add(-10*time.Minute).Unix()))
	w.equal("exp", c.at("attributes", "exp"), fmt.Sprint(began.AddDate(1, 0, 0).Unix()))
	if !leaf.NotAfter.Equal(began.AddDate(1, 0, 0)) || !leaf.NotBefore.Equal(began.Add(-10*time.Minute)) {
		t.Error(leaf.NotBefore, leaf.NotAfter)
	}
	if !publicOf(t, w.want(200, "GET", "/keys/web", "")).(interface{ Equal(x crypto.PublicKey) bool }).Equal(leaf.PublicKey) {
		t.Error("the key is another")
	}
	policy := `{"id":"` + kvOrders + `/certificates/Web/policy","key_props":{"exportable":true,"kty":"EC","reuse_key":false,"crv":"P-256"},"secret_props":{"contentType":"application/x-pkcs12"},` +
		`"x509_props":{"subject":"CN=orders","sans":{"dns_names":["orders.corp.example"]},"ekus":["1.3.6.1.5.5.7.3.1","1.3.6.1.5.5.7.3.2"],"key_usage":["digitalSignature"],"validity_months":12,` +
		`"basic_constraints":{"ca":false}},"lifetime_actions":[{"trigger":{"lifetime_percentage":80},"action":{"action_type":"AutoRenew"}}],"issuer":{"name":"self"},` +
		`"attributes":{"enabled":true,"created":1772366400,"updated":1772366400}}`
	w.equal("policy", w.want(200, "GET", "/certificates/web/policy", "").text, policy)

	secret := w.want(200, "GET", "/secrets/web", "")
	w.equal("content type", secret.at("contentType"), "application/x-pkcs12")
	w.equal("of the secret", secret.at("id")+secret.at("kid")+secret.at("managed")+secret.at("tags", "a"), c.at("sid")+c.at("kid")+"trueb")
	key, inside, chain := w.pfx(secret.at("value"))
	if !inside.Equal(leaf) || len(chain) != 0 || !leaf.PublicKey.(interface{ Equal(x crypto.PublicKey) bool }).Equal(key.(crypto.Signer).Public()) {
		t.Error("the secret holds something else")
	}
	must(t, leaf.CheckSignatureFrom(&x509.Certificate{PublicKey: leaf.PublicKey, PublicKeyAlgorithm: leaf.PublicKeyAlgorithm, Version: 3, BasicConstraintsValid: true, IsCA: true}))
	w.verifies("/keys/web", w.signs("/keys/web"), true)
}

// TestCertificateOfThePlatform: the chain ends at the authority, and comes along in the secret.
func TestCertificateOfThePlatform(t *testing.T) {
	w := withAuthority(t, same)
	c := w.leaf(w.create("c", certificateBody(ec("INBORN", "CN=orders"), "")))
	secret := w.want(200, "GET", "/secrets/c", "")
	_, _, chain := w.pfx(secret.at("value"))
	if len(chain) != 1 || !chain[0].IsCA {
		t.Fatalf("a chain of %d", len(chain))
	}
	roots := x509.NewCertPool()
	roots.AddCert(chain[0])
	if _, err := c.Verify(x509.VerifyOptions{Roots: roots, DNSName: "orders.corp.example", CurrentTime: began}); err != nil {
		t.Error(err)
	}
	w.create("p", certificateBody(ec("Inborn", "CN=orders")+`,"secret_props":{"contentType":"application/x-pem-file"}`, ""))
	text := w.want(200, "GET", "/secrets/p", "").at("value")
	var types []string
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		types = append(types, block.Type)
	}
	w.equal("PEM", strings.Join(types, ","), "PRIVATE KEY,CERTIFICATE,CERTIFICATE")
	// An issuer of the vault whose provider is the platform is the platform under another name.
	w.want(200, "PUT", "/certificates/issuers/house", `{"provider":"Inborn"}`)
	w.create("h", certificateBody(ec("house", "CN=orders"), ""))
	for name, policy := range map[string]string{
		"another host":           `"issuer":{"name":"Inborn"},"x509_props":{"subject":"CN=x","sans":{"dns_names":["www.example.com"]}}`,
		"the platform":           `"issuer":{"name":"Inborn"},"x509_props":{"subject":"CN=x","sans":{"dns_names":["login.corp.example"]}}`,
		"by another name":        `"issuer":{"name":"house"},"x509_props":{"subject":"CN=www.example.com"}`,
		"a user":                 `"issuer":{"name":"Inborn"},"x509_props":{"subject":"CN=x","sans":{"upns":["root@corp.example"]}}`,
		"to sign programs":       `"issuer":{"name":"Inborn"},"x509_props":{"subject":"CN=x","ekus":["1.3.6.1.5.5.7.3.3"]}`,
		"an issuer that is none": `"issuer":{"name":"DigiCert"},"x509_props":{"subject":"CN=x"}`,
	} {
		w.refused(name, w.do("POST", "/certificates/no/create", certificateBody(policy, "")), 400, "BadParameter", "")
	}
	w.refused("and nothing is left", w.do("GET", "/certificates/no", ""), 404, "CertificateNotFound", "")
}

func TestKeyThatIsNotExportable(t *testing.T) {
	w := withAuthority(t, same)
	for _, form := range []string{"application/x-pkcs12", "application/x-pem-file"} {
		c := w.create("c", certificateBody(`"key_props":{"kty":"EC","exportable":false},"secret_props":{"contentType":"`+form+`"},"issuer":{"name":"Self"},"x509_props":{"subject":"CN=c"}`, ""))
		value := w.want(200, "GET", "/secrets/c", "").at("value")
		if form == "application/x-pem-file" {
			w.equal("PEM", strings.TrimSpace(value), strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.leaf(c).Raw}))))
			continue
		}
		file, err := base64.StdEncoding.DecodeString(value)
		must(t, err)
		if all, err := pkcs12.DecodeTrustStore(file, ""); err != nil || len(all) != 1 || !all[0].Equal(w.leaf(c)) {
			t.Errorf("%v, %v", all, err)
		}
		if _, _, _, err := pkcs12.DecodeChain(file, ""); err == nil {
			t.Error("the private key is in the secret")
		}
	}
	w.equal("exportable", w.want(200, "GET", "/keys/c", "").at("attributes", "exportable"), "false")
	w.verifies("/keys/c", w.signs("/keys/c"), true)
}

// TestSecretInAnotherForm: the query outContentType has the PKCS #12 of a certificate converted to PEM.
func TestSecretInAnotherForm(t *testing.T) {
	w := withAuthority(t, same)
	c := w.create("c", certificateBody(ec("Self", "CN=c"), ""))
	w.create("closed", certificateBody(`"key_props":{"kty":"EC","exportable":false},"issuer":{"name":"Self"},"x509_props":{"subject":"CN=c"}`, ""))
	w.want(200, "PUT", "/secrets/plain", `{"value":"x","contentType":"text/plain"}`)
	w.want(200, "PUT", "/secrets/none", `{"value":"x"}`)
	got := w.want(200, "GET", "/secrets/c?outContentType=application/x-pem-file", "")
	pair, err := tls.X509KeyPair([]byte(got.at("value")), []byte(got.at("value")))
	must(t, err)
	if !bytes.Equal(pair.Certificate[0], w.leaf(c).Raw) || got.at("contentType") != vault.ContentPEM {
		t.Errorf("%s", got.text)
	}
	w.equal("as it is", w.want(200, "GET", "/secrets/c?outContentType=application/X-pkcs12", "").at("value"), w.want(200, "GET", "/secrets/c", "").at("value"))
	w.equal("the same type", w.want(200, "GET", "/secrets/plain?outContentType=text/plain", "").at("value"), "x")
	for _, path := range []string{"c?outContentType=nonsense", "plain?outContentType=application/x-pem-file", "none?outContentType=application/x-pem-file",
		"closed?outContentType=application/x-pem-file"} {
		a := w.do("GET", "/secrets/"+path, "")
		w.refused(path, a, 400, "BadParameter", "")
		if strings.Contains(a.text, "PRIVATE") {
			t.Errorf("%s", a.text)
		}
	}
}

func TestVersionsOfCertificates(t *testing.T) {
	w := withAuthority(t, same)
	first := w.create("c", certificateBody(ec("Self", "CN=one"), `"attributes":{"enabled":false}`))
	w.equal("enabled", first.at("attributes", "enabled"), "false")
	w.refused("its secret", w.do("GET", "/secrets/c", ""), 403, "Forbidden", "SecretDisabled")
	w.later(time.Second)
	second := w.create("c", `{}`) // by the policy that there is
	if first.at("id") == second.at("id") || first.at("x5t") == second.at("x5t") || w.leaf(second).Subject.String() != "CN=one" {
		t.Error("no new version")
	}
	w.equal("enabled", second.at("attributes", "enabled"), "true")
	list := w.want(200, "GET", "/certificates/c/versions", "")
	if got := list.at("value", "0", "id") + list.at("value", "1", "id"); !strings.Contains(got, first.at("id")) || !strings.Contains(got, second.at("id")) || list.at("value", "2", "id") != "" {
		t.Error(list.text)
	}
	all := w.want(200, "GET", "/certificates", "")
	w.equal("the list", all.at("value", "0", "id")+all.at("value", "0", "x5t")+all.at("value", "1"), kvOrders+"/certificates/c"+second.at("x5t"))
	w.equal("the first version", w.want(200, "GET", strings.TrimPrefix(first.at("id"), kvOrders), "").at("cer"), first.at("cer"))
	for _, kind := range []string{"keys", "secrets"} {
		w.equal("versions of "+kind, fmt.Sprint(strings.Count(w.want(200, "GET", "/"+kind+"/c/versions", "").text, `"managed":true`)), "2")
	}
	w.refused("without a policy", w.do("POST", "/certificates/new/create", `{}`), 400, "BadParameter", "")
	w.refused("another version", w.do("GET", "/certificates/c/00000000000000000000000000000000", ""), 404, "CertificateNotFound", "")
}

// TestUpdateCertificate: what the certificate says of itself, its key and its secret say, too; dates stay (wire fact).
func TestUpdateCertificate(t *testing.T) {
	w := withAuthority(t, same)
	c := w.create("c", certificateBody(ec("Self", "CN=c"), ""))
	w.later(time.Minute)
	a := w.want(200, "PATCH", "/certificates/c/", `{"attributes":{"exp":1893459661,"enabled":false},"tags":{"x":"y"}}`)
	w.equal("exp", a.at("attributes", "exp"), c.at("attributes", "exp"))
	w.equal("updated", a.at("attributes", "updated"), fmt.Sprint(began.Add(time.Minute).Unix()))
	for _, at := range []string{"/certificates/c", "/keys/c"} {
		got := w.want(200, "GET", at, "")
		w.equal(at, got.at("attributes", "enabled")+got.at("tags", "x"), "falsey")
	}
	w.refused("signing", w.do("POST", "/keys/c/sign", `{"alg":"ES256","value":"`+b64(make([]byte, 32))+`"}`), 403, "Forbidden", "KeyDisabled")
	w.refused("its secret", w.do("GET", "/secrets/c", ""), 403, "Forbidden", "SecretDisabled")
	w.want(200, "PATCH", strings.TrimPrefix(c.at("id"), kvOrders), `{"attributes":{"enabled":true},"tags":{}}`)
	w.equal("tags", w.want(200, "GET", "/secrets/c", "").at("tags", "x"), "")
	for what, a := range map[string]answer{
		"set its secret":    w.do("PUT", "/secrets/c", `{"value":"v"}`),
		"update its secret": w.do("PATCH", "/secrets/c", `{"contentType":"x"}`),
		"delete its secret": w.do("DELETE", "/secrets/c", ""),
	} {
		w.refused(what, a, 403, "Forbidden", "SecretManagedByKeyVault")
	}
	for what, a := range map[string]answer{
		"update its key": w.do("PATCH", "/keys/c", `{"tags":{}}`),
		"make its key":   w.do("POST", "/keys/c/create", `{"kty":"EC"}`),
		"rotate its key": w.do("POST", "/keys/c/rotate", ""),
		"delete its key": w.do("DELETE", "/keys/c", ""),
	} {
		w.refused(what, a, 403, "Forbidden", "KeyManagedByKeyVault")
	}
	w.refused("many tags", w.do("PATCH", "/certificates/c", `{"tags":{`+manyTags(16)+`}}`), 400, "BadParameter", "")
	w.refused("another", w.do("PATCH", "/certificates/other", `{}`), 404, "CertificateNotFound", "")
}

func manyTags(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`"t%d":""`, i))
	}
	return strings.Join(all, ",")
}

func TestPolicyOfACertificate(t *testing.T) {
	w := withAuthority(t, same)
	w.create("c", certificateBody(`"key_props":{"kty":"EC","crv":"P-384"},"issuer":{"name":"Self","cert_transparency":false},"x509_props":{"subject":"CN=c","sans":{"dns_names":["localhost"]}}`, ""))
	w.later(time.Minute)
	a := w.want(200, "PATCH", "/certificates/c/policy", `{"key_props":{"kty":"RSA","key_size":3072,"reuse_key":true},"lifetime_actions":[{"trigger":{"days_before_expiry":30},"action":{"action_type":"emailContacts"}}],"attributes":{"enabled":false}}`)
	w.equal("key", a.at("key_props", "kty")+a.at("key_props", "key_size")+a.at("key_props", "crv")+a.at("key_props", "exportable"), "RSA3072true")
	w.equal("names stay", a.at("x509_props", "sans", "dns_names", "0")+a.at("x509_props", "subject"), "localhostCN=c")
	w.equal("the issuer stays", a.at("issuer", "name")+a.at("issuer", "cert_transparency"), "Selffalse")
	w.equal("action", a.at("lifetime_actions", "0", "action", "action_type")+a.at("lifetime_actions", "0", "trigger", "days_before_expiry"), "EmailContacts30")
	w.equal("times", a.at("attributes", "created")+" "+a.at("attributes", "updated")+a.at("attributes", "enabled"), "1772366400 1772366460false")
	for what, body := range map[string]string{
		"a curve that is not here":  `{"key_props":{"kty":"EC","crv":"P-256K"}}`,
		"hardware":                  `{"key_props":{"kty":"RSA-HSM"}}`,
		"no issuer of the vault":    `{"issuer":{"name":"other"}}`,
		"an authority":              `{"x509_props":{"basic_constraints":{"ca":true}}}`,
		"no names":                  `{"x509_props":{"subject":"","sans":{"dns_names":[]}}}`,
		"two actions of a kind":     `{"lifetime_actions":[{"trigger":{"lifetime_percentage":80},"action":{"action_type":"AutoRenew"}},{"trigger":{"lifetime_percentage":90},"action":{"action_type":"AutoRenew"}}]}`,
		"a number of days too many": `{"lifetime_actions":[{"trigger":{"days_before_expiry":325},"action":{"action_type":"AutoRenew"}}]}`,
		"a form of another kind":    `{"secret_props":{"contentType":"text/plain"}}`,
		"renewal from outside":      `{"issuer":{"name":"unknown"},"lifetime_actions":[{"trigger":{"lifetime_percentage":80},"action":{"action_type":"AutoRenew"}}]}`,
		"a number as text":          `{"x509_props":{"validity_months":"12"}}`,
	} {
		w.refused(what, w.do("PATCH", "/certificates/c/policy", body), 400, "BadParameter", "")
	}
	w.equal("nothing changed", w.want(200, "GET", "/certificates/c/policy", "").text, a.text)
	w.refused("of another", w.do("GET", "/certificates/other/policy", ""), 404, "CertificateNotFound", "")
}

// TestNamesThatAreTaken: the names of literal paths, and of keys and secrets that stand for themselves.
func TestNamesThatAreTaken(t *testing.T) {
	w := withAuthority(t, same)
	body := certificateBody(ec("Self", "CN=c"), "")
	for _, name := range []string{"issuers", "Contacts"} {
		w.refused(name, w.do("POST", "/certificates/"+name+"/create", body), 400, "BadParameter", "")
		w.refused(name, w.do("POST", "/certificates/"+name+"/import", `{"value":"x"}`), 400, "BadParameter", "")
	}
	w.want(200, "POST", "/keys/k/create", `{"kty":"EC"}`)
	w.want(200, "PUT", "/secrets/s", `{"value":"v"}`)
	for _, name := range []string{"k", "s"} {
		for _, issuer := range []string{"Self", "Unknown"} {
			w.refused(name+" by "+issuer, w.do("POST", "/certificates/"+name+"/create", certificateBody(ec(issuer, "CN=c"), "")), 409, "Conflict", "")
		}
	}
	w.want(200, "DELETE", "/secrets/s", "")
	w.refused("of a deleted secret", w.do("POST", "/certificates/s/create", body), 409, "Conflict", "ObjectIsDeletedButRecoverable")
	w.equal("the secret is what it was", w.want(200, "POST", "/deletedsecrets/s/recover", "").at("managed"), "")
}

func TestDeletedCertificates(t *testing.T) {
	w := withAuthority(t, same)
	c := w.create("c", certificateBody(ec("Self", "CN=c"), `"tags":{"a":"b"}`))
	gone := w.want(200, "DELETE", "/certificates/c", "")
	w.equal("recoveryId", gone.at("recoveryId"), kvOrders+"/deletedcertificates/c")
	w.equal("it is whole", gone.at("cer")+gone.at("policy", "issuer", "name")+gone.at("sid"), c.at("cer")+"Self"+c.at("sid"))
	w.equal("again", w.want(200, "GET", "/deletedcertificates/c", "").text, gone.text)
	for _, path := range []string{"/certificates/c", "/certificates/c/policy", "/keys/c", "/secrets/c"} {
		if a := w.do("GET", path, ""); a.status != 404 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	w.refused("its operation", w.do("GET", "/certificates/c/pending", ""), 404, "PendingCertificateNotFound", "")
	w.equal("list", w.want(200, "GET", "/deletedcertificates", "").at("value", "0", "x5t"), c.at("x5t"))
	w.refused("another of its name", w.do("POST", "/certificates/c/create", certificateBody(ec("Self", "CN=c"), "")), 409, "Conflict", "ObjectIsDeletedButRecoverable")
	w.refused("a key of its name", w.do("POST", "/keys/c/create", `{"kty":"EC"}`), 409, "Conflict", "ObjectIsDeletedButRecoverable")
	w.refused("its secret alone", w.do("POST", "/deletedsecrets/c/recover", ""), 403, "Forbidden", "")
	back := w.want(200, "POST", "/deletedcertificates/c/recover", "")
	w.equal("recovered", back.at("cer")+back.at("recoveryId"), c.at("cer"))
	_, leaf, _ := w.pfx(w.want(200, "GET", "/secrets/c", "").at("value"))
	w.equal("its secret", leaf.Subject.String(), "CN=c")
	w.want(200, "DELETE", "/certificates/c", "")
	w.want(204, "DELETE", "/deletedcertificates/c", "")
	id := c.at("id")[strings.LastIndex(c.at("id"), "/")+1:]
	for _, kind := range vault.Kinds() {
		if _, found, err := w.store.Cipher(t.Context(), home.ID, state.VaultCipher(orders, kind, "c", id)); found || err != nil {
			t.Errorf("a half of its %s is left: %v", kind, err)
		}
	}
	w.create("c", certificateBody(ec("Self", "CN=c"), ""))
}

func TestBackupOfACertificate(t *testing.T) {
	w := withAuthority(t, same)
	w.create("c", certificateBody(ec("Inborn", "CN=c"), ""))
	c := w.create("c", `{}`)
	w.want(202, "POST", "/certificates/c/create", certificateBody(ec("Unknown", "CN=c"), ""))
	value := w.want(200, "POST", "/certificates/c/backup", "").at("value")
	secret := w.want(200, "GET", "/secrets/c", "").at("value")
	w.refused("while it is there", w.do("POST", "/certificates/restore", `{"value":"`+value+`"}`), 409, "Conflict", "")
	w.want(200, "DELETE", "/certificates/c", "")
	w.want(204, "DELETE", "/deletedcertificates/c", "")
	a := w.want(200, "POST", "/certificates/restore", `{"value":"`+value+`"}`)
	w.equal("the newest", a.at("id")+a.at("cer")+a.at("pending"), c.at("id")+c.at("cer"))
	w.equal("its secret", w.want(200, "GET", "/secrets/c", "").at("value"), secret)
	w.equal("versions", fmt.Sprint(strings.Count(w.want(200, "GET", "/certificates/c/versions", "").text, `"id"`)), "2")
	w.verifies("/keys/c", w.signs("/keys/c"), true)
	w.refused("its key alone", w.do("POST", "/keys/c/backup", ""), 403, "Forbidden", "KeyManagedByKeyVault")
	w.refused("as a secret", w.do("POST", "/secrets/restore", `{"value":"`+value+`"}`), 400, "BadParameter", "")
	w.want(202, "POST", "/certificates/p/create", certificateBody(ec("Unknown", "CN=p"), ""))
	if a := w.do("POST", "/certificates/p/backup", ""); a.status != 404 {
		t.Errorf("the backup of what is not there: %d %s", a.status, a.text)
	}
}

func TestReuseOfKeys(t *testing.T) {
	w := withAuthority(t, same)
	reuse := func(subject, kind string) string {
		return certificateBody(`"key_props":{"kty":`+kind+`,"reuse_key":true},"issuer":{"name":"Self"},"x509_props":{"subject":"`+subject+`"}`, "")
	}
	keys := []string{}
	for _, body := range []string{reuse("CN=a", `"EC"`), reuse("CN=b", `"EC"`), reuse("CN=c", `"EC","crv":"P-384"`), certificateBody(ec("Self", "CN=d"), "")} {
		c := w.leaf(w.create("c", body))
		keys = append(keys, fmt.Sprintf("%x", vault.Thumbprint(c.RawSubjectPublicKeyInfo)))
	}
	if keys[0] != keys[1] || slices.Contains(keys[:2], keys[2]) || slices.Contains(keys[:3], keys[3]) {
		t.Error(keys)
	}
	w.verifies("/keys/c", w.signs("/keys/c"), true)
}

// TestAKeyThatStaysIsNotReusedByASecret: a key that may not leave the vault does not get into the secret of a later version.
func TestAKeyThatStaysIsNotReusedByASecret(t *testing.T) {
	w := withAuthority(t, same)
	policy := func(exportable, reuse bool) string {
		return certificateBody(fmt.Sprintf(`"key_props":{"kty":"EC","exportable":%t,"reuse_key":%t},"issuer":{"name":"Self"},"x509_props":{"subject":"CN=c"}`, exportable, reuse), "")
	}
	publicKey := func(c answer) string { return fmt.Sprint(w.leaf(c).PublicKey) }
	closed := publicKey(w.create("c", policy(false, false)))
	w.equal("closed again", publicKey(w.create("c", policy(false, true))), closed)
	open := publicKey(w.create("c", policy(true, true)))
	if open == closed {
		t.Error("the key is in the secret now")
	}
	w.equal("open again", publicKey(w.create("c", policy(true, true))), open)
}
