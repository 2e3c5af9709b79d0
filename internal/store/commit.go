package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/inborn-id/inborn/internal/guid"
)

// Commit writes g on top of from. It returns false, and has written nothing, if the head no longer stands at from. On
// success to is where the head stands now. A commit cut off half way, by a lost connection for example, is settled
// before Commit returns: an error means that g is not and will not be written, unless the error says that the outcome
// is unknown because the database could not be reached again. Once begun, a commit no longer heeds ctx.
func (s *Store) Commit(ctx context.Context, from Position, g Group) (won bool, to Position, err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	after, err := s.chain.link(ctx, from, g.Events, s.readTail)
	if err != nil {
		return false, from, s.fail("read the audit log", err)
	}
	to = g.target(from)
	won, err = s.commit(context.WithoutCancel(ctx), from, to, g)
	if err != nil || !won {
		return false, from, s.fail("write to the store", err)
	}
	s.chain.moved(from, to, after)
	return true, to, nil
}

// CommitLocked takes the head lock, calls decide with what changed since from, and writes the Group it returns on top
// of that. With the lock held nobody else commits, so it cannot lose; replicas that contend queue for it fairly. decide
// must be quick and call no method of the Store. A Group with no Updates writes nothing and only lets go of the lock;
// an error of decide does so too and is returned as it is. to is where the head stood when the lock was let go. It
// returns false only if the connection was lost and with it the lock: nothing is written then, and it may be tried again.
func (s *Store) CommitLocked(ctx context.Context, from Position, decide func(Delta) (Group, error)) (won bool, to Position, err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	var refused error
	var base Position
	var after map[guid.GUID]Hash
	won, err = s.locked(context.WithoutCancel(ctx), from, func(d Delta, read tailReader) (Group, Position, error) {
		var g Group
		if g, refused = decide(d); refused != nil {
			return Group{}, d.Now, refused
		}
		var err error
		base, to = d.Now, g.target(d.Now)
		after, err = s.chain.link(ctx, d.Now, g.Events, read)
		return g, to, err
	})
	switch {
	case refused != nil:
		return false, from, refused
	case err != nil || !won:
		return false, from, s.fail("write to the store", err)
	}
	s.chain.moved(base, to, after)
	return true, to, nil
}

// target is where the head stands after g was committed on top of from.
func (g Group) target(from Position) Position {
	if g.Updates == 0 {
		return from
	}
	return Position{Epoch: from.Epoch, Seq: from.Seq + int64(g.Updates), Tag: g.Tag}
}

func (s *Store) readTail(ctx context.Context, tenant guid.GUID, seq int64) (Hash, error) {
	return tailFrom(ctx, s.handles.Load().read, s.rewrite, tenant, seq)
}

// tailFrom reads a tail by whatever connection or transaction holds the right to.
func tailFrom(ctx context.Context, db querier, rewrite func(string) string, tenant guid.GUID, seq int64) (Hash, error) {
	e, err := scanEvent(db.QueryRowContext(ctx, rewrite(tailQuery), tenant.String(), seq), tenant)
	if errors.Is(err, sql.ErrNoRows) {
		return Hash{}, nil
	}
	if err != nil {
		return Hash{}, err
	}
	return e.Hash(), nil
}

// querier is a pool, a connection or a transaction of database/sql.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}
