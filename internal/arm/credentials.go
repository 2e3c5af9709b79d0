package arm

import (
	"net/http"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
)

// typeCredential is the type of the federated identity credentials of user-assigned identities.
const typeCredential = resource.TypeIdentity + "/federatedIdentityCredentials"

// credentialRoutes returns the routes below an identity.
func (a *api) credentialRoutes() []serve.Route {
	const all = "/subscriptions/{subscription}/resourceGroups/{group}/providers/" + resource.TypeIdentity + "/{name}/federatedIdentityCredentials"
	return []serve.Route{
		a.route("GET", all, typeCredential+"/read", (*call).listCredentials),
		a.route("GET", all+"/{credential}", typeCredential+"/read", (*call).getCredential),
		a.route("PUT", all+"/{credential}", typeCredential+"/write", (*call).putCredential),
		a.route("DELETE", all+"/{credential}", typeCredential+"/delete", (*call).deleteCredential),
	}
}

func (c *call) listCredentials() error {
	i, err := findIdentity(c.dir, c.id)
	if err != nil {
		return err
	}
	return c.page(keyed(c.dir.FederatedCredentials(i.PrincipalID), func(f *directory.FederatedCredential) (string, any) {
		return lower(f.Name), credentialOut(i.ID, f)
	}))
}

func (c *call) getCredential() error {
	i, err := findIdentity(c.dir, c.id)
	if err != nil {
		return err
	}
	name := serve.Param(c.r, "credential")
	f, ok := c.dir.FederatedCredential(i.PrincipalID, name)
	if !ok {
		return apierr.New(apierr.ResourceNotFound, "The Resource '%s/%s/%s' under resource group '%s' was not found."+
			" For more details please go to https://aka.ms/ARMResourceNotFoundFix", typeCredential, i.ID.Name(), name, i.ID.Group()).At(name)
	}
	return c.json(http.StatusOK, credentialOut(i.ID, f))
}

// putCredential adds a credential or replaces all of it. Writes below one identity come one after another, so the
// conflict that the real service reports of concurrent ones does not occur.
func (c *call) putCredential() error {
	var body credentialWire
	if err := serve.ReadJSON(c.r, maxBody, &body); err != nil {
		return err
	}
	var made directory.FederatedCredential
	var owner resource.ID
	status := http.StatusOK
	err := c.update(func(d *state.Draft) error {
		i, err := findIdentity(d.Directory(), c.id)
		if err != nil {
			return err
		}
		owner = i.ID
		var created bool
		made, created, err = d.PutFederatedCredential(directory.FederatedCredential{Principal: i.PrincipalID, Name: serve.Param(c.r, "credential"),
			Issuer: body.Properties.Issuer, Subject: body.Properties.Subject, Audiences: body.Properties.Audiences})
		if status = http.StatusOK; created {
			status = http.StatusCreated
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.json(status, credentialOut(owner, &made))
}

// deleteCredential removes a credential; 204 if there is none.
func (c *call) deleteCredential() error {
	status := http.StatusOK
	err := c.update(func(d *state.Draft) error {
		status = http.StatusNoContent
		i, err := findIdentity(d.Directory(), c.id)
		if err != nil {
			return err
		}
		name := serve.Param(c.r, "credential")
		if _, ok := d.Directory().FederatedCredential(i.PrincipalID, name); !ok {
			return nil
		}
		status = http.StatusOK
		return d.DeleteFederatedCredential(i.PrincipalID, name)
	})
	if err != nil {
		return err
	}
	return c.empty(status)
}
