package serve

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// conns bounds how many connections of a listener are open at a time. At the bound, the one that has been silent for
// longest makes room: a connection on which no request is in work costs its client one more dial and nobody an answer.
// Without that, whoever opens connections and says nothing would lock everyone else out.
type conns struct {
	slots chan struct{} // holds a value per open connection

	mu     sync.Mutex
	silent list.List // of *conn, the one that has been silent for longest first
	wanted bool      // a connection waits for a place: the next that falls silent gives up its own
}

// bound makes server keep at most n connections of l open, and returns the listener that it must serve.
func bound(server *http.Server, l net.Listener, n int) net.Listener {
	c := &conns{slots: make(chan struct{}, n)}
	server.ConnState = c.turned
	return &bounded{Listener: l, conns: c, closed: make(chan struct{})}
}

// turned is http.Server's ConnState: it follows which connections are silent.
func (c *conns) turned(nc net.Conn, state http.ConnState) {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	its, ok := nc.(*conn)
	if !ok {
		return
	}
	switch state {
	case http.StateNew, http.StateIdle:
		c.hush(its)
	default:
		c.wake(its)
	}
}

func (c *conns) hush(its *conn) {
	c.mu.Lock()
	if its.silent == nil && !its.gone {
		its.silent = c.silent.PushBack(its)
	}
	wanted := c.wanted
	c.mu.Unlock()
	if wanted {
		c.makeRoom()
	}
}

func (c *conns) wake(its *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unlist(its)
}

func (c *conns) unlist(its *conn) {
	if its.silent != nil {
		c.silent.Remove(its.silent)
		its.silent = nil
	}
}

// makeRoom closes the connection that has been silent for longest, or the next that falls silent if none is.
func (c *conns) makeRoom() {
	c.mu.Lock()
	var its *conn
	if first := c.silent.Front(); first != nil {
		its = first.Value.(*conn)
		c.unlist(its)
	}
	c.wanted = its == nil
	c.mu.Unlock()
	if its != nil {
		its.Close()
	}
}

// bounded is the listener of conns.
type bounded struct {
	net.Listener
	conns  *conns
	closed chan struct{}
	once   sync.Once
}

// Accept waits for the next connection and then for a place for it.
func (l *bounded) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	select {
	case l.conns.slots <- struct{}{}:
		return &conn{Conn: nc, of: l.conns}, nil
	default:
	}
	l.conns.makeRoom()
	select {
	case l.conns.slots <- struct{}{}:
		return &conn{Conn: nc, of: l.conns}, nil
	case <-l.closed:
		nc.Close()
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (l *bounded) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// conn gives its place back when it is closed.
type conn struct {
	net.Conn
	of     *conns
	once   sync.Once
	silent *list.Element // in of.silent; guarded by of.mu
	gone   bool          // closed; guarded by of.mu
}

// Close closes the connection. It may be called twice.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() {
		c.of.mu.Lock()
		c.gone = true
		c.of.unlist(c)
		c.of.mu.Unlock()
		<-c.of.slots
	})
	return err
}
