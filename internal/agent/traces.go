package agent

import (
	"context"
	"log/slog"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/nodeapi"
	"github.com/inborn-id/inborn/internal/serve"
)

// What is refused reaches the server for `inborn explain`, at most ten times a second and never at anybody's cost: what
// is too much, or cannot be sent, is lost, and a flood loses its own traces first.
const (
	maxTraces    = 256 // wait at most
	reportPause  = 100 * time.Millisecond
	reportAtOnce = 10 // traces in a report; a flood gets no more than a hundred a second through
	reportWithin = 2 * time.Second
)

// traces sends what was refused to the server.
type traces struct {
	server  *nodeapi.Client
	log     *slog.Logger
	waiting *serve.Refusals
}

func newTraces(c Config) *traces {
	return &traces{server: c.Server, log: c.Log, waiting: serve.NewRefusals(maxTraces)}
}

// run sends what waits until ctx ends.
func (t *traces) run(ctx context.Context) {
	t.waiting.Run(ctx, reportAtOnce, reportPause, t.send)
}

func (t *traces) send(ctx context.Context, batch []apierr.Trace) {
	ctx, cancel := context.WithTimeout(ctx, reportWithin)
	defer cancel()
	if err := t.server.Report(ctx, batch); err != nil {
		t.log.Warn("traces of refused requests are lost", "count", len(batch), "error", err)
	}
}
