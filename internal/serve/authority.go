package serve

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// How long certificates live. A leaf is replaced while it has a third of its life left.
const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 90 * 24 * time.Hour
	renewBefore   = leafLife / 3
	clockSkew     = time.Hour // how far the clock of a client may be behind ours
	maxLeaves     = 512
)

// Naming says for which names an Authority may and will make certificates.
type Naming struct {
	Domains []string          // the constraint in its own certificate: localhost, these names and all below them
	Listed  func(string) bool // which of them are asked for in fact; gets lower-case names
}

// constraint returns the domains of the authority's own certificate.
func (n Naming) constraint() []string {
	domains := []string{"localhost"}
	for _, d := range n.Domains {
		if d = strings.ToLower(d); !slices.Contains(domains, d) {
			domains = append(domains, d)
		}
	}
	return domains
}

// Authority is a certificate authority for localhost and a few domains. Its own certificate is name-constrained (RFC
// 5280, section 4.2.1.10), so that whoever installs it trusts it for these names and this machine's addresses only. It
// makes the certificate of each listed name when a client first asks for it.
type Authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
	listed      func(string) bool
	now         func() time.Time
	random      io.Reader

	mu     sync.Mutex
	leaves map[string]*tls.Certificate
}

// NewAuthority makes an authority whose key is in memory only.
func NewAuthority(names Naming, now func() time.Time, random io.Reader) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), random)
	if err != nil {
		return nil, err
	}
	der, err := makeAuthority(key, names.constraint(), now(), random)
	if err != nil {
		return nil, err
	}
	return newAuthority(der, key, names, now, random)
}

func newAuthority(der []byte, key crypto.Signer, names Naming, now func() time.Time, random io.Reader) (*Authority, error) {
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Authority{
		certificate: certificate,
		key:         key,
		listed:      names.Listed,
		now:         now,
		random:      random,
		leaves:      map[string]*tls.Certificate{},
	}, nil
}

func makeAuthority(key crypto.Signer, domains []string, now time.Time, random io.Reader) ([]byte, error) {
	serial, err := newSerial(random)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:                serial,
		Subject:                     pkix.Name{Organization: []string{"Inborn"}, CommonName: "Inborn CA for " + strings.Join(domains, ", ")},
		NotBefore:                   now.Add(-clockSkew),
		NotAfter:                    now.Add(authorityLife),
		IsCA:                        true,
		BasicConstraintsValid:       true,
		MaxPathLenZero:              true,
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtKeyUsage:                 []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         domains,
		PermittedIPRanges: []*net.IPNet{
			{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)},
			{IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
		},
	}
	return x509.CreateCertificate(random, template, template, key.Public(), key)
}

// PEM returns the authority's own certificate, for the clients that are to trust it.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// TLSConfig returns the configuration of a listener: TLS 1.2 and up, HTTP/2, and a certificate for the name that the
// client asks for. A client that asks by address sends no name and gets the certificate of localhost, 127.0.0.1 and ::1;
// one that asks for a name that is not listed gets the alert unrecognized_name.
func (a *Authority) TLSConfig() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return a.leaf(hello.ServerName) },
	}
}

// leaf returns the certificate for a name, "" being this machine; without one for it, nil.
func (a *Authority) leaf(name string) (*tls.Certificate, error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if _, err := netip.ParseAddr(name); name == "" || err == nil {
		name = "localhost"
	}
	if name != "localhost" && !a.listed(name) {
		return nil, nil
	}
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if c, ok := a.leaves[name]; ok && now.Before(c.Leaf.NotAfter.Add(-renewBefore)) && now.After(c.Leaf.NotBefore) {
		return c, nil
	}
	c, err := a.mint(name, now)
	if err != nil {
		return nil, fmt.Errorf("no certificate for %s: %w", name, err)
	}
	if len(a.leaves) >= maxLeaves {
		clear(a.leaves) // cheaper than to know which was used last: making one again takes a fraction of a handshake
	}
	a.leaves[name] = c
	return c, nil
}

func (a *Authority) mint(name string, now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), a.random)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial(a.random)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name[:min(len(name), 64)]}, // the longest common name there may be
		DNSNames:     []string{name},
		NotBefore:    now.Add(-clockSkew),
		NotAfter:     now.Add(leafLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if name == "localhost" {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	}
	if template.NotAfter.After(a.certificate.NotAfter) {
		template.NotAfter = a.certificate.NotAfter
	}
	der, err := x509.CreateCertificate(a.random, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	// The authority itself is sent, too: some clients trust it by the hash of its key, and can only if they see it.
	return &tls.Certificate{Certificate: [][]byte{der, a.certificate.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// newSerial returns a random serial number of up to 127 bits: positive, and unique without a counter.
func newSerial(random io.Reader) (*big.Int, error) {
	return rand.Int(random, new(big.Int).Lsh(big.NewInt(1), 127))
}

// covers reports whether the authority's certificate permits names below each of the domains at now.
func (a *Authority) covers(domains []string, now time.Time) bool {
	for _, domain := range domains {
		if !slices.ContainsFunc(a.certificate.PermittedDNSDomains, func(permitted string) bool {
			return domain == permitted || strings.HasSuffix(domain, "."+permitted)
		}) {
			return false
		}
	}
	return now.Add(leafLife).Before(a.certificate.NotAfter)
}
