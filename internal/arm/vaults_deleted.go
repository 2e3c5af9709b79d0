package arm

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// A deleted vault waits for its end, and can be recovered by a PUT with a createMode, or purged (Microsoft.KeyVault,
// deletedVaults).

// Properties of a vault that decide what becomes of what is deleted.
const (
	createMode      = "createMode"
	purgeProtection = "enablePurgeProtection"
	softDelete      = "enableSoftDelete"
	retentionDays   = "softDeleteRetentionInDays"
)

// Wire codes that have no code of Inborn's own.
const (
	deletedVaultNotFound    shade = "DeletedVaultNotFound"
	softDeletedVaultMissing shade = "SoftDeletedVaultDoesNotExist"
	methodNotAllowed        shade = "MethodNotAllowed"
)

// recoverVault brings the deleted vault back that a PUT names, as it was: what else the body says is not looked at. Of a
// vault that is there the same mode keeps the access policies; deployments that run again use it for that.
func (w *written) recoverVault(mode string) (done bool, err error) {
	switch {
	case mode == "" || strings.EqualFold(mode, "default"):
		return false, nil
	case !strings.EqualFold(mode, "recover"):
		return false, apierr.New(apierr.PropertyInvalid, "The createMode '%s' is neither default nor recover.", mode).At("properties.createMode")
	case w.old != nil:
		was, err := decodeProperties(w.old.Properties)
		delete(w.props, "accessPolicies")
		fill(w.props, "accessPolicies", was["accessPolicies"])
		return false, err
	}
	gone, ok := w.d.Directory().DeletedVault(w.spec.ID)
	if !ok || gone.IsOver(w.d.Now()) {
		return false, apierr.New(apierr.PropertyInvalid, "A soft deleted vault with the given name does not exist. Ensure that the name for the vault that is"+
			" being attempted to recover is in a recoverable state, and that the resource group is the one it was in.").
			At(w.spec.ID.Name()).WithHelp("inborn vault list --deleted").Because(softDeletedVaultMissing)
	}
	if err := checkLocation(w.spec.ID, gone.Resource.Location, w.spec.Location); err != nil {
		return false, err
	}
	r, err := w.d.RecoverVault(w.spec.ID)
	if err != nil {
		return false, err
	}
	w.old, *w.spec = &r, state.SpecOf(&r)
	if w.props, err = decodeProperties(r.Properties); err != nil {
		return true, err
	}
	w.members, err = decodeProperties(r.Members)
	return true, err
}

// checkProtection keeps what was said once about the deletion of a vault: that cannot be taken back, so whoever takes a
// vault over by its properties cannot end what is in it any sooner.
func (w *written) checkProtection() error {
	for _, name := range []string{purgeProtection, softDelete} {
		switch value := w.props[name]; value {
		case nil:
			delete(w.props, name)
		case true:
		case false:
			return apierr.New(apierr.PropertyInvalid, "The property \"%s\" cannot be set to false. Enabling it for a vault is an irreversible action: leave it out.", name).
				At("properties." + name)
		default:
			return apierr.New(apierr.PropertyInvalid, "The property \"%s\" must be true or absent.", name).At("properties." + name)
		}
	}
	if w.props[retentionDays] == nil {
		delete(w.props, retentionDays)
	}
	var have []byte
	if w.old != nil {
		have = w.old.Properties
	}
	was, err := vault.ReadSettings(have)
	if err != nil {
		return err
	}
	fill(w.props, retentionDays, was.Retention)
	if was.PurgeProtection {
		w.props[purgeProtection] = true
	}
	text, err := json.Marshal(w.props)
	if err != nil {
		return err
	}
	wanted, err := vault.ReadSettings(text)
	if err == nil && w.old != nil && wanted.Retention != was.Retention {
		err = apierr.New(apierr.PropertyInvalid, "The property \"%s\" has been set already and it can't be modified: it is %d.", retentionDays, was.Retention).
			At("properties." + retentionDays)
	}
	return err
}

// listDeletedVaults lists the deleted vaults of a subscription.
func (c *call) listDeletedVaults() error {
	if err := c.checkSubscription(); err != nil {
		return err
	}
	return c.page(func(yield func(string, any) bool) {
		for gone := range c.dir.DeletedVaults() {
			if c.isHere(gone) && !yield(string(gone.Resource.ID.Key()), deletedVaultOut(gone)) {
				return
			}
		}
	})
}

// isHere reports whether a deleted vault is one of the subscription in the path and still waits for its end.
func (c *call) isHere(gone *state.DeletedVault) bool {
	return !gone.IsOver(c.Now()) && strings.EqualFold(gone.Resource.ID.Subscription(), c.id.Subscription())
}

// findDeletedVault returns the deleted vault that the path names by its location and name.
func (c *call) findDeletedVault(dir *state.Directory) (*state.DeletedVault, error) {
	if err := c.checkSubscription(); err != nil {
		return nil, err
	}
	name, location := serve.Param(c.r, "vault"), serve.Param(c.r, "location")
	for gone := range dir.DeletedVaults() {
		if c.isHere(gone) && strings.EqualFold(gone.Resource.ID.Name(), name) && checkLocation(gone.Resource.ID, gone.Resource.Location, location) == nil {
			return gone, nil
		}
	}
	return nil, apierr.New(apierr.ObjectNotFound, "The vault '%s' in location '%s' is not among the deleted ones.", name, location).
		At(name).WithHelp("inborn vault list --deleted").Because(deletedVaultNotFound)
}

func (c *call) getDeletedVault() error {
	gone, err := c.findDeletedVault(c.dir)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, deletedVaultOut(gone))
}

// purgeDeletedVault ends a deleted vault before its time, with all that is in it.
func (c *call) purgeDeletedVault() error {
	err := c.update(func(d *state.Draft) error {
		gone, err := c.findDeletedVault(d.Directory())
		if err != nil {
			return err
		}
		settings, err := vault.ReadSettings(gone.Resource.Properties)
		if err != nil {
			return err
		}
		if settings.PurgeProtection {
			return apierr.New(apierr.MethodNotAllowed, "Operation 'DeletedVaultPurge' is not allowed. Purge protection is on: the vault '%s' ends by itself on %s.",
				gone.Resource.ID.Name(), gone.Purge.UTC().Format(time.RFC3339)).At(gone.Resource.ID.Name()).Because(methodNotAllowed)
		}
		return d.PurgeVault(gone.Resource.ID)
	})
	if err != nil {
		return err
	}
	return c.accepted()
}

// nameWaits reports whether a deleted vault of any tenant still has that name.
func (c *call) nameWaits(name string) bool {
	_, ok := c.Live.View().DeletedVaultNamed(name, c.Now())
	return ok
}
