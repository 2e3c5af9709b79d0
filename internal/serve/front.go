package serve

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
)

// Site is a set of host names and what is served there.
type Site struct {
	Hosts  []string // without port, or addresses; *.vault.example is any one label before .vault.example
	Mounts []Mount  // tried in this order
}

// Mount is one handler of a Site.
type Mount struct {
	Segments []string // the first path segments it answers, compared without regard to case; none: all
	Handler  http.Handler
}

// Front is the handler of a listener that answers for several names. A Host that no Site lists is refused with 421
// (RFC 9110, section 15.5.20), which also keeps a web page from reaching us under a name of its own.
type Front struct {
	exact   map[string][]Mount
	wild    map[string][]Mount // by what follows the first label
	unknown http.Handler
}

// NewFront returns the handler of those sites. The first site that lists a name gets it.
func NewFront(d Deps, sites ...Site) *Front {
	f := &Front{exact: map[string][]Mount{}, wild: map[string][]Mount{}}
	for _, site := range sites {
		for _, host := range site.Hosts {
			names := f.exact
			host = strings.ToLower(host)
			if rest, ok := strings.CutPrefix(host, "*."); ok {
				names, host = f.wild, rest
			}
			if _, taken := names[host]; !taken {
				names[host] = site.Mounts
			}
		}
	}
	f.unknown = refusal(d)
	return f
}

// refusal returns a handler that refuses every request as one for a host that is not ours, or for a path that no mount
// of the host takes.
func refusal(d Deps) http.Handler {
	h := API{Name: "HTTP", IDHeader: "x-ms-request-id", Spell: spellPlain}.Handler(d).(*handler)
	h.find = func(r *http.Request, _ *match) error {
		return apierr.New(apierr.HostUnknown, "This server does not answer for %q at this path.", clip(r.Host)).At(clip(r.Host))
	}
	return h
}

// spellPlain writes an error for whoever reads it: we do not know which API was meant.
func spellPlain(w http.ResponseWriter, r *http.Request, e *apierr.Error) int {
	status := http.StatusInternalServerError
	if e.Code == apierr.HostUnknown {
		status = http.StatusMisdirectedRequest
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "%s\n%s\nrequest id: %s\n", e.Message, e.Help, RequestID(r))
	return status
}

// ServeHTTP implements http.Handler.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mounts, _ := f.find(hostname(r.Host))
	first, _, _ := strings.Cut(strings.TrimLeft(r.URL.Path, "/"), "/")
	for _, m := range mounts {
		if len(m.Segments) == 0 || slices.ContainsFunc(m.Segments, func(s string) bool { return strings.EqualFold(s, first) }) {
			m.Handler.ServeHTTP(w, r)
			return
		}
	}
	f.unknown.ServeHTTP(w, r)
}

// Serves reports whether a site lists the name: what Authority asks before it makes a certificate.
func (f *Front) Serves(name string) bool {
	_, ok := f.find(strings.ToLower(name))
	return ok
}

func (f *Front) find(host string) ([]Mount, bool) {
	if mounts, ok := f.exact[host]; ok {
		return mounts, true
	}
	label, rest, _ := strings.Cut(host, ".")
	if label == "" {
		return nil, false
	}
	mounts, ok := f.wild[rest]
	return mounts, ok
}

// hostname returns the name or address in a Host header: lower case, no port, no brackets, no dot at the end.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// isPublicName reports whether name is more than this machine's own: neither localhost nor an address.
func isPublicName(name string) bool {
	_, err := netip.ParseAddr(name)
	return err != nil && name != "localhost" && !strings.HasSuffix(name, ".localhost")
}
