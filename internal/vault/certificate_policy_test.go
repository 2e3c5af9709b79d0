package vault

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

// A policy that says no more than stock clients do gets the service's defaults (transcript of a created certificate).
func TestCertificatePolicyDefaults(t *testing.T) {
	p, err := CertificatePolicy{X509: X509Properties{Subject: "cn=MyCert"}, Issuer: IssuerParameters{Name: IssuerSelf}}.Check()
	want := CertificatePolicy{
		Key:         KeyProperties{Type: RSA, Size: 2048},
		ContentType: ContentPKCS12,
		X509: X509Properties{Subject: "cn=MyCert", Uses: []string{"1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"},
			KeyUse: []string{"digitalSignature", "keyEncipherment"}, Months: 12},
		Actions: []LifetimeAction{{Type: AutoRenew, Percentage: 80}},
		Issuer:  IssuerParameters{Name: IssuerSelf},
	}
	if err != nil || !reflect.DeepEqual(p, want) {
		t.Errorf("%+v, %v", p, err)
	}
	again, err := p.Check()
	if err != nil || !reflect.DeepEqual(again, p) {
		t.Errorf("a checked policy changes: %+v, %v", again, err)
	}
	p, err = CertificatePolicy{Key: KeyProperties{Type: EC}, X509: X509Properties{Names: Names{DNS: []string{"a"}}, Uses: []string{}}, Issuer: IssuerParameters{Name: IssuerUnknown}}.Check()
	if err != nil || p.Key.Curve != "P-256" || fmt.Sprint(p.X509.KeyUse) != "[digitalSignature]" || len(p.X509.Uses) != 0 || p.Actions[0].Type != EmailContacts {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestCertificatePolicyRefuses(t *testing.T) {
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprintf("h%d.example", i)
	}
	for _, c := range []struct {
		name string
		edit func(*CertificatePolicy)
		at   string
	}{
		{"key type", func(p *CertificatePolicy) { p.Key.Type = "RSA-HSM" }, "kty"},
		{"key size", func(p *CertificatePolicy) { p.Key.Size = 1024 }, "key_size"},
		{"curve", func(p *CertificatePolicy) { p.Key = KeyProperties{Type: EC, Curve: "P-256K"} }, "crv"},
		{"content type", func(p *CertificatePolicy) { p.ContentType = "text/plain" }, "policy.secret_props.contentType"},
		{"subject", func(p *CertificatePolicy) { p.X509.Subject = "example" }, "policy.x509_props.subject"},
		{"no name at all", func(p *CertificatePolicy) { p.X509.Subject = "" }, "policy.x509_props.subject"},
		{"months", func(p *CertificatePolicy) { p.X509.Months = -1 }, "policy.x509_props.validity_months"},
		{"too many months", func(p *CertificatePolicy) { p.X509.Months = 1201 }, "policy.x509_props.validity_months"},
		{"use", func(p *CertificatePolicy) { p.X509.Uses = []string{"serverAuth"} }, "policy.x509_props.ekus"},
		{"many uses", func(p *CertificatePolicy) { p.X509.Uses = make([]string, 33) }, "policy.x509_props.ekus"},
		{"key use", func(p *CertificatePolicy) { p.X509.KeyUse = []string{"DigitalSignature"} }, "policy.x509_props.key_usage"},
		{"key use twice", func(p *CertificatePolicy) { p.X509.KeyUse = []string{"cRLSign", "cRLSign"} }, "policy.x509_props.key_usage"},
		{"no issuer", func(p *CertificatePolicy) { p.Issuer.Name = "" }, "policy.issuer.name"},
		{"many names", func(p *CertificatePolicy) { p.X509.Names.DNS = many }, "policy.x509_props.sans"},
		{"DNS name", func(p *CertificatePolicy) { p.X509.Names.DNS = []string{"a..b"} }, "policy.x509_props.sans.dns_names"},
		{"DNS name with a dot", func(p *CertificatePolicy) { p.X509.Names.DNS = []string{"a."} }, "policy.x509_props.sans.dns_names"},
		{"DNS name with zero", func(p *CertificatePolicy) { p.X509.Names.DNS = []string{"good.example\x00.evil"} }, "policy.x509_props.sans.dns_names"},
		{"wildcard inside", func(p *CertificatePolicy) { p.X509.Names.DNS = []string{"a.*.b"} }, "policy.x509_props.sans.dns_names"},
		{"only a wildcard", func(p *CertificatePolicy) { p.X509.Names.DNS = []string{"*"} }, "policy.x509_props.sans.dns_names"},
		{"DNS name with ä", func(p *CertificatePolicy) { p.X509.Names.DNS = []string{"ä.example"} }, "policy.x509_props.sans.dns_names"},
		{"mail", func(p *CertificatePolicy) { p.X509.Names.Emails = []string{"ann"} }, "policy.x509_props.sans.emails"},
		{"mail with ä", func(p *CertificatePolicy) { p.X509.Names.Emails = []string{"ä@b"} }, "policy.x509_props.sans.emails"},
		{"UPN", func(p *CertificatePolicy) { p.X509.Names.UPNs = []string{"ann@"} }, "policy.x509_props.sans.upns"},
		{"URI", func(p *CertificatePolicy) { p.X509.Names.URIs = []string{"/path"} }, "policy.x509_props.sans.uris"},
		{"IP", func(p *CertificatePolicy) { p.X509.Names.IPs = []string{"1.2.3"} }, "policy.x509_props.sans.ipAddresses"},
		{"IP with zone", func(p *CertificatePolicy) { p.X509.Names.IPs = []string{"fe80::1%eth0"} }, "policy.x509_props.sans.ipAddresses"},
		{"long name", func(p *CertificatePolicy) { p.X509.Names.URIs = []string{"x:" + strings.Repeat("a", 300)} }, "policy.x509_props.sans.uris"},
		{"action", func(p *CertificatePolicy) { p.Actions[0].Type = "Renew" }, "policy.lifetime_actions"},
		{"action twice", func(p *CertificatePolicy) { p.Actions = append(p.Actions, p.Actions[0]) }, "policy.lifetime_actions"},
		{"no trigger", func(p *CertificatePolicy) { p.Actions[0].Percentage = 0 }, "policy.lifetime_actions"},
		{"two triggers", func(p *CertificatePolicy) { p.Actions[0].DaysBefore = 30 }, "policy.lifetime_actions"},
		{"100 percent", func(p *CertificatePolicy) { p.Actions[0].Percentage = 100 }, "policy.lifetime_actions"},
		{"negative percent", func(p *CertificatePolicy) { p.Actions[0].Percentage = -1 }, "policy.lifetime_actions"},
		{"too many days", func(p *CertificatePolicy) { p.Actions[0] = LifetimeAction{Type: AutoRenew, DaysBefore: 325} }, "policy.lifetime_actions"},
		{"renewal by a stranger", func(p *CertificatePolicy) { p.Issuer.Name = IssuerUnknown }, "policy.lifetime_actions"},
	} {
		p := CertificatePolicy{X509: X509Properties{Subject: "CN=a"}, Issuer: IssuerParameters{Name: IssuerSelf}, Actions: []LifetimeAction{{Type: AutoRenew, Percentage: 80}}}
		if _, err := p.Check(); err != nil {
			t.Fatal(err)
		}
		c.edit(&p)
		if _, err := p.Check(); !apierr.Is(err, apierr.PropertyInvalid) || apierr.From(err).Target != c.at {
			t.Errorf("%s: %v at %q", c.name, err, apierr.From(err).Target)
		}
	}
}

func TestCertificateDue(t *testing.T) {
	life := Attributes{NotBefore: today(), Expires: today().AddDate(0, 0, 100)}
	for _, c := range []struct {
		actions []LifetimeAction
		newest  Attributes
		want    time.Time
	}{
		{[]LifetimeAction{{Type: EmailContacts, Percentage: 10}, {Type: AutoRenew, Percentage: 80}}, life, today().AddDate(0, 0, 80)},
		{[]LifetimeAction{{Type: AutoRenew, DaysBefore: 30}}, life, today().AddDate(0, 0, 70)},
		{[]LifetimeAction{{Type: EmailContacts, Percentage: 80}}, life, time.Time{}},
		{nil, life, time.Time{}},
		{[]LifetimeAction{{Type: AutoRenew, Percentage: 80}}, Attributes{}, time.Time{}},
		{[]LifetimeAction{{Type: AutoRenew, Percentage: 99}}, Attributes{NotBefore: today(), Expires: today().AddDate(100, 0, 0)}, today().AddDate(99, 0, 0)},
	} {
		p := CertificatePolicy{Actions: c.actions}
		if got := p.Due(&c.newest); got.Sub(c.want).Abs() > 24*time.Hour {
			t.Errorf("%+v: %s", c.actions, got)
		}
	}
}
