package state

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/store"
)

// Options is what Live gets from outside. Now and Random are required.
type Options struct {
	Now          func() time.Time // the time that decisions see; may be moved by tests
	Random       io.Reader        // ids and tags
	Log          *slog.Logger     // default: discards
	PollInterval time.Duration    // how often the log is followed; default 100 ms, give or take 10 %
	MaxStaleness time.Duration    // real time without a good poll after which Stale fails; default 60 s

	// Rewrap gives a ciphertext the master key of the moment just before its commit: between its sealing and that the key
	// may have been changed. Default: leaves it as it is.
	Rewrap func(context []string, ciphertext []byte) ([]byte, error)
}

// Live is the state as it moves on: it follows the log, publishes each new View, and runs changes. One goroutine does all
// of that, because only one may derive Views; readers never wait for it.
type Live struct {
	store   *store.Store
	catalog *directory.Catalog
	roles   *rbac.Catalog
	options Options

	current atomic.Pointer[published]
	stale   atomic.Bool
	expiry  *time.Timer // makes the View stale unless a good poll comes first

	queue chan *update
	stop  context.CancelFunc
	done  chan struct{} // closed when the goroutine has ended
	close func()

	// Of the goroutine alone:
	lockPath  bool        // take the head lock while others write too
	contended bool        // others wrote less than calmAfter ago
	calm      *time.Timer // ends contended
	failing   bool        // the newest poll failed, and the log has it
}

// published is a View with the channel that tells when the next one came.
type published struct {
	view *View
	next chan struct{}
}

const (
	calmAfter   = 100 * time.Millisecond // without foreign commits, until commits go without the head lock again
	maxGroup    = 64                     // updates in one commit
	queueLength = 256                    // further callers of Update wait their turn outside
)

// Open loads the state and follows it until ctx ends or Close is called. The Store stays the caller's to close, after
// Live.
func Open(ctx context.Context, st *store.Store, catalog *directory.Catalog, options Options) (*Live, error) {
	return open(ctx, st, catalog, options, true)
}

func open(ctx context.Context, st *store.Store, catalog *directory.Catalog, options Options, lockPath bool) (*Live, error) {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.PollInterval <= 0 {
		options.PollInterval = 100 * time.Millisecond
	}
	if options.MaxStaleness <= 0 {
		options.MaxStaleness = time.Minute
	}
	if options.Rewrap == nil {
		options.Rewrap = func(_ []string, ciphertext []byte) ([]byte, error) { return ciphertext, nil }
	}
	roles, err := rbac.BuiltIn()
	if err != nil {
		return nil, err
	}
	l := &Live{store: st, catalog: catalog, roles: roles, options: options, lockPath: lockPath,
		queue: make(chan *update, queueLength), done: make(chan struct{})}
	view, err := l.load(ctx)
	if err != nil {
		return nil, err
	}
	l.current.Store(&published{view: view, next: make(chan struct{})})
	l.expiry = time.AfterFunc(options.MaxStaleness, func() { l.stale.Store(true) })
	l.calm = time.NewTimer(0)
	ctx, l.stop = context.WithCancel(ctx)
	l.close = sync.OnceFunc(func() {
		l.stop()
		<-l.done
		l.expiry.Stop()
		l.calm.Stop()
	})
	go l.run(ctx)
	return l, nil
}

// View returns the newest state this process knows.
func (l *Live) View() *View { return l.current.Load().view }

// Changed returns a channel that is closed when a View newer than the present one is published. To miss none, ask for the
// channel first and for the View then.
func (l *Live) Changed() <-chan struct{} { return l.current.Load().next }

// Stale returns an error when the log could not be followed for longer than MaxStaleness: whoever answers from the View
// then could be answering from a state that was revoked long ago.
func (l *Live) Stale() error {
	if !l.stale.Load() {
		return nil
	}
	return apierr.New(apierr.StateStale, "This server has not reached its database for more than %s and does not answer from"+
		" what it remembers. Restore the connection to the database; it recovers by itself.", l.options.MaxStaleness)
}

// Close ends the following. Updates that wait are refused; one that is being committed is finished first.
func (l *Live) Close() error {
	l.close()
	return nil
}

// Update runs decide, commits what it returns together with its audit events, and returns a View that shows it. When
// others change the state at the same time, decide runs again on theirs; a refusal is returned only when the View it
// was decided on is known to have been the newest. Once decide was begun, ctx no longer ends the update.
func (l *Live) Update(ctx context.Context, by Actor, decide Decide) (*View, error) {
	now := l.options.Now().UTC().Truncate(time.Microsecond)
	u := &update{ctx: ctx, by: by, decide: decide, done: make(chan struct{}), env: Env{Now: now, random: l.options.Random}}
	select {
	case l.queue <- u:
	case <-ctx.Done():
		return nil, apierr.New(apierr.StoreFailed, "The request ended before its change was made; it may still be made.").Because(ctx.Err())
	case <-l.done:
		return nil, errClosed()
	}
	select {
	case <-u.done:
		return u.view, u.err
	case <-l.done:
	}
	select { // the goroutine's last act may have been ours
	case <-u.done:
		return u.view, u.err
	default:
		return nil, errClosed()
	}
}

func errClosed() error {
	return apierr.New(apierr.StoreFailed, "This server is stopping and changes nothing any more. Send the request to another one, or later.")
}

// load reads the whole state.
func (l *Live) load(ctx context.Context) (*View, error) {
	const chunk = 1024
	view := newBuilder(newView(l.catalog, l.roles))
	records := make([]store.Record, 0, chunk)
	var bodies []byte // of one chunk; a new one each time, so that a decoded object may keep a piece of it
	at, err := l.store.Load(ctx, func(r store.Record) (err error) {
		start := len(bodies)
		bodies = append(bodies, r.Body...)
		r.Body = bodies[start:len(bodies):len(bodies)]
		records = append(records, r)
		if len(records) == chunk {
			err = view.add(records)
			records, bodies = records[:0], make([]byte, 0, len(bodies))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := view.add(records); err != nil {
		return nil, err
	}
	return view.finish(at), nil
}

// publish makes view the newest. Only the goroutine calls it.
func (l *Live) publish(view *View) {
	old := l.current.Swap(&published{view: view, next: make(chan struct{})})
	close(old.next)
}

// newTag makes the name of a commit.
func (l *Live) newTag() (string, error) {
	id, err := guid.New(l.options.Random)
	return id.String(), err
}
