package vault

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

func fullPolicy(t testing.TB, issuer string) CertificatePolicy {
	t.Helper()
	p, err := CertificatePolicy{
		Issuer: IssuerParameters{Name: issuer},
		X509: X509Properties{Subject: "CN=www.example.test, O=Example", Months: 3, KeyUse: []string{"digitalSignature", "keyAgreement", "decipherOnly"},
			Uses: []string{"1.3.6.1.5.5.7.3.1", "1.2.3.4"},
			Names: Names{DNS: []string{"www.example.test", "*.example.test"}, Emails: []string{"ann@example.test"}, UPNs: []string{"änn@example.test"},
				URIs: []string{"https://example.test/x"}, IPs: []string{"192.0.2.1", "2001:db8::1"}}},
	}.Check()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// testAuthority makes a root, and an authority below it that may sign for .test only.
func testAuthority(t testing.TB) *Authority {
	t.Helper()
	make := func(name string, key *PrivateKey, template x509.Certificate, by *x509.Certificate, byKey *PrivateKey) *x509.Certificate {
		template.SerialNumber, template.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}
		template.NotBefore, template.NotAfter = today().AddDate(-1, 0, 0), today().AddDate(1, 0, 0)
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
		if by == nil {
			by = &template
		}
		der, err := x509.CreateCertificate(rand.Reader, &template, by, key.signer().Public(), byKey.signer())
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	rootKey, key := testKey("P-384"), testKey("RSA-3072")
	root := make("root", rootKey, x509.Certificate{}, nil, rootKey)
	middle := make("authority", key, x509.Certificate{PermittedDNSDomainsCritical: true, PermittedDNSDomains: []string{"test"}}, root, rootKey)
	return &Authority{Certificate: middle, Key: key.signer(), Chain: [][]byte{root.Raw}}
}

func checkContents(t *testing.T, der []byte, p *CertificatePolicy) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if c.Subject.String() != "CN=www.example.test,O=Example" || fmt.Sprint(c.DNSNames, c.EmailAddresses, c.URIs, c.IPAddresses) !=
		"[www.example.test *.example.test] [ann@example.test] [https://example.test/x] [192.0.2.1 2001:db8::1]" {
		t.Errorf("%s %v %v %v %v", c.Subject, c.DNSNames, c.EmailAddresses, c.URIs, c.IPAddresses)
	}
	if c.IsCA || !c.BasicConstraintsValid || c.KeyUsage != x509.KeyUsageDigitalSignature|x509.KeyUsageKeyAgreement|x509.KeyUsageDecipherOnly ||
		len(c.ExtKeyUsage) != 1 || len(c.UnknownExtKeyUsage) != 1 || len(c.UnhandledCriticalExtensions) != 0 || c.SerialNumber.BitLen() != 127 {
		t.Errorf("%+v", c)
	}
	if !c.NotBefore.Equal(today().Add(-10*time.Minute)) || !c.NotAfter.Equal(today().AddDate(0, 3, 0)) {
		t.Errorf("valid from %s to %s", c.NotBefore, c.NotAfter)
	}
	derived, err := PolicyOf(der, ContentPEM)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(derived.X509.Names, p.X509.Names) || !reflect.DeepEqual(derived.X509.Uses, p.X509.Uses) || !reflect.DeepEqual(derived.X509.KeyUse, p.X509.KeyUse) ||
		derived.X509.Months != 3 || derived.X509.Subject != "CN=www.example.test,O=Example" || derived.ContentType != ContentPEM || derived.Issuer.Name != IssuerUnknown {
		t.Errorf("%+v", derived)
	}
	if checked, err := derived.Check(); err != nil || !reflect.DeepEqual(checked, derived) {
		t.Errorf("%+v, %v", checked, err)
	}
	return c
}

func TestSelfSigned(t *testing.T) {
	p := fullPolicy(t, IssuerSelf)
	for name, key := range testKeys {
		der, err := p.SelfSigned(rand.Reader, today(), key)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c := checkContents(t, der, &p)
		if err := c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature); err != nil {
			t.Error(name, err)
		}
		if public, err := publicOf(c.PublicKey); err != nil || !public.Same(&key.public) {
			t.Error(name, err)
		}
		var a Attributes
		if err := a.Dates(der); err != nil || !a.NotBefore.Equal(c.NotBefore) || !a.Expires.Equal(c.NotAfter) {
			t.Error(a, err)
		}
		sum := sha1.Sum(der)
		if !bytes.Equal(Thumbprint(der), sum[:]) {
			t.Error("the thumbprint is wrong")
		}
	}
	if _, err := p.SelfSigned(io.LimitReader(rand.Reader, 3), today(), testKey("P-256")); err == nil {
		t.Error("a certificate without a serial number")
	}
}

func TestSelfSignedWithoutSubject(t *testing.T) {
	p, err := CertificatePolicy{Issuer: IssuerParameters{Name: IssuerSelf}, X509: X509Properties{Names: Names{DNS: []string{"a.test"}}}}.Check()
	if err != nil {
		t.Fatal(err)
	}
	der, err := p.SelfSigned(rand.Reader, today(), testKey("P-256"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil || c.VerifyHostname("a.test") != nil || c.Subject.String() != "" {
		t.Error(c.Subject, err)
	}
}

func TestIssue(t *testing.T) {
	p, by := fullPolicy(t, IssuerPlatform), testAuthority(t)
	key := testKey("P-256")
	der, chain, err := p.Issue(rand.Reader, today(), by, &key.public)
	if err != nil {
		t.Fatal(err)
	}
	c := checkContents(t, der, &p)
	roots, middle := x509.NewCertPool(), x509.NewCertPool()
	root, err := x509.ParseCertificate(chain[1])
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(root)
	middle.AddCert(by.Certificate)
	if _, err := c.Verify(x509.VerifyOptions{Roots: roots, Intermediates: middle, CurrentTime: today(), DNSName: "a.example.test"}); err != nil || len(chain) != 2 {
		t.Error(len(chain), err)
	}
	p.X509.Months = 100
	if der, _, err = p.Issue(rand.Reader, today(), by, &key.public); err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil || !c.NotAfter.Equal(by.Certificate.NotAfter) {
		t.Errorf("it outlives its authority: %s, %v", c.NotAfter, err)
	}
	p.X509.Names.DNS = append(p.X509.Names.DNS, "www.example.com")
	if der, _, err = p.Issue(rand.Reader, today(), by, &key.public); !apierr.Is(err, apierr.PropertyInvalid) || der != nil || !strings.Contains(err.Error(), "[test]") {
		t.Errorf("a name that the authority has not: %v", err)
	}
	if _, _, err = p.Issue(rand.Reader, today().AddDate(2, 0, 0), by, &key.public); err == nil || apierr.From(err).Kind != apierr.Internal {
		t.Error(err)
	}
}

// An issuer outside signs the request; what it made is merged.
func TestRequestAndMerge(t *testing.T) {
	p, by := fullPolicy(t, IssuerUnknown), testAuthority(t)
	for _, name := range []string{"RSA-2048", "P-521"} {
		key := testKey(name)
		der, err := p.Request(rand.Reader, key)
		if err != nil {
			t.Fatal(err)
		}
		csr, err := x509.ParseCertificateRequest(der)
		if err != nil || csr.CheckSignature() != nil || csr.Subject.String() != "CN=www.example.test,O=Example" || len(csr.DNSNames) != 2 || len(csr.Extensions) != 4 {
			t.Fatalf("%+v, %v", csr, err)
		}
		signed, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(7), RawSubject: csr.RawSubject, ExtraExtensions: csr.Extensions,
			NotBefore: today().Add(-10 * time.Minute), NotAfter: today().AddDate(0, 3, 0)}, by.Certificate, csr.PublicKey, by.Key)
		if err != nil {
			t.Fatal(err)
		}
		root, middle := by.Chain[0], by.Certificate.Raw
		stranger, err := p.SelfSigned(rand.Reader, today(), testKey("P-256-other"))
		if err != nil {
			t.Fatal(err)
		}
		for _, order := range [][][]byte{{signed, middle, root}, {root, middle, signed}, {middle, stranger, root, signed}} {
			leaf, chain, err := Merge(&key.public, order)
			if err != nil || !bytes.Equal(leaf, signed) || !bytes.Equal(chain[0], middle) || !bytes.Equal(chain[1], root) || len(chain) != len(order)-1 {
				t.Errorf("%s: %v", name, err)
			}
		}
		if leaf, chain, err := Merge(&key.public, [][]byte{signed}); err != nil || !bytes.Equal(leaf, signed) || len(chain) != 0 {
			t.Error(err)
		}
		for what, bad := range map[string][][]byte{"none": nil, "another key": {middle, root, stranger}, "no DER": {signed, []byte("x")}, "cut": {signed[:len(signed)-1]},
			"twice in one": {append(bytes.Clone(signed), signed...)}, "many": make([][]byte, 21), "huge": {make([]byte, 1<<20)}} {
			if _, _, err := Merge(&key.public, bad); !apierr.Is(err, apierr.PropertyInvalid) || apierr.From(err).Target != "x5c" {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

// openssl runs the tool on files and returns what it says; a machine without it fails in CI only.
func openssl(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	tool, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("SKIPPED: ", err)
	}
	run := exec.CommandContext(t.Context(), tool, args...)
	run.Dir = dir
	out, err := run.CombinedOutput()
	return string(out), err
}

func TestOpenSSLReadsOurCertificates(t *testing.T) {
	p := fullPolicy(t, IssuerSelf)
	dir := t.TempDir()
	der, err := p.SelfSigned(rand.Reader, today(), testKey("RSA-2048"))
	if err != nil {
		t.Fatal(err)
	}
	csr, err := p.Request(rand.Reader, testKey("P-384"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"c.der": der, "r.der": csr} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shown, err := openssl(t, dir, "x509", "-inform", "DER", "-in", "c.der", "-noout", "-text", "-nameopt", "RFC2253")
	for _, want := range []string{"Subject: CN=www.example.test,O=Example", "CA:FALSE", "Digital Signature, Key Agreement, Decipher Only", "TLS Web Server Authentication, 1.2.3.4",
		"DNS:*.example.test", "email:ann@example.test", "URI:https://example.test/x", "IP Address:192.0.2.1", "IP Address:2001:DB8:0:0:0:0:0:1"} {
		if err != nil || !strings.Contains(shown, want) {
			t.Errorf("openssl does not show %s: %v\n%s", want, err, shown)
		}
	}
	shown, err = openssl(t, dir, "req", "-inform", "DER", "-in", "r.der", "-noout", "-text", "-verify")
	if err != nil || !strings.Contains(shown, "verify OK") || !strings.Contains(shown, "DNS:www.example.test") {
		t.Errorf("%v\n%s", err, shown)
	}
}
