package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

const (
	queueGroup = 64   // single writes in one transaction
	maxQueued  = 4096 // waiting single writes; more are refused
)

// writeQueue gathers single writes, such as the redeeming of tickets, into transactions of up to 64: each on its own
// they would keep the write connection from the commits. Its goroutine lives only while there is something to write.
type writeQueue struct {
	mu      sync.Mutex
	waiting []*singleWrite
	running bool
	idle    sync.WaitGroup
}

type singleWrite struct {
	query string
	args  []any
	dest  []any
	found bool
	err   error
	done  chan struct{}
}

// single queues the write and waits for its transaction. If ctx ends first the write may still happen.
func (e *sqliteEngine) single(ctx context.Context, query string, args []any, dest ...any) (bool, error) {
	w := &singleWrite{query: query, args: args, dest: dest, done: make(chan struct{})}
	if err := e.enqueue(w); err != nil {
		return false, err
	}
	<-w.done // not ctx: the caller may only have dest back when the queue has let go of it
	if err := errOr(w.err, ctx.Err()); err != nil {
		return false, e.fail("write to the store", err)
	}
	return w.found, nil
}

func (e *sqliteEngine) enqueue(w *singleWrite) error {
	q := &e.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= maxQueued {
		return apierr.New(apierr.QueueFull, "More than %d writes are waiting for the disk. Try again later.", maxQueued)
	}
	q.waiting = append(q.waiting, w)
	if !q.running {
		q.running = true
		q.idle.Add(1)
		go e.drain()
	}
	return nil
}

// drain runs transactions until nothing waits.
func (e *sqliteEngine) drain() {
	q := &e.queue
	defer q.idle.Done()
	for {
		q.mu.Lock()
		n := min(len(q.waiting), queueGroup)
		group := q.waiting[:n:n]
		q.waiting = q.waiting[n:]
		if n == 0 {
			q.waiting, q.running = nil, false
			q.mu.Unlock()
			return
		}
		q.mu.Unlock()
		e.runGroup(context.Background(), group)
	}
}

// runGroup runs one transaction. A write that fails by itself fails alone; a failed transaction fails all.
func (e *sqliteEngine) runGroup(ctx context.Context, group []*singleWrite) {
	queries := make([]string, len(group))
	for i, w := range group {
		queries[i] = w.query
	}
	err := e.transaction(ctx, queries, func(x execer) error {
		for _, w := range group {
			w.found, w.err = x.single(ctx, w)
		}
		return nil
	})
	for _, w := range group {
		w.err = errOr(err, w.err)
		close(w.done)
	}
}

func (x execer) single(ctx context.Context, w *singleWrite) (bool, error) {
	rows, err := x.tx.StmtContext(ctx, x.ready[w.query]).QueryContext(ctx, w.args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	found := rows.Next()
	if found {
		if err := rows.Scan(w.dest...); err != nil {
			return false, err
		}
		rows.Next() // to its end, or SQLite takes the write back
	}
	return found, rows.Err()
}

func (q *writeQueue) close() { q.idle.Wait() }

func tailsOf(tx *sql.Tx) tailReader {
	return func(ctx context.Context, tenant guid.GUID, seq int64) (Hash, error) {
		return tailFrom(ctx, tx, numbered, tenant, seq)
	}
}

// errLost is how a commit that found the head elsewhere leaves its transaction.
var errLost = errors.New("the head moved")

var errNoHead = errors.New("the head row is missing")

// errOr returns the first error that is one.
func errOr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
