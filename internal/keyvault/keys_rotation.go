package keyvault

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// getRotationPolicy shows when a key gets a new version by itself. One without a policy has the default, which says so and
// nothing of when it was made (wire fact: attributes are null then, and there is no id).
func (c *call) getRotationPolicy() error {
	o, _, err := c.find()
	if err != nil {
		return err
	}
	if o.Rotation == nil {
		p := vault.DefaultRotation()
		out := policyOut("", &p)
		out.Attributes = nil
		return c.json(http.StatusOK, out)
	}
	return c.json(http.StatusOK, policyOut(c.policyID(o), o.Rotation))
}

func (c *call) policyID(o *vault.Object) string { return c.id(o.Kind, o.Name, "") + "/rotationpolicy" }

// setRotationPolicy gives a key a policy, at which the next rotation is aligned at once.
func (c *call) setRotationPolicy() error {
	var in policyWire
	if err := c.read(&in); err != nil {
		return err
	}
	wanted, err := in.policy()
	if err != nil {
		return err
	}
	var o vault.Object
	err = c.update(func(d *state.Draft) error {
		old, err := d.VaultObject(c.vault.ID, c.kind, c.name)
		if err != nil {
			return err
		}
		if old.Managed {
			return managed("setRotationPolicy")
		}
		v, ok := d.Directory().VaultVersion(old, "")
		if !ok {
			return notFound(c.kind, c.name, old.Current)
		}
		p := wanted
		if err := p.Check(&v.Attributes); err != nil {
			return err
		}
		p = withNotice(p, &v.Attributes)
		p.Created, p.Updated = d.Now(), d.Now()
		if old.Rotation != nil {
			p.Created = old.Rotation.Created
		}
		o, err = d.UpdateVaultObject(c.vault.ID, c.kind, c.name, "rotation policy", func(o *vault.Object) error {
			o.Rotation = &p
			o.Due = due(o, v)
			return nil
		})
		return err
	})
	if err != nil {
		return c.kindOf(err)
	}
	return c.json(http.StatusOK, policyOut(c.policyID(&o), o.Rotation))
}

// withNotice adds the action Notify of the default to a policy that has none (wire fact), unless the policy is too short
// for it.
func withNotice(p vault.RotationPolicy, current *vault.Attributes) vault.RotationPolicy {
	if slices.ContainsFunc(p.Actions, func(a vault.RotationAction) bool { return a.Type == vault.Notify }) {
		return p
	}
	more := p
	more.Actions = slices.Concat(p.Actions, vault.DefaultRotation().Actions)
	if more.Check(current) != nil {
		return p
	}
	return more
}

// due is when a key is to be rotated by itself: o is the key, v its newest version. One that somebody has disabled is left
// alone, because a new version would undo that.
func due(o *vault.Object, v *vault.Version) time.Time {
	if o.Rotation == nil || o.Managed || !v.Enabled {
		return time.Time{}
	}
	return o.Rotation.Due(&v.Attributes)
}

// schedule brings the time of a key's rotation to what its newest version says, after that was changed.
func schedule(d *state.Draft, o *vault.Object) (vault.Object, error) {
	v, ok := d.Directory().VaultVersion(o, "")
	if !ok {
		return *o, nil
	}
	at := due(o, v)
	if at.Equal(o.Due) {
		return *o, nil
	}
	what := "does not rotate by itself"
	if !at.IsZero() {
		what = "rotates at " + at.Format(time.RFC3339)
	}
	return d.UpdateVaultObject(o.Vault, o.Kind, o.Name, what, func(o *vault.Object) error {
		o.Due = at
		return nil
	})
}

// rotateKey makes a new version of a key now: another key of the same kind, for the same operations and with the same tags.
func (c *call) rotateKey() error {
	o, old, err := c.find()
	if err != nil {
		return err
	}
	if o.Managed {
		return managed("rotate")
	}
	v, half, err := c.successor(c.r.Context(), c.dir, old)
	if err != nil {
		return err
	}
	var changed vault.Object
	err = c.update(func(d *state.Draft) error {
		o, err := d.VaultObject(c.vault.ID, c.kind, c.name)
		if err != nil {
			return err
		}
		changed, err = rotate(d, o, &v, half)
		return err
	})
	if err != nil {
		return c.kindOf(err)
	}
	return c.json(http.StatusOK, c.keyOut(&changed, &v))
}

// successor makes the version that follows old, and its sealed half.
func (a *api) successor(ctx context.Context, dir *state.Directory, old *vault.Version) (v vault.Version, half []byte, err error) {
	made, err := a.newKey(ctx, old.Key.Spec())
	if err != nil {
		return v, nil, err
	}
	v = vault.Version{Vault: old.Vault, Kind: old.Kind, Name: old.Name, Attributes: vault.Attributes{Enabled: true}, Tags: maps.Clone(old.Tags),
		Key: made.Public(slices.Clone(old.Key.Operations), old.Key.Exportable)}
	if v.ID, err = a.newVersion(); err != nil {
		return v, nil, err
	}
	half, err = a.sealKey(dir, &v, made)
	return v, half, err
}

// rotate puts a successor in place; how long it is valid is what the policy says now.
func rotate(d *state.Draft, o *vault.Object, v *vault.Version, half []byte) (vault.Object, error) {
	v.Created, v.Updated, v.Expires = d.Now(), d.Now(), time.Time{}
	if o.Rotation != nil {
		v.Expires = o.Rotation.ExpiresAt(d.Now())
	}
	return d.PutVaultVersion(*v, half, func(o *vault.Object) { o.Due = due(o, v) })
}
