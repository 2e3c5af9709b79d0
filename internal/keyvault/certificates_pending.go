package keyvault

import (
	"net/http"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// findPending returns the certificate in the path with its pending operation: the one that the query names, if it does.
func (c *call) findPending(dir *state.Directory) (*vault.Object, error) {
	o, ok := dir.VaultObject(c.vault.ID, c.kind, c.name)
	wanted := c.r.URL.Query().Get("request_id")
	if !ok || o.IsDeleted() || o.Pending == nil || wanted != "" && wanted != o.Pending.ID {
		return nil, apierr.New(apierr.PendingNotFound, "Pending certificate not found: %s", c.name).At(c.name)
	}
	return o, nil
}

// getPending shows how far the newest operation is; it can be seen until another takes its place or it is deleted.
func (c *call) getPending() error {
	o, err := c.findPending(c.dir)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.pendingOut(o.Name, o.Pending))
}

// updatePending asks for cancellation. That is noted, and nobody here has anything to cancel: whoever signs is outside, and
// the operation goes on to wait until it is deleted (wire fact: it stays in progress).
func (c *call) updatePending() error {
	var in pendingIn
	if err := c.read(&in); err != nil {
		return err
	}
	if in.Cancel == nil {
		return missing("cancellation_requested")
	}
	var o vault.Object
	err := c.update(func(d *state.Draft) error {
		old, err := c.findPending(d.Directory())
		if err != nil {
			return err
		}
		if !old.Pending.InProgress() {
			return apierr.New(apierr.PendingOver, "Pending status must be in progress to allow update.").At(c.name)
		}
		o, err = d.UpdateVaultObject(c.vault.ID, c.kind, c.name, "cancellation requested", func(o *vault.Object) error {
			pending := *o.Pending
			pending.Cancel = *in.Cancel
			o.Pending = &pending
			return nil
		})
		return err
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.pendingOut(o.Name, o.Pending))
}

// deletePending ends an operation, whatever its state, and makes room for another.
func (c *call) deletePending() error {
	var ended vault.Pending
	err := c.update(func(d *state.Draft) error {
		_, err := c.findPending(d.Directory())
		if err == nil {
			ended, err = d.EndPending(c.vault.ID, c.name)
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.pendingOut(c.name, &ended))
}

// mergeCertificate completes a pending certificate with what its issuer has signed.
func (c *call) mergeCertificate() error {
	var in certificateIn
	if err := c.read(&in); err != nil {
		return err
	}
	if len(in.Certificates) == 0 {
		return missing("x5c")
	}
	if err := vault.CheckTags(in.Tags); err != nil {
		return err
	}
	chain, err := in.chain()
	if err != nil {
		return err
	}
	o, err := c.findPending(c.dir)
	if err != nil {
		return err
	}
	if err := checkMerge(o); err != nil {
		return err
	}
	whole, err := c.merged(o, &in, chain)
	if err != nil {
		return err
	}
	merged := o.Pending.ID
	return c.putCertificate(http.StatusCreated, whole, func(d *state.Draft) error {
		now, err := c.findPending(d.Directory())
		if err != nil {
			return err
		}
		if now.Pending.ID != merged {
			return apierr.New(apierr.PendingNotFound, "Pending certificate not found: %s. Another operation has begun since.", c.name).At(c.name)
		}
		return checkMerge(now)
	}, func(_ *state.Draft, o *vault.Object) {
		pending := *o.Pending
		pending.Status = vault.PendingCompleted
		o.Pending = &pending
	})
}

func checkMerge(o *vault.Object) error {
	if !o.Pending.InProgress() {
		return apierr.New(apierr.PendingOver, "Merge is forbidden on pending object created with issuer : %s while it is %s.", o.Pending.Issuer, o.Pending.Status).At(o.Name)
	}
	return nil
}

// merged is the certificate that a pending one becomes.
func (c *call) merged(o *vault.Object, in *certificateIn, chain [][]byte) (*state.Certificate, error) {
	leaf, above, err := vault.Merge(o.Pending.Key, chain)
	if err != nil {
		return nil, err
	}
	waiting, ok := c.dir.VaultVersion(o, o.Pending.Version)
	if !ok {
		return nil, notFound(c.kind, c.name, o.Pending.Version)
	}
	key, err := c.openKey(c.r.Context(), c.dir, vault.Certificates, waiting)
	if err != nil {
		return nil, err
	}
	wanted := order{vault: o.Vault, name: o.Name, policy: *o.Policy, enabled: !o.Pending.Disabled, tags: waiting.Tags}
	if in.Tags != nil {
		wanted.tags = in.Tags
	}
	if in.Attributes != nil {
		set(&wanted.enabled, in.Attributes.Enabled)
	}
	whole, err := c.assemble(c.dir, &wanted, waiting.ID, &vault.Bundle{Key: key, Certificate: leaf, Chain: above})
	return &whole, err
}
