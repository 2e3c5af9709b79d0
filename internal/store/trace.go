package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
)

// Trace is why one request was refused, kept for `inborn explain`. It is worth less than the request: it is written
// behind the answer, may be lost with the power, and is dropped when too many wait.
type Trace struct {
	Tenant    guid.GUID
	ID        string    // the request id
	At        time.Time // microseconds count
	Principal string
	Body      []byte
}

const (
	keepTraces   = 10_000         // newest per tenant
	keepTracesOf = 1_000          // and of each principal, so that one who is refused in a loop costs the others little
	keepTraceFor = 24 * time.Hour // and no longer than this
	maxPending   = 4096           // traces waiting to be written; more are dropped
	traceBatch   = 256            // written in one transaction
)

// AddTrace hands t over to be written soon and never waits for the disk. It reports false if t was dropped because too
// many are waiting.
func (s *Store) AddTrace(t Trace) bool {
	l := &s.traces
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.pending) >= maxPending {
		return false
	}
	l.pending = append(l.pending, t)
	if !l.writing {
		l.writing = true
		l.idle.Add(1)
		go l.write()
	}
	return true
}

// Trace returns the trace of a request, also one that is not yet written.
func (s *Store) Trace(ctx context.Context, tenant guid.GUID, id string) (Trace, bool, error) {
	l := &s.traces
	if t, ok := l.unwritten(tenant, id); ok {
		return t, true, nil
	}
	db, err := l.database(ctx)
	if err != nil {
		return Trace{}, false, s.fail("read the log", err)
	}
	t := Trace{Tenant: tenant, ID: id}
	var at int64
	err = db.QueryRowContext(ctx, s.rewrite(`SELECT at, principal, body FROM trace WHERE tenant=$1 AND id=$2`),
		tenant.String(), id).Scan(&at, &t.Principal, &t.Body)
	if errors.Is(err, sql.ErrNoRows) {
		return Trace{}, false, s.fail("write the log", l.failure())
	}
	t.At = time.UnixMicro(at).UTC()
	return t, err == nil, s.fail("read the log", err)
}

// Traces returns the newest traces of a tenant that are written, at most so many, the newest first; of one principal if that
// is not "".
func (s *Store) Traces(ctx context.Context, tenant guid.GUID, principal string, most int) (all []Trace, err error) {
	db, err := s.traces.database(ctx)
	if err != nil {
		return nil, s.fail("read the log", err)
	}
	query, args := `SELECT id, at, principal, body FROM trace WHERE tenant=$1 ORDER BY at DESC LIMIT $2`, []any{tenant.String(), most}
	if principal != "" {
		query, args = `SELECT id, at, principal, body FROM trace WHERE tenant=$1 AND principal=$3 ORDER BY at DESC LIMIT $2`, append(args, principal)
	}
	rows, err := db.QueryContext(ctx, s.rewrite(query), args...)
	if err != nil {
		return nil, s.fail("read the log", err)
	}
	defer rows.Close()
	for rows.Next() {
		t := Trace{Tenant: tenant}
		var at int64
		if err := rows.Scan(&t.ID, &at, &t.Principal, &t.Body); err != nil {
			return nil, s.fail("read the log", err)
		}
		t.At = time.UnixMicro(at).UTC()
		all = append(all, t)
	}
	return all, s.fail("read the log", rows.Err())
}

// traceLog writes traces behind the answers. Its goroutine lives only while there is something to write.
type traceLog struct {
	open    func(context.Context) (*sql.DB, error) // opens the log at its first use; the log closes what it returned
	rewrite func(string) string

	opening sync.Mutex
	db      *sql.DB

	mu      sync.Mutex
	pending []Trace
	batch   []Trace // being written
	writing bool
	closed  bool
	err     error // of the newest write
	idle    sync.WaitGroup
}

func (l *traceLog) database(ctx context.Context) (*sql.DB, error) {
	l.opening.Lock()
	defer l.opening.Unlock()
	if l.db == nil {
		db, err := l.open(ctx)
		if err != nil {
			return nil, err
		}
		l.db = db
	}
	return l.db, nil
}

func (l *traceLog) unwritten(tenant guid.GUID, id string) (Trace, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range slices.Concat(l.batch, l.pending) {
		if t.Tenant == tenant && t.ID == id {
			return t, true
		}
	}
	return Trace{}, false
}

func (l *traceLog) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// write writes until nothing waits.
func (l *traceLog) write() {
	defer l.idle.Done()
	for {
		l.mu.Lock()
		n := min(len(l.pending), traceBatch)
		l.batch, l.pending = l.pending[:n:n], l.pending[n:]
		if n == 0 {
			l.pending, l.writing = nil, false
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		err := l.store(context.Background(), l.batch)
		l.mu.Lock()
		l.batch, l.err = nil, err
		l.mu.Unlock()
	}
}

// store writes one batch and deletes what is too old or too much.
func (l *traceLog) store(ctx context.Context, batch []Trace) error {
	db, err := l.database(ctx)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	insert, err := tx.PrepareContext(ctx, l.rewrite(`INSERT INTO trace(tenant,id,at,principal,body) VALUES($1,$2,$3,$4,$5)
		ON CONFLICT (tenant,id) DO UPDATE SET at=excluded.at, principal=excluded.principal, body=excluded.body`))
	if err != nil {
		return err
	}
	defer insert.Close()
	type whose struct {
		tenant    guid.GUID
		principal string
	}
	newest, of := map[guid.GUID]time.Time{}, map[whose]bool{}
	for _, t := range batch {
		if _, err := insert.ExecContext(ctx, t.Tenant.String(), t.ID, t.At.UnixMicro(), t.Principal, notNil(t.Body)); err != nil {
			return err
		}
		if t.At.After(newest[t.Tenant]) {
			newest[t.Tenant] = t.At
		}
		of[whose{t.Tenant, t.Principal}] = true
	}
	for w := range of {
		if _, err := tx.ExecContext(ctx, l.rewrite(`DELETE FROM trace WHERE tenant=$1 AND principal=$2 AND
			at<(SELECT at FROM trace WHERE tenant=$1 AND principal=$2 ORDER BY at DESC LIMIT 1 OFFSET $3)`),
			w.tenant.String(), w.principal, keepTracesOf-1); err != nil {
			return err
		}
	}
	for tenant, at := range newest {
		if _, err := tx.ExecContext(ctx, l.rewrite(`DELETE FROM trace WHERE tenant=$1 AND (at<$2 OR
			at<(SELECT at FROM trace WHERE tenant=$1 ORDER BY at DESC LIMIT 1 OFFSET $3))`),
			tenant.String(), at.Add(-keepTraceFor).UnixMicro(), keepTraces-1); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// close waits for the goroutine and closes the log.
func (l *traceLog) close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.idle.Wait()
	l.opening.Lock()
	defer l.opening.Unlock()
	if l.db == nil {
		return nil
	}
	if err := l.db.Close(); err != nil {
		return fmt.Errorf("close the log: %w", err)
	}
	return nil
}
