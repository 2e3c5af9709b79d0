package serve

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

func callers(traces []apierr.Trace) (s string) {
	for _, t := range traces {
		s += t.Caller + t.Path + " "
	}
	return s
}

func TestAFloodCostsNobodyElseATrace(t *testing.T) {
	q := NewRefusals(4)
	q.Add(apierr.Trace{Caller: "a", Path: "1"})
	q.Add(apierr.Trace{Caller: "b", Path: "1"})
	for i := range 100 {
		q.Add(apierr.Trace{Caller: "flood", Path: fmt.Sprint(i)})
	}
	if got, want := callers(q.Take(3)), "a1 b1 flood98 "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := callers(q.Take(3)), "flood99 "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := q.Take(3); len(got) != 0 || q.size != 0 {
		t.Errorf("still %d: %v", q.size, got)
	}
}

func TestTakeGoesRound(t *testing.T) {
	q := NewRefusals(10)
	for _, c := range []string{"a", "a", "a", "b", "c", "c"} {
		q.Add(apierr.Trace{Caller: c})
	}
	if got, want := callers(q.Take(10)), "a b c a c a "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRunWritesTheFirstAtOnceAndTheRestAtItsPace(t *testing.T) {
	q := NewRefusals(10)
	ctx, cancel := context.WithCancel(t.Context())
	written := make(chan int)
	done := make(chan struct{})
	go func() {
		defer close(done)
		q.Run(ctx, 2, time.Hour, func(_ context.Context, traces []apierr.Trace) { written <- len(traces) })
	}()
	q.Add(apierr.Trace{Caller: "a"})
	if n := <-written; n != 1 {
		t.Errorf("first write has %d", n)
	}
	for range 5 {
		q.Add(apierr.Trace{Caller: "a"})
	}
	select {
	case n := <-written:
		t.Errorf("%d were written without a pause", n)
	case <-time.After(50 * time.Millisecond):
	}
	cancel()
	for _, want := range []int{2, 2, 1} {
		if n := <-written; n != want {
			t.Errorf("one of the last writes has %d, want %d", n, want)
		}
	}
	<-done
}
