package keyvault

import (
	"context"
	"net/http"

	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// Each use of a key is decided on the newest state: a version that was just disabled, or a role just removed, is so for
// this request. What is remembered is the private key alone, since to open and read one takes as long as to sign with it.

func (c *call) encrypt() error { return c.use(vault.Encrypt, c.encryption) }
func (c *call) wrap() error    { return c.use(vault.WrapKey, c.encryption) }
func (c *call) decrypt() error { return c.use(vault.Decrypt, c.decryption) }
func (c *call) unwrap() error  { return c.use(vault.UnwrapKey, c.decryption) }
func (c *call) sign() error    { return c.use(vault.Sign, c.signature) }

// operation does something with a key and a value.
type operation func(a vault.Algorithm, value []byte) ([]byte, error)

func (c *call) encryption(v *vault.Version) (operation, error) {
	return func(a vault.Algorithm, value []byte) ([]byte, error) { return v.Key.Encrypt(c.Random, a, value) }, nil
}

func (c *call) decryption(v *vault.Version) (operation, error) {
	k, err := c.privateKey(c.r.Context(), c.dir, v)
	if err != nil {
		return nil, err
	}
	return k.Decrypt, nil
}

func (c *call) signature(v *vault.Version) (operation, error) {
	k, err := c.privateKey(c.r.Context(), c.dir, v)
	if err != nil {
		return nil, err
	}
	return func(a vault.Algorithm, digest []byte) ([]byte, error) { return k.Sign(c.Random, a, digest) }, nil
}

// use does one operation with the key in the path and answers with what came out.
func (c *call) use(o vault.Operation, with func(v *vault.Version) (operation, error)) error {
	v, in, value, err := c.usable(o)
	if err != nil {
		return err
	}
	do, err := with(v)
	if err != nil {
		return err
	}
	var out []byte
	err = c.inTurn(func() (err error) {
		out, err = do(in.Algorithm, value)
		return err
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, useWire{ID: c.id(v.Kind, v.Name, v.ID), Value: encode(out)})
}

// inTurn calls work, which keeps a processor busy, when its turn comes. So many requests that sign hold up neither each
// other nor those that only read.
func (c *call) inTurn(work func() error) (err error) {
	if waited := c.Signer.Do(c.r.Context(), func() { err = work() }); waited != nil {
		return waited
	}
	return err
}

// atLeisure calls work that may take longer than anybody should wait for a signature, such as to open a file that was
// encrypted with great effort, when it is its turn among such work.
func (c *call) atLeisure(work func() error) (err error) {
	if waited := c.makers.Do(c.r.Context(), func() { err = work() }); waited != nil {
		return waited
	}
	return err
}

// verify says whether a signature is one of a digest.
func (c *call) verify() error {
	v, in, signature, err := c.usable(vault.Verify)
	if err != nil {
		return err
	}
	digest, err := decode(in.Digest, "digest")
	if err != nil {
		return err
	}
	var valid bool
	err = c.inTurn(func() (err error) {
		valid, err = v.Key.Verify(in.Algorithm, digest, signature)
		return err
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, verifiedWire{Value: valid})
}

// usable returns the version in the path, if it may be used for o now, and what it is to be used with.
func (c *call) usable(o vault.Operation) (v *vault.Version, in useIn, value []byte, err error) {
	if _, v, err = c.find(); err != nil {
		return nil, in, nil, err
	}
	c.version = v.ID // for the access log
	if err = v.CheckUse(o, c.Now()); err != nil {
		return nil, in, nil, err
	}
	if err = c.read(&in); err != nil {
		return nil, in, nil, err
	}
	if in.Algorithm == "" {
		return nil, in, nil, missing("alg")
	}
	value, err = decode(in.Value, "value")
	return v, in, value, err
}

// privateKey returns the private half of a version, ready to be used.
func (a *api) privateKey(ctx context.Context, dir *state.Directory, v *vault.Version) (*vault.PrivateKey, error) {
	if k, ok := a.keys.get(v); ok {
		return k, nil
	}
	der, err := a.openHalf(ctx, dir, v)
	if err != nil {
		return nil, err
	}
	k, err := vault.ParseKey(der)
	if err != nil {
		return nil, err
	}
	a.keys.put(dir.Tenant().ID, v, k, 1)
	return k, nil
}
