// Package state holds the newest state of all tenants in memory and is the only way to change it.
//
// A View is the state at one place in the log: immutable, shared by every reader, and complete, so that an
// authorisation decision or a token is a pure function of it. Live follows the log and publishes the next View. A change
// is a decision on a View that yields a Batch of records; it takes effect only if nothing moved meanwhile. Inside a
// decision, a Draft offers the changes by name (PutIdentity, Grant, ...) and shows the View as it would be after each.
package state

import (
	"time"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/store"
)

// View is the state of all tenants at one place in the log.
type View struct {
	at      store.Position
	catalog *directory.Catalog
	roles   *rbac.Catalog
	tenants table[guid.GUID, *Directory]
	keys    table[string, *SigningKey]

	authorities table[string, *CertificateAuthority]
}

// SigningKey is the public side of a key that signs tokens; the private side is encrypted in the store's cipher table
// under the key id.
type SigningKey struct {
	KeyID       string
	Certificate []byte // DER
	Created     time.Time
	ActiveFrom  time.Time // signs from here on
	RetireAt    time.Time // is published until here
}

func newView(catalog *directory.Catalog, roles *rbac.Catalog) *View {
	return &View{
		catalog: catalog,
		roles:   roles,
		tenants: newTable[guid.GUID, *Directory](compareGUID),
		keys:    newTable[string, *SigningKey](compareString),

		authorities: newTable[string, *CertificateAuthority](compareString),
	}
}

// At returns the place in the log that the View shows.
func (v *View) At() store.Position { return v.at }

// Directory returns the directory of one tenant.
func (v *View) Directory(tenant guid.GUID) (*Directory, bool) {
	d, ok := v.tenants.get(tenant)
	return d, ok && d.tenant != nil
}

// Directories returns all tenants' directories in the order of their ids.
func (v *View) Directories() []*Directory {
	all := make([]*Directory, 0, v.tenants.len())
	for _, d := range v.tenants.from(guid.GUID{}) {
		if d.tenant != nil {
			all = append(all, d)
		}
	}
	return all
}

// SigningKeys returns the keys that sign tokens, in the order of their key ids.
func (v *View) SigningKeys() []*SigningKey {
	all := make([]*SigningKey, 0, v.keys.len())
	for _, key := range v.keys.from("") {
		all = append(all, key)
	}
	return all
}
