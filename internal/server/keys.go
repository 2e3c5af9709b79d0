package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/token"
)

// keyCheck is how often the ring is looked at when nothing else wakes its keeper.
const keyCheck = time.Hour

// keys keeps the ring of signing keys: it opens those that are stored, makes new ones when they are due, and follows
// those that other replicas make. It works beside the start, because making an RSA key takes up to half a second; only
// what needs a key waits for it.
type keys struct {
	live   *state.Live
	store  *store.Store
	master *masterKey
	now    func() time.Time
	random io.Reader
	log    *slog.Logger

	mu    sync.Mutex
	ring  token.KeyRing
	ready chan struct{} // closed once ring signs
	done  bool          // ready is closed
}

// Ring returns the keys, waiting until there is one that signs.
func (k *keys) Ring(ctx context.Context) (token.KeyRing, error) {
	select {
	case <-k.ready:
	case <-ctx.Done():
		return token.KeyRing{}, apierr.New(apierr.KeysNotReady, "The signing key is still being made. Try again in a second.").Because(ctx.Err())
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ring, nil
}

// current returns the keys there are, without waiting: whoever has a token to show had it signed by one of them.
func (k *keys) current() token.KeyRing {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ring
}

// run keeps the ring until ctx ends. It fails only if there is no key at the start and none can be made or opened:
// without one the server is of no use.
func (k *keys) run(ctx context.Context) error {
	retry := time.Second
	for ctx.Err() == nil {
		changed, wait := k.live.Changed(), keyCheck
		err := k.refresh(ctx)
		switch {
		case err == nil || ctx.Err() != nil:
			retry = time.Second
		case !k.signs():
			return err
		default:
			k.log.Error("signing keys", "err", err)
			wait, retry = retry, min(2*retry, time.Minute)
		}
		select {
		case <-changed:
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return nil
}

// signs reports whether there has been a key that signs.
func (k *keys) signs() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.done
}

// refresh brings the ring to the newest View and makes a key when one is due.
func (k *keys) refresh(ctx context.Context) error {
	view := k.live.View()
	ring, err := k.open(ctx, view)
	if err != nil {
		return err
	}
	k.publish(ring) // first: a key that signs is of use while its successor is made, and if that fails
	if from, due := ring.Due(k.now()); due {
		return k.make(ctx, ring, from)
	}
	return nil
}

func (k *keys) publish(ring token.KeyRing) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ring = ring
	if _, err := ring.Signing(k.now()); err == nil && !k.done {
		k.done = true
		close(k.ready)
	}
}

// open returns the ring that view names; private keys that are open already are not opened again.
func (k *keys) open(ctx context.Context, view *state.View) (token.KeyRing, error) {
	k.mu.Lock()
	known := map[string]*token.Key{}
	for _, have := range k.ring.Keys() {
		known[have.Key.ID()] = have.Key
	}
	k.mu.Unlock()
	var all []token.RingKey
	for _, record := range view.SigningKeys() {
		key := known[record.KeyID]
		if key == nil {
			opened, err := k.decrypt(ctx, record)
			if err != nil {
				return token.KeyRing{}, err
			}
			key = opened
		}
		all = append(all, token.RingKey{Key: key, ActiveFrom: record.ActiveFrom, RetireAt: record.RetireAt})
	}
	return token.NewKeyRing(all...), nil
}

func (k *keys) decrypt(ctx context.Context, record *state.SigningKey) (*token.Key, error) {
	cipher, found, err := k.store.Cipher(ctx, guid.GUID{}, state.KeyCipher(record.KeyID))
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("signing key %s has no private side in the store", record.KeyID)
	}
	private, err := k.master.Decrypt(keyContext(record.KeyID), cipher.Ciphertext)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", record.KeyID, err)
	}
	return token.ParseKey(private, record.Certificate)
}

// make adds a key that signs from the given time on. When another replica was faster, its key is used instead: the
// change of the View wakes run again.
func (k *keys) make(ctx context.Context, ring token.KeyRing, from time.Time) error {
	key, err := k.generate(ctx)
	if err != nil {
		return err
	}
	private, err := key.PrivateDER()
	if err != nil {
		return err
	}
	sealed, err := k.master.Encrypt(keyContext(key.ID()), private)
	if err != nil {
		return err
	}
	next := ring.With(key, from).Prune(k.now())
	won := false
	_, err = k.live.Update(ctx, state.Actor{Name: "Inborn"}, func(v *state.View, env *state.Env) (state.Batch, error) {
		if won = sameKeys(v, ring); !won {
			return state.Batch{}, nil
		}
		return state.KeyChange(v, records(next, env.Now), store.Cipher{ID: state.KeyCipher(key.ID()), Ciphertext: sealed}), nil
	})
	if err == nil && won {
		k.publish(next)
	}
	return err
}

// generate makes a key. Nothing can interrupt that, so if ctx ends first it goes on for nobody: a program that is to stop
// need not wait for half a second.
func (k *keys) generate(ctx context.Context) (*token.Key, error) {
	type result struct {
		key *token.Key
		err error
	}
	made := make(chan result, 1)
	go func() {
		key, err := token.NewKey(k.random, k.now())
		made <- result{key, err}
	}()
	select {
	case r := <-made:
		return r.key, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// sameKeys reports whether v names exactly the keys of ring.
func sameKeys(v *state.View, ring token.KeyRing) bool {
	named := map[string]bool{}
	for _, record := range v.SigningKeys() {
		named[record.KeyID] = true
	}
	for _, key := range ring.Keys() {
		if !named[key.Key.ID()] {
			return false
		}
	}
	return len(named) == len(ring.Keys())
}

func records(ring token.KeyRing, now time.Time) []state.SigningKey {
	var all []state.SigningKey
	for _, key := range ring.Keys() {
		all = append(all, state.SigningKey{KeyID: key.Key.ID(), Certificate: key.Key.Certificate(),
			Created: now, ActiveFrom: key.ActiveFrom, RetireAt: key.RetireAt})
	}
	return all
}

func keyContext(keyID string) []string {
	return state.CipherContext(guid.GUID{}, state.KeyCipher(keyID))
}
