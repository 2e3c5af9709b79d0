package verify

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/inborn-id/inborn/internal/token"
)

// minPause is the least time between two fetches of keys, whatever tokens arrive: a flood of made-up key ids costs the
// token service two requests a minute. A first failure is tried again sooner.
const minPause = 30 * time.Second

// keySet is what one fetch found. It does not change.
type keySet struct {
	keys    map[string][]token.PublicKey // by key id; Entra publishes a key once per issuer
	issuers []string                     // accepted as iss
	tenant  []string                     // issuers that the keys may be published for: issuers, and what discovery named
	fetched time.Time
	maxAge  time.Duration
}

func (s *keySet) has(keyID string) bool { return len(s.keys[keyID]) > 0 }

// find returns the key of that id if it may sign for the issuer of c, or nil. The document says for each key which
// issuer it is for, with {tenantid} for the tenant's id; keys of the v2.0 document also sign v1.0 tokens of the tenant.
func (s *keySet) find(keyID string, c *token.Claims) *token.PublicKey {
	for i, key := range s.keys[keyID] {
		if key.Issuer == "" || key.Issuer == c.Issuer {
			return &s.keys[keyID][i]
		}
		tenant := c.Tenant.String()
		owner := strings.ReplaceAll(key.Issuer, "{tenantid}", tenant)
		if owner == c.Issuer || slices.Contains(s.tenant, owner) && names(owner, tenant) && names(c.Issuer, tenant) {
			return &s.keys[keyID][i]
		}
	}
	return nil
}

// names reports whether one segment of the issuer's path is the tenant's id.
func names(issuer, tenant string) bool {
	return strings.Contains(strings.ToLower(issuer)+"/", "/"+tenant+"/")
}

// keySource holds the latest keySet and decides when to fetch another. At most one fetch runs at a time, in a goroutine
// of its own, so that a caller who gives up does not stop it for the others.
type keySource struct {
	fetch func() (*keySet, error) // bounded in time and size
	now   func() time.Time

	set atomic.Pointer[keySet] // nil before the first success

	mu       sync.Mutex
	running  chan struct{} // closed when the fetch in progress ends; nil when there is none
	started  time.Time     // of the last fetch
	failures int           // in a row
	err      error         // of the last fetch
}

// current returns the keys at hand. Old ones are returned too, while newer ones are fetched in the background; only when
// there are none at all it waits. The error is an *Error.
func (s *keySource) current(ctx context.Context) (*keySet, error) {
	set := s.set.Load()
	if set == nil {
		return s.newer(ctx)
	}
	if s.now().Sub(set.fetched) >= set.maxAge {
		s.mu.Lock()
		s.start()
		s.mu.Unlock()
	}
	return set, nil
}

// newer returns the keys of a fetch that is running or starts now, or those at hand when it is too early for another. It
// fails with an *Error when the latest fetch has failed.
func (s *keySource) newer(ctx context.Context) (*keySet, error) {
	s.mu.Lock()
	running := s.start()
	err := s.err
	s.mu.Unlock()
	if running != nil {
		select {
		case <-running:
		case <-ctx.Done():
			return nil, unavailable(ctx.Err())
		}
		s.mu.Lock()
		err = s.err
		s.mu.Unlock()
	}
	if err != nil {
		return nil, unavailable(err)
	}
	return s.set.Load(), nil
}

// start begins a fetch unless one is running or the last one is too recent, and returns what running holds then. The
// caller holds mu.
func (s *keySource) start() chan struct{} {
	if s.running != nil {
		return s.running
	}
	now := s.now()
	if since := now.Sub(s.started); since >= 0 && since < s.pause() { // a clock that was set back does not stop us
		return nil
	}
	done := make(chan struct{})
	s.running, s.started = done, now
	go func() {
		set, err := s.fetch()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.running, s.err = nil, err
		if err != nil {
			s.failures++
		} else {
			set.fetched = s.now()
			s.failures = 0
			s.set.Store(set)
		}
		close(done)
	}()
	return done
}

// pause is how long to wait after the start of the last fetch: after failures 1, 2, 4, .. seconds, so that an API that
// starts before its token service is soon there.
func (s *keySource) pause() time.Duration {
	if s.failures == 0 || s.failures > 5 {
		return minPause
	}
	return time.Second << (s.failures - 1)
}
