package server

import (
	"context"

	"github.com/inborn-id/inborn/internal/guid"
)

// seal encrypts for what context addresses, under the master key.
func (k *keys) seal(context []string, plaintext []byte) ([]byte, error) {
	return k.master.Encrypt(context, plaintext)
}

// cipher returns a ciphertext that a change stored.
func (k *keys) cipher(ctx context.Context, tenant guid.GUID, id string) (ciphertext []byte, found bool, err error) {
	c, found, err := k.store.Cipher(ctx, tenant, id)
	return c.Ciphertext, found, err
}
