package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestProxyRefuses(t *testing.T) {
	dialled := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("dialled") }
	b := startProxy(t, func(p *Proxy) { p.Dial = dialled })
	const nobody, somebody = "", credential
	for _, c := range []struct {
		line, header string
		status       int
		says         string
	}{
		{"GET http://169.254.169.254/ HTTP/1.1", nobody, 407, "proxy URL"},
		{"CONNECT graph.microsoft.com:443 HTTP/1.1", nobody, 407, "proxy URL"},
		{"CONNECT foreign.example:443 HTTP/1.1", nobody, 407, "proxy URL"},
		{"GET / HTTP/1.1", nobody, 407, "proxy URL"},
		{"GET http://169.254.169.254/ HTTP/1.1", "Proxy-Authorization: Basic aW5ib3JuOnMzY3JldB==\r\n", 407, ""},
		{"GET http://169.254.169.254/ HTTP/1.1", "Proxy-Authorization: Basic\r\n", 407, ""},
		{"GET http://169.254.169.254/ HTTP/1.1", "Proxy-Authorization: Bearer aW5ib3JuOnMzY3JldA==\r\n", 407, ""},
		{"GET http://169.254.169.254/ HTTP/1.1", "Authorization: Basic aW5ib3JuOnMzY3JldA==\r\n", 407, ""},

		{"GET / HTTP/1.1", somebody, 400, "this is a proxy"},
		{"GET ftp://foreign.example/ HTTP/1.1", somebody, 400, "only http and https"},
		{"GET http:///path HTTP/1.1", somebody, 400, ""},
		{"CONNECT foreign.example HTTP/1.1", somebody, 400, "host:port"},
		{"CONNECT foreign.example:0 HTTP/1.1", somebody, 400, "host:port"},
		{"CONNECT foreign.example:70000 HTTP/1.1", somebody, 400, "host:port"},
		{"CONNECT :443 HTTP/1.1", somebody, 400, "host:port"},
		{"CONNECT /path HTTP/1.1", somebody, 400, ""},

		{"CONNECT graph.microsoft.com:80 HTTP/1.1", somebody, 403, "https on port 443"},
		{"CONNECT GRAPH.microsoft.com.:8443 HTTP/1.1", somebody, 403, "https on port 443"},
		{"CONNECT sa1.dfs.core.windows.net:80 HTTP/1.1", somebody, 403, "https on port 443"},
		{"GET http://graph.microsoft.com/ HTTP/1.1", somebody, 403, "https on port 443"},
		{"GET https://graph.microsoft.com:8443/ HTTP/1.1", somebody, 403, "https on port 443"},
		{"CONNECT 169.254.169.254:443 HTTP/1.1", somebody, 403, "http on port 80"},
		{"CONNECT [::ffff:169.254.169.254]:22 HTTP/1.1", somebody, 403, "http on port 80"},
		{"GET https://169.254.169.254/ HTTP/1.1", somebody, 403, "http on port 80"},
		{"GET http://169.254.169.254:8080/ HTTP/1.1", somebody, 403, "http on port 80"},

		{"CONNECT foreign.example:22 HTTP/1.1", somebody, 502, "cannot reach foreign.example:22: dialled"},
		{"GET http://foreign.example/ HTTP/1.1", somebody, 502, "cannot reach foreign.example: dialled"},

		{"\x16\x03\x01\x02\x00\x01", nobody, 400, ""},
		{"GET http://[::1 HTTP/1.1", somebody, 400, ""},
		{"GET http://169.254.169.254/ HTTP/1.1", somebody + "Host: a\r\nHost: b\r\n", 400, ""},
		{"POST http://169.254.169.254/ HTTP/1.1", somebody + "Content-Length: 1\r\nContent-Length: 2\r\n", 400, ""},
		{"GET http://169.254.169.254/ HTTP/1.1", somebody + "X: " + strings.Repeat("x", 128<<10) + "\r\n", 431, ""},
	} {
		header := c.header
		if !strings.Contains(header, "Host:") {
			header += "Host: x\r\n"
		}
		_, r := b.raw(t, c.line+"\r\n"+header+"Connection: close\r\n\r\n")
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Errorf("%q: %v", c.line, err)
			continue
		}
		text, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != c.status || !strings.Contains(string(text), c.says) {
			t.Errorf("%q: %s %s", c.line, resp.Status, text)
		}
		if strings.HasPrefix(c.line, "CONNECT") && resp.StatusCode != 407 && c.says != "" && !strings.Contains(resp.Status, c.says) {
			t.Errorf("%q: the status line says nothing: %s", c.line, resp.Status)
		}
		if (resp.StatusCode == 407) != (resp.Header.Get("Proxy-Authenticate") != "") {
			t.Errorf("%q: Proxy-Authenticate is %q", c.line, resp.Header.Get("Proxy-Authenticate"))
		}
	}
}

// The service can refuse who asks for others only if it hears of them.
func TestProxyHidesNothingFromMetadata(t *testing.T) {
	b := startProxy(t, nil)
	for _, headers := range []string{"X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 10.0.0.1\r\nConnection: X-Forwarded-For", "x-forwarded-for:\r\nConnection: close, x-forwarded-for"} {
		_, r := b.raw(t, "GET http://169.254.169.254/ HTTP/1.1\r\nHost: x\r\n"+credential+headers+"\r\n\r\n")
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := io.ReadAll(resp.Body); resp.StatusCode != 400 || string(text) != "metadata: refused\n" {
			t.Errorf("%q: %s %s", headers, resp.Status, text)
		}
	}
}

// A client that stays on one connection is asked for the credential in each request.
func TestProxyCredentialIsOfOneRequest(t *testing.T) {
	b := startProxy(t, nil)
	const line = "GET http://169.254.169.254/ HTTP/1.1\r\nHost: x\r\n"
	_, r := b.raw(t, line+credential+"\r\n"+line+"\r\n"+line+credential+"\r\n")
	for _, want := range []int{200, 407, 200} {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		if resp.StatusCode != want {
			t.Errorf("%s, want %d", resp.Status, want)
		}
	}
}

func TestProxyWantsLoopbackAndSecret(t *testing.T) {
	if err := (Proxy{Secret: "x"}).Serve(t.Context(), listening{&net.TCPAddr{IP: net.IPv4zero}}); err == nil {
		t.Error("served everyone")
	}
	if err := (Proxy{}).Serve(t.Context(), listening{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}}); err == nil {
		t.Error("served without a secret")
	}
}

// listening is a listener of that address, as far as Serve looks.
type listening struct{ at net.Addr }

func (l listening) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (l listening) Close() error              { return nil }
func (l listening) Addr() net.Addr            { return l.at }

// A foreign name may lead to the metadata service of the machine's own cloud.
func TestProxyStaysOffTheRealMetadataService(t *testing.T) {
	s := newProxying(t.Context(), Proxy{}, nil)
	if _, err := s.Dial(t.Context(), "tcp", MetadataAddress+":80"); err == nil || !strings.Contains(err.Error(), "stays closed") {
		t.Errorf("dialled the metadata service: %v", err)
	}
}

// Many tunnels that were opened and left do not keep others out.
func TestProxyMakesRoom(t *testing.T) {
	if testing.Short() {
		t.Skip("opens a thousand connections")
	}
	b := startProxy(t, nil)
	for range proxyConns + 40 {
		b.tunnel(t, "graph.microsoft.com:443")
	}
	for i := range 3 {
		if h := get(t, b.client(i == 0), fmt.Sprintf("https://graph.microsoft.com/%d", i)); h.At != "public" {
			t.Errorf("%+v", h)
		}
	}
}
