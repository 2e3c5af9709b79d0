package keyvault

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// certificateRoutes are those of certificates. Issuers and contacts belong to the vault: a role at one certificate is none
// for them, so they have no {name}.
func (a *api) certificateRoutes() []serve.Route {
	const get, put, post, patch, del = http.MethodGet, http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete
	certificate := a.of(certificateForm())
	return slices.Concat(
		a.objects(certificateForm()),
		certificate(post, "/certificates/{name}/create", vault.CertificatesCreate, (*call).createCertificate),
		certificate(post, "/certificates/{name}/import", vault.CertificatesImport, (*call).importCertificate),
		certificate(get, "/certificates/{name}", vault.CertificatesGet, (*call).getCertificate),
		certificate(get, "/certificates/{name}/{version}", vault.CertificatesGet, (*call).getCertificate),
		certificate(patch, "/certificates/{name}", vault.CertificatesUpdate, (*call).updateCertificate),
		certificate(patch, "/certificates/{name}/{version}", vault.CertificatesUpdate, (*call).updateCertificate),
		certificate(get, "/certificates/{name}/policy", vault.CertificatesGet, (*call).getCertificatePolicy),
		certificate(patch, "/certificates/{name}/policy", vault.CertificatesUpdate, (*call).updateCertificatePolicy),
		certificate(get, "/certificates/{name}/pending", vault.CertificatesGet, (*call).getPending),
		certificate(patch, "/certificates/{name}/pending", vault.CertificatesUpdate, (*call).updatePending),
		certificate(del, "/certificates/{name}/pending", vault.CertificatesUpdate, (*call).deletePending),
		certificate(post, "/certificates/{name}/pending/merge", vault.CertificatesCreate, (*call).mergeCertificate),

		certificate(get, "/certificates/contacts", vault.CertificatesManageContacts, (*call).getContacts),
		certificate(put, "/certificates/contacts", vault.CertificatesManageContacts, (*call).setContacts),
		certificate(del, "/certificates/contacts", vault.CertificatesManageContacts, (*call).deleteContacts),
		certificate(get, "/certificates/issuers", vault.CertificatesListIssuers, (*call).listIssuers),
		certificate(get, "/certificates/issuers/{issuer}", vault.CertificatesGetIssuers, (*call).getIssuer),
		certificate(put, "/certificates/issuers/{issuer}", vault.CertificatesSetIssuers, (*call).setIssuer),
		certificate(patch, "/certificates/issuers/{issuer}", vault.CertificatesSetIssuers, (*call).updateIssuer),
		certificate(del, "/certificates/issuers/{issuer}", vault.CertificatesDeleteIssuers, (*call).deleteIssuer),
	)
}

// createCertificate begins a new version of a certificate. Where its issuer is here it is done as soon as this answers, and
// the answer says all the same that it is in progress, as clients know it.
func (c *call) createCertificate() error {
	var in certificateIn
	if err := c.read(&in); err != nil {
		return err
	}
	wanted, err := c.certificateOrder(&in)
	if err != nil {
		return err
	}
	o, exists := c.dir.VaultObject(c.vault.ID, c.kind, c.name)
	switch {
	case exists && in.Policy == nil && o.Policy != nil:
		wanted.policy = *o.Policy
	case in.Policy == nil:
		return missing("policy")
	default:
		wanted.policy = newPolicy()
		if err := in.Policy.into(&wanted.policy); err != nil {
			return err
		}
	}
	if wanted.policy, err = wanted.policy.Check(); err != nil {
		return err
	}
	if exists && !o.IsDeleted() {
		wanted.former, _ = c.dir.VaultVersion(o, "")
	}
	wanted.enabled = in.enabled(&wanted.policy)
	made, err := c.fulfil(c.r.Context(), c.dir, wanted)
	if err != nil {
		return err
	}
	if err := c.update(func(d *state.Draft) error {
		if err := c.checkFree(d.Directory()); err != nil {
			return err
		}
		_, err := made.store(d)
		return err
	}); err != nil {
		return c.kindOf(err)
	}
	made.pending.Status = vault.PendingInProgress
	out := c.pendingOut(c.name, &made.pending)
	c.w.Header().Set("Location", out.ID+"?api-version="+c.r.URL.Query().Get("api-version")+"&request_id="+out.RequestID)
	return c.json(http.StatusAccepted, out)
}

// certificateOrder begins an order of what the path names, as far as creating and importing have it in common.
func (c *call) certificateOrder(in *certificateIn) (order, error) {
	for _, taken := range []string{"issuers", "contacts"} {
		if strings.EqualFold(c.name, taken) {
			return order{}, apierr.New(apierr.ParameterInvalid, "A certificate cannot have the name %s: what is at that path is no certificate.", taken).At("certificate-name")
		}
	}
	if err := vault.CheckTags(in.Tags); err != nil {
		return order{}, err
	}
	return order{vault: c.vault.ID, name: c.name, tags: maps.Clone(in.Tags)}, c.checkFree(c.dir)
}

// checkFree refuses a new version while one is waited for.
func (c *call) checkFree(dir *state.Directory) error {
	if o, ok := dir.VaultObject(c.vault.ID, c.kind, c.name); ok && !o.IsDeleted() && o.Pending.InProgress() {
		return apierr.New(apierr.PendingExists, "A new key vault certificate can not be created or imported while a pending key vault certificate's status is inProgress.").
			At(c.name).WithHelp("inborn vault cert pending delete %s --vault %s", c.name, c.vault.ID.Name())
	}
	return nil
}

// importCertificate takes a certificate with its private key that were made elsewhere.
func (c *call) importCertificate() error {
	var in certificateIn
	if err := c.read(&in); err != nil {
		return err
	}
	wanted, err := c.certificateOrder(&in)
	if err != nil {
		return err
	}
	if in.Value == nil {
		return missing("value")
	}
	var bundle *vault.Bundle
	var contentType string
	if err := c.atLeisure(func() (err error) {
		bundle, contentType, err = vault.ImportCertificate(*in.Value, in.Password)
		return err
	}); err != nil {
		return err
	}
	if wanted.policy, err = vault.PolicyOf(bundle.Certificate, contentType); err != nil {
		return err
	}
	if err := in.Policy.into(&wanted.policy); err != nil {
		return err
	}
	if wanted.policy, err = wanted.policy.Check(); err != nil {
		return err
	}
	wanted.enabled = in.enabled(&wanted.policy)
	id, err := c.newVersion()
	if err != nil {
		return err
	}
	whole, err := c.assemble(c.dir, &wanted, id, bundle)
	if err != nil {
		return err
	}
	return c.putCertificate(http.StatusOK, &whole, func(d *state.Draft) error {
		if _, err := signatureOf(d.Directory(), c.vault.ID, wanted.policy.Issuer.Name); err != nil {
			return err
		}
		return c.checkFree(d.Directory())
	}, func(d *state.Draft, o *vault.Object) {
		o.Pending = nil
		setPolicy(d, o, wanted.policy)
	})
}

// putCertificate stores a certificate that came from outside, if check has nothing against it, and answers with it.
func (c *call) putCertificate(status int, whole *state.Certificate, check func(*state.Draft) error, adjust func(*state.Draft, *vault.Object)) error {
	var o vault.Object
	var v *vault.Version
	err := c.update(func(d *state.Draft) error {
		if err := check(d); err != nil {
			return err
		}
		var err error
		if o, err = d.PutCertificate(*whole, func(o *vault.Object) {
			adjust(d, o)
			o.Due = certificateDue(o, &whole.Version)
		}); err == nil {
			v, _ = d.Directory().VaultVersion(&o, "")
		}
		return err
	})
	if err != nil {
		return c.kindOf(err)
	}
	return c.json(status, c.certificateOut(&o, v))
}

// getCertificate shows a version of a certificate; its private key only its secret has.
func (c *call) getCertificate() error {
	o, v, err := c.find()
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.certificateOut(o, v))
}

// updateCertificate changes what a version says of itself, and the policy. Its key and its secret follow. nbf and exp are
// the certificate's own (wire fact: what clients say of them is not looked at).
func (c *call) updateCertificate() error {
	var in certificateIn
	if err := c.read(&in); err != nil {
		return err
	}
	if err := vault.CheckTags(in.Tags); err != nil {
		return err
	}
	var o vault.Object
	var v vault.Version
	err := c.update(func(d *state.Draft) (err error) {
		if v, err = c.updateVersions(d, &in); err != nil {
			return err
		}
		o, err = c.reschedule(d, in.Policy)
		return err
	})
	if err != nil {
		return c.kindOf(err)
	}
	return c.json(http.StatusOK, c.certificateOut(&o, &v))
}

// updateVersions changes a version of a certificate, its key and its secret. One that is pending has neither, and stays
// disabled.
func (c *call) updateVersions(d *state.Draft, in *certificateIn) (v vault.Version, err error) {
	change := func(v *vault.Version) error {
		if in.Tags != nil {
			v.Tags = maps.Clone(in.Tags)
		}
		if in.Attributes != nil && !v.IsPending() {
			set(&v.Enabled, in.Attributes.Enabled)
		}
		return nil
	}
	if v, err = d.UpdateVaultVersion(c.vault.ID, c.kind, c.name, c.version, change); err != nil || v.IsPending() {
		return v, err
	}
	for _, kind := range []vault.Kind{vault.Keys, vault.Secrets} {
		if _, err := d.UpdateVaultVersion(c.vault.ID, kind, c.name, v.ID, change); err != nil {
			return v, err
		}
	}
	return v, nil
}

// reschedule changes the policy of a certificate, nil for not, and brings the time of what happens by itself to what policy
// and newest version say now.
func (c *call) reschedule(d *state.Draft, in *certificatePolicyWire) (vault.Object, error) {
	o, err := d.VaultObject(c.vault.ID, c.kind, c.name)
	if err != nil {
		return vault.Object{}, err
	}
	newest, _ := d.Directory().VaultVersion(o, "")
	if in == nil && (o.Policy == nil || certificateDue(o, newest).Equal(o.Due)) {
		return *o, nil
	}
	return d.UpdateVaultObject(c.vault.ID, c.kind, c.name, "policy", func(o *vault.Object) error {
		if in != nil {
			p, err := c.changedPolicy(d, o, in)
			if err != nil {
				return err
			}
			setPolicy(d, o, p)
		}
		o.Due = certificateDue(o, newest)
		return nil
	})
}

func (c *call) changedPolicy(d *state.Draft, o *vault.Object, in *certificatePolicyWire) (vault.CertificatePolicy, error) {
	p := newPolicy()
	if o.Policy != nil {
		p = *o.Policy
	}
	if err := in.into(&p); err != nil {
		return p, err
	}
	p, err := p.Check()
	if err != nil {
		return p, err
	}
	_, err = signatureOf(d.Directory(), c.vault.ID, p.Issuer.Name)
	return p, err
}

// getCertificatePolicy shows how versions of a certificate are made.
func (c *call) getCertificatePolicy() error {
	o, _, err := c.find()
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.certificatePolicyOut(o))
}

// updateCertificatePolicy changes how the next versions of a certificate are made, and when.
func (c *call) updateCertificatePolicy() error {
	var in certificatePolicyWire
	if err := c.read(&in); err != nil {
		return err
	}
	var o vault.Object
	if err := c.update(func(d *state.Draft) (err error) {
		o, err = c.reschedule(d, &in)
		return err
	}); err != nil {
		return c.kindOf(err)
	}
	return c.json(http.StatusOK, c.certificatePolicyOut(&o))
}
