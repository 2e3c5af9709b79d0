package vault

import (
	"crypto/sha1" // as the thumbprint that names a certificate, not as a signature
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

// backdate is how long before it is made a certificate begins, for clocks that are behind (wire fact: nbf of certificates
// that the service signs itself).
const backdate = 10 * time.Minute

// SelfSigned makes a certificate by the policy, signed with its own key, and returns it in DER.
func (p *CertificatePolicy) SelfSigned(random io.Reader, now time.Time, key *PrivateKey) ([]byte, error) {
	template, err := p.template(random, now, &key.public)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(random, template, template, key.signer().Public(), key.signer())
	if err != nil {
		return nil, fmt.Errorf("making a self-signed certificate: %w", err)
	}
	return der, nil
}

// Issue makes a certificate for key by the policy, signed by the authority, and returns it in DER with the chain above it.
// It ends no later than that of the authority, and it is refused where the authority may not sign for its names. What else
// the platform's own refuses, its Check says.
func (p *CertificatePolicy) Issue(random io.Reader, now time.Time, by *Authority, key *PublicKey) (der []byte, chain [][]byte, err error) {
	template, err := p.template(random, now, key)
	if err != nil {
		return nil, nil, err
	}
	if !now.Before(by.Certificate.NotAfter) {
		return nil, nil, fmt.Errorf("issuing a certificate: the authority has expired on %s", by.Certificate.NotAfter)
	}
	if template.NotAfter.After(by.Certificate.NotAfter) {
		template.NotAfter = by.Certificate.NotAfter
	}
	public, err := key.parse()
	if err != nil {
		return nil, nil, err
	}
	if der, err = x509.CreateCertificate(random, template, by.Certificate, public, by.Key); err != nil {
		return nil, nil, fmt.Errorf("issuing a certificate: %w", err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, fmt.Errorf("reading an issued certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(by.Certificate)
	if _, err := made.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		return nil, nil, apierr.New(apierr.PropertyInvalid, "The platform's authority cannot sign for the names of the certificate: it is for %v.", by.Certificate.PermittedDNSDomains).
			At("policy.x509_props.sans").Because(err)
	}
	return der, append([][]byte{by.Certificate.Raw}, by.Chain...), nil
}

// Request makes a certificate signing request by the policy (PKCS #10) and returns it in DER.
func (p *CertificatePolicy) Request(random io.Reader, key *PrivateKey) ([]byte, error) {
	subject, err := p.X509.rawSubject()
	if err != nil {
		return nil, err
	}
	extensions, err := p.X509.extensions()
	if err != nil {
		return nil, fmt.Errorf("encoding a certificate's extensions: %w", err)
	}
	der, err := x509.CreateCertificateRequest(random, &x509.CertificateRequest{RawSubject: subject, ExtraExtensions: extensions}, key.signer())
	if err != nil {
		return nil, fmt.Errorf("making a certificate signing request: %w", err)
	}
	return der, nil
}

func (x *X509Properties) rawSubject() ([]byte, error) {
	names, err := parseSubject(x.Subject)
	if err != nil {
		return nil, err
	}
	der, err := asn1.Marshal(names)
	if err != nil {
		return nil, errSubject(x.Subject, "it cannot be encoded")
	}
	return der, nil
}

// template returns what a certificate for key says.
func (p *CertificatePolicy) template(random io.Reader, now time.Time, key *PublicKey) (*x509.Certificate, error) {
	var serial [16]byte
	if _, err := io.ReadFull(random, serial[:]); err != nil {
		return nil, fmt.Errorf("randomness for a certificate: %w", err)
	}
	serial[0] = serial[0]&0x7f | 0x40 // positive and of full length (RFC 5280, section 4.1.2.2)
	subject, err := p.X509.rawSubject()
	if err != nil {
		return nil, err
	}
	extensions, err := p.X509.extensions()
	if err != nil {
		return nil, fmt.Errorf("encoding a certificate's extensions: %w", err)
	}
	id := sha256.Sum256(append(append([]byte(key.Type), key.N...), append(key.X, key.Y...)...))
	return &x509.Certificate{
		SerialNumber:    new(big.Int).SetBytes(serial[:]),
		RawSubject:      subject,
		NotBefore:       now.Add(-backdate),
		NotAfter:        addMonths(now.UTC(), p.X509.Months),
		SubjectKeyId:    id[:20],
		ExtraExtensions: extensions,
	}, nil
}

// Thumbprint returns the x5t of a certificate: the SHA-1 of its DER.
func Thumbprint(der []byte) []byte {
	sum := sha1.Sum(der)
	return sum[:]
}

// Dates sets nbf and exp of a version to those of its certificate.
func (a *Attributes) Dates(der []byte) error {
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("a stored certificate: %w", err)
	}
	a.NotBefore, a.Expires = certificate.NotBefore.UTC(), certificate.NotAfter.UTC()
	return nil
}

// PolicyOf returns the policy by which another certificate like this one would be made, as the service has it for a
// certificate that was imported.
func PolicyOf(der []byte, contentType string) (CertificatePolicy, error) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return CertificatePolicy{}, fmt.Errorf("a stored certificate: %w", err)
	}
	key, err := publicOf(c.PublicKey)
	if err != nil {
		return CertificatePolicy{}, err
	}
	names := Names{DNS: c.DNSNames, Emails: c.EmailAddresses}
	for _, uri := range c.URIs {
		names.URIs = append(names.URIs, uri.String())
	}
	for _, ip := range c.IPAddresses {
		names.IPs = append(names.IPs, ip.String())
	}
	for _, e := range c.Extensions {
		if e.Id.Equal(oidSAN()) {
			names.UPNs = decodeUPNs(e.Value)
		}
	}
	var subject pkix.RDNSequence
	if err := decodeDER(c.RawSubject, &subject); err != nil {
		return CertificatePolicy{}, fmt.Errorf("the subject of a stored certificate: %w", err)
	}
	months := 12*(c.NotAfter.Year()-c.NotBefore.Year()) + int(c.NotAfter.Month()) - int(c.NotBefore.Month())
	return CertificatePolicy{
		Key:         KeyProperties{Type: key.Type, Size: key.Bits(), Curve: key.Curve, Exportable: true},
		ContentType: contentType,
		X509: X509Properties{Subject: subject.String(), Names: names, Uses: usesOf(c), KeyUse: keyUseOf(c.KeyUsage),
			Months: min(max(months, 1), maxMonths)},
		Actions: []LifetimeAction{{Type: EmailContacts, Percentage: defaultRenewal}},
		Issuer:  IssuerParameters{Name: IssuerUnknown},
	}, nil
}
