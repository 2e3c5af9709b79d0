package agent

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/nodeapi"
)

const (
	connections = 16
	round       = 20000 // requests
)

// BenchmarkCachedToken compares the endpoint, for a token in memory, with a bare server that does only what nobody can
// leave out: parse the query and write the cached body with the seconds filled in. Both are measured in turn, in one
// process, with the same clients. The limits are 0.85 times the requests and 1.25 times the processor time, clients
// included.
func BenchmarkCachedToken(b *testing.B) {
	w := newWorld(b, open(vm, system(1, vm)), launched(site, secret, system(2, site)))
	w.set(func(w *world) { w.lifetime = 24 * time.Hour })
	body := w.imds("").body
	yard := httptest.NewServer(yardstick(body))
	defer yard.Close()
	const head = "Host: localhost\r\nUser-Agent: azsdk-go-azidentity/1.15.0\r\nAccept: application/json\r\n"
	imds := "GET " + tokenPath + goodQuery + " HTTP/1.1\r\n" + head + "Metadata: true\r\n\r\n"
	appService := "GET /msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fvault.azure.net HTTP/1.1\r\n" + head + "X-IDENTITY-HEADER: " + secret + "\r\n\r\n"
	for _, c := range []struct{ name, request string }{{"IMDS", imds}, {"AppService", appService}} {
		b.Run(c.name, func(b *testing.B) {
			ours, bare := newLoad(b, w.base, c.request), newLoad(b, yard.URL, c.request)
			var a, z usage
			for b.Loop() {
				a.add(ours.run(b))
				z.add(bare.run(b))
			}
			b.ReportMetric(float64(a.wall.Microseconds())/float64(a.requests), "µs/req")
			b.ReportMetric(float64(a.cpu.Microseconds())/float64(a.requests), "µs-cpu/req")
			b.ReportMetric(float64(z.wall)/float64(a.wall), "x-requests")
			b.ReportMetric(float64(a.cpu)/float64(z.cpu), "x-cpu")
		})
	}
}

// yardstick is the bare server.
func yardstick(body string) http.Handler {
	first, rest, _ := strings.Cut(body, `"expires_in":"`)
	_, rest, _ = strings.Cut(rest, `"`)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if query.Get("resource") == "" || query.Get("api-version") == "" {
			http.Error(w, "bad request", 400)
			return
		}
		text := make([]byte, 0, len(body)+16)
		text = append(text, first...)
		text = append(text, `"expires_in":"`...)
		text = strconv.AppendInt(text, time.Now().Unix()%86400, 10)
		text = append(text, '"')
		text = append(text, rest...)
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Write(text)
	})
}

// usage is what some requests took.
type usage struct {
	requests  int
	wall, cpu time.Duration
}

func (u *usage) add(other usage) {
	u.requests += other.requests
	u.wall += other.wall
	u.cpu += other.cpu
}

// load is a set of connections that repeat one request.
type load struct {
	conns   []net.Conn
	readers []*bufio.Reader
	request []byte
}

func newLoad(b *testing.B, base, request string) *load {
	l := &load{request: []byte(request)}
	for range connections {
		conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { conn.Close() })
		l.conns, l.readers = append(l.conns, conn), append(l.readers, bufio.NewReader(conn))
	}
	l.run(b)
	return l
}

func (l *load) run(b *testing.B) usage {
	start, before := time.Now(), processor()
	var all sync.WaitGroup
	for i := range l.conns {
		all.Go(func() {
			for range round / connections {
				if err := l.once(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return usage{round / connections * connections, time.Since(start), processor() - before}
}

// once sends the request and reads the answer with as little work as can be.
func (l *load) once(i int) error {
	if _, err := l.conns[i].Write(l.request); err != nil {
		return err
	}
	length := 0
	for first := true; ; first = false {
		line, err := l.readers[i].ReadSlice('\n')
		if err != nil || first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) {
			return fmt.Errorf("%q, %v", line, err)
		}
		if value, found := bytes.CutPrefix(line, []byte("Content-Length: ")); found {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
		if len(line) <= 2 {
			break
		}
	}
	_, err := io.CopyN(io.Discard, l.readers[i], int64(length))
	return err
}

// processor returns the time this process has used so far.
func processor() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkServeHTTP is the hot path alone, without net/http around it.
func BenchmarkServeHTTP(b *testing.B) {
	w := newWorld(b, open(vm, system(1, vm)), launched(site, secret, system(2, site)))
	w.set(func(w *world) { w.lifetime = 24 * time.Hour })
	for name, target := range map[string]string{"IMDS": tokenPath + goodQuery, "AppService": "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fvault.azure.net"} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest("GET", target, nil)
			r.Host, r.RemoteAddr = "localhost", "127.0.0.1:1"
			r.Header.Set("Metadata", "true")
			r.Header.Set("X-IDENTITY-HEADER", secret)
			out := &nowhere{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				if w.agent.handler.ServeHTTP(out, r); out.status != 0 {
					b.Fatal(out.status)
				}
			}
		})
	}
}

// nowhere is a ResponseWriter that keeps nothing.
type nowhere struct {
	header http.Header
	status int
}

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n *nowhere) WriteHeader(status int)      { n.status = status }

// BenchmarkColdToken is a token that has to be made, by a server that signs nothing: all that Inborn adds on a node.
func BenchmarkColdToken(b *testing.B) {
	w := newWorld(b, open(vm, system(1, vm)))
	l := &load{request: []byte("GET " + tokenPath + goodQuery + "&bypass_cache=true HTTP/1.1\r\nHost: localhost\r\nMetadata: true\r\n\r\n")}
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.base, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	l.conns, l.readers = []net.Conn{conn}, []*bufio.Reader{bufio.NewReader(conn)}
	before, n := processor(), 0
	for b.Loop() {
		n++
		if err := l.once(0); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((processor()-before).Microseconds())/float64(n), "µs-cpu/op")
}

// BenchmarkInstall is the price of a new snapshot of a busy node.
func BenchmarkInstall(b *testing.B) {
	w := newWorld(b)
	var state nodeapi.Workloads
	for i := range 1000 {
		state.Bindings = append(state.Bindings, launched(site, fmt.Sprint(i), system(byte(i), site), user(1)))
	}
	for b.Loop() {
		w.agent.install(state)
	}
}
