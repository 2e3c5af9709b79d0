// Package keyvault is the data plane of Azure Key Vault: secrets, keys and certificates by the protocol that its clients
// speak, api-version 7.0 and later.
//
// It reads in this order:
//
//   - routes.go is the table of everything there is. Every route names the permission that it needs.
//   - auth.go finds the vault and the caller, and decides, by roles or by the vault's access policies, on the newest View.
//   - call.go is what one request has at hand: the View, changes, sealed halves, pages.
//   - object.go is what secrets, keys and certificates have in common: lists, versions, deletion, recovery, backup.
//     secrets.go, keys.go and certificates.go say what is particular, and wire_*.go what each looks like.
//   - renew.go makes the versions that nobody asks for: keys rotate and certificates renew by their policies.
//   - errors.go spells refusals.
//
// The rules of what may be done with an object are package vault's; where it is kept, package state's. A secret's value is
// decrypted for the one request that needs it; private keys in use are remembered, as ciphertexts that were read lately are
// (recent.go). Neither stands in any log, trace or error. docs/protocols/keyvault.md lists where this package knowingly
// differs from the service.
package keyvault

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/token"
	"github.com/inborn-id/inborn/internal/vault"
)

// The bounds of what a client sends, in bytes.
const (
	maxBody   = 256 << 10 // a certificate with its chain is the largest
	maxBackup = 48 << 20
)

// Config is what the API gets from the program that runs it.
type Config struct {
	Live   *state.Live
	Now    func() time.Time
	Random io.Reader // a cryptographic source
	Log    *slog.Logger

	// Verify checks an access token of ours, as token.Verifier does, and Keys returns the keys of those tokens without
	// waiting.
	Verify func(bearer string, trust *token.Trust, now time.Time) (*token.Claims, error)
	Keys   func() token.KeyRing

	// Seal encrypts and Open decrypts under the master key, bound to a context; Cipher reads what a change stored.
	Seal   func(context []string, plaintext []byte) ([]byte, error)
	Open   func(context []string, ciphertext []byte) ([]byte, error)
	Cipher func(ctx context.Context, tenant guid.GUID, id string) (ciphertext []byte, found bool, err error)

	// Authority returns the platform's certificate authority, for certificates whose issuer is vault.IssuerPlatform.
	Authority func(context.Context) (*vault.Authority, error)

	Login  string // origin of the token service; "" is the origin of the request
	Domain string // vaults are <name>.vault.Domain; "" for none

	// Signer gives each use of a key its turn; nil makes one for this API alone.
	Signer *token.Signer

	// Needed hears which role assignment let a request in, and for what; it returns at once. nil: nobody listens.
	Needed func(tenant, assignment guid.GUID, need rbac.Need)

	// Accessed is told of every answer to a caller who is known. It may wait a while, and the answer with it. nil: nobody listens.
	Accessed func(vault.Access)
}

// api is the configured API.
type api struct {
	Config
	settings *settings
	keys     *recent[*vault.PrivateKey]
	ciphers  *recent[[]byte]
	makers   *token.Signer // gives what takes long its turn: RSA keys that are made, files that are opened
}

// The bounds of how many requests wait for a turn, before others are sent away.
const (
	maxUses  = 4096
	maxMakes = 16
)

// API is the data plane and what it does on its own.
type API struct{ *api }

// New returns the API.
func New(c Config) API {
	processors := runtime.GOMAXPROCS(0)
	if c.Signer == nil {
		c.Signer = token.NewSigner(processors, maxUses)
	}
	return API{&api{Config: c, settings: newSettings(), keys: newRecent[*vault.PrivateKey](maxKeys), ciphers: newRecent[[]byte](maxCiphers),
		makers: token.NewSigner((processors+1)/2, maxMakes)}}
}

// SigningIn returns an API that does and remembers everything together with a, and sends its clients to another token
// service.
func (a API) SigningIn(login string) API {
	same := *a.api
	same.Login = login
	return API{&same}
}

// Handler returns the handler for requests by host name, https://<vault>.vault.DOMAIN/..., and, below /vaults/<vault>, by
// path.
func (a API) Handler(d serve.Deps) http.Handler {
	return serve.API{
		Name:     "Key Vault",
		IDHeader: "x-ms-request-id",
		Routes:   a.routes(),
		Spell:    spell,
		Prepare:  prepare,
		MaxBody:  maxBackup,
	}.Handler(d)
}

// prepare writes the headers of every answer.
func prepare(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("x-ms-keyvault-service-version", "1.9.0.0")
	if id, err := guid.Parse(r.Header.Get("x-ms-client-request-id")); err == nil {
		h.Set("x-ms-client-request-id", id.String())
	}
}

// kinds is how the three kinds of objects look.
func kinds() map[vault.Kind]form {
	return map[vault.Kind]form{vault.Secrets: secretForm(), vault.Keys: keyForm(), vault.Certificates: certificateForm()}
}
