package keyvault

import (
	"context"
	"errors"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// renewAgain is when a renewal that failed is tried again. The version that there is stays meanwhile.
const renewAgain = time.Hour

// renewCertificate does what is due for a certificate: it tells the contacts of the end of its newest version, or makes the
// next one by the policy. One whose issuer is outside begins to wait for it.
func (a API) renewCertificate(ctx context.Context, dir *state.Directory, o *vault.Object) error {
	v, ok := dir.VaultVersion(o, "")
	if !ok || o.Policy == nil {
		return nil
	}
	if at := o.Policy.TellAt(&v.Attributes); !at.IsZero() && !at.After(a.Now()) && o.Told != v.ID {
		return a.tellContacts(ctx, dir, o, v)
	}
	if o.Pending.InProgress() {
		return nil // another version is on its way, by hand; that it ends is a change, which wakes the keeper
	}
	made, err := a.fulfil(ctx, dir, order{vault: o.Vault, name: o.Name, policy: *o.Policy, enabled: !o.Policy.Disabled, tags: v.Tags, former: v, renewal: true})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		err = a.byItself(ctx, dir, func(d *state.Draft) error {
			now, ok := stillDue(d, o)
			if !ok || now.Pending.InProgress() {
				return nil
			}
			_, err := made.store(d)
			return err
		})
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	a.logRenew(err)
	return a.renewalFailed(ctx, dir, o, err)
}

// renewalFailed makes visible why a certificate did not renew, and when it is tried again.
func (a API) renewalFailed(ctx context.Context, dir *state.Directory, o *vault.Object, why error) error {
	message := "The renewal failed for a reason that only the log of the server has."
	if e := apierr.From(why); e != nil && e.Kind != apierr.Internal && e.Kind != apierr.Unavailable {
		message = e.Message
	}
	id, err := a.newVersion()
	if err != nil {
		return err
	}
	err = a.byItself(ctx, dir, func(d *state.Draft) error {
		if now, ok := stillDue(d, o); !ok || now.Pending.InProgress() {
			return nil
		}
		_, err := d.UpdateVaultObject(o.Vault, o.Kind, o.Name, "renewal failed: "+message, func(o *vault.Object) error {
			o.Pending = &vault.Pending{ID: id, Issuer: o.Policy.Issuer.Name, Status: vault.PendingFailed, Message: message, Requested: d.Now()}
			o.Due = d.Now().Add(renewAgain)
			return nil
		})
		return err
	})
	if err != nil {
		return errors.Join(why, err)
	}
	return nil
}

// tellContacts notes in the log that a certificate nears its end, once for each version. No mail is sent here.
func (a API) tellContacts(ctx context.Context, dir *state.Directory, o *vault.Object, v *vault.Version) error {
	told := false
	err := a.byItself(ctx, dir, func(d *state.Draft) error {
		now, ok := stillDue(d, o)
		if told = ok; !ok {
			return nil
		}
		newest, _ := d.Directory().VaultVersion(now, "")
		_, err := d.UpdateVaultObject(o.Vault, o.Kind, o.Name, "contacts told of the end of "+v.ID, func(o *vault.Object) error {
			o.Told = v.ID
			o.Due = certificateDue(o, newest)
			return nil
		})
		return err
	})
	if err != nil || !told || a.Log == nil {
		return err
	}
	var people []string
	if all, ok := dir.VaultContacts(o.Vault); ok {
		for _, one := range all.List {
			people = append(people, one.Email)
		}
	}
	a.Log.Warn("a certificate nears its end", "vault", o.Vault.Name(), "certificate", o.Name, "version", v.ID,
		"expires", v.Expires.Format(time.RFC3339), "contacts", people)
	return nil
}
