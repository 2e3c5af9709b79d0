package state

import (
	"iter"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/vault"
)

// DeletedVault is a vault that was deleted. Its name stays taken and its objects stay as they are, for nobody, until it
// is recovered or ends.
type DeletedVault struct {
	Resource resource.Resource
	Deleted  time.Time
	Purge    time.Time // when it ends for good
}

// vaults are the objects of all vaults of a tenant.
type vaults struct {
	objects  table[string, *vault.Object]  // by objectKey
	lists    table[string, *vault.Object]  // by vault, whether it is deleted, kind and name
	due      table[string, *vault.Object]  // by when something happens to it by itself
	versions table[string, *vault.Version] // by versionKey
	issuers  table[string, *vault.Issuer]  // by issuerKey
	contacts table[string, *vault.Contacts]
	deleted  table[string, *DeletedVault] // by the vault's key
}

func newVaults() vaults {
	return vaults{
		objects:  newTable[string, *vault.Object](compareString),
		lists:    newTable[string, *vault.Object](compareString),
		due:      newTable[string, *vault.Object](compareString),
		versions: newTable[string, *vault.Version](compareString),
		issuers:  newTable[string, *vault.Issuer](compareString),
		contacts: newTable[string, *vault.Contacts](compareString),
		deleted:  newTable[string, *DeletedVault](compareString),
	}
}

func (v vaults) clone() vaults {
	return vaults{v.objects.clone(), v.lists.clone(), v.due.clone(), v.versions.clone(), v.issuers.clone(), v.contacts.clone(), v.deleted.clone()}
}

// The ids of records. No id of a resource has a # in it.

func objectKey(id resource.ID, kind vault.Kind, name string) string {
	return string(id.Key()) + "#" + string(kind) + "/" + vault.NameKey(name)
}

func versionKey(id resource.ID, kind vault.Kind, name, version string) string {
	return objectKey(id, kind, name) + "/" + version
}

func issuerKey(id resource.ID, name string) string {
	return string(id.Key()) + "#" + vault.NameKey(name)
}

// VaultCipher is the id under which the secret half of a version is kept, or of an issuer of certificates.
func VaultCipher(id resource.ID, kind vault.Kind, name, version string) string {
	return "vault" + versionKey(id, kind, name, version)
}

// IssuerCipher is the id under which the password of an account with an issuer of certificates is kept.
func IssuerCipher(id resource.ID, name string) string { return "issuer" + issuerKey(id, name) }

func listPrefix(id resource.ID, kind vault.Kind, deleted bool) string {
	if deleted {
		kind = "deleted" + kind
	}
	return string(id.Key()) + "#" + string(kind) + "/"
}

// dueKey is the place of an object in the order of when something happens to it by itself; "" for never.
func dueKey(o *vault.Object) string {
	at := o.Due
	if o.IsDeleted() {
		at = o.Purge
	}
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02T15:04:05.000000") + objectKey(o.Vault, o.Kind, o.Name)
}

func (v *vaults) apply(r store.Record) error {
	switch r.Kind {
	case kindVaultObject:
		return applyObject(r, &v.objects, textKey, func(o *vault.Object, on bool) {
			put1(&v.lists, listPrefix(o.Vault, o.Kind, o.IsDeleted())+vault.NameKey(o.Name), o, on)
			if key := dueKey(o); key != "" {
				put1(&v.due, key, o, on)
			}
		})
	case kindVaultVersion:
		return applyObject(r, &v.versions, textKey, nil)
	case kindVaultIssuer:
		return applyObject(r, &v.issuers, textKey, nil)
	case kindVaultContacts:
		return applyObject(r, &v.contacts, textKey, nil)
	default:
		return applyObject(r, &v.deleted, textKey, nil)
	}
}

// Vault returns the vault with that name. Names of vaults are unique in all of Inborn.
func (d *Directory) Vault(name string) (*resource.Resource, bool) {
	for r := range named(d.resourcesNamed, name) {
		if strings.EqualFold(r.ID.Type(), resource.TypeVault) {
			return r, true
		}
	}
	return nil, false
}

// DeletedVault returns the deleted vault with that id.
func (d *Directory) DeletedVault(id resource.ID) (*DeletedVault, bool) {
	return d.vaults.deleted.get(string(id.Key()))
}

// DeletedVaults walks the deleted vaults in the order of their ids.
func (d *Directory) DeletedVaults() iter.Seq[*DeletedVault] {
	return func(yield func(*DeletedVault) bool) {
		for _, v := range d.vaults.deleted.from("") {
			if !yield(v) {
				return
			}
		}
	}
}

// VaultObject returns a secret, key or certificate of a vault, deleted or not.
func (d *Directory) VaultObject(id resource.ID, kind vault.Kind, name string) (*vault.Object, bool) {
	return d.vaults.objects.get(objectKey(id, kind, name))
}

// VaultObjects walks the objects of a vault that are deleted or are not, whose name is after that one, in the order of
// their names without case.
func (d *Directory) VaultObjects(id resource.ID, kind vault.Kind, deleted bool, after string) iter.Seq[*vault.Object] {
	prefix := listPrefix(id, kind, deleted)
	return below(d.vaults.lists, prefix, prefix+vault.NameKey(after))
}

// VaultVersion returns one version of an object; "" is the newest.
func (d *Directory) VaultVersion(o *vault.Object, version string) (*vault.Version, bool) {
	if version == "" {
		version = o.Current
	}
	return d.vaults.versions.get(versionKey(o.Vault, o.Kind, o.Name, version))
}

// VaultVersions walks the versions of an object whose id is after that one, in the order of their ids.
func (d *Directory) VaultVersions(o *vault.Object, after string) iter.Seq[*vault.Version] {
	prefix := versionKey(o.Vault, o.Kind, o.Name, "")
	return below(d.vaults.versions, prefix, prefix+after)
}

// VaultIssuer returns an issuer of certificates that a vault knows.
func (d *Directory) VaultIssuer(id resource.ID, name string) (*vault.Issuer, bool) {
	return d.vaults.issuers.get(issuerKey(id, name))
}

// VaultIssuers walks the issuers of a vault whose name is after that one.
func (d *Directory) VaultIssuers(id resource.ID, after string) iter.Seq[*vault.Issuer] {
	prefix := issuerKey(id, "")
	return below(d.vaults.issuers, prefix, prefix+vault.NameKey(after))
}

// VaultContacts returns whom the certificates of a vault concern.
func (d *Directory) VaultContacts(id resource.ID) (*vault.Contacts, bool) {
	return d.vaults.contacts.get(string(id.Key()))
}

// VaultsDue walks the objects to which something is to happen by itself at now: deleted ones end, keys and certificates
// get a new version.
func (d *Directory) VaultsDue(now time.Time) iter.Seq[*vault.Object] {
	return func(yield func(*vault.Object) bool) {
		for _, o := range d.vaults.due.from("") {
			at := o.Due
			if o.IsDeleted() {
				at = o.Purge
			}
			if at.After(now) || !yield(o) {
				return
			}
		}
	}
}

// below walks the values whose key begins with prefix and is greater than after.
func below[V any](t table[string, V], prefix, after string) iter.Seq[V] {
	return func(yield func(V) bool) {
		for key, value := range t.from(after) {
			if key == after {
				continue
			}
			if !strings.HasPrefix(key, prefix) || !yield(value) {
				return
			}
		}
	}
}
