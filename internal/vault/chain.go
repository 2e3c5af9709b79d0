package vault

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"slices"

	"github.com/inborn-id/inborn/internal/apierr"
)

const (
	maxChain       = 20
	maxCertificate = 64 << 10 // bytes of DER
	maxModulus     = 8192     // bits of an issuer's RSA key: a signature is checked with it
)

// Merge takes the certificates that an issuer outside made of a request, in any order, and returns that for key and those
// above it, the nearest first. Certificates that are not above it follow in the order they had.
func Merge(key *PublicKey, certificates [][]byte) (leaf []byte, chain [][]byte, err error) {
	if len(certificates) == 0 || len(certificates) > maxChain {
		return nil, nil, apierr.New(apierr.PropertyInvalid, "There are %d certificates to merge; 1 to %d are allowed.", len(certificates), maxChain).At("x5c")
	}
	var parsed []*x509.Certificate
	for i, der := range certificates {
		c, err := parseCertificate(der)
		if err != nil {
			return nil, nil, apierr.New(apierr.PropertyInvalid, "Certificate %d to merge is none of X.509 in DER.", i+1).At("x5c").Because(err)
		}
		parsed = append(parsed, c)
	}
	sorted, ok := sortChain(key, parsed)
	if !ok {
		return nil, nil, apierr.New(apierr.PropertyInvalid, "No certificate to merge has the public key of the pending request.").At("x5c")
	}
	return sorted[0].Raw, rawOf(sorted[1:]), nil
}

func parseCertificate(der []byte) (*x509.Certificate, error) {
	if len(der) > maxCertificate {
		return nil, errors.New("a certificate is longer than 64 KiB")
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if key, ok := c.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxModulus {
		return nil, errors.New("a certificate has an RSA key of more than 8192 bits")
	}
	return c, nil
}

// sortChain puts first the certificate that has key, then the issuer of each before it, then the rest. It reports whether
// there is one with the key. Of several the newest counts: a renewal may be merged together with what it follows.
func sortChain(key *PublicKey, all []*x509.Certificate) ([]*x509.Certificate, bool) {
	all = slices.Clone(all)
	leaf := -1
	for i, c := range all {
		if public, err := publicOf(c.PublicKey); err == nil && public.Same(key) && (leaf < 0 || c.NotAfter.After(all[leaf].NotAfter)) {
			leaf = i
		}
	}
	if leaf < 0 {
		return nil, false
	}
	moveTo(all, leaf, 0)
	for i := 0; i+1 < len(all); i++ {
		above := slices.IndexFunc(all[i+1:], func(c *x509.Certificate) bool { return isAbove(c, all[i]) })
		if above < 0 {
			break
		}
		moveTo(all, i+1+above, i+1)
	}
	return all, true
}

// moveTo moves the certificate at from to the earlier place to; those between move up.
func moveTo(all []*x509.Certificate, from, to int) {
	c := all[from]
	copy(all[to+1:from+1], all[to:from])
	all[to] = c
}

func isAbove(above, c *x509.Certificate) bool {
	return bytes.Equal(above.RawSubject, c.RawIssuer) && c.CheckSignatureFrom(above) == nil
}

func rawOf(certificates []*x509.Certificate) [][]byte {
	var all [][]byte
	for _, c := range certificates {
		all = append(all, c.Raw)
	}
	return all
}
