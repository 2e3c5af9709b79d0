package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/vault"
)

// The access log of vaults is written behind the answers, a few times a second. What was answered less than accessPause and
// one write ago is lost if the process is killed; nothing is lost when it is stopped.
//
// A flood does not wash it away: while maxWaitingAccesses entries wait to be written, an answer ends only when there is room
// for its own. Only if the disk takes nothing for accessPatience, the answer goes out without an entry: a vault that cannot
// be read because its log cannot be written would be the greater harm. Such entries are counted, and the log tells of them
// as soon as it can be written.
const (
	maxWaitingAccesses = 8192
	accessPause        = 100 * time.Millisecond
	accessPatience     = 2 * time.Second // of an answer, and of a stop

	keepAccesses   = 1_000_000 // entries of one vault
	keepAccessFor  = 90 * 24 * time.Hour
	trimAccesses   = time.Hour
	trimAccessesBy = 50_000 // entries written, after which there is a look, too
)

// What the log says of itself.
const (
	accessesLost    = "log/lost"
	accessesTrimmed = "log/trim"
)

// accesses keeps the access logs of vaults.
type accesses struct {
	store *store.Store
	now   func() time.Time
	log   *slog.Logger
	keep  int64

	stop    context.CancelFunc
	stopped chan struct{}
	arrived chan struct{} // holds one value while entries may wait
	grown   chan struct{} // holds one value when much was written

	mu      sync.Mutex
	waiting []vault.Access
	lost    map[vaultOf]int
	added   int           // entries since the start
	written int           // of which so many are in the store
	moved   chan struct{} // closed when waiting was taken, or was written

	// Of the goroutine that writes.
	parts []store.Accesses
	inAll int   // entries in parts
	n     int64 // of the last part
}

// vaultOf names the log of a vault.
type vaultOf struct {
	tenant guid.GUID
	vault  resource.Key
}

// newAccesses starts to write. first numbers the rows, and shall differ from start to start.
func newAccesses(st *store.Store, now func() time.Time, log *slog.Logger, first int64) *accesses {
	ctx, stop := context.WithCancel(context.Background())
	a := &accesses{store: st, now: now, log: log, keep: keepAccesses, n: first, stop: stop, stopped: make(chan struct{}),
		arrived: make(chan struct{}, 1), grown: make(chan struct{}, 1), moved: make(chan struct{}), lost: map[vaultOf]int{}}
	go a.run(ctx)
	return a
}

// add puts an entry in, and waits while there is no room for it.
func (a *accesses) add(entry vault.Access) {
	a.mu.Lock()
	defer a.mu.Unlock()
	full := func() bool { return len(a.waiting) >= maxWaitingAccesses }
	if full() && !a.wait(context.Background(), accessPatience, func() bool { return !full() }) {
		a.lost[vaultOf{entry.Tenant, entry.Vault.Key()}]++
		return
	}
	a.waiting = append(a.waiting, entry)
	a.added++
	signal(a.arrived)
}

// wait returns true when done does, and false after patience or when ctx ends. The lock is held on entry and on return.
func (a *accesses) wait(ctx context.Context, patience time.Duration, done func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for !done() {
		moved := a.moved
		a.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
		}
		a.mu.Lock()
		if ctx.Err() != nil {
			return done()
		}
	}
	return true
}

// move tells those who wait that something has moved. The lock is held.
func (a *accesses) move() {
	close(a.moved)
	a.moved = make(chan struct{})
}

// signal leaves a value for whoever looks next.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// close writes what waits and ends. Nobody may use a vault any more.
func (a *accesses) close() {
	a.stop()
	<-a.stopped
}

func (a *accesses) run(ctx context.Context) {
	var trimming sync.WaitGroup
	trimming.Go(func() { a.trimAgain(ctx) })
	for written := 0; ctx.Err() == nil; {
		select {
		case <-ctx.Done():
		case <-a.arrived:
			pause(ctx, accessPause) // so that many come together
			if written += a.flush(ctx); written >= trimAccessesBy {
				written = 0
				signal(a.grown)
			}
		}
	}
	trimming.Wait()
	last, cancel := context.WithTimeout(context.Background(), accessPatience)
	defer cancel()
	a.flush(last)
	if a.inAll > 0 {
		a.log.Error("the end of the access log of vaults is lost", "entries", a.inAll)
	}
	close(a.stopped)
}

// flush writes what waits, and tries again until it is written or ctx ends. It returns how many entries it wrote.
func (a *accesses) flush(ctx context.Context) int {
	a.take()
	for failed := false; a.inAll > 0; failed = true {
		err := a.store.AddAccesses(ctx, a.parts)
		if err == nil {
			break
		}
		if !failed && ctx.Err() == nil {
			a.log.Error("the access log of vaults cannot be written", "entries", a.inAll, "err", err)
		}
		if pause(ctx, accessPause); ctx.Err() != nil {
			return 0
		}
	}
	n := a.inAll
	a.parts, a.inAll = nil, 0
	a.mu.Lock()
	defer a.mu.Unlock()
	a.written += n
	a.move()
	return n
}

// take makes rows of what waits. The loss of entries is an entry as well.
func (a *accesses) take() {
	a.mu.Lock()
	batch := a.waiting
	a.waiting = make([]vault.Access, 0, len(batch)) // as many again, likely
	for of, n := range a.lost {
		batch = append(batch, a.own(of, accessesLost, http.StatusServiceUnavailable, "%d entries were lost, as the log could not be written", n))
		a.added++
	}
	clear(a.lost)
	a.move()
	a.mu.Unlock()
	a.parts = append(a.parts, a.pack(batch)...)
	a.inAll += len(batch)
}

// own is an entry that the log makes itself.
func (a *accesses) own(of vaultOf, operation string, status int, format string, args ...any) vault.Access {
	return vault.Access{Tenant: of.tenant, Vault: resource.ID(of.vault), At: a.now(), Caller: "Inborn", Operation: operation, Status: status,
		Reason: fmt.Sprintf(format, args...)}
}

// trimAgain keeps the logs bounded.
func (a *accesses) trimAgain(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.grown:
		case <-time.After(trimAccesses):
		}
		if err := a.trim(ctx); err != nil && ctx.Err() == nil {
			a.log.Error("trim the access log of vaults", "err", err)
		}
	}
}

// trim deletes what is too old or too much, and leaves a word about the latter.
func (a *accesses) trim(ctx context.Context) error {
	trimmed, err := a.store.TrimAccesses(ctx, a.now().Add(-keepAccessFor), a.keep)
	for _, t := range trimmed {
		a.add(a.own(vaultOf{t.Tenant, resource.Key(t.Vault)}, accessesTrimmed, http.StatusOK,
			"the %d oldest entries of %s were removed, as a vault keeps %d", t.Entries, t.Principal, a.keep))
	}
	return err
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
