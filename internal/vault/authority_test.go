package vault

import (
	"crypto/rand"
	"crypto/x509"
	"slices"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/apierr"
)

func platformHosts() Hosts {
	return Hosts{Below: []string{"corp.example", "localhost"}, Reserved: []string{"login.corp.example", "vault.corp.example", "vault.localhost"}}
}

func platformAuthority(t *testing.T, hosts Hosts) *Authority {
	t.Helper()
	a, err := NewAuthority(rand.Reader, today(), hosts)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func hostPolicy(t *testing.T, change func(*CertificatePolicy)) CertificatePolicy {
	t.Helper()
	p := CertificatePolicy{Key: KeyProperties{Type: EC}, Issuer: IssuerParameters{Name: "inborn"}, X509: X509Properties{Names: Names{DNS: []string{"orders.corp.example"}}}}
	change(&p)
	p, err := p.Check()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPlatformAuthorityChecks tries each name twice: by what the authority says of a policy, and, where package x509 knows
// the kind of name, by what a verifier says of a certificate that it made all the same.
func TestPlatformAuthorityChecks(t *testing.T) {
	by := platformAuthority(t, platformHosts())
	dns := func(names ...string) func(*CertificatePolicy) {
		return func(p *CertificatePolicy) { p.X509.Names.DNS = names }
	}
	for name, c := range map[string]struct {
		change func(*CertificatePolicy)
		ok     bool
		unseen bool // by verifiers
	}{
		"a host of the domain":           {dns("orders.corp.example"), true, false},
		"in another case":                {dns("Orders.CORP.example"), true, false},
		"deep below it":                  {dns("a.b.c.corp.example"), true, false},
		"the domain":                     {dns("corp.example"), true, false},
		"all of a part of it":            {dns("*.orders.corp.example"), true, false},
		"localhost":                      {dns("localhost", "x.localhost"), true, false},
		"another domain":                 {dns("www.example.com"), false, false},
		"one of them":                    {dns("orders.corp.example", "example"), false, false},
		"only the end is the same":       {dns("evilcorp.example"), false, false},
		"the domain above":               {dns("example"), false, false},
		"the platform":                   {dns("login.corp.example"), false, false},
		"a vault":                        {dns("kv-orders.vault.corp.example"), false, false},
		"a vault of this machine":        {dns("kv.vault.localhost"), false, false},
		"all vaults":                     {dns("*.vault.corp.example"), false, false},
		"a * that is the platform, too":  {dns("*.corp.example"), false, false},
		"a * that is vault.localhost":    {dns("*.localhost"), false, false},
		"this machine's addresses":       {func(p *CertificatePolicy) { p.X509.Names.IPs = []string{"127.0.0.1", "::1", "127.9.9.9"} }, true, false},
		"another address":                {func(p *CertificatePolicy) { p.X509.Names.IPs = []string{"192.0.2.1"} }, false, false},
		"another address of version 6":   {func(p *CertificatePolicy) { p.X509.Names.IPs = []string{"2001:db8::1"} }, false, false},
		"an address that looks like one": {func(p *CertificatePolicy) { p.X509.Names.IPs = []string{"::ffff:192.0.2.1"} }, false, false},
		"a mail address":                 {func(p *CertificatePolicy) { p.X509.Names.Emails = []string{"ann@corp.example"} }, false, true},
		"a user":                         {func(p *CertificatePolicy) { p.X509.Names.UPNs = []string{"ann@corp.example"} }, false, true},
		"a URI":                          {func(p *CertificatePolicy) { p.X509.Names.URIs = []string{"spiffe://corp.example/x"} }, false, true},
		"a plain common name":            {func(p *CertificatePolicy) { p.X509.Subject = "CN=orders, O=Example" }, true, false},
		"its host as common name":        {func(p *CertificatePolicy) { p.X509.Subject = "CN=orders.corp.example" }, true, false},
		"another as common name":         {func(p *CertificatePolicy) { p.X509.Subject = "CN=www.example.com" }, false, true},
		"the platform as common name":    {func(p *CertificatePolicy) { p.X509.Subject = "CN=login.corp.example" }, false, true},
		"the second common name":         {func(p *CertificatePolicy) { p.X509.Subject = "CN=a+CN=www.example.com" }, false, true},
		"an address as common name":      {func(p *CertificatePolicy) { p.X509.Subject = "CN=::1" }, false, true},
		"an encoded common name":         {func(p *CertificatePolicy) { p.X509.Subject = "CN=#0c0f7777772e6578616d706c652e636f6d" }, false, true},
		"signing code":                   {func(p *CertificatePolicy) { p.X509.Uses = []string{oidServerAuth, "1.3.6.1.5.5.7.3.3"} }, false, true},
		"any use":                        {func(p *CertificatePolicy) { p.X509.Uses = []string{"2.5.29.37.0"} }, false, true},
		"an authority":                   {func(p *CertificatePolicy) { p.X509.KeyUse = []string{"keyCertSign"} }, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := hostPolicy(t, c.change)
			err := by.Check(&p)
			if (err == nil) != c.ok || err != nil && !apierr.Is(err, apierr.PropertyInvalid) {
				t.Errorf("the authority says %v", err)
			}
			der, chain, err := p.Issue(rand.Reader, today(), by, &testKey("P-256").public)
			if (err == nil) != (c.ok || c.unseen) {
				t.Errorf("a verifier says %v", err)
			}
			if c.ok && (len(der) == 0 || len(chain) != 1) {
				t.Error("nothing was made")
			}
		})
	}
}

func TestPlatformAuthorityItself(t *testing.T) {
	a := platformAuthority(t, platformHosts())
	c := a.Certificate
	if !c.IsCA || !c.MaxPathLenZero || c.NotAfter.Year() != today().Year()+10 || !slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}) ||
		!c.PermittedDNSDomainsCritical {
		t.Errorf("%+v", c)
	}
	private, err := privateOf(a.Key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := private.DER()
	if err != nil {
		t.Fatal(err)
	}
	again, err := OpenAuthority(c.Raw, der, platformHosts())
	if err != nil {
		t.Fatal(err)
	}
	p := hostPolicy(t, func(*CertificatePolicy) {})
	if _, _, err := p.Issue(rand.Reader, today(), again, &testKey("P-256").public); err != nil {
		t.Error(err)
	}
	if _, err := OpenAuthority(platformAuthority(t, platformHosts()).Certificate.Raw, der, platformHosts()); err == nil || strings.Contains(err.Error(), "panic") {
		t.Error("the key of another authority was taken")
	}
	if _, err := OpenAuthority([]byte("x"), der, platformHosts()); err == nil {
		t.Error("a certificate that is none was taken")
	}
}

func TestSuccessorOfAnAuthority(t *testing.T) {
	a := platformAuthority(t, platformHosts())
	for name, c := range map[string]struct {
		hosts Hosts
		years int
		next  bool
	}{
		"the same":             {platformHosts(), 0, false},
		"fewer":                {Hosts{Below: []string{"localhost"}, Reserved: []string{"vault.localhost"}}, 0, false},
		"after eight years":    {platformHosts(), 8, true},
		"shortly before":       {platformHosts(), 7, false},
		"another domain":       {Hosts{Below: []string{"other.example"}}, 0, true},
		"another name is ours": {Hosts{Below: []string{"localhost"}, Reserved: []string{"portal.corp.example"}}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			next, ok := c.hosts.Successor(a.Certificate, today().AddDate(c.years, 0, 1))
			if ok != c.next {
				t.Errorf("it says %v", ok)
			}
			for _, name := range slices.Concat(c.hosts.Below, platformHosts().Below) {
				if !slices.Contains(next.Below, name) {
					t.Errorf("the next one is not for %s", name)
				}
			}
			after := platformAuthority(t, next)
			for _, hosts := range []Hosts{c.hosts, platformHosts()} { // two servers that differ agree
				if _, again := hosts.Successor(after.Certificate, today()); again {
					t.Error("and one after that")
				}
			}
		})
	}
}

func TestIssuersAndContacts(t *testing.T) {
	for _, name := range []string{"self", "UNKNOWN", "Inborn", "", "a/b", strings.Repeat("a", 128)} {
		if CheckIssuerName(name) == nil {
			t.Errorf("%q is taken", name)
		}
	}
	if err := CheckIssuerName("my-ca"); err != nil {
		t.Error(err)
	}
	good := Issuer{Provider: "DigiCert", Admins: []Administrator{{Email: "a@b"}}}
	bad := map[string]Issuer{"no provider": {}, "a long account": {Provider: "x", Account: strings.Repeat("a", 257)},
		"many people": {Provider: "x", Admins: make([]Administrator, 51)}, "a long name": {Provider: "x", Admins: []Administrator{{FirstName: strings.Repeat("é", 257)}}}}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for name, i := range bad {
		if !apierr.Is(i.Check(), apierr.PropertyInvalid) {
			t.Errorf("%s is taken", name)
		}
	}
	contacts := Contacts{List: []Contact{{Email: "ann@example.com", Name: "Ann"}}}
	if err := contacts.Check(); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]Contacts{"nobody": {}, "no address": {List: []Contact{{Name: "Ann"}}}, "a long number": {List: []Contact{{Email: "a@b", Phone: strings.Repeat("1", 300)}}},
		"many": {List: slices.Repeat(contacts.List, 51)}} {
		if !apierr.Is(c.Check(), apierr.PropertyInvalid) {
			t.Errorf("%s are taken", name)
		}
	}
}
