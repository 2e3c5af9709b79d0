package sandbox

import (
	"errors"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// terminal is the controlling terminal, if this process was in its foreground when the sandbox was made.
type terminal struct{ file *os.File }

// openTerminal returns nil without a terminal, or if this process runs in its background: it must not take there what it
// never had.
func openTerminal() *terminal {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil
	}
	t := &terminal{f}
	if group, err := t.foreground(); err != nil || group != unix.Getpgrp() {
		t.close()
		return nil
	}
	return t
}

func (t *terminal) foreground() (group int, err error) {
	return unix.IoctlGetInt(int(descriptor(t.file)), unix.TIOCGPGRP)
}

// giveBack makes our process group the foreground again if an interactive shell inside took the place and is dead:
// otherwise nobody would read the terminal any more.
func (t *terminal) giveBack() {
	if t == nil {
		return
	}
	group, err := t.foreground()
	if err != nil || !errors.Is(unix.Kill(-group, 0), unix.ESRCH) {
		return
	}
	if !signal.Ignored(unix.SIGTTOU) { // or we would be stopped for asking from the background
		signal.Ignore(unix.SIGTTOU)
		defer signal.Reset(unix.SIGTTOU)
	}
	_ = unix.IoctlSetPointerInt(int(descriptor(t.file)), unix.TIOCSPGRP, unix.Getpgrp())
}

func (t *terminal) close() {
	if t != nil {
		t.file.Close()
	}
}
