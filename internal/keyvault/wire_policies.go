package keyvault

import (
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/vault"
)

// certificatePolicyWire is the policy of a certificate, in both directions. Of what a client says, what is absent stays as
// it is.
type certificatePolicyWire struct {
	ID         string                 `json:"id,omitempty"`
	Key        *keyPropertiesWire     `json:"key_props,omitempty"`
	Secret     *secretPropertiesWire  `json:"secret_props,omitempty"`
	X509       *x509PropertiesWire    `json:"x509_props,omitempty"`
	Actions    []lifetimeActionWire   `json:"lifetime_actions"`
	Issuer     *issuerParametersWire  `json:"issuer,omitempty"`
	Attributes *policyAttributesInOut `json:"attributes,omitempty"`
}

type keyPropertiesWire struct {
	Exportable *bool   `json:"exportable,omitempty"`
	Type       *string `json:"kty,omitempty"`
	Size       *int    `json:"key_size,omitempty"`
	Reuse      *bool   `json:"reuse_key,omitempty"`
	Curve      *string `json:"crv,omitempty"`
}

type secretPropertiesWire struct {
	ContentType *string `json:"contentType,omitempty"`
}

type x509PropertiesWire struct {
	Subject *string          `json:"subject,omitempty"`
	Names   *namesWire       `json:"sans,omitempty"`
	Uses    []string         `json:"ekus"`
	KeyUse  []string         `json:"key_usage"`
	Months  *int             `json:"validity_months,omitempty"`
	Basic   *basicConstraint `json:"basic_constraints,omitempty"`
}

type basicConstraint struct {
	CA bool `json:"ca"`
}

type namesWire struct {
	Emails []string `json:"emails,omitempty"`
	DNS    []string `json:"dns_names,omitempty"`
	UPNs   []string `json:"upns,omitempty"`
	URIs   []string `json:"uris,omitempty"`
	IPs    []string `json:"ipAddresses,omitempty"`
}

type lifetimeActionWire struct {
	Trigger lifetimeTriggerWire `json:"trigger"`
	Action  lifetimeTypeWire    `json:"action"`
}

type lifetimeTriggerWire struct {
	Percentage int `json:"lifetime_percentage,omitempty"`
	DaysBefore int `json:"days_before_expiry,omitempty"`
}

type lifetimeTypeWire struct {
	Type string `json:"action_type"`
}

type issuerParametersWire struct {
	Name         *string `json:"name,omitempty"`
	Type         *string `json:"cty,omitempty"`
	Transparency *bool   `json:"cert_transparency,omitempty"`
}

// policyAttributesInOut say whether the versions that the policy makes are enabled.
type policyAttributesInOut struct {
	Enabled *bool  `json:"enabled,omitempty"`
	Created *int64 `json:"created,omitempty"`
	Updated *int64 `json:"updated,omitempty"`
}

// newPolicy is what clients change to say a policy: keys can be exported, and the issuer is outside (wire fact: without a
// name it is Unknown).
func newPolicy() vault.CertificatePolicy {
	return vault.CertificatePolicy{Key: vault.KeyProperties{Exportable: true}, Issuer: vault.IssuerParameters{Name: vault.IssuerUnknown}}
}

// into changes p to what a client says. It is checked by nobody yet.
func (in *certificatePolicyWire) into(p *vault.CertificatePolicy) error {
	if in == nil {
		return nil
	}
	if in.Key != nil {
		in.Key.into(&p.Key)
	}
	if in.Secret != nil {
		set(&p.ContentType, in.Secret.ContentType)
	}
	if in.X509 != nil {
		if err := in.X509.into(&p.X509); err != nil {
			return err
		}
	}
	if in.Issuer != nil {
		set(&p.Issuer.Name, in.Issuer.Name)
		set(&p.Issuer.Type, in.Issuer.Type)
		if in.Issuer.Transparency != nil {
			p.Issuer.Transparency = in.Issuer.Transparency
		}
	}
	if in.Actions != nil {
		p.Actions = []vault.LifetimeAction{}
		for _, a := range in.Actions {
			p.Actions = append(p.Actions, vault.LifetimeAction{Type: actionNamed(a.Action.Type), DaysBefore: a.Trigger.DaysBefore, Percentage: a.Trigger.Percentage})
		}
	}
	if in.Attributes != nil && in.Attributes.Enabled != nil {
		p.Disabled = !*in.Attributes.Enabled
	}
	return nil
}

// set writes what is not absent.
func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// into changes k; what the size of a key is depends on its type, so another type forgets it.
func (in *keyPropertiesWire) into(k *vault.KeyProperties) {
	if in.Type != nil && vault.KeyType(*in.Type) != k.Type {
		k.Type, k.Size, k.Curve = vault.KeyType(*in.Type), 0, ""
	}
	set(&k.Size, in.Size)
	set(&k.Curve, in.Curve)
	set(&k.Reuse, in.Reuse)
	set(&k.Exportable, in.Exportable)
}

func (in *x509PropertiesWire) into(x *vault.X509Properties) error {
	if in.Basic != nil && in.Basic.CA {
		return apierr.New(apierr.PropertyInvalid, "Certificates of a vault are no authorities: leave basic_constraints out.").At("policy.x509_props.basic_constraints")
	}
	set(&x.Subject, in.Subject)
	set(&x.Months, in.Months)
	if in.Uses != nil {
		x.Uses = in.Uses
	}
	if in.KeyUse != nil {
		x.KeyUse = in.KeyUse
	}
	if n := in.Names; n != nil {
		for _, list := range []struct{ to, from *[]string }{{&x.Names.Emails, &n.Emails}, {&x.Names.DNS, &n.DNS}, {&x.Names.UPNs, &n.UPNs},
			{&x.Names.URIs, &n.URIs}, {&x.Names.IPs, &n.IPs}} {
			if *list.from != nil {
				*list.to = *list.from
			}
		}
	}
	return nil
}

// actionNamed spells the type of an action as it is kept; clients write it in any case.
func actionNamed(name string) string {
	for _, known := range []string{vault.AutoRenew, vault.EmailContacts} {
		if strings.EqualFold(name, known) {
			return known
		}
	}
	return name
}

func (c *call) certificatePolicyOut(o *vault.Object) *certificatePolicyWire {
	if o.Policy == nil {
		return nil
	}
	p, enabled := o.Policy, !o.Policy.Disabled
	out := &certificatePolicyWire{
		ID: c.id(o.Kind, o.Name, "") + "/policy",
		Key: &keyPropertiesWire{Exportable: &p.Key.Exportable, Type: (*string)(&p.Key.Type), Size: pointer(p.Key.Size), Reuse: &p.Key.Reuse,
			Curve: pointer(p.Key.Curve)},
		Secret:     &secretPropertiesWire{ContentType: &p.ContentType},
		X509:       &x509PropertiesWire{Subject: &p.X509.Subject, Uses: orEmpty(p.X509.Uses), KeyUse: orEmpty(p.X509.KeyUse), Months: &p.X509.Months, Basic: &basicConstraint{}},
		Actions:    []lifetimeActionWire{},
		Issuer:     issuerParametersOut(&p.Issuer),
		Attributes: &policyAttributesInOut{Enabled: &enabled, Created: seconds(p.Created), Updated: seconds(p.Updated)},
	}
	if n := p.X509.Names; len(n.Emails)+len(n.DNS)+len(n.UPNs)+len(n.URIs)+len(n.IPs) > 0 {
		out.X509.Names = &namesWire{n.Emails, n.DNS, n.UPNs, n.URIs, n.IPs}
	}
	for _, a := range p.Actions {
		out.Actions = append(out.Actions, lifetimeActionWire{lifetimeTriggerWire{a.Percentage, a.DaysBefore}, lifetimeTypeWire{a.Type}})
	}
	return out
}

func issuerParametersOut(i *vault.IssuerParameters) *issuerParametersWire {
	return &issuerParametersWire{Name: &i.Name, Type: pointer(i.Type), Transparency: i.Transparency}
}

// pointer is nil for what is empty, which is not shown.
func pointer[T comparable](v T) *T {
	var empty T
	if v == empty {
		return nil
	}
	return &v
}

func orEmpty(list []string) []string { return append([]string{}, list...) }
