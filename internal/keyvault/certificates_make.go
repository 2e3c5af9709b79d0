package keyvault

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// order is what somebody, or a policy whose time has come, wants of a version of a certificate.
type order struct {
	vault   resource.ID
	name    string
	policy  vault.CertificatePolicy // checked
	enabled bool
	tags    map[string]string
	former  *vault.Version // whose key is kept where the policy says so; nil for none
	renewal bool           // by the policy that the certificate has
}

// delivery is what became of an order: a certificate where the issuer is here; else only the request for one, and the
// sealed private key of it.
type delivery struct {
	order
	pending vault.Pending
	whole   *state.Certificate
	version vault.Version // of what is pending
	half    []byte
}

// signature is who signs.
type signature int

const (
	outside signature = iota // somebody who is given the request and whose certificate is merged
	itself
	platform
)

// signatureOf says who signs for an issuer by its name in a policy.
func signatureOf(dir *state.Directory, id resource.ID, name string) (signature, error) {
	switch {
	case strings.EqualFold(name, vault.IssuerSelf):
		return itself, nil
	case strings.EqualFold(name, vault.IssuerPlatform):
		return platform, nil
	case strings.EqualFold(name, vault.IssuerUnknown):
		return outside, nil
	}
	i, ok := dir.VaultIssuer(id, name)
	switch {
	case !ok:
		return outside, apierr.New(apierr.PropertyInvalid, "The issuer '%.40s' of the policy is none of the vault: it knows %s, %s, %s and those that are set at /certificates/issuers.",
			name, vault.IssuerSelf, vault.IssuerUnknown, vault.IssuerPlatform).At("policy.issuer.name")
	case !i.Enabled:
		return outside, apierr.New(apierr.PropertyInvalid, "The issuer '%s' of the policy is disabled.", i.Name).At("policy.issuer.name")
	case strings.EqualFold(i.Provider, vault.IssuerPlatform):
		return platform, nil
	}
	return outside, nil
}

// signsHere reports whether certificates of an issuer are done as soon as they are asked for.
func (c *call) signsHere(issuer string) bool {
	who, err := signatureOf(c.dir, c.vault.ID, issuer)
	return err == nil && who != outside
}

// fulfil makes what is ordered. Nothing of it is stored yet.
func (a *api) fulfil(ctx context.Context, dir *state.Directory, o order) (*delivery, error) {
	who, err := signatureOf(dir, o.vault, o.policy.Issuer.Name)
	if err != nil {
		return nil, err
	}
	var authority *vault.Authority
	if who == platform {
		if authority, err = a.Authority(ctx); err != nil {
			return nil, err
		}
		if err := authority.Check(&o.policy); err != nil {
			return nil, err // before a key is made for nothing
		}
	}
	key, err := a.certificateKey(ctx, dir, &o)
	if err != nil {
		return nil, err
	}
	now := a.Now()
	d := &delivery{order: o, pending: vault.Pending{Issuer: o.policy.Issuer.Name, Key: key.Public(nil, false), Disabled: !o.enabled}}
	if d.pending.Request, err = o.policy.Request(a.Random, key); err != nil {
		return nil, err
	}
	if d.pending.ID, err = a.newVersion(); err != nil {
		return nil, err
	}
	if d.pending.Version, err = a.newVersion(); err != nil {
		return nil, err
	}
	if who == outside {
		return d, a.leavePending(dir, d, key, now)
	}
	d.pending.Status = vault.PendingCompleted
	bundle := &vault.Bundle{Key: key}
	if who == itself {
		bundle.Certificate, err = o.policy.SelfSigned(a.Random, now, key)
	} else {
		bundle.Certificate, bundle.Chain, err = o.policy.Issue(a.Random, now, authority, d.pending.Key)
	}
	if err != nil {
		return nil, err
	}
	whole, err := a.assemble(dir, &o, d.pending.Version, bundle)
	d.whole = &whole
	return d, err
}

// certificateKey returns the key of an order: that of the former version, if it is to be kept and is what the policy wants. A
// key that is not to leave the vault is not kept for a version whose secret would hold it.
func (a *api) certificateKey(ctx context.Context, dir *state.Directory, o *order) (*vault.PrivateKey, error) {
	spec, err := vault.KeySpec{Type: o.policy.Key.Type, Size: o.policy.Key.Size, Curve: o.policy.Key.Curve}.Check()
	if err != nil {
		return nil, err
	}
	if o.policy.Key.Reuse && o.former != nil && !o.former.IsPending() {
		if has := o.former.Key; (has.Exportable || !o.policy.Key.Exportable) && has.Type == spec.Type && has.Curve == spec.Curve && (spec.Type == vault.EC || has.Bits() == spec.Size) {
			return a.openKey(ctx, dir, vault.Keys, o.former)
		}
	}
	return a.newKey(ctx, spec)
}

// openKey returns the private key of a version of a certificate, which is kept with its key, or with itself while it is
// pending.
func (a *api) openKey(ctx context.Context, dir *state.Directory, kind vault.Kind, v *vault.Version) (*vault.PrivateKey, error) {
	if kind != v.Kind {
		o, ok := dir.VaultObject(v.Vault, kind, v.Name)
		if !ok {
			return nil, notFound(kind, v.Name, v.ID)
		}
		if v, ok = dir.VaultVersion(o, v.ID); !ok {
			return nil, notFound(kind, o.Name, v.ID)
		}
	}
	half, err := a.openHalf(ctx, dir, v)
	if err != nil {
		return nil, err
	}
	return vault.ParseKey(half)
}

// leavePending completes a delivery that waits for an issuer outside.
func (a *api) leavePending(dir *state.Directory, d *delivery, key *vault.PrivateKey, now time.Time) (err error) {
	d.pending.Status = vault.PendingInProgress
	d.version = vault.Version{Vault: d.vault, Kind: vault.Certificates, Name: d.name, ID: d.pending.Version, Attributes: d.policy.Expected(now), Tags: d.tags}
	d.half, err = a.sealKey(dir, &d.version, key)
	return err
}

// assemble makes the three versions of a certificate: itself, its key, and the secret that holds both.
func (a *api) assemble(dir *state.Directory, o *order, id string, b *vault.Bundle) (c state.Certificate, err error) {
	v := vault.Version{Vault: o.vault, Kind: vault.Certificates, Name: o.name, ID: id, Attributes: vault.Attributes{Enabled: o.enabled}, Tags: maps.Clone(o.tags)}
	if err = v.Dates(b.Certificate); err != nil {
		return c, err
	}
	operations, err := vault.Operations(b.Key.Public(nil, false).Type, nil)
	if err != nil {
		return c, err
	}
	key, secret := v, v
	key.Kind, key.Managed, key.Key = vault.Keys, true, b.Key.Public(operations, o.policy.Key.Exportable)
	secret.Kind, secret.Managed, secret.ContentType = vault.Secrets, true, o.policy.ContentType
	v.Key, v.Certificate, v.Chain = key.Key, b.Certificate, b.Chain
	c = state.Certificate{Version: v, Key: state.SealedVersion{Version: key}, Secret: state.SealedVersion{Version: secret}}
	if c.Key.Half, err = a.sealKey(dir, &key, b.Key); err != nil {
		return c, err
	}
	open := *b
	if !o.policy.Key.Exportable {
		open.Key = nil // wire fact: the secret has the public part only
	}
	text, err := open.Secret(a.Random, o.policy.ContentType)
	if err != nil {
		return c, err
	}
	c.Secret.Half, err = a.sealHalf(dir, &secret, []byte(text))
	return c, err
}

// store puts what was delivered in its place.
func (d *delivery) store(draft *state.Draft) (vault.Object, error) {
	adjust := func(v *vault.Version) func(*vault.Object) {
		return func(o *vault.Object) {
			pending := d.pending
			pending.Requested = draft.Now()
			o.Pending = &pending
			if !d.renewal {
				setPolicy(draft, o, d.policy)
			}
			o.Due = certificateDue(o, v)
		}
	}
	if d.whole != nil {
		return draft.PutCertificate(*d.whole, adjust(&d.whole.Version))
	}
	var current *vault.Version // goes on to be the newest, and to renew by the new policy
	if o, ok := draft.Directory().VaultObject(d.vault, vault.Certificates, d.name); ok {
		current, _ = draft.Directory().VaultVersion(o, "")
	}
	return draft.BeginCertificate(d.version, d.half, adjust(current))
}

// setPolicy gives a certificate a policy.
func setPolicy(draft *state.Draft, o *vault.Object, p vault.CertificatePolicy) {
	p.Created, p.Updated = draft.Now(), draft.Now()
	if o.Policy != nil {
		p.Created = o.Policy.Created
	}
	o.Policy = &p
}

// certificateDue is when something happens to a certificate by itself: it renews, or its contacts are told of its end. v is
// its newest version, nil for none. One that somebody has disabled is left alone, because a new version would undo that.
func certificateDue(o *vault.Object, v *vault.Version) time.Time {
	if v == nil || v.IsPending() || !v.Enabled || o.Policy == nil {
		return time.Time{}
	}
	at := o.Policy.Due(&v.Attributes)
	if told := o.Policy.TellAt(&v.Attributes); !told.IsZero() && o.Told != v.ID && (at.IsZero() || told.Before(at)) {
		at = told
	}
	return at
}
