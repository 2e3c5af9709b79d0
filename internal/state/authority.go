package state

import (
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/store"
)

// CertificateAuthority is the public side of the platform's own authority for certificates of vaults. There is one at a
// time; the private key is encrypted in the store's cipher table under the key id.
type CertificateAuthority struct {
	KeyID       string
	Certificate []byte // DER
	Created     time.Time
}

// CertificateAuthority returns the authority, if there is one yet.
func (v *View) CertificateAuthority() (*CertificateAuthority, bool) {
	return v.authorities.get(authorityID)
}

// authorityID is the id of the one record.
const authorityID = "certificates"

// AuthorityChange returns the batch that makes next the authority of v; key is the ciphertext of its private key. That of the
// one before is erased: what it signed stays good, and it signs nothing more.
func AuthorityChange(v *View, next CertificateAuthority, key []byte) Batch {
	batch := Batch{
		Records: []store.Record{put(guid.GUID{}, next)},
		Ciphers: []store.Cipher{{ID: AuthorityCipher(next.KeyID), Ciphertext: key}},
		Events:  []Event{{Action: "Add certificate authority", Target: next.KeyID}},
	}
	if old, ok := v.CertificateAuthority(); ok && old.KeyID != next.KeyID {
		batch.Ciphers = append(batch.Ciphers, store.Cipher{ID: AuthorityCipher(old.KeyID)})
		batch.Events = append(batch.Events, Event{Action: "Retire certificate authority", Target: old.KeyID})
	}
	return batch
}

// AuthorityCipher is the id under which the private key of the authority is kept.
func AuthorityCipher(keyID string) string { return "certificate-authority/" + keyID }
