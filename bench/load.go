package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"
)

// sample is what one turn of load showed.
type sample struct {
	perSecond float64         // requests
	cpu       float64         // microseconds of the server's processors per request
	waits     []time.Duration // of each request, the shortest first
	others    float64         // the share of the machine's processors that neither the server nor this process had
}

// quantile returns the wait that a share of q of the requests did not exceed.
func (s *sample) quantile(q float64) float64 {
	return float64(s.waits[int(q*float64(len(s.waits)-1))])
}

// spread is how many times the wait of the median the slowest hundredth waits.
func (s *sample) spread() float64 { return s.quantile(0.99) / s.quantile(0.5) }

// turn is a load: as many connections as there are requests, each of which sends its own one again and again.
type turn struct {
	requests [][]byte
	length   time.Duration
	distinct bool // all bodies must differ: a token that came twice was signed once only
}

// on puts the load on a server. Everything but an answer of 200 is an error.
func (t turn) on(ctx context.Context, s *child) (*sample, error) {
	clients := make([]*client, len(t.requests))
	for i, request := range t.requests {
		conn, err := s.dial(ctx)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		clients[i] = newClient(conn, request)
	}
	before, err := readUse(s)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	waits, err := t.drive(ctx, clients, began.Add(t.length))
	if err != nil {
		return nil, s.explain(err)
	}
	took := time.Since(began)
	after, err := readUse(s)
	if err != nil {
		return nil, err
	}
	n := float64(len(waits))
	server := after.server - before.server
	others := after.all - before.all - server - (after.self - before.self)
	return &sample{
		perSecond: n / took.Seconds(), cpu: float64(server.Microseconds()) / n, waits: waits,
		others: others.Seconds() / took.Seconds() / float64(runtime.NumCPU()),
	}, nil
}

// drive lets all clients ask until end and returns how long each request took, the shortest first.
func (t turn) drive(ctx context.Context, clients []*client, end time.Time) ([]time.Duration, error) {
	var running sync.WaitGroup
	for _, c := range clients {
		running.Go(func() { c.drive(ctx, end, t.distinct) })
	}
	running.Wait()
	var waits []time.Duration
	bodies := map[uint64]bool{}
	for _, c := range clients {
		if c.err != nil {
			return nil, c.err
		}
		waits = append(waits, c.waits...)
		for _, sum := range c.bodies {
			bodies[sum] = true
		}
	}
	if t.distinct && len(bodies) != len(waits) {
		return nil, fmt.Errorf("%d answers held %d different tokens", len(waits), len(bodies))
	}
	slices.Sort(waits)
	return waits, nil
}

// client sends one request again and again over one connection. It reads of an answer what it must, since it takes its
// time from the same processors as the server.
type client struct {
	conn    net.Conn
	in      *bufio.Reader
	request []byte
	body    []byte
	waits   []time.Duration
	bodies  []uint64 // hashes
	err     error
}

func newClient(conn net.Conn, request []byte) *client {
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 8<<10), request: request, body: make([]byte, 8<<10),
		waits: make([]time.Duration, 0, 1<<16)}
}

func (c *client) drive(ctx context.Context, end time.Time, distinct bool) {
	for sent := time.Now(); sent.Before(end); {
		status, body, err := c.ask()
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("answer %d: %.300s", status, body)
		}
		if c.err = errors.Join(err, ctx.Err()); c.err != nil {
			return
		}
		now := time.Now()
		c.waits = append(c.waits, now.Sub(sent))
		sent = now
		if distinct {
			sum := fnv.New64a()
			sum.Write(body)
			c.bodies = append(c.bodies, sum.Sum64())
		}
	}
}

// ask sends the request and returns status and body, which is good until the next call.
func (c *client) ask() (int, []byte, error) {
	if _, err := c.conn.Write(c.request); err != nil {
		return 0, nil, err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(line) < len("HTTP/1.1 200") {
		return 0, nil, fmt.Errorf("no answer of HTTP: %q", line)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return 0, nil, err
	}
	length := -1
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return 0, nil, err
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, nil, err
			}
		}
	}
	if length < 0 || length > len(c.body) {
		return 0, nil, fmt.Errorf("answer with a body of %d bytes; expected a Content-Length of at most %d", length, len(c.body))
	}
	_, err = io.ReadFull(c.in, c.body[:length])
	return status, c.body[:length], err
}

// question spells a request for a token as a client library does. An empty clientID leaves the choice to the endpoint.
func question(addr, clientID string, fresh bool) []byte {
	query := "api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net"
	if clientID != "" {
		query += "&client_id=" + clientID
	}
	if fresh {
		query += "&bypass_cache=true"
	}
	return []byte("GET /metadata/identity/oauth2/token?" + query + " HTTP/1.1\r\nHost: " + addr +
		"\r\nAccept: application/json\r\nMetadata: true\r\nUser-Agent: azsdk-go-azidentity/v1.10.1 (go1.26; linux)\r\n\r\n")
}
