package nodeapi

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"
)

// serve runs h behind real HTTP until the test ends. The connections are in memory, so that the clock of a test can
// jump.
func serve(t testing.TB, h http.Handler) *Client {
	t.Helper()
	network := &network{dialed: make(chan net.Conn), closed: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	server := &http.Server{Handler: h, BaseContext: func(net.Listener) context.Context { return ctx }}
	done := make(chan error, 1)
	go func() { done <- server.Serve(network) }()
	client := &Client{Base: "http://inborn.test", HTTP: &http.Client{Transport: &http.Transport{DialContext: network.dial}}}
	t.Cleanup(func() {
		cancel()
		client.HTTP.CloseIdleConnections()
		late, stop := context.WithTimeout(context.Background(), 5*time.Second)
		defer stop()
		if err := server.Shutdown(late); err != nil {
			t.Errorf("the server does not stop: %v", err)
		}
		<-done
	})
	return client
}

// network is a net.Listener in memory.
type network struct {
	dialed chan net.Conn
	closed chan struct{}
}

func (n *network) Accept() (net.Conn, error) {
	select {
	case conn := <-n.dialed:
		return conn, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *network) Close() error {
	close(n.closed)
	return nil
}

func (n *network) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

func (n *network) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case n.dialed <- theirs:
		return ours, nil
	case <-n.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
