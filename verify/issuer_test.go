package verify_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/token"
	"github.com/inborn-id/inborn/verify"
)

var (
	tenantID = guid.MustParse("7ae3a2f0-9b4e-4d57-a7c1-0d6a3b0c5e11")
	apiID    = guid.MustParse("0d4c27e5-4f0e-4b8c-8f0a-6ce1d6f3a901")
	objectID = guid.MustParse("b6a2c0de-1f7d-4c0a-9a55-2f1e0c9d7b33")
	clientID = guid.MustParse("f8973019-6953-433b-b935-adc31f5646d5")
	epoch    = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// keyPool makes few keys for many tests, since each takes a while.
var keyPool = [3]func() *token.Key{sync.OnceValue(makeKey), sync.OnceValue(makeKey), sync.OnceValue(makeKey)}

func makeKey() *token.Key {
	k, err := token.NewKey(rand.Reader, epoch)
	if err != nil {
		panic(err)
	}
	return k
}

// clock is a time that tests move.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time          { return epoch.Add(time.Duration(c.ahead.Load())) }
func (c *clock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }

// issuer is a token service with the two discovery documents and the key document of one tenant, over TLS. Like an
// Inborn for development it issues in the name of the public hosts.
type issuer struct {
	*httptest.Server
	clock  clock
	tenant directory.Tenant
	ring   atomic.Pointer[token.KeyRing]
	owner  string                           // issuer member of the keys
	broken atomic.Pointer[http.HandlerFunc] // answers instead of the key document while set
	onlyV2 atomic.Bool                      // the v1.0 discovery document is absent
	noKeys atomic.Bool                      // discovery documents are broken, too
	hits   atomic.Int64                     // of the key document
	maxAge atomic.Int64                     // seconds
}

func newIssuer(t testing.TB) *issuer {
	s := startIssuer()
	t.Cleanup(s.Close)
	return s
}

func startIssuer() *issuer {
	s := &issuer{
		tenant: directory.Tenant{
			ID:       tenantID,
			IssuerV1: "https://sts.windows.net/" + tenantID.String() + "/",
			IssuerV2: "https://login.microsoftonline.com/" + tenantID.String() + "/v2.0",
		},
		owner: "https://login.microsoftonline.com/{tenantid}/v2.0",
	}
	s.maxAge.Store(86400)
	s.publish(keyPool[0]())
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that tests make fail
	s.StartTLS()
	return s
}

func (s *issuer) publish(keys ...*token.Key) {
	var ring token.KeyRing
	for i, k := range keys {
		ring = ring.With(k, epoch.Add(time.Duration(i-len(keys))*time.Hour))
	}
	s.ring.Store(&ring)
}

func (s *issuer) authority() string { return s.URL + "/" + tenantID.String() }

func (s *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, found := strings.CutPrefix(r.URL.Path, "/"+tenantID.String())
	answer := func(v any) {
		w.Header().Set("Cache-Control", fmt.Sprintf("max-age=%d, private", s.maxAge.Load()))
		json.NewEncoder(w).Encode(v)
	}
	broken := s.broken.Load()
	switch {
	case broken != nil && (strings.HasPrefix(path, "/discovery/") || s.noKeys.Load()):
		s.hits.Add(1)
		(*broken)(w, r)
	case found && path == "/v2.0/.well-known/openid-configuration":
		answer(map[string]string{"issuer": s.tenant.IssuerV2, "jwks_uri": s.authority() + "/discovery/v2.0/keys"})
	case found && path == "/.well-known/openid-configuration" && !s.onlyV2.Load():
		answer(map[string]string{"issuer": s.tenant.IssuerV1, "jwks_uri": s.authority() + "/discovery/keys"})
	case path == "/discovery/v2.0/keys":
		s.hits.Add(1)
		answer(token.NewJWKS(*s.ring.Load(), s.owner, epoch))
	case path == "/discovery/keys", path == "/moved/keys":
		s.hits.Add(1)
		answer(token.NewJWKS(*s.ring.Load(), "", epoch))
	case r.URL.Path == "/common/v2.0/.well-known/openid-configuration":
		answer(map[string]string{"issuer": s.owner, "jwks_uri": s.authority() + "/discovery/v2.0/keys"})
	default:
		http.NotFound(w, r)
	}
}

// breakWith makes the key document answer h, and nil repairs it.
func (s *issuer) breakWith(h http.HandlerFunc) {
	if h == nil {
		s.broken.Store(nil)
	} else {
		s.broken.Store(&h)
	}
}

// grant is a managed identity with a role of the API, in v1.0.
func (s *issuer) grant() token.Grant {
	return token.Grant{
		Tenant: s.tenant,
		Principal: directory.ServicePrincipal{ID: objectID, AppID: clientID, Type: directory.TypeManagedIdentity,
			ResourceID: "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Web/sites/func-orders"},
		Application: &directory.Application{AppID: apiID, TokenVersion: 1},
		Audience:    "api://orders",
		Roles:       []string{"Orders.Read.All"},
		Lifetime:    time.Hour,
	}
}

// token issues a token of the grant with changes, signed with key.
func (s *issuer) token(t testing.TB, key *token.Key, changes ...func(*token.Claims)) string {
	t.Helper()
	return s.grantToken(t, key, s.grant(), changes...)
}

func (s *issuer) grantToken(t testing.TB, key *token.Key, g token.Grant, changes ...func(*token.Claims)) string {
	t.Helper()
	raw, err := s.issue(key, g, changes...)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (s *issuer) issue(key *token.Key, g token.Grant, changes ...func(*token.Claims)) (string, error) {
	c, err := token.Access(g, s.clock.Now(), rand.Reader)
	if err != nil {
		return "", err
	}
	for _, change := range changes {
		change(c)
	}
	return token.NewSigner(1, 1).Sign(context.Background(), key, c)
}

func (s *issuer) config() verify.Config {
	return verify.Config{
		Authority:  s.authority(),
		Audience:   []string{"api://orders", apiID.String()},
		HTTPClient: s.Client(),
		Now:        s.clock.Now,
	}
}

func (s *issuer) verifier(t testing.TB, changes ...func(*verify.Config)) *verify.Verifier {
	t.Helper()
	c := s.config()
	for _, change := range changes {
		change(&c)
	}
	v, err := verify.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
