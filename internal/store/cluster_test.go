//go:build unix

package store_test

import (
	"bufio"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/store/storetest"
)

func TestEnginesLeaveTheSameRows(t *testing.T) {
	sqlite, pg := storetest.Script(t, sqlitePlace(t)), storetest.Script(t, postgresPlace(t))
	if diff := cmp.Diff(strings.Split(sqlite, "\n"), strings.Split(pg, "\n")); diff != "" {
		t.Errorf("SQLite and PostgreSQL differ:\n%s", diff)
	}
	for _, table := range []string{"object", "body", "cipher", "operation", "ticket", "event", "revision"} {
		if !strings.Contains(sqlite, "\n"+table+" ") {
			t.Errorf("the script left no row in %s", table)
		}
	}
}

// TestGuardChild is one of the processes of TestGuardOfProcesses.
func TestGuardChild(t *testing.T) {
	url := os.Getenv("STORE_GUARD_URL")
	if url == "" {
		t.Skip("only TestGuardOfProcesses runs this")
	}
	attempts, err := strconv.Atoi(os.Getenv("STORE_GUARD_ATTEMPTS"))
	if err != nil {
		t.Fatal(err)
	}
	won, err := storetest.Contend(t.Context(), openPostgres(t, url), os.Getenv("STORE_GUARD_NAME"), attempts)
	if err != nil {
		t.Fatal(err)
	}
	for id := range won {
		fmt.Println("won", id)
	}
}

func TestGuardOfProcesses(t *testing.T) {
	const processes = 3
	attempts := 300
	if os.Getenv("SOAK") == "1" {
		attempts = 3334
	}
	url := postgres.Database(t)
	openPostgres(t, url) // makes the tables
	all := map[string]bool{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for p := range processes {
		child := exec.Command(os.Args[0], "-test.run=^TestGuardChild$", "-test.timeout=5m")
		child.Env = append(os.Environ(), "STORE_GUARD_URL="+url, fmt.Sprint("STORE_GUARD_NAME=p", p),
			fmt.Sprint("STORE_GUARD_ATTEMPTS=", attempts))
		wg.Go(func() {
			out, err := child.CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
			mu.Lock()
			defer mu.Unlock()
			for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); {
				if id, ok := strings.CutPrefix(lines.Text(), "won "); ok {
					all[id] = true
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d of %d attempts won", len(all), processes*attempts)
	if len(all) == 0 || len(all) == processes*attempts {
		t.Error("no contention: the test shows nothing")
	}
	place := storetest.Place{
		Open: func(tb testing.TB) *store.Store { return openPostgres(tb, url) },
		SQL:  func(tb testing.TB) *sql.DB { return rawPostgres(tb, url) },
	}
	storetest.CheckContention(t, place, all)
}

// A feed by sequence numbers that the database hands out, the usual design, misses rows whose transactions commit out
// of order: this is why the head exists, and that this environment is able to show such a loss.
func TestSequenceFeedMissesRows(t *testing.T) {
	db := rawPostgres(t, postgres.Database(t))
	if _, err := db.Exec("CREATE TABLE feed (id bigserial PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	var running atomic.Int32
	for w := range 8 {
		running.Add(1)
		go func() {
			defer running.Add(-1)
			random := rand.New(rand.NewPCG(3, uint64(w)))
			for range 40 {
				if err := addSlowly(db, time.Duration(random.IntN(3000))*time.Microsecond); err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	last, seen := int64(0), 0
	poll := func() {
		rows, err := db.Query("SELECT id FROM feed WHERE id > $1", last)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				t.Fatal(err)
			}
			last, seen = max(last, id), seen+1
		}
	}
	for running.Load() > 0 {
		poll()
	}
	poll()
	if total := int(storetest.Count(t, db, "SELECT count(*) FROM feed")); seen == total {
		t.Errorf("the feed saw all %d rows: the overlap tests would not notice a lost one either", total)
	} else {
		t.Logf("the feed missed %d of %d rows", total-seen, total)
	}
}

func addSlowly(db *sql.DB, pause time.Duration) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.Exec("INSERT INTO feed DEFAULT VALUES"); err != nil {
		return err
	}
	time.Sleep(pause)
	return tx.Commit()
}

func TestPostgresFailures(t *testing.T) {
	_, err := store.OpenPostgres(t.Context(), "postgres://inborn:secret@127.0.0.1:1/x?sslmode=disable")
	checkSentence(t, err, "127.0.0.1:1/x", "cannot be reached")
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("%v shows the password", err)
	}
	_, err = store.OpenPostgres(t.Context(), "postgres://inborn:secret@127.0.0.1:port/x")
	checkSentence(t, err, "is not valid")
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("%v shows the password", err)
	}
	url := postgres.Database(t)
	_, err = store.OpenPostgres(t.Context(), strings.Replace(url, "/test", "/missing", 1))
	checkSentence(t, err, "no such database")
	s := openPostgres(t, url)
	if _, err := rawPostgres(t, url).Exec("INSERT INTO schema_state(version_id, is_applied) VALUES (99, true)"); err != nil {
		t.Fatal(err)
	}
	_, err = store.OpenPostgres(t.Context(), url)
	checkSentence(t, err, "newer version", "99")
	if _, err := rawPostgres(t, url).Exec("DROP TABLE object"); err != nil {
		t.Fatal(err)
	}
	_, err = s.Follow(t.Context(), store.Position{Epoch: 1})
	checkSentence(t, err, "follow the store")
}
