package state

import (
	"encoding/json"
	"io"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/store"
)

// Decide is a change of state as a pure function: it looks at v and env alone and says what is to be written. It runs
// again, with the same env, whenever another change came first, so it must not keep anything from one run that the next
// does not overwrite, and must not wait. An error refuses the change and is the answer of Update.
type Decide func(v *View, env *Env) (Batch, error)

// Env is what a decision may not make itself: the time and fresh ids, the same again when the decision runs again.
type Env struct {
	Now time.Time // when Update was called, UTC, whole microseconds

	random io.Reader
	ids    []guid.GUID
	next   int
	err    error
}

// NewID returns a fresh id: the i-th call of one run returns the same id in every run.
func (e *Env) NewID() guid.GUID {
	if e.next == len(e.ids) {
		id, err := guid.New(e.random)
		if err != nil {
			e.err = err // the run is refused when it returns
		}
		e.ids = append(e.ids, id)
	}
	e.next++
	return e.ids[e.next-1]
}

// Actor is who asks for a change, for the audit log.
type Actor struct {
	ID        guid.GUID // of the principal; zero for Inborn itself
	Name      string    // as a person knows it
	RequestID string
}

// AuditBody is what the audit log keeps of an event beside the columns of store.Event.
type AuditBody struct {
	ActorName string
	RequestID string
	Detail    string
}

// auditEvent makes the stored form of what a decision says happened.
func auditEvent(e Event, by Actor, at time.Time, seq int64) (store.Event, error) {
	body, err := json.Marshal(AuditBody{ActorName: by.Name, RequestID: by.RequestID, Detail: e.Detail})
	return store.Event{
		Tenant: e.Tenant, Seq: seq, At: at, Actor: by.ID.String(),
		Action: e.Action, Target: e.Target, Outcome: "success", Body: body,
	}, err
}
