package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

// goodBackup makes a backup of a store with 200 records, each with an event.
func goodBackup(tb testing.TB) []byte {
	tb.Helper()
	dir, file := tb.TempDir(), filepath.Join(tb.TempDir(), "b.db")
	s, err := OpenSQLite(tb.Context(), dir)
	if err != nil {
		tb.Fatal(err)
	}
	defer s.Close()
	at := Position{Epoch: 1}
	for n := int64(1); n <= 200; n++ {
		g := Group{Updates: 1, Tag: fmt.Sprint("tag", n), At: time.Unix(n, 0), Records: []Record{{Key: Key{Kind: "thing", ID: fmt.Sprint(n)}, Seq: n,
			Body: []byte(strings.Repeat("x", 100))}}, Events: []Event{{Seq: n, At: time.Unix(n, 0), Action: "add", Target: fmt.Sprint(n)}}}
		_, to, err := s.Commit(tb.Context(), at, g)
		if err != nil {
			tb.Fatal(err)
		}
		at = to
	}
	draft, err := CreateBackup(tb.Context(), dir, file, false, time.Unix(1, 0))
	if err == nil {
		err = draft.Keep()
	}
	if err != nil {
		tb.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// verify opens and checks data as a backup.
func verify(tb testing.TB, data []byte) error {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "b.db")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		tb.Fatal(err)
	}
	b, err := OpenBackup(tb.Context(), file)
	if err != nil {
		return err
	}
	defer b.Close()
	_, err = b.Check(tb.Context())
	return err
}

// resealed gives a backup's database, after change, a seal that fits: as somebody does who knows how.
func resealed(tb testing.TB, data []byte, change func(path string)) []byte {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "b.db")
	if err := os.WriteFile(file, data[:len(data)-sealSize], 0o600); err != nil {
		tb.Fatal(err)
	}
	change(file)
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	if err := seal(context.Background(), f, time.Unix(1, 0)); err != nil {
		tb.Fatal(err)
	}
	out, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func query(tb testing.TB, text string) func(string) {
	return func(path string) {
		db, err := sql.Open("sqlite", path)
		if err != nil {
			tb.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(text); err != nil {
			tb.Fatal(err)
		}
	}
}

func refused(tb testing.TB, name string, err error, want string) {
	tb.Helper()
	if !apierr.Is(err, apierr.StoreFailed) || !strings.Contains(apierr.From(err).Message, want) || strings.Contains(apierr.From(err).Message, "\n") {
		tb.Errorf("%s: %v, want a sentence with %q", name, err, want)
	}
}

func TestFilesThatAreNoBackup(t *testing.T) {
	good := goodBackup(t)
	if err := verify(t, good); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(t.TempDir(), "foreign.db")
	query(t, "CREATE TABLE t(x)")(foreign)
	theirs, err := os.ReadFile(foreign)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":                         {nil, "is no backup"},
		"text":                          {bytes.Repeat([]byte("hello\n"), 1000), "is no backup"},
		"another program's database":    {theirs, "SQLite database but no whole backup"},
		"the database alone":            {good[:len(good)-sealSize], "SQLite database but no whole backup"},
		"cut in the last line":          {good[:len(good)-5], "cut short"},
		"half":                          {good[:len(good)/2], "cut short"},
		"one page missing":              {append(bytes.Clone(good[:len(good)-sealSize-4096]), good[len(good)-sealSize:]...), "checksum does not fit"},
		"something behind it":           {append(bytes.Clone(good), "more"...), "cut short"},
		"of a newer version":            {bytes.Replace(good, []byte("inborn backup v1 "), []byte("inborn backup v2 "), 1), "newer version"},
		"another time in the line":      {bytes.Replace(good, []byte("1970-01-01"), []byte("1970-01-02"), 1), "checksum does not fit"},
		"another program's, resealed":   {resealed(t, append(theirs, make([]byte, sealSize)...), func(string) {}), "no database of Inborn"},
		"text, resealed":                {resealed(t, append(bytes.Repeat([]byte("hello\n"), 1000), make([]byte, sealSize)...), func(string) {}), "not an Inborn database"},
		"a newer schema":                {resealed(t, good, query(t, "INSERT INTO schema_state(version_id,is_applied) VALUES(99,1)")), "newer version of Inborn: its state schema is 99"},
		"a trigger":                     {resealed(t, good, query(t, "CREATE TRIGGER t AFTER UPDATE ON head BEGIN DELETE FROM object; END")), "views or triggers"},
		"a changed event":               {resealed(t, good, query(t, "UPDATE event SET actor='somebody' WHERE seq=100")), "audit chain is broken before event 101.0"},
		"an event less":                 {resealed(t, good, query(t, "DELETE FROM event WHERE seq=100")), "audit chain is broken before event 101.0"},
		"an older head":                 {resealed(t, good, query(t, "UPDATE head SET seq=199, tag='tag199'")), "head of the log stands at 199"},
		"a newer head":                  {resealed(t, good, query(t, "UPDATE head SET seq=201")), "not the commit that was recorded there"},
		"another commit at the head":    {resealed(t, good, query(t, "UPDATE head SET tag='x'")), "not the commit that was recorded there"},
		"no head":                       {resealed(t, good, query(t, "DELETE FROM head")), "head of the log is missing"},
		"a row of a tenant without one": {resealed(t, good, query(t, "UPDATE event SET tenant='x' WHERE seq=1")), "audit events of the tenant"},
	} {
		refused(t, name, verify(t, c.data), c.want)
	}
	if err := verify(t, resealed(t, good, func(string) {})); err != nil {
		t.Errorf("resealed as it was: %v", err)
	}
	refused(t, "a directory", func() error { _, err := OpenBackup(t.Context(), t.TempDir()); return err }(), "is no file")
	refused(t, "nothing", func() error { _, err := OpenBackup(t.Context(), "/none/b.db"); return err }(), "no such file")
}

// TestEveryDamageIsSeen changes one byte here and there, and whole pages: the seal sees each, and SQLite itself sees a
// page that somebody has sealed again.
func TestEveryDamageIsSeen(t *testing.T) {
	good := goodBackup(t)
	for at := 0; at < len(good); at += 997 {
		changed := bytes.Clone(good)
		changed[at] ^= 0x10
		if verify(t, changed) == nil {
			t.Errorf("the change of byte %d of %d was not seen", at, len(good))
		}
	}
	if seen := damagedPages(t, good); seen < len(good)/4096-1 {
		t.Errorf("of %d pages, SQLite saw the damage of %d", len(good)/4096, seen)
	}
}

// damagedPages overwrites each page in turn, seals the file again, and counts in how many cases SQLite itself sees it.
func damagedPages(t *testing.T, good []byte) (seen int) {
	for page := 4096; page+4096 < len(good); page += 4096 {
		data := resealed(t, good, func(path string) {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.WriteAt(bytes.Repeat([]byte{0xa5}, 4096), int64(page))
			if err := errors.Join(err, f.Close()); err != nil {
				t.Fatal(err)
			}
		})
		if err := verify(t, data); err != nil {
			seen++
			if message := apierr.From(err).Message; !strings.Contains(message, "damaged") || strings.Contains(message, "\n") {
				t.Errorf("page at %d: %s", page, message)
			}
		}
	}
	return seen
}
