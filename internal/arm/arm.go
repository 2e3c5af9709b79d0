// Package arm is the part of Azure Resource Manager that gives workloads their identities, plus Inborn's own extension
// of it: cloud metadata, tenants, subscriptions, resource groups, user-assigned identities, resources of any type with
// their identity blocks, workload bindings, manifests and decision traces.
//
// Of some types more is known than that they are kept. kinds.go says what that can be, and the table of each namespace
// (web.go, machines.go, containers.go, vaults.go, accounts.go) says what it is. Secrets never are in a resource: strip.go
// takes them out of what was sent, and sealed.go keeps them.
//
// Everything in Resource Manager has a path, and the path is the id. So one request is always: who asks (auth.go), for
// which action on which id (routes.go, whose table is the list of all there is), and then one method of call in the file
// of that kind of object. A method that reads answers from call.dir, one immutable View; a method that changes says so
// in one decision (call.update), in which the right to do it is checked again on the View that the change is made on.
//
// JSON is spelled in the wire files and errors in errors.go, both as the clients of the real service expect them. Where we
// knowingly differ from it, docs/protocols/arm.md says so.
package arm

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/token"
	"github.com/inborn-id/inborn/internal/vault"
)

// PlatformVersion is the only api-version of the namespace Inborn.Platform.
const PlatformVersion = "2026-11-01"

// maxBody bounds the JSON that describes one resource, in bytes: all of it is held in memory on every server.
const maxBody = 256 << 10

// The bounds of a manifest, in bytes, before whoever applies it reads it; and of one in JSON with its values.
const (
	maxManifest = 4 << 20
	maxApplied  = 2 * maxManifest
)

// Config is what the API gets from the program that runs it. All fields but Login,
// Domain, Needed, LastUse and NeedsOf are required.
type Config struct {
	Live   *state.Live
	Now    func() time.Time
	Random io.Reader // a cryptographic source, for keys that are made here

	// Verify checks an access token of ours, as token.Verifier does, and Keys returns the keys of those tokens without
	// waiting; while none of them signs, requests are refused with KeysNotReady.
	Verify func(bearer string, trust *token.Trust, now time.Time) (*token.Claims, error)
	Keys   func() token.KeyRing

	// SlowOperations is how long the operations seem to take that clients wait for; 0: everything is done when it is answered.
	SlowOperations time.Duration

	// Login is the origin of the sign-in pages, such as https://login.contoso.example; "" is the origin of the request.
	Login string

	// Domain is the domain under which the services have names of their own, such as management.DOMAIN and login.DOMAIN; ""
	// if they are all under one origin.
	Domain string

	// Apply makes a tenant what a manifest declares, or only says what it would change, if may has nothing against it, which
	// is asked of the state that is changed. The error is a ManifestInvalid that names the place, that of may, or one of Live.
	Apply func(ctx context.Context, actor state.Actor, tenant guid.GUID, may func(*state.Directory) error, m Manifest) ([]Change, error)

	// Seal encrypts a document for what context addresses, and Open decrypts it under the same context only.
	Seal func(context []string, plaintext []byte) ([]byte, error)
	Open func(context []string, ciphertext []byte) ([]byte, error)

	// Cipher returns the ciphertext that a change stored under that id (state.SealedCipher); false if there is none.
	Cipher func(ctx context.Context, tenant guid.GUID, id string) (ciphertext []byte, found bool, err error)

	// Accessed is told of every secret that was read, or was not, for a reference; it may wait. nil: nobody listens.
	Accessed func(vault.Access)

	// Accesses returns up to limit entries of the access log of a vault, the newest first, that fit.
	Accesses func(ctx context.Context, tenant guid.GUID, of resource.ID, which vault.AccessFilter, limit int) ([]vault.Access, error)

	// Needed hears which role assignment let a request in, and for what, of all callers but the local administrator; it
	// returns at once. LastUse and NeedsOf return what came of that. Without them, which is nil, no use is known.
	Needed  func(tenant, assignment guid.GUID, need rbac.Need)
	LastUse func(ctx context.Context, tenant guid.GUID) (LastUse, error)
	NeedsOf func(ctx context.Context, tenant, assignment guid.GUID) (rbac.Needs, error)

	// Trace returns how a request of the tenant came to be refused. The error is an ObjectNotFound if nothing is kept of
	// it.
	Trace func(ctx context.Context, tenant, requestID guid.GUID) (apierr.Trace, error)

	// Traces returns the newest refusals of a tenant, at most so many, of one caller if that is not "".
	Traces func(ctx context.Context, tenant guid.GUID, caller string, most int) ([]apierr.Trace, error)
}

// Manifest is a manifest to be applied.
type Manifest struct {
	Text   []byte                 // YAML
	Values map[string]vault.Value // what it takes from where it was read, by source, such as env:API_KEY
	DryRun bool                   // only say what would change
	Prune  bool                   // delete what it does not name
}

// Change is one line of what a manifest changes.
type Change struct {
	Action string // create, update or delete
	Kind   string // user, app, identity, ...
	Name   string
	Detail string
}

type api struct {
	Config
	kinds   map[string]*known // by type in lower case
	makings makings
}

// New returns the API, to be mounted at the host names of Resource Manager, and by path at /subscriptions,
// /providers, /tenants and /metadata.
func New(c Config) serve.API {
	a := &api{Config: c, kinds: newKinds()}
	return serve.API{
		Name:     "Resource Manager",
		IDHeader: "x-ms-request-id",
		Routes:   a.routes(),
		Spell:    a.spell,
		Prepare:  prepare,
		MaxBody:  maxApplied + 1, // the handlers set the bounds that people meet
	}
}

// maxEcho bounds a header of the request that the answer repeats.
const maxEcho = 128

// prepare writes the headers that every answer has (Resource Manager, common response headers).
func prepare(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	correlation := r.Header.Get("x-ms-correlation-request-id")
	if correlation == "" || len(correlation) > maxEcho {
		correlation = serve.RequestID(r).String()
	}
	h.Set("x-ms-correlation-request-id", correlation)
	if id := r.Header.Get("x-ms-client-request-id"); id != "" && len(id) <= maxEcho &&
		r.Header.Get("x-ms-return-client-request-id") == "true" {
		h.Set("x-ms-client-request-id", id)
	}
}
