// Package token makes and checks the signed tokens that say who a caller is.
//
// It has four layers, and each can be read without the next:
//
//   - jws.go is the one reader of signed tokens in Inborn: compact form only, the algorithm is the key's own, and
//     whatever two readers could understand differently (duplicate members, loose base64, trailing data) is refused.
//   - token.go and wire.go hold the access-token profile: Access decides what a token says, wire.go how it is spelled.
//   - key.go, ring.go and jwks.go hold the keys: one RSA key with its certificate, the ring of keys that rotate, and
//     the document that publishes them.
//   - signer.go and verifier.go are used while serving: a fair, bounded queue in front of the expensive signature, and
//     a check of our own tokens that remembers what it has checked.
//
// The package is pure: the time and the source of randomness are arguments. A token names its caller; what the caller
// may do is decided from live state by the API that receives it, never from the age of a token.
package token

import (
	"encoding/base64"
	"fmt"
	"io"
	"time"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

// Backdate is how far iat and nbf lie before the time of issue, as in tokens of Entra, so that an API whose clock is
// up to five minutes behind accepts a fresh token.
const Backdate = 5 * time.Minute

// MaxLifetime is the longest life a token may have; a signing key stays published that long after its last signature.
const MaxLifetime = 24 * time.Hour

// Grant is a decision to give a caller a token: who it is, for which API, with which roles.
type Grant struct {
	Tenant         directory.Tenant
	Principal      directory.ServicePrincipal // the caller
	Application    *directory.Application     // the API; decides the version of the token. nil: a v1.0 API
	Audience       string                     // the API's name as it was asked for, trailing slash included
	Roles          []string                   // values of the app roles granted, in the order to be shown
	DirectoryRoles []guid.GUID                // template ids of directory roles held, for the wids claim
	Auth           ClientAuth                 // how the caller proved itself
	// ComputeResource is the ARM id of the resource whose workload asked. It appears in the token only when the
	// caller is a user-assigned identity, since a system-assigned one already names its resource.
	ComputeResource string
	Lifetime        time.Duration // from the time of issue; whole seconds, more than zero and at most MaxLifetime
}

// ClientAuth says how a client proved itself; its String is the value of appidacr and azpacr.
type ClientAuth uint8

// The ways to prove oneself. The zero value is that of managed identities, certificates and federated assertions.
const (
	AuthCertificate ClientAuth = iota
	AuthSecret
	AuthNone // a public client, in delegated tokens only
)

// String returns "2", "1" or "0", the words of appidacr and azpacr (Entra, access token claims reference).
func (a ClientAuth) String() string {
	switch a {
	case AuthSecret:
		return "1"
	case AuthNone:
		return "0"
	default:
		return "2"
	}
}

// Claims is what one access token says. A Claims that came out of a Verifier is shared: do not change it.
type Claims struct {
	Version   int    // 1 or 2: which of the two spellings, decided by the API and not by the endpoint called
	Issuer    string // of the tenant, one per version
	Audience  string // v1.0: the name that was asked for; v2.0: the API's client id
	IssuedAt  time.Time
	NotBefore time.Time
	Expires   time.Time

	Tenant   guid.GUID
	ObjectID guid.GUID // of the caller; zero in tokens of others that hide it
	AppID    guid.GUID // the caller's client id
	Subject  string    // equals ObjectID for callers that are not people
	IDType   string    // "app" when no person is behind the token
	Auth     ClientAuth

	Roles          []string    // values of app roles
	Scopes         []string    // delegated permissions; never present in an app-only token
	DirectoryRoles []guid.GUID // template ids

	IdentityProvider string // v1.0 only
	Identity         string // managed identities: ARM id of the identity or of the resource that owns it
	ComputeResource  string // user-assigned managed identities: ARM id of the resource whose workload asked
	UniqueID         string // of this token (uti), for logs
	Opaque           string // aio, random: clients are told not to read it
	Handle           string // rh, random: likewise
}

// AppOnly reports whether the token was given to a program acting as itself, with no person behind it.
func (c *Claims) AppOnly() bool { return c.IDType == "app" && len(c.Scopes) == 0 }

// Access turns a grant into the claims of a token issued at now. The version follows the API's registration
// (requestedAccessTokenVersion), never the endpoint that was called. It fails when the lifetime is out of range or
// random ends early; 72 bytes are read.
func Access(g Grant, now time.Time, random io.Reader) (*Claims, error) {
	if g.Lifetime < time.Second || g.Lifetime > MaxLifetime {
		return nil, fmt.Errorf("token lifetime %v is not between one second and %v", g.Lifetime, MaxLifetime)
	}
	var fresh [72]byte
	if _, err := io.ReadFull(random, fresh[:]); err != nil {
		return nil, fmt.Errorf("randomness for a token: %w", err)
	}
	issued := now.UTC().Truncate(time.Second)
	c := &Claims{
		Version:        1,
		Issuer:         g.Tenant.IssuerV1,
		Audience:       g.Audience,
		IssuedAt:       issued.Add(-Backdate),
		NotBefore:      issued.Add(-Backdate),
		Expires:        issued.Add(g.Lifetime.Truncate(time.Second)),
		Tenant:         g.Tenant.ID,
		ObjectID:       g.Principal.ID,
		AppID:          g.Principal.AppID,
		Subject:        g.Principal.ID.String(),
		IDType:         "app",
		Auth:           g.Auth,
		Roles:          g.Roles,
		DirectoryRoles: g.DirectoryRoles,
		UniqueID:       base64.RawURLEncoding.EncodeToString(fresh[:16]),
		Opaque:         base64.RawURLEncoding.EncodeToString(fresh[16:48]),
		Handle:         "1." + base64.RawURLEncoding.EncodeToString(fresh[48:]),
	}
	if g.Application != nil && g.Application.TokenVersion == 2 {
		c.Version, c.Issuer, c.Audience = 2, g.Tenant.IssuerV2, g.Application.AppID.String()
	} else {
		c.IdentityProvider = c.Issuer
	}
	if g.Principal.Type == directory.TypeManagedIdentity {
		c.Identity = resource.ID(g.Principal.ResourceID).Issued()
		if g.Principal.Explicit {
			c.ComputeResource = resource.ID(g.ComputeResource).Issued()
		}
	}
	return c, nil
}
