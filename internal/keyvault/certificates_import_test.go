package keyvault

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/inborn-id/inborn/internal/vault"
)

// imported is a certificate that was made elsewhere, of madeEC.
func imported(t testing.TB) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "www.example.com"}, DNSNames: []string{"www.example.com"},
		NotBefore: began.AddDate(0, -1, 0), NotAfter: began.AddDate(0, 2, 0), KeyUsage: x509.KeyUsageDigitalSignature}
	return mustMake(x509.ParseCertificate(mustMake(x509.CreateCertificate(rand.Reader, template, template, madeEC().Public(), madeEC()))))
}

// importable is it as PKCS #12, without a password.
func importable(t testing.TB) []byte {
	t.Helper()
	return mustMake(pkcs12.Passwordless.Encode(madeEC(), imported(t), nil, ""))
}

func pemOf(t testing.TB, key any, certificates ...*x509.Certificate) string {
	t.Helper()
	var text strings.Builder
	must(t, pem.Encode(&text, &pem.Block{Type: "PRIVATE KEY", Bytes: mustMake(x509.MarshalPKCS8PrivateKey(key))}))
	for _, c := range certificates {
		must(t, pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return text.String()
}

func TestImportCertificate(t *testing.T) {
	w := withAuthority(t, same)
	c := imported(t)
	file := mustMake(pkcs12.Modern.Encode(madeEC(), c, nil, "sesame"))
	for name, body := range map[string]map[string]any{
		"PKCS #12":       {"value": base64.StdEncoding.EncodeToString(file), "pwd": "sesame"},
		"PEM":            {"value": pemOf(t, madeEC(), c)},
		"PEM in base64":  {"value": base64.StdEncoding.EncodeToString([]byte(pemOf(t, madeEC(), c)))},
		"as it comes":    {"value": pemOf(t, madeEC(), c), "policy": map[string]any{"secret_props": map[string]any{"contentType": "application/x-pkcs12"}}},
		"not exportable": {"value": pemOf(t, madeEC(), c), "policy": map[string]any{"key_props": map[string]any{"exportable": false}}},
	} {
		t.Run(name, func(t *testing.T) {
			at := strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), "#", "")
			body["tags"], body["attributes"] = map[string]string{"a": "b"}, map[string]any{"exp": 1}
			a := w.want(200, "POST", "/certificates/"+at+"/import", textOf(body))
			if !w.leaf(a).Equal(c) || a.at("tags", "a") != "b" || a.at("pending") != "" || a.at("attributes", "exp") != fmt.Sprint(c.NotAfter.Unix()) {
				t.Error(a.text)
			}
			w.equal("policy", a.at("policy", "issuer", "name")+a.at("policy", "x509_props", "subject")+a.at("policy", "x509_props", "sans", "dns_names", "0")+
				a.at("policy", "x509_props", "validity_months")+a.at("policy", "lifetime_actions", "0", "action", "action_type"), "UnknownCN=www.example.comwww.example.com3EmailContacts")
			secret := w.want(200, "GET", "/secrets/"+at, "")
			wantType := map[bool]string{true: vault.ContentPKCS12, false: vault.ContentPEM}[name == "PKCS #12" || name == "as it comes"]
			w.equal("content type", secret.at("contentType"), wantType)
			if private := strings.Contains(secret.at("value"), "PRIVATE KEY"); wantType == vault.ContentPEM && private == (name == "not exportable") {
				t.Error(secret.text)
			}
			w.verifies("/keys/"+at, w.signs("/keys/"+at), true)
		})
	}
	// Over a certificate that there is, it is a new version; and what it says can be imported again.
	w.create("again", certificateBody(ec("Self", "CN=c"), ""))
	value := w.want(200, "GET", "/secrets/again", "").at("value")
	w.want(200, "POST", "/certificates/again/import", textOf(map[string]any{"value": base64.StdEncoding.EncodeToString(file), "pwd": "sesame"}))
	w.equal("subject", w.leaf(w.want(200, "GET", "/certificates/again", "")).Subject.CommonName, "www.example.com")
	w.want(200, "POST", "/certificates/twin/import", textOf(map[string]any{"value": value}))
}

func TestImportRefused(t *testing.T) {
	w := withAuthority(t, same)
	c := imported(t)
	other := mustMake(ecdsa.GenerateKey(madeEC().Curve, rand.Reader))
	good := pemOf(t, madeEC(), c)
	for name, body := range map[string]map[string]any{
		"nothing":                 {},
		"empty":                   {"value": ""},
		"text":                    {"value": "hello"},
		"a certificate alone":     {"value": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))},
		"a key alone":             {"value": pemOf(t, madeEC())},
		"the key of another":      {"value": pemOf(t, other, c)},
		"two keys":                {"value": pemOf(t, other) + good},
		"a wrong password":        {"value": base64.StdEncoding.EncodeToString(mustMake(pkcs12.Modern.Encode(madeEC(), c, nil, "sesame"))), "pwd": "wrong"},
		"a cut file":              {"value": base64.StdEncoding.EncodeToString(importable(t)[:200])},
		"an issuer that is none":  {"value": good, "policy": map[string]any{"issuer": map[string]any{"name": "other"}}},
		"a policy that is none":   {"value": good, "policy": map[string]any{"x509_props": map[string]any{"validity_months": 2000}}},
		"a content type too many": {"value": good, "policy": map[string]any{"secret_props": map[string]any{"contentType": "text/plain"}}},
	} {
		a := w.do("POST", "/certificates/c/import", textOf(body))
		w.refused(name, a, 400, "BadParameter", "")
		if strings.Contains(a.text, "sesame") || strings.Contains(a.text, "PRIVATE") {
			t.Errorf("%s: it repeats what is secret: %s", name, a.text)
		}
	}
	w.refused("and nothing is there", w.do("GET", "/certificates/c", ""), 404, "CertificateNotFound", "")
	if a := w.do("POST", "/certificates/c/import", `{"value":"`+strings.Repeat("A", maxBody)+`"}`); a.status != 413 {
		t.Errorf("too long: %d", a.status)
	}
}
