package serve

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

// Refusals holds the traces of refused requests until they are written to the store. It is bounded, and where more is
// refused than can be kept, the oldest traces of the caller that has most of them give way: a flood from one caller
// costs nobody else a trace.
type Refusals struct {
	limit  int
	arrive chan struct{} // holds one value while traces may wait

	mu    sync.Mutex
	size  int
	queue []*callerTraces // in the order of first arrival; every one has traces
}

type callerTraces struct {
	caller string
	traces []apierr.Trace // the oldest first
}

// NewRefusals returns an empty queue for at most limit traces.
func NewRefusals(limit int) *Refusals {
	return &Refusals{limit: limit, arrive: make(chan struct{}, 1)}
}

// Add puts one trace in. It never blocks; it is what Deps.Refused wants.
func (q *Refusals) Add(t apierr.Trace) {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.IndexFunc(q.queue, func(c *callerTraces) bool { return c.caller == t.Caller })
	if i < 0 {
		i = len(q.queue)
		q.queue = append(q.queue, &callerTraces{caller: t.Caller})
	}
	q.queue[i].traces = append(q.queue[i].traces, t)
	q.size++
	if q.size > q.limit {
		q.dropOne()
	}
	select {
	case q.arrive <- struct{}{}:
	default:
	}
}

// dropOne forgets the oldest trace of the caller that has the most; among equals, of the one that came first.
func (q *Refusals) dropOne() {
	most := 0
	for i, c := range q.queue {
		if len(c.traces) > len(q.queue[most].traces) {
			most = i
		}
	}
	q.shift(most)
}

// shift removes and returns the oldest trace of the i-th caller.
func (q *Refusals) shift(i int) apierr.Trace {
	c := q.queue[i]
	t := c.traces[0]
	c.traces = c.traces[1:]
	q.size--
	if len(c.traces) == 0 {
		q.queue = slices.Delete(q.queue, i, i+1)
	}
	return t
}

// Take removes and returns up to limit traces, one of each caller in turn.
func (q *Refusals) Take(limit int) []apierr.Trace {
	q.mu.Lock()
	defer q.mu.Unlock()
	var taken []apierr.Trace
	for i := 0; q.size > 0 && len(taken) < limit; {
		if i >= len(q.queue) {
			i = 0
		}
		callers := len(q.queue)
		taken = append(taken, q.shift(i))
		if len(q.queue) == callers {
			i++
		}
	}
	return taken
}

// Run hands the traces to write, at most batch of them each time and with a pause between, until ctx ends; what then
// still waits is written without a pause. The first trace after a quiet time is written at once, so that a person who asks for
// the reason finds it.
func (q *Refusals) Run(ctx context.Context, batch int, pause time.Duration, write func(context.Context, []apierr.Trace)) {
	for ctx.Err() == nil {
		if traces := q.Take(batch); len(traces) > 0 {
			write(ctx, traces)
			sleep(ctx, pause)
			continue
		}
		select {
		case <-ctx.Done():
		case <-q.arrive:
		}
	}
	for left := q.Take(batch); len(left) > 0; left = q.Take(batch) {
		write(context.WithoutCancel(ctx), left)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
