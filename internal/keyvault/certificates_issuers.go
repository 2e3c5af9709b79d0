package keyvault

import (
	"net/http"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// listIssuers shows the issuers that the vault was told of; those that every vault knows are not among them.
func (c *call) listIssuers() error {
	after, err := c.after()
	if err != nil {
		return err
	}
	return c.page(func(yield func(string, any) bool) {
		for i := range c.dir.VaultIssuers(c.vault.ID, after) {
			out := c.issuerOut(i)
			if !yield(vault.NameKey(i.Name), issuerWire{ID: out.ID, Provider: out.Provider}) {
				return
			}
		}
	})
}

// issuer returns the issuer in the path.
func (c *call) issuer(dir *state.Directory) (*vault.Issuer, error) {
	name := serve.Param(c.r, "issuer")
	i, ok := dir.VaultIssuer(c.vault.ID, name)
	if !ok {
		return nil, apierr.New(apierr.IssuerNotFound, "Issuer not found").At(name)
	}
	return i, nil
}

func (c *call) getIssuer() error {
	i, err := c.issuer(c.dir)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.issuerOut(i))
}

// setIssuer tells the vault of an issuer, or everything about it anew.
func (c *call) setIssuer() error {
	name := serve.Param(c.r, "issuer")
	if err := vault.CheckIssuerName(name); err != nil {
		return err
	}
	return c.putIssuer(func(d *state.Draft) (vault.Issuer, error) {
		i := vault.Issuer{Vault: c.vault.ID, Name: name, Enabled: true, Created: d.Now()}
		if old, ok := d.Directory().VaultIssuer(c.vault.ID, name); ok {
			i.Name, i.Created = old.Name, old.Created
		}
		return i, nil
	})
}

// updateIssuer changes what the client names.
func (c *call) updateIssuer() error {
	return c.putIssuer(func(d *state.Draft) (vault.Issuer, error) {
		old, err := c.issuer(d.Directory())
		if err != nil {
			return vault.Issuer{}, err
		}
		return *old, nil
	})
}

// putIssuer stores what the client says of an issuer, on top of what begin returns.
func (c *call) putIssuer(begin func(*state.Draft) (vault.Issuer, error)) error {
	var in issuerWire
	if err := c.read(&in); err != nil {
		return err
	}
	var password []byte
	if in.Credentials != nil && in.Credentials.Password != nil {
		var err error
		context := state.CipherContext(c.dir.Tenant().ID, state.IssuerCipher(c.vault.ID, serve.Param(c.r, "issuer")))
		if password, err = c.Seal(context, []byte(*in.Credentials.Password)); err != nil {
			return err
		}
	}
	var i vault.Issuer
	err := c.update(func(d *state.Draft) (err error) {
		if i, err = begin(d); err != nil {
			return err
		}
		in.into(&i)
		i.Updated = d.Now()
		if err := i.Check(); err != nil {
			return err
		}
		return d.PutVaultIssuer(i, password)
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.issuerOut(&i))
}

// deleteIssuer makes the vault forget an issuer. Certificates whose policy names it stay, and their renewal fails.
func (c *call) deleteIssuer() error {
	var gone vault.Issuer
	err := c.update(func(d *state.Draft) error {
		i, err := c.issuer(d.Directory())
		if err == nil {
			gone = *i
			d.DeleteVaultIssuer(gone)
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.issuerOut(&gone))
}

// contacts returns whom the vault's certificates concern.
func (c *call) contacts(dir *state.Directory) (*vault.Contacts, error) {
	all, ok := dir.VaultContacts(c.vault.ID)
	if !ok {
		return nil, apierr.New(apierr.ContactsNotFound, "Contacts not found").At(c.vault.ID.Name())
	}
	return all, nil
}

func (c *call) getContacts() error {
	all, err := c.contacts(c.dir)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.contactsOut(all))
}

// setContacts says all contacts anew.
func (c *call) setContacts() error {
	var in contactsWire
	if err := c.read(&in); err != nil {
		return err
	}
	all := vault.Contacts{Vault: c.vault.ID}
	for _, one := range in.Contacts {
		all.List = append(all.List, vault.Contact(one))
	}
	if err := all.Check(); err != nil {
		return err
	}
	if err := c.update(func(d *state.Draft) error { return d.PutVaultContacts(all) }); err != nil {
		return err
	}
	return c.json(http.StatusOK, c.contactsOut(&all))
}

func (c *call) deleteContacts() error {
	var gone vault.Contacts
	err := c.update(func(d *state.Draft) error {
		all, err := c.contacts(d.Directory())
		if err != nil {
			return err
		}
		gone = *all
		return d.PutVaultContacts(vault.Contacts{Vault: c.vault.ID})
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.contactsOut(&gone))
}
