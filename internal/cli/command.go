package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A launch of `run` lives a little longer than the time between two extensions, so that the header of a run that was
// killed is soon worth nothing.
const (
	runLife   = 10 * time.Minute
	runExtend = 3 * time.Minute
)

// Exit codes of shells for commands that cannot be started.
const (
	exitNotExecutable = 126
	exitNotFound      = 127
)

// runCommand runs a command outside any sandbox.
func (sh *shell) runCommand(args, env []string) error {
	command := exec.Command(args[0], args[1:]...)
	command.Stdin, command.Stdout, command.Stderr = sh.in, sh.out, sh.err
	command.Env = env
	signals := make(chan os.Signal, 8)
	for _, s := range []os.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT} {
		if !signal.Ignored(s) { // what the caller ignores, the command shall ignore, too
			signal.Notify(signals, s)
		}
	}
	defer signal.Stop(signals)
	if err := command.Start(); err != nil {
		return cannotStart(args[0], err)
	}
	passing, stop := context.WithCancel(context.Background())
	defer stop()
	go passSignals(passing, signals, command.Process)
	return exitOf(command.Wait())
}

// keepLaunch extends a launch until the function it returns is called, which ends the launch.
func (sh *shell) keepLaunch(ctx context.Context, l *launch) func() error {
	extending, stop := context.WithCancel(ctx)
	kept := make(chan struct{})
	go func() { defer close(kept); l.keep(extending, sh.err) }()
	return func() error {
		stop()
		<-kept // or an extension on its way would bring the launch back after its end
		if err := l.end(ctx); err != nil {
			return fmt.Errorf("the launch stays until %s: %w", l.expires.Local().Format(time.TimeOnly), err)
		}
		return nil
	}
}

// keep extends the launch while the command runs.
func (l *launch) keep(ctx context.Context, errs io.Writer) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(runExtend):
			if err := l.extend(ctx, runLife); err != nil && ctx.Err() == nil { // tried again: it lives for three turns
				fmt.Fprintf(errs, "inborn: cannot extend the launch, which ends at %s: %v\n", l.expires.Local().Format(time.TimeOnly), err)
			}
		}
	}
}

// passSignals hands the signals that would end this program to the command. The terminal's own reach it without our help,
// as it is in the same process group, so interrupts are only kept from ending us first.
func passSignals(ctx context.Context, signals <-chan os.Signal, process *os.Process) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-signals:
			if s == syscall.SIGTERM || s == syscall.SIGHUP {
				_ = process.Signal(s)
			}
		}
	}
}

func cannotStart(name string, err error) error {
	code := exitNotExecutable
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		code = exitNotFound
	}
	var lookup *exec.Error
	var start *fs.PathError
	switch { // both say again what was tried
	case errors.As(err, &lookup):
		err = lookup.Err
	case errors.As(err, &start):
		err = start.Err
	}
	return &exitError{code: code, err: fmt.Errorf("cannot run %s: %w", name, err)}
}

// exitOf ends this program as the command ended: with its exit code, or with 128 and the number of its signal.
func exitOf(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return &exitError{code: 128 + int(status.Signal())}
	}
	return &exitError{code: exit.ExitCode()}
}

// without returns env without the variables that would lead a program to another endpoint.
func without(env []string) []string {
	return slices.DeleteFunc(env, func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(conflicting[:], name)
	})
}
