//go:build unix

package store_test

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/store/storetest"
)

// faultyProxy stands before the database. Once armed it cuts the connection on which the client writes next, and what
// was written arrives at the server later, or never.
type faultyProxy struct {
	listener net.Listener
	server   string

	mu    sync.Mutex
	armed *fault
}

type fault struct {
	deliver bool
	after   time.Duration
}

func newFaultyProxy(t *testing.T, server string) *faultyProxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &faultyProxy{listener: l, server: server}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	return p
}

func (p *faultyProxy) arm(f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = &f
}

func (p *faultyProxy) take() *fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.armed
	p.armed = nil
	return f
}

func (p *faultyProxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	go io.Copy(client, server)
	buffer := make([]byte, 1<<16)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		f := p.take()
		if f == nil {
			if _, err := server.Write(buffer[:n]); err != nil {
				return
			}
			continue
		}
		client.Close()
		time.Sleep(f.after)
		if f.deliver {
			server.Write(buffer[:n])
			time.Sleep(100 * time.Millisecond) // the server finds the connection alive while it works
		}
		return
	}
}

// TestAmbiguousCommit cuts the connection during a commit: whatever Commit answers must be what the table says, also
// when the commit's bytes reach the server later.
func TestAmbiguousCommit(t *testing.T) {
	rounds := 3
	if os.Getenv("SOAK") == "1" {
		rounds = 12
	}
	direct := postgres.Database(t)
	parsed, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	proxy := newFaultyProxy(t, parsed.Host)
	parsed.Host = proxy.listener.Addr().String()
	s, db := openPostgres(t, parsed.String()), rawPostgres(t, direct)
	at := storetest.NewFollower(t, s).At
	outcomes := map[bool]int{}
	for round := range rounds {
		for i, f := range []fault{{true, 0}, {true, 15 * time.Millisecond}, {true, 30 * time.Millisecond}, {false, 0}} {
			for _, locked := range []bool{false, true} {
				name := fmt.Sprint("round ", round, " fault ", i, " locked ", locked)
				at = commitThrough(t, s, at, "warm "+name, locked, nil) // so that the statement is prepared
				before := at
				won := false
				at = commitThrough(t, s, at, name, locked, func() { proxy.arm(f) })
				if at.Tag == name {
					won = true
				}
				time.Sleep(60 * time.Millisecond)
				written := storetest.Count(t, db, fmt.Sprintf("SELECT count(*) FROM revision WHERE tag='%s'", name)) == 1
				rows := storetest.Count(t, db, fmt.Sprintf("SELECT count(*) FROM object WHERE id='%s'", name)) == 1
				if written != won || rows != won {
					t.Errorf("%s: answered %v; revision written %v, row written %v", name, won, written, rows)
				}
				outcomes[won]++
				d, err := s.Follow(t.Context(), before)
				if err != nil || d.Reload {
					t.Fatalf("%s: Follow = %+v, %v", name, d, err)
				}
				at = d.Now
			}
		}
	}
	t.Logf("%d happened, %d did not", outcomes[true], outcomes[false])
	if outcomes[true] == 0 || outcomes[false] == 0 {
		t.Error("only one outcome was met: the test shows half")
	}
}

// commitThrough commits one record named tag and returns where the head stands, or from when the commit lost. arm is
// called just before the commit is sent.
func commitThrough(t *testing.T, s *store.Store, from store.Position, tag string, locked bool, arm func()) store.Position {
	t.Helper()
	if arm == nil {
		arm = func() {}
	}
	if !locked {
		arm()
		_, to, err := s.Commit(t.Context(), from, storetest.Group(tag, storetest.Record(from, tag, "x")))
		if err != nil {
			t.Fatalf("%s: %v", tag, err)
		}
		return to
	}
	_, to, err := s.CommitLocked(t.Context(), from, func(d store.Delta) (store.Group, error) {
		arm()
		return storetest.Group(tag, storetest.Record(d.Now, tag, "x")), nil
	})
	if err != nil {
		t.Fatalf("%s: %v", tag, err)
	}
	return to
}
