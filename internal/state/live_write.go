package state

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/store"
)

// update is one call of Update on its way through the goroutine.
type update struct {
	ctx    context.Context
	by     Actor
	decide Decide
	env    Env

	view *View
	err  error
	done chan struct{} // closed when view and err are final
}

// maxTries bounds how often a group is decided before its callers are told to come back. Under the head lock the second
// try always succeeds; more happen only while the history is being replaced.
const maxTries = 100

var errReload = errors.New("the history was replaced")

// run is the goroutine.
func (l *Live) run(ctx context.Context) {
	defer close(l.done)
	poll := time.NewTimer(l.nextPoll())
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case u := <-l.queue:
			l.runGroup(ctx, l.gather(u))
		case <-l.calm.C:
			l.contended = false
		case <-poll.C:
			l.follow(ctx)
			poll.Reset(l.nextPoll())
		}
	}
}

// nextPoll spreads the replicas' polls over time.
func (l *Live) nextPoll() time.Duration {
	var b [1]byte
	l.options.Random.Read(b[:]) // if it fails the jitter is missing, which harms nobody
	interval := l.options.PollInterval
	return interval - interval/10 + interval/5*time.Duration(b[0])/256
}

// gather takes what else is queued, up to a group.
func (l *Live) gather(first *update) []*update {
	group := []*update{first}
	for len(group) < maxGroup {
		select {
		case u := <-l.queue:
			group = append(group, u)
		default:
			return group
		}
	}
	return group
}

// follow brings the View up to the head and reports whether it did.
func (l *Live) follow(ctx context.Context) error {
	view := l.View()
	d, err := l.store.Follow(ctx, view.At())
	if err == nil && d.Reload {
		err = l.reload(ctx)
	} else if err == nil && d.Now != view.At() {
		if view, err = view.apply(d.Records, d.Now); err == nil {
			l.foreign()
			l.publish(view)
		}
	}
	if err != nil {
		if !l.failing && ctx.Err() == nil {
			l.options.Log.Error("the state cannot be followed", "err", err)
		}
		l.failing = true
		return err
	}
	l.fresh()
	return nil
}

// fresh notes that the View was the newest just now.
func (l *Live) fresh() {
	if l.failing {
		l.options.Log.Info("the state is followed again")
	}
	l.failing = false
	l.expiry.Reset(l.options.MaxStaleness)
	l.stale.Store(false)
}

// foreign notes that another process writes too.
func (l *Live) foreign() {
	l.contended = true
	l.calm.Reset(calmAfter)
}

func (l *Live) reload(ctx context.Context) error {
	view, err := l.load(ctx)
	if err != nil {
		return err
	}
	l.options.Log.Warn("the database's history was replaced; loaded it again", "seq", view.At().Seq)
	l.publish(view)
	return nil
}

// runGroup decides and commits a group and answers its callers.
func (l *Live) runGroup(ctx context.Context, group []*update) {
	defer func() {
		for _, u := range group {
			close(u.done)
		}
	}()
	for range maxTries {
		final, err := l.try(ctx, group)
		if err == nil && final {
			return
		}
		if err != nil && !errors.Is(err, errReload) {
			refuse(group, err)
			return
		}
		if err != nil {
			err = l.reload(ctx)
		}
		if err == nil && ctx.Err() != nil {
			err = errClosed()
		}
		if err != nil {
			refuse(group, err)
			return
		}
	}
	refuse(group, apierr.New(apierr.StoreFailed, "Other servers change the state too fast for this one. Repeat the request."))
}

func refuse(group []*update, err error) {
	for _, u := range group {
		u.view, u.err = nil, err
	}
}

// try decides the group once. It reports true when the answers are final: the View they rest on was the newest.
func (l *Live) try(ctx context.Context, group []*update) (final bool, err error) {
	if l.contended && l.lockPath {
		return l.tryLocked(ctx, group)
	}
	base := l.View()
	work, err := l.decide(base, group)
	if err != nil {
		return false, err
	}
	if work.group.Updates == 0 {
		if err := l.follow(ctx); err != nil {
			return false, err
		}
		work.answer(group)
		return l.View() == base, nil
	}
	won, _, err := l.store.Commit(ctx, base.At(), work.group)
	switch {
	case err != nil:
		return false, err
	case !won:
		l.foreign()
		return false, l.follow(ctx)
	}
	l.publish(work.view)
	l.fresh()
	work.answer(group)
	return true, nil
}

// tryLocked decides the group while nobody else can commit.
func (l *Live) tryLocked(ctx context.Context, group []*update) (final bool, err error) {
	base := l.View()
	var work *work
	won, _, err := l.store.CommitLocked(ctx, base.At(), func(d store.Delta) (store.Group, error) {
		if d.Reload {
			return store.Group{}, errReload
		}
		now := base
		if d.Now != base.At() {
			var err error
			if now, err = base.apply(d.Records, d.Now); err != nil {
				return store.Group{}, err
			}
			l.foreign()
		}
		var err error
		if work, err = l.decide(now, group); err != nil {
			return store.Group{}, err
		}
		return work.group, nil
	})
	if err != nil || !won {
		return false, err
	}
	if work.view != base {
		l.publish(work.view)
	}
	l.fresh()
	work.answer(group)
	return true, nil
}

// work is a group of decided updates on its way to the store.
type work struct {
	view    *View // as it will be
	group   store.Group
	records map[store.Key]int // where a key stands in group.Records
	ciphers map[store.Key]int
	errs    []error // one per update
}

// decide runs each update on the View as it would be after those before it.
func (l *Live) decide(base *View, group []*update) (*work, error) {
	tag, err := l.newTag()
	if err != nil {
		return nil, err
	}
	w := &work{view: base, records: map[store.Key]int{}, ciphers: map[store.Key]int{}, errs: make([]error, len(group))}
	w.group.Tag, w.group.At = tag, l.options.Now()
	for i, u := range group {
		batch, err := u.run(w.view)
		if err == nil {
			err = w.add(u, batch, l.options.Rewrap)
		}
		w.errs[i] = err
	}
	return w, nil
}

// run runs the decision once. A panic is its own update's failure, not the process's end.
func (u *update) run(v *View) (batch Batch, err error) {
	if err := u.ctx.Err(); err != nil {
		return Batch{}, err
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a decision panicked: %v\n%s", p, debug.Stack())
		}
	}()
	u.env.next = 0
	batch, err = u.decide(v, &u.env)
	if u.env.err != nil {
		return Batch{}, u.env.err
	}
	return batch, err
}

// add puts one update's batch on top of the work so far; on error nothing is added.
func (w *work) add(u *update, b Batch, rewrap func([]string, []byte) ([]byte, error)) error {
	if len(b.Records) == 0 && len(b.Ciphers) == 0 && len(b.Events) == 0 {
		return nil
	}
	at := w.view.At()
	at.Seq++
	at.Tag = w.group.Tag
	records := make([]store.Record, 0, len(b.Records)) // the batch stays as the decision made it
	own := map[store.Key]int{}
	for _, r := range b.Records {
		r.Seq = at.Seq
		records = place(own, records, r.Key, r)
	}
	events := make([]store.Event, len(b.Events))
	for i, e := range b.Events {
		var err error
		if events[i], err = auditEvent(e, u.by, u.env.Now, at.Seq); err != nil {
			return err
		}
	}
	ciphers := make([]store.Cipher, len(b.Ciphers))
	for i, c := range b.Ciphers {
		if len(c.Ciphertext) > 0 {
			var err error
			if c.Ciphertext, err = rewrap(CipherContext(c.Tenant, c.ID), c.Ciphertext); err != nil {
				return err
			}
		}
		c.Seq = at.Seq
		ciphers[i] = c
	}
	next, err := w.view.apply(records, at)
	if err != nil {
		return err
	}
	w.view = next
	w.group.Updates++
	w.group.Events = append(w.group.Events, events...)
	for _, r := range records {
		w.group.Records = place(w.records, w.group.Records, r.Key, r)
	}
	for _, c := range ciphers {
		w.group.Ciphers = place(w.ciphers, w.group.Ciphers, store.Key{Tenant: c.Tenant, ID: c.ID}, c)
	}
	return nil
}

// place appends item, or puts it where an older state of the same key stands: one commit writes each key once.
func place[T any](index map[store.Key]int, items []T, key store.Key, item T) []T {
	if i, ok := index[key]; ok {
		items[i] = item
		return items
	}
	index[key] = len(items)
	return append(items, item)
}

// answer gives each caller the View or its refusal.
func (w *work) answer(group []*update) {
	for i, u := range group {
		u.view, u.err = w.view, w.errs[i]
		if u.err != nil {
			u.view = nil
		}
	}
}
