// Package nodeapi is how an agent on a node talks to the servers: both halves of it.
//
// There are four things to say, all over one origin:
//
//	GET  /node/v1/workloads         what runs on the node that asks, and which identities it has
//	GET  /node/v1/workloads?watch   the same as a stream: a line of JSON at once and another whenever it differs
//	POST /node/v1/tokens            a token for one identity of one workload of the node
//	POST /node/v1/traces            requests that the agent refused, for `inborn explain`
//
// A snapshot is always whole. An agent that missed any number of changes, or was away for a week, is right again with
// the next line, and there is no order of events that could be got wrong.
//
// The server trusts an agent with its own node only: Handler.Node says which node is asking (in production from the
// certificate of the connection), and what the agent may see and mint follows from that. Refusals cross as the code,
// kind, message, target and help of an apierr.Error and arrive as one, so the agent treats a refusal by the server like
// one of its own.
//
// In `inborn dev` both halves are in one process. They use the same wire over Pipe, so there is no second path that
// only development takes, but for one call: Client.Local.
package nodeapi

import (
	"slices"
	"time"
)

const (
	pathWorkloads = "/node/v1/workloads"
	pathTokens    = "/node/v1/tokens"
	pathTraces    = "/node/v1/traces"
)

const (
	// heartbeat is how long the stream of a watch may be silent: then the server sends an empty line.
	heartbeat = 15 * time.Second
	// silence is how long the client waits for a line before it takes the server for dead.
	silence = 3 * heartbeat
	// sendTimeout bounds how long one line may take to be written.
	sendTimeout = 10 * time.Second

	maxSnapshot = 512 << 20 // bytes of one line; 10,000 bindings with 64 identities each have 200 MB
	maxMint     = 16 << 10  // bytes of a request for a token
	maxMinted   = 64 << 10  // bytes of the answer to it
	maxReport   = 512 << 10 // bytes of a batch of traces
	maxFailure  = 64 << 10  // bytes of a refusal

	// MaxTraces is how many traces one Report carries at most.
	MaxTraces = 100
)

// Same reports whether both snapshots say the same; their positions do not count.
func (w Workloads) Same(other Workloads) bool {
	return w.Tenant == other.Tenant && w.TenantName == other.TenantName &&
		slices.EqualFunc(w.Bindings, other.Bindings, Workload.same)
}

func (w Workload) same(other Workload) bool {
	if w.System != nil && other.System != nil && *w.System != *other.System {
		return false
	}
	return w.Binding == other.Binding && w.Resource == other.Resource && w.Expires.Equal(other.Expires) &&
		(w.System == nil) == (other.System == nil) &&
		slices.Equal(w.Selectors, other.Selectors) && slices.Equal(w.User, other.User)
}
