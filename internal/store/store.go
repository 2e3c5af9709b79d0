// Package store keeps the ordered log of records that every replica follows, and the single-use tickets beside it, in
// SQLite (one process) or PostgreSQL (a cluster). It hides the engines, their locks and their failure modes; it knows
// no domain type: a record is a key and a body of bytes.
//
// # One log, one head
//
// A table holds the newest state of every record together with the sequence number at which it was written, so it is at
// once the data and its own change feed. One row, the head, holds the newest sequence number and a random tag. A commit
// moves the head from the exact Position at which its changes were decided, in the same transaction as the changes; if
// the head stands elsewhere, the commit loses and leaves nothing behind. So the numbers have no gaps and no disorder,
// and a follower that reads "everything after my position, up to the head" in one statement can never miss a record.
//
// # History can be replaced
//
// A fail-over or a restore may put an older history under a running process, and that history may grow past the
// position the process remembers. Every commit therefore leaves its tag in a revision row: a follower whose remembered
// tag is not the one recorded at its position is told to load again from the start.
//
// # Errors
//
// What the engine says becomes an *apierr.Error with code StoreFailed and a sentence that names the remedy; the
// engine's own words are its cause, for the log.
package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/inborn-id/inborn/internal/guid"
)

// Key names a record. Tenant is the zero GUID for records of the platform itself, such as signing keys.
type Key struct {
	Tenant guid.GUID
	Kind   string // "user", "servicePrincipal", ...: chosen by package state
	ID     string
}

// Record is the newest state of one key. A deleted record is a tombstone: its Body is empty.
type Record struct {
	Key
	Seq     int64 // the place in the log where this state was written
	Deleted bool
	Body    []byte
}

// Position is a place in the log: what a View has seen, and where a commit must find the head.
type Position struct {
	Epoch int64  // counts deliberate replacements of the history, such as a restore
	Seq   int64  // sequence number of the newest update
	Tag   string // random name of the commit that made it; two histories never share one
}

// Store is one open database. All methods may be called by any goroutine.
type Store struct {
	engine
	handles atomic.Pointer[handles]
	rewrite func(query string) string // from $1 to what the engine's driver binds correctly
	traces  traceLog
	chain   chain
	writing sync.Mutex // held by the one commit of this process; guards chain
}

// handles are the two pools of one opened database; for PostgreSQL they are the same pool.
type handles struct {
	write *sql.DB
	read  *sql.DB
}

// engine is what SQLite and PostgreSQL do differently.
type engine interface {
	// load calls row for every live record of one snapshot and returns the head of that snapshot.
	load(ctx context.Context, row func(rawRecord) error) (Position, error)
	// commit moves the head from from to to and writes g, or does nothing and returns false.
	commit(ctx context.Context, from, to Position, g Group) (won bool, err error)
	// locked holds the head lock while decide runs on what changed since from, and commits what decide returns.
	locked(ctx context.Context, from Position, decide lockedDecide) (won bool, err error)
	// single runs one write that returns at most one row, on its own or in a group with others, and scans that row.
	single(ctx context.Context, query string, args []any, dest ...any) (found bool, err error)
	// fail turns an engine's error into the sentence a person can act on.
	fail(doing string, err error) error
}

// lockedDecide returns what to commit on top of Delta.Now, and where that moves the head.
type lockedDecide func(d Delta, read tailReader) (Group, Position, error)

// Close waits for traces that are still being written and closes the database.
func (s *Store) Close() error {
	err := s.traces.close()
	if c, ok := s.engine.(interface{ close() error }); ok {
		err = errors.Join(err, c.close())
	}
	h := s.handles.Load()
	err = errors.Join(err, h.read.Close())
	if h.write != h.read {
		err = errors.Join(err, h.write.Close())
	}
	return err
}
