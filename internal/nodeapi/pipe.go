package nodeapi

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// Pipe connects the two halves inside one process, without a port that others could reach. It is a net.Listener for the
// server's half, and Client is the agent's half on its other end.
type Pipe struct {
	dialed chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// NewPipe makes a Pipe. Dialing waits until somebody accepts or the pipe is closed.
func NewPipe() *Pipe {
	return &Pipe{dialed: make(chan net.Conn), closed: make(chan struct{})}
}

// Accept waits for the next connection; net.ErrClosed after Close.
func (p *Pipe) Accept() (net.Conn, error) {
	select {
	case conn := <-p.dialed:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and refuses further dialing. Connections that exist are left alone.
func (p *Pipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr returns an address that names nothing.
func (p *Pipe) Addr() net.Addr { return pipeAddr{} }

// DialContext connects to the Pipe, whatever network and address are.
func (p *Pipe) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.dialed <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Client returns the agent's half, connected through the Pipe.
func (p *Pipe) Client() *Client {
	return &Client{Base: "http://inborn.pipe", HTTP: &http.Client{Transport: &http.Transport{
		DialContext:         p.DialContext,
		MaxIdleConnsPerHost: 64,
		DisableCompression:  true,
	}}}
}

// pipeAddr is the address of a Pipe.
type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
