package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/inborn-id/inborn/internal/envelope"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/store"
)

// document is the i-th secret of these tests.
func document(i int) (id string, plain []byte) {
	return fmt.Sprintf("test/document-%05d", i), []byte(strings.Repeat(fmt.Sprint("secret ", i, " "), 100))
}

// sealed encrypts a document as a handler does, before the change that stores it.
func (w *world) sealed(i int) store.Cipher {
	w.t.Helper()
	c, err := seal(w.server, i)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func seal(s *Server, i int) (c store.Cipher, err error) {
	id, plain := document(i)
	c = store.Cipher{Tenant: s.home.tenant, ID: id}
	c.Ciphertext, err = s.keys.seal(state.CipherContext(c.Tenant, id), plain)
	return c, err
}

func (w *world) commit(ciphers ...store.Cipher) error { return commit(w.server, ciphers...) }

func commit(s *Server, ciphers ...store.Cipher) error {
	_, err := s.live.Update(context.Background(), state.Actor{Name: "test"}, func(*state.View, *state.Env) (state.Batch, error) {
		return state.Batch{Ciphers: ciphers}, nil
	})
	return err
}

// fill stores the documents from 0 to n.
func (w *world) fill(n int) {
	w.t.Helper()
	for from := 0; from < n; from += 500 {
		var batch []store.Cipher
		for i := from; i < min(from+500, n); i++ {
			batch = append(batch, w.sealed(i))
		}
		if err := w.commit(batch...); err != nil {
			w.t.Fatal(err)
		}
	}
}

// read opens a document as a handler does.
func (w *world) read(i int) error {
	id, want := document(i)
	c, found, err := w.server.store.Cipher(context.Background(), w.server.home.tenant, id)
	if err != nil || !found {
		return fmt.Errorf("document %d: found %v, %w", i, found, err)
	}
	plain, err := w.server.keys.master.Decrypt(state.CipherContext(c.Tenant, c.ID), c.Ciphertext)
	if err == nil && !bytes.Equal(plain, want) {
		err = fmt.Errorf("document %d holds %q", i, plain)
	}
	return err
}

func (w *world) rekey(file string) Rekeying {
	w.t.Helper()
	admin := NewAdmin(w.config.DataDir)
	if _, err := admin.Rekey(w.t.Context(), file); err != nil {
		w.t.Fatal(err)
	}
	return w.rekeyed()
}

// rekeyed waits for the end of a change.
func (w *world) rekeyed() (end Rekeying) {
	w.t.Helper()
	admin := NewAdmin(w.config.DataDir)
	w.eventually(func() bool {
		var err error
		if end, err = admin.Rekeying(w.t.Context()); err != nil || end.Error != "" {
			w.t.Fatal(err, end.Error)
		}
		return !end.Running
	})
	return end
}

// keysInUse counts the stored secrets by the master key they are sealed with.
func keysInUse(t *testing.T, st *store.Store) map[string]int {
	t.Helper()
	ids := map[string]int{}
	var last store.Cipher
	for {
		page, err := st.Ciphers(t.Context(), last, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return ids
		}
		for _, c := range page {
			ids[envelope.KeyID(c.Ciphertext)]++
		}
		last = page[len(page)-1]
	}
}

// TestTheMasterKeyChangesUnderWritersAndReaders changes the key twice while documents are written, rewritten, erased and
// read all the time. One is sealed before each change and committed after its end.
func TestTheMasterKeyChangesUnderWritersAndReaders(t *testing.T) {
	const documents, busy = 400, 40
	w := startWorld(t, Config{})
	w.claims(w.launch("both"), "api://orders", nil) // there is a signing key
	w.fill(documents)
	first := w.server.master.current.Load().ID()
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	var written, read atomic.Int64
	for n := range 3 {
		group.Go(func() {
			for i := n; ctx.Err() == nil; i += 3 {
				c := w.sealed(i % busy)
				if err := w.commit(c); err != nil {
					t.Error(err)
				}
				written.Add(1)
			}
		})
		group.Go(func() {
			for i := n * 100; ctx.Err() == nil; i += 7 {
				if err := w.read(i % documents); err != nil {
					t.Error(err)
					return
				}
				read.Add(1)
			}
		})
	}
	former := first
	for round := range 2 {
		late := w.sealed(documents + round)
		end := w.rekey("")
		if end.Former != former || end.MasterKey == former || end.Unopened != 0 || end.Done != end.Secrets || end.Secrets < documents ||
			end.Kept != filepath.Join(w.config.DataDir, "master.key."+former) {
			t.Fatalf("after %s: %+v", former, end)
		}
		if err := w.commit(late); err != nil {
			t.Fatal(err)
		}
		if ids := keysInUse(t, w.server.store); len(ids) != 1 || ids[end.MasterKey] == 0 {
			t.Errorf("secrets by master key %v, want all with %s", ids, end.MasterKey)
		}
		if m, err := envelope.Load(end.Kept); err != nil || m.ID() != former {
			t.Errorf("the former key is kept as %v, %v", m, err)
		}
		former = end.MasterKey
	}
	stop()
	group.Wait()
	if written.Load() < 20 || read.Load() < 20 {
		t.Errorf("%d writes and %d reads meanwhile: the test shows nothing", written.Load(), read.Load())
	}
	w.stop()
	kept, err := filepath.Glob(filepath.Join(w.config.DataDir, "master.key.*"))
	if err != nil || len(kept) != 2 {
		t.Errorf("former keys %v, %v", kept, err)
	}
	for _, file := range kept {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	again := startWorld(t, Config{DataDir: w.config.DataDir})
	for i := range documents + 2 {
		if err := again.read(i); err != nil {
			t.Fatal(err)
		}
	}
	again.claims(again.launch("both"), "api://orders", nil)
}

func TestRekeyToAGivenKey(t *testing.T) {
	w := startWorld(t, Config{})
	w.fill(3)
	given := filepath.Join(shortDir(t), "given.key")
	want, err := envelope.Open(given, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if end := w.rekey(given); end.MasterKey != want.ID() {
		t.Errorf("changed to %s, want %s", end.MasterKey, want)
	}
	admin := NewAdmin(w.config.DataDir)
	refused := func(file, says string) {
		t.Helper()
		if _, err := admin.Rekey(t.Context(), file); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("with %s: %v, want %q", file, err, says)
		}
	}
	refused(given, "in use already")
	refused(filepath.Join(shortDir(t), "none"), "no such file")
	refused(readable(t), "chmod 600")
	if _, err := os.Stat(filepath.Join(w.config.DataDir, "master.key.next")); err == nil {
		t.Error("a refused change was begun")
	}
	// Somebody puts another file in the place of the key while the server runs.
	key := filepath.Join(w.config.DataDir, "master.key")
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	refused("", "no such file")
	if _, err := envelope.Open(key, rand.Reader); err != nil {
		t.Fatal(err)
	}
	refused("", "but this Inborn was started with "+want.ID())
	for i := range 3 {
		if err := w.read(i); err != nil {
			t.Error(err)
		}
	}
}

// TestRekeyLeavesWhatNeverOpened has a secret that was damaged and one of an unknown key; neither stops the change.
func TestRekeyLeavesWhatNeverOpened(t *testing.T) {
	w := startWorld(t, Config{})
	w.fill(5)
	whole, alien := w.sealed(1), w.sealed(2)
	whole.Ciphertext[40] ^= 1
	alien.Ciphertext[3] ^= 1
	for i, c := range []store.Cipher{whole, alien} {
		was, _, err := w.server.store.Cipher(t.Context(), c.Tenant, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.server.store.ReplaceCiphers(t.Context(), []store.Rewrapped{{Was: was, Ciphertext: c.Ciphertext}}); err != nil {
			t.Fatal(i, err)
		}
	}
	end := w.rekey("")
	if end.Unopened != 2 || !strings.HasPrefix(end.Example, "test/document-") {
		t.Errorf("%+v", end)
	}
	for i := range 5 {
		if err := w.read(i); (err == nil) == (i == 1 || i == 2) {
			t.Errorf("document %d: %v", i, err)
		}
	}
	if c, _, _ := w.server.store.Cipher(t.Context(), alien.Tenant, alien.ID); !bytes.Equal(c.Ciphertext, alien.Ciphertext) {
		t.Error("what did not open was changed")
	}
}

func TestStartWithoutTheMasterKey(t *testing.T) {
	w := startWorld(t, Config{})
	w.fill(1)
	id := w.server.master.current.Load().ID()
	dir := w.config.DataDir
	w.stop()
	key := filepath.Join(dir, "master.key")
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	refused := func(says ...string) {
		t.Helper()
		s, err := New(t.Context(), Config{DataDir: dir, Listen: "127.0.0.1:0"})
		if err == nil {
			s.Close()
			t.Fatal("it started")
		}
		for _, words := range says {
			if !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "\n") {
				t.Errorf("it says %q, want %q in it", err, words)
			}
		}
	}
	refused("is missing", "needs the master key "+id, key)
	if _, err := os.Stat(key); err == nil {
		t.Fatal("a new key was made in the place of the lost one")
	}
	if _, err := envelope.Open(key, rand.Reader); err != nil {
		t.Fatal(err)
	}
	refused("holds the key", "needs the master key "+id)
	if err := os.Rename(key+".away", key); err != nil {
		t.Fatal(err)
	}
	again := startWorld(t, Config{DataDir: dir})
	if err := again.read(0); err != nil {
		t.Errorf("with the key back: %v", err)
	}
}

// TestWhatWasReplacedIsNotInTheFiles: what a former master key would open, and what was erased, is nowhere in the database,
// although a change of the key keeps the data keys.
func TestWhatWasReplacedIsNotInTheFiles(t *testing.T) {
	w := startWorld(t, Config{})
	w.fill(300)
	before := map[string][]byte{}
	all, err := w.server.store.Ciphers(t.Context(), store.Cipher{}, 1000)
	if err != nil || len(all) < 300 {
		t.Fatalf("%d ciphertexts, %v", len(all), err)
	}
	for _, c := range all {
		before[c.ID] = c.Ciphertext[:100] // with the wrapped data key
	}
	find := func(when string) {
		t.Helper()
		for _, name := range []string{"inborn.db", "inborn.db-wal"} {
			data, err := os.ReadFile(filepath.Join(w.config.DataDir, name))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			for id, ciphertext := range before {
				if bytes.Contains(data, ciphertext) {
					t.Errorf("%s: %s is in %s as it was", when, id, name)
				}
			}
		}
	}
	w.rekey("")
	find("after the change of the key")
	id, _ := document(7)
	c, _, err := w.server.store.Cipher(t.Context(), w.server.home.tenant, id)
	if err != nil {
		t.Fatal(err)
	}
	clear(before)
	before[id] = c.Ciphertext[:100]
	if err := w.commit(store.Cipher{Tenant: c.Tenant, ID: id}); err != nil {
		t.Fatal(err)
	}
	w.stop()
	find("after it was erased")
}
