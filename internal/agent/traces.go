package agent

import (
	"context"
	"log/slog"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/nodeapi"
)

const (
	reportWithin = 5 * time.Second
	lastWithin   = time.Second // for what is left when the agent stops
)

// traces sends what was refused to the server, for `inborn explain`. It never holds anybody up: what is too much, or
// cannot be sent, is lost.
type traces struct {
	server *nodeapi.Client
	log    *slog.Logger
	budget *budget
	queue  chan apierr.Trace
}

func newTraces(c Config) *traces {
	return &traces{server: c.Server, log: c.Log, budget: newBudget(200, 10*time.Second), queue: make(chan apierr.Trace, 256)}
}

// add takes a trace, or drops it.
func (t *traces) add(trace apierr.Trace) {
	if !t.budget.take() {
		return
	}
	select {
	case t.queue <- trace:
	default:
	}
}

// run sends what add takes, in batches, until ctx ends.
func (t *traces) run(ctx context.Context) {
	for {
		select {
		case trace := <-t.queue:
			t.send(ctx, t.batch(trace), reportWithin)
		case <-ctx.Done():
			if rest := t.batch(); len(rest) > 0 {
				t.send(context.WithoutCancel(ctx), rest, lastWithin)
			}
			return
		}
	}
}

// batch adds to those what is in the queue, as far as it fits into one report.
func (t *traces) batch(those ...apierr.Trace) []apierr.Trace {
	for len(those) < nodeapi.MaxTraces {
		select {
		case trace := <-t.queue:
			those = append(those, trace)
		default:
			return those
		}
	}
	return those
}

func (t *traces) send(ctx context.Context, batch []apierr.Trace, within time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := t.server.Report(ctx, batch); err != nil {
		t.log.Warn("traces of refused requests are lost", "count", len(batch), "error", err)
	}
}
