package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/imds"
	"github.com/inborn-id/inborn/internal/nodeapi"
)

// mintWithin bounds the making of one token, the wait for a slot included.
const mintWithin = 10 * time.Second

// flightKey tells which requests can share one token in the making. The stamp belongs to it: a request that comes after
// a role was taken away must not get the token that was begun before.
type flightKey struct {
	key
	stamp string
}

// flight is one token in the making, for all requests that want it.
type flight struct {
	done  chan struct{} // closed when the others are set
	token *imds.Token
	err   error
}

// wait returns what the flight brings, or an error of kind Unavailable when ctx ends before.
func (f *flight) wait(ctx context.Context) (*imds.Token, error) {
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		return nil, &apierr.Error{Kind: apierr.Unavailable, Code: apierr.Fault,
			Message: "The token was not made in time. Try again in a moment.", Err: ctx.Err()}
	}
}

// landed is a flight that needs no journey.
func landed(token *imds.Token, err error) *flight {
	f := &flight{done: make(chan struct{}), token: token, err: err}
	close(f.done)
	return f
}

// begin has a token made that is not avoid, or joins those who wait for it already. However many requests miss the same
// token at the same time, the server makes one.
func (c *cache) begin(w want, avoid *imds.Token) *flight {
	now := c.now().UnixNano()
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[w.key]; e != nil && e.token != avoid && e.good(w.identity.Stamp, now) {
		return landed(e.token, nil) // it came between the caller's look and the lock
	}
	k := flightKey{w.key, w.identity.Stamp}
	if f := c.flights[k]; f != nil {
		return f
	}
	if c.closed {
		return landed(nil, apierr.New(apierr.StateStale, "The agent of this machine is stopping."))
	}
	f := &flight{done: make(chan struct{})}
	ctx, cancel := context.WithTimeout(c.base, mintWithin)
	fly := func() {
		defer cancel()
		f.token, f.err = c.mint(ctx, w)
		c.mu.Lock()
		delete(c.flights, k)
		c.mu.Unlock()
		close(f.done)
	}
	select {
	case c.queue <- fly:
	default:
		cancel()
		return landed(nil, tooMany(nil))
	}
	c.flights[k] = f
	if c.pilots < c.most { // one more with each of the first flights: most agents need few
		c.pilots++
		c.flying.Go(c.pilot)
	}
	return f
}

// pilot makes tokens, one after another, until the cache is closed. A goroutine for each token would be simpler, but
// its stack would have to grow several times on the way to the server, for every token again.
func (c *cache) pilot() {
	for fly := range c.queue {
		fly()
	}
}

func tooMany(cause error) error {
	return apierr.New(apierr.QueueFull, "Too many tokens are being made for this machine. Try again in a moment.").Because(cause)
}

// mint has the server make a token and keeps it.
func (c *cache) mint(ctx context.Context, w want) (*imds.Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, tooMany(err)
	}
	minted, err := c.server.Mint(ctx, w.request)
	now := c.now()
	if err == nil {
		err = check(minted, w.request, now)
	}
	if err != nil {
		if !passing(err) { // what is in memory would be refused too
			c.forget(w.key, w.identity.Stamp)
		}
		return nil, err
	}
	token := imds.NewToken(imds.Facts{
		AccessToken: minted.AccessToken,
		ClientID:    w.identity.ClientID,
		ObjectID:    w.identity.ObjectID,
		ResourceID:  w.identity.ResourceID,
		Resource:    minted.Resource,
		NotBefore:   minted.NotBefore,
		ExpiresOn:   minted.ExpiresAt,
	})
	c.keep(w.key, token, minted.Stamp, minted.ExpiresAt, now)
	return token, nil
}

// check refuses what cannot be handed out. A token that has ended on arrival means that the clocks of the two machines
// differ, which a person must learn.
func check(m nodeapi.Minted, asked nodeapi.MintRequest, now time.Time) error {
	var err error
	switch {
	case m.AccessToken == "":
		err = errors.New("there is no token in the answer")
	case m.Resource != asked.Audience:
		err = fmt.Errorf("asked for %q, got a token for %q", asked.Audience, m.Resource)
	case !m.ExpiresAt.After(now.Add(headroom)):
		err = fmt.Errorf("the token ends at %v, and here it is %v", m.ExpiresAt, now)
	default:
		return nil
	}
	return &apierr.Error{Kind: apierr.Unavailable, Code: apierr.Fault,
		Message: "The Inborn server sent a token that cannot be used here. Compare the clocks of the two machines.", Err: err}
}

// passing reports whether err says nothing about the identity and may be gone the next time.
func passing(err error) bool {
	switch apierr.From(err).Kind {
	case apierr.Unavailable, apierr.Throttled, apierr.Internal:
		return true
	default:
		return false
	}
}
