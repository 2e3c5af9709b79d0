package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// maxKeys is how many keys of one document are looked at; Entra does the same for the documents it fetches.
const maxKeys = 100

// NewJWKS returns the key document at now: every key that signs, will sign or has tokens in circulation. issuer is
// written into each key: the tenant's v2.0 issuer, or one with {tenantid} in it; "" gives the v1.0 form without.
func NewJWKS(r KeyRing, issuer string, now time.Time) JWKS {
	doc := JWKS{Keys: []JWK{}}
	for _, k := range r.keys {
		if k.retired(now) {
			continue
		}
		public := &k.Key.private.PublicKey
		doc.Keys = append(doc.Keys, JWK{
			Type:         "RSA",
			Use:          "sig",
			ID:           k.Key.id,
			Thumbprint:   k.Key.id,
			Modulus:      base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
			Exponent:     base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
			Certificates: []string{base64.StdEncoding.EncodeToString(k.Key.certificate)},
			Issuer:       issuer,
		})
	}
	return doc
}

// ParseJWKS reads a key document. Keys it has no use for (other types, other uses, without an id, malformed) are left
// out, as RFC 7517, section 5 asks; a document without a usable key is an error.
func ParseJWKS(data []byte) ([]PublicKey, error) {
	var doc rawJWKS
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("the key document is not readable as JSON: %w", err)
	}
	var keys []PublicKey
	for _, raw := range doc.Keys[:min(len(doc.Keys), maxKeys)] {
		var k JWK
		if json.Unmarshal(raw, &k) != nil || k.ID == "" || k.Use != "" && k.Use != "sig" {
			continue
		}
		switch k.Type {
		case "RSA":
			if key := k.rsa(); key != nil {
				keys = append(keys, PublicKey{ID: k.ID, Key: key, Issuer: k.Issuer})
			}
		case "EC":
			if key := k.ecdsa(); key != nil {
				keys = append(keys, PublicKey{ID: k.ID, Key: key, Issuer: k.Issuer})
			}
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the key document has no usable signing key")
	}
	return keys, nil
}

// rsa returns the key, or nil if it is none of acceptable size.
func (k JWK) rsa() *rsa.PublicKey {
	modulus, err1 := strict64.DecodeString(k.Modulus)
	exponent, err2 := strict64.DecodeString(k.Exponent)
	if err1 != nil || err2 != nil || len(exponent) > 4 {
		return nil
	}
	n, e := new(big.Int).SetBytes(modulus), new(big.Int).SetBytes(exponent).Int64()
	if n.BitLen() < minModulus || n.BitLen() > maxModulus || n.Bit(0) == 0 || e < 3 || e&1 == 0 || e >= 1<<31 {
		return nil
	}
	return &rsa.PublicKey{N: n, E: int(e)}
}

// ecdsa returns the key, or nil if it is no point of P-256.
func (k JWK) ecdsa() *ecdsa.PublicKey {
	x, err1 := strict64.DecodeString(k.X)
	y, err2 := strict64.DecodeString(k.Y)
	if k.Curve != "P-256" || err1 != nil || err2 != nil || len(x) != 32 || len(y) != 32 {
		return nil
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	if err != nil {
		return nil
	}
	return key
}
