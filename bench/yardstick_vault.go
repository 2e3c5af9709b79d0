package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"time"
)

// vaultYardstick sends the bytes of a vault's answer; or, with a key, reads the digest in a request, signs it and sends the
// answer with that signature in the place of its own.
func vaultYardstick(body []byte, keyFile string) (http.HandlerFunc, error) {
	if keyFile == "" {
		return func(w http.ResponseWriter, _ *http.Request) { send(w, body) }, nil
	}
	der, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	head, rest, ok := bytes.Cut(body, []byte(`"value":"`))
	_, tail, closed := bytes.Cut(rest, []byte(`"`))
	if !ok || !closed {
		return nil, errors.New("the body has no value")
	}
	head, tail = append(bytes.Clone(head), `"value":"`...), append([]byte(`"`), tail...)
	return func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Value string }
		text, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(text, &in)
		}
		digest, err2 := base64.RawURLEncoding.DecodeString(in.Value)
		signature, err3 := signWith(parsed, digest)
		if err := errors.Join(err, err2, err3); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		out := base64.RawURLEncoding.AppendEncode(append(make([]byte, 0, len(body)+8), head...), signature)
		send(w, append(out, tail...))
	}, nil
}

func signWith(key any, digest []byte) ([]byte, error) {
	if len(digest) != sha256.Size {
		return nil, fmt.Errorf("a digest of %d bytes", len(digest))
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest)
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, digest)
		if err != nil {
			return nil, err
		}
		out := make([]byte, 64)
		r.FillBytes(out[:32])
		s.FillBytes(out[32:])
		return out, nil
	default:
		return nil, fmt.Errorf("%T", key)
	}
}

// overTLS makes a listener one of TLS, with a certificate of the same kind as the product's.
func overTLS(l net.Listener) (net.Listener, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}), nil
}

// writeECKey makes a key for a yardstick that signs with P-256.
func writeECKey(file string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(file, der, 0o600)
}
