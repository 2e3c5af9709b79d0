package nodeapi

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

// watch runs a watch until the test ends and returns what it brings.
func watch(t *testing.T, client *Client) <-chan Workloads {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	lines, done := make(chan Workloads, 100), make(chan struct{})
	go func() {
		client.Watch(ctx, func(w Workloads) { lines <- w })
		close(done)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return lines
}

func next(t *testing.T, lines <-chan Workloads) Workloads {
	t.Helper()
	select {
	case w := <-lines:
		return w
	case <-time.After(5 * time.Second):
		t.Fatal("no line of the watch in 5 s")
		return Workloads{}
	}
}

func TestWatchSendsAtOnceAndWhatDiffers(t *testing.T) {
	d := &directory{now: sample(), changed: make(chan struct{})}
	lines := watch(t, serve(t, handler(d)))
	if first := next(t, lines); !first.Same(sample()) || first.Position != 7 {
		t.Errorf("first line: %+v", first)
	}
	d.set(func(*Workloads) {}) // position 8: nothing of this node
	d.set(func(w *Workloads) { w.TenantName = "fabrikam" })
	if second := next(t, lines); second.TenantName != "fabrikam" || second.Position != 9 {
		t.Errorf("second line: %+v", second)
	}
	select {
	case w := <-lines:
		t.Errorf("a line more than there are differences: %+v", w)
	case <-time.After(50 * time.Millisecond):
	}
}

func TestWatchEndsUpAtTheLastOfManyChanges(t *testing.T) {
	d := &directory{now: sample(), changed: make(chan struct{})}
	lines := watch(t, serve(t, handler(d)))
	next(t, lines)
	go func() {
		for i := range 2000 {
			d.set(func(w *Workloads) { w.Tenant = guid.GUID{0: byte(i), 1: byte(i >> 8), 2: 1} })
		}
	}()
	last := guid.GUID{0: byte(1999 & 0xff), 1: byte(1999 >> 8), 2: 1}
	for position := int64(0); ; {
		w := next(t, lines)
		if w.Position <= position {
			t.Fatalf("position %d after %d", w.Position, position)
		}
		if position = w.Position; w.Tenant == last {
			return
		}
	}
}

func TestWatchIsTakenUpAgain(t *testing.T) {
	d := &directory{now: sample(), changed: make(chan struct{})}
	inner := handler(d)
	var streams atomic.Int64
	client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch streams.Add(1) {
		case 1:
			http.Error(w, "starting", http.StatusBadGateway)
		case 2:
			io.WriteString(w, `{"position":1}`+"\n\n"+`{"position":2,`) // the server dies within a line
		default:
			inner.ServeHTTP(w, r)
		}
	}))
	var troubles atomic.Int64
	client.Trouble = func(err error) {
		if err == nil || apierr.From(err).Kind != apierr.Unavailable {
			t.Errorf("trouble: %v", err)
		}
		troubles.Add(1)
	}
	lines := watch(t, client)
	if w := next(t, lines); w.Position != 1 {
		t.Errorf("first: %+v", w)
	}
	if w := next(t, lines); !w.Same(sample()) {
		t.Errorf("after the reconnect: %+v", w)
	}
	if troubles.Load() != 2 {
		t.Errorf("%d troubles", troubles.Load())
	}
}

func TestWatchOfANodeThatIsRefusedLaterEnds(t *testing.T) {
	d := &directory{now: sample(), changed: make(chan struct{})}
	client := serve(t, handler(d))
	lines := make(chan Workloads, 10)
	ended := make(chan error, 1)
	go func() { ended <- client.follow(t.Context(), func(w Workloads) { lines <- w }) }()
	next(t, lines)
	d.mu.Lock()
	d.err = apierr.New(apierr.CallerUnknown, "the node was removed")
	d.mu.Unlock()
	d.set(func(*Workloads) {})
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Fatal("the watch goes on")
	}
	if err := client.follow(t.Context(), func(Workloads) {}); !apierr.Is(err, apierr.CallerUnknown) {
		t.Errorf("the next watch: %v", err)
	}
}

// The clock of the bubble jumps ahead whenever everybody waits, so minutes of silence pass at once.
func TestHeartbeatsKeepASilentWatchAndSilenceEndsADeadOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{now: sample(), changed: make(chan struct{})}
		inner := handler(d)
		var dead atomic.Bool
		var streams, troubles atomic.Int64
		client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			streams.Add(1)
			if dead.Load() {
				<-r.Context().Done()
				return
			}
			inner.ServeHTTP(w, r)
		}))
		client.Trouble = func(err error) {
			if !strings.Contains(err.Error(), "no sign of life") {
				t.Errorf("trouble: %v", err)
			}
			troubles.Add(1)
			dead.Store(false)
		}
		lines := watch(t, client)
		<-lines
		time.Sleep(time.Hour)
		if streams.Load() != 1 || troubles.Load() != 0 {
			t.Errorf("a silent hour: %d streams, %d troubles", streams.Load(), troubles.Load())
		}

		dead.Store(true)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go client.Watch(ctx, func(Workloads) {})
		time.Sleep(silence - time.Second)
		if troubles.Load() != 0 {
			t.Error("given up too early")
		}
		time.Sleep(5 * time.Second)
		if troubles.Load() != 1 || streams.Load() != 3 {
			t.Errorf("a dead server: %d streams, %d troubles", streams.Load(), troubles.Load())
		}
	})
}

func TestALineOfTheWatchMakesThePauseShortAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var streams int
		var lost time.Time
		client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch streams++; {
			case streams == 10:
				io.WriteString(w, "{}\n")
				lost = time.Now()
			case streams == 11 && time.Since(lost) > time.Second:
				t.Errorf("back after %v", time.Since(lost))
				fallthrough
			default:
				http.Error(w, "no", http.StatusBadGateway)
			}
		}))
		start := time.Now()
		if first := <-watch(t, client); !first.Same(Workloads{}) || time.Since(start) < 10*time.Second {
			t.Errorf("%+v after %v", first, time.Since(start))
		}
		time.Sleep(time.Minute)
	})
}

func TestASlowReaderEndsTheWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{now: sample(), changed: make(chan struct{})}
		inner := handler(d)
		ended := make(chan struct{})
		client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			inner.ServeHTTP(w, r)
			close(ended)
		}))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		stuck := make(chan struct{})
		defer close(stuck)
		go client.follow(ctx, func(Workloads) { <-stuck })
		synctest.Wait()
		for range 3 { // large enough to fill every buffer on the way
			d.set(func(w *Workloads) { w.TenantName = strings.Repeat("x", 1<<20) + w.TenantName[:1] })
			synctest.Wait()
		}
		time.Sleep(2 * sendTimeout)
		select {
		case <-ended:
		default:
			t.Error("the server still waits for a reader that does not read")
		}
	})
}

func TestPauseGrowsAndStaysBounded(t *testing.T) {
	for tries, longest := range map[int]time.Duration{0: 100 * time.Millisecond, 1: 200 * time.Millisecond, 5: 3200 * time.Millisecond,
		9: 30 * time.Second, 1000: 30 * time.Second} {
		if most, least := pause(tries, 0), pause(tries, 1); most != longest || least != longest/2 {
			t.Errorf("pause(%d) = %v to %v", tries, least, most)
		}
	}
}
