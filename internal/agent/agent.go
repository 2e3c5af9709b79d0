// Package agent is the program on a node that answers its processes' requests for tokens.
//
// A request takes this route, and each step is one file:
//
//	process -> selectors -> workload binding -> resource -> identity     route.go, choose.go
//	        -> token, from memory or made by the server                  cache.go, flight.go
//
// All that the agent knows of the directory is the newest snapshot of its node (snapshot.go), which a watch on the server
// keeps current. A snapshot is replaced as a whole, so a request is decided on one state of things without a lock.
//
// Tokens are kept in memory only. A token is handed out from memory while the stamp it was made under is the one the
// snapshot shows for its identity: whatever changes what a token of that identity says changes the stamp, so a role that
// was taken away is missing from the very next token. In the first half of its life a token is handed out; in the third
// quarter it is handed out and another one is made meanwhile; in the last quarter it is handed out only if the server
// does not give another one at once.
package agent

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/imds"
	"github.com/inborn-id/inborn/internal/nodeapi"
	"github.com/inborn-id/inborn/internal/serve"
)

// LaunchHeader is imds.LaunchHeader, for those that serve Handler to one launch.
const LaunchHeader = imds.LaunchHeader

// Config is what an Agent is made of. Fields without a default must be set.
type Config struct {
	Server *nodeapi.Client
	Now    func() time.Time
	Random io.Reader // a cryptographic source, safe for concurrent use
	Log    *slog.Logger

	Local     func(netip.Addr) bool // further addresses of this host; see imds.Handler. nil: none
	Hosts     []string              // further Host names of the endpoint
	MaxTokens int                   // kept in memory at most; 0: 4096
	MaxMints  int                   // asked of the server at a time; 0: 16
}

// Agent answers the identity endpoints of one node. It is safe for concurrent use.
type Agent struct {
	config  Config
	handler *imds.Handler
	current atomic.Pointer[snapshot] // nil until the server has been heard
	first   sync.Once
	ready   chan struct{} // closed when current is set
	tokens  *cache
	traces  *traces
	recheck *recheck
}

const (
	sweepEvery = time.Minute
	stopWithin = 5 * time.Second
)

// New makes an Agent that knows nothing yet; Run brings it to life.
func New(c Config) *Agent {
	if c.MaxTokens == 0 {
		c.MaxTokens = 4096
	}
	if c.MaxMints == 0 {
		c.MaxMints = 16
	}
	if c.Server.Trouble == nil {
		server := *c.Server
		server.Trouble = func(err error) { c.Log.Warn("the watch on the server is lost and taken up again", "error", err) }
		c.Server = &server
	}
	a := &Agent{config: c, ready: make(chan struct{})}
	a.tokens = newCache(c)
	a.traces = newTraces(c)
	a.recheck = newRecheck(c)
	a.handler = &imds.Handler{
		Token:  a.token,
		Tenant: a.tenant,
		Report: a.traces.waiting.Add,
		Failed: func(id guid.GUID, cause error) {
			c.Log.Error("a request for a token failed", "request", id, "error", cause)
		},
		Now:    c.Now,
		Random: c.Random,
		Local:  c.Local,
		Hosts:  c.Hosts,
	}
	return a
}

// Handler answers the identity endpoints; Run serves it on its listeners.
func (a *Agent) Handler() http.Handler { return a.handler }

// Ready is closed once the agent has heard from its server and can answer.
func (a *Agent) Ready() <-chan struct{} { return a.ready }

// Run follows the server and serves the identity endpoints on the listeners until ctx ends; then it lets requests finish
// for a few seconds and returns nil. It returns the error of a listener that fails before that. It closes the listeners
// and can be called once.
func (a *Agent) Run(ctx context.Context, listeners ...net.Listener) error {
	follow, unfollow := context.WithCancel(ctx)
	defer unfollow()
	report, unreport := context.WithCancel(context.WithoutCancel(ctx)) // until the last request is done
	defer unreport()
	var background sync.WaitGroup
	background.Go(func() { a.config.Server.Watch(follow, a.install) })
	background.Go(func() { a.sweep(follow) })
	background.Go(func() { a.traces.run(report) })

	serving, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() {
			served <- serve.Server{Handler: a.handler, Log: a.config.Log, Grace: stopWithin}.Serve(serving, l)
			stop() // without one of its listeners the agent is not what it was asked to be
		}()
	}
	<-serving.Done()
	var err error
	for range listeners {
		err = errors.Join(err, <-served)
	}
	a.tokens.close()
	unfollow()
	unreport()
	background.Wait()
	return err
}

func (a *Agent) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			a.tokens.sweep()
		case <-ctx.Done():
			return
		}
	}
}

// tenant is imds.Handler's: zero until the server has been heard.
func (a *Agent) tenant() (guid.GUID, string) {
	s := a.current.Load()
	if s == nil {
		return guid.GUID{}, ""
	}
	return s.Tenant, s.TenantName
}
