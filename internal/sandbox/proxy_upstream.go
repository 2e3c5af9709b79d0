package sandbox

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"
)

// maxUpstreamHeader bounds what a proxy may answer to CONNECT, in bytes.
const maxUpstreamHeader = 64 << 10

// newForward returns the handler that passes requests on as they are.
func newForward(s *proxying) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport:     s.onward,
		FlushInterval: -1, // streams and long polls arrive as they come
		ErrorLog:      slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.RawQuery = p.In.URL.RawQuery
			for _, name := range [...]string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
				if values, ok := p.In.Header[name]; ok { // Rewrite is called without them; they are the client's own business
					p.Out.Header[name] = values
				}
			}
		},
		ModifyResponse: func(resp *http.Response) error {
			if resp.StatusCode == http.StatusProxyAuthRequired { // the client would think that we mean its credential for us
				return errors.New("the proxy of the caller's environment wants another credential")
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			s.refuse(w, r, http.StatusBadGateway, fmt.Sprintf("cannot reach %s: %v", r.URL.Host, err))
		},
	}
}

// pass sends a request on. It may take as long as its client and its server like.
func (s *proxying) pass(w http.ResponseWriter, r *http.Request) {
	r, forget := s.untilEnd(r)
	defer forget()
	control := http.NewResponseController(w)
	if err := errors.Join(control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{})); err != nil {
		s.Log.Debug("a request keeps its time limits", "error", err)
	}
	s.Log.Debug("passed on", "host", clip(r.URL.Host))
	s.forward.ServeHTTP(w, r)
}

// upstream returns the caller's own proxy for a request, or nil.
func (p Proxy) upstream(r *http.Request) (*url.URL, error) {
	if p.Upstream == nil {
		return nil, nil
	}
	upstream, err := p.Upstream(r)
	if err != nil { // which may show the password
		return nil, errors.New("the caller's environment names a proxy by no valid URL")
	}
	if upstream != nil && upstream.Scheme != "http" && upstream.Scheme != "https" {
		return nil, fmt.Errorf("the proxy %s speaks %s, and only http and https are supported", upstream.Host, upstream.Scheme)
	}
	return upstream, nil
}

func defaultPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

// reach connects to a target, host:port, by way of the caller's own proxy where that is to be used.
func (s *proxying) reach(ctx context.Context, target string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	asked := &url.URL{Scheme: "https", Host: target}
	if strings.HasSuffix(target, ":80") {
		asked.Scheme = "http" // decides between HTTP_PROXY and HTTPS_PROXY
	}
	upstream, err := s.upstream(&http.Request{Method: http.MethodConnect, URL: asked, Host: target})
	if err != nil {
		return nil, err
	}
	if upstream == nil {
		return s.Dial(ctx, "tcp", target)
	}
	conn, err := s.dialUpstream(ctx, upstream)
	if err != nil {
		return nil, fmt.Errorf("the proxy %s: %w", upstream.Host, err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	through, err := askUpstream(conn, upstream, target)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("the proxy %s: %w", upstream.Host, err)
	}
	return through, nil
}

func (s *proxying) dialUpstream(ctx context.Context, upstream *url.URL) (net.Conn, error) {
	conn, err := s.Dial(ctx, "tcp", net.JoinHostPort(upstream.Hostname(), cmp.Or(upstream.Port(), defaultPort(upstream.Scheme))))
	if err != nil || upstream.Scheme == "http" {
		return conn, err
	}
	secure := tls.Client(conn, &tls.Config{MinVersion: tls.VersionTLS12, ServerName: upstream.Hostname()})
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// askUpstream asks a proxy for a tunnel.
func askUpstream(conn net.Conn, upstream *url.URL, target string) (net.Conn, error) {
	ask := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: target}, Host: target, Header: http.Header{}}
	if user := upstream.User; user != nil {
		password, _ := user.Password()
		ask.SetBasicAuth(user.Username(), password)
		ask.Header["Proxy-Authorization"] = ask.Header["Authorization"]
		ask.Header.Del("Authorization")
	}
	if err := ask.Write(conn); err != nil {
		return nil, err
	}
	answer := bufio.NewReader(io.LimitReader(conn, maxUpstreamHeader))
	resp, err := http.ReadResponse(answer, ask)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New(clip(resp.Status))
	}
	first, err := takeBuffered(answer)
	if err != nil {
		return nil, err
	}
	half, _ := conn.(interface{ CloseWrite() error })
	return &tunnel{Conn: conn, first: first, half: half}, nil
}
