package state

import (
	"math"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
)

// IsOver reports whether a deleted vault has ended by itself at now, although the sweep may not have come by yet.
func (v *DeletedVault) IsOver(now time.Time) bool { return !now.Before(v.Purge) }

// DeletedVaultNamed returns the deleted vault of that name, in any case, that has not ended at now. Its name is taken in
// all of Inborn. Deleted vaults are few, so that they are looked through.
func (v *View) DeletedVaultNamed(name string, now time.Time) (*DeletedVault, bool) {
	for _, dir := range v.Directories() {
		for gone := range dir.DeletedVaults() {
			if strings.EqualFold(gone.Resource.ID.Name(), name) && !gone.IsOver(now) {
				return gone, true
			}
		}
	}
	return nil, false
}

// checkVaultName refuses a new vault of which there is one with its name, deleted or not: the name is that of a host, and
// what the deleted one holds would be the new one's. One that is over makes room.
func (d *Draft) checkVaultName(id resource.ID) error {
	name := id.Name()
	for _, dir := range d.view.Directories() {
		if _, taken := dir.Vault(name); taken {
			return apierr.New(apierr.VaultNameTaken, "The vault name '%s' is already in use. Names of vaults are unique in all subscriptions.", name).At(name)
		}
	}
	if gone, ok := d.view.DeletedVaultNamed(name, d.env.Now); ok {
		if strings.EqualFold(gone.Resource.ID.Subscription(), id.Subscription()) {
			return apierr.New(apierr.VaultDeleted, "A vault with the same name already exists in deleted state. You need to either recover or purge existing key vault."+
				" It ends by itself on %s.", gone.Purge.UTC().Format(time.RFC3339)).At(name).WithHelp("inborn vault recover %s", name)
		}
		return apierr.New(apierr.VaultNameTaken, "The vault name '%s' is already in use: a vault of another subscription was deleted and waits to be"+
			" recovered or purged. Choose another name.", name).At(name)
	}
	if over, ok := d.Directory().DeletedVault(id); ok { // what is left of it must not be the new one's
		d.eraseVault(over, math.MaxInt)
	}
	return nil
}
