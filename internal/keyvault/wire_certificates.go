package keyvault

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/vault"
)

// certificateWire is a version of a certificate on its own. One that is pending has neither key nor secret nor certificate.
type certificateWire struct {
	ID         string                 `json:"id"`
	KeyID      string                 `json:"kid,omitempty"`
	SecretID   string                 `json:"sid,omitempty"`
	Thumbprint string                 `json:"x5t,omitempty"` // SHA-1, base64url
	DER        []byte                 `json:"cer,omitempty"`
	Attributes attributesWire         `json:"attributes"`
	Tags       map[string]string      `json:"tags,omitempty"`
	Policy     *certificatePolicyWire `json:"policy,omitempty"`
	Pending    *pendingLinkWire       `json:"pending,omitempty"`
	*deletedWire
}

type pendingLinkWire struct {
	ID string `json:"id"`
}

// certificateItemWire is a certificate, or a version of it, as one row of a list.
type certificateItemWire struct {
	ID         string            `json:"id"`
	Thumbprint string            `json:"x5t,omitempty"`
	Attributes attributesWire    `json:"attributes"`
	Tags       map[string]string `json:"tags,omitempty"`
	*deletedWire
}

// certificateIn is a certificate to be made, imported or merged, and what is to be changed of one.
type certificateIn struct {
	Policy     *certificatePolicyWire `json:"policy"`
	Attributes *attributesIn          `json:"attributes"`
	Tags       map[string]string      `json:"tags"`

	Value        *string  `json:"value"` // of an import
	Password     string   `json:"pwd"`
	Certificates []string `json:"x5c"` // of a merge, base64
}

// enabled is whether the version that is made is enabled, if the policy does not say it is not.
func (in *certificateIn) enabled(p *vault.CertificatePolicy) bool {
	if in.Attributes != nil && in.Attributes.Enabled != nil {
		return *in.Attributes.Enabled
	}
	return !p.Disabled
}

// chain reads the certificates of a merge. Base64 of DER is the rule; clients also send base64 of PEM, or of base64, which
// the service's certificate store reads all the same.
func (in *certificateIn) chain() (all [][]byte, err error) {
	for _, text := range in.Certificates {
		der, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, apierr.New(apierr.PropertyInvalid, "Property x5c has invalid value: a certificate to merge is not in base64.").At("x5c")
		}
		if block, _ := pem.Decode(der); block != nil {
			der = block.Bytes
		} else if inner, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(der))); err == nil {
			der = inner
		}
		all = append(all, der)
	}
	return all, nil
}

// pendingWire is the operation that makes a version.
type pendingWire struct {
	ID        string                `json:"id"`
	Issuer    *issuerParametersWire `json:"issuer"`
	Request   []byte                `json:"csr,omitempty"`
	Cancel    bool                  `json:"cancellation_requested"`
	Status    string                `json:"status"`
	Details   string                `json:"status_details,omitempty"`
	Target    string                `json:"target,omitempty"`
	RequestID string                `json:"request_id"`
	Error     *failure              `json:"error,omitempty"`
}

type pendingIn struct {
	Cancel *bool `json:"cancellation_requested"`
}

// issuerWire is an issuer that a vault knows; the password never comes out again.
type issuerWire struct {
	ID           string                `json:"id,omitempty"`
	Provider     *string               `json:"provider,omitempty"`
	Credentials  *credentialsWire      `json:"credentials,omitempty"`
	Organization *organizationWire     `json:"org_details,omitempty"`
	Attributes   *issuerAttributesWire `json:"attributes,omitempty"`
}

type credentialsWire struct {
	Account  *string `json:"account_id,omitempty"`
	Password *string `json:"pwd,omitempty"`
}

type organizationWire struct {
	ID     *string     `json:"id,omitempty"`
	Admins []adminWire `json:"admin_details,omitempty"`
}

type adminWire struct {
	FirstName string `json:"first_name,omitempty"`
	LastName  string `json:"last_name,omitempty"`
	Email     string `json:"email,omitempty"`
	Phone     string `json:"phone,omitempty"`
}

type issuerAttributesWire struct {
	Enabled *bool  `json:"enabled,omitempty"`
	Created *int64 `json:"created,omitempty"`
	Updated *int64 `json:"updated,omitempty"`
}

type contactsWire struct {
	ID       string        `json:"id,omitempty"`
	Contacts []contactWire `json:"contacts"`
}

type contactWire struct {
	Email string `json:"email,omitempty"`
	Name  string `json:"name,omitempty"`
	Phone string `json:"phone,omitempty"`
}

func (c *call) certificateOut(o *vault.Object, v *vault.Version) certificateWire {
	out := certificateWire{ID: c.id(v.Kind, v.Name, v.ID), Attributes: c.attributes(v), Tags: v.Tags, Policy: c.certificatePolicyOut(o), deletedWire: c.gone(o)}
	if o.Pending != nil {
		out.Pending = &pendingLinkWire{c.pendingID(o.Name)}
	}
	if !v.IsPending() {
		out.KeyID, out.SecretID = c.id(vault.Keys, v.Name, v.ID), c.id(vault.Secrets, v.Name, v.ID)
		out.Thumbprint, out.DER = encode(vault.Thumbprint(v.Certificate)), v.Certificate
	}
	return out
}

// certificateForm is how certificates look.
func certificateForm() form {
	return form{kind: vault.Certificates, list: vault.CertificatesList, delete: vault.CertificatesDelete, getDeleted: vault.CertificatesGet,
		recover: vault.CertificatesRecover, purge: vault.CertificatesPurge, backup: vault.CertificatesBackup, restore: vault.CertificatesRestore,
		bundle: func(c *call, o *vault.Object, v *vault.Version) any { return c.certificateOut(o, v) },
		item: func(c *call, o *vault.Object, v *vault.Version, id string) any {
			out := certificateItemWire{ID: id, Attributes: c.attributes(v), Tags: v.Tags, deletedWire: c.gone(o)}
			if !v.IsPending() {
				out.Thumbprint = encode(vault.Thumbprint(v.Certificate))
			}
			return out
		},
	}
}

func (c *call) pendingID(name string) string { return c.id(vault.Certificates, name, "") + "/pending" }

// The sentences by which the service says how far an operation is.
const (
	detailsMerge  = "Pending certificate created. Please Perform Merge to complete the request."
	detailsIssuer = "Pending certificate created. Certificate request is in progress. This may take some time based on the issuer provider. Please check again later."
)

func (c *call) pendingOut(name string, p *vault.Pending) pendingWire {
	out := pendingWire{ID: c.pendingID(name), Issuer: issuerParametersOut(&vault.IssuerParameters{Name: p.Issuer}), Request: p.Request, Cancel: p.Cancel,
		Status: p.Status, RequestID: p.ID}
	switch p.Status {
	case vault.PendingInProgress:
		out.Details = detailsIssuer
		if !c.signsHere(p.Issuer) {
			out.Details = detailsMerge
		}
	case vault.PendingCompleted:
		out.Target = c.id(vault.Certificates, name, "")
	case vault.PendingFailed:
		out.Error = &failure{Code: "Request rejected", Message: p.Message}
	}
	return out
}

// into changes i to what a client says.
func (in *issuerWire) into(i *vault.Issuer) {
	set(&i.Provider, in.Provider)
	if in.Credentials != nil {
		set(&i.Account, in.Credentials.Account)
	}
	if o := in.Organization; o != nil {
		set(&i.Organization, o.ID)
		if o.Admins != nil {
			i.Admins = nil
			for _, a := range o.Admins {
				i.Admins = append(i.Admins, vault.Administrator(a))
			}
		}
	}
	if in.Attributes != nil {
		set(&i.Enabled, in.Attributes.Enabled)
	}
}

func (c *call) issuerOut(i *vault.Issuer) issuerWire {
	out := issuerWire{ID: c.base() + "/certificates/issuers/" + i.Name, Provider: &i.Provider, Credentials: &credentialsWire{Account: pointer(i.Account)},
		Organization: &organizationWire{ID: pointer(i.Organization)},
		Attributes:   &issuerAttributesWire{Enabled: &i.Enabled, Created: seconds(i.Created), Updated: seconds(i.Updated)}}
	for _, a := range i.Admins {
		out.Organization.Admins = append(out.Organization.Admins, adminWire(a))
	}
	return out
}

func (c *call) contactsOut(all *vault.Contacts) contactsWire {
	out := contactsWire{ID: c.base() + "/certificates/contacts", Contacts: []contactWire{}}
	for _, one := range all.List {
		out.Contacts = append(out.Contacts, contactWire(one))
	}
	return out
}

// isTrue reports whether a query parameter is true, in any case.
func (c *call) isTrue(parameter string) bool {
	return strings.EqualFold(c.r.URL.Query().Get(parameter), "true")
}
