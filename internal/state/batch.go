package state

import (
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/store"
)

// Batch is what a decision wants to happen: all of it, in one commit, or nothing.
type Batch struct {
	Records []store.Record // the new state of each object it touches, the last if there are several; Seq is filled in by the commit
	Events  []Event        // what the audit log says of it
	Ciphers []store.Cipher // encrypted values that go with the records, kept outside the View
}

// Event is one line of the audit log: what was done to what. Who did it, when and under which request comes from the
// Update that carries it.
type Event struct {
	Tenant guid.GUID
	Action string // "Add app role assignment", in the words of Graph's audit log where it has some
	Target string // the id of the object
	Detail string // names and values a person needs to understand it; never a secret
}
