package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
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

func newRun(sh *shell) *cobra.Command {
	var as, mode string
	c := &cobra.Command{
		Use:   "run --as RESOURCE -- COMMAND...",
		Short: "Run a program as the workload of a resource",
		Long: "Run a program with the environment of a launch: it is the workload of the resource and gets tokens of its\n" +
			"identities from the identity endpoint, with any stock SDK. The launch ends with the program. Standard streams,\n" +
			"signals and the exit code pass through.",
		Example: "  inborn run --as func-orders -- node app.mjs",
		Args:    between(1, math.MaxInt),
		RunE: func(c *cobra.Command, args []string) error {
			if mode != "env" {
				return usage("--mode %s is not offered by this version; use --mode env.", mode)
			}
			return sh.run(c.Context(), as, args)
		},
	}
	c.Flags().StringVar(&as, "as", "", "name or id of the resource")
	c.Flags().StringVar(&mode, "mode", "env", "how the program finds Inborn: env (environment variables)")
	c.Flags().SetInterspersed(false)
	_ = c.MarkFlagRequired("as")
	return c
}

func (sh *shell) run(ctx context.Context, as string, args []string) error {
	client, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	l, err := client.launch(ctx, as, runLife)
	if err != nil {
		return err
	}
	// The command ends when it wants to: a signal goes to it, and the launch ends after it.
	afterwards := context.WithoutCancel(ctx)
	defer func() {
		if err := l.end(afterwards); err != nil {
			fmt.Fprintf(sh.err, "inborn: the launch stays until %s: %v\n", l.expires.Local().Format(time.TimeOnly), err)
		}
	}()
	command := exec.Command(args[0], args[1:]...)
	command.Stdin, command.Stdout, command.Stderr = sh.in, sh.out, sh.err
	command.Env = l.childEnvironment()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT)
	defer signal.Stop(signals)
	if err := command.Start(); err != nil {
		return cannotStart(args[0], err)
	}
	extending, stopExtending := context.WithCancel(afterwards)
	defer stopExtending()
	kept := make(chan struct{})
	go func() { defer close(kept); l.keep(extending, sh.err) }()
	go passSignals(extending, signals, command.Process)
	ended := command.Wait()
	stopExtending()
	<-kept // or an extension on its way would bring the launch back after its end
	return exitOf(ended)
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
	return &exitError{code, fmt.Errorf("cannot run %s: %w", name, err)}
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
