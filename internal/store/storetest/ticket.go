package storetest

import (
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/store"
)

func ticket(n int, expires time.Time) store.Ticket {
	return store.Ticket{Tenant: Tenant(1), Kind: "code", Hash: store.Hash{byte(n), byte(n >> 8)}, Expires: expires,
		Principal: "ann", Body: fmt.Append(nil, "body", n)}
}

// tickets lets many redeem the same tickets at once, beside commits: each ticket has one winner.
func tickets(t *testing.T, place Place) {
	const count, redeemers = 100, 16
	s, other := place.Open(t), place.Open(t)
	for n := range count {
		if added, err := s.PutTicket(t.Context(), ticket(n, At(60))); err != nil || !added {
			t.Fatalf("PutTicket = %v, %v", added, err)
		}
	}
	var won [count]atomic.Int32
	var wg sync.WaitGroup
	for r := range redeemers {
		handle := s
		if r%2 == 1 {
			handle = other
		}
		wg.Go(func() {
			for i := range count {
				n := (i + r) % count
				got, ok, err := handle.RedeemTicket(t.Context(), Tenant(1), "code", ticket(n, At(0)).Hash, At(1))
				if err != nil {
					t.Error(err)
					return
				}
				if ok {
					won[n].Add(1)
					if string(got.Body) != fmt.Sprint("body", n) || got.Principal != "ann" || !got.Expires.Equal(At(60)) {
						t.Errorf("redeemed %+v", got)
					}
				}
			}
		})
	}
	at := NewFollower(t, s).At
	for i := range 20 {
		at = MustCommit(t, s, at, Group(fmt.Sprint("beside", i), Record(at, "1", "x")))
	}
	wg.Wait()
	for n := range won {
		if w := won[n].Load(); w != 1 {
			t.Errorf("ticket %d was redeemed %d times", n, w)
		}
	}
}

func ticketLife(t *testing.T, place Place) {
	s, ctx := place.Open(t), t.Context()
	in := ticket(1, At(10))
	for i, want := range []bool{true, false} {
		if added, err := s.PutTicket(ctx, in); err != nil || added != want {
			t.Errorf("PutTicket, time %d = %v, %v", i+1, added, err)
		}
	}
	for name, try := range map[string]struct {
		tenant, second int
		kind           string
		hash           store.Hash
	}{
		"another tenant": {2, 1, "code", in.Hash},
		"another kind":   {1, 1, "session", in.Hash},
		"another hash":   {1, 1, "code", store.Hash{9}},
		"expired":        {1, 10, "code", in.Hash},
	} {
		if _, ok, err := s.RedeemTicket(ctx, Tenant(try.tenant), try.kind, try.hash, At(try.second)); ok || err != nil {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
	if got, ok, err := s.Ticket(ctx, in.Tenant, in.Kind, in.Hash); err != nil || !ok || !got.Used.IsZero() || string(got.Body) != "body1" {
		t.Errorf("Ticket = %+v, %v, %v", got, ok, err)
	}
	if _, ok, err := s.RedeemTicket(ctx, in.Tenant, in.Kind, in.Hash, At(9)); !ok || err != nil {
		t.Errorf("RedeemTicket = %v, %v", ok, err)
	}
	if got, ok, err := s.Ticket(ctx, in.Tenant, in.Kind, in.Hash); err != nil || !ok || !got.Used.Equal(At(9)) {
		t.Errorf("a used ticket = %+v, %v, %v", got, ok, err)
	}
	if added, err := s.PutTicket(ctx, in); err != nil || added {
		t.Errorf("a used ticket put again = %v, %v", added, err)
	}
}

func sweep(t *testing.T, place Place) {
	s, db, ctx := place.Open(t), place.SQL(t), t.Context()
	at := NewFollower(t, s).At
	var second store.Position
	for i := range 6 {
		g := Group(fmt.Sprint("t", i), Record(at, fmt.Sprint(i), "x"))
		g.At = At(0).Add(time.Duration(i) * 10 * time.Hour)
		g.Operations = []store.Operation{{Tenant: Tenant(1), Key: fmt.Sprint(i), Seq: at.Seq + 1}}
		g.Records[0].Deleted = i%2 == 0
		at = MustCommit(t, s, at, g)
		if i == 1 {
			second = at
		}
	}
	for n := range 1200 {
		if _, err := s.PutTicket(ctx, ticket(n, At(n))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Sweep(ctx, At(0).Add(50*time.Hour)); err != nil { // what is older than 26 h goes: updates 1 to 3
		t.Fatal(err)
	}
	for query, want := range map[string]int64{
		"SELECT floor FROM head":                        3,
		"SELECT count(*) FROM operation":                3,
		"SELECT count(*) FROM object WHERE deleted = 0": 3,
		"SELECT count(*) FROM object WHERE deleted = 1": 1,
		"SELECT count(*) FROM ticket":                   0,
		"SELECT count(*) FROM revision":                 7, // few enough to keep all
	} {
		if got := Count(t, db, query); got != want {
			t.Errorf("%s = %d, want %d", query, got, want)
		}
	}
	if d, err := s.Follow(ctx, second); err != nil || !d.Reload {
		t.Errorf("a follower below the floor = %+v, %v", d, err)
	}
	if d, err := s.Follow(ctx, at); err != nil || d.Reload {
		t.Errorf("a follower at the head = %+v, %v", d, err)
	}
}

func traces(t *testing.T, place Place) {
	s, ctx := place.Open(t), t.Context()
	whose := func(n int) string { return fmt.Sprint("principal ", n%12) }
	add := func(tenant, n int, at time.Time) {
		for !s.AddTrace(store.Trace{Tenant: Tenant(tenant), ID: fmt.Sprint(n), At: at, Principal: whose(n), Body: []byte("why")}) {
			time.Sleep(time.Millisecond) // too many wait: let the writer catch up
		}
	}
	has := func(tenant, n int) bool {
		got, ok, err := s.Trace(ctx, Tenant(tenant), fmt.Sprint(n))
		if err != nil || ok && (got.Principal != whose(n) || string(got.Body) != "why") {
			t.Errorf("Trace(%d) = %+v, %v", n, got, err)
		}
		return ok
	}
	for n := range 30 {
		add(4, n, At(2).Add(time.Duration(n)*time.Millisecond))
	}
	newest := func(principal string, most int) (ids string) {
		all, err := s.Traces(ctx, Tenant(4), principal, most)
		if err != nil {
			t.Error(err)
		}
		for _, one := range all {
			ids += one.ID + " "
		}
		return ids
	}
	waitFor(t, "the newest to be listed", func() bool { return newest("", 3) == "29 28 27 " })
	if got := newest(whose(5), 100); got != "29 17 5 " {
		t.Errorf("of one principal: %s", got)
	}
	const over = 300
	add(2, 0, At(0))
	for n := range 10_000 + over {
		add(1, n, At(0).Add(time.Duration(n)*time.Millisecond))
		if n == 0 && !has(1, 0) {
			t.Error("a trace cannot be read at once")
		}
	}
	waitFor(t, "the oldest to go", func() bool { return !has(1, over-1) })
	for n, want := range map[int]bool{0: false, over: true, 9_999 + over: true} {
		if has(1, n) != want {
			t.Errorf("trace %d kept: %v", n, !want)
		}
	}
	if !has(2, 0) {
		t.Error("one tenant's traces pushed out another's")
	}
	for n := range 1_500 { // one that is refused in a loop
		add(3, 12*n, At(1).Add(time.Duration(n)*time.Millisecond))
	}
	add(3, 1, At(0))
	waitFor(t, "the oldest of one principal to go", func() bool { return !has(3, 12*499) })
	for n, want := range map[int]bool{0: false, 12 * 500: true, 12 * 1_499: true, 1: true} {
		if has(3, n) != want {
			t.Errorf("trace %d of principal %d kept: %v", n, n%12, !want)
		}
	}
	add(2, 1, At(0).Add(24*time.Hour+time.Second))
	waitFor(t, "the day-old trace to go", func() bool { return !has(2, 0) })
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 3000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("waited 30 s for %s", what)
}

func must(tb testing.TB, db *sql.DB, query string) {
	tb.Helper()
	if _, err := db.Exec(query); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
}
