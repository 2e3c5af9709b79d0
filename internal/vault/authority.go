package vault

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

// The platform's authority signs for whoever may create certificates in any vault, and somebody may come to trust it. So it
// is of use for a few hosts only: it never signs for others, and its own certificate tells its verifiers so (name
// constraints, RFC 5280, section 4.2.1.10).

// Authority is a certificate authority that signs for a vault: the platform's own.
type Authority struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
	Chain       [][]byte // DER; the issuers above it, the nearest first
	Hosts       Hosts    // which of the hosts in its certificate it signs for now
}

// Hosts are hosts by their DNS names, in lower case.
type Hosts struct {
	Below    []string // these domains and all names below them
	Reserved []string // but not these and what is below: the platform has them itself
}

const (
	authorityYears = 10
	authorityLeft  = 2 // years before its end another authority takes its place
)

// NewAuthority makes an authority for hosts, with a key of its own on P-256.
func NewAuthority(random io.Reader, now time.Time, hosts Hosts) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), random)
	if err != nil {
		return nil, fmt.Errorf("making the key of an authority: %w", err)
	}
	var serial [16]byte
	if _, err := io.ReadFull(random, serial[:]); err != nil {
		return nil, fmt.Errorf("randomness for an authority: %w", err)
	}
	serial[0] = serial[0]&0x7f | 0x40
	template := &x509.Certificate{
		SerialNumber:                new(big.Int).SetBytes(serial[:]),
		Subject:                     pkix.Name{Organization: []string{"Inborn"}, CommonName: "Inborn workload CA " + now.UTC().Format("2006-01")},
		NotBefore:                   now.Add(-time.Hour),
		NotAfter:                    now.UTC().AddDate(authorityYears, 0, 0),
		IsCA:                        true,
		BasicConstraintsValid:       true,
		MaxPathLenZero:              true,
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtKeyUsage:                 []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         hosts.Below,
		ExcludedDNSDomains:          hosts.Reserved,
		PermittedIPRanges: []*net.IPNet{
			{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)},
			{IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
		},
	}
	der, err := x509.CreateCertificate(random, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("making an authority: %w", err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading an authority: %w", err)
	}
	return &Authority{Certificate: made, Key: key, Hosts: hosts}, nil
}

// OpenAuthority reads an authority whose certificate and key, as PKCS #8, are in DER.
func OpenAuthority(certificate, key []byte, hosts Hosts) (*Authority, error) {
	c, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, fmt.Errorf("the certificate of the authority: %w", err)
	}
	private, err := ParseKey(key)
	if err != nil {
		return nil, err
	}
	public, err := publicOf(c.PublicKey)
	if err != nil || !public.Same(&private.public) {
		return nil, errors.New("the certificate of the authority is not that of its key")
	}
	return &Authority{Certificate: c, Key: private.signer(), Hosts: hosts}, nil
}

// Successor returns the hosts of an authority that is to take the place of the one with this certificate; ok is false if
// that serves for hosts at now. What the certificate says is kept, so that servers that are told of different hosts agree
// in the end.
func (h Hosts) Successor(certificate *x509.Certificate, now time.Time) (next Hosts, ok bool) {
	next = Hosts{Below: union(certificate.PermittedDNSDomains, h.Below), Reserved: union(certificate.ExcludedDNSDomains, h.Reserved)}
	same := len(next.Below) == len(certificate.PermittedDNSDomains) && len(next.Reserved) == len(certificate.ExcludedDNSDomains)
	return next, !same || now.AddDate(authorityLeft, 0, 0).After(certificate.NotAfter)
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// Check refuses a policy by which the authority does not sign: names of hosts that are not its own, names of anything
// else, and uses other than those of TLS servers and clients.
func (a *Authority) Check(p *CertificatePolicy) error {
	n := &p.X509.Names
	if len(n.Emails)+len(n.UPNs)+len(n.URIs) > 0 {
		return a.refuse("policy.x509_props.sans", "it signs for hosts, and not for mail addresses, users or URIs")
	}
	for _, name := range n.DNS {
		if !a.Hosts.has(name) {
			return a.refuse("policy.x509_props.sans.dns_names", fmt.Sprintf("'%.60s' is none of its hosts", name))
		}
	}
	for _, ip := range n.IPs {
		if addr, err := netip.ParseAddr(ip); err != nil || !addr.Unmap().IsLoopback() {
			return a.refuse("policy.x509_props.sans.ipAddresses", fmt.Sprintf("'%.60s' is no address of this machine alone", ip))
		}
	}
	if err := a.checkSubject(p.X509.Subject); err != nil {
		return err
	}
	for _, use := range p.X509.Uses {
		if use != oidServerAuth && use != oidClientAuth {
			return a.refuse("policy.x509_props.ekus", fmt.Sprintf("it signs for TLS servers and clients, and not for the use %.60s", use))
		}
	}
	for _, use := range p.X509.KeyUse {
		if use == "keyCertSign" || use == "cRLSign" {
			return a.refuse("policy.x509_props.key_usage", "it makes no further authorities")
		}
	}
	return nil
}

// checkSubject refuses a common name that old verifiers would take for another host. One without a dot is just a name.
func (a *Authority) checkSubject(subject string) error {
	names, err := parseSubject(subject)
	if err != nil {
		return err
	}
	for _, set := range names {
		for _, one := range set {
			if !one.Type.Equal(asn1.ObjectIdentifier{2, 5, 4, 3}) {
				continue
			}
			name, plain := one.Value.(string)
			_, err := netip.ParseAddr(name)
			if !plain || strings.Contains(name, ".") && !a.Hosts.has(name) || err == nil {
				return a.refuse("policy.x509_props.subject", fmt.Sprintf("the common name '%.60s' is none of its hosts", name))
			}
		}
	}
	return nil
}

func (a *Authority) refuse(at, why string) error {
	return apierr.New(apierr.PropertyInvalid, "The issuer %s refuses: %s. Its hosts are those in and below %s; for others use %s, or %s and an authority of your own.",
		IssuerPlatform, why, strings.Join(a.Hosts.Below, ", "), IssuerSelf, IssuerUnknown).At(at)
}

// has reports whether name, whose first label may be *, is one of the hosts. A * that would stand for a reserved name is
// not.
func (h Hosts) has(name string) bool {
	name = strings.ToLower(name)
	parent, wild := strings.CutPrefix(name, "*.")
	if !isDNSName(name) || strings.Contains(parent, "*") {
		return false
	}
	in := func(domains []string) bool {
		return slices.ContainsFunc(domains, func(d string) bool { return parent == d || strings.HasSuffix(parent, "."+d) })
	}
	if !in(h.Below) || in(h.Reserved) {
		return false
	}
	return !wild || !slices.ContainsFunc(h.Reserved, func(d string) bool {
		_, above, _ := strings.Cut(d, ".")
		return above == parent
	})
}

// KeyDER returns the private key as PKCS #8. Encrypt it before it goes anywhere.
func (a *Authority) KeyDER() ([]byte, error) {
	key, err := privateOf(a.Key)
	if err != nil {
		return nil, err
	}
	return key.DER()
}
