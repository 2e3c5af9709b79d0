package imds

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/inborn-id/inborn/internal/apierr"
)

func TestOnlyCallersOfThisHost(t *testing.T) {
	h := fixed(nil, nil)
	h.Local = func(addr netip.Addr) bool { return addr == netip.MustParseAddr("10.1.2.3") }
	for _, c := range []struct {
		remote, local string
		here          bool
	}{
		{"127.0.0.1:5", "127.0.0.1:80", true},
		{"127.8.9.1:5", "127.0.0.1:80", true},
		{"[::1]:5", "[::1]:80", true},
		{"[::ffff:127.0.0.1]:5", "127.0.0.1:80", true},
		{"10.9.9.9:5", "10.9.9.9:80", true}, // a process that used the host's own address
		{"[fe80::1]:5", "[fe80::1]:80", true},
		{"10.1.2.3:5", "10.9.9.9:80", true}, // Local says so
		{"10.9.9.8:5", "10.9.9.9:80", false},
		{"192.168.0.1:5", "", false},
		{"1.127.0.1:5", "127.0.0.1:80", false},
		{"[::2]:5", "[::1]:80", false},
		{"", "", false},
		{"pipe", "", false},
		{"@", "", false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr, r.Host = c.remote, "localhost"
		if c.local != "" {
			local := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.local))
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(local)))
		}
		err := h.direct(r)
		if (err == nil) != c.here || err != nil && !apierr.Is(err, apierr.CallerNotDirect) {
			t.Errorf("from %s on %s: %v", c.remote, c.local, err)
		}
	}
}

func TestTheListenersOwnAddressAndExtraNamesAreKnownHosts(t *testing.T) {
	h := fixed(nil, nil)
	h.Hosts = []string{"node.internal"}
	local := net.TCPAddrFromAddrPort(netip.MustParseAddrPort("10.9.9.9:80"))
	for host, known := range map[string]bool{"10.9.9.9": true, "10.9.9.9:1234": true, "10.9.9.8": false, "NODE.internal:1": true,
		"x.node.internal": false, "": false, ":80": false} {
		r := httptest.NewRequest("GET", "/", nil)
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(local)))
		r.RemoteAddr, r.Host = "127.0.0.1:5", host
		if err := h.direct(r); (err == nil) != known || err != nil && !apierr.Is(err, apierr.HostUnknown) {
			t.Errorf("Host %q: %v", host, err)
		}
	}
}
