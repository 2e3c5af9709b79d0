package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
)

// Accesses are what one principal did with a vault in a short time: a part of the vault's access log. The log lies where
// the traces are. What was committed outlives this process, but not always the power.
type Accesses struct {
	Tenant    guid.GUID
	Vault     string
	Last      time.Time // microseconds count, as of First
	N         int64     // tells the parts of one time apart
	First     time.Time
	Principal string
	Caller    string
	Entries   int
	Body      []byte
}

// AddAccesses writes all parts, or none if there is an error.
func (s *Store) AddAccesses(ctx context.Context, all []Accesses) error {
	return s.fail("write the access log", s.addAccesses(ctx, all))
}

func (s *Store) addAccesses(ctx context.Context, all []Accesses) error {
	db, err := s.traces.database(ctx)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	insert, err := tx.PrepareContext(ctx, s.rewrite(`INSERT INTO access(tenant,vault,last,n,first,principal,caller,entries,body)
		VALUES($1,$2,$3,$4,$5,$6,$7,$8,$9)`))
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, a := range all {
		if _, err := insert.ExecContext(ctx, a.Tenant.String(), a.Vault, a.Last.UnixMicro(), a.N, a.First.UnixMicro(), a.Principal, a.Caller,
			a.Entries, notNil(a.Body)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// AccessQuery says which parts of a log are asked for. What is zero does not matter.
type AccessQuery struct {
	From   time.Time // of parts that end no sooner
	To     time.Time // and no later
	Caller string    // principal or caller; the case of letters does not count
}

// Accesses walks the parts of a vault's log that fit, those first that ended last.
func (s *Store) Accesses(ctx context.Context, tenant guid.GUID, vault string, q AccessQuery) iter.Seq2[Accesses, error] {
	return func(yield func(Accesses, error) bool) {
		rows, err := s.queryAccesses(ctx, tenant, vault, q)
		if err != nil {
			yield(Accesses{}, s.fail("read the access log", err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			a := Accesses{Tenant: tenant, Vault: vault}
			var last, first int64
			err := rows.Scan(&last, &a.N, &first, &a.Principal, &a.Caller, &a.Entries, &a.Body)
			a.Last, a.First = time.UnixMicro(last).UTC(), time.UnixMicro(first).UTC()
			if !yield(a, s.fail("read the access log", err)) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(Accesses{}, s.fail("read the access log", err))
		}
	}
}

func (s *Store) queryAccesses(ctx context.Context, tenant guid.GUID, vault string, q AccessQuery) (*sql.Rows, error) {
	db, err := s.traces.database(ctx)
	if err != nil {
		return nil, err
	}
	from, to := int64(math.MinInt64), int64(math.MaxInt64)
	if !q.From.IsZero() {
		from = q.From.UnixMicro()
	}
	if !q.To.IsZero() {
		to = q.To.UnixMicro()
	}
	return db.QueryContext(ctx, s.rewrite(`SELECT last,n,first,principal,caller,entries,body FROM access WHERE tenant=$1 AND vault=$2
		AND last>=$3 AND last<=$4 AND ($5='' OR principal=lower($5) OR caller=$5 OR lower(caller)=lower($5)) ORDER BY last DESC, n DESC`),
		tenant.String(), vault, from, to, q.Caller)
}

// TrimmedAccesses says how many entries of one principal were too many for the log of a vault.
type TrimmedAccesses struct {
	Tenant    guid.GUID
	Vault     string
	Principal string
	Entries   int64
}

// TrimAccesses deletes what ended before that time, and of logs with more than keep entries so much that about nine tenths
// of that are left. Each principal then loses the oldest of what it has above a number that is the same for all: who
// floods a log drives out entries of its own and nobody else's. It works in small writes between those of others.
func (s *Store) TrimAccesses(ctx context.Context, before time.Time, keep int64) ([]TrimmedAccesses, error) {
	db, err := s.traces.database(ctx)
	if err != nil {
		return nil, s.fail("trim the access log", err)
	}
	t := trim{ctx: ctx, db: db, rewrite: s.rewrite}
	err = t.each(func(tenant guid.GUID, vault string) error {
		if err := t.expire(tenant, vault, before); err != nil {
			return err
		}
		return t.level(tenant, vault, keep)
	})
	return t.trimmed, s.fail("trim the access log", err)
}

// trim is one run of TrimAccesses.
type trim struct {
	ctx     context.Context
	db      *sql.DB
	rewrite func(string) string
	trimmed []TrimmedAccesses
}

// each walks the logs that there are, without reading them.
func (t *trim) each(do func(tenant guid.GUID, vault string) error) error {
	tenant, vault := "", ""
	for {
		err := t.db.QueryRowContext(t.ctx, t.rewrite(`SELECT tenant, vault FROM access WHERE (tenant,vault)>($1,$2) ORDER BY tenant, vault LIMIT 1`),
			tenant, vault).Scan(&tenant, &vault)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		id, err := guid.Parse(tenant)
		if err != nil {
			return err
		}
		if err := do(id, vault); err != nil {
			return err
		}
	}
}

func (t *trim) expire(tenant guid.GUID, vault string, before time.Time) error {
	for {
		result, err := t.db.ExecContext(t.ctx, t.rewrite(`DELETE FROM access WHERE tenant=$1 AND vault=$2 AND (last,n) IN
			(SELECT last, n FROM access WHERE tenant=$1 AND vault=$2 AND last<$3 LIMIT $4)`), tenant.String(), vault, before.UnixMicro(), sweepBatch)
		if err != nil {
			return err
		}
		if gone, err := result.RowsAffected(); err != nil || gone < sweepBatch {
			return err
		}
	}
}

// level brings a log that is too long to nine tenths of what is kept.
func (t *trim) level(tenant guid.GUID, vault string, keep int64) error {
	held, total, err := t.holders(tenant, vault)
	if err != nil || total <= keep {
		return err
	}
	most := levelOf(held, keep-keep/10)
	for _, h := range held {
		if h.Entries <= most {
			continue
		}
		gone, err := t.drop(h, h.Entries-most)
		if err != nil {
			return err
		}
		t.trimmed = append(t.trimmed, TrimmedAccesses{h.Tenant, h.Vault, h.Principal, gone})
	}
	return nil
}

// drop deletes the oldest parts of a principal until at most that many entries are gone, and says how many are.
func (t *trim) drop(h TrimmedAccesses, most int64) (gone int64, err error) {
	for {
		batch, entries, err := t.oldest(h, most-gone)
		if err != nil || len(batch) == 0 {
			return gone, err
		}
		tx, err := t.db.BeginTx(t.ctx, nil)
		if err != nil {
			return gone, err
		}
		for _, at := range batch {
			if _, err := tx.ExecContext(t.ctx, t.rewrite(`DELETE FROM access WHERE tenant=$1 AND vault=$2 AND last=$3 AND n=$4`),
				h.Tenant.String(), h.Vault, at[0], at[1]); err != nil {
				return gone, errors.Join(err, tx.Rollback())
			}
		}
		if err := tx.Commit(); err != nil {
			return gone, err
		}
		gone += entries
	}
}

// oldest returns last and n of the oldest parts of a principal that have no more entries than that together.
func (t *trim) oldest(h TrimmedAccesses, most int64) (batch [][2]int64, entries int64, err error) {
	rows, err := t.db.QueryContext(t.ctx, t.rewrite(`SELECT last, n, entries FROM access WHERE tenant=$1 AND vault=$2 AND principal=$3
		ORDER BY last, n LIMIT $4`), h.Tenant.String(), h.Vault, h.Principal, sweepBatch)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var at [2]int64
		var n int64
		if err := rows.Scan(&at[0], &at[1], &n); err != nil {
			return nil, 0, err
		}
		if entries+n > most {
			break
		}
		batch, entries = append(batch, at), entries+n
	}
	return batch, entries, rows.Err()
}

// holders returns how many entries each principal has in a log, and all together.
func (t *trim) holders(tenant guid.GUID, vault string) (held []TrimmedAccesses, total int64, err error) {
	rows, err := t.db.QueryContext(t.ctx, t.rewrite(`SELECT principal, sum(entries) FROM access WHERE tenant=$1 AND vault=$2 GROUP BY principal`),
		tenant.String(), vault)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		h := TrimmedAccesses{Tenant: tenant, Vault: vault}
		if err := rows.Scan(&h.Principal, &h.Entries); err != nil {
			return nil, 0, fmt.Errorf("entries of %s: %w", h.Principal, err)
		}
		held, total = append(held, h), total+h.Entries
	}
	return held, total, rows.Err()
}

// levelOf returns the number of entries that each may keep so that all together keep no more than total.
func levelOf(held []TrimmedAccesses, total int64) int64 {
	var counts []int64
	for _, h := range held {
		counts = append(counts, h.Entries)
	}
	slices.Sort(counts)
	for i, n := range counts {
		share := total / int64(len(counts)-i)
		if n > share {
			return share
		}
		total -= n
	}
	return math.MaxInt64
}
