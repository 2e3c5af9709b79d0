package store_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/store/storetest"
)

// TestCrashChild is the process that TestCrash kills: it commits, redeems a ticket made before, and says so.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv("STORE_CRASH_DIR")
	if dir == "" {
		t.Skip("only TestCrash runs this")
	}
	s, err := store.OpenSQLite(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	at := storetest.NewFollower(t, s).At
	for {
		id := fmt.Sprint(at.Seq + 1)
		g := storetest.Group(fmt.Sprint(os.Getpid(), "-", id), storetest.Record(at, id, id))
		g.Events = []store.Event{{Tenant: storetest.Tenant(1), Seq: at.Seq + 1, At: storetest.At(0), Action: "add", Target: id}}
		at = storetest.MustCommit(t, s, at, g)
		ticket := store.Ticket{Tenant: storetest.Tenant(1), Kind: "code", Hash: hashOf(at.Seq), Expires: storetest.At(3600)}
		if added, err := s.PutTicket(t.Context(), ticket); err != nil || !added {
			t.Fatal(added, err)
		}
		if _, ok, err := s.RedeemTicket(t.Context(), ticket.Tenant, ticket.Kind, ticket.Hash, storetest.At(1)); err != nil || !ok {
			t.Fatal(ok, err)
		}
		fmt.Printf("done %d\n", at.Seq)
	}
}

func hashOf(n int64) store.Hash { return store.Hash([]byte(fmt.Sprintf("%032d", n))) }

// TestCrash kills a committing process at random times: whatever it said was done is there, and nothing is half done.
func TestCrash(t *testing.T) {
	rounds := 4
	if os.Getenv("SOAK") == "1" {
		rounds = 30
	}
	dir := t.TempDir()
	for round := range rounds {
		done := crash(t, dir, time.Duration(150+rand.IntN(500))*time.Millisecond)
		s, err := store.OpenSQLite(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		f := storetest.NewFollower(t, s)
		// One commit may have been made and not acknowledged, as the kill came between.
		if f.At.Seq < done || f.At.Seq > done+1 || len(f.Bodies) != int(f.At.Seq) {
			t.Fatalf("round %d: %d were acknowledged; head at %d with %d records", round, done, f.At.Seq, len(f.Bodies))
		}
		storetest.CheckAudit(t, s, storetest.Tenant(1), int(f.At.Seq))
		for n := int64(1); n <= done; n++ {
			if _, ok, err := s.RedeemTicket(t.Context(), storetest.Tenant(1), "code", hashOf(n), storetest.At(2)); ok || err != nil {
				t.Fatalf("ticket %d can be redeemed again: %v", n, err)
			}
		}
		// The ticket of that commit may be there, unused. The next child goes on behind it, so it is used up here, which
		// makes it one more that must stay used in later rounds.
		if f.At.Seq > done {
			if _, _, err := s.RedeemTicket(t.Context(), storetest.Tenant(1), "code", hashOf(f.At.Seq), storetest.At(2)); err != nil {
				t.Fatal(err)
			}
		}
		s.Close()
		var result string
		if err := rawSQLite(t, dir).QueryRow("PRAGMA integrity_check").Scan(&result); err != nil || result != "ok" {
			t.Fatalf("integrity_check: %s, %v", result, err)
		}
	}
}

// crash runs the child for that long, kills it and returns the last sequence number it acknowledged.
func crash(t *testing.T, dir string, after time.Duration) (done int64) {
	child := exec.Command(os.Args[0], "-test.run=^TestCrashChild$", "-test.timeout=1m")
	child.Env = append(os.Environ(), "STORE_CRASH_DIR="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var last string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if last == "" {
			time.AfterFunc(after, func() { child.Process.Kill() })
		}
		last = lines.Text()
		// The kill may cut the last line short; then its number is not the next one.
		if n, err := strconv.ParseInt(strings.TrimPrefix(last, "done "), 10, 64); err == nil && (done == 0 || n == done+1) {
			done = n
		}
	}
	child.Wait()
	if done == 0 {
		t.Fatalf("the child did nothing; it last said %q", last)
	}
	return done
}
