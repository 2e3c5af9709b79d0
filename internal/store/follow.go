package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/inborn-id/inborn/internal/guid"
)

// Delta is what happened to the log since a Position.
type Delta struct {
	Records []Record // every key that changed, once, in no order; empty when Reload is set
	Now     Position // the View after Records were applied shows exactly this position
	Reload  bool     // the history was replaced, or pruned beyond the position: Load again
}

// Follow returns what changed since from. It is one statement, so it sees one snapshot: all of the changes up to Now and
// nothing later. The Bodies belong to the caller.
func (s *Store) Follow(ctx context.Context, from Position) (Delta, error) {
	if r, ok := s.engine.(interface {
		replaced(context.Context) (bool, error)
	}); ok {
		if gone, err := r.replaced(ctx); err != nil || gone {
			return Delta{Reload: true}, s.fail("follow the store", err)
		}
	}
	d, err := followFrom(ctx, s.handles.Load().read, s.rewrite, from)
	return d, s.fail("follow the store", err)
}

const followQuery = `SELECT h.epoch, h.seq, h.floor, h.tag, (SELECT tag FROM revision WHERE seq=$1),
		o.tenant, o.kind, o.id, o.seq, o.deleted, o.body
	FROM head h LEFT JOIN object o ON o.seq > $1 AND o.seq <= h.seq WHERE h.name='directory'`

func followFrom(ctx context.Context, db querier, rewrite func(string) string, from Position) (Delta, error) {
	rows, err := db.QueryContext(ctx, rewrite(followQuery), from.Seq)
	if err != nil {
		return Delta{}, err
	}
	defer rows.Close()
	return readDelta(rows, from)
}

// readDelta reads the rows of followQuery from the driver's or from database/sql's form of rows.
func readDelta(rows interface {
	Next() bool
	Scan(...any) error
	Err() error
}, from Position) (Delta, error) {
	var d Delta
	var row followRow
	for rows.Next() {
		if err := rows.Scan(row.targets()...); err != nil {
			return Delta{}, err
		}
		if row.seq.Valid {
			r, err := row.record()
			if err != nil {
				return Delta{}, err
			}
			d.Records = append(d.Records, r)
		}
	}
	if err := rows.Err(); err != nil {
		return Delta{}, err
	}
	return row.finish(d, from)
}

// followRow is one row of followQuery; the columns of the head are the same in each.
type followRow struct {
	head             Position
	floor            int64
	remembered       sql.NullString // the tag the database has for our position
	tenant, kind, id sql.NullString
	seq, deleted     sql.NullInt64
	body             []byte
}

func (r *followRow) targets() []any {
	return []any{&r.head.Epoch, &r.head.Seq, &r.floor, &r.head.Tag, &r.remembered,
		&r.tenant, &r.kind, &r.id, &r.seq, &r.deleted, &r.body}
}

func (r *followRow) record() (Record, error) {
	tenant, err := guid.Parse(r.tenant.String)
	if err != nil {
		return Record{}, fmt.Errorf("object %q: tenant: %w", r.id.String, err)
	}
	return Record{Key: Key{tenant, r.kind.String, r.id.String}, Seq: r.seq.Int64, Deleted: r.deleted.Int64 != 0, Body: r.body}, nil
}

// finish decides whether the rows read continue the history that from belongs to.
func (r *followRow) finish(d Delta, from Position) (Delta, error) {
	if r.head.Epoch == 0 {
		return Delta{}, errNoHead
	}
	d.Now = r.head
	if r.head.Epoch != from.Epoch || r.head.Seq < from.Seq || from.Seq < r.floor ||
		!r.remembered.Valid || r.remembered.String != from.Tag {
		return Delta{Now: r.head, Reload: true}, nil
	}
	return d, nil
}
