package keyvault

import (
	"encoding/base64"
	"net/http"
	"slices"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// form is what one kind of objects has of its own: the permissions of the operations that all kinds have, and how an object
// looks on its own and in a list.
type form struct {
	kind                                                      vault.Kind
	list, delete, getDeleted, recover, purge, backup, restore vault.Permission

	bundle func(c *call, o *vault.Object, v *vault.Version) any
	item   func(c *call, o *vault.Object, v *vault.Version, id string) any
}

func (c *call) form() form { return kinds()[c.kind] }

// listObjects shows the newest version of every object, without what is secret.
func (c *call) listObjects() error { return c.listAll(false) }

// listDeleted shows the deleted objects.
func (c *call) listDeleted() error { return c.listAll(true) }

func (c *call) listAll(deleted bool) error {
	after, err := c.after()
	if err != nil {
		return err
	}
	f, now := c.form(), c.Now()
	return c.page(func(yield func(string, any) bool) {
		for o := range c.dir.VaultObjects(c.vault.ID, c.kind, deleted, after) {
			v, ok := c.dir.VaultVersion(o, "")
			if !ok || o.IsOver(now) || v.IsPending() && !c.isTrue("includePending") {
				continue
			}
			if !yield(vault.NameKey(o.Name), f.item(c, o, v, c.id(o.Kind, o.Name, ""))) {
				return
			}
		}
	})
}

// listVersions shows all versions of one object.
func (c *call) listVersions() error {
	after, err := c.after()
	if err != nil {
		return err
	}
	o, ok := c.dir.VaultObject(c.vault.ID, c.kind, c.name)
	if !ok || o.IsDeleted() {
		return c.page(func(func(string, any) bool) {}) // wire fact: the service answers with an empty list
	}
	f := c.form()
	return c.page(func(yield func(string, any) bool) {
		for v := range c.dir.VaultVersions(o, after) {
			if v.IsPending() {
				continue
			}
			if !yield(v.ID, f.item(c, o, v, c.id(v.Kind, v.Name, v.ID))) {
				return
			}
		}
	})
}

// deleteObject deletes an object with all its versions, for as long as the vault keeps what is deleted.
func (c *call) deleteObject() error {
	return c.changeObject(func(d *state.Draft) (vault.Object, error) {
		return d.DeleteVaultObject(c.vault.ID, c.kind, c.name, &c.set)
	})
}

// recoverObject undoes deleteObject.
func (c *call) recoverObject() error {
	return c.changeObject(func(d *state.Draft) (vault.Object, error) {
		return d.RecoverVaultObject(c.vault.ID, c.kind, c.name)
	})
}

func (c *call) changeObject(change func(d *state.Draft) (vault.Object, error)) error {
	var o vault.Object
	var v *vault.Version
	err := c.update(func(d *state.Draft) (err error) {
		if o, err = change(d); err == nil {
			v, _ = d.Directory().VaultVersion(&o, "")
		}
		return err
	})
	if err != nil {
		return c.kindOf(err)
	}
	return c.json(http.StatusOK, c.form().bundle(c, &o, v))
}

// kindOf gives a refusal of package state the kind that the error of this API begins with.
func (c *call) kindOf(err error) error {
	if e := apierr.From(err); e.Code == apierr.VaultObjectNotFound || e.Code == apierr.VaultObjectManaged {
		return apierr.New(e.Code, "%s", e.Message).At(e.Target).Because(kindError(c.kind))
	}
	return err
}

// getDeleted shows a deleted object.
func (c *call) getDeleted() error {
	o, v, err := c.findDeleted()
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.form().bundle(c, o, v))
}

// purgeObject ends a deleted object before its time.
func (c *call) purgeObject() error {
	if err := c.update(func(d *state.Draft) error {
		if err := c.set.CheckPurge(); err != nil {
			return err
		}
		return d.PurgeVaultObject(c.vault.ID, c.kind, c.name)
	}); err != nil {
		return c.kindOf(err)
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// A backup is a vault.Backup, encrypted under the master key and bound to the tenant and the subscription: it can be
// restored into any vault there (wire fact: same subscription), and nobody reads or changes it on the way.
func (c *call) backupContext() []string {
	return []string{"backup", c.dir.Tenant().ID.String(), c.vault.ID.Subscription(), string(c.kind)}
}

// backupObject hands out an object with all its versions, and what belongs to it, as a text that only this Inborn can read.
func (c *call) backupObject() error {
	o, _, err := c.find()
	if err != nil {
		return err
	}
	if o.Managed {
		return apierr.New(apierr.VaultObjectManaged, "The %s %s belongs to the certificate of that name: back that up.", c.kind.One(), o.Name).At(o.Name).Because(kindError(c.kind))
	}
	var b vault.Backup
	for _, part := range c.dir.VaultParts(o) {
		kept, err := c.backupPart(part)
		if err != nil {
			return err
		}
		b.Parts = append(b.Parts, kept)
	}
	text, err := b.Encode()
	if err != nil {
		return err
	}
	sealed, err := c.Seal(c.backupContext(), text)
	if err != nil {
		return err
	}
	value := base64.RawURLEncoding.EncodeToString(sealed)
	return c.json(http.StatusOK, valueWire{Value: &value})
}

func (c *call) backupPart(o *vault.Object) (vault.BackupPart, error) {
	part := vault.BackupPart{Object: *o}
	for v := range c.dir.VaultVersions(o, "") {
		if v.IsPending() {
			continue // the operation is no part of a backup
		}
		kept := vault.BackupVersion{Version: *v}
		if v.Kind != vault.Certificates { // whose private half is that of the key
			var err error
			if kept.Half, err = c.openHalf(c.r.Context(), c.dir, v); err != nil {
				return part, err
			}
		}
		part.Versions = append(part.Versions, kept)
	}
	if len(part.Versions) == 0 { // a certificate that is not there yet
		return part, notFound(o.Kind, o.Name, "")
	}
	slices.SortFunc(part.Versions, func(a, b vault.BackupVersion) int { return a.Version.Created.Compare(b.Version.Created) })
	return part, nil
}

// restoreObject puts a backup into the vault, under the name it had.
func (c *call) restoreObject() error {
	var in valueWire
	if err := serve.ReadJSON(c.r, maxBackup, &in); err != nil {
		return err
	}
	if in.Value == nil {
		return missing("value")
	}
	b, err := c.openBackup(*in.Value)
	if err != nil {
		return err
	}
	versions := make([][]state.SealedVersion, len(b.Parts))
	for i := range b.Parts {
		if versions[i], err = c.sealPart(&b.Parts[i]); err != nil {
			return err
		}
	}
	o := b.Parts[0].Object
	c.name = o.Name // for the access log
	var current *vault.Version
	err = c.change(o.Name, func(d *state.Draft) error {
		for i, part := range b.Parts {
			if err := d.RestoreVaultObject(part.Object, versions[i]); err != nil {
				return err
			}
		}
		current, _ = d.Directory().VaultVersion(&o, "")
		return nil
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.form().bundle(c, &o, current))
}

// sealPart makes a part of a backup one of this vault.
func (c *call) sealPart(part *vault.BackupPart) (sealed []state.SealedVersion, err error) {
	part.Object.Vault = c.vault.ID
	for _, kept := range part.Versions {
		v := state.SealedVersion{Version: kept.Version}
		v.Vault = c.vault.ID
		if len(kept.Half) > 0 {
			if v.Half, err = c.sealHalf(c.dir, &v.Version, kept.Half); err != nil {
				return nil, err
			}
		}
		sealed = append(sealed, v)
	}
	return sealed, nil
}

func (c *call) openBackup(text string) (*vault.Backup, error) {
	bad := func(err error) error {
		return apierr.New(apierr.PropertyInvalid, "The backup cannot be restored: it was changed, is not of a %s, or was made in another subscription or Inborn.",
			c.kind.One()).At("value").Because(err)
	}
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, bad(err)
	}
	plain, err := c.Open(c.backupContext(), sealed)
	if err != nil {
		return nil, bad(err)
	}
	b, err := vault.DecodeBackup(plain)
	if err != nil || len(b.Parts) == 0 || b.Parts[0].Object.Kind != c.kind {
		return nil, bad(err)
	}
	return b, nil
}

// clip bounds what a path says before it was looked at: no name is longer.
func clip(text string) string {
	const most = 128
	if len(text) > most {
		return text[:most]
	}
	return text
}

// tell writes the access log.
func (c *call) tell(err error) {
	if c.Accessed == nil {
		return
	}
	object := ""
	if c.name != "" {
		object = string(c.kind) + "/" + clip(c.name)
		if c.version != "" {
			object += "/" + clip(c.version)
		}
	}
	entry := vault.Access{Tenant: c.dir.Tenant().ID, Vault: c.vault.ID, At: c.Now(), Request: serve.RequestID(c.r), Principal: c.who.id, Caller: c.who.name,
		Operation: c.needs.String(), Object: object, Status: http.StatusOK, Reason: c.reason}
	if err != nil {
		e := apierr.From(err)
		if entry.Status, entry.Reason = spellingOf(e).status, e.Code.String(); e.Code == apierr.PermissionMissing {
			entry.Reason += ": " + c.reason
		}
	}
	c.Accessed(entry)
}
