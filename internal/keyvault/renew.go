package keyvault

import (
	"context"
	"time"

	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// How often the keeper of the vaults looks at the state: after a change, but not after each of many; when the next thing is
// due; and from time to time in any case, since clocks are set.
const (
	renewPace  = 100 * time.Millisecond
	renewCheck = time.Minute
)

// Run does what happens in vaults by itself, until ctx ends: keys rotate and certificates renew when that is due, and what
// was deleted ends when its time is over. Several servers may do so on the same state: each change is made by one of them.
func (a API) Run(ctx context.Context) error {
	retry := time.Second
	for ctx.Err() == nil {
		changed := a.Live.Changed()
		view := a.Live.View()
		a.keys.forget(view)
		err := a.renewAll(ctx, view)
		wait := a.untilDue(a.Live.View())
		switch {
		case err == nil || ctx.Err() != nil:
			retry = time.Second
		default:
			a.logRenew(err)
			wait, retry, changed = retry, min(2*retry, renewCheck), nil
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-time.After(wait):
		}
		select {
		case <-ctx.Done():
		case <-time.After(renewPace):
		}
	}
	return nil
}

func (a API) logRenew(err error) {
	if a.Log != nil {
		a.Log.Error("what vaults do by themselves", "err", err)
	}
}

// untilDue is how long nothing happens by itself, if nothing changes.
func (a API) untilDue(view *state.View) time.Duration {
	now := a.Now()
	wait := renewCheck
	for _, dir := range view.Directories() {
		for o := range dir.VaultsDue(now.Add(wait)) {
			if at := dueTime(o); at.After(now) { // what is earlier and still there waits for something else
				wait = min(wait, at.Sub(now))
				break
			}
		}
		for gone := range dir.DeletedVaults() {
			if gone.Purge.After(now) {
				wait = min(wait, gone.Purge.Sub(now))
			}
		}
	}
	return wait
}

// dueTime is when something happens to o by itself.
func dueTime(o *vault.Object) time.Time {
	if o.IsDeleted() {
		return o.Purge
	}
	return o.Due
}

// renewAll does what is due. What fails does not keep the rest from being done.
func (a API) renewAll(ctx context.Context, view *state.View) (failed error) {
	for _, dir := range view.Directories() {
		if err := a.endDeleted(ctx, dir); err != nil {
			failed = err
		}
		for o := range dir.VaultsDue(a.Now()) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if _, ok := dir.Resource(o.Vault); !ok || o.IsDeleted() {
				continue // nothing is renewed in a deleted vault
			}
			if err := a.renew(ctx, dir, o); err != nil {
				failed = err
			}
		}
	}
	return failed
}

// renew makes the new version of an object that is due.
func (a API) renew(ctx context.Context, dir *state.Directory, o *vault.Object) error {
	switch o.Kind {
	case vault.Keys:
		return a.renewKey(ctx, dir, o)
	case vault.Certificates:
		return a.renewCertificate(ctx, dir, o)
	}
	return nil
}

// renewKey rotates a key.
func (a API) renewKey(ctx context.Context, dir *state.Directory, o *vault.Object) error {
	old, ok := dir.VaultVersion(o, "")
	if !ok {
		return nil
	}
	v, half, err := a.successor(ctx, dir, old)
	if err != nil {
		return err
	}
	return a.byItself(ctx, dir, func(d *state.Draft) error {
		if now, ok := stillDue(d, o); ok {
			_, err = rotate(d, now, &v, half)
			return err
		}
		return nil
	})
}

// byItself changes a tenant for nobody.
func (a API) byItself(ctx context.Context, dir *state.Directory, decide func(d *state.Draft) error) error {
	tenant := dir.Tenant().ID
	_, err := a.Live.Update(ctx, state.Actor{Name: "Inborn"}, func(v *state.View, env *state.Env) (state.Batch, error) {
		if _, ok := v.Directory(tenant); !ok {
			return state.Batch{}, nil
		}
		d := state.NewDraft(v, env, tenant)
		err := decide(d)
		return d.Batch(), err
	})
	return err
}

// stillDue returns o as it is now, if it is still to be followed by a new version: somebody, or another server, may have
// made one, deleted it or changed the policy since it was found.
func stillDue(d *state.Draft, o *vault.Object) (*vault.Object, bool) {
	now, ok := d.Directory().VaultObject(o.Vault, o.Kind, o.Name)
	if !ok || now.IsDeleted() || now.Current != o.Current || now.Due.IsZero() || now.Due.After(d.Now()) {
		return nil, false
	}
	_, ok = d.Directory().Resource(o.Vault)
	return now, ok
}

// endDeleted ends the deleted objects and vaults of a tenant whose time is over.
func (a API) endDeleted(ctx context.Context, dir *state.Directory) error {
	if !anyOver(dir, a.Now()) {
		return nil
	}
	for more := true; more && ctx.Err() == nil; {
		err := a.byItself(ctx, dir, func(d *state.Draft) error {
			more = d.PurgeVaults()
			return nil
		})
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

func anyOver(dir *state.Directory, now time.Time) bool {
	for gone := range dir.DeletedVaults() {
		if !now.Before(gone.Purge) {
			return true
		}
	}
	for o := range dir.VaultsDue(now) {
		if o.IsDeleted() && !o.Managed {
			return true
		}
	}
	return false
}
