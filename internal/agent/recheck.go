package agent

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/inborn-id/inborn/internal/nodeapi"
)

// recheckWithin bounds how long a refusal may be held up by a look at the server.
const recheckWithin = time.Second

// recheck fetches snapshots for requests that would be refused. One fetch at a time serves all who wait, and a budget
// keeps a process that asks for the impossible in a loop from keeping the server busy.
type recheck struct {
	server *nodeapi.Client
	budget *budget
	begun  atomic.Int64  // fetches begun
	turn   chan struct{} // holds a value while somebody fetches; guards last
	last   *snapshot     // what the newest fetch brought; nil if it failed
}

func newRecheck(c Config) *recheck {
	return &recheck{server: c.Server, budget: newBudget(50, 5*time.Second), turn: make(chan struct{}, 1)}
}

// newer returns a snapshot that says something else than seen and is no older than this call, or nil.
//
// What is fetched is not installed: it has no place in the order of what the watch brings.
func (a *Agent) newer(ctx context.Context, seen *snapshot) *snapshot {
	s := a.recheck.fetch(ctx)
	if s == nil || s.Same(seen.Workloads) {
		return nil
	}
	return s
}

func (r *recheck) fetch(ctx context.Context) *snapshot {
	ctx, cancel := context.WithTimeout(ctx, recheckWithin)
	defer cancel()
	came := r.begun.Load()
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	defer func() { <-r.turn }()
	if r.begun.Load() > came {
		return r.last // begun after this request came, so as good as its own
	}
	if !r.budget.take() {
		return nil
	}
	r.begun.Add(1)
	r.last = nil
	// Others wait for this answer, too, so it is not given up because the first to ask has left.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), recheckWithin)
	defer stop()
	if w, err := r.server.Workloads(ctx); err == nil {
		r.last = prepare(w)
	}
	return r.last
}
