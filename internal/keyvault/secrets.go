package keyvault

import (
	"maps"
	"net/http"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// setSecret makes a new version of a secret.
func (c *call) setSecret() error {
	var in secretIn
	if err := c.read(&in); err != nil {
		return err
	}
	v, err := c.secretVersion(in)
	if err != nil {
		return err
	}
	half, err := c.sealHalf(c.dir, &v, []byte(*in.Value))
	if err != nil {
		return err
	}
	var o vault.Object
	err = c.update(func(d *state.Draft) error {
		v.Created, v.Updated = d.Now(), d.Now()
		o, err = d.PutVaultVersion(v, half, nil)
		return err
	})
	if err != nil {
		return err
	}
	v.Name = o.Name
	out := c.secretOut(&o, &v, c.id(v.Kind, v.Name, v.ID))
	out.Value = in.Value
	return c.json(http.StatusOK, out)
}

// secretVersion reads the version that a client wants.
func (c *call) secretVersion(in secretIn) (v vault.Version, err error) {
	if in.Value == nil {
		return v, missing("value")
	}
	v = vault.Version{Vault: c.vault.ID, Kind: c.kind, Name: c.name, Attributes: vault.Attributes{Enabled: true}, Tags: maps.Clone(in.Tags)}
	if in.ContentType != nil {
		v.ContentType = *in.ContentType
	}
	if err = vault.CheckSecret(*in.Value, v.ContentType); err != nil {
		return v, err
	}
	if err = vault.CheckTags(v.Tags); err != nil {
		return v, err
	}
	if err = in.Attributes.into(&v.Attributes); err != nil {
		return v, err
	}
	v.ID, err = c.newVersion()
	return v, err
}

// getSecret hands a secret out.
func (c *call) getSecret() error {
	o, v, err := c.find()
	if err != nil {
		return err
	}
	if err := v.CheckRead("get"); err != nil {
		return err
	}
	half, err := c.openHalf(c.r.Context(), c.dir, v)
	if err != nil {
		return err
	}
	out, value := c.secretOut(o, v, c.id(v.Kind, v.Name, v.ID)), string(half)
	if want := c.r.URL.Query().Get("outContentType"); want != "" {
		if err := c.atLeisure(func() (err error) {
			value, err = vault.ConvertSecret(c.Random, value, v.ContentType, want)
			return err
		}); err != nil {
			return err
		}
		out.ContentType = want
	}
	out.Value = &value
	return c.json(http.StatusOK, out)
}

// updateSecret changes what a version says of itself, not its value.
func (c *call) updateSecret() error {
	var in secretIn
	if err := c.read(&in); err != nil {
		return err
	}
	if err := vault.CheckTags(in.Tags); err != nil {
		return err
	}
	if in.ContentType != nil {
		if err := vault.CheckSecret("", *in.ContentType); err != nil {
			return err
		}
	}
	var v vault.Version
	var o *vault.Object
	err := c.update(func(d *state.Draft) (err error) {
		if o, err = d.VaultObject(c.vault.ID, c.kind, c.name); err != nil {
			return err
		}
		if o.Managed {
			return apierr.New(apierr.VaultObjectManaged, "Operation \"update\" is not allowed on this secret: it belongs to the certificate of that name and changes with it only.").At(c.name)
		}
		if v, err = d.UpdateVaultVersion(c.vault.ID, c.kind, c.name, c.version, func(v *vault.Version) error {
			if in.ContentType != nil {
				v.ContentType = *in.ContentType
			}
			if in.Tags != nil {
				v.Tags = maps.Clone(in.Tags)
			}
			return in.Attributes.into(&v.Attributes)
		}); err != nil {
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.secretOut(o, &v, c.id(v.Kind, v.Name, v.ID)))
}
