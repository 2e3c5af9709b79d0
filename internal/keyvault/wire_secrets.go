package keyvault

import "github.com/inborn-id/inborn/internal/vault"

// secretWire is a secret, with or without its value, and also one row of a list.
type secretWire struct {
	Value       *string           `json:"value,omitempty"`
	ID          string            `json:"id"`
	ContentType string            `json:"contentType,omitempty"`
	Attributes  attributesWire    `json:"attributes"`
	Tags        map[string]string `json:"tags,omitempty"`
	KeyID       string            `json:"kid,omitempty"` // of the certificate that it belongs to
	Managed     bool              `json:"managed,omitempty"`
	*deletedWire
}

type secretIn struct {
	Value       *string           `json:"value"`
	ContentType *string           `json:"contentType"`
	Tags        map[string]string `json:"tags"`
	Attributes  *attributesIn     `json:"attributes"`
}

func (c *call) secretOut(o *vault.Object, v *vault.Version, id string) secretWire {
	out := secretWire{ID: id, ContentType: v.ContentType, Attributes: c.attributes(v), Tags: v.Tags, Managed: v.Managed, deletedWire: c.gone(o)}
	if v.Managed {
		out.KeyID = c.id(vault.Keys, v.Name, v.ID)
	}
	return out
}

// secretForm is how secrets look.
func secretForm() form {
	return form{kind: vault.Secrets, list: vault.SecretsList, delete: vault.SecretsDelete, getDeleted: vault.SecretsGetDeleted,
		recover: vault.SecretsRecover, purge: vault.SecretsPurge, backup: vault.SecretsBackup, restore: vault.SecretsRestore,
		bundle: func(c *call, o *vault.Object, v *vault.Version) any {
			return c.secretOut(o, v, c.id(v.Kind, v.Name, v.ID))
		},
		item: func(c *call, o *vault.Object, v *vault.Version, id string) any {
			out := c.secretOut(o, v, id)
			out.KeyID = ""
			return out
		},
	}
}
