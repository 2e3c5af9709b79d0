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
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/token"
)

// PlatformVersion is the only api-version of the namespace Inborn.Platform.
const PlatformVersion = "2026-11-01"

// maxBody bounds the JSON that describes one resource, in bytes: all of it is held in memory on every server.
const maxBody = 256 << 10

// maxManifest bounds a manifest, in bytes, before whoever applies it reads it.
const maxManifest = 4 << 20

// Config is what the API gets from the program that runs it. All fields but Login and
// Domain are required.
type Config struct {
	Live   *state.Live
	Now    func() time.Time
	Random io.Reader // a cryptographic source, for keys that are made here

	// Verify checks an access token of ours, as token.Verifier does, and Keys returns the keys of those tokens without
	// waiting; while none of them signs, requests are refused with KeysNotReady.
	Verify func(bearer string, trust *token.Trust, now time.Time) (*token.Claims, error)
	Keys   func() token.KeyRing

	// Login is the origin of the sign-in pages, such as https://login.contoso.example; "" is the origin of the request.
	Login string

	// Domain is the domain under which the services have names of their own, such as management.DOMAIN and login.DOMAIN; ""
	// if they are all under one origin.
	Domain string

	// Apply makes a tenant what the manifest in text declares, or with dryRun only says what it would change; with prune
	// it also deletes what the manifest does not name. The error is a ManifestInvalid that names the place, or one of Live.
	Apply func(ctx context.Context, actor state.Actor, tenant guid.GUID, text []byte, dryRun, prune bool) ([]Change, error)

	// Seal encrypts a document for what context addresses, and Open decrypts it under the same context only.
	Seal func(context []string, plaintext []byte) ([]byte, error)
	Open func(context []string, ciphertext []byte) ([]byte, error)

	// Cipher returns the ciphertext that a change stored under that id (state.SealedCipher); false if there is none.
	Cipher func(ctx context.Context, tenant guid.GUID, id string) (ciphertext []byte, found bool, err error)

	// Trace returns how a request of the tenant came to be refused. The error is an ObjectNotFound if nothing is kept of
	// it.
	Trace func(ctx context.Context, tenant, requestID guid.GUID) (apierr.Trace, error)
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
	kinds map[string]*known // by type in lower case
}

// New returns the API, to be mounted at the host names of Resource Manager, and by path at /subscriptions,
// /providers, /tenants and /metadata.
func New(c Config) serve.API {
	a := &api{c, newKinds()}
	return serve.API{
		Name:     "Resource Manager",
		IDHeader: "x-ms-request-id",
		Routes:   a.routes(),
		Spell:    a.spell,
		Prepare:  prepare,
		MaxBody:  maxManifest + 1, // the handlers set the bounds that people meet
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
