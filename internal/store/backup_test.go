package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/store/storetest"
)

// write commits n updates; the record, the cipher, the event and the ticket of each are known from its number.
func write(tb testing.TB, s *store.Store, n int) store.Position {
	tb.Helper()
	at := storetest.NewFollower(tb, s).At
	for range n {
		at = writeOne(tb, s, at)
	}
	return at
}

func writeOne(tb testing.TB, s *store.Store, at store.Position) store.Position {
	tb.Helper()
	id := fmt.Sprint(at.Seq + 1)
	g := storetest.Group(fmt.Sprint("tag ", at.Epoch, " ", id), storetest.Record(at, id, strings.Repeat(id, 50)))
	g.Ciphers = []store.Cipher{{Tenant: storetest.Tenant(1), ID: id, Seq: at.Seq + 1, Ciphertext: []byte("cipher " + id)}}
	g.Events = []store.Event{{Tenant: storetest.Tenant(1), Seq: at.Seq + 1, At: storetest.At(0), Action: "add", Target: id}}
	to := storetest.MustCommit(tb, s, at, g)
	if _, err := s.PutTicket(tb.Context(), store.Ticket{Kind: "code", Hash: hashOf(to.Seq), Expires: storetest.At(3600)}); err != nil {
		tb.Fatal(err)
	}
	return to
}

func backUp(tb testing.TB, dir string) string {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "backup.db")
	draft, err := store.CreateBackup(tb.Context(), dir, file, false, storetest.At(5))
	if err != nil {
		tb.Fatal(err)
	}
	if err := draft.Keep(); err != nil {
		tb.Fatal(err)
	}
	return file
}

func openBackup(tb testing.TB, file string) *store.Backup {
	tb.Helper()
	b, err := store.OpenBackup(tb.Context(), file)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { b.Close() })
	return b
}

// checkWritten fails unless s holds exactly what write has written up to the position where s stands.
func checkWritten(tb testing.TB, s *store.Store) store.Position {
	tb.Helper()
	f := storetest.NewFollower(tb, s)
	for n := int64(1); n <= f.At.Seq; n++ {
		id := fmt.Sprint(n)
		if f.Bodies[store.Key{Tenant: storetest.Tenant(1), Kind: "thing", ID: id}] != strings.Repeat(id, 50) {
			tb.Fatalf("at %d: the record %d is missing or another", f.At.Seq, n)
		}
		if c, found, err := s.Cipher(tb.Context(), storetest.Tenant(1), id); err != nil || !found || string(c.Ciphertext) != "cipher "+id {
			tb.Fatalf("at %d: the cipher %d is %q, %v", f.At.Seq, n, c.Ciphertext, err)
		}
	}
	if len(f.Bodies) != int(f.At.Seq) {
		tb.Fatalf("at %d there are %d records", f.At.Seq, len(f.Bodies))
	}
	storetest.CheckAudit(tb, s, storetest.Tenant(1), int(f.At.Seq))
	return f.At
}

// TestBackupWhileOthersWrite makes backups of a store to which a writer commits all the time: each is one position, whole.
func TestBackupWhileOthersWrite(t *testing.T) {
	dir := t.TempDir()
	s := openSQLite(t, dir)
	at := write(t, s, 50)
	ctx, stop := context.WithCancel(t.Context())
	written := make(chan store.Position)
	go func() {
		for ctx.Err() == nil {
			at = writeOne(t, s, at)
		}
		written <- at
	}()
	var positions []int64
	for range 8 {
		b := openBackup(t, backUp(t, dir))
		contents, err := b.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if at := checkWritten(t, b.Store); contents.Position != at || contents.Objects != int(at.Seq) || contents.Events != int(at.Seq) {
			t.Errorf("Check says %+v, the rows say %+v", contents, at)
		}
		positions = append(positions, contents.Position.Seq)
		if b.Made != storetest.At(5).Truncate(time.Second) {
			t.Errorf("made at %v", b.Made)
		}
	}
	stop()
	last := <-written
	if positions[0] < 50 || positions[len(positions)-1] <= positions[0] || positions[len(positions)-1] > last.Seq {
		t.Errorf("backups at %v, the writer went from 50 to %d", positions, last.Seq)
	}
	if checkWritten(t, s) != last {
		t.Error("the backups have disturbed the writer")
	}
}

// TestBackupAfterACrash copies what a killed process has left, with all that was acknowledged in its write-ahead log, and
// writes nothing to either.
func TestBackupAfterACrash(t *testing.T) {
	dir := t.TempDir()
	done := crash(t, dir, 300*time.Millisecond)
	before := [2][]byte{read(t, dir, "inborn.db"), read(t, dir, "inborn.db-wal")}
	b := openBackup(t, backUp(t, dir))
	contents, err := b.Check(t.Context())
	if err != nil || contents.Position.Seq < done {
		t.Errorf("a backup at %d, %v; %d were acknowledged", contents.Position.Seq, err, done)
	}
	if after := [2][]byte{read(t, dir, "inborn.db"), read(t, dir, "inborn.db-wal")}; !bytes.Equal(before[0], after[0]) || !bytes.Equal(before[1], after[1]) {
		t.Error("the files of the data directory were changed")
	}
}

func read(tb testing.TB, dir, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// TestABackupIsAPlainDatabase reads one as any program would that knows SQLite, and finds nothing that was erased.
func TestABackupIsAPlainDatabase(t *testing.T) {
	dir := t.TempDir()
	s := openSQLite(t, dir)
	at := write(t, s, 20)
	canary := strings.Repeat("canary of an erased value ", 40)
	g := storetest.Group("c")
	g.Ciphers = []store.Cipher{{ID: "erased", Seq: at.Seq + 1, Ciphertext: []byte(canary)}}
	at = storetest.MustCommit(t, s, at, g)
	g = storetest.Group("d")
	g.Ciphers = []store.Cipher{{ID: "erased", Seq: at.Seq + 1}}
	storetest.MustCommit(t, s, at, g)
	file := backUp(t, dir)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	if n := storetest.Count(t, db, "SELECT count(*) FROM object"); n != 20 {
		t.Errorf("%d objects", n)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	data := read(t, filepath.Dir(file), "backup.db")
	line := data[bytes.LastIndexByte(data[:len(data)-1], '\n')+1:]
	if !bytes.HasPrefix(line, []byte("inborn backup v1 2026-03-01T12:00:05Z sha256 ")) {
		t.Errorf("it ends with %q", line)
	}
	if bytes.Contains(data, []byte(canary)) {
		t.Error("an erased value is in it")
	}
	openBackup(t, file) // and reading it has not changed it
	if names, _ := os.ReadDir(filepath.Dir(file)); len(names) != 1 {
		t.Errorf("files beside it: %v", names)
	}
}

func TestBackupTargets(t *testing.T) {
	dir, place := t.TempDir(), t.TempDir()
	write(t, openSQLite(t, dir), 3)
	try := func(target string, force bool) error {
		draft, err := store.CreateBackup(t.Context(), dir, target, force, storetest.At(0))
		if err != nil {
			return err
		}
		return draft.Keep()
	}
	file := filepath.Join(place, "b.db")
	if err := try(file, false); err != nil {
		t.Fatal(err)
	}
	first := read(t, place, "b.db")
	checkSentence(t, try(file, false), file, "exists already", "--force")
	checkSentence(t, try(filepath.Join(place, "none", "b.db"), false), "no such file or directory")
	checkSentence(t, try(filepath.Join(dir, "b.db"), false), "in the data directory")
	checkSentence(t, try(filepath.Join(dir, "inborn.db"), true), "in the data directory")
	checkSentence(t, try(place, true), "is no file")
	if !bytes.Equal(first, read(t, place, "b.db")) {
		t.Error("a refused backup has changed the one that was there")
	}
	write(t, openSQLite(t, t.TempDir()), 1)
	if err := try(file, true); err != nil {
		t.Errorf("with force: %v", err)
	}

	// What a killed process left is replaced, what a running one has is not.
	if err := os.WriteFile(filepath.Join(place, "c.db.tmp"), []byte("half a backup"), 0o600); err != nil {
		t.Fatal(err)
	}
	running, err := store.CreateBackup(t.Context(), dir, filepath.Join(place, "c.db"), false, storetest.At(0))
	if err != nil {
		t.Fatal(err)
	}
	checkSentence(t, try(filepath.Join(place, "c.db"), false), "Another process is writing")
	if err := running.Keep(); err != nil {
		t.Error(err)
	}
	openBackup(t, filepath.Join(place, "c.db"))

	// A name that leads elsewhere is not followed.
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{"d.db", "e.db.tmp"} {
		if err := os.Symlink(victim, filepath.Join(place, link)); err != nil {
			t.Fatal(err)
		}
		if err := try(filepath.Join(place, strings.TrimSuffix(link, ".tmp")), true); err == nil {
			t.Errorf("written through the link %s", link)
		}
	}
	if text := read(t, filepath.Dir(victim), "victim"); string(text) != "precious" {
		t.Errorf("the file behind a link became %q", text)
	}
}

func TestBackupOfNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "b.db")
	try := func(dir string) error {
		draft, err := store.CreateBackup(t.Context(), dir, file, false, storetest.At(0))
		if err == nil {
			draft.Discard()
		}
		return err
	}
	checkSentence(t, try(t.TempDir()), "There is no database in", "--data")
	checkSentence(t, try(filepath.Join(t.TempDir(), "none")), "There is no database in")
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "inborn.db"), bytes.Repeat([]byte("something else "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	checkSentence(t, try(foreign), foreign, "not an Inborn database")
	open := t.TempDir()
	write(t, openSQLite(t, open), 1)
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	checkSentence(t, try(open), "Other users can write")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := os.Chmod(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := store.CreateBackup(ended, open, file, false, storetest.At(0)); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if _, err := os.Stat(file + ".tmp"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a draft was left: %v", err)
	}
}
