package vault

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1" // in RSA-OAEP, which does not need a hash without collisions
	"crypto/sha256"
	_ "crypto/sha512" // crypto.SHA384 and crypto.SHA512

	"hash"
	"io"
	"math/big"

	"github.com/inborn-id/inborn/internal/apierr"
)

// Algorithm is what is done with a key, by its name in RFC 7518.
type Algorithm string

// The algorithms that the service has for RSA and EC keys.
const (
	RSA15      Algorithm = "RSA1_5"
	RSAOAEP    Algorithm = "RSA-OAEP"
	RSAOAEP256 Algorithm = "RSA-OAEP-256"

	RS256  Algorithm = "RS256"
	RS384  Algorithm = "RS384"
	RS512  Algorithm = "RS512"
	PS256  Algorithm = "PS256"
	PS384  Algorithm = "PS384"
	PS512  Algorithm = "PS512"
	ES256  Algorithm = "ES256"
	ES384  Algorithm = "ES384"
	ES512  Algorithm = "ES512"
	RSNULL Algorithm = "RSNULL" // PKCS #1 v1.5 over the input as it is, for TLS 1.1 and before
)

// signing says what a signature algorithm needs and does.
type signing struct {
	key   KeyType
	curve string
	hash  crypto.Hash // 0: the input is not a digest
	pss   bool
}

func signingOf(a Algorithm) (signing, bool) {
	switch a {
	case RS256:
		return signing{key: RSA, hash: crypto.SHA256}, true
	case RS384:
		return signing{key: RSA, hash: crypto.SHA384}, true
	case RS512:
		return signing{key: RSA, hash: crypto.SHA512}, true
	case RSNULL:
		return signing{key: RSA}, true
	case PS256:
		return signing{key: RSA, hash: crypto.SHA256, pss: true}, true
	case PS384:
		return signing{key: RSA, hash: crypto.SHA384, pss: true}, true
	case PS512:
		return signing{key: RSA, hash: crypto.SHA512, pss: true}, true
	case ES256:
		return signing{key: EC, curve: "P-256", hash: crypto.SHA256}, true
	case ES384:
		return signing{key: EC, curve: "P-384", hash: crypto.SHA384}, true
	case ES512:
		return signing{key: EC, curve: "P-521", hash: crypto.SHA512}, true
	}
	return signing{}, false
}

// signing looks up a signature algorithm and refuses it where key or digest does not fit.
func (k *PublicKey) signing(a Algorithm, digest []byte) (signing, error) {
	s, ok := signingOf(a)
	switch {
	case !ok:
		return s, apierr.New(apierr.ParameterInvalid, "The algorithm '%.20s' is none to sign with: RS256 to RS512, PS256 to PS512, RSNULL, ES256, ES384, ES512.", string(a)).
			At("alg")
	case s.key != k.Type:
		return s, apierr.New(apierr.ParameterInvalid, "Key and signing algorithm are incompatible. The key is of type '%s', and algorithm '%s' can only be used with a key of type '%s'.",
			k.Type, a, s.key).At("alg")
	case s.curve != k.Curve:
		return s, apierr.New(apierr.ParameterInvalid, "Key and signing algorithm are incompatible. The key uses curve '%s', and algorithm '%s' can only be used with curve '%s'.",
			k.Curve, a, s.curve).At("alg")
	case s.hash != 0 && len(digest) != s.hash.Size():
		return s, apierr.New(apierr.ParameterInvalid, "Invalid length of 'value': %d bytes. %s requires %d bytes, encoded with base64url.", len(digest), a, s.hash.Size()).
			At("value")
	case s.hash == 0 && (len(digest) == 0 || len(digest) > len(k.N)-pkcs1Overhead):
		return s, apierr.New(apierr.ParameterInvalid, "Invalid length of 'value': %d bytes. %s takes 1 to %d bytes with this key.", len(digest), a, len(k.N)-pkcs1Overhead).
			At("value")
	}
	return s, nil
}

// Sign signs a digest. A signature of ECDSA is r and s behind each other, each as long as the curve's field (RFC 7518,
// section 3.4); the salt of PSS is as long as the digest.
func (k *PrivateKey) Sign(random io.Reader, a Algorithm, digest []byte) ([]byte, error) {
	s, err := k.public.signing(a, digest)
	switch {
	case err != nil:
		return nil, err
	case s.pss:
		return rsa.SignPSS(random, k.rsa, s.hash, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	case s.key == RSA:
		return rsa.SignPKCS1v15(random, k.rsa, s.hash, digest)
	}
	r, t, err := ecdsa.Sign(random, k.ec, digest)
	if err != nil {
		return nil, err
	}
	size := len(k.public.X)
	signature := make([]byte, 2*size)
	r.FillBytes(signature[:size])
	t.FillBytes(signature[size:])
	return signature, nil
}

// Verify reports whether signature is one of digest by the private half of k. Only algorithms and digests that do not fit
// are errors.
func (k *PublicKey) Verify(a Algorithm, digest, signature []byte) (bool, error) {
	s, err := k.signing(a, digest)
	if err != nil {
		return false, err
	}
	parsed, err := k.parse()
	if err != nil {
		return false, err
	}
	switch key := parsed.(type) {
	case *rsa.PublicKey:
		if s.pss {
			return rsa.VerifyPSS(key, s.hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil, nil
		}
		return rsa.VerifyPKCS1v15(key, s.hash, digest, signature) == nil, nil
	case *ecdsa.PublicKey:
		size := len(k.X)
		if len(signature) != 2*size {
			return false, nil
		}
		return ecdsa.Verify(key, digest, new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])), nil
	}
	return false, nil
}

// pkcs1Overhead is how much shorter than the modulus a plaintext must be (RFC 8017, section 7.2.1).
const pkcs1Overhead = 11

// encryption returns the hash of an OAEP algorithm, nil for RSA1_5, and the longest plaintext that the key takes.
func (k *PublicKey) encryption(a Algorithm) (func() hash.Hash, int, error) {
	var newHash func() hash.Hash
	most := len(k.N) - pkcs1Overhead
	switch a {
	case RSA15:
	case RSAOAEP:
		newHash, most = sha1.New, len(k.N)-2*sha1.Size-2
	case RSAOAEP256:
		newHash, most = sha256.New, len(k.N)-2*sha256.Size-2
	default:
		return nil, 0, apierr.New(apierr.ParameterInvalid, "The algorithm '%.20s' is none to encrypt with: RSA1_5, RSA-OAEP, RSA-OAEP-256.", string(a)).At("alg")
	}
	if k.Type != RSA {
		return nil, 0, apierr.New(apierr.ParameterInvalid, "Key and encryption algorithm are incompatible. The key is of type '%s', and algorithm '%s' can only be used with a key of type 'RSA'.",
			k.Type, a).At("alg")
	}
	return newHash, most, nil
}

// Encrypt encrypts what is short enough for the key: 256 bytes less 11 with RSA1_5 and 2048 bits, less 42 with RSA-OAEP,
// less 66 with RSA-OAEP-256. To wrap a key is the same.
func (k *PublicKey) Encrypt(random io.Reader, a Algorithm, plaintext []byte) ([]byte, error) {
	newHash, most, err := k.encryption(a)
	if err != nil {
		return nil, err
	}
	if len(plaintext) > most {
		return nil, apierr.New(apierr.ParameterInvalid, "Invalid length of 'value': %d bytes. %s takes at most %d bytes with this key.", len(plaintext), a, most).At("value")
	}
	parsed, err := k.parse()
	if err != nil {
		return nil, err
	}
	key := parsed.(*rsa.PublicKey)
	if newHash == nil {
		//lint:ignore SA1019 clients of the service have data that only this algorithm opens
		return rsa.EncryptPKCS1v15(random, key, plaintext)
	}
	return rsa.EncryptOAEP(newHash(), random, key, plaintext, nil)
}

// Decrypt is the opposite of Encrypt. All ciphertexts that do not open are refused in one way, so that nobody learns why
// from the answer. With RSA1_5 whether one opens is itself worth something (Bleichenbacher's attack); but who may ask here
// may decrypt all there is, and gains nothing.
func (k *PrivateKey) Decrypt(a Algorithm, ciphertext []byte) ([]byte, error) {
	newHash, _, err := k.public.encryption(a)
	if err != nil {
		return nil, err
	}
	var plaintext []byte
	if newHash == nil {
		//lint:ignore SA1019 as in Encrypt
		plaintext, err = rsa.DecryptPKCS1v15(nil, k.rsa, ciphertext)
	} else {
		plaintext, err = rsa.DecryptOAEP(newHash(), nil, k.rsa, ciphertext, nil)
	}
	if err != nil {
		return nil, apierr.New(apierr.ParameterInvalid, "The value cannot be decrypted: it was not encrypted with %s for this version of the key.", a).At("value")
	}
	return plaintext, nil
}
