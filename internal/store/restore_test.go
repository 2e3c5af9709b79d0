package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/store/storetest"
)

// restore puts a backup into dir, with one commit as the start of the new history.
func restore(tb testing.TB, file, dir string, force bool) (aside string, err error) {
	tb.Helper()
	r, err := openBackup(tb, file).Restore(tb.Context(), dir, force, storetest.At(9), "master.key*")
	if err != nil {
		return "", err
	}
	writeOne(tb, r.Store, storetest.NewFollower(tb, r.Store).At)
	return r.Keep()
}

func TestRestoreBeginsANewHistory(t *testing.T) {
	old := t.TempDir()
	s := openSQLite(t, old)
	at := write(t, s, 10)
	f := storetest.NewFollower(t, s)
	file := backUp(t, old)
	if _, found, err := openBackup(t, file).Ticket(t.Context(), guid.GUID{}, "code", hashOf(3)); !found || err != nil {
		t.Fatalf("the backup has no tickets: %v", err)
	}
	write(t, s, 1) // the same number as the first commit after the restore, and other contents in the same tag's place

	dir := filepath.Join(t.TempDir(), "made", "by restore")
	if aside, err := restore(t, file, dir, false); err != nil || aside != "" {
		t.Fatalf("%q, %v", aside, err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory has mode %v, %v", info.Mode(), err)
	}
	now := openSQLite(t, dir)
	stands := checkWritten(t, now)
	if stands.Epoch != at.Epoch+1 || stands.Seq != at.Seq+1 {
		t.Errorf("it stands at %+v, the backup at %+v", stands, at)
	}
	for name, from := range map[string]store.Position{"at the backup": at, "behind it": f.At, "at the same number": {Epoch: 1, Seq: 11, Tag: "tag 1 11"}} {
		if d, err := now.Follow(t.Context(), from); err != nil || !d.Reload {
			t.Errorf("a follower of the old history %s: %+v, %v", name, d, err)
		}
	}
	for n := int64(1); n <= 10; n++ {
		if _, found, err := now.Ticket(t.Context(), guid.GUID{}, "code", hashOf(n)); found || err != nil {
			t.Errorf("a ticket came back: %v", err)
		}
	}
	write(t, now, 5)
	if _, err := openBackup(t, backUp(t, dir)).Check(t.Context()); err != nil {
		t.Errorf("a backup of what was restored: %v", err)
	}
	if data := read(t, dir, "inborn.db"); bytes.Contains(data, []byte("inborn backup v1")) {
		t.Error("the line of the backup is in the database")
	}
}

func TestRestoreOnlyIntoAnEmptyDirectory(t *testing.T) {
	source := t.TempDir()
	write(t, openSQLite(t, source), 3)
	file := backUp(t, source)
	put := func(dir string, names ...string) string {
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	used := t.TempDir()
	write(t, openSQLite(t, used), 1)
	open := t.TempDir()
	if err := os.Chmod(open, 0o770); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ dir, want string }{
		"in use":              {used, "in use by the Inborn process"},
		"other files":         {put(t.TempDir(), "letter.txt"), "there is letter.txt"},
		"a log of a database": {put(t.TempDir(), "inborn.db-wal"), "there is inborn.db-wal"},
		"a database":          {put(t.TempDir(), "inborn.db"), "has a database already"},
		"others may write":    {open, "Other users can write"},
		"a file":              {filepath.Join(put(t.TempDir(), "f"), "f"), "is a file"},
	} {
		before := listing(t, c.dir)
		_, err := restore(t, file, c.dir, false)
		checkSentence(t, err, c.want)
		if after := slices.DeleteFunc(listing(t, c.dir), func(name string) bool { return name == "inborn.lock" }); !slices.Equal(before, after) && name != "in use" {
			t.Errorf("%s: the directory had %v and has %v", name, before, after)
		}
	}
	fine := put(t.TempDir(), "master.key", "master.key.0011223344556677", "inborn.db.restore", "inborn.lock")
	if _, err := restore(t, file, fine, false); err != nil {
		t.Errorf("beside a master key and what a killed restore left: %v", err)
	}
	if names := listing(t, fine); !slices.Equal(names, []string{"inborn.db", "inborn.lock", "master.key", "master.key.0011223344556677"}) {
		t.Errorf("the directory has %v", names)
	}
}

func listing(tb testing.TB, dir string) (names []string) {
	entries, err := os.ReadDir(dir)
	if info, failed := os.Stat(dir); failed == nil && !info.IsDir() {
		return nil
	}
	if err != nil {
		tb.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestForceMovesTheDatabaseAside restores over a database that was killed, one that was stopped and one that does not
// open: all that was there is still there.
func TestForceMovesTheDatabaseAside(t *testing.T) {
	source := t.TempDir()
	write(t, openSQLite(t, source), 3)
	file := backUp(t, source)
	t.Run("killed", func(t *testing.T) {
		dir := t.TempDir()
		done := crash(t, dir, 200*time.Millisecond)
		aside, err := restore(t, file, dir, true)
		if err != nil || aside != filepath.Join(dir, "inborn.db.before-20260301T120009Z") {
			t.Fatalf("moved to %q, %v", aside, err)
		}
		checkWritten(t, openSQLite(t, dir))
		old := t.TempDir()
		if err := os.Rename(aside, filepath.Join(old, "inborn.db")); err != nil {
			t.Fatal(err)
		}
		if f := storetest.NewFollower(t, openSQLite(t, old)); f.At.Seq < done {
			t.Errorf("what was moved stands at %d, %d were acknowledged", f.At.Seq, done)
		}
	})
	t.Run("twice within a second", func(t *testing.T) {
		dir := t.TempDir()
		for _, want := range []string{"", "inborn.db.before-20260301T120009Z", "inborn.db.before-20260301T120009Z-2"} {
			if aside, err := restore(t, file, dir, true); err != nil || filepath.Base(filepath.Join("x", aside)) != filepath.Base(filepath.Join("x", want)) {
				t.Errorf("moved to %q, %v; want %q", aside, err, want)
			}
		}
	})
	t.Run("damaged", func(t *testing.T) {
		dir := t.TempDir()
		garbage := []byte(strings.Repeat("no database ", 1000))
		for _, name := range []string{"inborn.db", "inborn.db-wal"} {
			if err := os.WriteFile(filepath.Join(dir, name), garbage, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		aside, err := restore(t, file, dir, true)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(read(t, dir, filepath.Base(aside)), garbage) {
			t.Error("the damaged database was changed")
		}
		checkWritten(t, openSQLite(t, dir))
	})
}

// TestNoEmptyDatabaseInThePlaceOfALostOne starts where a database was moved away, or a restore was killed between its last
// two steps.
func TestNoEmptyDatabaseInThePlaceOfALostOne(t *testing.T) {
	dir := t.TempDir()
	crash(t, dir, 200*time.Millisecond)
	if err := os.Rename(filepath.Join(dir, "inborn.db"), filepath.Join(dir, "moved")); err != nil {
		t.Fatal(err)
	}
	log := read(t, dir, "inborn.db-wal")
	_, err := store.OpenSQLite(t.Context(), dir)
	checkSentence(t, err, "is missing", "inborn.db-wal")
	if !bytes.Equal(log, read(t, dir, "inborn.db-wal")) {
		t.Error("the write-ahead log was touched")
	}
	cut := t.TempDir()
	if err := os.WriteFile(filepath.Join(cut, "inborn.db.restore"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = store.OpenSQLite(t.Context(), cut)
	checkSentence(t, err, "did not come to its end")
}
