package envelope

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestRewrapChangesTheKeyAndNotTheRecord(t *testing.T) {
	old, next := newMaster(t), newMaster(t)
	here, plain := []string{"cipher", "tenant", "id"}, []byte("value")
	sealed, err := old.Encrypt(here, plain, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	both := next.Opening(old)
	again, err := both.Rewrap(here, sealed, rand.Reader)
	if err != nil || KeyID(again) != next.ID() || KeyID(sealed) != old.ID() {
		t.Fatalf("Rewrap = a ciphertext of %s, %v; want %s", KeyID(again), err, next)
	}
	if !bytes.Equal(again[nonceAt:], sealed[nonceAt:]) || bytes.Equal(again[wrapAt:nonceAt], sealed[wrapAt:nonceAt]) {
		t.Error("the record was touched, or its data key was not")
	}
	if got, err := next.Decrypt(here, again); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("with the next key alone: %q, %v", got, err)
	}
	if got, err := both.Decrypt(here, sealed); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("with both keys, before: %q, %v", got, err)
	}
	if _, err := old.Decrypt(here, again); err == nil {
		t.Error("the former key still opens it")
	}
	if same, err := both.Rewrap(here, again, bytes.NewReader(nil)); err != nil || !bytes.Equal(same, again) {
		t.Errorf("rewrapped although it had the key: %v", err)
	}
	for name, err := range map[string]error{
		"under another context": second(both.Rewrap([]string{"cipher", "tenant", "other"}, sealed, rand.Reader)),
		"without the old key":   second(next.Rewrap(here, sealed, rand.Reader)),
		"without randomness":    second(both.Rewrap(here, sealed, bytes.NewReader(nil))),
		"cut":                   second(both.Rewrap(here, sealed[:Overhead-1], rand.Reader)),
	} {
		if err == nil {
			t.Errorf("rewrapped %s", name)
		}
	}
	third := newMaster(t)
	if all := third.Opening(both); !all.Holds(old.ID()) || !all.Holds(next.ID()) || all.Holds("0011223344556677") || all.Holds("x") || third.Holds(old.ID()) {
		t.Error("a third key does not open what the two before it sealed, or more than that")
	}
}

func second(_ []byte, err error) error { return err }

func TestAChangeSurvivesInTheFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	old, err := Open(path, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	present := func(want *Master, former string) {
		t.Helper()
		m, was, err := Present(path)
		if err != nil || m.ID() != want.ID() || was != former || former != "" && !m.Holds(former) {
			t.Fatalf("Present = %v, %v, %v; want %v, %v", m, was, err, want, former)
		}
	}
	present(old, "")
	if former, err := Finish(path); former != "" || err != nil {
		t.Errorf("Finish without a change = %q, %v", former, err)
	}
	next, err := Begin(path, "", rand.Reader)
	if err != nil || next.ID() == old.ID() {
		t.Fatalf("Begin = %v, %v", next, err)
	}
	present(next, old.ID())
	if again, err := Begin(path, "", rand.Reader); err != nil || again.ID() != next.ID() {
		t.Errorf("a second Begin = %v, %v; want the change that is under way", again, err)
	}
	// Killed in the middle of Finish: the former key is kept already, the next not yet in place.
	if err := os.Link(path, path+"."+old.ID()); err != nil {
		t.Fatal(err)
	}
	present(next, old.ID())
	former, err := Finish(path)
	if err != nil || former != path+"."+old.ID() {
		t.Fatalf("Finish = %q, %v", former, err)
	}
	present(next, "")
	if m, _, err := Present(path); err != nil || !m.Holds(old.ID()) || m.Alone() {
		t.Errorf("the former key beside it opens nothing: %v", err)
	}
	if m, err := Load(former); err != nil || m.ID() != old.ID() {
		t.Errorf("the former key is %v, %v", m, err)
	}
	names, _ := filepath.Glob(path + "*")
	if want := []string{path, former}; !slices.Equal(names, want) {
		t.Errorf("files %v, want %v", names, want)
	}
	for _, name := range names {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", name, info.Mode(), err)
		}
	}
}

// TestFormerKeys puts files beside a key that are not what their names say.
func TestFormerKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master[1]*.key")
	if _, err := Open(path, rand.Reader); err != nil {
		t.Fatal(err)
	}
	other, err := Open(path+".0011223344556677", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".8899aabbccddeeff", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if m, _, err := Present(path); err != nil || !m.Alone() {
		t.Errorf("a key of another name, and no key, are taken for former keys: %v", err)
	}
	if err := os.Rename(path+".0011223344556677", path+"."+other.ID()); err != nil {
		t.Fatal(err)
	}
	if m, _, err := Present(path); err != nil || !m.Holds(other.ID()) {
		t.Errorf("a former key is not found: %v", err)
	}
}

func TestAChangeToAGivenKey(t *testing.T) {
	dir := t.TempDir()
	path, given := filepath.Join(dir, "master.key"), filepath.Join(dir, "given.key")
	old, _ := Open(path, rand.Reader)
	want, err := Open(given, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := Begin(path, given, rand.Reader); err != nil || m.ID() != want.ID() || !m.Holds(old.ID()) {
		t.Errorf("Begin = %v, %v; want %v", m, err, want)
	}
	for name, wrong := range map[string]func(string) error{
		"missing":  func(string) error { return nil },
		"readable": func(file string) error { return os.WriteFile(file, []byte("x"), 0o644) },
		"no key":   func(file string) error { return os.WriteFile(file, []byte("x"), 0o600) },
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "master.key")
		if _, err := Open(path, rand.Reader); err != nil {
			t.Fatal(err)
		}
		if err := wrong(filepath.Join(dir, "new")); err != nil {
			t.Fatal(err)
		}
		_, err := Begin(path, filepath.Join(dir, "new"), rand.Reader)
		if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "new")) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(path + nextSuffix); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a change was begun", name)
		}
	}
}
