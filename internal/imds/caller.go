package imds

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
)

// direct refuses a request that a program on this host did not send by itself. Three things tell:
//
//   - Headers that a proxy adds: the real caller is somebody else, perhaps on another machine. Headers that only a
//     browser adds, and adds without the page being able to leave them out: the real caller is a web page. Node's fetch
//     sends Sec-Fetch-Mode, so that one says nothing.
//   - A Host that is not an address of ours: a page that re-points its own name at this host (DNS rebinding) may set any
//     header, but not this one.
//   - An address that is not of this host.
func (h *Handler) direct(r *http.Request) error {
	for _, name := range [...]string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Forwarded", "Via", "Origin", "Referer", "Sec-Fetch-Site"} {
		if _, present := r.Header[name]; present {
			// The wording is that of the service for X-Forwarded-For.
			return apierr.New(apierr.CallerNotDirect, "Bad request. Request contains a %s header", name).At(name)
		}
	}
	if !h.knownHost(r) {
		return apierr.New(apierr.HostUnknown, "Bad request. The Host header does not name this endpoint; use localhost or its address").At("Host")
	}
	if !h.fromHere(r) {
		return apierr.New(apierr.CallerNotDirect, "Bad request. Only processes on this host may ask").At("address")
	}
	return nil
}

func (h *Handler) knownHost(r *http.Request) bool {
	host := withoutPort(r.Host)
	switch host {
	case "localhost", "127.0.0.1", "::1", "169.254.169.254":
		return true
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr == cameInOn(r) {
		return true
	}
	for _, known := range h.Hosts {
		if strings.EqualFold(host, known) {
			return true
		}
	}
	return strings.EqualFold(host, "localhost")
}

// withoutPort cuts the port and the brackets of an IPv6 address off a Host.
func withoutPort(host string) string {
	if strings.HasPrefix(host, "[") {
		inside, after, closed := strings.Cut(host[1:], "]")
		if !closed || after != "" && after[0] != ':' {
			return ""
		}
		return inside
	}
	name, _, _ := strings.Cut(host, ":")
	return name
}

func (h *Handler) fromHere(r *http.Request) bool {
	if strings.HasPrefix(r.RemoteAddr, "127.") || strings.HasPrefix(r.RemoteAddr, "[::1]:") {
		return true // net/http writes RemoteAddr, so no parsing is needed to trust the start of it
	}
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr := remote.Addr().Unmap()
	return addr.IsLoopback() || addr == cameInOn(r) || h.Local != nil && h.Local(addr)
}

// cameInOn returns this host's end of the connection; a client that has the same address is on this host.
func cameInOn(r *http.Request) netip.Addr {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return netip.Addr{}
	}
	port, err := netip.ParseAddrPort(local.String())
	if err != nil {
		return netip.Addr{}
	}
	return port.Addr().Unmap()
}
