package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	maxConnections = 1024 // through one port at a time; more wait to be accepted
	dialWithin     = 10 * time.Second
)

// connect serves a listener of the inside by connecting to the same port of the host's loopback.
func (s *Sandbox) connect(fd, port int) error {
	l, err := s.listener(fd)
	if err != nil {
		return err
	}
	s.forward(l, func() (net.Conn, error) { return dialLoopback(port) })
	return nil
}

func dialLoopback(port int) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialWithin}
	conn, err := dialer.Dial("tcp", netip.AddrPortFrom(loopback4, uint16(port)).String())
	if errors.Is(err, syscall.ECONNREFUSED) { // some servers listen on the other one only
		if conn, err := dialer.Dial("tcp", netip.AddrPortFrom(loopback6, uint16(port)).String()); err == nil {
			return conn, nil
		}
	}
	return conn, err
}

// publish listens on ports of the host's loopback. A port that is taken is an error.
func (s *Sandbox) publish(ports []int) error {
	for _, port := range ports {
		l, err := net.Listen("tcp", netip.AddrPortFrom(loopback4, uint16(port)).String())
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("port %d, which is to be published, is in use on this machine", port)
		}
		if err != nil {
			return fmt.Errorf("cannot publish port %d: %w", port, err)
		}
		s.closers = append(s.closers, l)
		s.published = append(s.published, published{l, port})
	}
	return nil
}

// published is a port of the host's loopback that leads inside once the command runs.
type published struct {
	listener net.Listener
	port     int
}

func (s *Sandbox) servePublished() {
	for _, p := range s.published {
		s.forward(p.listener, func() (net.Conn, error) { return s.dialInside(p.port) })
	}
}

// forward accepts connections until l is closed and joins each with one that dial makes. If there is none the client sees
// a reset, as with a port on which nobody listens.
func (s *Sandbox) forward(l net.Listener, dial func() (net.Conn, error)) {
	slots := make(chan struct{}, maxConnections)
	s.serving.Go(func() {
		var open sync.WaitGroup
		defer open.Wait()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		for {
			slots <- struct{}{}
			client, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil { // out of descriptors, most likely: some are closed in a moment
				<-slots
				time.Sleep(10 * time.Millisecond)
				continue
			}
			open.Go(func() {
				defer func() { <-slots }()
				join(ctx, client.(*net.TCPConn), dial)
			})
		}
	})
}

// join copies both ways until both sides have said all or ctx ends.
func join(ctx context.Context, client *net.TCPConn, dial func() (net.Conn, error)) {
	defer client.Close()
	server, err := dial()
	if err != nil {
		_ = client.SetLinger(0)
		return
	}
	defer server.Close()
	defer context.AfterFunc(ctx, func() {
		client.Close()
		server.Close()
	})()
	both(client, server)
}

// stream is a connection whose two directions end on their own.
type stream interface {
	io.ReadWriteCloser
	CloseWrite() error
}

func both(a, b net.Conn) {
	one, other := a.(stream), b.(stream)
	var back sync.WaitGroup
	back.Go(func() { copyOne(one, other) })
	copyOne(other, one)
	back.Wait()
}

// copyOne copies until the end of from and passes that on. If one of the two breaks, that is the end of both.
func copyOne(to, from stream) {
	if _, err := io.Copy(to, from); err != nil {
		to.Close()
		from.Close()
		return
	}
	_ = to.CloseWrite()
}

// dialInside connects to a port of the inside's loopback, with a socket that init made there.
func (s *Sandbox) dialInside(port int) (net.Conn, error) {
	conn, err := s.dialInsideAt(netip.AddrPortFrom(loopback4, uint16(port)))
	if errors.Is(err, syscall.ECONNREFUSED) {
		if conn, err := s.dialInsideAt(netip.AddrPortFrom(loopback6, uint16(port))); err == nil {
			return conn, nil
		}
	}
	return conn, err
}

func (s *Sandbox) dialInsideAt(at netip.AddrPort) (net.Conn, error) {
	fd, err := s.insideSocket(at.Addr().Is6())
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "inside")
	defer f.Close()
	// The socket is a blocking one still, so this waits; on a loopback that is for a listener with a full backlog only.
	limit := unix.NsecToTimeval(dialWithin.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit); err != nil {
		return nil, err
	}
	if err := unix.Connect(fd, socketAddress(at)); err != nil {
		return nil, os.NewSyscallError("connect", err)
	}
	return net.FileConn(f)
}

// insideSocket asks init for a socket.
func (s *Sandbox) insideSocket(ipv6 bool) (fd int, err error) {
	s.asking.Lock()
	defer s.asking.Unlock()
	if err := s.control.send(message{Kind: socket, IPv6: ipv6}); err != nil {
		return -1, err
	}
	answer, ok := <-s.sockets
	switch {
	case !ok:
		return -1, net.ErrClosed
	case answer.Errno != 0:
		return -1, syscall.Errno(answer.Errno)
	case len(answer.descriptors) != 1:
		return -1, errors.New("init sent no socket")
	}
	return answer.descriptors[0], nil
}
