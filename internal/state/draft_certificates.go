package state

import (
	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/vault"
)

// Certificate is a version of a certificate with the versions of the key and the secret that belong to it. All three have
// one name and one id.
type Certificate struct {
	Version     vault.Version
	Key, Secret SealedVersion
}

// PutCertificate adds a version of a certificate, the newest from now on, with its key and its secret, and the three objects
// if there are none of that name. A version that was pending has ended. adjust may change the certificate further.
func (d *Draft) PutCertificate(c Certificate, adjust func(*vault.Object)) (vault.Object, error) {
	if err := d.checkParts(&c.Version); err != nil {
		return vault.Object{}, err
	}
	d.dropPending(&c.Version)
	for _, part := range []SealedVersion{c.Key, c.Secret} {
		part.Managed = true
		part.Created, part.Updated = d.env.Now, d.env.Now
		if _, err := d.PutVaultVersion(part.Version, part.Half, nil); err != nil {
			return vault.Object{}, err
		}
	}
	c.Version.Created, c.Version.Updated = d.env.Now, d.env.Now
	return d.PutVaultVersion(c.Version, nil, adjust)
}

// BeginCertificate adds a version of a certificate that is pending: v has no certificate, and half is the ciphertext of its
// private key. It is the newest only if there is no other.
func (d *Draft) BeginCertificate(v vault.Version, half []byte, adjust func(*vault.Object)) (vault.Object, error) {
	if err := d.checkParts(&v); err != nil {
		return vault.Object{}, err
	}
	d.dropPending(&v)
	newest := v.ID
	if o, ok := d.Directory().VaultObject(v.Vault, v.Kind, v.Name); ok && !o.IsOver(d.env.Now) {
		if current, ok := d.Directory().VaultVersion(o, ""); ok {
			newest = current.ID
		}
	}
	v.Created, v.Updated = d.env.Now, d.env.Now
	return d.PutVaultVersion(v, half, func(o *vault.Object) {
		o.Current = newest
		adjust(o)
	})
}

// checkParts refuses a version of a certificate that is deleted, or whose name a key or a secret has that does not belong to
// it.
func (d *Draft) checkParts(v *vault.Version) error {
	if err := d.checkVault(v.Vault); err != nil {
		return err
	}
	for _, kind := range []vault.Kind{vault.Certificates, vault.Keys, vault.Secrets} {
		o, ok := d.Directory().VaultObject(v.Vault, kind, v.Name)
		switch {
		case !ok || o.IsOver(d.env.Now):
		case o.IsDeleted():
			return vaultObjectDeleted(o)
		case o.Managed != (kind != vault.Certificates):
			return vaultObjectManaged(o)
		}
	}
	return nil
}

// EndPending takes the pending operation from a certificate, with what it had begun. A certificate that has no version but
// the one that was to be made keeps it without its private key (wire fact: it stays, disabled, until it is deleted).
func (d *Draft) EndPending(id resource.ID, name string) (vault.Pending, error) {
	o, err := d.VaultObject(id, vault.Certificates, name)
	if err != nil {
		return vault.Pending{}, err
	}
	if o.Pending == nil {
		return vault.Pending{}, apierr.New(apierr.PendingNotFound, "Pending certificate not found: %s", name).At(name)
	}
	ended := *o.Pending
	if v, ok := d.Directory().VaultVersion(o, ended.Version); ok && v.IsPending() {
		if o.Current != v.ID {
			d.write(remove(d.tenant, *v))
		}
		d.eraseHalf(v)
	}
	_, err = d.UpdateVaultObject(id, vault.Certificates, name, "pending operation ended", func(o *vault.Object) error {
		o.Pending = nil
		return nil
	})
	return ended, err
}

// dropPending removes the version of v's certificate that was to be made, if there is one: v takes its place.
func (d *Draft) dropPending(v *vault.Version) {
	o, ok := d.Directory().VaultObject(v.Vault, vault.Certificates, v.Name)
	if !ok || o.IsDeleted() {
		return
	}
	ids := []string{o.Current}
	if o.Pending != nil && o.Pending.Version != o.Current {
		ids = append(ids, o.Pending.Version)
	}
	for _, id := range ids {
		if old, ok := d.Directory().VaultVersion(o, id); ok && old.IsPending() {
			d.write(remove(d.tenant, *old))
			d.eraseHalf(old)
		}
	}
}

func (d *Draft) eraseHalf(v *vault.Version) {
	d.batch.Ciphers = append(d.batch.Ciphers, store.Cipher{Tenant: d.tenant, ID: VaultCipher(v.Vault, v.Kind, v.Name, v.ID)})
}
