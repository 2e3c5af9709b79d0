// Package envelope encrypts what must not lie readable in the database: signing keys, client secrets, the secrets of
// vaults.
//
// Each record gets a data key of its own. The record is encrypted with the data key, the data key with the master key,
// and the result carries both and the id of the master key, so that changing the master key means rewrapping a few
// bytes per record. Both layers are AES-256-GCM and bind a context, the address of the record: a ciphertext that someone
// with access to the database copies to another tenant, object or version does not open there.
//
// The master key never is in the database. It comes from a file: see Open and Load.
package envelope

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// A ciphertext is laid out as
//
//	version (1) | master key id (8) | nonce (12) | wrapped data key (32+16) | nonce (12) | encrypted record (n+16)
//
// where both seals also cover version, id and context.
const (
	version  = 1
	idSize   = 8
	keySize  = 32
	nonce    = 12
	tag      = 16
	wrapAt   = 1 + idSize + nonce
	nonceAt  = wrapAt + keySize + tag
	recordAt = nonceAt + nonce
)

// Overhead is how many bytes a ciphertext is longer than its plaintext.
const Overhead = recordAt + tag

// Master is a master key. It does not change, is safe for concurrent use, and prints as its id. Its nonces are random,
// so encrypt no more than 2^32 records under one (NIST SP 800-38D, section 8.3).
type Master struct {
	id   [idSize]byte
	aead cipher.AEAD
}

// New makes a Master of 32 random bytes.
func New(key []byte) (*Master, error) {
	if len(key) != keySize {
		return nil, fmt.Errorf("a master key has %d bytes, not %d", keySize, len(key))
	}
	aead, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(append([]byte("inborn master key id\x00"), key...))
	return &Master{id: [idSize]byte(sum[:idSize]), aead: aead}, nil
}

// Generate returns a master key that is kept nowhere, for what ends with this process.
func Generate(random io.Reader) (*Master, error) {
	key := make([]byte, keySize)
	if _, err := io.ReadFull(random, key); err != nil {
		return nil, err
	}
	return New(key)
}

// ID returns 16 hexadecimal digits that name the key and give nothing of it away.
func (m *Master) ID() string { return hex.EncodeToString(m.id[:]) }

// String is ID, so that a key that is printed by mistake stays secret.
func (m *Master) String() string { return m.ID() }

// GoString is ID, for the verb %#v.
func (m *Master) GoString() string { return m.ID() }

// Encrypt seals plaintext for the record that context addresses, such as tenant, kind, id and version. It reads 56 bytes
// from random, which must be a cryptographic source, and fails only when that does.
func (m *Master) Encrypt(context []string, plaintext []byte, random io.Reader) ([]byte, error) {
	var fresh [keySize + 2*nonce]byte
	if _, err := io.ReadFull(random, fresh[:]); err != nil {
		return nil, fmt.Errorf("randomness for encryption: %w", err)
	}
	dataKey := fresh[:keySize]
	data, err := newGCM(dataKey)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, Overhead+len(plaintext))
	out = append(append(out, version), m.id[:]...)
	additional := bind(out, context)
	out = append(out, fresh[keySize:keySize+nonce]...)
	out = m.aead.Seal(out, fresh[keySize:keySize+nonce], dataKey, additional)
	out = append(out, fresh[keySize+nonce:]...)
	return data.Seal(out, fresh[keySize+nonce:], plaintext, additional), nil
}

// Decrypt opens what Encrypt sealed under the same context. The error says whether another master key is needed; beyond
// that nobody can tell a damaged ciphertext from one that was moved.
func (m *Master) Decrypt(context []string, ciphertext []byte) ([]byte, error) {
	if len(ciphertext) < Overhead || ciphertext[0] != version {
		return nil, errors.New("a stored secret is damaged: it does not have the form of a ciphertext")
	}
	if id := ciphertext[1 : 1+idSize]; [idSize]byte(id) != m.id {
		return nil, fmt.Errorf("a stored secret is encrypted with the master key %x, but the one in use is %s: "+
			"start with the master key file that belongs to this data", id, m.ID())
	}
	additional := bind(ciphertext[:1+idSize], context)
	dataKey, err := m.aead.Open(nil, ciphertext[1+idSize:wrapAt], ciphertext[wrapAt:nonceAt], additional)
	if err != nil {
		return nil, errMoved
	}
	data, err := newGCM(dataKey)
	if err != nil {
		return nil, err
	}
	plaintext, err := data.Open(nil, ciphertext[nonceAt:recordAt], ciphertext[recordAt:], additional)
	if err != nil {
		return nil, errMoved
	}
	return plaintext, nil
}

var errMoved = errors.New("a stored secret does not open: it was changed, or belongs to another record")

// bind returns the additional data of both seals: the head of the ciphertext, whose length is fixed, and the context. The
// length before each part makes it unambiguous: ("a","bc") and ("ab","c") differ, and so do ("a") and ("a","").
func bind(head []byte, context []string) []byte {
	b := append([]byte(nil), head...)
	for _, part := range context {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return b
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("AES: %w", err)
	}
	return cipher.NewGCM(block)
}
