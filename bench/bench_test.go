package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const answerBody = `{"access_token":"eyJ0eXAiOiJKV1QifQ.eyJhdWQiOiJhIn0.c2ln","client_id":"c","expires_in":"3599","resource":"r"}`

func TestAMissedLimitIsSeen(t *testing.T) {
	p := &pairs{}
	for _, ours := range []float64{90, 10, 95} { // one turn was disturbed
		p.add(ours, 100)
	}
	for _, c := range []struct {
		r      row
		missed bool
	}{
		{p.atLeast(p.row("x", "%.0f"), 0.85), false},
		{p.atLeast(p.row("x", "%.0f"), 0.92), true},
		{p.atMost(p.row("x", "%.0f"), 0.90), false},
		{p.atMost(p.row("x", "%.0f"), 0.89), true},
	} {
		if c.r.missed != c.missed || c.r.ratio != "0.900" {
			t.Errorf("%+v", c.r)
		}
		var out bytes.Buffer
		if met := show(&out, []row{{what: "y", limit: "1"}, c.r, {what: "z"}}); met == c.missed || strings.Contains(out.String(), "MISSED") != c.missed {
			t.Errorf("met: %v\n%s", met, out.String())
		}
	}
}

func TestLoadCountsAndInsists(t *testing.T) {
	for _, c := range []struct {
		name     string
		handler  http.HandlerFunc
		distinct bool
		wrong    string
	}{
		{"plain", func(w http.ResponseWriter, r *http.Request) { send(w, []byte("x")) }, false, ""},
		{"a token made once for all", func(w http.ResponseWriter, r *http.Request) { send(w, []byte("x")) }, true, "different tokens"},
		{"refused", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(http.StatusBadRequest)
		}, false, "answer 400"},
		{"chunked", func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush() }, false, "Content-Length"},
	} {
		server := httptest.NewServer(c.handler)
		addr := server.Listener.Addr().String()
		ask := question(addr, clientID(1), true)
		clients := []*client{dial(t, addr, ask), dial(t, addr, ask)}
		load := turn{distinct: c.distinct}
		all, err := load.drive(context.Background(), clients, time.Now().Add(20*time.Millisecond))
		switch {
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%s: %v", c.name, err)
		case c.wrong == "" && (err != nil || len(all) < 2 || all[0] > all[len(all)-1]):
			t.Errorf("%s: %d waits, %v", c.name, len(all), err)
		}
		server.Close()
	}
}

func dial(t *testing.T, addr string, request []byte) *client {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return newClient(conn, request)
}

func TestYardsticksAnswerLikeTheProduct(t *testing.T) {
	key := t.TempDir() + "/key"
	if err := writeKey(key); err != nil {
		t.Fatal(err)
	}
	sends, err := sender([]byte(answerBody))
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Replace(answerBody, "eyJ0", strings.Repeat("e", 40), 1)
	signs, err := signer([]byte(body), key)
	if err != nil {
		t.Fatal(err)
	}
	get := func(h http.Handler) string {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/?resource=r", nil))
		return w.Body.String()
	}
	if got := get(sends); strings.Replace(got, `"3600"`, `"3599"`, 1) != answerBody {
		t.Error(got)
	}
	first, second := get(signs), get(signs)
	if first == second || !strings.HasSuffix(first, `,"client_id":"c","expires_in":"3599","resource":"r"}`) || len(first) < len(body)+300 {
		t.Error(first)
	}
}

func TestFiguresOfTheKernelAndOfGo(t *testing.T) {
	stat := "12 (a ) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 8 0"
	if cpu, err := parseProcess(stat); err != nil || cpu != 3*time.Second {
		t.Errorf("%v, %v", cpu, err)
	}
	stat = "cpu  100 20 3 99999 88888 4 5 6 0 0\ncpu0 1 2 3 4\n"
	if cpu, err := parseMachine(stat); err != nil || cpu != 1380*time.Millisecond {
		t.Errorf("%v, %v", cpu, err)
	}
	out := "goos: linux\nBenchmarkBuild-2 \t 290660\t 3593 ns/op\t 2856 B/op\nBenchmarkBuildMore-2 1 1 ns/op\nBenchmarkBuild 1 1000 ns/op\nok\n"
	if got := benchmark(out, "BenchmarkBuild"); len(got) != 2 || got[0] != 3.593 || got[1] != 1 {
		t.Error(got)
	}
}

func TestManifestOf50Objects(t *testing.T) {
	if n := strings.Count(fifty(), "\n  - {"); n != 50 {
		t.Errorf("it has %d", n)
	}
}

func TestFiguresOfABenchmark(t *testing.T) {
	out := "goos: linux\nBenchmarkA/x=false-2 \t 10 \t 35 ns/op\t 1.5 MiB-beyond\t 7 least-ns/1000\nBenchmarkA/x=true-2 1 1 ns/op 2 x\nBenchmarkB 3 4 ns/op\nok\n"
	if got := figures(out, "BenchmarkA/x=false"); len(got) != 3 || got["MiB-beyond"] != 1.5 || got["least-ns/1000"] != 7 {
		t.Error(got)
	}
	if got := figures(out, "BenchmarkA/x=true"); got["x"] != 2 {
		t.Error(got)
	}
	if got := figures(out, "BenchmarkC"); got != nil {
		t.Error(got)
	}
	slow := atMost("load", "%.0f ms", 151, 150)
	growing := grows("write", map[string]float64{"ns/100000": 4100, "ns/1000": 2000, "x": 2.05}, "1000", 2)
	if !slow.missed || slow.limit != "<= 150 ms" || !growing.missed || growing.ratio != "2.050" {
		t.Errorf("%+v, %+v", slow, growing)
	}
	fine := atMost("load", "%.0f ms", 149, 150)
	if fine.missed {
		t.Errorf("%+v", fine)
	}
}
