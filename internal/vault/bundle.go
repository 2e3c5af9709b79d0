package vault

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/inborn-id/inborn/internal/apierr"
)

// Bundle is a certificate with its private key and the certificates above it: what is imported, and what the secret that
// belongs to a certificate holds.
type Bundle struct {
	Key         *PrivateKey // nil: the secret of a certificate whose key is not exportable
	Certificate []byte      // DER
	Chain       [][]byte    // DER; the nearest issuer first
}

const (
	maxImport   = 256 << 10 // bytes of what is imported, in base64
	maxPassword = 1 << 10
)

// ImportCertificate reads what clients send to be imported: a PKCS #12 file in base64, or PEM as it is or in base64 too. It
// returns the content type, which tells the two apart. There must be one private key and its certificate; the certificates
// above it may come along, in any order.
func ImportCertificate(value, password string) (*Bundle, string, error) {
	if len(value) > maxImport || len(password) > maxPassword {
		return nil, "", errImport("it is longer than 256 KiB, or its password than 1 KiB").At("value")
	}
	text := []byte(value)
	if !isPEM(text) {
		decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(value), ""))
		if err != nil {
			return nil, "", errImport("it is neither PEM nor a PKCS #12 file in base64").At("value").Because(err)
		}
		text = decoded
	}
	read, contentType := decodePFX, ContentPKCS12
	if isPEM(text) {
		read, contentType = decodePEM, ContentPEM
	}
	all, err := read(text, password)
	if err != nil {
		at := "value"
		if errors.Is(err, errPassword) {
			at = "pwd"
		}
		return nil, "", errImport(err.Error()).At(at)
	}
	b, err := all.bundle()
	return b, contentType, err
}

func errImport(why string) *apierr.Error {
	return apierr.New(apierr.PropertyInvalid, "The certificate cannot be imported: %s.", why)
}

// bundle finds the certificate of the key and sorts the others.
func (f *found) bundle() (*Bundle, error) {
	if len(f.keys) != 1 {
		return nil, errImport(fmt.Sprintf("it has %d private keys and must have one", len(f.keys))).At("value")
	}
	key, err := privateOf(f.keys[0])
	if err != nil {
		return nil, err
	}
	sorted, ok := sortChain(&key.public, f.certificates)
	if !ok {
		return nil, errImport("no certificate in it has the public key of its private key").At("value")
	}
	return &Bundle{Key: key, Certificate: sorted[0].Raw, Chain: rawOf(sorted[1:])}, nil
}

func isPEM(text []byte) bool { return bytes.Contains(text, []byte("-----BEGIN ")) }

// The types of blocks of PEM.
const (
	pemCertificate = "CERTIFICATE"
	pemKey         = "PRIVATE KEY"
)

// decodePEM reads certificates and private keys: of PKCS #8, and as OpenSSL wrote them before.
func decodePEM(text []byte, _ string) (*found, error) {
	all := &found{}
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return all, nil
		}
		var err error
		switch block.Type {
		case pemCertificate:
			err = all.addCertificate(block.Bytes)
		case pemKey:
			err = all.addKey(block.Bytes)
		case "RSA PRIVATE KEY", "EC PRIVATE KEY":
			err = all.addOldKey(block)
		case "EC PARAMETERS":
		case "ENCRYPTED PRIVATE KEY":
			err = errors.New("its private key is encrypted: decrypt it first, or use PKCS #12")
		default:
			err = errors.New("it has a block that is neither a certificate nor a private key")
		}
		if err != nil {
			return nil, err
		}
	}
}

func (f *found) addOldKey(block *pem.Block) error {
	if len(block.Bytes) > maxKey || len(f.keys) == maxChain || len(block.Headers) > 0 {
		return errors.New("a private key in it is too long or encrypted, or there are too many")
	}
	var key any
	var err error
	if block.Type == "RSA PRIVATE KEY" {
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	} else {
		key, err = x509.ParseECPrivateKey(block.Bytes)
	}
	if err != nil {
		return errors.New("a private key in it cannot be read") // the cause could quote the key
	}
	f.keys = append(f.keys, key)
	return nil
}

// Secret returns the value of the secret that belongs to a certificate: a PKCS #12 file in base64, with an empty password, or
// PEM with the private key first. The file is encrypted as OpenSSL, Java, .NET and old libraries can all read it, which
// protects nothing: the password is empty anyway.
func (b *Bundle) Secret(random io.Reader, contentType string) (string, error) {
	if contentType == ContentPEM {
		return b.encodePEM()
	}
	var certificates []*x509.Certificate
	for _, der := range append([][]byte{b.Certificate}, b.Chain...) {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return "", fmt.Errorf("a stored certificate: %w", err)
		}
		certificates = append(certificates, c)
	}
	encoder := pkcs12.LegacyDES.WithRand(random)
	var file []byte
	var err error
	if b.Key == nil {
		file, err = encoder.EncodeTrustStore(certificates, "")
	} else {
		file, err = encoder.Encode(b.Key.signer(), certificates[0], certificates[1:], "")
	}
	if err != nil {
		return "", fmt.Errorf("encoding PKCS #12: %w", err)
	}
	return base64.StdEncoding.EncodeToString(file), nil
}

// ConvertSecret returns the value of a secret in another content type. What can be converted is a certificate with its key,
// from PKCS #12 with an empty password to PEM. The error is a ParameterInvalid.
func ConvertSecret(random io.Reader, value, contentType, want string) (string, error) {
	if strings.EqualFold(want, contentType) {
		return value, nil
	}
	refuse := func(err error) error {
		return apierr.New(apierr.ParameterInvalid, "The secret of the type '%s' cannot be had as '%s': only a certificate with its key can, from '%s' to '%s'.",
			contentType, want, ContentPKCS12, ContentPEM).At("outContentType").Because(err)
	}
	if !strings.EqualFold(want, ContentPEM) || !strings.EqualFold(contentType, ContentPKCS12) {
		return "", refuse(nil)
	}
	b, _, err := ImportCertificate(value, "")
	if err != nil {
		return "", refuse(err)
	}
	return b.Secret(random, ContentPEM)
}

func (b *Bundle) encodePEM() (string, error) {
	var text bytes.Buffer
	blocks := []*pem.Block{}
	if b.Key != nil {
		der, err := b.Key.DER()
		if err != nil {
			return "", err
		}
		blocks = append(blocks, &pem.Block{Type: pemKey, Bytes: der})
	}
	for _, der := range append([][]byte{b.Certificate}, b.Chain...) {
		blocks = append(blocks, &pem.Block{Type: pemCertificate, Bytes: der})
	}
	for _, block := range blocks {
		if err := pem.Encode(&text, block); err != nil {
			return "", fmt.Errorf("encoding PEM: %w", err)
		}
	}
	return text.String(), nil
}
