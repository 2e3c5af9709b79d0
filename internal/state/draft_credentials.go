package state

import (
	"iter"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
)

// credentialKey is the id of a federated credential's record.
func credentialKey(principal guid.GUID, name string) string {
	return principal.String() + "/" + strings.ToLower(name)
}

// FederatedCredential returns the one of a principal with that name, in any case.
func (d *Directory) FederatedCredential(principal guid.GUID, name string) (*directory.FederatedCredential, bool) {
	return d.credentials.get(credentialKey(principal, name))
}

// FederatedCredentials walks those of a principal, in the order of their names.
func (d *Directory) FederatedCredentials(principal guid.GUID) iter.Seq[*directory.FederatedCredential] {
	return func(yield func(*directory.FederatedCredential) bool) {
		for _, c := range d.credentials.from(credentialKey(principal, "")) {
			if c.Principal != principal || !yield(c) {
				return
			}
		}
	}
}

// PutFederatedCredential adds a federated credential to a principal, or replaces the one of that name.
func (d *Draft) PutFederatedCredential(c directory.FederatedCredential) (made directory.FederatedCredential, created bool, err error) {
	if err := directory.CheckFederatedCredential(&c); err != nil {
		return c, false, err
	}
	if _, ok := d.Directory().ServicePrincipal(c.Principal); !ok {
		return c, false, objectNotFound(c.Principal)
	}
	count := 0
	for other := range d.Directory().FederatedCredentials(c.Principal) {
		if strings.EqualFold(other.Name, c.Name) {
			continue
		}
		if count++; other.Issuer == c.Issuer && other.Subject == c.Subject {
			return c, false, apierr.New(apierr.ObjectExists, "The federated credential %s has the same issuer and subject.", other.Name).At(other.Name)
		}
	}
	if count >= directory.MaxFederatedCredentials {
		return c, false, apierr.New(apierr.LimitExceeded, "A principal has at most %d federated credentials.", directory.MaxFederatedCredentials).
			At("federatedIdentityCredentials")
	}
	old, exists := d.Directory().FederatedCredential(c.Principal, c.Name)
	c.Created = d.env.Now
	if exists {
		c.Name, c.Created = old.Name, old.Created
	}
	d.write(put(d.tenant, c))
	d.audit("Put federated identity credential", c.Principal.String(), "%s: %s of %s", c.Name, c.Subject, c.Issuer)
	return c, !exists, nil
}

// DeleteFederatedCredential takes a federated credential away from a principal.
func (d *Draft) DeleteFederatedCredential(principal guid.GUID, name string) error {
	c, ok := d.Directory().FederatedCredential(principal, name)
	if !ok {
		return apierr.New(apierr.ObjectNotFound, "There is no federated credential %s.", name).At(name)
	}
	d.write(remove(d.tenant, *c))
	d.audit("Delete federated identity credential", principal.String(), "%s", c.Name)
	return nil
}

// dropCredentials removes all federated credentials of a principal that goes.
func (d *Draft) dropCredentials(principal guid.GUID) {
	for c := range d.Directory().FederatedCredentials(principal) {
		d.write(taken(d, *c))
	}
}
