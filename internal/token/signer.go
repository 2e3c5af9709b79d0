package token

import (
	"context"
	"runtime"
	"sync/atomic"

	"github.com/inborn-id/inborn/internal/apierr"
)

// Signer lets a fixed number of signatures be made at a time, in the order of asking. A signature keeps a processor
// busy for most of a millisecond; without an order some callers would wait many times as long as others, and without a
// bound a burst would make all of them wait for longer than they are willing to.
type Signer struct {
	slots   chan struct{} // holds a value per signature in progress
	waiting atomic.Int64  // callers in Sign that have no slot yet
	queue   int64
}

// NewSigner makes a Signer for parallel signatures at a time, normally the number of processors, and at most queue
// callers that wait.
func NewSigner(parallel, queue int) *Signer {
	return &Signer{slots: make(chan struct{}, parallel), queue: int64(queue)}
}

// Sign returns c as a token signed with key. It waits for its turn until ctx ends and returns ctx's error then. When
// the queue is full it fails at once with QueueFull.
func (s *Signer) Sign(ctx context.Context, key *Key, c *Claims) (string, error) {
	input := key.signingInput(c)
	var signed string
	var failed error
	if err := s.Do(ctx, func() { signed, failed = key.sign(input) }); err != nil {
		return "", err
	}
	return signed, failed
}

// Do calls work, which keeps a processor busy as a signature does, when its turn comes. Its errors are those of Sign.
func (s *Signer) Do(ctx context.Context, work func()) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer func() { <-s.slots }()
	// Whoever was given the slot by the signature before runs at once and in its time slice, and so on: for up to 10 ms
	// nobody else would get this processor, whose request could be read or whose answer written in a few microseconds.
	runtime.Gosched()
	work()
	return nil
}

// enter takes a slot. Blocked senders of a channel are served first come, first served, and a slot that becomes free
// while there are any goes to the first of them, so nobody who comes later can overtake.
func (s *Signer) enter(ctx context.Context) error {
	select {
	case s.slots <- struct{}{}:
		return nil
	default:
	}
	if s.waiting.Add(1) > s.queue {
		s.waiting.Add(-1)
		return apierr.New(apierr.QueueFull, "Too many requests are waiting for their turn with a key. Try again in a moment.")
	}
	defer s.waiting.Add(-1)
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return apierr.New(apierr.QueueFull, "The request ended before its turn came. Try again in a moment.").Because(ctx.Err())
	}
}
