package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
)

// The bounds of what is read, in bytes of the compact form. Client assertions carry their certificates in the header;
// access tokens have no use for a long one.
const (
	MaxToken        = 16 << 10
	maxHeader       = 8 << 10
	maxAccessHeader = 2 << 10
)

// The RSA moduli we verify with, in bits: less is weak, more lets a stranger's key burn our time.
const (
	minModulus = 2048
	maxModulus = 8192
)

// Algorithm is a signature algorithm by its name in RFC 7518.
type Algorithm string

// The algorithms there are here. Ours is RS256; clients sign assertions with any of them. "none" and the HMAC family
// are not in the list, so no key can ever be talked into them.
const (
	RS256 Algorithm = "RS256" // RSASSA-PKCS1-v1_5 with SHA-256
	PS256 Algorithm = "PS256" // RSASSA-PSS with SHA-256
	ES256 Algorithm = "ES256" // ECDSA on P-256 with SHA-256
)

// Header is the part of a JWS header that means something to us. Thumbprints are kept as they were spelled, since
// clients disagree about their encoding.
type Header struct {
	Algorithm        Algorithm
	Type             string // typ, "" when absent
	KeyID            string // kid
	Thumbprint       string // x5t: SHA-1 of the certificate
	ThumbprintSHA256 string // x5t#S256
	Certificates     []string
}

// JWS is a signed token that has been read but not yet checked: believe nothing in it before Verify returns nil.
type JWS struct {
	Header  Header
	Payload []byte // decoded

	claims    object // the payload's members
	signed    string // what the signature covers: the first two parts of the token
	signature []byte
}

var strict64 = base64.RawURLEncoding.Strict()

// ParseJWS reads the compact form (RFC 7515, section 7.1). It refuses what is longer than MaxToken, base64 with padding
// or stray bits, a header or payload that is not a JSON object in UTF-8 or that names a member twice at any depth, the
// header members crit and b64, and any algorithm not listed above. The error is a TokenMalformed.
func ParseJWS(compact string) (*JWS, error) {
	if len(compact) > MaxToken {
		return nil, malformed("is longer than %d bytes", MaxToken)
	}
	first := strings.IndexByte(compact, '.')
	last := strings.LastIndexByte(compact, '.')
	if first < 0 || first == last || strings.Count(compact, ".") != 2 {
		return nil, malformed("is not three parts separated by dots")
	}
	if first > maxHeader {
		return nil, malformed("has a header longer than %d bytes", maxHeader)
	}
	var parts [3][]byte
	for i, text := range []string{compact[:first], compact[first+1 : last], compact[last+1:]} {
		// The decoder skips line breaks, which would give one token many spellings.
		if strings.ContainsAny(text, "\r\n") || text == "" {
			return nil, malformed("has a part that is not base64url")
		}
		part, err := strict64.DecodeString(text)
		if err != nil {
			return nil, malformed("has a part that is not base64url without padding")
		}
		parts[i] = part
	}
	header, err := readHeader(parts[0])
	if err != nil {
		return nil, err
	}
	claims, err := readObject(parts[1])
	if err != nil {
		return nil, malformed("has a payload that %v", err)
	}
	return &JWS{Header: header, Payload: parts[1], claims: claims, signed: compact[:last], signature: parts[2]}, nil
}

// Verify checks the signature with key, an *rsa.PublicKey or *ecdsa.PublicKey. The header's algorithm must be one of
// allowed and must be one the key can have; a token never chooses beyond that. The error is a TokenSignature.
func (j *JWS) Verify(key crypto.PublicKey, allowed ...Algorithm) error {
	if !slices.Contains(allowed, j.Header.Algorithm) {
		return apierr.New(apierr.TokenSignature, "The token is signed with %s; expected %v.", j.Header.Algorithm, allowed)
	}
	digest := sha256.Sum256([]byte(j.signed))
	switch key := key.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minModulus || bits > maxModulus {
			return apierr.New(apierr.TokenSignature, "The token's key has %d bits; expected %d to %d.", bits, minModulus, maxModulus)
		}
		if verifyRSA(key, j.Header.Algorithm, digest[:], j.signature) {
			return nil
		}
	case *ecdsa.PublicKey:
		if j.Header.Algorithm == ES256 && key.Curve == elliptic.P256() && len(j.signature) == 64 {
			r, s := new(big.Int).SetBytes(j.signature[:32]), new(big.Int).SetBytes(j.signature[32:])
			if ecdsa.Verify(key, digest[:], r, s) {
				return nil
			}
		}
	}
	return apierr.New(apierr.TokenSignature, "The token's signature does not fit its key.")
}

func verifyRSA(key *rsa.PublicKey, alg Algorithm, digest, signature []byte) bool {
	switch alg {
	case RS256:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest, signature) == nil
	case PS256: // RFC 7518, section 3.5: the salt is as long as the hash
		opts := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
		return rsa.VerifyPSS(key, crypto.SHA256, digest, signature, opts) == nil
	default:
		return false
	}
}

func malformed(format string, args ...any) *apierr.Error {
	return apierr.New(apierr.TokenMalformed, "The token "+format+".", args...)
}
