package vault

import (
	"slices"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

// CertificatePolicy says how the versions of a certificate are made. Check fills in the defaults.
type CertificatePolicy struct {
	Key         KeyProperties
	ContentType string // of the secret that belongs to it: ContentPKCS12 or ContentPEM
	X509        X509Properties
	Actions     []LifetimeAction // at most one of each type
	Issuer      IssuerParameters
	Disabled    bool // the next version is not enabled
	Created     time.Time
	Updated     time.Time
}

// The content types of the secret that belongs to a certificate.
const (
	ContentPKCS12 = "application/x-pkcs12"
	ContentPEM    = "application/x-pem-file"
)

// KeyProperties are about the key of a certificate.
type KeyProperties struct {
	Type       KeyType
	Size       int    // bits of an RSA modulus
	Curve      string // of EC
	Reuse      bool   // a renewal keeps the key
	Exportable bool   // the secret that belongs to it holds the private key
}

// X509Properties are what stands in the certificate.
type X509Properties struct {
	Subject string // a distinguished name such as CN=www.example.com, O=Example; may be empty if there are other names
	Names   Names
	Uses    []string // extended key usages, by their object identifiers; nil: those of TLS servers and clients
	KeyUse  []string // names of key usages such as digitalSignature; nil: as the type of key needs them for TLS
	Months  int      // how long it is valid
}

// IssuerParameters say who signs.
type IssuerParameters struct {
	Name         string // IssuerSelf, IssuerUnknown, IssuerPlatform or that of an Issuer of the vault
	Type         string // of certificate, a word of the issuer; kept and shown
	Transparency *bool  // kept and shown
}

// Is reports whether the issuer has that name, which is compared without case (wire fact: clients write self for Self, and
// get their spelling back).
func (i *IssuerParameters) Is(name string) bool { return strings.EqualFold(i.Name, name) }

// The issuers that a vault knows without a record.
const (
	IssuerSelf     = "Self"    // the certificate signs itself
	IssuerUnknown  = "Unknown" // someone outside; the operation waits for a merge
	IssuerPlatform = "Inborn"  // the platform's own certificate authority
)

// LifetimeAction is one thing that happens in the life of a version. One of DaysBefore and Percentage is zero.
type LifetimeAction struct {
	Type       string // AutoRenew or EmailContacts
	DaysBefore int    // days before the end
	Percentage int    // of its life, 1 to 99
}

// The types of a LifetimeAction.
const (
	AutoRenew     = "AutoRenew"     // makes a new version
	EmailContacts = "EmailContacts" // tells the contacts; no mail is sent here
)

// The bounds of a policy.
const (
	defaultMonths    = 12
	maxMonths        = 1200
	daysOfMonth      = 27 // so many days before the end may an action be for each month of validity (service limit)
	maxUses          = 32
	defaultRenewal   = 80 // percent of its life
	maxIssuer        = 127
	oidServerAuth    = "1.3.6.1.5.5.7.3.1"
	oidClientAuth    = "1.3.6.1.5.5.7.3.2"
	digitalSignature = "digitalSignature"
	keyEncipherment  = "keyEncipherment"
)

// Check refuses a policy by which no certificate can be made and returns p with the service's defaults filled in.
func (p CertificatePolicy) Check() (CertificatePolicy, error) {
	for _, check := range []func(*CertificatePolicy) error{checkKeyProperties, checkX509, checkIssuer, checkActions} {
		if err := check(&p); err != nil {
			return p, err
		}
	}
	return p, nil
}

func checkKeyProperties(p *CertificatePolicy) error {
	if p.Key.Type == "" {
		p.Key.Type = RSA
	}
	spec, err := KeySpec{Type: p.Key.Type, Size: p.Key.Size, Curve: p.Key.Curve}.Check()
	if err != nil {
		return err
	}
	p.Key.Size, p.Key.Curve = spec.Size, spec.Curve
	switch p.ContentType {
	case "":
		p.ContentType = ContentPKCS12
	case ContentPKCS12, ContentPEM:
	default:
		return badPolicy("policy.secret_props.contentType", "The content type '%.40s' is neither %s nor %s.", p.ContentType, ContentPKCS12, ContentPEM)
	}
	return nil
}

func checkX509(p *CertificatePolicy) error {
	x := &p.X509
	if _, err := parseSubject(x.Subject); err != nil {
		return err
	}
	if err := x.Names.check(); err != nil {
		return err
	}
	if x.Subject == "" && x.Names.count() == 0 {
		return badPolicy("policy.x509_props.subject", "A certificate needs a subject or a subject alternative name.")
	}
	if x.Months == 0 {
		x.Months = defaultMonths
	}
	if x.Months < 1 || x.Months > maxMonths {
		return badPolicy("policy.x509_props.validity_months", "A certificate is valid for 1 to %d months and not %d.", maxMonths, x.Months)
	}
	if x.Uses == nil {
		x.Uses = []string{oidServerAuth, oidClientAuth}
	}
	if x.KeyUse == nil {
		x.KeyUse = []string{digitalSignature}
		if p.Key.Type == RSA {
			x.KeyUse = append(x.KeyUse, keyEncipherment)
		}
	}
	return x.checkUses()
}

func (x *X509Properties) checkUses() error {
	if len(x.Uses) > maxUses {
		return badPolicy("policy.x509_props.ekus", "There are %d extended key usages; %d are allowed.", len(x.Uses), maxUses)
	}
	for _, use := range x.Uses {
		if _, ok := parseOID(use); !ok {
			return badPolicy("policy.x509_props.ekus", "The extended key usage '%.40s' is no object identifier such as %s.", use, oidServerAuth)
		}
	}
	for i, name := range x.KeyUse {
		if keyUseBit(name) < 0 || slices.Contains(x.KeyUse[:i], name) {
			return badPolicy("policy.x509_props.key_usage", "The key usage '%.20s' is there twice or none of %v.", name, keyUses)
		}
	}
	return nil
}

func checkIssuer(p *CertificatePolicy) error {
	if name := p.Issuer.Name; name == "" || len(name) > maxIssuer {
		return badPolicy("policy.issuer.name", "The policy must name its issuer: %s, %s, %s or one of the vault's issuers.", IssuerSelf, IssuerUnknown, IssuerPlatform)
	}
	return nil
}

func checkActions(p *CertificatePolicy) error {
	const at = "policy.lifetime_actions"
	if p.Actions == nil {
		p.Actions = []LifetimeAction{{Type: AutoRenew, Percentage: defaultRenewal}}
		if p.Issuer.Is(IssuerUnknown) {
			p.Actions[0].Type = EmailContacts
		}
	}
	seen := map[string]bool{}
	for _, a := range p.Actions {
		days := daysOfMonth * p.X509.Months
		switch {
		case a.Type != AutoRenew && a.Type != EmailContacts:
			return badPolicy(at, "The action '%.20s' is neither AutoRenew nor EmailContacts.", a.Type)
		case seen[a.Type]:
			return badPolicy(at, "There is more than one action %s.", a.Type)
		case a.Type == AutoRenew && p.Issuer.Is(IssuerUnknown):
			return badPolicy(at, "A certificate whose issuer is %s cannot renew itself: use EmailContacts.", IssuerUnknown)
		case (a.DaysBefore == 0) == (a.Percentage == 0):
			return badPolicy(at, "The trigger of %s needs either lifetime_percentage or days_before_expiry.", a.Type)
		case a.Percentage < 0 || a.Percentage > 99:
			return badPolicy(at, "The lifetime_percentage is 1 to 99 and not %d.", a.Percentage)
		case a.DaysBefore < 0 || a.DaysBefore > days:
			return badPolicy(at, "The days_before_expiry of a certificate for %d months are 1 to %d and not %d.", p.X509.Months, days, a.DaysBefore)
		}
		seen[a.Type] = true
	}
	return nil
}

func badPolicy(at, format string, args ...any) error {
	return apierr.New(apierr.PropertyInvalid, format, args...).At(at)
}

// Due returns when the newest version is to be followed by another, which may be past; zero for never. Its nbf and exp are
// those of its certificate.
func (p *CertificatePolicy) Due(newest *Attributes) time.Time { return p.at(AutoRenew, newest) }

// TellAt returns when the contacts are to be told of the newest version's end, as Due.
func (p *CertificatePolicy) TellAt(newest *Attributes) time.Time { return p.at(EmailContacts, newest) }

func (p *CertificatePolicy) at(action string, newest *Attributes) time.Time {
	for _, a := range p.Actions {
		switch {
		case a.Type != action || newest.NotBefore.IsZero() || newest.Expires.IsZero():
		case a.DaysBefore > 0 && newest.Expires.AddDate(0, 0, -a.DaysBefore).After(newest.NotBefore):
			return newest.Expires.AddDate(0, 0, -a.DaysBefore)
		case a.DaysBefore > 0: // its life is shorter than that: it would renew again and again
			return newest.part(defaultRenewal)
		default:
			return newest.part(a.Percentage)
		}
	}
	return time.Time{}
}

// part returns when that much of a version's life is over.
func (a *Attributes) part(percentage int) time.Time {
	return a.NotBefore.Add(a.Expires.Sub(a.NotBefore) / 100 * time.Duration(percentage))
}
