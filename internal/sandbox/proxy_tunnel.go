package sandbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// connect answers CONNECT: with a tunnel to one of our handlers, or to the target itself.
func (s *proxying) connect(w http.ResponseWriter, r *http.Request) {
	host, port, err := net.SplitHostPort(r.URL.Host)
	number, err2 := strconv.ParseUint(port, 10, 16)
	if err != nil || err2 != nil || number == 0 || host == "" {
		s.refuse(w, r, http.StatusBadRequest, "CONNECT wants host:port")
		return
	}
	switch host = hostName(host); {
	case isMetadata(host) && number == 80:
		s.hand(w, s.metadata)
	case isMetadata(host):
		s.refuse(w, r, http.StatusForbidden, "the metadata service answers http on port 80")
	case s.Owns(host) && number == 443:
		s.hand(w, s.public)
	case s.Owns(host):
		s.refuse(w, r, http.StatusForbidden, fmt.Sprintf("%s is Inborn's here and answers https on port 443", host))
	default:
		s.splice(w, r, net.JoinHostPort(host, strconv.FormatUint(number, 10)))
	}
}

// hand gives the client's connection to one of our own servers, which closes it.
func (s *proxying) hand(w http.ResponseWriter, to *tunnels) {
	client, err := s.established(w)
	if err != nil {
		return
	}
	to.put(client)
}

// splice connects the client with the target until both have ended, one of them fails or nothing comes for long.
func (s *proxying) splice(w http.ResponseWriter, r *http.Request, target string) {
	r, forget := s.untilEnd(r)
	defer forget()
	remote, err := s.reach(r.Context(), target)
	if err != nil {
		s.refuse(w, r, http.StatusBadGateway, fmt.Sprintf("cannot reach %s: %v", target, err))
		return
	}
	defer remote.Close()
	client, err := s.established(w)
	if err != nil {
		return
	}
	defer client.Close()
	s.Log.Debug("passed on", "host", clip(target))
	cut := func() {
		client.Close()
		remote.Close()
	}
	defer context.AfterFunc(r.Context(), cut)()
	idle := time.AfterFunc(tunnelIdle, cut)
	defer idle.Stop()
	var both sync.WaitGroup
	both.Go(func() { carry(remote, client, idle, cut) })
	both.Go(func() { carry(client, remote, idle, cut) })
	both.Wait()
}

// carry copies from one end to the other until its end, which it passes on: a half-closed connection stays half open. An
// end that fails takes both with it.
func carry(to, from net.Conn, idle *time.Timer, cut func()) {
	_, err := io.Copy(onlyWriter{to}, active{from, idle})
	if half, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
		err = half.CloseWrite()
	} else if err == nil {
		err = errors.ErrUnsupported
	}
	if err != nil {
		cut()
	}
}

// active puts the idle timer back with each byte.
type active struct {
	io.Reader
	idle *time.Timer
}

func (a active) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	if n > 0 {
		a.idle.Reset(tunnelIdle)
	}
	return n, err
}

// onlyWriter hides what would let io.Copy go past active.
type onlyWriter struct{ io.Writer }

// established takes the client's connection over and tells the client that its tunnel is there.
func (s *proxying) established(w http.ResponseWriter) (net.Conn, error) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	client := &tunnel{Conn: conn, half: s.peers.find(conn.RemoteAddr())}
	if client.first, err = takeBuffered(buffered.Reader); err == nil {
		_, err = io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return client, nil
}

// takeBuffered returns what was read from a connection and not yet used.
func takeBuffered(r *bufio.Reader) ([]byte, error) {
	first := make([]byte, r.Buffered())
	_, err := io.ReadFull(r, first)
	return first, err
}

// tunnel is a connection of which some bytes have been read, and which may be below wrappers that cannot be half closed.
type tunnel struct {
	net.Conn
	first []byte // not yet read again
	half  interface{ CloseWrite() error }
}

// Read implements net.Conn.
func (t *tunnel) Read(p []byte) (int, error) {
	if len(t.first) > 0 {
		n := copy(p, t.first)
		t.first = t.first[n:]
		return n, nil
	}
	return t.Conn.Read(p)
}

// CloseWrite tells the peer that nothing more will come.
func (t *tunnel) CloseWrite() error {
	if t.half == nil {
		return t.Conn.Close()
	}
	return t.half.CloseWrite()
}

// tunnels is a listener whose connections come from tunnels.
type tunnels struct {
	addr   net.Addr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newTunnels(addr net.Addr) *tunnels {
	return &tunnels{addr: addr, conns: make(chan net.Conn), closed: make(chan struct{})}
}

// put hands a connection to Accept, or closes it if the listener is closed.
func (t *tunnels) put(c net.Conn) {
	select {
	case t.conns <- c:
	case <-t.closed:
		c.Close()
	}
}

// Accept implements net.Listener.
func (t *tunnels) Accept() (net.Conn, error) {
	select {
	case c := <-t.conns:
		return c, nil
	case <-t.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (t *tunnels) Close() error {
	t.once.Do(func() { close(t.closed) })
	return nil
}

// Addr implements net.Listener.
func (t *tunnels) Addr() net.Addr { return t.addr }

// peers is a listener that remembers its open connections by their address, so that one that was taken out of
// http.Server can be half closed: what http.Server gives back is wrapped.
type peers struct {
	net.Listener
	mu   sync.Mutex
	open map[string]*net.TCPConn
}

// Accept implements net.Listener.
func (p *peers) Accept() (net.Conn, error) {
	c, err := p.Listener.Accept()
	if err != nil {
		return nil, err
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[tcp.RemoteAddr().String()] = tcp
	return &peer{tcp, p}, nil
}

// find returns the connection from that address, or nil.
func (p *peers) find(addr net.Addr) interface{ CloseWrite() error } {
	p.mu.Lock()
	defer p.mu.Unlock()
	if tcp, ok := p.open[addr.String()]; ok {
		return tcp
	}
	return nil
}

// peer is a connection that is forgotten when it is closed.
type peer struct {
	*net.TCPConn
	of *peers
}

// Close implements net.Conn. The address is forgotten first: once closed, another connection may have it.
func (c *peer) Close() error {
	c.of.mu.Lock()
	if addr := c.RemoteAddr().String(); c.of.open[addr] == c.TCPConn {
		delete(c.of.open, addr)
	}
	c.of.mu.Unlock()
	return c.TCPConn.Close()
}
