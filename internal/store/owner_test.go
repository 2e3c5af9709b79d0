//go:build unix

package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestADirectoryOfOthersIsRefused(t *testing.T) {
	refused := func(dir, want string) {
		t.Helper()
		s, err := OpenSQLite(t.Context(), dir)
		if err == nil {
			s.Close()
			t.Errorf("%s was opened", dir)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%v", err)
		}
	}
	open := t.TempDir()
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	refused(open, "Other users can write")
	if found, err := os.ReadDir(open); err != nil || len(found) > 0 {
		t.Errorf("something was put into it: %v, %v", found, err)
	}
	trap := t.TempDir()
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, filepath.Join(trap, lockFile)); err != nil {
		t.Fatal(err)
	}
	refused(trap, "")
	if text, err := os.ReadFile(victim); err != nil || string(text) != "precious" {
		t.Errorf("the file behind a link became %q, %v", text, err)
	}
	if os.Geteuid() != 0 {
		return // only root can make a directory that belongs to somebody else
	}
	theirs := t.TempDir()
	if err := os.Chown(theirs, 4711, 4711); err != nil {
		t.Fatal(err)
	}
	refused(theirs, "belongs to another user (uid 4711)")
}
