package state

import (
	"slices"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/store"
)

// KeyChange returns the batch that makes ring the signing keys of v: keys that are not in it are erased with their
// private side, and ciphers hold the private side of those that are new. The platform's own tenant is the zero GUID.
func KeyChange(v *View, ring []SigningKey, ciphers ...store.Cipher) Batch {
	batch := Batch{Ciphers: ciphers}
	for _, key := range ring {
		batch.Records = append(batch.Records, put(guid.GUID{}, key))
	}
	for _, old := range v.SigningKeys() {
		if !slices.ContainsFunc(ring, func(k SigningKey) bool { return k.KeyID == old.KeyID }) {
			batch.Records = append(batch.Records, remove(guid.GUID{}, *old))
			batch.Ciphers = append(batch.Ciphers, store.Cipher{ID: KeyCipher(old.KeyID)})
			batch.Events = append(batch.Events, Event{Action: "Retire signing key", Target: old.KeyID})
		}
	}
	for _, key := range ring {
		if _, known := v.keys.get(key.KeyID); !known {
			batch.Events = append(batch.Events, Event{Action: "Add signing key", Target: key.KeyID})
		}
	}
	return batch
}

// KeyCipher is the id under which the private side of a signing key is kept.
func KeyCipher(keyID string) string { return "signing-key/" + keyID }
