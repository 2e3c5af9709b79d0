package arm

import (
	"net/http"
	"strconv"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
)

// apply makes the tenant what the manifest in the body declares, which may be anything: so it takes the right to become
// Owner of everything, too. Contributors have the action itself.
func (c *call) apply() error {
	m, err := c.readManifest()
	if err != nil {
		return err
	}
	changes, err := c.Apply(c.r.Context(), c.actor(), c.dir.Tenant().ID, c.mayRule, m)
	if err != nil {
		return err
	}
	c.preempt()
	out := appliedWire{Changes: make([]changeWire, len(changes)), DryRun: m.DryRun}
	for i, change := range changes {
		out.Changes[i] = changeWire(change)
	}
	return c.json(http.StatusOK, out)
}

// mayRule decides whether the caller may make himself Owner of everything.
func (c *call) mayRule(dir *state.Directory) error {
	if err := authorize(dir, c.caller, c.needs, c.id); err != nil { // again, as the state may be a newer one
		return err
	}
	return c.mayAssign(dir, "", rbac.AssignmentAttributes(rbac.RequestSource, &rbac.RoleAssignment{
		Scope: rbac.Tenant, Role: rbac.Owner, Principal: c.caller.id, PrincipalType: typeOf(dir, c.caller.id)}))
}

// manifestType is the type of a body that is a manifest with the values that it takes from where it was read. Every other
// is YAML.
const manifestType = "application/vnd.inborn.manifest+json"

// readManifest reads the body.
func (c *call) readManifest() (m Manifest, err error) {
	if m.DryRun, err = flag(c.r, "dryRun"); err != nil {
		return m, err
	}
	if m.Prune, err = flag(c.r, "prune"); err != nil {
		return m, err
	}
	if c.r.Header.Get("Content-Type") != manifestType {
		m.Text, err = serve.ReadBody(c.r, maxManifest)
		return m, err
	}
	var in manifestIn
	if err := serve.ReadJSON(c.r, maxApplied, &in); err != nil {
		return m, err
	}
	m.Text, m.Values = []byte(in.Manifest), in.Values
	return m, nil
}

// maxTraces is how many refusals one answer lists.
const maxTraces = 1000

// listTraces tells of the newest refusals: 20, or $top, and of one caller with the query caller.
func (c *call) listTraces() error {
	most := 20
	if text := query(c.r, "$top"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxTraces {
			return apierr.New(apierr.ParameterInvalid, "The query parameter $top must be a number from 1 to %d.", maxTraces).At("$top")
		}
		most = n
	}
	all, err := c.Traces(c.r.Context(), c.dir.Tenant().ID, query(c.r, "caller"), most)
	if err != nil {
		return err
	}
	out := pageWire{Value: []any{}}
	for _, t := range all {
		out.Value = append(out.Value, traceOut(t))
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
		serve.Unrecorded(c.r) // whoever asks again and again would fill the list of the newest with that
		return err
	}
	return c.json(http.StatusOK, traceOut(trace))
}
