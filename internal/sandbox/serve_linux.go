package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// serve takes over the sockets that init has made. What is served here begins at once; Metadata and Public wait for the
// caller.
func (s *Sandbox) serve(c Config, from handed) (err error) {
	if len(from.Sockets) != len(from.descriptors) {
		err = fmt.Errorf("init sent %d descriptors for %d sockets", len(from.descriptors), len(from.Sockets))
	}
	names := newResponder(c)
	connect := c.Connect
	for i, fd := range from.descriptors {
		if err != nil {
			unix.Close(fd)
			continue
		}
		switch from.Sockets[i] {
		case metadataSocket:
			s.metadata, err = s.listener(fd)
		case publicSocket:
			var l net.Listener
			l, err = s.listener(fd)
			s.public = append(s.public, l)
		case dnsTCPSocket:
			var l net.Listener
			if l, err = s.listener(fd); err == nil {
				s.answerNames(&dns.Server{Listener: l, Handler: names})
			}
		case dnsUDPSocket:
			var packets net.PacketConn
			if packets, err = packetConn(fd); err == nil {
				s.answerNames(&dns.Server{PacketConn: packets, Handler: names})
			}
		case connectSocket:
			err = s.connect(fd, connect[0])
			connect = connect[1:]
		case tunDevice:
			err = s.routeOut(fd)
		default:
			err = errors.New("init sent a socket of an unknown kind")
		}
	}
	return err
}

// listener takes fd over. It is closed with the sandbox.
func (s *Sandbox) listener(fd int) (net.Listener, error) {
	f := os.NewFile(uintptr(fd), "listener")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, l)
	return l, nil
}

func packetConn(fd int) (net.PacketConn, error) {
	f := os.NewFile(uintptr(fd), "packets")
	defer f.Close()
	return net.FilePacketConn(f)
}

// answerNames runs a DNS server until the sandbox is closed. Queries that still wait for the host's resolver then end on
// their own: nobody waits for them.
func (s *Sandbox) answerNames(server *dns.Server) {
	started, ended := make(chan struct{}), make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	go func() {
		defer close(ended)
		if err := server.ActivateAndServe(); err != nil {
			s.say("the responder for names inside stopped: " + err.Error())
		}
	}()
	select {
	case <-started: // only then can it be shut down
		s.closers = append(s.closers, closeFunc(func() error {
			now, cancel := context.WithCancel(context.Background())
			cancel()
			return server.ShutdownContext(now)
		}))
	case <-ended:
	}
}

// closeFunc makes a function an io.Closer.
type closeFunc func() error

// Close calls it.
func (f closeFunc) Close() error { return f() }
