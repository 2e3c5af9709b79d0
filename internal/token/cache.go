package token

import (
	"crypto/sha256"
	"sync"
	"time"
	"unsafe"
)

// Digest is the SHA-256 of a token. Caches are keyed by it, so that they hold nothing an attacker could replay.
type Digest [sha256.Size]byte

// DigestOf returns the digest of a token.
func DigestOf(token string) Digest {
	// Sum256 only reads; []byte(token) would copy the token each time and double the cost of a cache hit.
	return sha256.Sum256(unsafe.Slice(unsafe.StringData(token), len(token)))
}

// Cache remembers what was found out about tokens until they expire. It holds at most its limit of entries, whatever
// arrives: entries live in two generations, a full young one becomes the old one and the previous old one is dropped,
// which keeps what is in use and costs nothing per entry. It is safe for concurrent use.
type Cache[V any] struct {
	mu         sync.RWMutex
	young, old map[Digest]cached[V]
	half       int
}

type cached[V any] struct {
	value   V
	expires time.Time
}

// NewCache makes a Cache for at most limit entries, at least two.
func NewCache[V any](limit int) *Cache[V] {
	return &Cache[V]{young: map[Digest]cached[V]{}, half: max(limit/2, 1)}
}

// Get returns what Put stored for the token, unless that has expired at now.
func (c *Cache[V]) Get(key Digest, now time.Time) (V, bool) {
	c.mu.RLock()
	entry, found := c.young[key]
	young := found
	if !found {
		entry, found = c.old[key]
	}
	c.mu.RUnlock()
	if !found || !now.Before(entry.expires) {
		var none V
		return none, false
	}
	if !young {
		c.Put(key, entry.value, entry.expires)
	}
	return entry.value, true
}

// Put stores value for the token until expires.
func (c *Cache[V]) Put(key Digest, value V, expires time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, present := c.young[key]; !present && len(c.young) >= c.half {
		c.old, c.young = c.young, map[Digest]cached[V]{}
	}
	c.young[key] = cached[V]{value, expires}
}

// Len returns the number of entries, expired ones included.
func (c *Cache[V]) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.young) + len(c.old)
}
