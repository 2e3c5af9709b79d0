package serve

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// The files of an Authority in the data directory.
const (
	AuthorityFile    = "ca.pem"     // the certificate, for the clients that are to trust it
	authorityKeyFile = "ca-key.pem" // the private key, for its owner only
)

// OpenAuthority returns the authority that is kept in dir and makes it the first time. Two programs that start at the
// same time in one directory end up with the same one. The error says what to do where the files are damaged, readable
// by others, or do not fit names.
func OpenAuthority(dir string, names Naming, now func() time.Time, random io.Reader) (*Authority, error) {
	certFile, keyFile := filepath.Join(dir, AuthorityFile), filepath.Join(dir, authorityKeyFile)
	key, err := openKey(keyFile, certFile, random)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(certFile)
	if errors.Is(err, fs.ErrNotExist) {
		var der []byte
		if der, err = makeAuthority(key, names.constraint(), now(), random); err != nil {
			return nil, err
		}
		text, err = create(certFile, 0o644, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, renewAdvice(certFile, keyFile, "%s holds no certificate", certFile)
	}
	a, err := newAuthority(block.Bytes, key, names, now, random)
	if err != nil {
		return nil, renewAdvice(certFile, keyFile, "%s holds no certificate: %v", certFile, err)
	}
	if public, ok := a.certificate.PublicKey.(*ecdsa.PublicKey); !ok || !public.Equal(key.Public()) {
		return nil, renewAdvice(certFile, keyFile, "%s and %s do not belong together", certFile, keyFile)
	}
	if !a.covers(names.constraint(), now()) {
		return nil, renewAdvice(certFile, keyFile, "the certificate authority in %s has expired or is not for all of %v", certFile, names.constraint())
	}
	return a, nil
}

func renewAdvice(certFile, keyFile, format string, args ...any) error {
	return fmt.Errorf(format+"; remove %s and %s to get a new one, which its clients have to trust anew", append(args, certFile, keyFile)...)
}

// openKey reads the private key, or makes it if there is neither a key nor a certificate yet.
func openKey(keyFile, certFile string, random io.Reader) (crypto.Signer, error) {
	text, err := os.ReadFile(keyFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		_, noCert := os.Stat(certFile)
		if text, err = os.ReadFile(keyFile); err == nil {
			break // another program has made both in between
		}
		if noCert == nil {
			return nil, renewAdvice(certFile, keyFile, "%s is there but its key %s is missing", certFile, keyFile)
		}
		if text, err = newKeyText(random); err != nil {
			return nil, err
		}
		if text, err = create(keyFile, 0o600, text); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	}
	if err := checkPrivate(keyFile); err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, renewAdvice(certFile, keyFile, "%s holds no private key", keyFile)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, renewAdvice(certFile, keyFile, "%s holds no private key", keyFile)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, renewAdvice(certFile, keyFile, "%s holds no ECDSA key", keyFile)
	}
	return key, nil
}

func newKeyText(random io.Reader) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), random)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// checkPrivate refuses a key that others than its owner may read. Windows has no such bits; there the directory's
// access list decides.
func checkPrivate(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s may be read by others (mode %04o); type: chmod 600 %s", file, info.Mode().Perm(), file)
	}
	return nil
}

// create writes a file that must not exist yet, whole or not at all, and returns what the file then holds: the text of
// another program if that one was faster.
func create(file string, mode fs.FileMode, text []byte) ([]byte, error) {
	temporary, err := os.CreateTemp(filepath.Dir(file), ".new-*") // with mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(text)
	err = errors.Join(err, temporary.Chmod(mode), temporary.Sync(), temporary.Close())
	if err != nil {
		return nil, err
	}
	if err := os.Link(temporary.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(file)
}
