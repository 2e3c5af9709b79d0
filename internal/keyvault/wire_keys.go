package keyvault

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/vault"
)

// keyWire is a key on its own.
type keyWire struct {
	Key        jwkWire           `json:"key"`
	Attributes attributesWire    `json:"attributes"`
	Tags       map[string]string `json:"tags,omitempty"`
	Managed    bool              `json:"managed,omitempty"`
	*deletedWire
}

// keyItemWire is a key as one row of a list.
type keyItemWire struct {
	ID         string            `json:"kid"`
	Attributes attributesWire    `json:"attributes"`
	Tags       map[string]string `json:"tags,omitempty"`
	Managed    bool              `json:"managed,omitempty"`
	*deletedWire
}

// jwkWire is a JSON Web Key without its private half (RFC 7517).
type jwkWire struct {
	ID         string            `json:"kid"`
	Type       vault.KeyType     `json:"kty"`
	Operations []vault.Operation `json:"key_ops"`
	N          string            `json:"n,omitempty"`
	E          string            `json:"e,omitempty"`
	Curve      string            `json:"crv,omitempty"`
	X          string            `json:"x,omitempty"`
	Y          string            `json:"y,omitempty"`
}

// keyIn is a key to be made, and what is to be changed of one.
type keyIn struct {
	Type       string            `json:"kty"`
	Size       int               `json:"key_size"`
	Exponent   int               `json:"public_exponent"`
	Curve      string            `json:"crv"`
	Operations []string          `json:"key_ops"`
	Attributes *attributesIn     `json:"attributes"`
	Tags       map[string]string `json:"tags"`
	Release    json.RawMessage   `json:"release_policy"`

	HSM bool   `json:"hsm"` // of an import, as Key
	Key *jwkIn `json:"key"`
}

// jwkIn is a JSON Web Key with its private half.
type jwkIn struct {
	Type       string   `json:"kty"`
	Operations []string `json:"key_ops"`
	Curve      string   `json:"crv"`
	N          *string  `json:"n"`
	E          *string  `json:"e"`
	D          *string  `json:"d"`
	P          *string  `json:"p"`
	Q          *string  `json:"q"`
	DP         *string  `json:"dp"`
	DQ         *string  `json:"dq"`
	QI         *string  `json:"qi"`
	X          *string  `json:"x"`
	Y          *string  `json:"y"`
	K          *string  `json:"k"`
	T          *string  `json:"key_hsm"`
}

// members decodes the numbers of a key.
func (in *jwkIn) members() (*vault.JWK, error) {
	j := &vault.JWK{Type: in.Type, Curve: in.Curve, HasSymmetric: in.K != nil || in.T != nil}
	for _, m := range []struct {
		name string
		from *string
		to   *[]byte
	}{{"n", in.N, &j.N}, {"e", in.E, &j.E}, {"d", in.D, &j.D}, {"p", in.P, &j.P}, {"q", in.Q, &j.Q}, {"dp", in.DP, &j.DP},
		{"dq", in.DQ, &j.DQ}, {"qi", in.QI, &j.QI}, {"x", in.X, &j.X}, {"y", in.Y, &j.Y}} {
		if m.from == nil {
			continue
		}
		var err error
		if *m.to, err = decode(m.from, "key."+m.name); err != nil {
			return nil, err
		}
	}
	return j, nil
}

// useIn is what is done with a key.
type useIn struct {
	Algorithm vault.Algorithm `json:"alg"`
	Value     *string         `json:"value"`
	Digest    *string         `json:"digest"` // that Value, a signature, is verified of
}

// useWire is what came out of it.
type useWire struct {
	ID    string `json:"kid"`
	Value string `json:"value"`
}

type verifiedWire struct {
	Value bool `json:"value"`
}

// policyWire is a rotation policy, in both directions.
type policyWire struct {
	ID         string                `json:"id,omitempty"`
	Actions    []actionWire          `json:"lifetimeActions"`
	Attributes *policyAttributesWire `json:"attributes"`
}

type actionWire struct {
	Trigger triggerWire    `json:"trigger"`
	Action  actionTypeWire `json:"action"`
}

type triggerWire struct {
	AfterCreate  string `json:"timeAfterCreate,omitempty"`
	BeforeExpiry string `json:"timeBeforeExpiry,omitempty"`
}

type actionTypeWire struct {
	Type string `json:"type"`
}

type policyAttributesWire struct {
	Expiry  string `json:"expiryTime,omitempty"`
	Created *int64 `json:"created,omitempty"`
	Updated *int64 `json:"updated,omitempty"`
}

// encode spells bytes in base64url, as everything of a JSON Web Key.
func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// decode reads base64url, with or without padding; property is where it stands. Its error shows nothing of the text, which
// may be secret.
func decode(text *string, property string) ([]byte, error) {
	if text == nil {
		return nil, missing(property)
	}
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(*text, "="))
	if err != nil {
		return nil, apierr.New(apierr.PropertyInvalid, "Property has invalid value: %s is not encoded with base64url.", property).At(property)
	}
	return b, nil
}

func (c *call) keyOut(o *vault.Object, v *vault.Version) keyWire {
	k := v.Key
	return keyWire{
		Key: jwkWire{ID: c.id(v.Kind, v.Name, v.ID), Type: k.Type, Operations: append([]vault.Operation{}, k.Operations...),
			N: encode(k.N), E: encode(k.E), Curve: k.Curve, X: encode(k.X), Y: encode(k.Y)},
		Attributes: c.keyAttributes(v), Tags: v.Tags, Managed: v.Managed, deletedWire: c.gone(o),
	}
}

func (c *call) keyAttributes(v *vault.Version) attributesWire {
	a := c.attributes(v)
	a.Exportable = &v.Key.Exportable
	return a
}

// keyForm is how keys look.
func keyForm() form {
	return form{kind: vault.Keys, list: vault.KeysList, delete: vault.KeysDelete, getDeleted: vault.KeysGet, recover: vault.KeysRecover,
		purge: vault.KeysPurge, backup: vault.KeysBackup, restore: vault.KeysRestore,
		bundle: func(c *call, o *vault.Object, v *vault.Version) any { return c.keyOut(o, v) },
		item: func(c *call, o *vault.Object, v *vault.Version, id string) any {
			return keyItemWire{ID: id, Attributes: c.keyAttributes(v), Tags: v.Tags, Managed: v.Managed, deletedWire: c.gone(o)}
		},
	}
}

func policyOut(id string, p *vault.RotationPolicy) policyWire {
	out := policyWire{ID: id, Actions: []actionWire{}, Attributes: &policyAttributesWire{Expiry: p.Expiry.String(), Created: seconds(p.Created), Updated: seconds(p.Updated)}}
	for _, a := range p.Actions {
		out.Actions = append(out.Actions, actionWire{Trigger: triggerWire{a.AfterCreate.String(), a.BeforeExpiry.String()}, Action: actionTypeWire{a.Type}})
	}
	return out
}

// policy reads a policy as a client writes it, before it is checked.
func (in *policyWire) policy() (p vault.RotationPolicy, err error) {
	duration := func(text, property string) (d vault.Duration) {
		if text != "" && err == nil {
			d, err = vault.ParseDuration(text, property)
		}
		return d
	}
	if in.Attributes != nil {
		p.Expiry = duration(in.Attributes.Expiry, "attributes.expiryTime")
	}
	for _, a := range in.Actions {
		action := vault.RotationAction{Type: a.Action.Type, AfterCreate: duration(a.Trigger.AfterCreate, "lifetimeActions.trigger.timeAfterCreate"),
			BeforeExpiry: duration(a.Trigger.BeforeExpiry, "lifetimeActions.trigger.timeBeforeExpiry")}
		for _, known := range []string{vault.Rotate, vault.Notify} {
			if strings.EqualFold(action.Type, known) { // wire fact: compared without case
				action.Type = known
			}
		}
		p.Actions = append(p.Actions, action)
	}
	return p, err
}
