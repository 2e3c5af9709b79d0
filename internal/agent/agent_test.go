package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/nodeapi"
)

func TestRunReturnsTheErrorOfAListenerAndClosesTheOthers(t *testing.T) {
	w := newWorld(t)
	a := New(Config{Server: w.agent.config.Server, Now: time.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler)})
	good, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	bad, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	bad.Close()
	if err := a.Run(t.Context(), good, bad); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Run = %v", err)
	}
	if conn, err := net.Dial("tcp", good.Addr().String()); err == nil {
		conn.Close()
		t.Error("the other listener is still open")
	}
}

func TestRunLetsARequestFinish(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	begun, gate := make(chan struct{}), make(chan struct{})
	w.set(func(w *world) {
		w.mint = func(context.Context, nodeapi.MintRequest) error { close(begun); <-gate; return nil }
	})
	a := New(Config{Server: w.agent.config.Server, Now: w.now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler)})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error)
	go func() { ran <- a.Run(ctx, listener) }()
	answered := make(chan int)
	go func() {
		request, _ := http.NewRequest("GET", "http://"+listener.Addr().String()+tokenPath+goodQuery, nil)
		request.Header.Set("Metadata", "true")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Error(err)
			answered <- 0
			return
		}
		response.Body.Close()
		answered <- response.StatusCode
	}()
	<-begun
	stop()
	time.Sleep(20 * time.Millisecond)
	close(gate)
	if status := <-answered; status != 200 {
		t.Errorf("the request that was under way: %d", status)
	}
	if err := <-ran; err != nil {
		t.Errorf("Run = %v", err)
	}
}

func TestARequestWaitsForTheFirstSnapshot(t *testing.T) {
	w := newWorld(t, open(vm, system(1, vm)))
	a := New(Config{Server: w.agent.config.Server, Now: w.now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler)})
	w2 := *w.agent.current.Load()
	time.AfterFunc(50*time.Millisecond, func() { a.install(w2.Workloads) })
	if s, err := a.newest(t.Context()); err != nil || s == nil {
		t.Errorf("%v, %v", s, err)
	}
	brief, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	never := New(Config{Server: w.agent.config.Server, Now: w.now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler)})
	if s, err := never.newest(brief); err == nil {
		t.Errorf("%v", s)
	}
}

func TestBudget(t *testing.T) {
	b := newBudget(3, 20*time.Millisecond)
	passed := 0
	for range 10 {
		if b.take() {
			passed++
		}
	}
	if passed != 3 {
		t.Errorf("%d passed", passed)
	}
	eventually(t, "the budget comes back", b.take)
}
