package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"sync"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/imds"
	"github.com/inborn-id/inborn/internal/nodeapi"
	"github.com/inborn-id/inborn/internal/resource"
)

// key says what a token is: whose, for what, and on which resource the workload runs, which the token of a user-assigned
// identity names.
type key struct {
	identity guid.GUID // object id
	audience string    // as it was asked for: the token repeats it
	compute  resource.Key
}

// want is a key with what is needed to have its token made.
type want struct {
	key
	identity *nodeapi.Identity // of the snapshot the request is decided on
	request  nodeapi.MintRequest
}

// entry is a token in memory. The times are Unix nanoseconds.
type entry struct {
	token   *imds.Token
	stamp   string // of its identity when it was made
	renew   int64  // from then on another one is made while this one is handed out
	late    int64  // from then on it is handed out only for want of another one
	expires int64  // from then on it is worth nothing
}

// good reports whether e may be handed out at now for an identity with that stamp.
func (e *entry) good(stamp string, now int64) bool { return e.stamp == stamp && now < e.expires }

const (
	// retryRenewal is how long a renewal may take or have failed before another one is begun.
	retryRenewal = 30 * time.Second
	// patience is how long a request waits for a better token when it could have a late one.
	patience = time.Second
	// headroom is taken off the end of a token, which must not end on its way to the caller.
	headroom = 2 * time.Second
	// maxWaiting is how many requests for the server may wait for their turn.
	maxWaiting = 4096
)

// cache holds tokens and has missing ones made.
type cache struct {
	server *nodeapi.Client
	now    func() time.Time
	random io.Reader
	size   int
	most   int         // pilots there may be, and so requests that are with the server at a time
	queue  chan func() // flights that wait for a pilot, first come, first served
	base   context.Context
	stop   context.CancelFunc

	mu      sync.RWMutex
	entries map[key]*entry
	flights map[flightKey]*flight
	pilots  int
	closed  bool
	flying  sync.WaitGroup // of the pilots
}

func newCache(c Config) *cache {
	base, stop := context.WithCancel(context.Background())
	return &cache{
		server: c.Server, now: c.Now, random: c.Random, size: c.MaxTokens, most: c.MaxMints, queue: make(chan func(), maxWaiting),
		base: base, stop: stop, entries: map[key]*entry{}, flights: map[flightKey]*flight{},
	}
}

// token returns the token that is wanted. With fresh, or when refused is the SHA-256 of the one in memory, that one will
// not do.
func (c *cache) token(ctx context.Context, w want, fresh bool, refused string) (*imds.Token, error) {
	now := c.now().UnixNano()
	e, found := c.held(w.key)
	usable := found && e.good(w.identity.Stamp, now) && !fresh && (refused == "" || refused != hash(e.token))
	switch {
	case !usable:
		return c.begin(w, e.token).wait(ctx)
	case now < e.renew:
		return e.token, nil
	case now < e.late:
		c.renew(w, now)
		return e.token, nil
	}
	brief, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	better, err := c.begin(w, e.token).wait(brief)
	if err != nil && passing(err) {
		return e.token, nil
	}
	return better, err
}

// held returns a copy of what is in memory.
func (c *cache) held(k key) (entry, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if e := c.entries[k]; e != nil {
		return *e, true
	}
	return entry{}, false
}

// renew has another token made without waiting for it, unless that has been begun a moment ago.
func (c *cache) renew(w want, now int64) {
	c.mu.Lock()
	e := c.entries[w.key]
	if e == nil || now < e.renew {
		c.mu.Unlock()
		return
	}
	e.renew = now + int64(retryRenewal)
	old := e.token
	c.mu.Unlock()
	c.begin(w, old)
}

// keep takes a token into memory. It renews at half of its life, and up to a tenth later, so that the tokens which many
// agents got in one moment are not renewed in one moment.
func (c *cache) keep(k key, token *imds.Token, stamp string, expires, now time.Time) {
	life := expires.Sub(now)
	e := &entry{
		token:   token,
		stamp:   stamp,
		renew:   now.Add(life/2 + c.dice(life/20)).UnixNano(),
		late:    now.Add(life - life/4).UnixNano(),
		expires: expires.Add(-headroom).UnixNano(),
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, replaces := c.entries[k]; !replaces && len(c.entries) >= c.size {
		c.makeRoom(now.UnixNano())
	}
	c.entries[k] = e
}

// dice returns a duration from 0 to limit.
func (c *cache) dice(limit time.Duration) time.Duration {
	var b [1]byte
	if _, err := io.ReadFull(c.random, b[:]); err != nil {
		return 0
	}
	return limit * time.Duration(b[0]) / 255
}

// makeRoom removes what has expired, and some of the others if that is not enough. The caller holds the lock.
func (c *cache) makeRoom(now int64) {
	c.drop(now)
	for k := range c.entries { // in no order
		if len(c.entries) < c.size-c.size/16 {
			return
		}
		delete(c.entries, k)
	}
}

func (c *cache) drop(now int64) {
	for k, e := range c.entries {
		if now >= e.expires {
			delete(c.entries, k)
		}
	}
}

// sweep removes what has expired.
func (c *cache) sweep() {
	now := c.now().UnixNano()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(now)
}

// forget removes what is in memory for k if it was made under stamp.
func (c *cache) forget(k key, stamp string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[k]; e != nil && e.stamp == stamp {
		delete(c.entries, k)
	}
}

// close gives up what is under way and waits for it.
func (c *cache) close() {
	c.stop()
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.queue)
	}
	c.mu.Unlock()
	c.flying.Wait()
}

// hash is the form in which a client names a token that it does not want again.
func hash(t *imds.Token) string {
	sum := sha256.Sum256([]byte(t.AccessToken()))
	return hex.EncodeToString(sum[:])
}
