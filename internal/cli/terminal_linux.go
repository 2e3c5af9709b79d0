package cli

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// isTerminal reports whether a person is behind f.
func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// readHidden reads a line from a terminal that does not show it. An interrupt leaves the terminal as it was.
func readHidden(f *os.File) ([]byte, error) {
	was, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return nil, err
	}
	hidden := *was
	hidden.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, &hidden); err != nil {
		return nil, err
	}
	restore := func() { _ = unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, was) }
	defer restore()
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(stopped)
	type result struct {
		line []byte
		err  error
	}
	read := make(chan result, 1)
	go func() {
		line, err := bufio.NewReader(f).ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		read <- result{bytes.TrimSuffix(line, []byte("\n")), err}
	}()
	select {
	case r := <-read:
		return r.line, r.err
	case <-stopped:
		return nil, &exitError{code: 130}
	}
}
