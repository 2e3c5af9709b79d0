package sandbox

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inborn-id/inborn/internal/serve"
)

// authorityPEM makes a certificate of an authority.
func authorityPEM(t testing.TB) []byte {
	t.Helper()
	a, err := serve.NewAuthority(serve.Naming{Domains: Domains(), Listed: Owns}, time.Now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return a.PEM()
}

// machine is the files of one, by their absolute paths.
func machine(files map[string][]byte) fstest.MapFS {
	root := fstest.MapFS{}
	for name, content := range files {
		root[strings.TrimPrefix(name, "/")] = &fstest.MapFile{Data: content}
	}
	return root
}

func newTrust(t testing.TB, ca []byte, env []string, root fstest.MapFS) *Trust {
	t.Helper()
	trust, err := NewTrust(ca, env, root)
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

func TestTrustMerges(t *testing.T) {
	ca, system, corporate := authorityPEM(t), authorityPEM(t), authorityPEM(t)
	debian := bytes.TrimSpace(append([]byte("# roots\n"), system...)) // without an end of its last line
	root := machine(map[string][]byte{
		"/etc/ssl/certs/ca-certificates.crt": debian,
		"/etc/ssl/cert.pem":                  debian,
		"/home/ann/corp.pem":                 append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("key")}), corporate...),
		"/home/ann/garbage":                  []byte("\x00\x01-----BEGIN nothing"),
	})
	trust := newTrust(t, ca, []string{"CURL_CA_BUNDLE=/home/ann/../ann/corp.pem", "REQUESTS_CA_BUNDLE=/home/ann/corp.pem",
		"PIP_CERT=/missing", "SSL_CERT_FILE=/home/ann/garbage", "NODE_EXTRA_CA_CERTS="}, root)
	want := string(debian) + "\n" + string(corporate) + string(ca)
	if diff := cmp.Diff(want, string(trust.Bundle)); diff != "" {
		t.Error(diff)
	}
	files, hide := trust.Mounts()
	if diff := cmp.Diff([]File{{"/etc/ssl/certs/ca-certificates.crt", trust.Bundle}, {"/etc/ssl/cert.pem", trust.Bundle}}, files); diff != "" || hide != nil {
		t.Error(diff, hide)
	}
	if trust.Path() != "/etc/ssl/certs/ca-certificates.crt" {
		t.Errorf("Path() = %s", trust.Path())
	}
	root["etc/ssl/certs/ca-certificates.crt"].Data = system
	root["outer.pem"] = &fstest.MapFile{Data: trust.Bundle} // one launch inside another: what is known is not taken twice
	nested := newTrust(t, authorityPEM(t), []string{"SSL_CERT_FILE=/outer.pem"}, root)
	if n := bytes.Count(nested.Bundle, []byte("BEGIN")); n != 4 {
		t.Errorf("the bundle within a bundle has %d certificates", n)
	}
	if _, err := NewTrust([]byte("no certificate"), nil, root); err == nil {
		t.Error("took no certificate for one")
	}
}

func TestTrustWithoutSystemBundle(t *testing.T) {
	ca := authorityPEM(t)
	for name, c := range map[string]struct {
		root fstest.MapFS
		path string
		hide []string
	}{
		"empty directory of certificates": {fstest.MapFS{"etc/ssl/certs": {Mode: os.ModeDir}}, "/etc/ssl/certs/ca-certificates.crt", []string{"/etc/ssl/certs"}},
		"hashes only":                     {fstest.MapFS{"etc/ssl/certs/0.0": {}, "srv": {Mode: os.ModeDir}}, "/srv/ca-certificates.crt", []string{"/srv"}},
		"nothing empty":                   {fstest.MapFS{"srv/www": {}, "etc/passwd": {}}, "", nil},
	} {
		trust := newTrust(t, ca, nil, c.root)
		files, hide := trust.Mounts()
		if trust.Path() != c.path || !slices.Equal(hide, c.hide) {
			t.Errorf("%s: %q, %v", name, trust.Path(), hide)
		}
		if c.path != "" && (len(files) != 1 || files[0].Path != c.path || !bytes.Equal(files[0].Content, ca)) {
			t.Errorf("%s: %v", name, files)
		}
		if c.path == "" && len(files) != 0 {
			t.Errorf("%s: %v", name, files)
		}
	}
}

func TestTrustEnvironment(t *testing.T) {
	trust := newTrust(t, authorityPEM(t), nil, machine(nil))
	got := trust.Environment("/b", []string{"A=b", "CURL_CA_BUNDLE=/x", "DENO_CERT=/y", "SSL_CERT_DIR=/z"})
	want := []string{"A=b", "SSL_CERT_DIR=/z", "SSL_CERT_FILE=/b", "CURL_CA_BUNDLE=/b", "GIT_SSL_CAINFO=/b", "REQUESTS_CA_BUNDLE=/b", "PIP_CERT=/b",
		"NODE_EXTRA_CA_CERTS=/b", "AWS_CA_BUNDLE=/b", "DENO_CERT=/b"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"A=b"}, trust.Environment("", []string{"A=b"})); diff != "" {
		t.Error(diff)
	}
}

// parseJKS reads a store as a runtime does, from what its documentation says and not from our writer.
func parseJKS(t *testing.T, store []byte) map[string]*x509.Certificate {
	t.Helper()
	body, digest := store[:len(store)-20], store[len(store)-20:]
	whitened := append([]byte("\x00c\x00h\x00a\x00n\x00g\x00e\x00i\x00tMighty Aphrodite"), body...)
	if sum := sha1.Sum(whitened); !bytes.Equal(sum[:], digest) {
		t.Fatal("the digest is wrong")
	}
	next := func(n int) []byte {
		if n > len(body) {
			t.Fatal("the store is too short")
		}
		var part []byte
		part, body = body[:n], body[n:]
		return part
	}
	text := func() string { return string(next(int(binary.BigEndian.Uint16(next(2))))) }
	if !bytes.Equal(next(8), []byte{0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2}) {
		t.Fatal("no store of version 2")
	}
	entries := map[string]*x509.Certificate{}
	for range binary.BigEndian.Uint32(next(4)) {
		tag, alias, made, kind := binary.BigEndian.Uint32(next(4)), text(), binary.BigEndian.Uint64(next(8)), text()
		certificate, err := x509.ParseCertificate(next(int(binary.BigEndian.Uint32(next(4)))))
		if err != nil || tag != 2 || kind != "X.509" || made == 0 || entries[alias] != nil || alias != strings.ToLower(alias) {
			t.Fatalf("entry %q: tag %d, kind %q, made %d, %v", alias, tag, kind, made, err)
		}
		entries[alias] = certificate
	}
	if len(body) != 0 {
		t.Fatalf("%d bytes are left", len(body))
	}
	return entries
}

func TestJavaStores(t *testing.T) {
	ca, system := authorityPEM(t), authorityPEM(t)
	root := machine(map[string][]byte{
		"/etc/ssl/certs/ca-certificates.crt": append(slices.Clone(system), system...),
		"/etc/ssl/certs/java/cacerts":        []byte("\x30\x82 a store of another type, PKCS 12"),
	})
	files, _ := newTrust(t, ca, []string{"JAVA_HOME=/opt/jdk"}, root).Mounts()
	if len(files) != 2 || files[1].Path != "/etc/ssl/certs/java/cacerts" {
		t.Fatalf("%d files", len(files))
	}
	made := files[1].Content
	if entries := parseJKS(t, made); len(entries) != 2 {
		t.Errorf("%d entries of a bundle with two certificates", len(entries))
	}
	// A store of our own kind is kept and gets one entry more, also the second time.
	for want := 3; want <= 4; want++ {
		root["opt/jdk/lib/security/cacerts"] = &fstest.MapFile{Data: made}
		files, _ = newTrust(t, authorityPEM(t), []string{"JAVA_HOME=/opt/jdk"}, root).Mounts()
		made = files[2].Content
		if entries := parseJKS(t, made); len(entries) != want || files[2].Path != "/opt/jdk/lib/security/cacerts" {
			t.Errorf("%s has %d entries, not %d", files[2].Path, len(entries), want)
		}
	}
}

// Java's own tool has the last word on both ways to make a store.
func TestJavaStoresByKeytool(t *testing.T) {
	keytool, err := exec.LookPath("keytool")
	if err != nil {
		t.Skip("no keytool")
	}
	ca := authorityPEM(t)
	block, _ := pem.Decode(ca)
	certificate, _ := x509.ParseCertificate(block.Bytes)
	bundle, err := os.ReadFile(bundlePaths[0])
	if err != nil {
		t.Skip("no system bundle")
	}
	made := makeStore(append(bundle, ca...), certificate.NotBefore)
	stores := map[string][]byte{"made": made}
	if system, err := os.ReadFile(javaPaths[0]); err == nil && isJKS(system) {
		stores["extended"] = extendStore(system, certificate)
	}
	for name, store := range stores {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, store, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(keytool, "-J-Xshare:auto", "-list", "-keystore", file, "-storepass", javaPassword).CombinedOutput()
		count := fmt.Sprintf("contains %d entries", len(parseJKS(t, store)))
		if err != nil || !strings.Contains(string(out), count) || !strings.Contains(string(out), storeAlias(block.Bytes)) {
			t.Errorf("%s: %v, not %s: %.400s", name, err, count, out)
		}
	}
}

func BenchmarkTrust(b *testing.B) {
	ca := authorityPEM(b)
	env := []string{"SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt", "CURL_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt"}
	for b.Loop() {
		trust, err := NewTrust(ca, env, os.DirFS("/"))
		if err != nil {
			b.Fatal(err)
		}
		trust.Mounts()
	}
}

func BenchmarkJavaStoreFromBundle(b *testing.B) {
	bundle, err := os.ReadFile(bundlePaths[0])
	if err != nil {
		b.Skip(err)
	}
	for b.Loop() {
		makeStore(bundle, time.Unix(0, 0))
	}
}
