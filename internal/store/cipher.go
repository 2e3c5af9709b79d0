package store

import (
	"context"

	"github.com/inborn-id/inborn/internal/guid"
)

// Ciphers returns up to limit encrypted values that come after one, in an order of tenant and id that stays the same; the
// zero Cipher stands before the first. Erased values are left out.
func (s *Store) Ciphers(ctx context.Context, after Cipher, limit int) ([]Cipher, error) {
	rows, err := s.handles.Load().read.QueryContext(ctx, s.rewrite(`SELECT tenant, id, seq, ciphertext FROM cipher
		WHERE (tenant,id)>($1,$2) AND length(ciphertext)>0 ORDER BY tenant, id LIMIT $3`), after.Tenant.String(), after.ID, limit)
	if err != nil {
		return nil, s.fail("read the store", err)
	}
	defer rows.Close()
	var page []Cipher
	for rows.Next() {
		var c Cipher
		var tenant string
		if err := rows.Scan(&tenant, &c.ID, &c.Seq, &c.Ciphertext); err != nil {
			return nil, s.fail("read the store", err)
		}
		if c.Tenant, err = guid.Parse(tenant); err != nil {
			return nil, err
		}
		page = append(page, c)
	}
	return page, s.fail("read the store", rows.Err())
}

// CountCiphers returns how many encrypted values there are.
func (s *Store) CountCiphers(ctx context.Context) (n int, err error) {
	_, err = s.one(ctx, `SELECT count(*) FROM cipher WHERE length(ciphertext)>0`, nil, &n)
	return n, err
}

// Rewrapped is an encrypted value as Ciphers returned it, and the same value under another master key.
type Rewrapped struct {
	Was        Cipher
	Ciphertext []byte
}

// Scrub sees to it that ciphertexts that were replaced or erased are not found in the files any more: after a change of the
// master key, the former one would open them. An error is a StoreFailed; to try again helps. Files of PostgreSQL are its own.
func (s *Store) Scrub(ctx context.Context) error {
	if e, ok := s.engine.(interface{ scrub(context.Context) error }); ok {
		return s.fail("take what was erased out of the files", e.scrub(ctx))
	}
	return nil
}

// ReplaceCiphers puts each ciphertext in the place of the one that was read, unless that was written again or erased
// since. What the values mean stays the same, so this is no part of the log: the head does not move and no View changes.
// Few at a time keep the commits waiting for a few milliseconds only.
func (s *Store) ReplaceCiphers(ctx context.Context, all []Rewrapped) error {
	tx, err := s.handles.Load().write.BeginTx(ctx, nil)
	if err != nil {
		return s.fail("write to the store", err)
	}
	defer tx.Rollback()
	query := s.rewrite(`UPDATE cipher SET ciphertext=$1 WHERE tenant=$2 AND id=$3 AND seq=$4 AND ciphertext=$5`)
	for _, r := range all {
		if _, err := tx.ExecContext(ctx, query, r.Ciphertext, r.Was.Tenant.String(), r.Was.ID, r.Was.Seq, r.Was.Ciphertext); err != nil {
			return s.fail("write to the store", err)
		}
	}
	return s.fail("write to the store", tx.Commit())
}
