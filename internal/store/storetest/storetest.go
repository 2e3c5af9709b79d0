// Package storetest holds what every store must pass, whatever its engine: Conformance. It is run on SQLite files with
// production settings and on a real PostgreSQL server, which Server starts.
package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/store"
)

// Place is one database, empty at first.
type Place struct {
	Open func(testing.TB) *store.Store // one more process's handle on it; closed with the test
	SQL  func(testing.TB) *sql.DB      // the tables themselves
}

// Conformance runs every test on a Place of its own.
func Conformance(t *testing.T, newPlace func(testing.TB) Place) {
	for name, test := range map[string]func(*testing.T, Place){
		"commit and load":   commitAndLoad,
		"values by key":     valuesByKey,
		"losing commit":     losingCommit,
		"locked commit":     lockedCommit,
		"guard":             guard,
		"overlap":           overlap,
		"reload conditions": reloadConditions,
		"replaced history":  replacedHistory,
		"audit chain":       auditChain,
		"tickets":           tickets,
		"ticket life":       ticketLife,
		"sweep":             sweep,
		"traces":            traces,
		"accesses":          accesses,
		"access trim":       accessTrim,
		"ciphers":           ciphers,
		"last uses":         lastUses,
		"uses merged":       usesMerged,
	} {
		t.Run(name, func(t *testing.T) { test(t, newPlace(t)) })
	}
}

// Tenant returns the n-th tenant id of tests.
func Tenant(n int) guid.GUID { return guid.Derive(guid.GUID{1}, fmt.Sprint("tenant", n)) }

// At is a time of tests, n seconds after a fixed one.
func At(n int) time.Time { return time.Date(2026, 3, 1, 12, 0, n, 123000, time.UTC) }

// Record makes a record for the first update after from.
func Record(from store.Position, id, body string) store.Record {
	return store.Record{Key: store.Key{Tenant: Tenant(1), Kind: "thing", ID: id}, Seq: from.Seq + 1, Body: []byte(body)}
}

// Group makes a group of one update.
func Group(tag string, records ...store.Record) store.Group {
	return store.Group{Updates: 1, Tag: tag, At: At(0), Records: records}
}

// MustCommit commits g on top of from.
func MustCommit(tb testing.TB, s *store.Store, from store.Position, g store.Group) store.Position {
	tb.Helper()
	won, to, err := s.Commit(tb.Context(), from, g)
	if err != nil || !won {
		tb.Fatalf("Commit on %+v = %v, %v", from, won, err)
	}
	return to
}

// Follower is the simplest reader of the log: a map of bodies, brought up to date by Follow and, when told, by Load.
type Follower struct {
	At      store.Position
	Bodies  map[store.Key]string
	Reloads int
}

// NewFollower loads the store.
func NewFollower(tb testing.TB, s *store.Store) *Follower {
	f := &Follower{}
	f.load(tb, s)
	f.Reloads = 0
	return f
}

// Follow brings f up to the head.
func (f *Follower) Follow(tb testing.TB, s *store.Store) {
	tb.Helper()
	d, err := s.Follow(tb.Context(), f.At)
	if err != nil {
		tb.Fatalf("Follow: %v", err)
	}
	if d.Reload {
		f.load(tb, s)
		return
	}
	f.Apply(d)
}

// Apply puts the changes of d in.
func (f *Follower) Apply(d store.Delta) {
	for _, r := range d.Records {
		if r.Deleted {
			delete(f.Bodies, r.Key)
		} else {
			f.Bodies[r.Key] = string(r.Body)
		}
	}
	f.At = d.Now
}

func (f *Follower) load(tb testing.TB, s *store.Store) {
	tb.Helper()
	f.Bodies = map[store.Key]string{}
	f.Reloads++
	at, err := s.Load(tb.Context(), func(r store.Record) error {
		f.Bodies[r.Key] = string(r.Body)
		return nil
	})
	if err != nil {
		tb.Fatalf("Load: %v", err)
	}
	f.At = at
}

// Count returns the single number a query yields.
func Count(tb testing.TB, db *sql.DB, query string) int64 {
	tb.Helper()
	var n sql.NullInt64
	if err := db.QueryRow(query).Scan(&n); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
	return n.Int64
}

// Contend commits attempts groups through s, each decided on what s showed last, which is stale when others commit too;
// the rows carry who and the number of the attempt. It returns the keys of the commits that won.
func Contend(ctx context.Context, s *store.Store, who string, attempts int) (won map[string]bool, err error) {
	won = map[string]bool{}
	at, err := s.Load(ctx, func(store.Record) error { return nil })
	if err != nil {
		return nil, err
	}
	for i := range attempts {
		id := fmt.Sprintf("%s-%d", who, i)
		g := Group(id, Record(at, id, id))
		g.Events = []store.Event{{Tenant: Tenant(1), Seq: at.Seq + 1, At: At(i), Actor: who, Action: "add", Target: id}}
		g.Ciphers = []store.Cipher{{Tenant: Tenant(1), ID: id, Seq: at.Seq + 1, Ciphertext: []byte(id)}}
		ok, to, err := s.Commit(ctx, at, g)
		if err != nil {
			return nil, err
		}
		if ok {
			won[id] = true
			if i%3 != 0 { // now and then look away after a win: the next one is decided on an old position
				at = to
			}
			continue
		}
		d, err := s.Follow(ctx, at)
		if err != nil {
			return nil, err
		}
		if d.Reload {
			return nil, errors.New("reload without a cause")
		}
		at = d.Now
	}
	return won, nil
}

// CheckContention fails unless the tables hold exactly what the winners wrote.
func CheckContention(tb testing.TB, place Place, won map[string]bool) {
	tb.Helper()
	db := place.SQL(tb)
	n := int64(len(won))
	for query, want := range map[string]int64{
		"SELECT seq FROM head":                                                         n,
		"SELECT count(*) FROM revision WHERE seq > 0":                                  n,
		"SELECT count(*) FROM object":                                                  n,
		"SELECT count(*) FROM cipher":                                                  n,
		"SELECT count(*) FROM event":                                                   n,
		"SELECT count(DISTINCT seq) FROM event":                                        n,
		"SELECT max(seq) FROM event":                                                   n,
		"SELECT count(*) FROM revision WHERE tag = ''":                                 1,
		"SELECT count(DISTINCT tag)-1 FROM revision":                                   n,
		"SELECT count(*) FROM object o JOIN cipher c ON o.id = c.id AND o.seq = c.seq": n,
	} {
		if got := Count(tb, db, query); got != want {
			tb.Errorf("%s = %d, want %d", query, got, want)
		}
	}
	s := place.Open(tb)
	for key := range NewFollower(tb, s).Bodies {
		if !won[key.ID] {
			tb.Errorf("a row of %s, which lost", key.ID)
		}
	}
	CheckAudit(tb, s, Tenant(1), len(won))
}

// CheckAudit fails unless the tenant has exactly n events in one chain.
func CheckAudit(tb testing.TB, s *store.Store, tenant guid.GUID, n int) {
	tb.Helper()
	var audit store.Audit
	seen := 0
	if err := s.Events(tb.Context(), tenant, 0, func(e store.Event) error {
		seen++
		return audit.Add(e)
	}); err != nil {
		tb.Error(err)
	}
	if seen != n {
		tb.Errorf("%d events, want %d", seen, n)
	}
}

func guard(t *testing.T, place Place) {
	const writers = 3
	attempts := 200
	all := map[string]bool{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range writers {
		s := place.Open(t)
		wg.Go(func() {
			won, err := Contend(t.Context(), s, fmt.Sprint("writer", w), attempts)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			for id := range won {
				all[id] = true
			}
		})
	}
	wg.Wait()
	if len(all) == writers*attempts {
		t.Error("no commit lost: the test shows nothing")
	}
	CheckContention(t, place, all)
}

// overlap follows while others write with random delays; what the follower has put together must be what is stored.
func overlap(t *testing.T, place Place) {
	const writers, each = 3, 80
	var running atomic.Int32
	for w := range writers {
		s := place.Open(t)
		running.Add(1)
		go func() {
			defer running.Add(-1)
			random := rand.New(rand.NewPCG(1, uint64(w)))
			for i := range each {
				time.Sleep(time.Duration(random.IntN(2000)) * time.Microsecond)
				_, _, err := s.CommitLocked(t.Context(), store.Position{Epoch: 1}, func(d store.Delta) (store.Group, error) {
					r := Record(d.Now, fmt.Sprint(random.IntN(40)), fmt.Sprint(w, i))
					r.Deleted = random.IntN(5) == 0
					return Group(fmt.Sprint(w, "-", i), r), nil
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	s := place.Open(t)
	f := NewFollower(t, s)
	for running.Load() > 0 {
		f.Follow(t, s)
	}
	f.Follow(t, s)
	if f.Reloads != 0 || f.At.Seq != writers*each {
		t.Errorf("%d reloads, stands at %d", f.Reloads, f.At.Seq)
	}
	compare(t, f, NewFollower(t, s))
}

func compare(tb testing.TB, got, want *Follower) {
	tb.Helper()
	if got.At != want.At || len(got.Bodies) != len(want.Bodies) {
		tb.Errorf("follower at %+v with %d records, store at %+v with %d", got.At, len(got.Bodies), want.At, len(want.Bodies))
	}
	for key, body := range want.Bodies {
		if got.Bodies[key] != body {
			tb.Errorf("follower has %q for %s, store has %q", got.Bodies[key], key.ID, body)
		}
	}
}
