package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/inborn-id/inborn/internal/store"
)

func commitAndLoad(t *testing.T, place Place) {
	s := place.Open(t)
	f := NewFollower(t, s)
	if len(f.Bodies) != 0 || f.At != (store.Position{Epoch: 1}) {
		t.Fatalf("a new store is at %+v with %d records", f.At, len(f.Bodies))
	}
	at := MustCommit(t, s, f.At, Group("a", Record(f.At, "1", "one"), Record(f.At, "2", "two")))
	// Three updates in one commit: the second and third write the same key, so only the last state is there.
	third := Record(store.Position{Seq: at.Seq + 2}, "1", "uno")
	gone := Record(store.Position{Seq: at.Seq + 1}, "2", "")
	gone.Deleted = true
	at = MustCommit(t, s, at, store.Group{Updates: 3, Tag: "b", At: At(1), Records: []store.Record{third, gone}})
	if at != (store.Position{Epoch: 1, Seq: 4, Tag: "b"}) {
		t.Errorf("stands at %+v", at)
	}
	d, err := s.Follow(t.Context(), store.Position{Epoch: 1, Seq: 1, Tag: "a"})
	if err != nil || len(d.Records) != 2 || d.Now != at || d.Reload {
		t.Errorf("Follow = %+v, %v", d, err)
	}
	f.Follow(t, s)
	compare(t, f, NewFollower(t, place.Open(t)))
	if len(f.Bodies) != 1 || f.Reloads != 0 {
		t.Errorf("follower has %v after %d reloads", f.Bodies, f.Reloads)
	}
	stop := errors.New("stop")
	if _, err := s.Load(t.Context(), func(store.Record) error { return stop }); err != stop {
		t.Errorf("Load with a failing callback = %v", err)
	}
}

func valuesByKey(t *testing.T, place Place) {
	s, ctx := place.Open(t), t.Context()
	at := NewFollower(t, s).At
	g := Group("a", Record(at, "1", "one"))
	key := store.Key{Tenant: Tenant(2), Kind: "deployment", ID: "d"}
	g.Bodies = []store.Record{{Key: key, Seq: 1, Body: []byte("large")}}
	g.Ciphers = []store.Cipher{{Tenant: Tenant(1), ID: "k", Seq: 1, Ciphertext: []byte{0, 1, 2}}}
	g.Operations = []store.Operation{{Tenant: Tenant(1), Key: "op", Seq: 1, Result: []byte("done")}}
	at = MustCommit(t, s, at, g)

	if body, ok, err := s.Body(ctx, key); err != nil || !ok || string(body) != "large" {
		t.Errorf("Body = %q, %v, %v", body, ok, err)
	}
	if c, ok, err := s.Cipher(ctx, Tenant(1), "k"); err != nil || !ok || string(c.Ciphertext) != "\x00\x01\x02" || c.Seq != 1 {
		t.Errorf("Cipher = %+v, %v, %v", c, ok, err)
	}
	if o, ok, err := s.Operation(ctx, Tenant(1), "op"); err != nil || !ok || string(o.Result) != "done" || !o.At.Equal(At(0)) {
		t.Errorf("Operation = %+v, %v, %v", o, ok, err)
	}
	if _, ok, err := s.Cipher(ctx, Tenant(2), "k"); ok || err != nil {
		t.Errorf("another tenant's cipher = %v, %v", ok, err)
	}
	g = Group("b", Record(at, "1", "two"))
	g.Ciphers = []store.Cipher{{Tenant: Tenant(1), ID: "k", Seq: 2}}
	at = MustCommit(t, s, at, g)
	if _, ok, err := s.Cipher(ctx, Tenant(1), "k"); ok || err != nil {
		t.Errorf("an erased cipher = %v, %v", ok, err)
	}
	g = Group("c", Record(at, "1", "three"))
	g.Operations = []store.Operation{{Tenant: Tenant(1), Key: "op", Seq: 3}}
	if won, _, err := s.Commit(ctx, at, g); won || err == nil {
		t.Errorf("an operation key used twice = %v, %v", won, err)
	}
	if f := NewFollower(t, s); f.At != at || f.Bodies[Record(at, "1", "").Key] != "two" {
		t.Errorf("a failed commit left %+v", f)
	}
}

func losingCommit(t *testing.T, place Place) {
	a, b := place.Open(t), place.Open(t)
	start := NewFollower(t, a).At
	at := MustCommit(t, a, start, Group("a", Record(start, "1", "a")))
	full := Group("b", Record(start, "1", "b"), Record(start, "2", "b"))
	full.Ciphers = []store.Cipher{{Tenant: Tenant(1), ID: "2", Seq: 1, Ciphertext: []byte("b")}}
	full.Bodies = full.Records[1:]
	full.Operations = []store.Operation{{Tenant: Tenant(1), Key: "2", Seq: 1}}
	full.Events = []store.Event{{Tenant: Tenant(1), Seq: 1, At: At(1)}}
	for name, from := range map[string]store.Position{
		"old":           start,
		"ahead":         {Epoch: 1, Seq: 2, Tag: "a"},
		"another tag":   {Epoch: 1, Seq: 1, Tag: "z"},
		"another epoch": {Epoch: 2, Seq: 1, Tag: "a"},
	} {
		if won, to, err := b.Commit(t.Context(), from, full); won || err != nil || to != from {
			t.Errorf("Commit on the %s position = %v, %+v, %v", name, won, to, err)
		}
	}
	db := place.SQL(t)
	for table, want := range map[string]int64{"object": 1, "cipher": 0, "body": 0, "operation": 0, "event": 0, "revision": 2} {
		if n := Count(t, db, "SELECT count(*) FROM "+table); n != want {
			t.Errorf("%s has %d rows, want %d", table, n, want)
		}
	}
	if f := NewFollower(t, b); f.At != at || f.Bodies[Record(at, "1", "").Key] != "a" {
		t.Errorf("store is %+v", f)
	}
}

func lockedCommit(t *testing.T, place Place) {
	a, b := place.Open(t), place.Open(t)
	start := NewFollower(t, a).At
	at := MustCommit(t, a, start, Group("a", Record(start, "1", "a")))
	won, to, err := b.CommitLocked(t.Context(), start, func(d store.Delta) (store.Group, error) {
		if d.Now != at || len(d.Records) != 1 || d.Reload {
			t.Errorf("under the lock: %+v", d)
		}
		return Group("b", Record(d.Now, "2", "b")), nil
	})
	if err != nil || !won || to != (store.Position{Epoch: 1, Seq: 2, Tag: "b"}) {
		t.Fatalf("CommitLocked = %v, %+v, %v", won, to, err)
	}
	refusal := errors.New("no")
	if _, _, err := b.CommitLocked(t.Context(), to, func(store.Delta) (store.Group, error) { return Group("c"), refusal }); err != refusal {
		t.Errorf("a refusal under the lock = %v", err)
	}
	if won, now, err := b.CommitLocked(t.Context(), to, func(store.Delta) (store.Group, error) { return store.Group{}, nil }); !won || err != nil || now != to {
		t.Errorf("nothing to commit under the lock = %v, %+v, %v", won, now, err)
	}
	_, _, err = b.CommitLocked(t.Context(), store.Position{Epoch: 9}, func(d store.Delta) (store.Group, error) {
		if !d.Reload {
			t.Error("another epoch under the lock does not reload")
		}
		return store.Group{}, nil
	})
	if err != nil {
		t.Error(err)
	}
	MustCommit(t, a, to, Group("d", Record(to, "3", "d"))) // the lock is free again
}

func reloadConditions(t *testing.T, place Place) {
	s, db := place.Open(t), place.SQL(t)
	at := NewFollower(t, s).At
	positions := []store.Position{at}
	for i := range 5 {
		at = MustCommit(t, s, at, Group(fmt.Sprint("t", i), Record(at, "1", fmt.Sprint(i))))
		positions = append(positions, at)
	}
	check := func(name string, from store.Position, want bool) {
		t.Helper()
		d, err := s.Follow(t.Context(), from)
		if err != nil || d.Reload != want || want && d.Records != nil {
			t.Errorf("%s: Follow = %+v, %v; want reload %v", name, d, err, want)
		}
	}
	for _, p := range positions {
		check("its own past", p, false)
	}
	check("another tag in the past", store.Position{Epoch: 1, Seq: 2, Tag: "x"}, true)
	check("another tag at the head", store.Position{Epoch: 1, Seq: 5, Tag: "x"}, true)
	check("ahead of the head", store.Position{Epoch: 1, Seq: 6, Tag: "t6"}, true)
	check("another epoch", store.Position{Epoch: 2, Seq: 5, Tag: "t4"}, true)
	must(t, db, "UPDATE head SET floor = 3")
	check("below the floor", positions[2], true)
	check("at the floor", positions[3], false)
	must(t, db, "DELETE FROM revision WHERE seq = 4")
	check("a revision that is gone", positions[4], true)
}

// replacedHistory puts an older copy under a running follower and lets it grow past the position the follower knows.
func replacedHistory(t *testing.T, place Place) {
	s, db := place.Open(t), place.SQL(t)
	f := NewFollower(t, s)
	commit := func(round int, history string, n int) {
		at := NewFollower(t, s).At
		for i := range n {
			tag := fmt.Sprint(round, history, i)
			at = MustCommit(t, s, at, Group(tag, Record(at, fmt.Sprint(history, i%4), tag)))
		}
	}
	for round := range 5 {
		commit(round, "common", 3)
		for _, table := range []string{"head", "revision", "object"} {
			must(t, db, fmt.Sprintf("DROP TABLE IF EXISTS old_%s", table))
			must(t, db, fmt.Sprintf("CREATE TABLE old_%s AS SELECT * FROM %s", table, table))
		}
		commit(round, "lost", 4)
		f.Follow(t, s)
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{"head", "revision", "object"} {
			for _, query := range []string{"DELETE FROM " + table, fmt.Sprintf("INSERT INTO %s SELECT * FROM old_%s", table, table)} {
				if _, err := tx.Exec(query); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		commit(round, "new", 2+2*round) // shorter than, as long as, and longer than what was lost
		f.Follow(t, s)
		if f.Reloads != round+1 {
			t.Errorf("round %d: %d reloads", round, f.Reloads)
		}
		compare(t, f, NewFollower(t, s))
	}
}

func auditChain(t *testing.T, place Place) {
	a, b := place.Open(t), place.Open(t)
	event := func(tenant int, seq int64, action string) store.Event {
		return store.Event{Tenant: Tenant(tenant), Seq: seq, At: At(int(seq)), Actor: "ann", Action: action, Target: "x", Outcome: "success", Body: []byte("b")}
	}
	at := NewFollower(t, a).At
	for i := range 6 { // by turns through two handles: what one remembers of the chain is old when its turn comes
		s := []*store.Store{a, b}[i%2]
		next := at.Seq + 1
		g := store.Group{Updates: 2, Tag: fmt.Sprint("g", i), At: At(i), Records: []store.Record{Record(at, "1", fmt.Sprint(i))}}
		g.Events = []store.Event{event(1, next, "one"), event(1, next, "two"), event(2, next, "one"), event(1, next+1, "three")}
		if i < 4 {
			at = MustCommit(t, s, at, g)
			continue
		}
		_, to, err := s.CommitLocked(t.Context(), at, func(store.Delta) (store.Group, error) { return g, nil })
		if err != nil {
			t.Fatal(err)
		}
		at = to
	}
	CheckAudit(t, a, Tenant(1), 18)
	CheckAudit(t, a, Tenant(2), 6)
	for _, damage := range []string{
		"UPDATE event SET actor = 'eve' WHERE seq = 5 AND n = 1",
		"DELETE FROM event WHERE seq = 7 AND n = 0",
		"UPDATE event SET n = 5 - n WHERE seq = 9",
	} {
		db := place.SQL(t)
		must(t, db, "CREATE TABLE keep AS SELECT * FROM event")
		must(t, db, damage)
		var audit store.Audit
		if err := a.Events(t.Context(), Tenant(1), 0, audit.Add); err == nil {
			t.Errorf("not found: %s", damage)
		}
		must(t, db, "DELETE FROM event")
		must(t, db, "INSERT INTO event SELECT * FROM keep")
		must(t, db, "DROP TABLE keep")
	}
	CheckAudit(t, a, Tenant(1), 18)
}
