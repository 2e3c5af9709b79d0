package sandbox

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/serve"
)

// behindProxy is a proxy in service and what a client needs to use it.
type behindProxy struct {
	Proxy
	url   *url.URL
	ca    []byte
	roots *x509.CertPool
	stop  func() error // ends Serve and returns what it returns
}

// heard is what a handler of ours was asked, as it saw it.
type heard struct {
	At, Method, Host, URI, Path, Proto, Body string
	TLS                                      bool
	Header                                   http.Header
}

// teller answers with what it was asked. As the metadata service does, it refuses what came by way of others.
func teller(at string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, forwarded := r.Header["X-Forwarded-For"]; forwarded {
			http.Error(w, at+": refused", http.StatusBadRequest)
			return
		}
		body, _ := io.ReadAll(r.Body)
		json.NewEncoder(w).Encode(heard{at, r.Method, r.Host, r.RequestURI, r.URL.String(), r.Proto, string(body), r.TLS != nil, r.Header})
	})
}

func startProxy(t *testing.T, change func(*Proxy)) *behindProxy {
	t.Helper()
	authority, err := serve.NewAuthority(serve.Naming{Domains: Domains(), Listed: Owns}, time.Now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &behindProxy{ca: authority.PEM(), roots: x509.NewCertPool()}
	b.roots.AppendCertsFromPEM(b.ca)
	b.Proxy = Proxy{Public: teller("public"), TLS: authority.TLSConfig(), Metadata: teller("metadata"), Secret: "s3cret"}
	if change != nil {
		change(&b.Proxy)
	}
	if b.url, err = url.Parse(b.URL(l.Addr())); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- b.Serve(ctx, l) }()
	ended := false
	b.stop = func() error {
		cancel()
		if ended {
			return nil
		}
		ended = true
		return <-served
	}
	t.Cleanup(func() {
		if err := b.stop(); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return b
}

// client is Go's own, as a program has it that trusts the bundle and has the proxy in its environment.
func (b *behindProxy) client(h2 bool) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(h2)
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		Proxy: http.ProxyURL(b.url), TLSClientConfig: &tls.Config{RootCAs: b.roots}, Protocols: protocols, DisableKeepAlives: true,
	}}
}

// raw sends a text to the proxy and returns the connection.
func (b *behindProxy) raw(t *testing.T, text string) (*net.TCPConn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", b.url.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn), bufio.NewReader(c)
}

// credential is the line that a client with the proxy's URL adds.
const credential = "Proxy-Authorization: Basic aW5ib3JuOnMzY3JldA==\r\n"

// tunnel opens one by CONNECT.
func (b *behindProxy) tunnel(t *testing.T, target string) (*net.TCPConn, *bufio.Reader) {
	t.Helper()
	c, r := b.raw(t, "CONNECT "+target+" HTTP/1.1\r\nHost: "+target+"\r\n"+credential+"\r\n")
	resp, err := http.ReadResponse(r, &http.Request{Method: http.MethodConnect})
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("CONNECT %s: %v %v", target, resp, err)
	}
	return c, r
}

func get(t *testing.T, c *http.Client, url string) heard {
	t.Helper()
	req, _ := http.NewRequest("GET", url, nil)
	req.Header.Set("Metadata", "true")
	return answer(t, c, req)
}

func answer(t *testing.T, c *http.Client, req *http.Request) (h heard) {
	t.Helper()
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 {
		t.Fatalf("%s %s: %s %s", req.Method, req.URL, resp.Status, text)
	}
	if err := json.Unmarshal(text, &h); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return h
}

func TestProxyMetadata(t *testing.T) {
	b := startProxy(t, nil)
	const target = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net"
	for name, client := range map[string]*http.Client{"absolute": b.client(false), "connect": b.connecting(t)} {
		h := get(t, client, "http://169.254.169.254"+target)
		if h.At != "metadata" || h.Host != "169.254.169.254" || h.URI != target || h.Path != target || h.Header.Get("Metadata") != "true" {
			t.Errorf("%s: %+v", name, h)
		}
		for header := range h.Header {
			if !slices.Contains([]string{"Metadata", "User-Agent", "Accept-Encoding", "Connection"}, header) || header == "Connection" && name == "absolute" {
				t.Errorf("%s: the metadata service got a %s", name, header)
			}
		}
	}
	req, _ := http.NewRequest("POST", "http://169.254.169.254:80", strings.NewReader("resource=x"))
	if h := answer(t, b.client(false), req); h.URI != "/" || h.Body != "resource=x" || h.Host != "169.254.169.254:80" {
		t.Errorf("a POST without a path: %+v", h)
	}
}

// connecting is a client that tunnels http, too, as undici's EnvHttpProxyAgent does.
func (b *behindProxy) connecting(t *testing.T) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(_ context.Context, _, addr string) (net.Conn, error) {
		c, _ := b.tunnel(t, addr)
		return c, nil
	}}}
}

func TestProxyOwnedNames(t *testing.T) {
	b := startProxy(t, nil)
	for _, h2 := range []bool{false, true} {
		for _, host := range []string{"login.microsoftonline.com", "graph.microsoft.com", "kv-orders.vault.azure.net", "sa1.blob.core.windows.net"} {
			h := get(t, b.client(h2), "https://"+host+"/v1.0/me?$select=id")
			if h.At != "public" || h.Host != host || h.URI != "/v1.0/me?$select=id" || !h.TLS || (h.Proto == "HTTP/2.0") != h2 {
				t.Errorf("h2 %v: %+v", h2, h)
			}
			for header := range h.Header {
				if strings.HasPrefix(header, "Proxy-") {
					t.Errorf("%s got a %s", host, header)
				}
			}
		}
	}
}

// Old versions of axios (1.7.9 was looked at) send https to a proxy in the form of http.
func TestProxyOwnedNameWithoutTunnel(t *testing.T) {
	b := startProxy(t, nil)
	_, r := b.raw(t, "GET https://Graph.Microsoft.com/v1.0 HTTP/1.1\r\nHost: other.example\r\n"+credential+"\r\n")
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	var h heard
	if err := json.NewDecoder(resp.Body).Decode(&h); err != nil || h.At != "public" || !h.TLS || h.URI != "/v1.0" || !strings.EqualFold(h.Host, "graph.microsoft.com") {
		t.Errorf("%v: %+v", err, h)
	}
}

func TestProxyPassesOn(t *testing.T) {
	b := startProxy(t, nil)
	foreign := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Body", string(body))
		json.NewEncoder(w).Encode(heard{Method: r.Method, Host: r.Host, URI: r.RequestURI, Header: r.Header})
	})
	plain, secure := httptest.NewServer(foreign), httptest.NewTLSServer(foreign)
	defer plain.Close()
	defer secure.Close()
	b.roots.AddCert(secure.Certificate())
	for _, url := range []string{plain.URL, secure.URL} {
		req, _ := http.NewRequest("PUT", url+"/a;b?c=d;e&f=%zz", strings.NewReader("text"))
		req.Header.Set("X-Forwarded-For", "10.1.2.3") // the client's own
		req.Header["User-Agent"] = nil
		h := answer(t, b.client(false), req)
		if h.Method != "PUT" || h.URI != "/a;b?c=d;e&f=%zz" || "http://"+h.Host != plain.URL && "https://"+h.Host != secure.URL {
			t.Errorf("%s: %+v", url, h)
		}
		if slices.Compare(h.Header["X-Forwarded-For"], []string{"10.1.2.3"}) != 0 || h.Header["Via"] != nil || h.Header["Forwarded"] != nil {
			t.Errorf("%s: the proxy tells of itself: %v", url, h.Header)
		}
		if h.Header["Proxy-Authorization"] != nil || h.Header["User-Agent"] != nil {
			t.Errorf("%s: the server got %v", url, h.Header)
		}
	}
}

func TestProxyStreams(t *testing.T) {
	b := startProxy(t, nil)
	next := make(chan string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "11") // without it, every proxy takes it for a stream
		for word := range next {
			io.WriteString(w, word)
			w.(http.Flusher).Flush()
		}
	}))
	defer server.Close()
	defer close(next)
	go func() { next <- "first" }()
	resp, err := b.client(false).Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for _, want := range []string{"first", "second"} {
		got := make([]byte, len(want))
		if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != want { // would hang if the proxy gathered it
			t.Fatalf("%q, %v", got, err)
		}
		if want == "first" {
			next <- "second"
		}
	}
}

// tcpServer answers one connection.
func tcpServer(t *testing.T, answer func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		if c, err := l.Accept(); err == nil {
			defer c.Close()
			c.SetDeadline(time.Now().Add(10 * time.Second))
			answer(c.(*net.TCPConn))
		}
	}()
	return l.Addr().String()
}

func TestProxyHalfClose(t *testing.T) {
	b := startProxy(t, nil)
	t.Run("client", func(t *testing.T) {
		c, r := b.tunnel(t, tcpServer(t, func(c *net.TCPConn) {
			all, _ := io.ReadAll(c) // until the client has ended
			fmt.Fprintf(c, "got %d", len(all))
		}))
		c.Write(make([]byte, 1<<20))
		c.CloseWrite()
		if text, err := io.ReadAll(r); err != nil || string(text) != "got 1048576" {
			t.Errorf("%q, %v", text, err)
		}
	})
	t.Run("server", func(t *testing.T) {
		got := make(chan string, 1)
		c, r := b.tunnel(t, tcpServer(t, func(c *net.TCPConn) {
			io.WriteString(c, "ended")
			c.CloseWrite()
			text, _ := io.ReadAll(c)
			got <- string(text)
		}))
		if text, err := io.ReadAll(r); err != nil || string(text) != "ended" {
			t.Errorf("%q, %v", text, err)
		}
		io.WriteString(c, "afterwards")
		c.CloseWrite()
		if text := <-got; text != "afterwards" {
			t.Errorf("the server got %q after its end", text)
		}
	})
	t.Run("reset", func(t *testing.T) {
		ended := make(chan error, 1)
		c, _ := b.tunnel(t, tcpServer(t, func(c *net.TCPConn) {
			_, err := io.Copy(io.Discard, c)
			ended <- err
		}))
		c.SetLinger(0)
		c.Close()
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			t.Error("the server's end stays open")
		}
	})
}

// What the client sends at once after CONNECT belongs to the tunnel.
func TestProxyTakesEarlyBytes(t *testing.T) {
	b := startProxy(t, nil)
	target := tcpServer(t, func(c *net.TCPConn) { io.CopyN(c, c, 5) })
	_, r := b.raw(t, "CONNECT "+target+" HTTP/1.1\r\nHost: x\r\n"+credential+"\r\nearly")
	text, err := io.ReadAll(r)
	if err != nil || !strings.HasSuffix(string(text), "\r\n\r\nearly") {
		t.Errorf("%q, %v", text, err)
	}
}

func TestProxyUpstream(t *testing.T) {
	foreign := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(heard{At: "foreign", Header: r.Header})
	})
	plain, secure := httptest.NewServer(foreign), httptest.NewTLSServer(foreign)
	defer plain.Close()
	defer secure.Close()
	var dialled []string
	outer := startProxy(t, func(p *Proxy) { // the caller's own: one proxy inside another
		p.Metadata, p.Public = teller("wrong"), teller("wrong")
		p.Secret = "outer"
		p.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			dialled = append(dialled, address)
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}
	})
	inner := startProxy(t, func(p *Proxy) { p.Upstream = http.ProxyURL(outer.url) })
	inner.roots.AddCert(secure.Certificate())
	for _, server := range []*httptest.Server{plain, secure} {
		if h := get(t, inner.client(false), server.URL); h.At != "foreign" || h.Header["Proxy-Authorization"] != nil {
			t.Errorf("%+v", h)
		}
	}
	if want := []string{plain.Listener.Addr().String(), secure.Listener.Addr().String()}; slices.Compare(dialled, want) != 0 {
		t.Errorf("the upstream proxy dialled %v, not %v", dialled, want)
	}
	if h := get(t, inner.client(false), "http://169.254.169.254/"); h.At != "metadata" {
		t.Errorf("%+v", h)
	}
	if h := get(t, inner.client(true), "https://graph.microsoft.com/"); h.At != "public" {
		t.Errorf("%+v", h)
	}
}

func TestProxyUpstreamRefuses(t *testing.T) {
	outer := startProxy(t, nil)
	for _, upstream := range []string{"http://inborn:wrong@" + outer.url.Host, "http://127.0.0.1:1", "socks5://" + outer.url.Host} {
		u, _ := url.Parse(upstream)
		inner := startProxy(t, func(p *Proxy) { p.Upstream = http.ProxyURL(u) })
		if _, err := inner.client(false).Get("https://foreign.example/"); err == nil || !strings.Contains(err.Error(), "the proxy "+u.Host) {
			t.Errorf("%s: CONNECT: %v", upstream, err)
		}
		resp, err := inner.client(false).Get("http://foreign.example/")
		if err != nil {
			t.Errorf("%s: %v", upstream, err)
			continue
		}
		if text, _ := io.ReadAll(resp.Body); resp.StatusCode != 502 || !strings.HasPrefix(string(text), "inborn: cannot reach foreign.example: ") {
			t.Errorf("%s: %s %s", upstream, resp.Status, text)
		}
		resp.Body.Close()
	}
}

func TestProxyKeepsTheUpstreamsPassword(t *testing.T) {
	b := startProxy(t, func(p *Proxy) {
		p.Upstream = func(*http.Request) (*url.URL, error) {
			return nil, errors.New(`invalid proxy address "http://ann:passw0rd@ho st"`)
		}
	})
	_, err := b.client(false).Get("https://foreign.example/")
	resp, err2 := b.client(false).Get("http://foreign.example/")
	if err == nil || err2 != nil {
		t.Fatal(err, err2)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	for _, said := range []string{err.Error(), string(text)} {
		if strings.Contains(said, "passw0rd") || !strings.Contains(said, "no valid URL") {
			t.Error(said)
		}
	}
}

func TestProxyEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	b := startProxy(t, nil)
	silent := tcpServer(t, func(c *net.TCPConn) { io.Copy(io.Discard, c) })
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	var open []*net.TCPConn
	for _, target := range []string{silent, "graph.microsoft.com:443", "169.254.169.254:80"} {
		c, _ := b.tunnel(t, target)
		open = append(open, c)
	}
	for _, text := range []string{"", "GET " + hanging.URL + " HTTP/1.1\r\nHost: x\r\n" + credential + "\r\n"} {
		c, _ := b.raw(t, text)
		open = append(open, c)
	}
	time.Sleep(50 * time.Millisecond) // the last request is on its way
	started := time.Now()
	if err := b.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(started); took > 3*time.Second {
		t.Errorf("Serve took %s to end", took)
	}
	for i, c := range open {
		c.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := io.Copy(io.Discard, c); errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
			t.Errorf("connection %d is still open", i)
		}
		c.Close()
	}
	hanging.Close()
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines were %d\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
