// Package server is the control plane: the directory, the token service and the APIs over them in one process. New
// wires everything by hand, top to bottom; Serve runs it until its context ends.
package server

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/keyvault"
	"github.com/inborn-id/inborn/internal/manifest"
	"github.com/inborn-id/inborn/internal/nodeapi"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/token"
)

const (
	masterKeyFile    = "master.key"
	defaultLifetime  = time.Hour
	rememberedTokens = 4096
	signQueue        = 4096 // callers that wait for a signature before others are sent away
	maxRequests      = 4096 // in work at the same time, in all
	maxRequestsFrom  = 2048 // and from one address; here all callers are local
	shutdownGrace    = 5 * time.Second
)

// Config says what to serve and where; everything has a default.
type Config struct {
	DataDir         string             // "" keeps everything in memory, with no admin socket
	Listen          string             // host:port of the one TLS listener; "" for none
	Domain          string             // serve login.D, graph.D and management.D besides localhost; "" for none
	WorkloadDomains []string           // more domains whose hosts the authority for certificates of vaults signs for
	MasterKey       string             // file of the master key; "" is master.key in DataDir
	Manifest        *manifest.Manifest // applied before the server is ready; nil for none
	Values          manifest.Values    // what the manifest takes from where it was read
	DefaultResource string             // name or id of the resource that any process of this node is; "" for none
	Launch          string             // if not "", only processes with this secret are DefaultResource
	PublicNames     []string           // names that Public answers for beside localhost, such as *.vault.azure.net
	TokenLifetime   time.Duration      // of managed-identity tokens; 0 is one hour
	SlowOperations  time.Duration      // how long operations of Resource Manager seem to take that clients wait for; 0: no time
	Version         string
	Log             *slog.Logger     // nil discards
	Now             func() time.Time // nil is the clock
	Random          io.Reader        // nil is the system's
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.TokenLifetime == 0 {
		c.TokenLifetime = defaultLifetime
	}
	if c.MasterKey == "" && c.DataDir != "" {
		c.MasterKey = filepath.Join(c.DataDir, masterKeyFile)
	}
	return c
}

// Server is one control plane that is ready to Serve.
type Server struct {
	config    Config
	log       *slog.Logger
	store     *store.Store
	live      *state.Live
	home      home
	applied   []manifest.Change
	master    *masterKey
	rekeying  *rekeying
	keys      *keys
	minter    *minter
	verifier  *token.Verifier
	traces    *traces
	accesses  *accesses
	usage     *usage
	authority *serve.Authority
	vaults    keyvault.API
	front     *serve.Front
	public    *serve.Front
	pipe      *nodeapi.Pipe
	listener  net.Listener
	admin     net.Listener
	names     net.Listener // the public socket
	endpoint  string       // of the agent in this process
}

// New opens the data directory, brings the tenant to what the manifest declares and takes the addresses. Nothing is
// answered before Serve. The caller closes the Server if it does not call Serve.
func New(ctx context.Context, config Config) (*Server, error) {
	config = config.withDefaults()
	s := &Server{config: config, log: config.Log, pipe: nodeapi.NewPipe(), verifier: token.NewVerifier(rememberedTokens)}
	s.master = &masterKey{path: config.MasterKey, random: config.Random}
	for _, step := range []func(context.Context) error{s.openState, s.openMaster, s.openTenant, s.openKeys, s.listen} {
		if err := step(ctx); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

func (s *Server) openState(ctx context.Context) error {
	var domains []string
	if s.config.Domain != "" {
		domains = []string{s.config.Domain}
	}
	catalog, err := directory.FirstParty(domains...)
	if err != nil {
		return err
	}
	if s.store, err = s.openStore(ctx); err != nil {
		return err
	}
	// Not until ctx ends, which may be sooner than Serve: what is in work then still changes something.
	s.live, err = state.Open(context.WithoutCancel(ctx), s.store, catalog, state.Options{
		Now: s.config.Now, Random: s.config.Random, Log: s.log, Rewrap: s.master.rewrap})
	return err
}

func (s *Server) openStore(ctx context.Context) (*store.Store, error) {
	if s.config.DataDir == "" {
		name, err := guid.New(s.config.Random)
		if err != nil {
			return nil, err
		}
		return store.OpenMemory(ctx, name.String())
	}
	_ = os.MkdirAll(filepath.Dir(s.config.DataDir), 0o700) // why that fails, the store says in better words
	return store.OpenSQLite(ctx, s.config.DataDir)
}

func (s *Server) openKeys(context.Context) error {
	s.keys = &keys{live: s.live, store: s.store, master: s.master, now: s.config.Now, random: s.config.Random, log: s.log,
		ready: make(chan struct{})}
	s.usage = newUsage(s.store, s.config.Now, s.log)
	s.minter = &minter{live: s.live, keys: s.keys, signer: token.NewSigner(runtime.GOMAXPROCS(0), signQueue),
		tenant: s.home.tenant, lifetime: s.config.TokenLifetime, now: s.config.Now, random: s.config.Random, used: s.usage.token}
	s.traces = newTraces(s.store, s.home.tenant)
	var first [8]byte
	if _, err := io.ReadFull(s.config.Random, first[:]); err != nil {
		return err
	}
	s.accesses = newAccesses(s.store, s.config.Now, s.log, int64(binary.BigEndian.Uint64(first[:])>>2))
	return nil
}

func (s *Server) listen(context.Context) error {
	s.vaults = s.newVaults()
	s.front, s.public = s.newFronts()
	var err error
	if s.authority, err = s.openAuthority(); err != nil {
		return err
	}
	if s.config.Listen != "" {
		if s.listener, err = Listen(s.config.Listen, "--listen"); err != nil {
			return err
		}
	}
	if s.config.DataDir != "" {
		if s.admin, err = listenSocket(s.config.DataDir, adminSocket); err != nil {
			return err
		}
		s.names, err = listenSocket(s.config.DataDir, publicSocket)
	}
	return err
}

func (s *Server) openAuthority() (*serve.Authority, error) {
	if s.config.DataDir == "" {
		return serve.NewAuthority(s.naming(), s.config.Now, s.config.Random)
	}
	return serve.OpenAuthority(s.config.DataDir, s.naming(), s.config.Now, s.config.Random)
}

// Listen takes a TCP address; its error names the flag that would choose another.
func Listen(address, flag string) (net.Listener, error) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, apierr.New(apierr.ParameterInvalid, "%s %s is not an address: expected HOST:PORT, such as 127.0.0.1:8443.", flag, address).Because(err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, apierr.New(apierr.ParameterInvalid, "Cannot listen on %s: %v; choose another address with %s.", address, rootCause(err), flag).Because(err)
	}
	return l, nil
}

// Reachable is the address under which a program on this host reaches a listener: loopback for one that listens
// everywhere.
func Reachable(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return a.String()
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
}

// rootCause is the innermost error, which names the fact without the layers that met it.
func rootCause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// Serve answers until ctx ends, lets requests in work finish, and closes the Server. A failed listener ends it with an
// error.
func (s *Server) Serve(ctx context.Context) error {
	defer s.Close()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.keys.run(ctx) })
	group.Go(func() error { s.rekeying.run(ctx); return nil })
	group.Go(func() error { s.traces.run(ctx); return nil })
	group.Go(func() error { s.usage.run(ctx); return nil })
	group.Go(func() error { s.sweep(ctx); return nil })
	group.Go(func() error { return s.vaults.Run(ctx) })
	if s.listener != nil {
		group.Go(func() error {
			return serve.Server{Handler: s.front, TLS: s.authority.TLSConfig(), Log: s.log, Grace: shutdownGrace}.Serve(ctx, s.listener)
		})
	}
	if s.admin != nil {
		group.Go(func() error { return serveSocket(ctx, s.admin, s.adminHandler()) })
		group.Go(func() error { return serveSocket(ctx, s.names, s.ours(s.public)) })
	}
	group.Go(func() error { return s.serveNodes(ctx) })
	return group.Wait()
}

// purge ends the deleted identities whose time is over.
func (s *Server) purge(ctx context.Context) error {
	_, err := s.live.Update(ctx, state.Actor{Name: "Inborn"}, func(v *state.View, env *state.Env) (state.Batch, error) {
		d := state.NewDraft(v, env, s.home.tenant)
		d.PurgeExpired()
		return d.Batch(), nil
	})
	return err
}

// serveNodes answers the agent in this process. A watch ends with ctx, so there is nothing to wait for.
func (s *Server) serveNodes(ctx context.Context) error {
	h := &http.Server{Handler: s.nodeHandler(), BaseContext: func(net.Listener) context.Context { return ctx }}
	stop := context.AfterFunc(ctx, func() { h.Close() })
	defer stop()
	if err := h.Serve(s.pipe); ctx.Err() == nil {
		return err
	}
	return nil
}

// sweep removes from the store, once an hour, what has outlived its purpose.
func (s *Server) sweep(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Hour):
			if err := errors.Join(s.store.Sweep(ctx, s.config.Now()), s.purge(ctx)); err != nil && ctx.Err() == nil {
				s.log.Error("sweep", "err", err)
			}
			if err := s.usage.sweep(ctx, s.live.View()); err != nil && ctx.Err() == nil {
				s.log.Error("sweep what was used", "err", err)
			}
		}
	}
}

// Nodes returns the client with which an agent in this process reaches the node API.
func (s *Server) Nodes() *nodeapi.Client {
	client := s.pipe.Client()
	client.Local = s.nodeHandler()
	return client
}

// Public answers for the public names and for this machine's own, over connections that this process has made private
// to one launch. Whoever serves it does TLS.
func (s *Server) Public() http.Handler { return s.public }

// Announce says where the agent of this process answers, for Status. Call it before Serve.
func (s *Server) Announce(identityEndpoint string) { s.endpoint = identityEndpoint }

// Applied returns what the manifest of the Config changed.
func (s *Server) Applied() []manifest.Change { return s.applied }

// Close releases what New took; it may be called twice.
func (s *Server) Close() {
	s.pipe.Close()
	for _, l := range []net.Listener{s.listener, s.admin, s.names} {
		if l != nil {
			l.Close()
		}
	}
	if s.accesses != nil {
		s.accesses.close()
	}
	if s.live != nil {
		s.live.Close()
	}
	if s.usage != nil && s.config.DataDir != "" { // in memory, nobody would ever read it
		s.usage.close()
	}
	if s.store != nil {
		s.store.Close()
	}
}

// Status says where this Server is and whom it serves.
func (s *Server) Status() Status {
	dir, _ := s.live.View().Directory(s.home.tenant)
	tenant := dir.Tenant()
	return Status{
		Version:          s.config.Version,
		PID:              os.Getpid(),
		Tenant:           tenant.ID.String(),
		TenantName:       tenant.Name,
		Subscription:     s.home.group.Subscription(),
		ResourceGroup:    string(s.home.group),
		Node:             string(s.home.node),
		Origin:           s.origin(),
		IdentityEndpoint: s.endpoint,
		CA:               s.certificateFile(),
		Issuers:          []string{tenant.IssuerV1, tenant.IssuerV2},
	}
}

// origin is where the one listener is reached; "" without one.
func (s *Server) origin() string {
	if s.listener == nil {
		return ""
	}
	return "https://" + Reachable(s.listener.Addr())
}

// certificateFile is where the certificate is that clients of origin have to trust; "" if it is in memory only.
func (s *Server) certificateFile() string {
	if s.config.DataDir == "" {
		return ""
	}
	return filepath.Join(s.config.DataDir, serve.AuthorityFile)
}

// Certificate is the certificate that clients of the listener have to trust, in PEM.
func (s *Server) Certificate() []byte { return s.authority.PEM() }

// Resource is the id of the default resource; "" if there is none.
func (s *Server) Resource() resource.ID { return s.home.resource }

// nodeHandler is the server's half of the node API. Everything that comes through the pipe comes from this process, so
// it is the local node that asks.
func (s *Server) nodeHandler() *nodeapi.Handler {
	return &nodeapi.Handler{
		Node: func(*http.Request) (resource.ID, error) { return s.home.node, nil },
		Workloads: func(node resource.ID) (nodeapi.Workloads, error) {
			return workloads(s.live.View(), s.home.tenant, node, s.config.Now())
		},
		Changed: s.live.Changed,
		Mint:    s.minter.Mint,
		Report: func(_ resource.ID, refused []apierr.Trace) {
			for _, trace := range refused {
				s.traces.waiting.Add(trace)
			}
		},
	}
}

// home is the tenant that this server was started for and the places in it that have a name.
type home struct {
	tenant guid.GUID
	group  resource.ID // the default resource group
	node   resource.ID // the node that runs in this process

	resource resource.ID // the default resource; "" for none
}
