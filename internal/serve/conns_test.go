package serve

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"
)

// serveBounded answers "ok" on at most n connections until the test ends; /wait waits until release is closed.
func serveBounded(t *testing.T, n int, config *tls.Config) (address string, release chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	release = make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			<-release
		}
		fmt.Fprint(w, "ok")
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Server{Handler: handler, TLS: config, MaxConns: n}.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return l.Addr().String(), release
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ask sends a request on c and returns the status of the answer.
func ask(c net.Conn, path string) (int, error) {
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
		return 0, err
	}
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, err
	}
	response.Body.Close()
	return response.StatusCode, nil
}

func TestTheMostSilentConnectionMakesRoom(t *testing.T) {
	address, _ := serveBounded(t, 3, nil)
	silent := make([]net.Conn, 3)
	for i := range silent {
		silent[i] = dial(t, address)
		if i == 0 {
			continue // never says anything
		}
		if status, err := ask(silent[i], "/"); err != nil || status != 200 {
			t.Fatalf("connection %d: %d, %v", i, status, err)
		}
	}
	time.Sleep(50 * time.Millisecond) // the server notes that they are silent after it has answered
	for range 5 {
		if status, err := ask(dial(t, address), "/"); err != nil || status != 200 {
			t.Fatalf("a further connection: %d, %v", status, err)
		}
	}
	for i, c := range silent {
		if _, err := ask(c, "/"); err == nil {
			t.Errorf("the silent connection %d is still open", i)
		}
	}
}

func TestARequestInWorkKeepsItsConnection(t *testing.T) {
	address, release := serveBounded(t, 2, nil)
	answers := make(chan error, 2)
	for range 2 {
		c := dial(t, address)
		go func() { _, err := ask(c, "/wait"); answers <- err }()
	}
	time.Sleep(50 * time.Millisecond) // both are in work
	third := dial(t, address)
	waited := make(chan error, 1)
	go func() { _, err := ask(third, "/"); waited <- err }()
	select {
	case err := <-waited:
		t.Fatalf("a third connection was answered before there was a place: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	for range 2 {
		if err := <-answers; err != nil {
			t.Errorf("a request in work: %v", err)
		}
	}
	if err := <-waited; err != nil {
		t.Errorf("the one that waited: %v", err)
	}
}

func TestSilentConnectionsMakeRoomUnderTLS(t *testing.T) {
	authority, err := NewAuthority(Naming{Listed: func(string) bool { return false }}, time.Now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	address, _ := serveBounded(t, 2, authority.TLSConfig())
	for range 6 { // two that shake no hand, and whoever comes later
		dial(t, address)
		c := tls.Client(dial(t, address), &tls.Config{InsecureSkipVerify: true})
		if status, err := ask(c, "/"); err != nil || status != 200 {
			t.Fatalf("%d, %v", status, err)
		}
	}
}
