package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
)

// Hash is the SHA-256 of an Event; the zero Hash stands before a tenant's first.
type Hash [sha256.Size]byte

// Event is one line of a tenant's audit log. The events of a tenant form a chain in the order of (Seq, N): each carries
// the hash of the one before, so that none can be changed, dropped or moved without the chain showing it.
type Event struct {
	Tenant  guid.GUID
	Seq     int64     // of the update that the event tells of
	N       int       // 0, 1, ... within one update of one tenant; filled in by Commit
	At      time.Time // microseconds count
	Actor   string
	Action  string
	Target  string
	Outcome string
	Prev    Hash // filled in by Commit
	Body    []byte
}

// Hash returns the SHA-256 of all fields, each with its length in front so that no two events share one text.
func (e Event) Hash() Hash {
	text := make([]byte, 0, 256+len(e.Body))
	text = append(text, e.Tenant[:]...)
	text = binary.BigEndian.AppendUint64(text, uint64(e.Seq))
	text = binary.BigEndian.AppendUint64(text, uint64(e.N))
	text = binary.BigEndian.AppendUint64(text, uint64(e.At.UnixMicro()))
	for _, field := range []string{e.Actor, e.Action, e.Target, e.Outcome, string(e.Body)} {
		text = binary.BigEndian.AppendUint64(text, uint64(len(field)))
		text = append(text, field...)
	}
	return sha256.Sum256(append(text, e.Prev[:]...))
}

// Audit checks a tenant's events while they are read in order; the zero Audit stands before the first.
type Audit struct {
	tail Hash
	seq  int64
	n    int
}

// Add returns an error that names the place if e does not follow the events added before.
func (a *Audit) Add(e Event) error {
	if e.Prev != a.tail {
		return fmt.Errorf("the audit chain is broken before event %d.%d of tenant %s: it does not carry the hash of event %d.%d",
			e.Seq, e.N, e.Tenant, a.seq, a.n)
	}
	a.tail, a.seq, a.n = e.Hash(), e.Seq, e.N
	return nil
}

// Events calls each with the tenant's events after sequence number after, in order. An error of each ends the reading
// and is returned as it is.
func (s *Store) Events(ctx context.Context, tenant guid.GUID, after int64, each func(Event) error) error {
	rows, err := s.handles.Load().read.QueryContext(ctx, s.rewrite(`SELECT seq,n,at,actor,action,target,outcome,prev_hash,body
		FROM event WHERE tenant=$1 AND seq>$2 ORDER BY seq, n`), tenant.String(), after)
	if err != nil {
		return s.fail("read the audit log", err)
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scanEvent(rows, tenant)
		if err != nil {
			return s.fail("read the audit log", err)
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return s.fail("read the audit log", rows.Err())
}

const tailQuery = `SELECT seq,n,at,actor,action,target,outcome,prev_hash,body FROM event WHERE tenant=$1 AND seq<=$2
	ORDER BY seq DESC, n DESC LIMIT 1`

// scanEvent reads one row of the columns that Events and tailQuery name.
func scanEvent(row interface{ Scan(...any) error }, tenant guid.GUID) (Event, error) {
	e := Event{Tenant: tenant}
	var at int64
	var prev []byte
	err := row.Scan(&e.Seq, &e.N, &at, &e.Actor, &e.Action, &e.Target, &e.Outcome, &prev, &e.Body)
	if err != nil {
		return Event{}, err
	}
	if copy(e.Prev[:], prev) != len(e.Prev) {
		return Event{}, fmt.Errorf("event %d.%d has a hash of %d bytes", e.Seq, e.N, len(prev))
	}
	e.At = time.UnixMicro(at).UTC()
	return e, nil
}
