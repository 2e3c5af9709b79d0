package keyvault

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// outsider is an authority outside: a root, and one below it that signs.
type outsider struct {
	root, middle *x509.Certificate
	key          *ecdsa.PrivateKey
}

func newOutsider(t *testing.T) *outsider {
	rootKey, key := mustMake(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), mustMake(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	make := func(name string, public any, by *x509.Certificate) *x509.Certificate {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: began.AddDate(-1, 0, 0), NotAfter: began.AddDate(9, 0, 0),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
		if by == nil {
			by = template
		}
		return mustMake(x509.ParseCertificate(mustMake(x509.CreateCertificate(rand.Reader, template, by, public, rootKey))))
	}
	root := make("root", &rootKey.PublicKey, nil)
	return &outsider{root, make("middle", &key.PublicKey, root), key}
}

// sign makes a certificate of a request in an answer, and returns it with its chain as a merge sends them.
func (o *outsider) sign(w *world, a answer, months int) []string {
	w.Helper()
	der, err := base64.StdEncoding.DecodeString(a.at("csr"))
	must(w.T, err)
	csr, err := x509.ParseCertificateRequest(der)
	must(w.T, err)
	must(w.T, csr.CheckSignature())
	leaf, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), RawSubject: csr.RawSubject, ExtraExtensions: csr.Extensions,
		NotBefore: w.now(), NotAfter: w.now().AddDate(0, months, 0)}, o.middle, csr.PublicKey, o.key)
	must(w.T, err)
	return []string{base64.StdEncoding.EncodeToString(leaf), base64.StdEncoding.EncodeToString(o.middle.Raw), base64.StdEncoding.EncodeToString(o.root.Raw)}
}

func x5c(chain ...string) string { return textOf(map[string]any{"x5c": chain}) }

func TestMerge(t *testing.T) {
	w, ca := withAuthority(t, same), newOutsider(t)
	a := w.want(202, "POST", "/certificates/c/create", certificateBody(ec("Unknown", "CN=c"), `"tags":{"a":"b"},"attributes":{"enabled":true}`))
	w.equal("details", a.at("status_details"), detailsMerge)
	waiting := w.want(200, "GET", "/certificates/c", "")
	w.equal("while it waits", waiting.at("attributes", "enabled")+waiting.at("cer")+waiting.at("kid")+waiting.at("tags", "a"), "falseb")
	w.equal("exp", waiting.at("attributes", "exp"), fmt.Sprint(began.AddDate(1, 0, 0).Unix()))
	w.equal("lists", w.want(200, "GET", "/certificates", "").at("value", "0")+w.want(200, "GET", "/certificates/c/versions", "").at("value", "0"), "")
	w.equal("with what waits", w.want(200, "GET", "/certificates?includePending=true", "").at("value", "0", "id"), kvOrders+"/certificates/c")
	for _, path := range []string{"/keys/c", "/secrets/c"} {
		if got := w.do("GET", path, ""); got.status != 404 {
			t.Errorf("%s is there already: %s", path, got.text)
		}
	}
	w.want(200, "PATCH", "/certificates/c", `{"attributes":{"enabled":true},"tags":{"a":"c"}}`)

	chain := ca.sign(w, a, 6)
	got := w.want(201, "POST", "/certificates/c/pending/merge", x5c(chain[2], chain[0], chain[1]))
	w.equal("id", got.at("id"), waiting.at("id"))
	w.equal("tags and all", got.at("tags", "a")+got.at("attributes", "enabled")+w.leaf(got).Issuer.CommonName, "ctruemiddle")
	w.equal("exp", got.at("attributes", "exp"), fmt.Sprint(began.AddDate(0, 6, 0).Unix()))
	_, leaf, above := w.pfx(w.want(200, "GET", "/secrets/c", "").at("value"))
	if !leaf.Equal(w.leaf(got)) || len(above) != 2 || !above[0].Equal(ca.middle) || !above[1].Equal(ca.root) {
		t.Error("the secret has another chain")
	}
	w.verifies("/keys/c", w.signs("/keys/c"), true)
	w.equal("the operation", w.want(200, "GET", "/certificates/c/pending", "").at("status"), "completed")
	version := got.at("id")[strings.LastIndex(got.at("id"), "/")+1:]
	if _, found, err := w.store.Cipher(t.Context(), home.ID, state.VaultCipher(orders, vault.Certificates, "c", version)); found || err != nil {
		t.Errorf("the private key is there twice: %v", err)
	}
	w.refused("once more", w.do("POST", "/certificates/c/pending/merge", x5c(chain...)), 403, "Forbidden", "")

	// The next version waits, and the first one stays the newest meanwhile.
	b := w.want(202, "POST", "/certificates/c/create", `{}`)
	w.equal("the newest", w.want(200, "GET", "/certificates/c", "").at("cer"), got.at("cer"))
	w.refused("signed for the first", w.do("POST", "/certificates/c/pending/merge", x5c(chain...)), 400, "BadParameter", "")
	next := w.want(201, "POST", "/certificates/c/pending/merge", textOf(map[string]any{"x5c": ca.sign(w, b, 1)[:1], "tags": map[string]string{"n": "2"}, "attributes": map[string]any{"enabled": false}}))
	w.equal("the next", next.at("tags", "n")+next.at("attributes", "enabled"), "2false")
	w.equal("versions", fmt.Sprint(strings.Count(w.want(200, "GET", "/certificates/c/versions", "").text, `"id"`)), "2")
}

// TestMergeAsClientsSpellIt: Node's own example sends base64 of base64, and others PEM.
func TestMergeAsClientsSpellIt(t *testing.T) {
	w, ca := withAuthority(t, same), newOutsider(t)
	for name, spell := range map[string]func(der string) string{
		"base64 twice": func(der string) string { return base64.StdEncoding.EncodeToString([]byte(der + "\n")) },
		"PEM": func(der string) string {
			return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: mustMake(base64.StdEncoding.DecodeString(der))}))
		},
	} {
		a := w.want(202, "POST", "/certificates/c/create", certificateBody(ec("Unknown", "CN=c"), ""))
		if got := w.do("POST", "/certificates/c/pending/merge", x5c(spell(ca.sign(w, a, 6)[0]))); got.status != 201 {
			t.Errorf("%s: %s", name, got.text)
		}
	}
}

func TestMergeRefused(t *testing.T) {
	w, ca := withAuthority(t, same), newOutsider(t)
	w.refused("nothing waits", w.do("POST", "/certificates/c/pending/merge", x5c("AAAA")), 404, "PendingCertificateNotFound", "")
	a := w.want(202, "POST", "/certificates/c/create", certificateBody(ec("Unknown", "CN=c"), ""))
	b := w.want(202, "POST", "/certificates/d/create", certificateBody(ec("Unknown", "CN=c"), ""))
	for what, body := range map[string]string{
		"nothing":            `{}`,
		"an empty list":      `{"x5c":[]}`,
		"not base64":         `{"x5c":["!"]}`,
		"no certificate":     x5c(base64.StdEncoding.EncodeToString([]byte("certificate"))),
		"empty":              `{"x5c":[""]}`,
		"of another request": x5c(ca.sign(w, b, 6)...),
		"the authority only": x5c(base64.StdEncoding.EncodeToString(ca.middle.Raw)),
		"too many":           x5c(append(ca.sign(w, a, 6), strings.Split(strings.Repeat(base64.StdEncoding.EncodeToString(ca.root.Raw)+" ", 19), " ")[:19]...)...),
	} {
		w.refused(what, w.do("POST", "/certificates/c/pending/merge", body), 400, "BadParameter", "")
	}
	w.want(201, "POST", "/certificates/c/pending/merge", x5c(ca.sign(w, a, 6)...))
}

// TestOneOperationAtATime: while one waits no other begins, whatever it is.
func TestOneOperationAtATime(t *testing.T) {
	w := withAuthority(t, same)
	a := w.want(202, "POST", "/certificates/c/create", certificateBody(ec("Unknown", "CN=c"), ""))
	pfx := base64.StdEncoding.EncodeToString(importable(t))
	for what, got := range map[string]answer{
		"create":        w.do("POST", "/certificates/C/create", certificateBody(ec("Self", "CN=c"), "")),
		"wait again":    w.do("POST", "/certificates/c/create", certificateBody(ec("Unknown", "CN=c"), "")),
		"import":        w.do("POST", "/certificates/c/import", `{"value":"`+pfx+`"}`),
		"by its policy": w.do("POST", "/certificates/c/create", `{}`),
	} {
		w.refused(what, got, 409, "Forbidden", "")
		if !strings.Contains(got.text, "while a pending key vault certificate's status is inProgress") {
			t.Errorf("%s: %s", what, got.text)
		}
	}
	w.equal("it is still the first", w.want(200, "GET", "/certificates/c/pending", "").at("request_id"), a.at("request_id"))

	// Eight at once: one wins.
	var done sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for range 8 {
		done.Go(func() {
			got := w.do("POST", "/certificates/race/create", certificateBody(ec("Unknown", "CN=c"), ""))
			mu.Lock()
			statuses[got.status]++
			mu.Unlock()
		})
	}
	done.Wait()
	w.equal("eight at once", fmt.Sprint(statuses[202], statuses[409]), "1 7")
}

// TestCancelAndDeletePending is what the service does, step by step: cancellation is noted, deleting ends it, and the
// certificate that never was stays until it is deleted.
func TestCancelAndDeletePending(t *testing.T) {
	w, ca := withAuthority(t, same), newOutsider(t)
	a := w.want(202, "POST", "/certificates/c/create", certificateBody(ec("Unknown", "CN=c"), ""))
	w.refused("another operation", w.do("GET", "/certificates/c/pending?request_id=00000000000000000000000000000000", ""), 404, "PendingCertificateNotFound", "")
	w.refused("nothing said", w.do("PATCH", "/certificates/c/pending", `{}`), 400, "BadParameter", "")
	got := w.want(200, "PATCH", "/certificates/c/pending?request_id="+a.at("request_id"), `{"cancellation_requested":true}`)
	w.equal("cancelled", got.at("cancellation_requested")+got.at("status"), "trueinProgress")
	w.equal("and seen", w.want(200, "GET", "/certificates/c/pending", "").text, got.text)
	w.equal("deleted", w.want(200, "DELETE", "/certificates/c/pending", "").text, got.text)
	for _, method := range []string{"GET", "DELETE"} {
		w.refused(method, w.do(method, "/certificates/c/pending", ""), 404, "PendingCertificateNotFound", "")
	}
	w.refused("a merge", w.do("POST", "/certificates/c/pending/merge", x5c(ca.sign(w, a, 1)...)), 404, "PendingCertificateNotFound", "")
	left := w.want(200, "GET", "/certificates/c", "")
	w.equal("left", left.at("attributes", "enabled")+left.at("cer")+left.at("pending"), "false")
	version := left.at("id")[strings.LastIndex(left.at("id"), "/")+1:]
	if _, found, err := w.store.Cipher(t.Context(), home.ID, state.VaultCipher(orders, vault.Certificates, "c", version)); found || err != nil {
		t.Errorf("its private key is left: %v", err)
	}
	// It makes room for another.
	c := w.create("c", certificateBody(ec("Self", "CN=c"), ""))
	w.equal("versions", fmt.Sprint(strings.Count(w.want(200, "GET", "/certificates/c/versions", "").text, `"id"`)), "1")
	w.refused("too late", w.do("PATCH", "/certificates/c/pending", `{"cancellation_requested":true}`), 403, "Forbidden", "")
	w.equal("what is completed can be deleted", w.want(200, "DELETE", "/certificates/c/pending", "").at("status"), "completed")
	// Of a certificate with versions, only what was to come goes.
	w.want(202, "POST", "/certificates/c/create", certificateBody(ec("Unknown", "CN=c"), ""))
	w.want(200, "DELETE", "/certificates/c/pending", "")
	w.equal("the newest", w.want(200, "GET", "/certificates/c", "").at("cer"), c.at("cer"))
	o, _ := w.dir().VaultObject(orders, vault.Certificates, "c")
	n := 0
	for range w.dir().VaultVersions(o, "") {
		n++
	}
	w.equal("and nothing else is stored", fmt.Sprint(n), "1")
}

// TestDeleteWhilePending: a certificate that is not there yet is deleted, recovered and purged as any other.
func TestDeleteWhilePending(t *testing.T) {
	w, ca := withAuthority(t, same), newOutsider(t)
	a := w.want(202, "POST", "/certificates/c/create", certificateBody(ec("Unknown", "CN=c"), ""))
	gone := w.want(200, "DELETE", "/certificates/c", "")
	w.equal("deleted", gone.at("recoveryId")+gone.at("attributes", "enabled")+gone.at("cer"), kvOrders+"/deletedcertificates/cfalse")
	w.equal("seen", w.want(200, "GET", "/deletedcertificates/c", "").text, gone.text)
	w.equal("not listed", w.want(200, "GET", "/deletedcertificates", "").at("value", "0"), "")
	w.equal("unless", w.want(200, "GET", "/deletedcertificates?includePending=True", "").at("value", "0", "recoveryId"), gone.at("recoveryId"))
	w.refused("merge", w.do("POST", "/certificates/c/pending/merge", x5c(ca.sign(w, a, 1)...)), 404, "PendingCertificateNotFound", "")
	w.want(200, "POST", "/deletedcertificates/c/recover", "")
	w.want(201, "POST", "/certificates/c/pending/merge", x5c(ca.sign(w, a, 1)...))

	a = w.want(202, "POST", "/certificates/d/create", certificateBody(ec("Unknown", "CN=d"), ""))
	version := w.want(200, "GET", "/certificates/d", "").at("id")
	version = version[strings.LastIndex(version, "/")+1:]
	w.want(200, "DELETE", "/certificates/d", "")
	w.want(204, "DELETE", "/deletedcertificates/d", "")
	if _, found, err := w.store.Cipher(t.Context(), home.ID, state.VaultCipher(orders, vault.Certificates, "d", version)); found || err != nil {
		t.Errorf("its private key is left: %v", err)
	}
	w.refused("merge", w.do("POST", "/certificates/d/pending/merge", x5c(ca.sign(w, a, 1)...)), 404, "PendingCertificateNotFound", "")
}

// TestIncludePendingOverPages: the next page knows what the first one was asked for.
func TestIncludePendingOverPages(t *testing.T) {
	w := withAuthority(t, same)
	for i := range 3 {
		w.want(202, "POST", fmt.Sprintf("/certificates/c%d/create", i), certificateBody(ec("Unknown", "CN=c"), ""))
	}
	n := 0
	for path := "/certificates?maxresults=1&includePending=true"; path != ""; n++ {
		a := w.want(200, "GET", path, "")
		path = strings.TrimPrefix(a.at("nextLink"), kvOrders)
	}
	w.equal("pages", fmt.Sprint(n), "3")
}

// TestIssuerOutside: a vault may know an issuer whose provider is not here; its certificates wait for a merge.
func TestIssuerOutside(t *testing.T) {
	w, ca := withAuthority(t, same), newOutsider(t)
	w.want(200, "PUT", "/certificates/issuers/digicert", `{"provider":"DigiCert"}`)
	a := w.want(202, "POST", "/certificates/c/create", certificateBody(ec("DigiCert", "CN=c"), ""))
	w.equal("issuer", a.at("issuer", "name")+a.at("status_details"), "DigiCert"+detailsMerge)
	w.want(201, "POST", "/certificates/c/pending/merge", x5c(ca.sign(w, a, 1)...))
	w.want(200, "PATCH", "/certificates/issuers/digicert", `{"attributes":{"enabled":false}}`)
	w.refused("disabled", w.do("POST", "/certificates/c/create", `{}`), 400, "BadParameter", "")
}
