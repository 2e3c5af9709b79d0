package arm

import (
	"net/http"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/serve"
)

// apply makes the tenant what the manifest in the body declares.
func (c *call) apply() error {
	dryRun, err := flag(c.r, "dryRun")
	if err != nil {
		return err
	}
	prune, err := flag(c.r, "prune")
	if err != nil {
		return err
	}
	text, err := serve.ReadBody(c.r, maxManifest)
	if err != nil {
		return err
	}
	changes, err := c.Apply(c.r.Context(), c.actor(), c.dir.Tenant().ID, text, dryRun, prune)
	if err != nil {
		return err
	}
	out := appliedWire{Changes: make([]changeWire, len(changes)), DryRun: dryRun}
	for i, change := range changes {
		out.Changes[i] = changeWire(change)
	}
	return c.json(http.StatusOK, out)
}

// getTrace tells how a request came to be refused.
func (c *call) getTrace() error {
	text := serve.Param(c.r, "request")
	id, err := guid.Parse(text)
	if err != nil {
		return apierr.New(apierr.ParameterInvalid, "A request id is a GUID, and '%s' is none.", text).At(text)
	}
	trace, err := c.Trace(c.r.Context(), c.dir.Tenant().ID, id)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, traceOut(trace))
}
