package keyvault

import (
	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/vault"
)

type failureWire struct {
	Error failure `json:"error"`
}

type failure struct {
	Code    string        `json:"code"`
	Message string        `json:"message"`
	Inner   *innerFailure `json:"innererror,omitempty"`
}

type innerFailure struct {
	Code string `json:"code"`
}

type pageWire struct {
	Value    []any   `json:"value"`
	NextLink *string `json:"nextLink"`
}

// attributesWire are times in seconds since 1970.
type attributesWire struct {
	Enabled         bool   `json:"enabled"`
	NotBefore       *int64 `json:"nbf,omitempty"`
	Expires         *int64 `json:"exp,omitempty"`
	Created         *int64 `json:"created,omitempty"`
	Updated         *int64 `json:"updated,omitempty"`
	RecoveryLevel   string `json:"recoveryLevel"`
	RecoverableDays int    `json:"recoverableDays"`
	Exportable      *bool  `json:"exportable,omitempty"` // of keys
}

func (c *call) attributes(v *vault.Version) attributesWire {
	return attributesWire{Enabled: v.Enabled, NotBefore: seconds(v.NotBefore), Expires: seconds(v.Expires), Created: seconds(v.Created),
		Updated: seconds(v.Updated), RecoveryLevel: c.set.RecoveryLevel(), RecoverableDays: c.set.Retention}
}

// attributesIn is what a client says of a version. What is absent stays as it is.
type attributesIn struct {
	Enabled    *bool  `json:"enabled"`
	NotBefore  *int64 `json:"nbf"`
	Expires    *int64 `json:"exp"`
	Exportable *bool  `json:"exportable"`
}

// into changes a to what the client says.
func (in *attributesIn) into(a *vault.Attributes) (err error) {
	if in == nil {
		return nil
	}
	if in.Enabled != nil {
		a.Enabled = *in.Enabled
	}
	if in.NotBefore != nil {
		if a.NotBefore, err = vault.Time(*in.NotBefore, "attributes.nbf"); err != nil {
			return err
		}
	}
	if in.Expires != nil {
		if a.Expires, err = vault.Time(*in.Expires, "attributes.exp"); err != nil {
			return err
		}
	}
	return a.Check()
}

// deletedWire is what a deleted object says beside what it was.
type deletedWire struct {
	RecoveryID string `json:"recoveryId"`
	Deleted    *int64 `json:"deletedDate"`
	Purge      *int64 `json:"scheduledPurgeDate"`
}

// gone returns the words of a deleted object; nil for one that is not.
func (c *call) gone(o *vault.Object) *deletedWire {
	if !o.IsDeleted() {
		return nil
	}
	return &deletedWire{RecoveryID: c.id("deleted"+o.Kind, o.Name, ""), Deleted: seconds(o.Deleted), Purge: seconds(o.Purge)}
}

// valueWire is a backup.
type valueWire struct {
	Value *string `json:"value"`
}

func missing(property string) error {
	return apierr.New(apierr.PropertyInvalid, "Property has invalid value: the property %s is missing.", property).At(property)
}
