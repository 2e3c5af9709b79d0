package agent

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/imds"
	"github.com/inborn-id/inborn/internal/nodeapi"
)

// eventually waits up to 5 s for a condition that another goroutine brings about.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in 5 s: %s", what)
		}
	}
}

// ask takes the short way to the agent, without the wire.
func (w *world) ask(audience string) (*imds.Token, error) {
	return w.agent.token(context.Background(), imds.Ask{Resource: audience})
}

func TestAColdCacheUnderAHerdMakesOneToken(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	gate := make(chan struct{})
	w.set(func(w *world) { w.mint = func(context.Context, nodeapi.MintRequest) error { <-gate; return nil } })
	var herd, arrived sync.WaitGroup
	tokens := make([]*imds.Token, 1000)
	for i := range tokens {
		arrived.Add(1)
		herd.Go(func() {
			arrived.Done()
			token, err := w.ask(vault)
			if err != nil {
				t.Error(err)
			}
			tokens[i] = token
		})
	}
	arrived.Wait()
	close(gate)
	herd.Wait()
	for i := range tokens {
		if tokens[i] != tokens[0] {
			t.Fatal("not all have the same token")
		}
	}
	if n := w.tokens.Load(); n != 1 {
		t.Errorf("%d tokens were made", n)
	}
}

func TestAHerdOverTheWireMakesOneToken(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	defer client.CloseIdleConnections()
	var herd sync.WaitGroup
	for range 100 {
		herd.Go(func() {
			request, _ := http.NewRequest("GET", w.base+tokenPath+goodQuery, nil)
			request.Header.Set("Metadata", "true")
			response, err := client.Do(request)
			if err != nil || response.StatusCode != 200 {
				t.Errorf("%v %v", response, err)
				return
			}
			response.Body.Close()
		})
	}
	herd.Wait()
	if n := w.tokens.Load(); n != 1 {
		t.Errorf("%d tokens were made", n)
	}
}

func TestARevokeReachesTheNextToken(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	first, _ := w.ask(vault)
	w.edit(true, func(s *nodeapi.Workloads) { s.Bindings[0].System.Stamp = "2" })
	second, err := w.ask(vault)
	if err != nil || second == first || !strings.Contains(second.AccessToken(), `"stamp":"2"`) {
		t.Errorf("after the stamp changed: %v, %v", second, err)
	}
	if third, _ := w.ask(vault); third != second {
		t.Error("the new token is not kept")
	}
}

func TestARevokedTokenIsNotTheFallbackWhenTheServerIsDown(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	w.ask(vault)
	w.edit(true, func(s *nodeapi.Workloads) { s.Bindings[0].System.Stamp = "2" })
	w.set(func(w *world) { w.down = true })
	if token, err := w.ask(vault); apierr.From(err).Kind != apierr.Unavailable {
		t.Errorf("%v, %v", token, err)
	}
}

func TestATokenBegunBeforeARevokeIsNotSharedWithThoseAfter(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	gate, begun := make(chan struct{}), make(chan struct{}, 10)
	w.set(func(w *world) {
		w.mint = func(context.Context, nodeapi.MintRequest) error { begun <- struct{}{}; <-gate; return nil }
	})
	before := make(chan *imds.Token)
	go func() { token, _ := w.ask(vault); before <- token }()
	<-begun
	w.edit(true, func(s *nodeapi.Workloads) { s.Bindings[0].System.Stamp = "2" })
	after := make(chan *imds.Token)
	go func() { token, _ := w.ask(vault); after <- token }()
	<-begun // it did not join the first
	close(gate)
	if token := <-after; token == nil || !strings.Contains(token.AccessToken(), `"stamp":"2"`) {
		t.Errorf("after the revoke: %+v", token)
	}
	<-before
	if token, _ := w.ask(vault); !strings.Contains(token.AccessToken(), `"stamp":"2"`) {
		t.Errorf("kept: %s", token.AccessToken())
	}
}

func TestAnIdentityThatWasTakenAwayHasNoTokenAnyMore(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	w.ask(vault)
	w.edit(true, func(s *nodeapi.Workloads) { s.Bindings[0].System = nil })
	if _, err := w.ask(vault); !apierr.Is(err, apierr.IdentityNotFound) {
		t.Errorf("%v", err)
	}
}

func TestATokenThroughItsLife(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	first, _ := w.ask(vault)
	w.advance(29 * time.Minute)
	if again, _ := w.ask(vault); again != first || w.tokens.Load() != 1 {
		t.Errorf("first half: %d tokens", w.tokens.Load())
	}

	gate := make(chan struct{})
	w.set(func(w *world) { w.mint = func(context.Context, nodeapi.MintRequest) error { <-gate; return nil } })
	w.advance(5 * time.Minute)
	for range 100 {
		if again, err := w.ask(vault); again != first || err != nil {
			t.Fatalf("third quarter, while another one is made: %v", err)
		}
	}
	close(gate)
	eventually(t, "the new token is handed out", func() bool { again, _ := w.ask(vault); return again != first })
	if w.tokens.Load() != 2 {
		t.Errorf("third quarter: %d tokens", w.tokens.Load())
	}

	second, _ := w.ask(vault)
	w.advance(50 * time.Minute)
	third, err := w.ask(vault)
	if third == second || err != nil || w.tokens.Load() != 3 {
		t.Errorf("last quarter: %v, %d tokens", err, w.tokens.Load())
	}

	w.set(func(w *world) { w.down = true })
	w.advance(50 * time.Minute)
	if again, err := w.ask(vault); again != third || err != nil {
		t.Errorf("last quarter without a server: %v", err)
	}
	w.advance(10 * time.Minute)
	if again, err := w.ask(vault); apierr.From(err).Kind != apierr.Unavailable {
		t.Errorf("after its end: %v, %v", again, err)
	}
}

func TestTheLastQuarterDoesNotWaitForAServerThatHangs(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	first, _ := w.ask(vault)
	w.advance(50 * time.Minute)
	gate := make(chan struct{})
	defer close(gate)
	w.set(func(w *world) { w.mint = func(context.Context, nodeapi.MintRequest) error { <-gate; return nil } })
	start := time.Now()
	if again, err := w.ask(vault); again != first || err != nil || time.Since(start) > patience+time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
}

func TestARenewalThatIsRefusedEndsTheToken(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	w.ask(vault)
	w.set(func(w *world) {
		w.mint = func(context.Context, nodeapi.MintRequest) error {
			return apierr.New(apierr.AudienceDisabled, "disabled")
		}
	})
	w.advance(40 * time.Minute)
	w.ask(vault)
	eventually(t, "the refusal is told", func() bool { _, err := w.ask(vault); return apierr.Is(err, apierr.AudienceDisabled) })
}

func TestALateTokenIsNotTheFallbackForARefusal(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	w.ask(vault)
	w.set(func(w *world) {
		w.mint = func(context.Context, nodeapi.MintRequest) error {
			return apierr.New(apierr.AudienceDisabled, "disabled")
		}
	})
	w.advance(50 * time.Minute)
	if token, err := w.ask(vault); !apierr.Is(err, apierr.AudienceDisabled) {
		t.Errorf("%v, %v", token, err)
	}
}

func TestAHerdOfRefusalsLooksAtTheServerOnce(t *testing.T) {
	w := newWorld(t, open(vm, nil))
	before := w.snapshots.Load()
	w.set(func(w *world) { w.slow = 50 * time.Millisecond })
	var herd sync.WaitGroup
	for range 100 {
		herd.Go(func() {
			if _, err := w.ask(vault); !apierr.Is(err, apierr.IdentityNotFound) {
				t.Error(err)
			}
		})
	}
	herd.Wait()
	if n := w.snapshots.Load() - before; n < 1 || n > 5 {
		t.Errorf("%d snapshots were fetched", n)
	}
}

func TestAFailedRenewalIsNotRepeatedByEveryRequest(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	first, _ := w.ask(vault)
	var tries atomic.Int64
	w.set(func(w *world) {
		w.mint = func(context.Context, nodeapi.MintRequest) error {
			tries.Add(1)
			return apierr.New(apierr.StoreFailed, "no")
		}
	})
	w.advance(35 * time.Minute)
	for range 50 {
		if again, err := w.ask(vault); again != first || err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	if n := tries.Load(); n != 1 {
		t.Errorf("%d tries", n)
	}
	w.advance(retryRenewal + time.Second)
	w.ask(vault)
	eventually(t, "a second try", func() bool { return tries.Load() == 2 })
}

func TestConcurrentMintsAreBounded(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	var now, most atomic.Int64
	w.set(func(w *world) {
		w.mint = func(context.Context, nodeapi.MintRequest) error {
			n := now.Add(1)
			defer now.Add(-1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			time.Sleep(2 * time.Millisecond)
			return nil
		}
	})
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			if _, err := w.ask(fmt.Sprint("api://", i)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if most.Load() > 16 || most.Load() < 2 || w.tokens.Load() != 200 {
		t.Errorf("%d at a time, %d tokens", most.Load(), w.tokens.Load())
	}
}

func TestTheCacheIsBoundedAndSwept(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	size := func() int {
		w.agent.tokens.mu.RLock()
		defer w.agent.tokens.mu.RUnlock()
		return len(w.agent.tokens.entries)
	}
	for i := range 200 {
		if _, err := w.ask(fmt.Sprint("api://", i)); err != nil || size() > 64 {
			t.Fatalf("%d entries, %v", size(), err)
		}
	}
	if size() < 50 {
		t.Errorf("%d entries are left", size())
	}
	w.advance(2 * time.Hour)
	w.agent.tokens.sweep()
	if size() != 0 || len(w.agent.tokens.flights) != 0 {
		t.Errorf("%d entries, %d flights", size(), len(w.agent.tokens.flights))
	}
}

func TestAnswersOfTheServerThatCannotBe(t *testing.T) {
	now := time.Unix(1000, 0)
	good := nodeapi.Minted{AccessToken: "t", Resource: "r", ExpiresAt: now.Add(time.Minute)}
	if err := check(good, nodeapi.MintRequest{Audience: "r"}, now); err != nil {
		t.Error(err)
	}
	for name, edit := range map[string]func(*nodeapi.Minted){
		"no token": func(m *nodeapi.Minted) { m.AccessToken = "" },
		"audience": func(m *nodeapi.Minted) { m.Resource = "r/" },
		"expired":  func(m *nodeapi.Minted) { m.ExpiresAt = now },
	} {
		m := good
		edit(&m)
		if err := check(m, nodeapi.MintRequest{Audience: "r"}, now); err == nil || apierr.From(err).Kind != apierr.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestACallerThatLeavesDoesNotEndTheTokenForOthers(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	gate, begun := make(chan struct{}), make(chan struct{}, 10)
	w.set(func(w *world) {
		w.mint = func(context.Context, nodeapi.MintRequest) error { begun <- struct{}{}; <-gate; return nil }
	})
	ctx, leave := context.WithCancel(context.Background())
	left := make(chan error)
	go func() { _, err := w.agent.token(ctx, imds.Ask{Resource: vault}); left <- err }()
	<-begun
	leave()
	if err := <-left; apierr.From(err).Kind != apierr.Unavailable {
		t.Errorf("%v", err)
	}
	close(gate)
	if _, err := w.ask(vault); err != nil || w.tokens.Load() != 1 {
		t.Errorf("%v, %d tokens", err, w.tokens.Load())
	}
}

func TestSystemAndUserTokensDoNotMix(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm), user(1), user(2)))
	seen := map[string]bool{}
	for _, query := range []string{"", "&client_id=" + user(1).ClientID.String(), "&client_id=" + user(2).ClientID.String()} {
		for _, audience := range []string{"a", "a/", "A"} {
			r := w.raw("GET "+tokenPath+"?api-version=2018-02-01&resource="+url.QueryEscape(audience)+query, "Metadata: true")
			c := w.claims(r)
			if seen[c.Object+c.Audience] || c.Audience != audience {
				t.Errorf("%+v", c)
			}
			seen[c.Object+c.Audience] = true
		}
	}
	if w.tokens.Load() != 9 {
		t.Errorf("%d tokens", w.tokens.Load())
	}
}
