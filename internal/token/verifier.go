package token

import (
	"slices"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

// Trust is what an API of ours accepts: whose keys, which issuers and which names of itself. All are compared exactly.
type Trust struct {
	Keys      KeyRing
	Issuers   []string // of one tenant, v1.0 and v2.0
	Audiences []string // the API's names and, for v2.0 tokens, its client id
}

// Verifier checks access tokens that we signed ourselves. It remembers those whose signature was right until they
// expire, and nothing about those that were wrong, so a flood of garbage costs no memory. Everything else, the key's
// being still trusted included, is checked anew each time. It is safe for concurrent use and may serve many tenants.
type Verifier struct {
	cache *Cache[verified]
}

type verified struct {
	claims *Claims
	keyID  string
}

// NewVerifier makes a Verifier that remembers at most limit tokens, at some 2 KB each.
func NewVerifier(limit int) *Verifier {
	return &Verifier{cache: NewCache[verified](limit)}
}

// Verify returns the claims of a token that trust vouches for at now. The claims are shared: do not change them. The
// error is one of TokenMalformed, TokenSignature, TokenIssuer, TokenAudience, TokenExpired and TokenNotYetValid.
func (v *Verifier) Verify(token string, trust *Trust, now time.Time) (*Claims, error) {
	if len(token) > MaxToken {
		return nil, malformed("is longer than %d bytes", MaxToken)
	}
	digest := DigestOf(token)
	known, hit := v.cache.Get(digest, now)
	if !hit {
		var err error
		if known, err = check(token, trust, now); err != nil {
			return nil, err
		}
	} else if _, trusted := trust.Keys.Lookup(known.keyID, now); !trusted {
		return nil, unknownKey()
	}
	if err := known.claims.acceptable(trust, now); err != nil {
		return nil, err
	}
	if !hit {
		v.cache.Put(digest, known, known.claims.Expires)
	}
	return known.claims, nil
}

// check reads a token and verifies its signature.
func check(token string, trust *Trust, now time.Time) (verified, error) {
	jws, err := ParseJWS(token)
	if err != nil {
		return verified{}, err
	}
	claims, err := jws.Access()
	if err != nil {
		return verified{}, err
	}
	key, found := trust.Keys.Lookup(jws.Header.KeyID, now)
	if !found {
		return verified{}, unknownKey()
	}
	if err := jws.Verify(key.Key, RS256); err != nil {
		return verified{}, err
	}
	if claims.ObjectID.IsZero() { // none of ours is without, and decisions about the caller hang on it
		return verified{}, malformed("has no oid claim")
	}
	return verified{claims, jws.Header.KeyID}, nil
}

// acceptable checks what does not depend on the signature.
func (c *Claims) acceptable(trust *Trust, now time.Time) error {
	switch {
	case !slices.Contains(trust.Issuers, c.Issuer):
		return apierr.New(apierr.TokenIssuer, "The token was issued by %q; this server accepts %q.", c.Issuer, trust.Issuers)
	case !slices.Contains(trust.Audiences, c.Audience):
		return apierr.New(apierr.TokenAudience, "The token is for %q; this API is %q.", c.Audience, trust.Audiences)
	default:
		return c.CheckTimes(now, 0)
	}
}

// CheckTimes says whether the token is alive at now, give or take leeway: the error is a TokenExpired or a
// TokenNotYetValid.
func (c *Claims) CheckTimes(now time.Time, leeway time.Duration) error {
	if !now.Before(c.Expires.Add(leeway)) {
		return apierr.New(apierr.TokenExpired, "The token expired at %s. Get a new one.", c.Expires.Format(time.RFC3339))
	}
	if now.Before(c.NotBefore.Add(-leeway)) {
		return apierr.New(apierr.TokenNotYetValid, "The token is not valid before %s, and it is %s here. Set the clocks.",
			c.NotBefore.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return nil
}

func unknownKey() error {
	return apierr.New(apierr.TokenSignature, "The token is signed with a key that this server does not know. Get a new one.")
}
