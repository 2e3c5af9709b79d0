package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

const (
	readyWithin      = 20 * time.Second
	stopWithin       = 10 * time.Second
	answerWithin     = 10 * time.Second
	eventuallyWithin = 5 * time.Second
	lookAgain        = 20 * time.Millisecond
)

type stageKey struct{}

// stage is what a script has going on.
type stage struct {
	env     *testscript.Env
	running *running // nil while no Inborn runs
}

// running is one started `inborn dev`.
type running struct {
	command *exec.Cmd
	out     transcript
	exited  chan error
}

func stageOf(ts *testscript.TestScript) *stage { return ts.Value(stageKey{}).(*stage) }

// transcript collects what a program prints while others read it.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// places are read from what `inborn dev` says when it is ready; the last one is the last line it prints.
var places = []struct {
	variable string
	where    *regexp.Regexp
}{
	{"TENANT", regexp.MustCompile(`(?m)^Inborn .* is ready after .* \(([0-9a-f-]{36})\)$`)},
	{"ORIGIN", regexp.MustCompile(`(?m)^ +Microsoft Graph +(https://\S+)/v1\.0$`)},
	{"LISTEN", regexp.MustCompile(`(?m)^ +Microsoft Graph +https://(\S+)/v1\.0$`)},
	{"IDENTITY", regexp.MustCompile(`(?m)^ +IMDS +(http://\S+)/metadata/identity `)},
	{"NEXT", regexp.MustCompile(`(?m)^ +(inborn run .*)\n`)},
}

func startDev(ts *testscript.TestScript, neg bool, args []string) {
	s := stageOf(ts)
	if neg || s.running != nil {
		ts.Fatalf("usage: dev [FLAG]..., while none is running")
	}
	for _, flag := range []string{"--listen", "--identity-endpoint"} {
		if !slices.Contains(args, flag) {
			args = append(args, flag, freeAddress(ts))
		}
	}
	program, err := exec.LookPath("inborn")
	ts.Check(err)
	r := &running{command: exec.Command(program, append([]string{"dev"}, args...)...), exited: make(chan error, 1)}
	r.command.Dir, r.command.Env = ts.MkAbs("."), s.env.Vars
	r.command.Stdout, r.command.Stderr = &r.out, &r.out
	ts.Check(r.command.Start())
	ts.Defer(func() { _ = r.command.Process.Kill() }) // of no effect on one that was stopped
	go func() { r.exited <- r.command.Wait() }()
	s.running = r
	r.untilReady(ts)
	ts.Logf("[inborn dev, process %d]\n%s", r.command.Process.Pid, r.out.String())
	fmt.Fprint(ts.Stdout(), r.out.String())
}

// untilReady waits for all that is to be said at the start and puts it into variables.
func (r *running) untilReady(ts *testscript.TestScript) {
	last := places[len(places)-1]
	for end := time.Now().Add(readyWithin); !last.where.MatchString(r.out.String()); time.Sleep(lookAgain) {
		select {
		case err := <-r.exited:
			ts.Fatalf("inborn dev ended at once: %v\n%s", err, r.out.String())
		default:
		}
		if time.Now().After(end) {
			ts.Fatalf("inborn dev was not ready within %s:\n%s", readyWithin, r.out.String())
		}
	}
	for _, place := range places {
		found := place.where.FindStringSubmatch(r.out.String())
		if found == nil {
			ts.Fatalf("inborn dev does not say what %s is:\n%s", place.variable, r.out.String())
		}
		ts.Setenv(place.variable, found[1])
	}
}

func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	s := stageOf(ts)
	if neg || len(args) > 0 || s.running == nil {
		ts.Fatalf("usage: interrupt, after dev")
	}
	ts.Check(s.running.command.Process.Signal(os.Interrupt))
	select {
	case err := <-s.running.exited:
		ts.Logf("[inborn dev, after the interrupt]\n%s", s.running.out.String())
		ts.Check(err)
	case <-time.After(stopWithin):
		ts.Fatalf("inborn dev did not stop within %s:\n%s", stopWithin, s.running.out.String())
	}
	fmt.Fprint(ts.Stdout(), s.running.out.String())
	s.running = nil
}

func freeAddress(ts *testscript.TestScript) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Check(l.Close())
	return l.Addr().String()
}

func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: eventually COMMAND...")
	}
	try := func() error { return ts.Exec(args[0], args[1:]...) }
	if args[0] == "request" {
		try = func() error { return send(ts, args[1:]) }
	}
	end := time.Now().Add(eventuallyWithin)
	for err := try(); err != nil; err = try() {
		if time.Now().After(end) {
			ts.Fatalf("not within %s: %v", eventuallyWithin, err)
		}
		time.Sleep(lookAgain)
	}
}

func request(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: request STATUS METHOD URL [HEADER:VALUE]... [@FILE]")
	}
	ts.Check(send(ts, args))
}

// send sends one request; it trusts the certificate of the script's Inborn and follows no redirect.
func send(ts *testscript.TestScript, args []string) error {
	if len(args) < 3 {
		return errors.New("usage: request STATUS METHOD URL [HEADER:VALUE]... [@FILE]")
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, args[1], args[2], nil)
	if err != nil {
		return err
	}
	for _, header := range args[3:] {
		if file, ok := strings.CutPrefix(header, "@"); ok { // JSON
			text := os.Expand(ts.ReadFile(file), ts.Getenv)
			req.Body, req.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
			req.Header.Set("Content-Type", "application/json")
			continue
		}
		name, value, _ := strings.Cut(header, ":")
		req.Header.Set(name, value)
	}
	roots := x509.NewCertPool()
	if pem, err := os.ReadFile(filepath.Join(ts.Getenv("DATA"), "ca.pem")); err == nil {
		roots.AppendCertsFromPEM(pem)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if strconv.Itoa(resp.StatusCode) != args[0] {
		return fmt.Errorf("%s %s was answered with %s, want %s:\n%s", args[1], args[2], resp.Status, args[0], body)
	}
	id := resp.Header.Get("x-ms-request-id")
	if id == "" {
		id = resp.Header.Get("request-id")
	}
	ts.Setenv("REQUEST_ID", id)
	fmt.Fprintf(ts.Stdout(), "%s\n", resp.Status)
	if err := resp.Header.Write(ts.Stdout()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(ts.Stdout(), "\n%s\n", body)
	return err
}

func pick(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: pick NAME FILE REGEXP")
	}
	pattern, err := regexp.Compile("(?m)" + args[2])
	ts.Check(err)
	found := pattern.FindStringSubmatch(ts.ReadFile(args[1]))
	if len(found) != 2 {
		ts.Fatalf("%s has nothing like %s", args[1], args[2])
	}
	ts.Setenv(args[0], found[1])
}
