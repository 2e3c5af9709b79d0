package store_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/store/storetest"
)

// checkSentence fails unless err is one sentence or two for a person, with the wanted words in it.
func checkSentence(t *testing.T, err error, want ...string) {
	t.Helper()
	if !apierr.Is(err, apierr.StoreFailed) {
		t.Fatalf("error = %v, want StoreFailed", err)
	}
	message := apierr.From(err).Message
	for _, words := range want {
		if !strings.Contains(message, words) {
			t.Errorf("%q does not say %q", message, words)
		}
	}
	if strings.Contains(message, "\n") || strings.Contains(message, "SQLITE") {
		t.Errorf("%q is no sentence for a person", message)
	}
}

func TestDirectoryFailures(t *testing.T) {
	dir := t.TempDir()
	_, err := store.OpenSQLite(t.Context(), filepath.Join(dir, "missing", "data"))
	checkSentence(t, err, "parent does not exist")
	if help := apierr.From(err).Help; help != "mkdir -p "+filepath.Join(dir, "missing") {
		t.Errorf("help is %q", help)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = store.OpenSQLite(t.Context(), file)
	checkSentence(t, err, file, "is a file")
}

func TestSecondProcessIsToldWhoHasTheDirectory(t *testing.T) {
	dir := t.TempDir()
	s, err := store.OpenSQLite(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.OpenSQLite(t.Context(), dir)
	checkSentence(t, err, dir, fmt.Sprintf("process %d:", os.Getpid()))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	openSQLite(t, dir) // free again
}

func TestDataIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := openSQLite(t, dir)
	at := storetest.NewFollower(t, s).At
	storetest.MustCommit(t, s, at, storetest.Group("a", storetest.Record(at, "1", "x")))
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) < 3 {
		t.Fatalf("%v, %v", entries, err)
	}
	for _, e := range append([]os.DirEntry{}, entries...) {
		if info, err := e.Info(); err != nil || info.Mode()&0o077 != 0 {
			t.Errorf("%s has mode %v, %v", e.Name(), info.Mode(), err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode()&0o077 != 0 {
		t.Errorf("the directory has mode %v, %v", info.Mode(), err)
	}
}

func TestForeignAndNewerFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "inborn.db")
	if err := os.WriteFile(path, bytes.Repeat([]byte("something else "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := store.OpenSQLite(t.Context(), dir)
	checkSentence(t, err, path, "not an Inborn database")

	dir = t.TempDir()
	s, err := store.OpenSQLite(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := rawSQLite(t, dir).Exec("INSERT INTO schema_state(version_id, is_applied) VALUES (99, 1)"); err != nil {
		t.Fatal(err)
	}
	_, err = store.OpenSQLite(t.Context(), dir)
	checkSentence(t, err, "newer version", "99")
}

func TestDamagedFile(t *testing.T) {
	dir := t.TempDir()
	s, err := store.OpenSQLite(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	at := storetest.NewFollower(t, s).At
	records := make([]store.Record, 500)
	for i := range records {
		records[i] = storetest.Record(at, fmt.Sprint(i), strings.Repeat("x", 500))
	}
	storetest.MustCommit(t, s, at, storetest.Group("a", records...))
	s.Close()
	path := filepath.Join(dir, "inborn.db")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(data) / 4; i < len(data); i++ {
		data[i] = 0xa5
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s = openSQLite(t, dir)
	_, err = s.Load(t.Context(), func(store.Record) error { return nil })
	checkSentence(t, err, path, "damaged", "backup")
}
