package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Sandbox is a set of namespaces in which everything is ready and the command has not begun. Its methods are safe for
// concurrent use; Run can be called once.
type Sandbox struct {
	name     string // of the command, for errors
	note     func(string)
	control  control
	init     *process
	terminal *terminal

	prepared chan handed  // ready or failed, once
	ended    chan message // ended, noCommand or failed, once
	sockets  chan handed  // answers to requests for a socket of the inside
	asking   sync.Mutex   // held by who waits for one

	metadata net.Listener
	public   []net.Listener

	published []published

	closing sync.Once
	closers []io.Closer // what outer serves itself
	serving sync.WaitGroup
}

// handed is a message of init and the descriptors that came with it.
type handed struct {
	message
	descriptors []int
}

// Start prepares everything and does not yet start the command. When ctx ends, everything inside is killed, as with
// exec.CommandContext. An error is a *Refusal if no sandbox can be had on this machine; any other means that the
// configuration cannot be met, such as a port that is taken. Nothing is left behind then.
func Start(ctx context.Context, c Config) (*Sandbox, error) {
	id := callerIdentity(os.Geteuid(), os.Getegid(), effectiveCapabilities())
	p, files, err := makePlan(c, id)
	if err != nil {
		return nil, err
	}
	s := &Sandbox{name: c.Command[0], note: c.Note, prepared: make(chan handed, 1), ended: make(chan message, 1), sockets: make(chan handed)}
	if err := s.prepare(ctx, c, p, files, id); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Sandbox) prepare(ctx context.Context, c Config, p plan, files []File, id identity) error {
	if err := s.publish(c.Publish); err != nil {
		return err
	}
	if err := s.launch(c, p, files, id); err != nil {
		return err
	}
	unwatch := context.AfterFunc(ctx, s.init.kill)
	go func() {
		<-s.init.dead
		unwatch()
	}()
	go s.listen()
	m, ok := <-s.prepared
	switch {
	case !ok && ctx.Err() != nil:
		return ctx.Err()
	case !ok:
		return errors.New("the init of the sandbox ended before it was ready")
	case m.Kind == failed:
		return refuse(m.Step, m.failure())
	}
	for _, line := range m.Notes {
		s.say(line)
	}
	return s.serve(c, m)
}

// launch starts init.
func (s *Sandbox) launch(c Config, p plan, files []File, id identity) error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socketpair", err)
	}
	defer unix.Close(pair[1]) // init has its own, so that its end is the end of the socket
	if s.control, err = newControl(pair[0]); err != nil {
		return err
	}
	planFD, err := writePlan(p, files)
	if err != nil {
		return err
	}
	defer unix.Close(planFD)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	streams := [3]*os.File{c.Stdin, c.Stdout, c.Stderr}
	for i := range streams {
		if streams[i] == nil {
			streams[i] = null
		}
	}
	s.terminal = openTerminal()
	s.init, err = startInit(id, streams, pair[1], planFD)
	return refuse(stepClone, err)
}

func (s *Sandbox) say(line string) {
	if s.note != nil {
		s.note(line)
	}
}

// failure is the error that init sent.
func (m message) failure() error {
	if m.Errno == 0 {
		return errors.New(m.Detail)
	}
	return &stepError{detail: m.Detail, errno: syscall.Errno(m.Errno)}
}

// stepError is an error of init: its text and its cause.
type stepError struct {
	detail string
	errno  syscall.Errno
}

func (e *stepError) Error() string { return e.detail }
func (e *stepError) Unwrap() error { return e.errno }

// listen hands the messages of init to who waits for them, until init is gone.
func (s *Sandbox) listen() {
	defer close(s.ended)
	defer close(s.sockets)
	defer close(s.prepared)
	for begun := false; ; begun = true {
		m, descriptors, err := s.control.receive()
		if err != nil {
			return
		}
		switch {
		case !begun:
			s.prepared <- handed{m, descriptors}
		case m.Kind == socket:
			s.sockets <- handed{m, descriptors}
		default:
			s.ended <- m
			return
		}
	}
}

// Metadata listens on 169.254.169.254, port 80, inside.
func (s *Sandbox) Metadata() net.Listener { return s.metadata }

// Public listens on port 443 of 127.0.0.1 inside and, where there is IPv6, of ::1: where the names of Config.Ours lead to.
// The connections are plain TCP; TLS is the caller's work.
func (s *Sandbox) Public() []net.Listener { return s.public }

// Run starts the command and returns when it has ended and nothing of it runs any more. Signals that this process gets
// meanwhile are passed on. The error is a *CommandError if the command could not be started; any other is our own fault.
func (s *Sandbox) Run() (Exit, error) {
	defer s.Close()
	stop := s.forwardSignals()
	defer stop()
	if err := s.control.send(message{Kind: start}); err != nil {
		return Exit{}, fmt.Errorf("the sandbox is closed: %w", err)
	}
	s.servePublished()
	m, ok := <-s.ended
	s.init.kill() // it has nothing left to do, and what the command has left behind ends with it
	<-s.init.dead
	s.terminal.giveBack()
	switch {
	case !ok:
		return Exit{}, errors.New("the init of the sandbox was killed")
	case m.Kind == noCommand && m.Errno == 0:
		return Exit{}, &CommandError{s.name, exec.ErrNotFound}
	case m.Kind == noCommand:
		return Exit{}, &CommandError{s.name, syscall.Errno(m.Errno)}
	case m.Kind == failed:
		return Exit{}, m.failure()
	}
	return exitOf(syscall.WaitStatus(m.Status)), nil
}

// Close kills everything inside, waits until it is gone, and frees all ports and descriptors. It can be called at any
// time and again.
func (s *Sandbox) Close() {
	s.closing.Do(func() {
		if s.init != nil {
			s.init.kill()
			<-s.init.dead
		}
		if s.control.conn != nil {
			s.control.conn.Close()
		}
		for _, c := range slices.Backward(s.closers) {
			c.Close()
		}
		s.serving.Wait()
		s.terminal.close()
	})
}
