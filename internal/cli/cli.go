// Package cli is the command line. Each file holds one command or one family of commands; cli.go has what they share:
// the root command, the meaning of exit codes, and how errors are shown.
//
// The commands that look at or change a running Inborn are clients of its public APIs like any other: client.go gets a
// short-lived token of the local administrator through the admin socket in the data directory and then speaks Microsoft
// Graph and Resource Manager.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/inborn-id/inborn/internal/apierr"
)

// Exit codes. 10, 20 and 30 are those of the grant script that people know from the field.
const (
	exitFailed     = 1
	exitUsage      = 2
	exitFindings   = 3  // `access review --fail` found something
	exitNoIdentity = 10 // the principal does not exist
	exitNoAPI      = 20 // the application does not exist
	exitNoRole     = 30 // the application does not offer the role
)

// exitError is an error that ends the program with a code of its own.
type exitError struct {
	code int
	err  error
	die  func() // ends this program as the command of `run` ended, with its signal; nil: with code
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// shell is what every command gets: where to read and write, and the flags that all have.
type shell struct {
	in       io.Reader
	out, err io.Writer
	data     string // the data directory
	output   string // table or json
}

// Main runs one command line and returns the exit code. It stops the command on SIGINT and SIGTERM.
func Main(args []string, in io.Reader, out, errs io.Writer) int {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		if !signal.Ignored(s) { // as of a program in the background: it stays so, for the commands of `run`, too
			ctx, stop = signal.NotifyContext(ctx, s)
			defer stop()
		}
	}
	sh := &shell{in: in, out: out, err: errs}
	root := newRoot(sh)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var exit *exitError
	if errors.As(err, &exit) {
		if exit.err != nil {
			sh.complain(exit.err)
		}
		if exit.die != nil {
			exit.die()
		}
		return exit.code
	}
	sh.complain(err)
	for _, mistake := range []string{"unknown ", "required flag", "if any flags in the group"} { // cobra's, which have no type
		if strings.HasPrefix(err.Error(), mistake) {
			return exitUsage
		}
	}
	return exitFailed
}

// complain shows an error as one sentence and, if there is one, the command that would help.
func (sh *shell) complain(err error) {
	var named *apierr.Error
	if !errors.As(err, &named) {
		fmt.Fprintf(sh.err, "inborn: %s\n", printable(strings.ReplaceAll(err.Error(), "\t", "  "))) // cobra's suggestions have tabs
		return
	}
	fmt.Fprintf(sh.err, "inborn: %s\n", printable(named.Message))
	if named.Help != "" {
		fmt.Fprintf(sh.err, "  try: %s\n", printable(named.Help))
	}
}

func newRoot(sh *shell) *cobra.Command {
	root := &cobra.Command{
		Use:   "inborn",
		Short: "Managed identities without Azure: every workload is born with an identity, none holds a secret",
		Long: "Inborn gives every workload an identity and speaks the protocols of Azure managed identities, so that stock\n" +
			"SDKs, command lines and scripts work against it unmodified.\n\n" +
			"Start with:  inborn dev",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().StringVar(&sh.data, "data", defaultData(), "data directory of the Inborn to start or to talk to")
	root.PersistentFlags().StringVarP(&sh.output, "output", "o", "table", "how to print results: table or json")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if sh.output != "table" && sh.output != "json" {
			return &exitError{code: exitUsage, err: fmt.Errorf("--output %s is neither table nor json", sh.output)}
		}
		return nil
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &exitError{code: exitUsage, err: fmt.Errorf("%w\n  try: %s --help", err, c.CommandPath())}
	})
	root.AddCommand(
		newDev(sh), newRun(sh), newEnv(sh), newApply(sh),
		newIdentity(sh), newResource(sh), newUser(sh), newRole(sh), newAccess(sh), newApp(sh), newGrant(sh), newRevoke(sh), newToken(sh),
		newVault(sh), newBackup(sh), newExplain(sh), newVersion(sh),
	)
	return root
}

// defaultData is the user's state directory (XDG base directories), or a folder here when there is no home.
func defaultData() string {
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "inborn")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "state", "inborn")
	}
	return ".inborn"
}

// exactly wants that many arguments.
func exactly(n int) cobra.PositionalArgs { return between(n, n) }

// between wants at least low and at most high arguments and shows the usage line otherwise.
func between(low, high int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < low || len(args) > high {
			return &exitError{code: exitUsage, err: fmt.Errorf("wrong number of arguments\n  usage: %s", c.UseLine())}
		}
		return nil
	}
}

// family is a command that only holds others; cobra would answer a misspelt one with the help text and success.
func family(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, SuggestionsMinimumDistance: 2, RunE: func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			try := c.CommandPath() + " --help"
			if near := c.SuggestionsFor(args[0]); len(near) > 0 {
				try = c.CommandPath() + " " + near[0]
			}
			return &exitError{code: exitUsage, err: fmt.Errorf("unknown command %q for %q\n  try: %s", args[0], c.CommandPath(), try)}
		}
		return c.Help()
	}}
	c.AddCommand(commands...)
	return c
}
