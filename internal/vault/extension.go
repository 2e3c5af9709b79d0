package vault

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/bits"
	"slices"
)

// keyUses are the names of the bits of the extension keyUsage, in their order (RFC 5280, section 4.2.1.3).
var keyUses = [...]string{digitalSignature, "nonRepudiation", keyEncipherment, "dataEncipherment", "keyAgreement", "keyCertSign", "cRLSign",
	"encipherOnly", "decipherOnly"}

func keyUseBit(name string) int { return slices.Index(keyUses[:], name) }

func oidSAN() asn1.ObjectIdentifier              { return asn1.ObjectIdentifier{2, 5, 29, 17} }
func oidKeyUsage() asn1.ObjectIdentifier         { return asn1.ObjectIdentifier{2, 5, 29, 15} }
func oidExtKeyUsage() asn1.ObjectIdentifier      { return asn1.ObjectIdentifier{2, 5, 29, 37} }
func oidBasicConstraints() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{2, 5, 29, 19} }

// extensions returns the extensions that certificates and requests of x have: the same bytes in both, so that whoever
// signs a request can take them as they are.
func (x *X509Properties) extensions() ([]pkix.Extension, error) {
	var all []pkix.Extension
	var failed error
	add := func(oid asn1.ObjectIdentifier, critical bool, value []byte, err error) {
		if err != nil {
			failed = err
		}
		all = append(all, pkix.Extension{Id: oid, Critical: critical, Value: value})
	}
	none, err := asn1.Marshal(struct{}{}) // cA is false
	add(oidBasicConstraints(), true, none, err)
	if len(x.KeyUse) > 0 {
		value, err := encodeKeyUse(x.KeyUse)
		add(oidKeyUsage(), true, value, err)
	}
	if len(x.Uses) > 0 {
		var uses []asn1.ObjectIdentifier
		for _, use := range x.Uses {
			oid, _ := parseOID(use) // checked before
			uses = append(uses, oid)
		}
		value, err := asn1.Marshal(uses)
		add(oidExtKeyUsage(), false, value, err)
	}
	if x.Names.count() > 0 {
		value, err := x.Names.encode()
		add(oidSAN(), x.Subject == "", value, err)
	}
	return all, failed
}

func encodeKeyUse(names []string) ([]byte, error) {
	var set asn1.BitString
	var octets [2]byte
	for _, name := range names {
		bit := keyUseBit(name)
		octets[bit/8] |= 0x80 >> (bit % 8)
		set.BitLength = max(set.BitLength, bit+1)
	}
	set.Bytes = octets[:(set.BitLength+7)/8]
	return asn1.Marshal(set)
}

// keyUseOf is the opposite of encodeKeyUse, from how package x509 keeps the bits.
func keyUseOf(use x509.KeyUsage) []string {
	names := []string{}
	for left := uint(use); left != 0; left &= left - 1 {
		if bit := bits.TrailingZeros(left); bit < len(keyUses) {
			names = append(names, keyUses[bit])
		}
	}
	return names
}

// usesOf returns the object identifiers of the extended key usages of a certificate.
func usesOf(certificate *x509.Certificate) []string {
	uses := []string{}
	for _, e := range certificate.Extensions {
		var oids []asn1.ObjectIdentifier
		if !e.Id.Equal(oidExtKeyUsage()) {
			continue
		}
		if _, err := asn1.Unmarshal(e.Value, &oids); err == nil {
			for _, oid := range oids {
				uses = append(uses, oid.String())
			}
		}
	}
	return uses
}
