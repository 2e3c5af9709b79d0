package token

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

// until waits for a condition that other goroutines are about to make true.
func until(t *testing.T, what string, true func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !true(); time.Sleep(50 * time.Microsecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for " + what)
		}
	}
}

func TestSignerServesInOrder(t *testing.T) {
	const callers = 100
	s := NewSigner(1, callers)
	s.slots <- struct{}{} // somebody signs
	var mu sync.Mutex
	var order []int
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			if err := s.enter(t.Context()); err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
			<-s.slots
		})
		until(t, "a caller to queue", func() bool { return s.waiting.Load() == int64(i+1) })
		time.Sleep(20 * time.Microsecond) // from the counter to the channel
	}
	<-s.slots
	group.Wait()
	// Two callers may have crossed between the counter and the channel; a queue that is no queue differs everywhere.
	wrong := 0
	for i, got := range order {
		if got < i-2 || got > i+2 {
			wrong++
		}
	}
	if len(order) != callers || wrong > 0 {
		t.Errorf("%d of %d out of order: %v", wrong, len(order), order)
	}
}

func TestSignerRefusesBeyondItsQueueAndLetsCallersLeave(t *testing.T) {
	s := NewSigner(1, 2)
	c := access(t, grant())
	s.slots <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	for range 2 {
		go func() {
			_, err := s.Sign(ctx, testKey(), c)
			left <- err
		}()
	}
	until(t, "both to queue", func() bool { return s.waiting.Load() == 2 })
	if _, err := s.Sign(t.Context(), testKey(), c); !apierr.Is(err, apierr.QueueFull) {
		t.Errorf("third caller: %v; want QueueFull", err)
	}
	cancel()
	for range 2 {
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("caller left with %v", err)
		}
	}
	<-s.slots
	tok, err := s.Sign(t.Context(), testKey(), c)
	if err != nil || s.waiting.Load() != 0 {
		t.Fatalf("after the crowd: %v, %d waiting", err, s.waiting.Load())
	}
	jws, err := ParseJWS(tok)
	if err != nil || jws.Verify(testKey().Public().Key, RS256) != nil {
		t.Errorf("the token is wrong: %v", err)
	}
}

// BenchmarkSigner reports the spread of waiting times; the aim is a p99 of at most four times the p50.
func BenchmarkSigner(b *testing.B) {
	for _, connections := range []int{16, 64} {
		b.Run(fmt.Sprint(connections, "connections"), func(b *testing.B) {
			s, k, c := NewSigner(runtime.GOMAXPROCS(0), 1000), testKey(), access(b, grant())
			took := make([][]time.Duration, connections)
			var group sync.WaitGroup
			b.ResetTimer()
			for i := range took {
				group.Go(func() {
					for range b.N/connections + 1 {
						start := time.Now()
						if _, err := s.Sign(b.Context(), k, c); err != nil {
							b.Error(err)
						}
						took[i] = append(took[i], time.Since(start))
					}
				})
			}
			group.Wait()
			all := slices.Concat(took...)
			slices.Sort(all)
			p50, p99 := all[len(all)/2], all[len(all)*99/100]
			b.ReportMetric(float64(p50.Microseconds()), "p50-µs")
			b.ReportMetric(float64(p99)/float64(p50), "p99/p50")
		})
	}
}
