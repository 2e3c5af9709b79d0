package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
)

// Cipher returns the encrypted value of that id; false if there is none or it was erased.
func (s *Store) Cipher(ctx context.Context, tenant guid.GUID, id string) (Cipher, bool, error) {
	c := Cipher{Tenant: tenant, ID: id}
	found, err := s.one(ctx, `SELECT seq, ciphertext FROM cipher WHERE tenant=$1 AND id=$2`,
		[]any{tenant.String(), id}, &c.Seq, &c.Ciphertext)
	return c, found && len(c.Ciphertext) > 0, err
}

// Body returns the large or cold body kept under key.
func (s *Store) Body(ctx context.Context, key Key) ([]byte, bool, error) {
	var body []byte
	found, err := s.one(ctx, `SELECT body FROM body WHERE tenant=$1 AND kind=$2 AND id=$3`,
		[]any{key.Tenant.String(), key.Kind, key.ID}, &body)
	return body, found, err
}

// Operation returns the outcome remembered for a caller's own key.
func (s *Store) Operation(ctx context.Context, tenant guid.GUID, key string) (Operation, bool, error) {
	o := Operation{Tenant: tenant, Key: key}
	var at int64
	found, err := s.one(ctx, `SELECT seq, result, at FROM operation WHERE tenant=$1 AND op_key=$2`,
		[]any{tenant.String(), key}, &o.Seq, &o.Result, &at)
	o.At = time.UnixMicro(at).UTC()
	return o, found, err
}

// one reads at most one row.
func (s *Store) one(ctx context.Context, query string, args []any, dest ...any) (bool, error) {
	err := s.handles.Load().read.QueryRowContext(ctx, s.rewrite(query), args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, s.fail("read the store", err)
}
