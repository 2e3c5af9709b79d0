package vault

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
)

// A PKCS #12 file (RFC 7292), as far as it holds a private key and certificates and is in DER. Decoding it is our own code,
// unlike encoding: files come from strangers and say themselves, in parts that are encrypted, how much work it takes to
// open them; no library puts a bound to it.

const (
	maxContents = 16 // parts of a file that are encrypted on their own
	maxBags     = 64 // things in one
)

// The object identifiers of PKCS #7 and #12, in text.
const (
	oidData          = "1.2.840.113549.1.7.1"
	oidEncryptedData = "1.2.840.113549.1.7.6"
	oidKeyBag        = "1.2.840.113549.1.12.10.1.1"
	oidShroudedBag   = "1.2.840.113549.1.12.10.1.2"
	oidCertBag       = "1.2.840.113549.1.12.10.1.3"
	oidX509          = "1.2.840.113549.1.9.22.1"
)

type pfxFile struct {
	Version int
	Safe    contentInfo
	MAC     macData `asn1:"optional"`
}

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"tag:0,explicit,optional"`
}

type macData struct {
	Digest     digestInfo
	Salt       []byte
	Iterations int `asn1:"optional,default:1"`
}

type digestInfo struct {
	Algorithm pkix.AlgorithmIdentifier
	Value     []byte
}

type encryptedData struct {
	Version int
	Content struct {
		Type      asn1.ObjectIdentifier
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte `asn1:"tag:0,optional"`
	}
}

type safeBag struct {
	Type       asn1.ObjectIdentifier
	Value      asn1.RawValue   `asn1:"tag:0,explicit"`
	Attributes []asn1.RawValue `asn1:"set,optional"`
}

type certBag struct {
	Type  asn1.ObjectIdentifier
	Value []byte `asn1:"tag:0,explicit"`
}

type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

// found is what a file with a certificate holds, in the order of the file.
type found struct {
	keys         []any
	certificates []*x509.Certificate
}

// decodePFX reads a PKCS #12 file. Its errors say nothing of what is in it.
func decodePFX(der []byte, password string) (*found, error) {
	var file pfxFile
	var content []byte
	if err := decodeDER(der, &file); err != nil {
		return nil, errors.New("it is not PKCS #12 in DER")
	}
	if file.Version != 3 || file.Safe.Type.String() != oidData {
		return nil, errors.New("it is not of version 3, or signed instead of protected by a password")
	}
	if err := decodeDER(file.Safe.Content.Bytes, &content); err != nil {
		return nil, errors.New("its content is not in DER")
	}
	p := newPFXCipher(password)
	if len(file.MAC.Digest.Algorithm.Algorithm) > 0 {
		if err := p.checkMAC(&file.MAC, content); err != nil {
			return nil, err
		}
	}
	var parts []contentInfo
	if err := decodeDER(content, &parts); err != nil || len(parts) > maxContents {
		return nil, errors.New("its content is not a short list in DER")
	}
	all := &found{}
	for _, part := range parts {
		if err := all.readPart(p, &part); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (f *found) readPart(p *pfxCipher, part *contentInfo) error {
	var data []byte
	switch part.Type.String() {
	case oidData:
		if err := decodeDER(part.Content.Bytes, &data); err != nil {
			return errors.New("a part of it is not in DER")
		}
	case oidEncryptedData:
		var encrypted encryptedData
		if err := decodeDER(part.Content.Bytes, &encrypted); err != nil {
			return errors.New("an encrypted part of it is not in DER")
		}
		var err error
		if data, err = p.decrypt(encrypted.Content.Algorithm, encrypted.Content.Data); err != nil {
			return err
		}
	default:
		return errors.New("a part of it is encrypted for a public key")
	}
	var bags []safeBag
	if err := decodeDER(data, &bags); err != nil || len(bags) > maxBags {
		return errPassword
	}
	for i := range bags {
		if err := f.readBag(p, &bags[i]); err != nil {
			return err
		}
	}
	return nil
}

// readBag takes a key or a certificate; lists of revoked certificates and secrets of other kinds are left out.
func (f *found) readBag(p *pfxCipher, bag *safeBag) error {
	switch bag.Type.String() {
	case oidKeyBag:
		return f.addKey(bag.Value.Bytes)
	case oidShroudedBag:
		var encrypted encryptedKey
		if err := decodeDER(bag.Value.Bytes, &encrypted); err != nil {
			return errors.New("an encrypted key in it is not in DER")
		}
		der, err := p.decrypt(encrypted.Algorithm, encrypted.Data)
		if err != nil {
			return err
		}
		return f.addKey(der)
	case oidCertBag:
		var c certBag
		if err := decodeDER(bag.Value.Bytes, &c); err != nil || c.Type.String() != oidX509 {
			return errors.New("a certificate in it is not of X.509")
		}
		return f.addCertificate(c.Value)
	}
	return nil
}

// maxKey is how long a private key in DER may be: RSA with 4096 bits has some 2,400 bytes.
const maxKey = 8 << 10

func (f *found) addKey(der []byte) error {
	if len(der) > maxKey || len(f.keys) == maxChain {
		return errors.New("a private key in it is too long, or there are too many")
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return errors.New("a private key in it is not PKCS #8") // the cause could quote the key
	}
	f.keys = append(f.keys, key)
	return nil
}

func (f *found) addCertificate(der []byte) error {
	if len(f.certificates) == maxChain {
		return errors.New("it has too many certificates")
	}
	c, err := parseCertificate(der)
	if err != nil {
		return errors.New("a certificate in it cannot be read")
	}
	f.certificates = append(f.certificates, c)
	return nil
}
