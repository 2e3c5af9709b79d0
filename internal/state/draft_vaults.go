package state

import (
	"iter"
	"slices"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/vault"
)

// VaultObject returns an object that is not deleted.
func (d *Draft) VaultObject(id resource.ID, kind vault.Kind, name string) (*vault.Object, error) {
	o, ok := d.Directory().VaultObject(id, kind, name)
	if !ok || o.IsDeleted() {
		return nil, vaultObjectNotFound(kind, name)
	}
	return o, nil
}

// DeletedVaultObject returns an object that is deleted.
func (d *Draft) DeletedVaultObject(id resource.ID, kind vault.Kind, name string) (*vault.Object, error) {
	o, ok := d.Directory().VaultObject(id, kind, name)
	if !ok || !o.IsDeleted() || o.IsOver(d.env.Now) {
		return nil, vaultObjectNotFound("deleted "+kind, name)
	}
	return o, nil
}

func vaultObjectNotFound(kind vault.Kind, name string) error {
	return apierr.New(apierr.VaultObjectNotFound, "A %s with (name/id) %s was not found in this key vault. If you recently deleted this %[1]s you may be able to"+
		" recover it using the correct recovery command.", kind.One(), name).At(name)
}

// PutVaultVersion adds a version, the newest from now on, to an object of a vault, and the object if there is none of
// that name. half is the ciphertext of the version's secret half. adjust, if not nil, may change the object further.
func (d *Draft) PutVaultVersion(v vault.Version, half []byte, adjust func(*vault.Object)) (vault.Object, error) {
	if err := d.checkVault(v.Vault); err != nil {
		return vault.Object{}, err
	}
	o := vault.Object{Vault: v.Vault, Kind: v.Kind, Name: v.Name, Created: d.env.Now, Managed: v.Managed}
	old, exists := d.Directory().VaultObject(v.Vault, v.Kind, v.Name)
	switch {
	case exists && old.IsOver(d.env.Now):
		d.eraseVaultObject(old)
	case exists && old.IsDeleted():
		return o, vaultObjectDeleted(old)
	case exists && old.Managed != v.Managed:
		return o, vaultObjectManaged(old)
	case exists:
		o = *old
	}
	v.Name, o.Current = o.Name, v.ID
	if adjust != nil {
		adjust(&o)
	}
	d.write(put(d.tenant, o), put(d.tenant, v))
	if len(half) > 0 {
		d.batch.Ciphers = append(d.batch.Ciphers, store.Cipher{Tenant: d.tenant, ID: VaultCipher(v.Vault, v.Kind, v.Name, v.ID), Ciphertext: half})
	}
	d.audit("Put "+v.Kind.One()+" version", string(vault.Scope(v.Vault, v.Kind, v.Name)), "%s", v.ID)
	return o, nil
}

func vaultObjectDeleted(o *vault.Object) error {
	one := o.Kind.One()
	return apierr.New(apierr.VaultObjectDeleted, "The %s %s is currently in a deleted but recoverable state, and its name cannot be reused; in this state,"+
		" the %[1]s can only be recovered or purged.", one, o.Name).At(o.Name).
		WithHelp("inborn vault %s recover %s --vault %s", one, o.Name, o.Vault.Name())
}

func vaultObjectManaged(o *vault.Object) error {
	if o.Managed {
		return apierr.New(apierr.VaultObjectManaged, "The %s %s belongs to the certificate of that name and changes with it only.", o.Kind.One(), o.Name).At(o.Name)
	}
	return apierr.New(apierr.VaultObjectExists, "There is a %s %s already, which does not belong to a certificate.", o.Kind.One(), o.Name).At(o.Name)
}

func (d *Draft) checkVault(id resource.ID) error {
	if _, ok := d.Directory().Resource(id); !ok {
		return resourceNotFound(id)
	}
	return nil
}

// UpdateVaultVersion changes what a version says of itself; "" is the newest version. Its half stays as it is.
func (d *Draft) UpdateVaultVersion(id resource.ID, kind vault.Kind, name, version string, change func(*vault.Version) error) (vault.Version, error) {
	o, err := d.VaultObject(id, kind, name)
	if err != nil {
		return vault.Version{}, err
	}
	old, ok := d.Directory().VaultVersion(o, version)
	if !ok {
		return vault.Version{}, vaultObjectNotFound(kind, name+"/"+version)
	}
	v := *old
	if err := change(&v); err != nil {
		return v, err
	}
	v.Updated = d.env.Now
	d.write(put(d.tenant, v))
	d.audit("Update "+kind.One(), string(vault.Scope(id, kind, o.Name)), "%s", v.ID)
	return v, nil
}

// UpdateVaultObject changes what an object says for all its versions. what is changed stands in the audit log.
func (d *Draft) UpdateVaultObject(id resource.ID, kind vault.Kind, name, what string, change func(*vault.Object) error) (vault.Object, error) {
	old, err := d.VaultObject(id, kind, name)
	if err != nil {
		return vault.Object{}, err
	}
	o := *old
	if err := change(&o); err != nil {
		return o, err
	}
	d.write(put(d.tenant, o))
	d.audit("Update "+kind.One(), string(vault.Scope(id, kind, o.Name)), "%s", what)
	return o, nil
}

// DeleteVaultObject deletes an object for as long as settings keep what is deleted.
func (d *Draft) DeleteVaultObject(id resource.ID, kind vault.Kind, name string, settings *vault.Settings) (vault.Object, error) {
	old, err := d.VaultObject(id, kind, name)
	if err != nil {
		return vault.Object{}, err
	}
	if old.Managed {
		return vault.Object{}, vaultObjectManaged(old)
	}
	return d.changeWhole(old, "Delete", func(o *vault.Object) {
		o.Deleted, o.Purge = d.env.Now, settings.PurgeAt(d.env.Now)
	}), nil
}

// changeWhole changes an object and, of a certificate, the key and the secret that belong to it.
func (d *Draft) changeWhole(whole *vault.Object, action string, change func(*vault.Object)) vault.Object {
	o := *whole
	for _, part := range d.Directory().VaultParts(whole) {
		changed := *part
		change(&changed)
		d.write(put(d.tenant, changed))
		if part.Kind == whole.Kind {
			o = changed
		}
	}
	d.audit(action+" "+o.Kind.One(), string(vault.Scope(o.Vault, o.Kind, o.Name)), "")
	return o
}

// VaultParts returns an object and, of a certificate, the key and the secret that belong to it.
func (d *Directory) VaultParts(o *vault.Object) []*vault.Object {
	all := []*vault.Object{o}
	if o.Kind != vault.Certificates {
		return all
	}
	for _, kind := range []vault.Kind{vault.Keys, vault.Secrets} {
		if part, ok := d.VaultObject(o.Vault, kind, o.Name); ok && part.Managed {
			all = append(all, part)
		}
	}
	return all
}

// RecoverVaultObject undoes DeleteVaultObject.
func (d *Draft) RecoverVaultObject(id resource.ID, kind vault.Kind, name string) (vault.Object, error) {
	old, err := d.DeletedVaultObject(id, kind, name)
	if err != nil {
		return vault.Object{}, err
	}
	if old.Managed {
		return vault.Object{}, vaultObjectManaged(old)
	}
	return d.changeWhole(old, "Recover", func(o *vault.Object) { o.Deleted, o.Purge = time.Time{}, time.Time{} }), nil
}

// PurgeVaultObject ends a deleted object for good, with all its versions, their halves, and the roles on it.
func (d *Draft) PurgeVaultObject(id resource.ID, kind vault.Kind, name string) error {
	o, err := d.DeletedVaultObject(id, kind, name)
	if err != nil {
		return err
	}
	if o.Managed {
		return vaultObjectManaged(o)
	}
	d.eraseVaultObject(o)
	return nil
}

// eraseVaultObject ends an object and what belongs to it.
func (d *Draft) eraseVaultObject(whole *vault.Object) {
	for _, o := range d.Directory().VaultParts(whole) {
		d.eraseOne(o)
	}
	d.audit("Purge "+whole.Kind.One(), string(vault.Scope(whole.Vault, whole.Kind, whole.Name)), "")
}

func (d *Draft) eraseOne(o *vault.Object) {
	records := []store.Record{remove(d.tenant, *o)}
	for v := range d.Directory().VaultVersions(o, "") {
		records = append(records, remove(d.tenant, *v))
		d.batch.Ciphers = append(d.batch.Ciphers, store.Cipher{Tenant: d.tenant, ID: VaultCipher(v.Vault, v.Kind, v.Name, v.ID)})
	}
	d.write(records...)
	d.dropScope(vault.Scope(o.Vault, o.Kind, o.Name))
}

// SealedVersion is a version and the ciphertext of its half.
type SealedVersion struct {
	vault.Version
	Half []byte
}

// RestoreVaultObject adds an object with all its versions, as a backup has them. There must be none of that name.
func (d *Draft) RestoreVaultObject(o vault.Object, versions []SealedVersion) error {
	if err := d.checkVault(o.Vault); err != nil {
		return err
	}
	if old, exists := d.Directory().VaultObject(o.Vault, o.Kind, o.Name); exists {
		if old.IsDeleted() && !old.IsOver(d.env.Now) {
			return vaultObjectDeleted(old)
		}
		if !old.IsDeleted() {
			return apierr.New(apierr.VaultObjectExists, "The %s %s already exists.", o.Kind.One(), o.Name).At(o.Name)
		}
		d.eraseVaultObject(old)
	}
	records := []store.Record{put(d.tenant, o)}
	for _, v := range versions {
		records = append(records, put(d.tenant, v.Version))
		if len(v.Half) > 0 {
			d.batch.Ciphers = append(d.batch.Ciphers, store.Cipher{Tenant: d.tenant, ID: VaultCipher(v.Vault, v.Kind, v.Name, v.ID), Ciphertext: v.Half})
		}
	}
	d.write(records...)
	d.audit("Restore "+o.Kind.One(), string(vault.Scope(o.Vault, o.Kind, o.Name)), "%d versions", len(versions))
	return nil
}

// PutVaultIssuer makes an issuer of certificates known to a vault; password is the ciphertext of its account's, none
// leaves it as it is.
func (d *Draft) PutVaultIssuer(i vault.Issuer, password []byte) error {
	if err := d.checkVault(i.Vault); err != nil {
		return err
	}
	d.write(put(d.tenant, i))
	if len(password) > 0 {
		d.batch.Ciphers = append(d.batch.Ciphers, store.Cipher{Tenant: d.tenant, ID: IssuerCipher(i.Vault, i.Name), Ciphertext: password})
	}
	d.audit("Put certificate issuer", string(i.Vault), "%s", i.Name)
	return nil
}

// DeleteVaultIssuer forgets an issuer.
func (d *Draft) DeleteVaultIssuer(i vault.Issuer) {
	d.write(remove(d.tenant, i))
	d.batch.Ciphers = append(d.batch.Ciphers, store.Cipher{Tenant: d.tenant, ID: IssuerCipher(i.Vault, i.Name)})
	d.audit("Delete certificate issuer", string(i.Vault), "%s", i.Name)
}

// PutVaultContacts says whom the certificates of a vault concern; nobody removes the record.
func (d *Draft) PutVaultContacts(c vault.Contacts) error {
	if err := d.checkVault(c.Vault); err != nil {
		return err
	}
	if len(c.List) == 0 {
		d.write(remove(d.tenant, c))
	} else {
		d.write(put(d.tenant, c))
	}
	d.audit("Put certificate contacts", string(c.Vault), "%d", len(c.List))
	return nil
}

// keepVault makes a deleted vault of r, which is going away. Its objects stay.
func (d *Draft) keepVault(r *resource.Resource) {
	settings, err := vault.ReadSettings(r.Properties)
	if err != nil {
		settings = vault.Settings{Retention: 90} // they were checked when they were written
	}
	kept := *r
	kept.Identity, kept.Sealed = resource.Identity{}, nil
	d.write(put(d.tenant, DeletedVault{Resource: kept, Deleted: d.env.Now, Purge: settings.PurgeAt(d.env.Now)}))
}

// RecoverVault brings a deleted vault back with its objects. Roles on it are to be assigned again.
func (d *Draft) RecoverVault(id resource.ID) (resource.Resource, error) {
	gone, ok := d.Directory().DeletedVault(id)
	if !ok || gone.IsOver(d.env.Now) {
		return resource.Resource{}, deletedVaultNotFound(id)
	}
	if err := d.checkPlace(id); err != nil {
		return resource.Resource{}, err
	}
	r := gone.Resource
	r.Changed = d.env.Now
	d.write(remove(d.tenant, *gone), put(d.tenant, r))
	d.audit("Recover vault", string(id), "")
	return r, nil
}

// purgeAtOnce is how many objects of vaults one change erases, so that the changes behind it do not wait long.
const purgeAtOnce = 500

// PurgeVault ends a deleted vault for good: from here on nobody recovers it, and its name is free. What was in it is erased
// at once, or, where that is much, by changes that follow (PurgeVaults).
func (d *Draft) PurgeVault(id resource.ID) error {
	gone, ok := d.Directory().DeletedVault(id)
	if !ok {
		return deletedVaultNotFound(id)
	}
	d.audit("Purge vault", string(id), "")
	if d.eraseVault(gone, purgeAtOnce) == 0 {
		over := *gone
		over.Purge = time.Unix(0, 0).UTC() // whatever the clock will say
		d.write(put(d.tenant, over))
	}
	return nil
}

// eraseVault erases a deleted vault with all that is in it, as long as that is less than room objects, else as many of
// them. It returns how much room is left; 0 if there may be more to erase.
func (d *Draft) eraseVault(gone *DeletedVault, room int) int {
	id := gone.Resource.ID
	for _, kind := range vault.Kinds() {
		for _, deleted := range []bool{false, true} {
			for _, o := range first(room, d.Directory().VaultObjects(id, kind, deleted, "")) {
				d.eraseOne(o)
				room--
			}
		}
	}
	if room == 0 {
		return 0
	}
	for _, i := range slices.Collect(d.Directory().VaultIssuers(id, "")) {
		d.DeleteVaultIssuer(*i)
	}
	if c, ok := d.Directory().VaultContacts(id); ok {
		d.write(remove(d.tenant, *c))
	}
	d.write(remove(d.tenant, *gone))
	return room
}

// first collects up to n of all.
func first[T any](n int, all iter.Seq[T]) (some []T) {
	for one := range all {
		if len(some) == n {
			break
		}
		some = append(some, one)
	}
	return some
}

func deletedVaultNotFound(id resource.ID) error {
	return apierr.New(apierr.ObjectNotFound, "The vault '%s' is not among the deleted ones.", id.Name()).At(string(id))
}

// PurgeVaults ends what was deleted in vaults, and the vaults, whose time is over: as much as fits into one change. It reports
// whether there may be more.
func (d *Draft) PurgeVaults() (more bool) {
	room := purgeAtOnce
	for _, gone := range slices.Collect(d.Directory().DeletedVaults()) {
		if gone.IsOver(d.env.Now) {
			if room = d.eraseVault(gone, room); room == 0 {
				return true
			}
		}
	}
	for _, o := range slices.Collect(d.Directory().VaultsDue(d.env.Now)) {
		if !o.IsDeleted() || o.Managed {
			continue
		}
		if room == 0 {
			return true
		}
		d.eraseVaultObject(o)
		room--
	}
	return false
}
