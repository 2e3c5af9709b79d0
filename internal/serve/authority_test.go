package serve

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var names = Naming{Domains: []string{"example.test"}, Listed: func(name string) bool {
	return name == "localhost" || strings.HasSuffix(name, ".example.test") || name == "login.microsoftonline.com"
}}

// handshake returns the certificate that a gets a client for a name; the client trusts a alone.
func handshake(a *Authority, name string, change func(*tls.Config)) (*x509.Certificate, error) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.PEM())
	config := &tls.Config{RootCAs: roots, ServerName: name, NextProtos: []string{"h2"}, Time: a.now}
	if change != nil {
		change(config)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", a.TLSConfig())
	if err != nil {
		return nil, err
	}
	defer l.Close()
	go func() {
		if server, err := l.Accept(); err == nil {
			_ = server.(*tls.Conn).Handshake() // what the client sees of it is what counts
			_ = server.Close()
		}
	}()
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", l.Addr().String(), config)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0], nil
}

func TestCertificatesAreMadeForListedNamesOnly(t *testing.T) {
	a, err := NewAuthority(names, time.Now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"localhost":                 "",
		"login.example.test":        "",
		"kv1.vault.example.test":    "",
		"127.0.0.1":                 "",
		"::1":                       "",
		"evil.test":                 "unrecognized name",
		"127.0.0.2":                 "127.0.0.2",
		"login.microsoftonline.com": "not permitted", // listed by mistake: the constraint of the authority holds
	} {
		_, err := handshake(a, name, nil)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
	if _, err := handshake(a, "localhost", func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11; c.MinVersion = tls.VersionTLS10 }); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
}

func TestLeavesAreCachedRenewedAndBounded(t *testing.T) {
	now := time.Now()
	a, err := NewAuthority(names, func() time.Time { return now }, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	first, err := handshake(a, "localhost", nil)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := handshake(a, "LOCALHOST", nil)
	if !first.Equal(again) {
		t.Error("a second certificate was made for one name")
	}
	if life := first.NotAfter.Sub(now); life > 90*24*time.Hour || life < 89*24*time.Hour {
		t.Errorf("a leaf lives %v", life)
	}
	now = now.Add(61 * 24 * time.Hour)
	renewed, err := handshake(a, "localhost", nil)
	if err != nil || renewed.Equal(first) || renewed.NotAfter.Sub(now) < 89*24*time.Hour {
		t.Errorf("not renewed: %v, until %v", err, renewed.NotAfter)
	}
	for i := range 2 * maxLeaves {
		if _, err := a.leaf(string(rune('a'+i%26)) + strings.Repeat("x", i/26) + ".example.test"); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.leaves) > maxLeaves {
		t.Errorf("%d leaves are kept", len(a.leaves))
	}
}

func TestOpenAuthorityKeepsOneForADirectory(t *testing.T) {
	dir := t.TempDir()
	var group sync.WaitGroup
	texts := make([]string, 8)
	for i := range texts {
		group.Go(func() {
			a, err := OpenAuthority(dir, names, time.Now, rand.Reader)
			if err != nil {
				t.Error(err)
				return
			}
			texts[i] = string(a.PEM())
			if _, err := handshake(a, "localhost", nil); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, text := range texts {
		if text != texts[0] {
			t.Fatal("programs that started together have different authorities")
		}
	}
	info, err := os.Stat(filepath.Join(dir, authorityKeyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", info.Mode(), err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 2 {
		t.Errorf("files left behind: %v", files)
	}
}

func TestOpenAuthoritySaysWhatIsWrong(t *testing.T) {
	for want, damage := range map[string]func(dir string){
		"chmod 600":               func(dir string) { os.Chmod(filepath.Join(dir, authorityKeyFile), 0o644) },
		"is missing; remove":      func(dir string) { os.Remove(filepath.Join(dir, authorityKeyFile)) },
		"holds no certificate":    func(dir string) { os.WriteFile(filepath.Join(dir, AuthorityFile), []byte("x"), 0o644) },
		"holds no private key":    func(dir string) { os.WriteFile(filepath.Join(dir, authorityKeyFile), []byte("x"), 0o600) },
		"do not belong together;": func(dir string) { replaceKey(t, dir) },
	} {
		dir := t.TempDir()
		if _, err := OpenAuthority(dir, names, time.Now, rand.Reader); err != nil {
			t.Fatal(err)
		}
		damage(dir)
		if _, err := OpenAuthority(dir, names, time.Now, rand.Reader); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	dir := t.TempDir()
	if _, err := OpenAuthority(dir, names, time.Now, rand.Reader); err != nil {
		t.Fatal(err)
	}
	more := Naming{Domains: []string{"other.test"}, Listed: names.Listed}
	if _, err := OpenAuthority(dir, more, time.Now, rand.Reader); err == nil || !strings.Contains(err.Error(), "not for all of") {
		t.Errorf("another domain: %v", err)
	}
	later := func() time.Time { return time.Now().Add(authorityLife) }
	if _, err := OpenAuthority(dir, names, later, rand.Reader); err == nil || !strings.Contains(err.Error(), "has expired") {
		t.Errorf("ten years later: %v", err)
	}
}

func replaceKey(t *testing.T, dir string) {
	t.Helper()
	other := t.TempDir()
	if _, err := OpenAuthority(other, names, time.Now, rand.Reader); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(other, authorityKeyFile), filepath.Join(dir, authorityKeyFile)); err != nil {
		t.Fatal(err)
	}
}

func TestAnInterruptedStartIsFinished(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenAuthority(dir, names, time.Now, rand.Reader); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, AuthorityFile)); err != nil { // the other was interrupted between the two files
		t.Fatal(err)
	}
	a, err := OpenAuthority(dir, names, time.Now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := handshake(a, "localhost", nil); err != nil {
		t.Error(err)
	}
}

func BenchmarkNewAuthority(b *testing.B) {
	for b.Loop() {
		a, err := NewAuthority(names, time.Now, rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := a.leaf("localhost"); err != nil {
			b.Fatal(err)
		}
	}
}

func TestTheAuthorityIsConstrainedEvenWithoutADomain(t *testing.T) {
	a, err := NewAuthority(Naming{Listed: func(string) bool { return true }}, time.Now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := handshake(a, "localhost", nil); err != nil {
		t.Error(err)
	}
	if _, err := handshake(a, "evil.test", nil); err == nil || !strings.Contains(err.Error(), "not permitted") {
		t.Errorf("a certificate for evil.test was accepted: %v", err)
	}
}
