package server

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/envelope"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/manifest"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/store"
)

// killedDocuments are there from the start; the child writes those behind them.
const killedDocuments = 1500

// TestRekeyIsKilled kills a server again and again while it changes its master key. Each time everything that was ever
// acknowledged opens with the key files as they lie there, and in the end with the last key alone.
func TestRekeyIsKilled(t *testing.T) {
	rounds := 3
	if os.Getenv("SOAK") == "1" {
		rounds = 30
	}
	w := startWorld(t, Config{})
	dir, tenant := w.config.DataDir, w.server.home.tenant
	w.fill(killedDocuments)
	w.stop()
	written := map[int]bool{}
	for i := range killedDocuments {
		written[i] = true
	}
	keys, cut := map[string]bool{}, 0 // what was seen of the changes
	for range rounds {
		for _, i := range killChild(t, dir, time.Duration(rand.IntN(900))*time.Millisecond) {
			written[i] = true
		}
		master, former, err := envelope.Present(filepath.Join(dir, masterKeyFile))
		if err != nil {
			t.Fatal(err)
		}
		keys[master.ID()] = true
		if former != "" {
			cut++
		}
		opensAll(t, dir, tenant, master, written)
	}
	if t.Logf("%d keys, cut %d times of %d in the middle of a change", len(keys), cut, rounds); cut == 0 {
		t.Error("never cut: the test shows nothing")
	}
	w = startWorld(t, Config{DataDir: dir, Manifest: &manifest.Manifest{}})
	w.rekeyed()
	w.stop()
	last, err := envelope.Load(filepath.Join(dir, masterKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	opensAll(t, dir, tenant, last, written)
}

// killChild runs the child, kills it some time after its first word, and returns the documents it has acknowledged.
func killChild(t *testing.T, dir string, after time.Duration) (wrote []int) {
	t.Helper()
	child := childOf(rekeys, dir)
	var said bytes.Buffer
	child.Stderr = &said
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var i int
		if n, _ := fmt.Sscanf(lines.Text(), "wrote %d", &i); n == 1 && strings.HasPrefix(lines.Text(), "wrote ") {
			if len(wrote) == 0 {
				time.AfterFunc(after, func() { child.Process.Kill() })
			}
			if len(wrote) == 0 || i == wrote[len(wrote)-1]+1 { // the kill may have cut the last line short
				wrote = append(wrote, i)
			}
		}
	}
	child.Wait()
	if len(wrote) == 0 {
		t.Fatalf("the child did nothing; it said %s", said.String())
	}
	return wrote
}

// opensAll opens everything in the store with master, and wants all the documents among it.
func opensAll(t *testing.T, dir string, tenant guid.GUID, master *envelope.Master, documents map[int]bool) {
	t.Helper()
	st, err := store.OpenSQLite(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	found, last := map[string]bool{}, store.Cipher{}
	for {
		page, err := st.Ciphers(t.Context(), last, 500)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, c := range page {
			if _, err := master.Decrypt(state.CipherContext(c.Tenant, c.ID), c.Ciphertext); err != nil {
				t.Fatalf("%s: %v", c.ID, err)
			}
			found[c.ID] = c.Tenant == tenant
		}
		last = page[len(page)-1]
	}
	for i := range documents {
		if id, _ := document(i); !found[id] {
			t.Fatalf("%s was acknowledged and is lost", id)
		}
	}
}
