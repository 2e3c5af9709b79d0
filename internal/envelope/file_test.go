package envelope

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestOpenMakesTheFileOnceAndForItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	if _, err := Load(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Load = %v; want fs.ErrNotExist", err)
	}
	first, err := Open(path, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v; want 0600", info.Mode(), err)
	}
	again, err := Open(path, bytes.NewReader(nil)) // needs no randomness: nothing is made
	if err != nil || again.ID() != first.ID() {
		t.Errorf("Open again = %v, %v; want key %v", again, err, first)
	}
	if names, _ := filepath.Glob(path + "*"); len(names) != 1 {
		t.Errorf("files left behind: %v", names)
	}
}

func TestProgramsThatStartTogetherShareOneKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	ids := make([]string, 16)
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() {
			m, err := Open(path, rand.Reader)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = m.ID()
		})
	}
	group.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("keys differ: %v", ids)
		}
	}
}

func TestRefusesAFileThatOthersCanRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	if _, err := Open(path, rand.Reader); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o601} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, rand.Reader); err == nil || !strings.Contains(err.Error(), "run chmod 600 "+path) {
			t.Errorf("mode %v: %v; want the remedy", mode, err)
		}
	}
}

func TestRefusesWhatIsNoKeyFile(t *testing.T) {
	good := header + "\n" + strings.Repeat("A", 43) + "=\n"
	for name, text := range map[string]string{
		"empty":        "",
		"cut":          good[:len(good)-10],
		"other header": "inborn master key v2" + good[len(header):],
		"no header":    good[len(header)+1:],
		"not base64":   header + "\n" + strings.Repeat("!", 44) + "\n",
		"more after":   good + good,
	} {
		path := filepath.Join(t.TempDir(), "master.key")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if m, err := Open(path, rand.Reader); err == nil || !strings.Contains(err.Error(), "is not a master key file") {
			t.Errorf("%s: %v, %v", name, m, err)
		}
		if after, _ := os.ReadFile(path); string(after) != text {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func TestOpenSaysWhyItCannotMakeTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "absent", "master.key")
	if _, err := Open(path, rand.Reader); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "making the master key file") {
		t.Errorf("Open = %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "master.key"), bytes.NewReader(nil)); err == nil {
		t.Error("made a key without randomness")
	}
}
