package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"path"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/inborn-id/inborn/internal/sandbox"
)

// runFlags are the flags of `inborn run`.
type runFlags struct {
	as, mode, file, clientID string
	connect, publish         []int
	network, verbose         bool
	dataGiven                bool
}

// The ways in which a command is led to Inborn.
const (
	modeAuto    = "auto"
	modeSandbox = "sandbox"
	modeProxy   = "proxy"
	modeEnv     = "env"
)

func newRun(sh *shell) *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run [--file MANIFEST.yaml] [--as RESOURCE] -- COMMAND...",
		Short: "Run a program as the workload of a resource",
		Long: "Run a program as the workload of a resource, unmodified: it gets tokens of its identities where it looks for them\n" +
			"in the cloud. Standard streams, signals and the exit code pass through, and nothing is left behind.\n\n" +
			"With --file the command has an Inborn of its own, in memory, for as long as it runs. Without, it joins the one\n" +
			"that runs on the data directory.\n\n" +
			"  --mode sandbox  private namespaces (Linux): 169.254.169.254 and the public names of the cloud are Inborn\n" +
			"  --mode proxy    the same names, for programs that use the proxy in their environment\n" +
			"  --mode env      only the variables of App Service's identity endpoint\n" +
			"  --mode auto     the first of these that works here",
		Example: "  inborn run --file inborn.yaml --as func-orders -- npm test\n  inborn run --as func-orders -- az login --identity",
		Args:    between(1, math.MaxInt),
		RunE: func(c *cobra.Command, args []string) error {
			f.dataGiven = c.Flags().Changed("data")
			return sh.run(c.Context(), f, args)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.as, "as", "", "name or id of the resource (default: the only one of the manifest)")
	flags.StringVarP(&f.file, "file", "f", "", "manifest of a private Inborn for this command")
	flags.StringVar(&f.mode, "mode", modeAuto, "how the program is led to Inborn: auto, sandbox, proxy or env")
	flags.StringVar(&f.clientID, "client-id", "", "set AZURE_CLIENT_ID, for programs that choose their identity by it")
	flags.IntSliceVar(&f.connect, "connect", nil, "port of this machine's loopback that can be reached in the sandbox (may be repeated)")
	flags.IntSliceVar(&f.publish, "publish", nil, "port in the sandbox that can be reached on this machine's loopback (may be repeated)")
	flags.BoolVar(&f.network, "network", false, "let the sandbox reach the network outside")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "log every request to standard error")
	flags.SetInterspersed(false)
	return c
}

func (f runFlags) check() error {
	if !slices.Contains([]string{modeAuto, modeSandbox, modeProxy, modeEnv}, f.mode) {
		return usage("--mode %s is none of auto, sandbox, proxy and env.", f.mode)
	}
	if f.file != "" && f.dataGiven {
		return usage("--file starts a private Inborn and --data joins a running one: leave one of them out, or apply the manifest there first.")
	}
	for _, port := range slices.Concat(f.connect, f.publish) {
		if port < 1 || port > math.MaxUint16 {
			return usage("%d is not a port.", port)
		}
	}
	return nil
}

func (sh *shell) run(ctx context.Context, f runFlags, args []string) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	mode, err := sh.chooseMode(f.mode)
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // a signal goes to the command; the rest ends after it
	log := sh.logger(f.verbose)
	w, err := sh.world(ctx, f, log)
	if err != nil {
		return err
	}
	defer func() {
		if closed := w.close(); closed != nil {
			fmt.Fprintf(sh.err, "inborn: %s\n", printable(closed.Error()))
		}
	}()
	w.launch.clientID = f.clientID
	if mode == modeSandbox {
		err := sh.runInSandbox(ctx, w, f, args, log)
		var refused *sandbox.Refusal
		if !errors.As(err, &refused) {
			return err
		}
		if f.mode == modeSandbox {
			return fmt.Errorf("%w; use --mode proxy", err)
		}
		sh.fallBack(refused)
		mode = modeProxy
	}
	if mode == modeProxy {
		return sh.runBehindProxy(ctx, w, args, log)
	}
	return sh.runCommand(args, with(callers(w.settings, without), w.launch.environment()))
}

func (sh *shell) world(ctx context.Context, f runFlags, log *slog.Logger) (*world, error) {
	if f.file != "" {
		return sh.privateWorld(ctx, f, log)
	}
	return sh.joinedWorld(ctx, f)
}

// chooseMode returns the mode to try.
func (sh *shell) chooseMode(wanted string) (string, error) {
	if wanted != modeAuto && wanted != modeSandbox {
		return wanted, nil
	}
	err := sandbox.Supported()
	if err == nil {
		return modeSandbox, nil
	}
	if wanted == modeSandbox {
		return "", fmt.Errorf("%w; use --mode proxy", err)
	}
	sh.fallBack(err)
	return modeProxy, nil
}

// fallBack says why a command is not in a sandbox.
func (sh *shell) fallBack(err error) {
	fmt.Fprintf(sh.err, "inborn: %s; using --mode proxy\n", printable(err.Error()))
}

// runInSandbox runs the command where the addresses and names of the cloud are Inborn's.
func (sh *shell) runInSandbox(ctx context.Context, w *world, f runFlags, args []string, log *slog.Logger) error {
	authority, err := sandbox.NewAuthority(time.Now, rand.Reader)
	if err != nil {
		return err
	}
	trust, err := sandbox.NewTrust(authority.PEM(), os.Environ(), os.DirFS("/"))
	if err != nil {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("the working directory: %w", err)
	}
	inside := w.launch.inSandbox(trust.Path())
	files, hide := trust.Mounts()
	box, err := sandbox.Start(ctx, sandbox.Config{
		Command: args, Dir: dir, Files: files, Hide: append(hide, w.hide...), Ours: sandbox.Owns,
		Env:     with(trust.Environment(trust.Path(), callers(w.settings, sandbox.CleanEnvironment)), inside.inborn(), inside.platform()),
		Connect: f.connect, Publish: f.publish, Network: f.network,
		Stdin: file(sh.in), Stdout: file(sh.out), Stderr: file(sh.err),
		Note: func(line string) { log.Info(line) },
	})
	if err != nil {
		return err
	}
	defer box.Close()
	if f.mode == modeAuto {
		fmt.Fprintf(sh.err, "inborn: in a sandbox as %s\n", path.Base(w.launch.resource))
	}
	answering, stop := context.WithCancel(ctx)
	answered := make(chan error, 1)
	go func() {
		answered <- box.Answer(answering, sandbox.Answers{Public: w.public, Authority: authority, Metadata: w.metadata, Log: log})
	}()
	ended, err := box.Run()
	stop()
	<-answered // whatever it says: the command has ended
	var missing *sandbox.CommandError
	switch {
	case errors.As(err, &missing):
		return &exitError{code: missing.Code(), err: err}
	case err != nil:
		return &exitError{code: sandbox.ExitFailed, err: err}
	}
	return &exitError{code: ended.Code, die: ended.Die}
}

// runBehindProxy runs the command with a proxy in its environment that owns the public names.
func (sh *shell) runBehindProxy(ctx context.Context, w *world, args []string, log *slog.Logger) error {
	authority, err := sandbox.NewAuthority(time.Now, rand.Reader)
	if err != nil {
		return err
	}
	environ := os.Environ()
	trust, err := sandbox.NewTrust(authority.PEM(), append(environ, "NODE_EXTRA_CA_CERTS="+w.launch.certificateFile), os.DirFS("/"))
	if err != nil {
		return err
	}
	bundle, kept, err := sandbox.MemoryFile("inborn-bundle.pem", trust.Bundle)
	if err != nil {
		return err
	}
	defer kept.Close()
	secret, err := newSecret()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	proxy := sandbox.Proxy{Public: w.public, TLS: authority.TLSConfig(), Metadata: w.metadata, Secret: secret, Log: log,
		Upstream: http.ProxyFromEnvironment}
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- proxy.Serve(serving, l) }()
	fmt.Fprintf(sh.err, "inborn: %s\n", sandbox.ProxyLimits)
	w.launch.certificateFile = bundle
	env := trust.Environment(bundle, callers(w.settings, func(env []string) []string { return sandbox.ProxyEnvironment(proxy.URL(l.Addr()), env) }))
	err = sh.runCommand(args, with(env, w.launch.inborn(), w.launch.platform()))
	stop()
	<-served
	return err
}

// file is the file that a stream of ours is; nil if it is none, as in a test.
func file(stream any) *os.File {
	f, _ := stream.(*os.File)
	return f
}
