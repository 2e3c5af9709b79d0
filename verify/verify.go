// Package verify protects an API with access tokens of Inborn or of Microsoft Entra ID.
//
// An API that is called by managed identities needs three things from this package: which tenant to trust, by which
// names it is called, and which app roles each operation needs.
//
//	v, err := verify.New(verify.Config{
//		Authority: "https://login.contoso.example/7ae3a2f0-9b4e-4d57-a7c1-0d6a3b0c5e11",
//		Audience:  []string{"api://orders"},
//	})
//	...
//	mux.Handle("GET /orders", v.Require("Orders.Read.All", "Orders.ReadWrite.All")(list))
//
// Ask for a role in every operation. The token service gives any caller in the tenant a token for any API; whoever has
// not been granted a role just gets one without roles. A valid token alone therefore says who calls, never that they
// may: [Verifier.Authenticate] is for operations that everybody in the tenant may use.
//
// What is checked: the signature, by a key that the tenant publishes for this issuer; the issuer; the audience; the
// times exp and nbf; the roles. Keys are fetched when the first token arrives, again in the background when they are an
// hour old, and at once, but not more often than every half minute, when a token names a key that is not known yet.
// While the key server cannot be reached the keys at hand stay in use.
package verify

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/inborn-id/inborn/internal/token"
)

// Config says whom an API trusts and who it is. Audience is required, and so is Authority or else both Issuers and
// JWKSURL.
type Config struct {
	// Authority is the tenant's address at the token service, https://host/{tenant}. Issuers and the address of the
	// keys come from its two discovery documents, so v1.0 and v2.0 tokens are accepted. With /v2.0 after it, or the
	// full address of one discovery document, only that document counts, and only its version of tokens. The issuers
	// found there may have another host than the Authority, as those of an Inborn for development do.
	Authority string
	// Issuers are the accepted values of iss, compared exactly. They replace those found through Authority.
	Issuers []string
	// JWKSURL is the address of the key document. It replaces the one found through Authority.
	JWKSURL string
	// Audience are the accepted values of aud, compared exactly: the identifier URI of the API for v1.0 tokens, its
	// client id for v2.0 tokens.
	Audience []string

	// HTTPClient fetches documents and keys; nil means http.DefaultClient. Redirects are never followed.
	HTTPClient *http.Client
	// Timeout bounds one fetch of everything needed; 0 means 10 seconds.
	Timeout time.Duration
	// Leeway is how far the clocks of API and token service may differ; 0 means one minute, a negative value none.
	Leeway time.Duration
	// CacheSize is how many verified tokens are remembered until they expire, at some 2 KB each; 0 means 10,000.
	CacheSize int
	// Realm is the realm of the Bearer challenge; "" means the first Audience.
	Realm string
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// Verifier checks tokens. It is safe for concurrent use; an API needs one for its whole life. It has no background work
// of its own and need not be closed.
type Verifier struct {
	audience []string
	leeway   time.Duration
	realm    string
	now      func() time.Time
	keys     *keySource
	cache    *token.Cache[verified]
}

// verified is a token whose signature was right, and the key that made it.
type verified struct {
	token  *Token
	claims *token.Claims
	keyID  string
}

// New makes a Verifier. It does no network traffic; the error says which part of the configuration is wrong.
func New(c Config) (*Verifier, error) {
	if len(c.Audience) == 0 || slices.Contains(c.Audience, "") {
		return nil, errors.New("verify: Config.Audience is empty: name the API, or tokens for any other API would be accepted")
	}
	f, err := newFetcher(c)
	if err != nil {
		return nil, err
	}
	v := &Verifier{
		audience: slices.Clone(c.Audience),
		leeway:   c.Leeway,
		realm:    c.Realm,
		now:      c.Now,
	}
	if v.now == nil {
		v.now = time.Now
	}
	if v.realm == "" {
		v.realm = c.Audience[0]
	}
	if v.leeway == 0 {
		v.leeway = time.Minute
	}
	v.leeway = max(v.leeway, 0)
	if c.CacheSize == 0 {
		c.CacheSize = 10_000
	}
	v.cache = token.NewCache[verified](c.CacheSize)
	v.keys = &keySource{fetch: f.fetch, now: v.now}
	return v, nil
}

// Verify checks raw, an access token as it follows "Bearer " in a request, and returns what it says. It may wait for
// keys until ctx ends. The error is an *Error.
func (v *Verifier) Verify(ctx context.Context, raw string) (*Token, error) {
	if raw == "" {
		return nil, missing()
	}
	if len(raw) > token.MaxToken {
		return nil, refused(CodeMalformed, "The token is longer than %d bytes.", token.MaxToken)
	}
	now := v.now()
	set, err := v.keys.current(ctx)
	if err != nil {
		return nil, err
	}
	digest := token.DigestOf(raw)
	known, hit := v.cache.Get(digest, now)
	if hit && set.find(known.keyID, known.claims) != nil {
		if err := v.acceptable(known.claims, set, now); err != nil {
			return nil, err
		}
		return known.token, nil
	}
	if known, err = v.check(ctx, raw, set, now); err != nil {
		return nil, err
	}
	v.cache.Put(digest, known, known.claims.Expires.Add(v.leeway))
	return known.token, nil
}

// check verifies a token that is not in the cache. The signature comes last, so that tokens that would be refused
// anyhow cannot make us look for new keys.
func (v *Verifier) check(ctx context.Context, raw string, set *keySet, now time.Time) (verified, error) {
	jws, err := token.ParseJWS(raw)
	if err != nil {
		return verified{}, fromDomain(err)
	}
	claims, err := jws.Access()
	if err != nil {
		return verified{}, fromDomain(err)
	}
	if err := v.acceptable(claims, set, now); err != nil {
		return verified{}, err
	}
	if !set.has(jws.Header.KeyID) {
		if set, err = v.keys.newer(ctx); err != nil {
			return verified{}, err
		}
		if !set.has(jws.Header.KeyID) {
			return verified{}, refused(CodeSignature, "The token is signed with the key %q, which its issuer does not publish. "+
				"Get a new token.", jws.Header.KeyID)
		}
	}
	key := set.find(jws.Header.KeyID, claims)
	if key == nil {
		return verified{}, refused(CodeIssuer, "The token's key belongs to another issuer than %q. If both are one tenant's, "+
			"the API's configuration must name both issuers.", claims.Issuer)
	}
	if err := jws.Verify(key.Key, token.RS256); err != nil {
		return verified{}, fromDomain(err)
	}
	return verified{newToken(claims, jws.Payload), claims, jws.Header.KeyID}, nil
}

// acceptable checks all that does not depend on the signature.
func (v *Verifier) acceptable(c *token.Claims, set *keySet, now time.Time) error {
	switch {
	case !slices.Contains(set.issuers, c.Issuer):
		return refused(CodeIssuer, "The token was issued by %q; this API trusts %q.", c.Issuer, set.issuers)
	case !slices.Contains(v.audience, c.Audience):
		return refused(CodeAudience, "The token is for %q; this API is %q. Ask for a token with one of these names as resource, "+
			"or with /.default after it as scope.", c.Audience, v.audience)
	}
	if err := c.CheckTimes(now, v.leeway); err != nil {
		return fromDomain(err)
	}
	return nil
}
