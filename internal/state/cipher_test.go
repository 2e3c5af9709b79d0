package state

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/store"
)

func TestEveryCipherHasAContextOfItsOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, tenant := range []guid.GUID{{}, {1}, {2}} {
		for _, id := range []string{KeyCipher("a"), KeyCipher("b"), SealedCipher("/subscriptions/s/resourceGroups/g", "a"),
			SealedCipher("/subscriptions/s/resourceGroups/g", "b"), SealedCipher("/subscriptions/s/resourceGroups/h", "a")} {
			seen[strings.Join(CipherContext(tenant, id), "\x00")] = true
		}
	}
	if len(seen) != 15 {
		t.Errorf("15 places have %d contexts", len(seen))
	}
}

// TestCiphersAreRewrappedAtTheCommit is about a ciphertext that was sealed before the master key was changed and comes to
// be written afterwards.
func TestCiphersAreRewrappedAtTheCommit(t *testing.T) {
	st := sqliteStore(t, t.TempDir())
	damaged := errors.New("damaged")
	var contexts [][]string
	rewrap := func(context []string, ciphertext []byte) ([]byte, error) {
		if string(ciphertext) == "damaged" {
			return nil, damaged
		}
		contexts = append(contexts, context)
		return append([]byte("rewrapped "), ciphertext...), nil
	}
	l := openLive(t, st, true, func(o *Options) { o.Rewrap = rewrap })
	change := func(ciphers ...store.Cipher) error {
		_, err := l.Update(t.Context(), Actor{}, func(*View, *Env) (Batch, error) { return Batch{Ciphers: ciphers}, nil })
		return err
	}
	here := store.Cipher{Tenant: guid.GUID{1}, ID: "x", Ciphertext: []byte("sealed")}
	if err := change(here); err != nil {
		t.Fatal(err)
	}
	if c, _, err := st.Cipher(t.Context(), here.Tenant, here.ID); err != nil || string(c.Ciphertext) != "rewrapped sealed" || c.Seq != 1 {
		t.Errorf("stored %q at %d, %v", c.Ciphertext, c.Seq, err)
	}
	if len(contexts) != 1 || !slices.Equal(contexts[0], CipherContext(here.Tenant, here.ID)) {
		t.Errorf("rewrapped under %q", contexts)
	}
	if err := change(store.Cipher{ID: "y", Ciphertext: []byte("fine")}, store.Cipher{ID: "z", Ciphertext: []byte("damaged")}); !errors.Is(err, damaged) {
		t.Errorf("what cannot be rewrapped was committed: %v", err)
	}
	if _, found, _ := st.Cipher(t.Context(), guid.GUID{}, "y"); found {
		t.Error("half of a change was committed")
	}
	if err := change(store.Cipher{Tenant: here.Tenant, ID: here.ID}); err != nil { // erasing needs no key
		t.Error(err)
	}
	if _, found, _ := st.Cipher(t.Context(), here.Tenant, here.ID); found {
		t.Error("not erased")
	}
}
