package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
)

// Use is when something was used last, and what else its users want to remember of that. It is worth less than what was
// done: it is written behind the answers and may be lost with the power.
type Use struct {
	Tenant guid.GUID
	Kind   string
	ID     string
	At     time.Time // microseconds count
	Body   []byte
}

// kindSince is the kind of the one row that says since when uses are kept; its tenant is zero.
const kindSince = "since"

const useBatch = 256 // rows written or deleted in one transaction, so that others who write the log wait little

// PutUses keeps uses, each key at most once. Of one that is kept already, the newer time counts, and merge makes one body
// of the old and the new; nobody else, in any process, changes it meanwhile.
func (s *Store) PutUses(ctx context.Context, uses []Use, merge func(kind string, old, new []byte) ([]byte, error)) error {
	// All lock rows in one order, so that processes wait for each other and not in a circle.
	uses = slices.SortedFunc(slices.Values(uses), compareUse)
	for batch := range slices.Chunk(uses, useBatch) {
		err := s.inLog(ctx, func(tx *sql.Tx) error {
			for _, u := range batch {
				if err := s.putUse(ctx, tx, u, merge); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func compareUse(a, b Use) int {
	return cmp.Or(slices.Compare(a.Tenant[:], b.Tenant[:]), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
}

// putUse locks the row by writing its time, and then knows its body.
func (s *Store) putUse(ctx context.Context, tx *sql.Tx, u Use, merge func(kind string, old, new []byte) ([]byte, error)) error {
	var old []byte
	err := tx.QueryRowContext(ctx, s.rewrite(`INSERT INTO last_use(tenant,kind,id,at,body) VALUES($1,$2,$3,$4,$5)
		ON CONFLICT (tenant,kind,id) DO UPDATE SET at=CASE WHEN excluded.at>last_use.at THEN excluded.at ELSE last_use.at END
		RETURNING body`), u.Tenant.String(), u.Kind, u.ID, u.At.UnixMicro(), notNil(u.Body)).Scan(&old)
	if err != nil || slices.Equal(old, u.Body) {
		return err
	}
	body, err := merge(u.Kind, old, u.Body)
	if err != nil || slices.Equal(old, body) {
		return err
	}
	_, err = tx.ExecContext(ctx, s.rewrite(`UPDATE last_use SET body=$4 WHERE tenant=$1 AND kind=$2 AND id=$3`),
		u.Tenant.String(), u.Kind, u.ID, notNil(body))
	return err
}

// Uses calls each for all that is kept of a tenant, without bodies. It must not call the Store.
func (s *Store) Uses(ctx context.Context, tenant guid.GUID, each func(Use) error) error {
	return s.eachUse(ctx, each, `SELECT tenant, kind, id, at FROM last_use WHERE tenant=$1`, tenant.String())
}

func (s *Store) eachUse(ctx context.Context, each func(Use) error, query string, args ...any) error {
	db, err := s.log(ctx)
	if err != nil {
		return err
	}
	rows, err := db.QueryContext(ctx, s.rewrite(query), args...)
	if err != nil {
		return s.fail("read the log", err)
	}
	defer rows.Close()
	for rows.Next() {
		var u Use
		var tenant string
		var at int64
		if err := rows.Scan(&tenant, &u.Kind, &u.ID, &at); err != nil {
			return s.fail("read the log", err)
		}
		if u.Tenant, err = guid.Parse(tenant); err != nil {
			return s.fail("read the log", err)
		}
		u.At = time.UnixMicro(at).UTC()
		if err := each(u); err != nil {
			return err
		}
	}
	return s.fail("read the log", rows.Err())
}

// Use returns what is kept of one thing.
func (s *Store) Use(ctx context.Context, tenant guid.GUID, kind, id string) (Use, bool, error) {
	u := Use{Tenant: tenant, Kind: kind, ID: id}
	db, err := s.log(ctx)
	if err != nil {
		return u, false, err
	}
	var at int64
	err = db.QueryRowContext(ctx, s.rewrite(`SELECT at, body FROM last_use WHERE tenant=$1 AND kind=$2 AND id=$3`),
		tenant.String(), kind, id).Scan(&at, &u.Body)
	if errors.Is(err, sql.ErrNoRows) {
		return u, false, nil
	}
	u.At = time.UnixMicro(at).UTC()
	return u, err == nil, s.fail("read the log", err)
}

// UsesSince returns since when uses are kept, which is now if they were not so far: what nobody watched is not known to
// be unused.
func (s *Store) UsesSince(ctx context.Context, now time.Time) (time.Time, error) {
	nowhere := guid.GUID{}
	if since, found, err := s.Use(ctx, nowhere, kindSince, ""); err != nil || found {
		return since.At, err
	}
	err := s.inLog(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, s.rewrite(`INSERT INTO last_use(tenant,kind,id,at,body) VALUES($1,$2,'',$3,$4)
			ON CONFLICT (tenant,kind,id) DO NOTHING`), nowhere.String(), kindSince, now.UnixMicro(), []byte{})
		return err
	})
	if err != nil {
		return time.Time{}, err
	}
	since, _, err := s.Use(ctx, nowhere, kindSince, "") // another process may have been first
	return since.At, err
}

// ForgetUses erases what is kept of everything that gone says is no more.
func (s *Store) ForgetUses(ctx context.Context, gone func(Use) bool) error {
	var all []Use
	err := s.eachUse(ctx, func(u Use) error {
		if u.Kind != kindSince && gone(u) {
			all = append(all, u)
		}
		return nil
	}, `SELECT tenant, kind, id, at FROM last_use`)
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(all, useBatch) {
		err := s.inLog(ctx, func(tx *sql.Tx) error {
			for _, u := range batch {
				if _, err := tx.ExecContext(ctx, s.rewrite(`DELETE FROM last_use WHERE tenant=$1 AND kind=$2 AND id=$3 AND at<=$4`),
					u.Tenant.String(), u.Kind, u.ID, u.At.UnixMicro()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// inLog runs f in one transaction of the log.
func (s *Store) inLog(ctx context.Context, f func(*sql.Tx) error) error {
	db, err := s.log(ctx)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return s.fail("write the log", err)
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		return s.fail("write the log", err)
	}
	return s.fail("write the log", tx.Commit())
}

// log returns the database of the log, which is opened at its first use and not again once the store was closed.
func (s *Store) log(ctx context.Context) (*sql.DB, error) {
	s.traces.mu.Lock()
	closed := s.traces.closed
	s.traces.mu.Unlock()
	if closed {
		return nil, s.fail("use the log", errors.New("the store was closed"))
	}
	db, err := s.traces.database(ctx)
	return db, s.fail("open the log", err)
}
