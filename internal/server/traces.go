package server

import (
	"context"
	"encoding/json"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/store"
)

// Traces of refused requests wait in a bounded queue and reach the store behind the answers.
const (
	maxWaitingTraces = 1000
	traceBatch       = 100
	tracePause       = 100 * time.Millisecond // so at most 1,000 traces a second are written
)

// traces keeps why requests were refused.
type traces struct {
	store   *store.Store
	tenant  guid.GUID // of requests that named none
	waiting *serve.Refusals
}

func newTraces(st *store.Store, tenant guid.GUID) *traces {
	return &traces{store: st, tenant: tenant, waiting: serve.NewRefusals(maxWaitingTraces)}
}

func (t *traces) run(ctx context.Context) {
	t.waiting.Run(ctx, traceBatch, tracePause, func(_ context.Context, batch []apierr.Trace) {
		for _, trace := range batch {
			t.write(trace)
		}
	})
}

func (t *traces) write(trace apierr.Trace) {
	tenant := trace.Tenant
	if tenant.IsZero() {
		tenant = t.tenant
	}
	body, err := json.Marshal(trace)
	if err != nil {
		return // a trace that JSON cannot hold is worth less than the request it tells of
	}
	t.store.AddTrace(store.Trace{Tenant: tenant, ID: trace.ID.String(), At: trace.At, Principal: trace.Caller, Body: body})
}

// newest returns the newest traces of a tenant, of one caller if that is not "".
func (t *traces) newest(ctx context.Context, tenant guid.GUID, caller string, most int) ([]apierr.Trace, error) {
	stored, err := t.store.Traces(ctx, tenant, caller, most)
	if err != nil {
		return nil, err
	}
	all := make([]apierr.Trace, len(stored))
	for i := range stored {
		if err := json.Unmarshal(stored[i].Body, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// find returns the trace of a refused request.
func (t *traces) find(ctx context.Context, tenant, id guid.GUID) (apierr.Trace, error) {
	var trace apierr.Trace
	stored, found, err := t.store.Trace(ctx, tenant, id.String())
	if err != nil {
		return trace, err
	}
	if !found {
		return trace, apierr.New(apierr.ObjectNotFound,
			"No refused request has the id %s. Refusals are kept for a day, the newest 10,000 of a tenant.", id).At(id.String())
	}
	return trace, json.Unmarshal(stored.Body, &trace)
}
