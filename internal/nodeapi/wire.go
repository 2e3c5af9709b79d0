package nodeapi

import (
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

// Workloads is all that an agent needs to know of the directory: one snapshot for one node.
type Workloads struct {
	Position   int64      `json:"position"` // of the View it was made from; it only grows, gaps are normal
	Tenant     guid.GUID  `json:"tenant"`   // of the node
	TenantName string     `json:"tenantName,omitempty"`
	Bindings   []Workload `json:"bindings"` // in a fixed order, so that equal states give equal snapshots
}

// Workload is one workload binding of the node with the identities of its resource.
type Workload struct {
	Binding   guid.GUID   `json:"binding"`
	Selectors []string    `json:"selectors,omitempty"` // all must be attested; none matches any process
	Resource  resource.ID `json:"resource"`
	Expires   time.Time   `json:"expires,omitzero"` // zero: never
	System    *Identity   `json:"system,omitempty"` // nil: the resource has no system-assigned identity
	User      []Identity  `json:"user,omitempty"`   // user-assigned identities, in the order they were assigned
}

// Identity is one managed identity that a workload may use.
type Identity struct {
	ClientID   guid.GUID   `json:"clientId"`
	ObjectID   guid.GUID   `json:"objectId"`   // of its service principal
	ResourceID resource.ID `json:"resourceId"` // of the identity; for a system-assigned one, of its resource
	// Stamp changes whenever anything changes that a token of this principal says or whether it may have one: roles
	// granted or revoked, disabled, deleted and restored. A cached token counts only while its stamp is this one. The
	// agent compares it and reads nothing out of it.
	Stamp string `json:"stamp"`
}

// MintRequest asks for a token. The server checks again that the binding is one of the node's and that its resource has
// the identity.
type MintRequest struct {
	Binding  guid.GUID `json:"binding"`
	Identity guid.GUID `json:"identity"` // object id
	Audience string    `json:"audience"` // the resource parameter, as it was sent
	// Position is that of the snapshot the agent decided on. A server that has seen less of the log must catch up
	// first, or a role that was taken away could come back in the token.
	Position int64 `json:"position"`
}

// Minted is a new token.
type Minted struct {
	AccessToken string    `json:"accessToken"`
	NotBefore   time.Time `json:"notBefore"` // whole seconds
	ExpiresAt   time.Time `json:"expiresAt"` // whole seconds
	Resource    string    `json:"resource"`  // the audience, exactly as it was asked for
	Stamp       string    `json:"stamp"`     // of the identity in the View that the token was made from
}

// refusal is an apierr.Error on the wire. Its cause stays where it is.
type refusal struct {
	Code    string `json:"code"`
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Target  string `json:"target,omitempty"`
	Help    string `json:"help,omitempty"`
}

// failure is the body of every answer that is not a success.
type failure struct {
	Error *refusal `json:"error"`
}

// report is a batch of traces.
type report struct {
	Traces []trace `json:"traces"`
}

// trace is an apierr.Trace on the wire.
type trace struct {
	ID      guid.GUID `json:"id"`
	Tenant  guid.GUID `json:"tenant"`
	At      time.Time `json:"at"`
	API     string    `json:"api"`
	Method  string    `json:"method"`
	Path    string    `json:"path"`
	Caller  string    `json:"caller"`
	Steps   []step    `json:"steps"`
	Status  int       `json:"status"`
	Code    string    `json:"code"`
	Message string    `json:"message"`
	Help    string    `json:"help,omitempty"`
}

type step struct {
	Check  string `json:"check"`
	Result string `json:"result"`
}

func toWire(t apierr.Trace) trace {
	steps := make([]step, len(t.Steps))
	for i, s := range t.Steps {
		steps[i] = step(s)
	}
	return trace{t.ID, t.Tenant, t.At, t.API, t.Method, t.Path, t.Caller, steps, t.Status, t.Code, t.Message, t.Help}
}

func fromWire(t trace) apierr.Trace {
	steps := make([]apierr.Step, len(t.Steps))
	for i, s := range t.Steps {
		steps[i] = apierr.Step(s)
	}
	return apierr.Trace{ID: t.ID, Tenant: t.Tenant, At: t.At, API: t.API, Method: t.Method, Path: t.Path, Caller: t.Caller,
		Steps: steps, Status: t.Status, Code: t.Code, Message: t.Message, Help: t.Help}
}
