package arm

import (
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

// Application settings, connection strings and keys are documents beside their resource: encrypted in the store, named in
// the View, and opened only by the operation that is asked for them (Config.Seal, Open and Cipher).

// secret is a text that stands in no log, trace or error: however it is printed, it prints as ***. Only string(s) tells.
type secret string

const masked = "***"

// Format implements fmt.Formatter for every verb.
func (secret) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, masked) }

// MarshalJSON writes the mask: whoever is to read the secret is answered with a string.
func (secret) MarshalJSON() ([]byte, error) { return []byte(`"` + masked + `"`), nil }

// LogValue implements slog.LogValuer.
func (secret) LogValue() slog.Value { return slog.StringValue(masked) }

// sealedContext is what a document is bound to: a ciphertext that is copied to another tenant, resource or name does not
// open there.
func (c *call) sealedContext(id resource.ID, name string) []string {
	return state.CipherContext(c.dir.Tenant().ID, state.SealedCipher(id, name))
}

// seal encrypts a document of the resource id, before the change that stores it is decided.
func (c *call) seal(id resource.ID, name string, text secret) (state.Sealed, error) {
	ciphertext, err := c.Seal(c.sealedContext(id, name), []byte(text))
	return state.Sealed{Name: name, Ciphertext: ciphertext}, err
}

// unseal returns a document of r; false if it has none of that name.
func (c *call) unseal(r *resource.Resource, name string) (text secret, found bool, err error) {
	if _, named := slices.BinarySearch(r.Sealed, name); !named {
		return "", false, nil
	}
	ciphertext, found, err := c.Cipher(c.r.Context(), c.dir.Tenant().ID, state.SealedCipher(r.ID, name))
	if err != nil || !found { // erased since the View
		return "", false, err
	}
	plain, err := c.Open(c.sealedContext(r.ID, name), ciphertext)
	return secret(plain), err == nil, err
}

// keep returns a document of the resource in the path and makes it with fresh content if there is none yet: keys are
// born when somebody asks for them first.
func (c *call) keep(r *resource.Resource, name string, fresh func() (secret, error)) (secret, error) {
	text, found, err := c.unseal(r, name)
	if err != nil || found {
		return text, err
	}
	text, err = fresh()
	if err != nil {
		return "", err
	}
	sealed, err := c.seal(r.ID, name, text)
	if err != nil {
		return "", err
	}
	late := false
	err = c.update(func(d *state.Draft) error {
		now, err := findResource(d.Directory(), r.ID)
		if err != nil {
			return err
		}
		if _, late = slices.BinarySearch(now.Sealed, name); late {
			r = now
			return nil
		}
		return d.PutSealed(r.ID, sealed)
	})
	if err != nil || !late {
		return text, err
	}
	text, found, err = c.unseal(r, name) // somebody else was faster
	if err == nil && !found {
		err = apierr.New(apierr.ObjectExists, "The resource '%s' was changed at the same time. Repeat the request.", r.ID.Name()).At(string(r.ID))
	}
	return text, err
}

// newKey returns size random bytes as base64.
func (c *call) newKey(size int) (secret, error) {
	b := make([]byte, size)
	if _, err := io.ReadFull(c.Random, b); err != nil {
		return "", err
	}
	return secret(base64.StdEncoding.EncodeToString(b)), nil
}
