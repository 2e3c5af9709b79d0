package sandbox

import (
	"cmp"
	"context"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inborn-id/inborn/internal/serve"
)

// Proxy is proxy mode, for machines that allow no namespaces: an HTTP forward proxy (RFC 9110, section 7.6, and for CONNECT
// section 9.3.6) for the command of one launch. It answers for the metadata service and for the public names itself and
// passes everything else on, by the caller's own proxy if there is one:
//
//	http://169.254.169.254/.., CONNECT 169.254.169.254:80        Metadata
//	CONNECT graph.microsoft.com:443 and other names of ours      TLS, then Public
//	https://graph.microsoft.com/.. as a plain request            Public; so old versions of axios ask
//	the rest of what is Inborn's                                 refused, never passed on
//
// Whoever knows the secret may use it, nobody else: clients send it because it stands in the URL that they are given.
type Proxy struct {
	Public   http.Handler
	TLS      *tls.Config // has the certificates for the names of Public
	Metadata http.Handler
	Secret   string // of letters, digits, - and _

	Owns func(name string) bool // nil: Owns
	Log  *slog.Logger           // at debug: what was passed on or refused; nil: nothing

	// Dial connects to what is passed on, and to Upstream. The default refuses the real metadata service, to which some
	// foreign name may lead.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Upstream is the proxy of the caller's own environment, as http.ProxyFromEnvironment tells it; nil: there is none.
	// One that does not speak HTTP is refused with the request.
	Upstream func(*http.Request) (*url.URL, error)
}

// proxyUser is the user name in the URL of the proxy.
const proxyUser = "inborn"

// The bounds of a Proxy. Where the connections of clients are used up, what is idle makes room.
const (
	proxyConns    = 1024
	publicConns   = 512 // of proxyConns: tunnels to Public
	metadataConns = 128 // of proxyConns: tunnels to Metadata
	proxyGrace    = time.Second
	dialTimeout   = 30 * time.Second
	tunnelIdle    = 30 * time.Minute // without a byte in either direction
)

// URL is what clients are told: the proxy that listens on addr, with the secret.
func (p Proxy) URL(addr net.Addr) string {
	return (&url.URL{Scheme: "http", User: url.UserPassword(proxyUser, p.Secret), Host: addr.String()}).String()
}

// Serve answers on l, which must be a TCP listener on a loopback address, until ctx ends. Then it cuts what is passed on,
// lets Public and Metadata finish for a second, and returns nil when nothing of it is left; any other end is an error. It
// closes l in every case.
func (p Proxy) Serve(ctx context.Context, l net.Listener) error {
	if addr, ok := l.Addr().(*net.TCPAddr); !ok || !addr.IP.IsLoopback() || p.Secret == "" {
		l.Close()
		return fmt.Errorf("a proxy without a secret, or at %s, which others may reach", l.Addr())
	}
	group, ctx := errgroup.WithContext(ctx)
	s := newProxying(ctx, p, l.Addr())
	front := &peers{Listener: l, open: map[string]*net.TCPConn{}}
	s.peers = front
	group.Go(func() error {
		return serve.Server{Handler: s, Log: s.Log, Grace: proxyGrace, MaxConns: proxyConns}.Serve(ctx, front)
	})
	group.Go(func() error {
		return serve.Server{Handler: s.Public, TLS: s.TLS, Log: s.Log, Grace: proxyGrace, MaxConns: publicConns}.Serve(ctx, s.public)
	})
	group.Go(func() error {
		return serve.Server{Handler: s.Metadata, Log: s.Log, Grace: proxyGrace, MaxConns: metadataConns}.Serve(ctx, s.metadata)
	})
	err := group.Wait()
	s.end()
	return err
}

// proxying is a Proxy in service.
type proxying struct {
	Proxy
	ending   context.Context // done when the proxy is to stop
	peers    *peers
	public   *tunnels
	metadata *tunnels
	onward   *http.Transport
	forward  *httputil.ReverseProxy
	expected []byte // the credential

	mu     sync.Mutex
	ended  bool
	inWork sync.WaitGroup // handlers, those of tunnels too, which no http.Server knows
}

func newProxying(ctx context.Context, p Proxy, addr net.Addr) *proxying {
	if p.Owns == nil {
		p.Owns = Owns
	}
	if p.Dial == nil {
		p.Dial = (&net.Dialer{Timeout: dialTimeout, Control: notMetadata}).DialContext
	}
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	s := &proxying{Proxy: p, ending: ctx, public: newTunnels(addr), metadata: newTunnels(addr)}
	s.expected = []byte(base64.StdEncoding.EncodeToString([]byte(proxyUser + ":" + p.Secret)))
	s.onward = &http.Transport{
		Proxy:                 p.upstream,
		DialContext:           p.Dial,
		TLSHandshakeTimeout:   dialTimeout,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConns:          64,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true, // what the client did not ask for it may not understand
	}
	s.forward = newForward(s)
	return s
}

// notMetadata is a net.Dialer's Control: it refuses the address of the metadata service of the machine's own cloud.
func notMetadata(_, address string, _ syscall.RawConn) error {
	if host, _, err := net.SplitHostPort(address); err == nil && isMetadata(host) {
		return errors.New("this name leads to the metadata service of the machine, which stays closed")
	}
	return nil
}

// end waits for what is in work, and lets nothing more in.
func (s *proxying) end() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.inWork.Wait()
	s.onward.CloseIdleConnections()
}

// untilEnd returns the request with a context that ends with the proxy, too.
func (s *proxying) untilEnd(r *http.Request) (*http.Request, context.CancelFunc) {
	ctx, cancel := context.WithCancel(r.Context())
	stop := context.AfterFunc(s.ending, cancel)
	return r.WithContext(ctx), func() {
		stop()
		cancel()
	}
}

func (s *proxying) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.inWork.Add(1)
	return true
}

// ServeHTTP implements http.Handler for the clients' connections.
func (s *proxying) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		panic(http.ErrAbortHandler)
	}
	defer s.inWork.Done()
	switch {
	case !s.admits(r):
		w.Header().Set("Proxy-Authenticate", `Basic realm="inborn"`)
		http.Error(w, "inborn: this proxy is for the command of one launch; use the proxy URL of its environment", http.StatusProxyAuthRequired)
	case r.URL.Host == "":
		http.Error(w, "inborn: this is a proxy; ask it by way of HTTP_PROXY and HTTPS_PROXY", http.StatusBadRequest)
	case r.Method == http.MethodConnect:
		s.connect(w, r)
	default:
		s.request(w, r)
	}
}

// admits reports whether the request has the credential of the launch.
func (s *proxying) admits(r *http.Request) bool {
	scheme, credential, _ := strings.Cut(r.Header.Get("Proxy-Authorization"), " ")
	return strings.EqualFold(scheme, "Basic") && subtle.ConstantTimeCompare([]byte(strings.TrimSpace(credential)), s.expected) == 1
}

// request answers a request whose target is a whole URL.
func (s *proxying) request(w http.ResponseWriter, r *http.Request) {
	host := hostName(r.URL.Hostname())
	secure := r.URL.Scheme == "https"
	port := cmp.Or(r.URL.Port(), defaultPort(r.URL.Scheme))
	switch {
	case !secure && r.URL.Scheme != "http" || host == "":
		s.refuse(w, r, http.StatusBadRequest, "only http and https can be asked for")
	case isMetadata(host) && !secure && port == "80":
		s.Metadata.ServeHTTP(w, direct(r))
	case isMetadata(host):
		s.refuse(w, r, http.StatusForbidden, "the metadata service answers http on port 80")
	case s.Owns(host) && secure && port == "443":
		d := direct(r)
		d.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true, ServerName: host} // the links of Public are https then
		s.Public.ServeHTTP(w, d)
	case s.Owns(host):
		s.refuse(w, r, http.StatusForbidden, fmt.Sprintf("%s is Inborn's here and answers https on port 443", host))
	default:
		s.pass(w, r)
	}
}

// direct returns a request as if its client had sent it without a proxy. What tells of other hops stays, so that the
// handler refuses it, even if the client calls it a header of this hop (Connection: X-Forwarded-For).
func direct(r *http.Request) *http.Request {
	d := r.Clone(r.Context())
	d.URL.Scheme, d.URL.Host, d.URL.User = "", "", nil
	if d.URL.Path == "" && d.URL.Opaque == "" {
		d.URL.Path = "/"
	}
	d.RequestURI = d.URL.RequestURI()
	for name := range r.Header {
		switch name {
		case "Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
			delete(d.Header, name)
		default:
			if strings.HasPrefix(name, "Proxy-") {
				delete(d.Header, name)
			}
		}
	}
	return d
}

// refuse answers with a sentence. Most clients show no more of a refused CONNECT than the status line, so there it
// stands in that line.
func (s *proxying) refuse(w http.ResponseWriter, r *http.Request, status int, sentence string) {
	s.Log.Debug("refused", "host", clip(r.URL.Host), "status", status, "because", sentence)
	sentence = "inborn: " + strings.Map(printable, sentence)
	if r.Method != http.MethodConnect {
		http.Error(w, sentence, status)
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s\n",
		status, sentence, len(sentence)+1, sentence)
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}

// clip keeps what strangers sent short.
func clip(s string) string { return s[:min(len(s), 256)] }
