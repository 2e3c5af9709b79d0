package cli

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// maxPEM bounds a key in PEM, in bytes.
const maxPEM = 64 << 10

// readPrivateKey reads the private key in a PEM file: PKCS #8, PKCS #1 or SEC 1. Nothing of it is in an error.
func readPrivateKey(text []byte) (*jwk, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			continue // parameters of a curve, or a certificate
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
			return nil, errors.New("the key is encrypted with a password: take that off first, as openssl pkey does")
		}
		for _, parse := range []func([]byte) (any, error){x509.ParsePKCS8PrivateKey,
			func(der []byte) (any, error) { return x509.ParsePKCS1PrivateKey(der) },
			func(der []byte) (any, error) { return x509.ParseECPrivateKey(der) }} {
			if key, err := parse(block.Bytes); err == nil {
				return privateJWK(key)
			}
		}
		return nil, errors.New("the private key cannot be read: it is neither PKCS #8 nor PKCS #1 nor SEC 1")
	}
	return nil, errors.New("there is no private key in PEM in what was read")
}

func privateJWK(key any) (*jwk, error) {
	number := func(n *big.Int) string { return encodeBase64(n.Bytes()) }
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if len(key.Primes) != 2 {
			return nil, fmt.Errorf("the RSA key is made of %d primes and not of two", len(key.Primes))
		}
		return &jwk{Type: "RSA", N: number(key.N), E: number(big.NewInt(int64(key.E))), D: number(key.D), P: number(key.Primes[0]), Q: number(key.Primes[1])}, nil
	case *ecdsa.PrivateKey:
		d, err := key.Bytes()
		if err != nil {
			return nil, errors.New("the EC key is not on its curve")
		}
		point, err := key.PublicKey.Bytes() // 4, x, y
		if err != nil {
			return nil, errors.New("the EC key is not on its curve")
		}
		half := (len(point) - 1) / 2
		return &jwk{Type: "EC", Curve: key.Params().Name, D: encodeBase64(d), X: encodeBase64(point[1 : 1+half]), Y: encodeBase64(point[1+half:])}, nil
	}
	return nil, errors.New("the key is neither RSA nor EC")
}

// publicPEM writes the public half of a key.
func publicPEM(k *jwk) ([]byte, error) {
	key, err := publicKey(k)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

func publicKey(k *jwk) (crypto.PublicKey, error) {
	var parts [4][]byte
	for i, text := range []string{k.N, k.E, k.X, k.Y} {
		var err error
		if parts[i], err = decodeBase64(text); err != nil {
			return nil, err
		}
	}
	if k.Type == "RSA" {
		return &rsa.PublicKey{N: new(big.Int).SetBytes(parts[0]), E: int(new(big.Int).SetBytes(parts[1]).Int64())}, nil
	}
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		if curve.Params().Name == k.Curve {
			return ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{4}, parts[2], parts[3]))
		}
	}
	return nil, fmt.Errorf("%s %s is not a kind of key that this program knows", k.Type, k.Curve)
}

func encodeBase64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decodeBase64(text string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(text) }
