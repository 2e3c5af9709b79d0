package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/store"
)

// Script runs 200 operations of every kind, the same ones each time, and returns all rows they left, as text: two engines
// must return the same.
func Script(tb testing.TB, place Place) string {
	tb.Helper()
	s := place.Open(tb)
	script := script{s: s, at: NewFollower(tb, s).At, random: rand.New(rand.NewPCG(20, 26)), ctx: tb.Context()}
	for n := range 200 {
		if err := script.step(n); err != nil {
			tb.Fatalf("operation %d: %v", n, err)
		}
	}
	return Dump(tb, place.SQL(tb))
}

type script struct {
	s      *store.Store
	at     store.Position
	random *rand.Rand
	ctx    context.Context
}

func (c *script) step(n int) error {
	id := fmt.Sprint(c.random.IntN(12))
	now := At(n)
	switch c.random.IntN(8) {
	case 0, 1, 2:
		return c.commit(n, id, c.at)
	case 3:
		return c.commit(n, id, store.Position{Epoch: 1, Seq: c.at.Seq - 1, Tag: "lost"})
	case 4:
		_, err := c.s.PutTicket(c.ctx, store.Ticket{Tenant: Tenant(1), Kind: "code", Hash: store.Hash{byte(c.random.IntN(12))},
			Expires: now.Add(time.Duration(c.random.IntN(60)) * time.Second), Principal: id, Body: []byte(id)})
		return err
	case 5:
		_, _, err := c.s.RedeemTicket(c.ctx, Tenant(1), "code", store.Hash{byte(c.random.IntN(12))}, now)
		return err
	case 6:
		won, to, err := c.s.CommitLocked(c.ctx, c.at, func(d store.Delta) (store.Group, error) { return c.group(n, id, d.Now), nil })
		if won {
			c.at = to
		}
		return err
	default:
		return c.s.Sweep(c.ctx, now.Add(24*time.Hour-30*time.Second))
	}
}

func (c *script) commit(n int, id string, from store.Position) error {
	won, to, err := c.s.Commit(c.ctx, from, c.group(n, id, from))
	if won {
		c.at = to
	}
	return err
}

// group makes a group with something for every table.
func (c *script) group(n int, id string, from store.Position) store.Group {
	updates := 1 + c.random.IntN(3)
	seq := from.Seq + int64(updates)
	g := store.Group{Updates: updates, Tag: fmt.Sprint("tag", n), At: At(n)}
	key := store.Key{Tenant: Tenant(c.random.IntN(3)), Kind: "thing", ID: id}
	g.Records = []store.Record{{Key: key, Seq: seq, Deleted: c.random.IntN(4) == 0, Body: []byte(`{"ä":"` + id + "\x00\xff")}}
	g.Events = []store.Event{
		{Tenant: key.Tenant, Seq: seq, At: At(n), Actor: "ann", Action: "change", Target: id, Outcome: "success", Body: []byte("x")},
		{Tenant: Tenant(1), Seq: seq, At: At(n), Actor: "ann", Action: "also", Target: id, Outcome: "success"},
	}
	if c.random.IntN(2) == 0 {
		g.Ciphers = []store.Cipher{{Tenant: key.Tenant, ID: id, Seq: seq, Ciphertext: []byte(fmt.Sprint(n))}}
		g.Bodies = []store.Record{{Key: key, Seq: seq, Body: []byte(fmt.Sprint("body", n))}}
		g.Operations = []store.Operation{{Tenant: key.Tenant, Key: fmt.Sprint(n), Seq: seq, Result: []byte("ok")}}
	}
	return g
}

// Dump returns all rows of all tables as text, in the order of their keys.
func Dump(tb testing.TB, db *sql.DB) string {
	tb.Helper()
	var text strings.Builder
	for _, table := range []struct{ name, key string }{
		{"head", "name"}, {"revision", "seq"}, {"object", "tenant, kind, id"}, {"body", "tenant, kind, id"},
		{"cipher", "tenant, id"}, {"operation", "tenant, op_key"}, {"ticket", "tenant, kind, hash"}, {"event", "tenant, seq, n"},
	} {
		rows, err := db.Query(fmt.Sprintf("SELECT * FROM %s ORDER BY %s", table.name, table.key))
		if err != nil {
			tb.Fatal(err)
		}
		defer rows.Close()
		columns, err := rows.Columns()
		if err != nil {
			tb.Fatal(err)
		}
		for rows.Next() {
			values, targets := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				targets[i] = &values[i]
			}
			if err := rows.Scan(targets...); err != nil {
				tb.Fatal(err)
			}
			fmt.Fprintf(&text, "%s %s\n", table.name, row(columns, values))
		}
		if err := rows.Err(); err != nil {
			tb.Fatal(err)
		}
	}
	return text.String()
}

func row(columns []string, values []any) string {
	cells := make([]string, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case []byte:
			cells[i] = fmt.Sprintf("%s=%x", columns[i], v)
		default:
			cells[i] = fmt.Sprintf("%s=%v", columns[i], v)
		}
	}
	return strings.Join(cells, " ")
}
