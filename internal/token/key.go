package token

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" // as the thumbprint that names a key, not as a signature
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"
)

// certificateLife is how long the certificate of a signing key is valid, far longer than the key signs: peers that look
// at the dates must never see an expired one, even on a server that stood still for a year.
const certificateLife = 10 * 365 * 24 * time.Hour

// Key is a signing key of ours: RSA with 2048 bits and a self-signed certificate, whose thumbprint names the key. A Key
// does not change and is safe for concurrent use. It prints as its id, never as its secret.
type Key struct {
	id          string
	private     *rsa.PrivateKey
	certificate []byte    // DER
	headers     [2]string // the encoded header of v1.0 and v2.0 tokens
}

// PublicKey is a key that tokens are checked with: one of ours, or one from the key document of another issuer.
type PublicKey struct {
	ID     string           // kid
	Key    crypto.PublicKey // *rsa.PublicKey, or *ecdsa.PublicKey on P-256
	Issuer string           // from its document, perhaps with {tenantid} in it; "" when the document names none
}

// NewKey makes a key and its certificate, valid from the day before now. It takes some 100 ms. random gives the
// certificate's serial number; the key itself comes from the generator of crypto/rsa, whatever random is.
func NewKey(random io.Reader, now time.Time) (*Key, error) {
	private, err := rsa.GenerateKey(random, minModulus)
	if err != nil {
		return nil, fmt.Errorf("making a signing key: %w", err)
	}
	var serial [16]byte
	if _, err := io.ReadFull(random, serial[:]); err != nil {
		return nil, fmt.Errorf("randomness for a certificate: %w", err)
	}
	serial[0] = serial[0]&0x7f | 0x40 // positive and of full length (RFC 5280, section 4.1.2.2)
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial[:]),
		Subject:      pkix.Name{CommonName: "Inborn token signing"},
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.Add(certificateLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	certificate, err := x509.CreateCertificate(random, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, fmt.Errorf("making a signing key's certificate: %w", err)
	}
	return newKey(private, certificate), nil
}

// ParseKey rebuilds a key from what PrivateDER and Certificate returned. It fails when they do not belong together.
func ParseKey(privateDER, certificate []byte) (*Key, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(privateDER)
	if err != nil {
		return nil, errors.New("a stored signing key is not PKCS #8") // the cause could quote the key
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("a stored signing key is a %T; expected RSA", parsed)
	}
	cert, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, fmt.Errorf("a stored signing certificate: %w", err)
	}
	if !private.PublicKey.Equal(cert.PublicKey) {
		return nil, errors.New("a stored signing key does not belong to its certificate")
	}
	return newKey(private, bytes.Clone(certificate)), nil
}

func newKey(private *rsa.PrivateKey, certificate []byte) *Key {
	thumbprint := sha1.Sum(certificate)
	id := base64.RawURLEncoding.EncodeToString(thumbprint[:])
	return &Key{
		id:          id,
		private:     private,
		certificate: certificate,
		headers:     [2]string{encodedHeader(id, 1), encodedHeader(id, 2)},
	}
}

// ID returns the kid, which is also the x5t: the SHA-1 of the certificate in base64url, 27 characters.
func (k *Key) ID() string { return k.id }

// String returns the id, so that a key that is printed by mistake stays secret.
func (k *Key) String() string { return k.id }

// GoString is String, for the verb %#v.
func (k *Key) GoString() string { return k.id }

// Certificate returns the certificate in DER. It is shared: do not change it.
func (k *Key) Certificate() []byte { return k.certificate }

// Public returns the half that others may see.
func (k *Key) Public() PublicKey { return PublicKey{ID: k.id, Key: &k.private.PublicKey} }

// PrivateDER returns the secret half as PKCS #8 in DER. Encrypt it before it goes anywhere.
func (k *Key) PrivateDER() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, fmt.Errorf("encoding signing key %s: %w", k.id, err)
	}
	return der, nil
}

// signingInput returns what is signed to make a token of c: two parts of three, with room for the third.
func (k *Key) signingInput(c *Claims) []byte {
	header := k.headers[0]
	if c.Version == 2 {
		header = k.headers[1]
	}
	payload := c.appendJSON(make([]byte, 0, 1280))
	size := base64.RawURLEncoding.EncodedLen(len(payload)) + base64.RawURLEncoding.EncodedLen(k.private.Size())
	b := make([]byte, 0, len(header)+2+size)
	b = append(append(b, header...), '.')
	return base64.RawURLEncoding.AppendEncode(b, payload)
}

// sign completes a token. It takes the better part of a millisecond; Signer decides who may call it when.
func (k *Key) sign(input []byte) (string, error) {
	digest := sha256.Sum256(input)
	signature, err := rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, digest[:])
	if err != nil {
		return "", fmt.Errorf("signing with key %s: %w", k.id, err)
	}
	return string(base64.RawURLEncoding.AppendEncode(append(input, '.'), signature)), nil
}
