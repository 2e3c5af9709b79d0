package nodeapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

// pipe runs h on a Pipe until the test ends.
func pipe(t testing.TB, h http.Handler) *Client {
	t.Helper()
	p := NewPipe()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { p.Serve(ctx, h); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return p.Client()
}

func TestPipeCarriesWhatHTTPCarries(t *testing.T) {
	d := &directory{now: sample(), changed: make(chan struct{})}
	h := handler(d)
	reported := make(chan []apierr.Trace, 1)
	h.Report = func(_ resource.ID, traces []apierr.Trace) { reported <- traces }
	refused := apierr.New(apierr.RoleRequired, "m").At("target").WithHelp("help")
	h.Mint = func(_ context.Context, n resource.ID, m MintRequest) (Minted, error) {
		if m.Position < 0 {
			return Minted{}, refused
		}
		return Minted{AccessToken: "t", Resource: m.Audience, Stamp: string(n)}, nil
	}
	client := pipe(t, h)
	if got, err := client.Workloads(t.Context()); err != nil || !reflect.DeepEqual(got, sample()) {
		t.Errorf("Workloads = %+v, %v", got, err)
	}
	want := Minted{AccessToken: "t", Resource: "ü", Stamp: string(node)}
	if got, err := client.Mint(t.Context(), MintRequest{Binding: guid.GUID{1}, Audience: "ü"}); err != nil || got != want {
		t.Errorf("Mint = %+v, %v", got, err)
	}
	if _, err := client.Mint(t.Context(), MintRequest{Position: -1}); !reflect.DeepEqual(err, error(refused)) {
		t.Errorf("a refusal arrived as %#v", err)
	}
	if err := client.Report(t.Context(), []apierr.Trace{{Message: "m"}}); err != nil || (<-reported)[0].Message != "m" {
		t.Errorf("Report: %v", err)
	}
	if _, err := client.Mint(t.Context(), MintRequest{Audience: strings.Repeat("x", maxMint)}); !apierr.Is(err, apierr.BodyTooLarge) {
		t.Errorf("a body that is too large: %v", err)
	}
}

func TestPipeCarriesAWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{now: sample(), changed: make(chan struct{})}
		client := pipe(t, handler(d))
		client.Trouble = func(err error) { t.Errorf("trouble: %v", err) }
		lines := watch(t, client)
		if first := <-lines; !first.Same(sample()) {
			t.Errorf("first line: %+v", first)
		}
		time.Sleep(time.Hour) // heartbeats keep it
		d.set(func(w *Workloads) { w.TenantName = "fabrikam" })
		if second := <-lines; second.TenantName != "fabrikam" {
			t.Errorf("second line: %+v", second)
		}
	})
}

func TestAWatchOverAPipeEnds(t *testing.T) {
	for name, end := range map[string]func(leave, stop func(), d *directory){
		"when the agent leaves":    func(leave, _ func(), _ *directory) { leave() },
		"when the server stops":    func(_, stop func(), _ *directory) { stop() },
		"when the node is refused": func(_, _ func(), d *directory) { d.err = errors.New("gone"); d.set(func(*Workloads) {}) },
		"when nobody reads a line": func(_, _ func(), d *directory) {
			d.set(func(w *Workloads) { w.TenantName = "x" })
			time.Sleep(2 * sendTimeout)
		},
		"when the handler panicked": func(_, _ func(), d *directory) { d.now.TenantName = "panic"; d.set(func(*Workloads) {}) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &directory{now: sample(), changed: make(chan struct{})}
				inner := handler(d)
				inner.Workloads = func(id resource.ID) (Workloads, error) {
					w, err := d.workloads(id)
					if w.TenantName == "panic" {
						panic("a mistake")
					}
					return w, err
				}
				over := make(chan struct{})
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					defer close(over)
					inner.ServeHTTP(w, r)
				})
				p := NewPipe()
				serving, stop := context.WithCancel(t.Context())
				defer stop()
				go p.Serve(serving, h)
				watching, leave := context.WithCancel(t.Context())
				defer leave()
				ended := make(chan error, 1)
				read := make(chan struct{})
				go func() {
					ended <- p.Client().follow(watching, func(Workloads) {
						if name == "when nobody reads a line" {
							<-read
						}
					})
				}()
				synctest.Wait()
				end(leave, stop, d)
				<-over
				close(read)
				if err := <-ended; apierr.From(err).Kind != apierr.Unavailable {
					t.Errorf("it ended with %v", err)
				}
			})
		})
	}
}

func TestAPanicOverAPipeIsOneFailedRequest(t *testing.T) {
	h := handler(&directory{})
	h.Mint = func(context.Context, resource.ID, MintRequest) (Minted, error) { panic("a mistake") }
	if _, err := pipe(t, h).Mint(t.Context(), MintRequest{}); apierr.From(err).Kind != apierr.Unavailable {
		t.Errorf("err = %v", err)
	}
}

func TestARequestWaitsUntilSomebodyServes(t *testing.T) {
	p := NewPipe()
	brief, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := p.Client().Mint(brief, MintRequest{}); apierr.From(err).Kind != apierr.Unavailable {
		t.Errorf("nobody serves: %v", err)
	}
	got := make(chan error, 1)
	go func() { _, err := p.Client().Mint(t.Context(), MintRequest{}); got <- err }()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { p.Serve(ctx, handler(&directory{})); close(done) }()
	if err := <-got; err != nil {
		t.Errorf("somebody serves: %v", err)
	}
	stop()
	<-done
	if _, err := p.Client().Mint(t.Context(), MintRequest{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("nobody serves any more: %v", err)
	}
}
