// Package envelope encrypts what must not lie readable in the database: signing keys, client secrets, the secrets of
// vaults.
//
// Each record gets a data key of its own. The record is encrypted with the data key, the data key with the master key,
// and the result carries both and the id of the master key, so that changing the master key means rewrapping a few
// bytes per record (Rewrap). Both layers are AES-256-GCM and bind a context, the address of the record: a ciphertext that
// someone with access to the database copies to another tenant, object or version does not open there.
//
// The master key never is in the database. It comes from a file: see Open, and Begin for how it is changed.
package envelope

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
)

// A ciphertext is laid out as
//
//	version (1) | master key id (8) | nonce (12) | wrapped data key (32+16) | nonce (12) | encrypted record (n+16)
//
// where both seals also cover version and context, and that of the data key the id.
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

// Master is a master key, and maybe older ones that still open what they sealed. It does not change, is safe for
// concurrent use, and prints as its id. Its nonces are random, so encrypt no more than 2^32 records under one (NIST SP
// 800-38D, section 8.3).
type Master struct {
	id    keyID
	aead  cipher.AEAD
	older map[keyID]cipher.AEAD
}

type keyID [idSize]byte

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
	return &Master{id: keyID(sum[:idSize]), aead: aead}, nil
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

// Opening returns a Master that seals as m does and also opens what other, with the older keys it holds, has sealed.
func (m *Master) Opening(other *Master) *Master {
	both := &Master{id: m.id, aead: m.aead, older: maps.Clone(m.older)}
	if both.older == nil {
		both.older = map[keyID]cipher.AEAD{}
	}
	maps.Copy(both.older, other.older)
	both.older[other.id] = other.aead
	return both
}

// Holds reports whether m has the key of that ID, so that what it sealed can be opened.
func (m *Master) Holds(id string) bool {
	raw, err := hex.DecodeString(id)
	return err == nil && len(raw) == idSize && m.key(keyID(raw)) != nil
}

// Alone reports whether m holds no other key than the one it seals with.
func (m *Master) Alone() bool { return len(m.older) == 0 }

// key returns the key of that id, nil if m does not hold it.
func (m *Master) key(id keyID) cipher.AEAD {
	if id == m.id {
		return m.aead
	}
	return m.older[id]
}

// KeyID returns the ID of the master key with which the ciphertext was sealed, or "" for what is no ciphertext.
func KeyID(ciphertext []byte) string {
	if len(ciphertext) < Overhead || ciphertext[0] != version {
		return ""
	}
	return hex.EncodeToString(ciphertext[1 : 1+idSize])
}

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
	out = m.wrap(out, context, dataKey, fresh[keySize:keySize+nonce])
	out = append(out, fresh[keySize+nonce:]...)
	return data.Seal(out, fresh[keySize+nonce:], plaintext, bind(out[:1], context)), nil
}

// wrap appends everything of a ciphertext up to the record: the head and the data key, sealed with m.
func (m *Master) wrap(out []byte, context []string, dataKey, nonce []byte) []byte {
	out = append(append(out, version), m.id[:]...)
	additional := bind(out, context)
	return m.aead.Seal(append(out, nonce...), nonce, dataKey, additional)
}

// Decrypt opens what Encrypt sealed under the same context. The error says whether another master key is needed; beyond
// that nobody can tell a damaged ciphertext from one that was moved.
func (m *Master) Decrypt(context []string, ciphertext []byte) ([]byte, error) {
	dataKey, err := m.unwrap(context, ciphertext)
	if err != nil {
		return nil, err
	}
	data, err := newGCM(dataKey)
	if err != nil {
		return nil, err
	}
	plaintext, err := data.Open(nil, ciphertext[nonceAt:recordAt], ciphertext[recordAt:], bind(ciphertext[:1], context))
	if err != nil {
		return nil, Unopened(moved)
	}
	return plaintext, nil
}

// unwrap returns the data key of a ciphertext.
func (m *Master) unwrap(context []string, ciphertext []byte) ([]byte, error) {
	if len(ciphertext) < Overhead || ciphertext[0] != version {
		return nil, Unopened("a stored secret is damaged: it does not have the form of a ciphertext")
	}
	key := m.key(keyID(ciphertext[1 : 1+idSize]))
	if key == nil {
		return nil, Unopened(fmt.Sprintf("a stored secret is encrypted with the master key %s, but the one in use is %s: "+
			"start with the master key file that belongs to this data", KeyID(ciphertext), m.ID()))
	}
	additional := bind(ciphertext[:1+idSize], context)
	dataKey, err := key.Open(nil, ciphertext[1+idSize:wrapAt], ciphertext[wrapAt:nonceAt], additional)
	if err != nil {
		return nil, Unopened(moved)
	}
	return dataKey, nil
}

// Rewrap returns the ciphertext with its data key sealed by m, where an older key of m sealed it before; the record
// itself stays as it is and is not opened. A ciphertext that m sealed is returned unchanged. It reads 12 bytes from random.
func (m *Master) Rewrap(context []string, ciphertext []byte, random io.Reader) ([]byte, error) {
	dataKey, err := m.unwrap(context, ciphertext)
	if err != nil || keyID(ciphertext[1:1+idSize]) == m.id {
		return ciphertext, err
	}
	var fresh [nonce]byte
	if _, err := io.ReadFull(random, fresh[:]); err != nil {
		return nil, fmt.Errorf("randomness for encryption: %w", err)
	}
	out := m.wrap(make([]byte, 0, len(ciphertext)), context, dataKey, fresh[:])
	return append(out, ciphertext[nonceAt:]...), nil
}

// Unopened is why a ciphertext does not open with the keys at hand. It says nothing of any other failure, such as one of
// the source of randomness.
type Unopened string

const moved = "a stored secret does not open: it was changed, or belongs to another record"

// Error returns the sentence.
func (u Unopened) Error() string { return string(u) }

// bind returns the additional data of a seal: what it covers of the ciphertext's head, whose length is fixed, and the
// context. The length before each part makes it unambiguous: ("a","bc") and ("ab","c") differ, and so do ("a") and ("a","").
func bind(head []byte, context []string) []byte {
	size := len(head)
	for _, part := range context {
		size += 4 + len(part)
	}
	b := append(make([]byte, 0, size), head...)
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
