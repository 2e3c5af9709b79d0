package server

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/envelope"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/store"
)

const (
	rekeyPage  = 64          // ciphertexts rewrapped in one write, so that commits wait for milliseconds only
	rekeyAgain = time.Minute // after an attempt that failed
)

// rekeying changes the master key while the server works. The next key is first put beside the present one, and from
// then on both open and the next one seals. Then every ciphertext in the store is rewrapped, page by page; one that was
// sealed before and is committed only now is rewrapped by its commit (state.Options.Rewrap). When nothing needs the
// former key, the next one takes its file's place. A process that dies on the way leaves both files, and the next start
// goes on (resume). While former keys lie beside, each start also sees to it that nothing in the store needs them, which
// an older backup may have brought back.
type rekeying struct {
	master *masterKey
	store  *store.Store
	live   *state.Live
	log    *slog.Logger
	wake   chan struct{} // an attempt is due

	mu  sync.Mutex
	now Rekeying
}

// progress returns how far it is.
func (r *rekeying) progress() Rekeying {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rekeying) update(change func(*Rekeying)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.now)
}

// resume goes on with a change that an earlier process has begun, or looks for what still needs a former key.
func (r *rekeying) resume(former string) {
	r.now.Former, r.now.Running = former, true
	r.wake <- struct{}{}
}

// begin starts a change to the key in the file from, or to a new one. While a change is under way it only sees to it that
// this goes on.
func (r *rekeying) begin(from string) (Rekeying, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	changing := r.now.Running && r.now.Former != ""
	if changing && from != "" {
		return Rekeying{}, apierr.New(apierr.ObjectExists, "The master key is being changed to %s already: wait for the end of that.",
			r.now.MasterKey).WithHelp("inborn vault rekey")
	}
	if !changing {
		if err := r.change(from); err != nil {
			return Rekeying{}, err
		}
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return r.now, nil
}

// change puts the next key in use.
func (r *rekeying) change(from string) error {
	failed := func(err error) error {
		return apierr.New(apierr.StoreFailed, "The master key cannot be changed: %v.", err).Because(err)
	}
	present := r.master.current.Load()
	if m, err := envelope.Load(r.master.path); err != nil {
		return failed(err)
	} else if m.ID() != present.ID() {
		return apierr.New(apierr.StoreFailed, "The master key file %s holds the key %s, but this Inborn was started with %s: put that one back"+
			" first.", r.master.path, m.ID(), present.ID())
	}
	if from != "" {
		if m, err := envelope.Load(from); err != nil {
			return failed(err)
		} else if m.ID() == present.ID() {
			return apierr.New(apierr.ObjectExists, "%s holds the master key %s, which is in use already.", from, m.ID())
		}
	}
	next, err := envelope.Begin(r.master.path, from, r.master.random)
	if err != nil {
		return failed(err)
	}
	r.master.current.Store(next.Opening(present)) // with the keys before it, which a reader may still need for a moment
	r.now = Rekeying{MasterKey: next.ID(), Former: present.ID(), Running: true}
	r.log.Info("the master key is being changed", "from", present.ID(), "to", next.ID())
	return nil
}

// run does what begin or an earlier process has begun, until ctx ends.
func (r *rekeying) run(ctx context.Context) {
	for {
		var again <-chan time.Time
		if p := r.progress(); p.Running && p.Error != "" {
			again = time.After(rekeyAgain)
		}
		select {
		case <-r.wake:
		case <-again:
		case <-ctx.Done():
			return
		}
		if !r.progress().Running {
			continue // woken twice for one change
		}
		if err := r.finish(ctx); err != nil && ctx.Err() == nil {
			r.log.Error("changing the master key", "err", err)
			r.update(func(p *Rekeying) { p.Error = apierr.From(err).Message })
		}
	}
}

// finish rewraps everything and puts the next key in place.
func (r *rekeying) finish(ctx context.Context) error {
	for {
		target := r.master.current.Load().ID()
		if err := r.fence(ctx); err != nil {
			return err
		}
		changed, err := r.pass(ctx)
		if err != nil {
			return err
		}
		if changed > 0 { // once more: that nothing is left shall be seen and not only hoped for
			continue
		}
		if err := r.store.Scrub(ctx); err != nil {
			return err
		}
		if done, err := r.conclude(target); err != nil || done {
			return err
		}
	}
}

// fence returns when what was on its way to the store before the key changed has arrived: updates are done in turn, so
// an empty one is done after those. From here on nothing in this process commits under a former key.
func (r *rekeying) fence(ctx context.Context) error {
	_, err := r.live.Update(ctx, state.Actor{Name: "Inborn"}, func(*state.View, *state.Env) (state.Batch, error) {
		return state.Batch{}, nil
	})
	return err
}

// conclude ends the change to the key target, unless that was changed again meanwhile.
func (r *rekeying) conclude(target string) (done bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.master.current.Load().ID() != target {
		return false, nil
	}
	former, err := envelope.Finish(r.master.path)
	if err != nil {
		return false, err
	}
	r.now.Running, r.now.Kept, r.now.Error = false, former, ""
	if former != "" {
		r.log.Info("the master key was changed", "former", former)
	}
	return true, nil
}

// pass walks all ciphertexts once and returns how many it had to rewrap. What did not open before is counted and stays as
// it is.
func (r *rekeying) pass(ctx context.Context) (changed int, err error) {
	total, err := r.store.CountCiphers(ctx)
	if err != nil {
		return 0, err
	}
	r.update(func(p *Rekeying) { p.Secrets, p.Error = total, "" })
	var last store.Cipher
	var unopened []string
	walked := 0
	for {
		page, err := r.store.Ciphers(ctx, last, rekeyPage)
		if err != nil {
			return changed, err
		}
		if len(page) == 0 {
			break
		}
		batch, closed, err := r.rewrap(page)
		if err == nil && len(batch) > 0 {
			err = r.store.ReplaceCiphers(ctx, batch)
		}
		if err != nil {
			return changed, err
		}
		changed, walked, last = changed+len(batch), walked+len(page), page[len(page)-1]
		unopened = append(unopened, closed...)
		r.update(func(p *Rekeying) { p.Done = min(max(p.Done, walked), total) })
	}
	if len(unopened) > 0 {
		r.update(func(p *Rekeying) { p.Unopened, p.Example = len(unopened), unopened[0] })
	}
	return changed, nil
}

// rewrap rewraps what is in a page and not yet under the key of the moment, and names what no key opens.
func (r *rekeying) rewrap(page []store.Cipher) (batch []store.Rewrapped, unopened []string, err error) {
	for _, c := range page {
		next, err := r.master.rewrap(state.CipherContext(c.Tenant, c.ID), c.Ciphertext)
		var closed envelope.Unopened
		switch {
		case errors.As(err, &closed):
			unopened = append(unopened, c.ID)
		case err != nil:
			return nil, nil, err
		case !bytes.Equal(next, c.Ciphertext):
			batch = append(batch, store.Rewrapped{Was: c, Ciphertext: next})
		}
	}
	return batch, unopened, nil
}
