package agent

import (
	"context"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/attest"
	"github.com/inborn-id/inborn/internal/nodeapi"
	"github.com/inborn-id/inborn/internal/resource"
)

// firstWithin is how long a request waits for the first snapshot of an agent that has just started.
const firstWithin = 3 * time.Second

// snapshot is what the server said of this node, prepared for looking things up. It does not change.
type snapshot struct {
	nodeapi.Workloads
	index *attest.Index  // of Bindings, at the same positions
	keys  []resource.Key // of the resource of each binding
}

func prepare(w nodeapi.Workloads) *snapshot {
	s := &snapshot{Workloads: w, keys: make([]resource.Key, len(w.Bindings))}
	bindings := make([]attest.Binding, len(w.Bindings))
	for i, b := range w.Bindings {
		s.keys[i] = b.Resource.Key()
		bindings[i].Expires = b.Expires
		for _, selector := range b.Selectors { // one of a type that is not known here never matches, as it should
			bindings[i].Selectors = append(bindings[i].Selectors, attest.Selector(selector))
		}
	}
	s.index = attest.NewIndex(bindings)
	return s
}

// install makes w what requests are decided on from now on.
func (a *Agent) install(w nodeapi.Workloads) {
	a.current.Store(prepare(w))
	a.first.Do(func() { close(a.ready) })
}

// newest returns the snapshot to decide on. Right after the start it waits for the first one.
func (a *Agent) newest(ctx context.Context) (*snapshot, error) {
	if s := a.current.Load(); s != nil {
		return s, nil
	}
	late := time.NewTimer(firstWithin)
	defer late.Stop()
	select {
	case <-a.ready:
		return a.current.Load(), nil
	case <-ctx.Done():
	case <-late.C:
	}
	return nil, apierr.New(apierr.StateStale, "The agent of this machine has not heard from the Inborn server yet. Try again in a moment.")
}
