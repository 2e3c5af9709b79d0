package agent

import (
	"net"
	"sync"
	"time"
)

// budget lets so many things pass in any stretch of time, and no more. It needs no clock: what was spent comes back by a
// timer.
type budget struct {
	spent chan struct{} // holds a value for each thing that passed a moment ago
	back  time.Duration
}

// newBudget makes a budget of n things per stretch of time.
func newBudget(n int, stretch time.Duration) *budget {
	return &budget{spent: make(chan struct{}, n), back: stretch}
}

// take reports whether one more may pass.
func (b *budget) take() bool {
	select {
	case b.spent <- struct{}{}:
		time.AfterFunc(b.back, func() { <-b.spent })
		return true
	default:
		return false
	}
}

// limit returns l with at most n connections open at a time; further ones wait to be accepted.
func limit(l net.Listener, n int) net.Listener {
	return &limited{Listener: l, slots: make(chan struct{}, n), closed: make(chan struct{})}
}

type limited struct {
	net.Listener
	slots  chan struct{} // holds a value per open connection
	closed chan struct{}
	once   sync.Once
}

func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &limitedConn{Conn: conn, release: func() { <-l.slots }}, nil
}

func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type limitedConn struct {
	net.Conn
	once    sync.Once
	release func()
}

func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.release)
	return err
}
