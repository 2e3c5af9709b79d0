package store

import (
	"context"

	"github.com/inborn-id/inborn/internal/guid"
)

// tailReader returns the hash of the tenant's newest event at or below a sequence number, zero if there is none.
type tailReader func(ctx context.Context, tenant guid.GUID, seq int64) (Hash, error)

// maxTails bounds the tails remembered between commits; a tenant beyond it costs one more read.
const maxTails = 1024

// chain remembers the newest event hash of tenants at one position. Events below the head never change and the head
// only moves by commits, so while the position is ours the hashes are too.
type chain struct {
	at    Position
	tails map[guid.GUID]Hash
}

// link fills in N and Prev of events that are to be committed on top of from, and returns the tails after them.
func (c *chain) link(ctx context.Context, from Position, events []Event, read tailReader) (map[guid.GUID]Hash, error) {
	if len(events) == 0 {
		return nil, nil
	}
	if c.at != from || len(c.tails) > maxTails {
		c.tails = map[guid.GUID]Hash{}
		c.at = from
	}
	after := map[guid.GUID]Hash{}
	count := map[guid.GUID]Event{}
	for i := range events {
		e := &events[i]
		tail, known := after[e.Tenant]
		if !known {
			tail, known = c.tails[e.Tenant]
		}
		if !known {
			var err error
			if tail, err = read(ctx, e.Tenant, from.Seq); err != nil {
				return nil, err
			}
			c.tails[e.Tenant] = tail
		}
		e.N = 0
		if last, ok := count[e.Tenant]; ok && last.Seq == e.Seq {
			e.N = last.N + 1
		}
		e.Prev = tail
		after[e.Tenant] = e.Hash()
		count[e.Tenant] = *e
	}
	return after, nil
}

// moved records that the commit which link prepared has made to the head. The tails of other tenants stay right: the
// commit touched none of their events.
func (c *chain) moved(from, to Position, after map[guid.GUID]Hash) {
	if c.at != from {
		return
	}
	c.at = to
	for tenant, tail := range after {
		c.tails[tenant] = tail
	}
}
