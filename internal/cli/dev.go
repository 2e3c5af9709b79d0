package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/inborn-id/inborn/internal/agent"
	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/manifest"
	"github.com/inborn-id/inborn/internal/sandbox"
	"github.com/inborn-id/inborn/internal/server"
)

// devFlags are the flags of `inborn dev`.
type devFlags struct {
	listen, identityEndpoint string
	file, defaultResource    string
	domain, masterKey        string
	workloadDomains          []string
	lifetime, slow           time.Duration
	verbose                  bool
}

func newDev(sh *shell) *cobra.Command {
	var f devFlags
	c := &cobra.Command{
		Use:   "dev",
		Short: "Start Inborn on this machine: control plane and node agent in one process",
		Long: "Start Inborn on this machine: the directory, the token service, Microsoft Graph and Resource Manager on one\n" +
			"TLS port, and the identity endpoints (IMDS and App Service) on another. State is kept in the data directory.\n" +
			"It stops on Ctrl-C.",
		Example: "  inborn dev --file inborn.yaml\n  inborn dev --file inborn.yaml --default-resource func-orders",
		Args:    exactly(0),
		RunE:    func(c *cobra.Command, _ []string) error { return sh.dev(c.Context(), f) },
	}
	flags := c.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8443", "address of the token service, Graph and Resource Manager (TLS)")
	flags.StringVar(&f.identityEndpoint, "identity-endpoint", "127.0.0.1:8169", "address of the identity endpoints (plain HTTP)")
	flags.StringVarP(&f.file, "file", "f", "", "manifest to apply at the start")
	flags.StringVar(&f.defaultResource, "default-resource", "", "name or id of the resource that any process is on the IMDS endpoint")
	flags.StringVar(&f.domain, "domain", "", "serve login.D, graph.D and management.D as well")
	flags.StringSliceVar(&f.workloadDomains, "workload-domain", nil, "let vaults issue certificates for this domain and what is below, too (repeatable)")
	flags.StringVar(&f.masterKey, "master-key", "", "file of the key that encrypts secrets (default: master.key in the data directory)")
	flags.DurationVar(&f.lifetime, "token-lifetime", time.Hour, "life of the tokens of managed identities, up to 24h")
	flags.DurationVar(&f.slow, "slow-operations", 0, "let operations of Resource Manager that clients wait for seem to take so long, up to 10m")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "log every request to standard error")
	return c
}

func (sh *shell) dev(ctx context.Context, f devFlags) error {
	started := time.Now()
	if f.lifetime < time.Minute || f.lifetime > 24*time.Hour {
		return usage("--token-lifetime %s is not between 1m and 24h.", f.lifetime)
	}
	if f.slow < 0 || f.slow > 10*time.Minute {
		return usage("--slow-operations %s is not between 0s and 10m.", f.slow)
	}
	for _, domain := range f.workloadDomains {
		if domain == "" || strings.ContainsAny(domain, "*/:@ ") || strings.HasPrefix(domain, ".") {
			return usage("--workload-domain %q is not a domain such as apps.example.com.", domain)
		}
	}
	m, err := readManifest(f.file)
	if err != nil {
		return err
	}
	values, err := readValues(m, f.file)
	if err != nil {
		return err
	}
	data, err := filepath.Abs(sh.data)
	if err != nil {
		return err
	}
	log := sh.logger(f.verbose)
	config := server.Config{
		DataDir: data, Listen: f.listen, Domain: f.domain, MasterKey: f.masterKey, Manifest: m, Values: values,
		DefaultResource: f.defaultResource, PublicNames: sandbox.Sites(),
		WorkloadDomains: f.workloadDomains,
		TokenLifetime:   f.lifetime, SlowOperations: f.slow, Version: version, Log: log,
	}
	s, err := server.New(ctx, config)
	if err != nil {
		return placed(err, f.file)
	}
	l, err := server.Listen(f.identityEndpoint, "--identity-endpoint")
	if err != nil {
		s.Close()
		return err
	}
	s.Announce("http://" + server.Reachable(l.Addr()))
	if err := sh.ready(s, f, l, time.Since(started)); err != nil {
		s.Close()
		return errors.Join(err, l.Close())
	}
	node := agent.New(agent.Config{Server: s.Nodes(), Now: time.Now, Random: rand.Reader, Log: log})
	if err := serveBoth(ctx, s, node, l); err != nil {
		return err
	}
	sh.say("stopped")
	return nil
}

// serveBoth runs a server and the agent in its process until ctx ends or one of them fails. The agent stops first: what
// its last requests ask of the server is still answered.
func serveBoth(ctx context.Context, s *server.Server, node *agent.Agent, l net.Listener) error {
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.Serve(serving) }) // an error ends ctx, and with it the agent
	group.Go(func() error {
		defer stop()
		return node.Run(ctx, l)
	})
	return group.Wait()
}

// ready prints where everything is and what to type next.
func (sh *shell) ready(s *server.Server, f devFlags, l net.Listener, took time.Duration) error {
	status := s.Status()
	if sh.output == "json" {
		return sh.printJSON(status)
	}
	fmt.Fprintf(sh.out, "Inborn %s is ready after %d ms, tenant %s (%s)\n\n", version, took.Milliseconds(), status.TenantName, status.Tenant)
	if n := len(s.Applied()); n > 0 && f.file != "" {
		fmt.Fprintf(sh.out, "  %s: %s made\n\n", f.file, changes(n))
	}
	fmt.Fprintf(sh.out, "  token service     %s/%s\n", status.Origin, status.Tenant)
	fmt.Fprintf(sh.out, "  Microsoft Graph   %s/v1.0\n", status.Origin)
	fmt.Fprintf(sh.out, "  Resource Manager  %s/subscriptions/%s\n", status.Origin, status.Subscription)
	fmt.Fprintf(sh.out, "  App Service       http://%s/msi/token            needs the header that a launch makes\n", l.Addr())
	imds := "answers \"Identity not found\" without --default-resource"
	if f.defaultResource != "" {
		imds = "is " + f.defaultResource
	}
	fmt.Fprintf(sh.out, "  IMDS              http://%s/metadata/identity    %s\n", l.Addr(), imds)
	fmt.Fprintf(sh.out, "  certificate       %s\n  data              %s\n\n", status.CA, sh.data)
	fmt.Fprintf(sh.out, "Next, in another terminal:\n\n")
	at := ""
	if sh.data != defaultData() {
		at = " --data " + sh.data
	}
	if f.file == "" {
		fmt.Fprintf(sh.out, "  inborn apply%s --file inborn.yaml          # declare identities, resources, apps\n", at)
	}
	fmt.Fprintf(sh.out, "  inborn identity list%s\n", at)
	fmt.Fprintf(sh.out, "  inborn run%s --as RESOURCE -- COMMAND      # run a program as a resource\n\n", at)
	return nil
}

func (sh *shell) logger(verbose bool) *slog.Logger {
	level := slog.LevelWarn
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(sh.err, &slog.HandlerOptions{Level: level}))
}

// readManifest reads and checks a manifest; no file, no manifest.
func readManifest(file string) (*manifest.Manifest, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, apierr.New(apierr.ManifestInvalid, "Cannot read the manifest: %v.", err)
	}
	m, err := manifest.Parse(text)
	return m, placed(err, file)
}

// placed puts the file and the line in front of an error that a manifest caused.
func placed(err error, file string) error {
	if file == "" || !apierr.Is(err, apierr.ManifestInvalid) {
		return err
	}
	e := *apierr.From(err)
	place := e.Target
	if len(place) > 0 && place[0] == '$' {
		if text, failed := os.ReadFile(file); failed == nil {
			place = manifest.Locate(text, e.Target)
		}
	}
	if place == "" {
		e.Message = fmt.Sprintf("%s: %s", file, e.Message)
	} else {
		e.Message = fmt.Sprintf("%s:%s: %s", file, place, e.Message)
	}
	return &e
}
