package keyvault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/token"
	"github.com/inborn-id/inborn/internal/vault"
)

// run runs what happens by itself until the test ends.
func (w *world) run(api API) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- api.Run(ctx) }()
	w.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			must(w.T, err)
		case <-time.After(10 * time.Second):
			w.Error("Run does not end")
		}
	})
}

func (w *world) until(what string, true func() bool) {
	w.Helper()
	for deadline := time.Now().Add(20 * time.Second); !true(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.Fatal("waited in vain: " + what)
		}
	}
}

// TestRun is the loop itself: it is woken by a change and does what is due at that time.
func TestRun(t *testing.T) {
	w := start(t)
	w.run(w.api)
	w.run(New(w.api.Config)) // another server
	w.want(200, "POST", "/keys/k/create", `{"kty":"EC"}`)
	w.want(200, "PUT", "/keys/k/rotationpolicy", policy("", "Rotate timeAfterCreate P7D"))
	w.want(200, "PUT", "/secrets/s", `{"value":"v"}`)
	w.want(200, "DELETE", "/secrets/s", "")
	w.later(8 * day)
	w.want(200, "PUT", "/secrets/other", `{"value":"v"}`)
	w.until("the key to rotate", func() bool { return len(w.versions("k")) > 1 })
	w.until("the secret to end", func() bool { _, ok := w.dir().VaultObject(orders, vault.Secrets, "s"); return !ok })
	time.Sleep(3 * renewPace)
	w.equal("once", fmt.Sprint(len(w.versions("k"))), "2")
}

// TestRunWakesByItself: nothing changes, and the time comes.
func TestRunWakesByItself(t *testing.T) {
	w := start(t)
	w.want(200, "POST", "/keys/k/create", `{"kty":"EC"}`)
	w.want(200, "PUT", "/keys/k/rotationpolicy", policy("", "Rotate timeAfterCreate P7D"))
	w.later(7*day - 400*time.Millisecond)
	if wait := w.api.untilDue(w.live.View()); wait != 400*time.Millisecond {
		t.Errorf("it would wait %s", wait)
	}
	start, ahead := time.Now(), w.ahead.Load()
	config := w.api.Config
	config.Now = func() time.Time { return began.Add(time.Duration(ahead) + time.Since(start)) }
	go func() { // the state's clock, too
		for range 100 {
			w.ahead.Store(ahead + int64(time.Since(start)))
			time.Sleep(10 * time.Millisecond)
		}
	}()
	w.run(New(config))
	w.until("the key to rotate", func() bool { return len(w.versions("k")) > 1 })
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestRunGoesOn: one key cannot be sealed, the others are rotated, and it is tried again.
func TestRunGoesOn(t *testing.T) {
	w := start(t)
	for _, name := range []string{"a", "b", "c"} {
		w.want(200, "POST", "/keys/"+name+"/create", `{"kty":"EC"}`)
		w.want(200, "PUT", "/keys/"+name+"/rotationpolicy", policy("", "Rotate timeAfterCreate P7D"))
	}
	w.later(8 * day)
	var broken atomic.Bool
	broken.Store(true)
	var tries atomic.Int32
	config := w.api.Config
	seal := config.Seal
	config.Seal = func(context []string, plain []byte) ([]byte, error) {
		if broken.Load() && strings.Contains(context[len(context)-1], "/b/") {
			tries.Add(1)
			return nil, errors.New("the disk is full")
		}
		return seal(context, plain)
	}
	w.run(New(config))
	w.until("the others", func() bool { return len(w.versions("a"))+len(w.versions("c")) == 4 })
	w.until("the second try", func() bool { return tries.Load() > 1 })
	w.equal("and not the broken one", fmt.Sprint(len(w.versions("b"))), "1")
	broken.Store(false)
	w.until("the broken one", func() bool { return len(w.versions("b")) == 2 })
	if n := tries.Load(); n > 10 {
		t.Errorf("it tried %d times", n)
	}
}

func TestWhatIsDeletedEnds(t *testing.T) {
	w := start(t)
	w.want(200, "PUT", "/keys/k", textOf(map[string]any{"key": jwkOf(madeEC())}))
	w.signs("/keys/k")
	w.want(200, "DELETE", "/keys/k", "")
	id := state.VaultCipher(orders, vault.Keys, "k", w.versions("k")[0])
	w.later(7*day - time.Second)
	w.renewNow()
	w.equal("a second before", fmt.Sprint(w.do("GET", "/deletedkeys/k", "").status), "200")
	w.later(time.Second)
	w.renewNow()
	if _, ok := w.dir().VaultObject(orders, vault.Keys, "k"); ok {
		t.Error("the key is still there")
	}
	if _, found, err := w.store.Cipher(t.Context(), home.ID, id); err != nil || found {
		t.Errorf("its private half is still there: %v", err)
	}
	// A vault.
	w.want(200, "PUT", "/keys/k", textOf(map[string]any{"key": jwkOf(madeEC())}))
	id = state.VaultCipher(orders, vault.Keys, "k", w.versions("k")[0])
	w.change(func(d *state.Draft) error { return d.DeleteResource(orders) })
	w.later(8 * day)
	w.renewNow()
	if _, ok := w.dir().DeletedVault(orders); ok {
		t.Error("the vault is still there")
	}
	if _, found, err := w.store.Cipher(t.Context(), home.ID, id); err != nil || found {
		t.Errorf("the private half of its key is still there: %v", err)
	}
	at := w.live.View().At()
	w.renewNow()
	if w.live.View().At() != at {
		t.Error("something was written though nothing was due")
	}
}

// TestRunEndsWhileAKeyIsMade: a program that is to stop does not wait for a key of 4096 bits.
func TestRunEndsWhileAKeyIsMade(t *testing.T) {
	w := start(t)
	w.want(200, "PUT", "/keys/k", textOf(map[string]any{"key": jwkOf(madeRSA())}))
	w.want(200, "PUT", "/keys/k/rotationpolicy", policy("", "Rotate timeAfterCreate P7D"))
	w.later(8 * day)
	w.api.makers = token.NewSigner(1, 1)
	begun, end := make(chan bool), make(chan bool)
	defer close(end)
	go w.api.makers.Do(context.Background(), func() { close(begun); <-end })
	<-begun
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	started := time.Now()
	must(t, w.api.Run(ctx))
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	w.equal("versions", fmt.Sprint(len(w.versions("k"))), "1")
}
