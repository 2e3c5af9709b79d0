package keyvault

import (
	"context"
	"maps"
	"net/http"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// createKey makes a key, or a new version of one.
func (c *call) createKey() error {
	var in keyIn
	if err := c.read(&in); err != nil {
		return err
	}
	if in.Type == "" {
		return missing("kty")
	}
	spec, err := vault.KeySpec{Type: vault.KeyType(in.Type), Size: in.Size, Exponent: in.Exponent, Curve: in.Curve}.Check()
	if err != nil {
		return err
	}
	v, err := c.keyVersion(&in)
	if err != nil {
		return err
	}
	operations, err := vault.Operations(spec.Type, in.Operations)
	if err != nil {
		return err
	}
	made, err := c.newKey(c.r.Context(), spec)
	if err != nil {
		return err
	}
	v.Key = made.Public(operations, false)
	return c.putKey(v, made)
}

// importKey takes a key that was made elsewhere.
func (c *call) importKey() error {
	var in keyIn
	if err := c.read(&in); err != nil {
		return err
	}
	if in.Key == nil {
		return missing("key")
	}
	if in.HSM {
		return apierr.New(apierr.PropertyInvalid, "A key cannot be imported into a hardware security module: there is none here. Leave hsm out.").At("hsm")
	}
	v, err := c.keyVersion(&in)
	if err != nil {
		return err
	}
	members, err := in.Key.members()
	if err != nil {
		return err
	}
	var given *vault.PrivateKey
	err = c.inTurn(func() (err error) {
		given, err = vault.ImportKey(members)
		return err
	})
	if err != nil {
		return err
	}
	operations, err := vault.Operations(vault.KeyType(members.Type), in.Key.Operations)
	if err != nil {
		return err
	}
	v.Key = given.Public(operations, false)
	return c.putKey(v, given)
}

// keyVersion reads what a client wants of a version beside the key itself.
func (c *call) keyVersion(in *keyIn) (v vault.Version, err error) {
	v = vault.Version{Vault: c.vault.ID, Kind: c.kind, Name: c.name, Attributes: vault.Attributes{Enabled: true}, Tags: maps.Clone(in.Tags)}
	if err = in.check(); err != nil {
		return v, err
	}
	if err = in.Attributes.into(&v.Attributes); err != nil {
		return v, err
	}
	v.ID, err = c.newVersion()
	return v, err
}

// check refuses what is not offered here: keys that leave the vault again.
func (in *keyIn) check() error {
	if len(in.Release) > 0 && string(in.Release) != "null" {
		return apierr.New(apierr.PropertyInvalid, "Keys are not released to attested environments here: leave release_policy out.").At("release_policy")
	}
	if in.Attributes != nil && in.Attributes.Exportable != nil && *in.Attributes.Exportable {
		return apierr.New(apierr.PropertyInvalid, "A key is exportable with a release policy only, and there is none here: leave exportable out.").At("attributes.exportable")
	}
	return vault.CheckTags(in.Tags)
}

// putKey stores a version with its private half and answers with it.
func (c *call) putKey(v vault.Version, private *vault.PrivateKey) error {
	half, err := c.sealKey(c.dir, &v, private)
	if err != nil {
		return err
	}
	var o vault.Object
	err = c.update(func(d *state.Draft) error {
		v.Created, v.Updated = d.Now(), d.Now()
		o, err = d.PutVaultVersion(v, half, func(o *vault.Object) { o.Due = due(o, &v) })
		return err
	})
	if err != nil {
		return c.kindOf(err)
	}
	v.Name = o.Name
	return c.json(http.StatusOK, c.keyOut(&o, &v))
}

// sealKey encrypts the private half of a version.
func (a *api) sealKey(dir *state.Directory, v *vault.Version, private *vault.PrivateKey) ([]byte, error) {
	der, err := private.DER()
	if err != nil {
		return nil, err
	}
	return a.sealHalf(dir, v, der)
}

// newKey makes a key. It waits until others are made: one of RSA keeps a processor busy for seconds. Nothing can interrupt
// that, so if ctx ends first it goes on for nobody.
func (a *api) newKey(ctx context.Context, spec vault.KeySpec) (*vault.PrivateKey, error) {
	if spec.Type == vault.EC {
		return vault.NewKey(a.Random, spec)
	}
	type result struct {
		key *vault.PrivateKey
		err error
	}
	made := make(chan result, 1)
	go func() {
		var r result
		if err := a.makers.Do(ctx, func() { r.key, r.err = vault.NewKey(a.Random, spec) }); err != nil {
			r.err = err
		}
		made <- r
	}()
	select {
	case r := <-made:
		return r.key, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// getKey shows the public half of a key.
func (c *call) getKey() error {
	o, v, err := c.find()
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.keyOut(o, v))
}

// updateKey changes what a version says of itself and what may be done with it, not the key.
func (c *call) updateKey() error {
	var in keyIn
	if err := c.read(&in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	var v vault.Version
	var o vault.Object
	err := c.update(func(d *state.Draft) error {
		old, err := d.VaultObject(c.vault.ID, c.kind, c.name)
		if err != nil {
			return err
		}
		if old.Managed {
			return managed("update")
		}
		if v, err = d.UpdateVaultVersion(c.vault.ID, c.kind, c.name, c.version, in.into); err != nil {
			return err
		}
		o, err = schedule(d, old)
		return err
	})
	if err != nil {
		return c.kindOf(err)
	}
	return c.json(http.StatusOK, c.keyOut(&o, &v))
}

// into changes v to what the client says.
func (in *keyIn) into(v *vault.Version) error {
	if in.Operations != nil {
		operations, err := vault.Operations(v.Key.Type, in.Operations)
		if err != nil {
			return err
		}
		key := *v.Key
		key.Operations = operations
		v.Key = &key
	}
	if in.Tags != nil {
		v.Tags = maps.Clone(in.Tags)
	}
	return in.Attributes.into(&v.Attributes)
}

// managed refuses to change a key that a certificate changes.
func managed(operation string) error {
	return apierr.New(apierr.VaultObjectManaged, "Operation \"%s\" is not allowed on this key: it belongs to the certificate of that name and changes with it only.", operation).
		Because(errKey)
}
