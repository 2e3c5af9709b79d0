package state

import (
	"slices"

	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/store"
)

// Sealed is a document of a resource that is kept encrypted: the application settings of a site, the keys of a storage
// account. Its text is in the store and read by key; the View knows the name only.
type Sealed struct {
	Name       string
	Ciphertext []byte // none erases the document
}

// SealedCipher is the id under which a document of a resource is kept. No id of a resource has a # in it.
func SealedCipher(id resource.ID, name string) string {
	return "resource" + string(id.Key()) + "#" + name
}

// PutSealed replaces documents of a resource.
func (d *Draft) PutSealed(id resource.ID, documents ...Sealed) error {
	old, ok := d.Directory().Resource(id)
	if !ok {
		return resourceNotFound(id)
	}
	r, before := *old, len(d.batch.Ciphers)
	r.Changed, r.Sealed = d.env.Now, slices.Clone(old.Sealed)
	for _, document := range documents {
		at, found := slices.BinarySearch(r.Sealed, document.Name)
		switch erase := len(document.Ciphertext) == 0; {
		case erase && !found:
			continue
		case erase:
			r.Sealed = slices.Delete(r.Sealed, at, at+1)
			d.audit("Delete resource settings", string(r.ID), "%s", document.Name)
		default:
			if !found {
				r.Sealed = slices.Insert(r.Sealed, at, document.Name)
			}
			d.audit("Put resource settings", string(r.ID), "%s", document.Name)
		}
		d.batch.Ciphers = append(d.batch.Ciphers, store.Cipher{Tenant: d.tenant, ID: SealedCipher(r.ID, document.Name), Ciphertext: document.Ciphertext})
	}
	if len(d.batch.Ciphers) > before {
		d.write(put(d.tenant, r))
	}
	return nil
}

// eraseSealed erases the documents of a resource that is going away.
func (d *Draft) eraseSealed(r *resource.Resource) {
	for _, name := range r.Sealed {
		d.batch.Ciphers = append(d.batch.Ciphers, store.Cipher{Tenant: d.tenant, ID: SealedCipher(r.ID, name)})
	}
}
