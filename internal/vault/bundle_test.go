package vault

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/inborn-id/inborn/internal/apierr"
)

// issued returns a certificate of the platform's authority for a test key, with the chain above it.
func issued(t testing.TB, name string) *Bundle {
	t.Helper()
	p := fullPolicy(t, IssuerPlatform)
	key := testKey(name)
	der, chain, err := p.Issue(rand.Reader, today(), testAuthority(t), &key.public)
	if err != nil {
		t.Fatal(err)
	}
	return &Bundle{Key: key, Certificate: der, Chain: chain}
}

func parsedChain(t testing.TB, b *Bundle) (leaf *x509.Certificate, above []*x509.Certificate) {
	t.Helper()
	for _, der := range append([][]byte{b.Certificate}, b.Chain...) {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		above = append(above, c)
	}
	return above[0], above[1:]
}

func sameBundle(a, b *Bundle) bool {
	return a.Key.public.Same(&b.Key.public) && bytes.Equal(a.Certificate, b.Certificate) && slices.EqualFunc(a.Chain, b.Chain, bytes.Equal)
}

func TestSecretsAreImportedAgain(t *testing.T) {
	for _, name := range []string{"RSA-2048", "RSA-4096", "P-256", "P-521"} {
		b := issued(t, name)
		for _, contentType := range []string{ContentPKCS12, ContentPEM} {
			secret, err := b.Secret(rand.Reader, contentType)
			if err != nil {
				t.Fatal(err)
			}
			back, kind, err := ImportCertificate(secret, "")
			if err != nil || kind != contentType || !sameBundle(b, back) {
				t.Errorf("%s as %s: %v", name, contentType, err)
			}
			if again, kind, err := ImportCertificate(base64.StdEncoding.EncodeToString([]byte(secret)), ""); contentType == ContentPEM && (err != nil || kind != ContentPEM || !sameBundle(b, again)) {
				t.Errorf("%s as PEM in base64: %v", name, err)
			}
		}
		b.Key = nil
		for _, contentType := range []string{ContentPKCS12, ContentPEM} {
			secret, err := b.Secret(rand.Reader, contentType)
			if err != nil || strings.Contains(secret, "PRIVATE") {
				t.Fatal(err)
			}
			if _, _, err := ImportCertificate(secret, ""); !apierr.Is(err, apierr.PropertyInvalid) || !strings.Contains(err.Error(), "0 private keys") {
				t.Errorf("a secret without its key: %v", err)
			}
		}
	}
}

// A second opinion on both directions: the library that makes such files and reads them.
func TestPFXOfTheLibrary(t *testing.T) {
	b := issued(t, "RSA-2048")
	leaf, above := parsedChain(t, b)
	for name, encoder := range map[string]*pkcs12.Encoder{"RC2": pkcs12.LegacyRC2, "triple DES": pkcs12.LegacyDES, "AES": pkcs12.Modern2023} {
		for _, password := range []string{"", "pass", "pässwörd", "日本"} {
			file, err := encoder.Encode(b.Key.signer(), leaf, above, password)
			if err != nil {
				t.Fatal(err)
			}
			value := base64.StdEncoding.EncodeToString(file)
			back, kind, err := ImportCertificate(value, password)
			if err != nil || kind != ContentPKCS12 || !sameBundle(b, back) {
				t.Errorf("%s with %q: %v", name, password, err)
			}
			if _, _, err := ImportCertificate(value, password+"x"); !apierr.Is(err, apierr.PropertyInvalid) || apierr.From(err).Target != "pwd" {
				t.Errorf("%s with a wrong password: %v", name, err)
			}
		}
	}
	file, err := pkcs12.Passwordless.Encode(b.Key.signer(), leaf, above, "")
	if err != nil {
		t.Fatal(err)
	}
	if back, _, err := ImportCertificate(base64.StdEncoding.EncodeToString(file), ""); err != nil || !sameBundle(b, back) {
		t.Errorf("without encryption: %v", err)
	}
	secret, err := b.Secret(rand.Reader, ContentPKCS12)
	if err != nil {
		t.Fatal(err)
	}
	der, err := base64.StdEncoding.DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	key, c, cas, err := pkcs12.DecodeChain(der, "")
	if err != nil || !c.Equal(leaf) || len(cas) != 2 {
		t.Error(len(cas), err)
	}
	if read, err := privateOf(key); err != nil || !read.public.Same(&b.Key.public) {
		t.Error(err)
	}
}

// What openssl writes can be imported, and what we write openssl can read.
func TestPFXOfOpenSSL(t *testing.T) {
	for _, name := range []string{"RSA-2048", "P-256"} {
		b := issued(t, name)
		dir := t.TempDir()
		text, err := b.Secret(rand.Reader, ContentPEM)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, dir, "all.pem", text)
		for _, options := range [][]string{{}, {"-legacy"}, {"-descert", "-legacy"}, {"-nomac"}, {"-keypbe", "NONE", "-certpbe", "NONE"}, {"-keypbe", "AES-128-CBC", "-certpbe", "AES-192-CBC", "-macalg", "sha512"},
			{"-iter", "100000"}, {"-macalg", "sha384", "-certpbe", "PBE-SHA1-RC2-128", "-legacy"}, {"-certpbe", "DES-EDE3-CBC"}} {
			if out, err := openssl(t, dir, slices.Concat([]string{"pkcs12", "-export", "-in", "all.pem", "-out", "all.pfx", "-passout", "pass:secret"}, options)...); err != nil {
				t.Fatalf("%v: %s", options, out)
			}
			file, err := os.ReadFile(filepath.Join(dir, "all.pfx"))
			if err != nil {
				t.Fatal(err)
			}
			if back, _, err := ImportCertificate(base64.StdEncoding.EncodeToString(file), "secret"); err != nil || !sameBundle(b, back) {
				t.Errorf("%s, %v: %v", name, options, err)
			}
		}
		value, err := b.Secret(rand.Reader, ContentPKCS12)
		if err != nil {
			t.Fatal(err)
		}
		der, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, dir, "ours.pfx", string(der))
		out, err := openssl(t, dir, "pkcs12", "-in", "ours.pfx", "-passin", "pass:", "-nodes")
		if err != nil || strings.Count(out, "BEGIN CERTIFICATE") != 3 || strings.Count(out, "BEGIN PRIVATE KEY") != 1 {
			t.Errorf("%v\n%s", err, out)
		}
		if back, _, err := ImportCertificate(out, ""); err != nil || !sameBundle(b, back) { // with the remarks of openssl between the blocks
			t.Error(err)
		}
	}
}

func writeFile(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestImportPEM(t *testing.T) {
	r, e, other := issued(t, "RSA-2048"), issued(t, "P-256"), issued(t, "P-256-other")
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	key := func(b *Bundle) string {
		der, err := b.Key.DER()
		if err != nil {
			t.Fatal(err)
		}
		return block("PRIVATE KEY", der)
	}
	ecDER, err := x509.MarshalECPrivateKey(e.Key.ec)
	if err != nil {
		t.Fatal(err)
	}
	cert := func(b *Bundle) string { return block("CERTIFICATE", b.Certificate) }
	for name, c := range map[string]struct {
		text string
		want *Bundle
	}{
		"PKCS #8":              {key(r) + cert(r), r},
		"certificate first":    {cert(r) + key(r), r},
		"PKCS #1":              {block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(r.Key.rsa)) + cert(r), r},
		"EC":                   {block("EC PARAMETERS", []byte{6, 0}) + block("EC PRIVATE KEY", ecDER) + cert(e), e},
		"remarks and \\r\\n":   {"subject=x\r\n" + strings.ReplaceAll(cert(e)+"\n\n"+key(e), "\n", "\r\n"), e},
		"among others":         {cert(r) + cert(other) + key(e) + cert(e), e},
		"chain in wrong order": {block("CERTIFICATE", e.Chain[1]) + block("CERTIFICATE", e.Chain[0]) + cert(e) + key(e), e},
	} {
		b, kind, err := ImportCertificate(c.text, "")
		if err != nil || kind != ContentPEM || !bytes.Equal(b.Certificate, c.want.Certificate) || !b.Key.public.Same(&c.want.Key.public) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"no key":        cert(r),
		"no cert":       key(r),
		"two keys":      key(r) + key(e) + cert(r),
		"another key":   key(e) + cert(other),
		"encrypted":     block("ENCRYPTED PRIVATE KEY", []byte{1}) + cert(r),
		"old encrypted": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte{1}, Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}})) + cert(r),
		"a request":     block("CERTIFICATE REQUEST", []byte{1}) + key(r) + cert(r),
		"broken key":    block("PRIVATE KEY", []byte{1}) + cert(r),
		"broken cert":   key(r) + block("CERTIFICATE", r.Certificate[1:]),
		"long key":      block("PRIVATE KEY", make([]byte, maxKey+1)) + cert(r),
		"many certs":    key(r) + strings.Repeat(cert(r), maxChain+1),
		"nothing":       "",
		"words":         "hello",
		"only a start":  "-----BEGIN CERTIFICATE-----",
		"too long":      strings.Repeat("A", maxImport+1),
		"no PFX":        base64.StdEncoding.EncodeToString([]byte("hello")),
	} {
		b, _, err := ImportCertificate(text, "")
		if b != nil || !apierr.Is(err, apierr.PropertyInvalid) || len(err.Error()) > 300 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := ImportCertificate(key(r)+cert(r), strings.Repeat("p", maxPassword+1)); !apierr.Is(err, apierr.PropertyInvalid) {
		t.Error(err)
	}
}
