package serve

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// Limiter bounds how many requests are in work at the same time, in all and for each caller. A caller is an address; a
// whole /64 of IPv6 is one, because a host may choose any address in its own. A nil Limiter bounds nothing.
type Limiter struct {
	total, perCaller int

	mu    sync.Mutex
	inUse int
	of    map[string]int // only callers with requests in work
}

// NewLimiter returns a Limiter for that many requests at the same time, in all and for each caller.
func NewLimiter(total, perCaller int) *Limiter {
	return &Limiter{total: total, perCaller: perCaller, of: map[string]int{}}
}

func (l *Limiter) enter(caller string) bool {
	if l == nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inUse >= l.total || l.of[caller] >= l.perCaller {
		return false
	}
	l.inUse++
	l.of[caller]++
	return true
}

func (l *Limiter) leave(caller string) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inUse--
	l.of[caller]--
	if l.of[caller] == 0 {
		delete(l.of, caller)
	}
}

// callerAddress names where r came from: an IPv4 address, an IPv6 network, or for other sockets what they have.
func callerAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Unmap().Is4() || ip.IsLoopback() {
		return host
	}
	network, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return host
	}
	return network.String()
}
