package store_test

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/inborn-id/inborn/internal/store"
)

// asNobody runs f on a thread that has no rights on files but everybody's; it makes no difference unless we are root.
func asNobody(t *testing.T, f func()) {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocks: the thread ends with the goroutine
		var err error
		if os.Getuid() == 0 {
			err = syscall.Setfsuid(65534)
		}
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestUnwritable(t *testing.T) {
	base := t.TempDir()
	parent := filepath.Join(base, "parent")
	existing := filepath.Join(base, "existing")
	fileOnly := filepath.Join(base, "file-only")
	for _, dir := range []string{existing, fileOnly} {
		s, err := store.OpenSQLite(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	for path, mode := range map[string]os.FileMode{
		base: 0o755, existing: 0o555, fileOnly: 0o777,
		filepath.Join(fileOnly, "inborn.db"): 0o444, filepath.Join(fileOnly, "inborn.lock"): 0o666,
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(parent, 0o555); err != nil {
		t.Fatal(err)
	}
	asNobody(t, func() {
		for _, dir := range []string{existing, fileOnly, filepath.Join(parent, "data")} {
			s, err := store.OpenSQLite(t.Context(), dir)
			if err == nil {
				s.Close()
				t.Errorf("%s was opened", dir)
				continue
			}
			checkSentence(t, err, dir, "write permission", "--data")
		}
	})
}
