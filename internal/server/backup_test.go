package server

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/envelope"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/store"
)

func backups() Backups { return Backups{Now: time.Now, Random: rand.Reader} }

// TestNoSecretIsReadable looks for 1,000 values in the data directory, while it is in use, and in a backup. One value that
// is no secret shows that the search would find them.
func TestNoSecretIsReadable(t *testing.T) {
	w := startWorld(t, Config{})
	hidden := "canary-" + rand.Text()
	var batch []store.Cipher
	for i := range 1000 {
		c := store.Cipher{Tenant: w.server.home.tenant, ID: fmt.Sprint("test/canary-", i)}
		var err error
		if c.Ciphertext, err = w.server.keys.seal(state.CipherContext(c.Tenant, c.ID), fmt.Appendf(nil, "%s-%d", hidden, i)); err != nil {
			t.Fatal(err)
		}
		batch = append(batch, c)
	}
	if err := w.commit(batch...); err != nil {
		t.Fatal(err)
	}
	shown := "shown-" + rand.Text()
	w.change(func(d *state.Draft) error {
		_, _, err := d.PutResource(state.ResourceSpec{ID: resource.In(w.server.home.group, "Microsoft.Web/sites", shown), Location: "local"})
		return err
	})
	w.rekey("")
	file := filepath.Join(t.TempDir(), "b.db")
	if _, err := backups().Create(t.Context(), w.config.DataDir, file, false); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(w.config.DataDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, name := range append(files, file) {
		info, err := os.Stat(name)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte(hidden)) {
			t.Errorf("a secret is readable in %s", name)
		}
		seen[filepath.Base(name)] = bytes.Contains(data, []byte(shown))
	}
	if !seen["b.db"] || !seen["inborn.db"] && !seen["inborn.db-wal"] {
		t.Errorf("the search finds nothing at all: %v", seen)
	}
}

// TestBackupInTheMiddleOfAChangeOfTheKey has secrets under two keys, says so, and goes on where it was restored.
func TestBackupInTheMiddleOfAChangeOfTheKey(t *testing.T) {
	w := startWorld(t, Config{})
	w.fill(20)
	former := w.server.master.current.Load()
	key := filepath.Join(w.config.DataDir, masterKeyFile)
	next, err := envelope.Begin(key, "", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var batch []store.Rewrapped
	for i := range 8 {
		id, _ := document(i)
		c, _, err := w.server.store.Cipher(t.Context(), w.server.home.tenant, id)
		if err != nil {
			t.Fatal(err)
		}
		again, err := next.Rewrap(state.CipherContext(c.Tenant, c.ID), c.Ciphertext, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		batch = append(batch, store.Rewrapped{Was: c, Ciphertext: again})
	}
	if err := w.server.store.ReplaceCiphers(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "b.db")
	info, err := backups().Create(t.Context(), w.config.DataDir, file, false)
	if err != nil || len(info.MasterKeys) != 2 || info.MasterKeys[0].ID != former.ID() || info.MasterKeys[1] != (BackupKeyInfo{next.ID(), 8}) {
		t.Fatalf("%+v, %v", info, err)
	}
	var total int
	if _, err := backups().Verify(t.Context(), file, []string{key}, func(int, int) {}); err == nil || !strings.Contains(err.Error(), next.ID()) {
		t.Errorf("verified with one key of two: %v", err)
	}
	checked, err := backups().Verify(t.Context(), file, []string{key, key + ".next"}, func(_, n int) { total = n })
	if err != nil || checked.Opened != checked.Secrets || checked.Secrets < 20 || total != checked.Secrets {
		t.Errorf("with both: %+v of %d, %v", checked, total, err)
	}

	dir := shortDir(t)
	for _, name := range []string{masterKeyFile, masterKeyFile + ".next"} {
		data, err := os.ReadFile(filepath.Join(w.config.DataDir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if done, err := backups().Restore(t.Context(), file, dir, false); err != nil || len(done.Missing) > 0 || done.Present != next.ID() {
		t.Fatalf("%+v, %v", done, err)
	}
	again := startWorld(t, Config{DataDir: dir})
	if end := again.rekeyed(); end.MasterKey != next.ID() || end.Former != former.ID() {
		t.Errorf("the change went on as %+v", end)
	}
	for i := range 20 {
		if err := again.read(i); err != nil {
			t.Error(err)
		}
	}
}

// TestABackupOfTheTimeOfAFormerKey is restored beside the newer key and the former one. After that the former is needed no more.
func TestABackupOfTheTimeOfAFormerKey(t *testing.T) {
	w := startWorld(t, Config{})
	w.fill(100)
	file, dir := filepath.Join(t.TempDir(), "b.db"), shortDir(t)
	if _, err := backups().Create(t.Context(), w.config.DataDir, file, false); err != nil {
		t.Fatal(err)
	}
	end := w.rekey("")
	former := filepath.Join(dir, filepath.Base(end.Kept))
	for from, to := range map[string]string{end.Kept: former, filepath.Join(w.config.DataDir, masterKeyFile): filepath.Join(dir, masterKeyFile)} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if done, err := backups().Restore(t.Context(), file, dir, false); err != nil || len(done.Missing) > 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	again := startWorld(t, Config{DataDir: dir})
	again.rekeyed()
	if ids := keysInUse(t, again.server.store); len(ids) != 1 || ids[end.MasterKey] < 100 {
		t.Errorf("secrets by master key %v, want all with %s", ids, end.MasterKey)
	}
	changed := again.rekey("") // nothing is under way: this one is a change
	if changed.Former != end.MasterKey || changed.MasterKey == end.MasterKey {
		t.Errorf("%+v", changed)
	}
	again.stop()
	if err := os.Remove(former); err != nil {
		t.Fatal(err)
	}
	again = startWorld(t, Config{DataDir: dir})
	for i := range 100 {
		if err := again.read(i); err != nil {
			t.Fatal(err)
		}
	}
}

// TestVerifyOpensEverySecret moves a ciphertext to another record, which only a check with the key can see.
func TestVerifyOpensEverySecret(t *testing.T) {
	w := startWorld(t, Config{})
	w.fill(3)
	moved, other := w.sealed(1), w.sealed(2)
	moved.ID = other.ID
	if err := w.server.store.ReplaceCiphers(t.Context(), nil); err != nil { // an empty one is none
		t.Fatal(err)
	}
	was, _, err := w.server.store.Cipher(t.Context(), other.Tenant, other.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.server.store.ReplaceCiphers(t.Context(), []store.Rewrapped{{Was: was, Ciphertext: moved.Ciphertext}}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "b.db")
	if _, err := backups().Create(t.Context(), w.config.DataDir, file, false); err != nil {
		t.Fatal(err)
	}
	_, err = backups().Verify(t.Context(), file, []string{filepath.Join(w.config.DataDir, masterKeyFile)}, func(int, int) {})
	if err == nil || !strings.Contains(err.Error(), "the secret "+other.ID) || !strings.Contains(err.Error(), "does not open") {
		t.Errorf("verified: %v", err)
	}
}

// TestRestoreIsInTheAuditLog looks for the event that the new history begins with.
func TestRestoreIsInTheAuditLog(t *testing.T) {
	w := startWorld(t, Config{})
	file, dir := filepath.Join(t.TempDir(), "b.db"), shortDir(t)
	made, err := backups().Create(t.Context(), w.config.DataDir, file, false)
	if err != nil {
		t.Fatal(err)
	}
	done, err := backups().Restore(t.Context(), file, dir, false)
	if err != nil || done.Epoch != made.Epoch+1 || done.Position != made.Position+1 {
		t.Fatalf("%+v after %+v, %v", done, made, err)
	}
	s, err := store.OpenSQLite(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var last store.Event
	var audit store.Audit
	if err := s.Events(t.Context(), w.server.home.tenant, 0, func(e store.Event) error { last = e; return audit.Add(e) }); err != nil {
		t.Fatal(err)
	}
	if last.Action != "Restore backup" || last.Seq != done.Position || !strings.Contains(string(last.Body), made.Made.Format(time.RFC3339)) {
		t.Errorf("the last event is %+v, %s", last, last.Body)
	}
}

// TestBackupIsKilled kills processes at any point of making a backup, of a server that works meanwhile: under the name of
// the backup there is always a whole one, the last that was made, and what a killed process left is in nobody's way.
func TestBackupIsKilled(t *testing.T) {
	rounds := 4
	if os.Getenv("SOAK") == "1" {
		rounds = 40
	}
	w := startWorld(t, Config{})
	w.fill(3000)
	file := filepath.Join(t.TempDir(), "b.db")
	made, err := backups().Create(t.Context(), w.config.DataDir, file, false)
	if err != nil {
		t.Fatal(err)
	}
	run := func(after time.Duration) time.Duration {
		child := childOf(backsUp, w.config.DataDir+"|"+file)
		out, err := child.StdoutPipe()
		if err == nil {
			err = child.Start()
		}
		if err == nil {
			_, err = out.Read(make([]byte, len("begins\n")))
		}
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		killed := time.AfterFunc(after, func() { child.Process.Kill() })
		defer killed.Stop()
		child.Wait()
		return time.Since(begun)
	}
	whole := run(time.Minute)
	cut := 0
	for round := range rounds {
		if err := w.commit(w.sealed(3000 + round)); err != nil {
			t.Fatal(err)
		}
		run(whole * time.Duration(round) / time.Duration(rounds))
		if _, err := os.Stat(file + ".tmp"); err == nil {
			cut++
		}
		info, err := backups().Verify(t.Context(), file, nil, nil)
		if err != nil || info.Position < made.Position {
			t.Fatalf("round %d: %+v, %v", round, info, err)
		}
	}
	t.Logf("%d of %d were cut in the middle; a whole one takes %v", cut, rounds, whole)
	if cut == 0 {
		t.Error("none was cut: the test shows nothing")
	}
	run(time.Minute)
	end, err := backups().Verify(t.Context(), file, []string{filepath.Join(w.config.DataDir, masterKeyFile)}, func(int, int) {})
	if err != nil || end.Opened < 3000+rounds {
		t.Errorf("the last one: %+v, %v", end, err)
	}
	if _, err := os.Stat(file + ".tmp"); err == nil {
		t.Error("what a killed process left is still there")
	}
}
