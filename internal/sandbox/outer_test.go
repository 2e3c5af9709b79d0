//go:build linux

package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// outerVariable makes the test binary an outer process: it holds its settings.
const outerVariable = "INBORN_SANDBOX_TEST"

// settings are a Config as far as tests need it.
type settings struct {
	Name    string // what the metadata address answers
	Command []string
	Dir     string
	Env     []string // beside that of outer
	Files   []File
	Hide    []string
	Connect []int
	Publish []int
	Network bool
	Ours    []string // suffixes
}

// beOuter does what `inborn run` does with a sandbox, and never returns.
func beOuter(text string) {
	var s settings
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		panic(err)
	}
	_ = os.Unsetenv(outerVariable)
	sandbox, err := Start(context.Background(), s.config())
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		fmt.Fprintln(os.Stderr, "refusal:", err)
		os.Exit(ExitFailed)
	case err != nil:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(ExitFailed)
	}
	go serveName(sandbox.Metadata(), "metadata of "+s.Name)
	for _, l := range sandbox.Public() {
		go serveName(l, "public of "+s.Name)
	}
	exit, err := sandbox.Run()
	var command *CommandError
	switch {
	case errors.As(err, &command):
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(command.Code())
	case err != nil:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(ExitFailed)
	}
	exit.Die()
}

func (s settings) config() Config {
	c := Config{Command: s.Command, Dir: s.Dir, Env: s.Env, Files: s.Files, Hide: s.Hide, Connect: s.Connect, Publish: s.Publish,
		Network: s.Network, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Note: func(line string) { fmt.Fprintln(os.Stderr, "note:", line) },
		Ours: func(name string) bool {
			for _, suffix := range s.Ours {
				if name == suffix || strings.HasSuffix(name, "."+suffix) {
					return true
				}
			}
			return false
		}}
	if c.Dir == "" {
		c.Dir = "/"
	}
	c.Env = append(os.Environ(), s.Env...)
	return c
}

func serveName(l net.Listener, name string) {
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) }))
}

// who is a user as whom sandboxes are started.
type who struct {
	name       string
	credential *syscall.Credential // nil: as this process
}

const userID = 65534

// each runs a test as root and as an ordinary user, as far as this process can.
func each(t *testing.T, test func(t *testing.T, w who)) {
	t.Helper()
	needNamespaces(t)
	if os.Geteuid() != 0 {
		t.Run("user", func(t *testing.T) { test(t, who{name: "user"}) })
		return
	}
	t.Run("root", func(t *testing.T) { test(t, who{name: "root"}) })
	t.Run("user", func(t *testing.T) {
		test(t, who{"user", &syscall.Credential{Uid: userID, Gid: userID, Groups: []uint32{userID}}})
	})
}

// needNamespaces skips a test on a machine that refuses sandboxes; in CI that is a failure.
func needNamespaces(t testing.TB) {
	t.Helper()
	s, err := Start(context.Background(), Config{Command: []string{"true"}, Dir: "/"})
	if err != nil {
		skip(t, "%v", err)
	}
	s.Close()
}

func skip(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// outer returns an outer process that is not started yet. It ends with the test.
func (w who) outer(t testing.TB, s settings) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, program())
	c.Dir = "/"
	c.Env = append(os.Environ(), outerVariable+"="+string(text), "GORACE=atexit_sleep_ms=0", "HOME=/")
	c.SysProcAttr = &syscall.SysProcAttr{Credential: w.credential}
	c.WaitDelay = 5 * time.Second
	return c
}

// result is how an outer process ended and what was printed.
type result struct {
	out, err string
	code     int
	signal   syscall.Signal
}

func finish(c *exec.Cmd, stdin io.Reader) result {
	var out, errs bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = stdin, &out, &errs
	err := c.Run()
	r := result{out: out.String(), err: errs.String(), code: c.ProcessState.ExitCode()}
	if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		r.signal = status.Signal()
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.err += err.Error()
	}
	return r
}

// run runs a shell script in a sandbox; $TOOL starts a tool of this binary.
func (w who) run(t testing.TB, s settings, script string) result {
	t.Helper()
	s.Command = []string{"sh", "-c", "TOOL='" + program() + " tool'\n" + script}
	return finish(w.outer(t, s), nil)
}

// must runs a shell script in a sandbox that has to succeed, and returns what it printed.
func (w who) must(t testing.TB, s settings, script string) string {
	t.Helper()
	r := w.run(t, s, script)
	if r.code != 0 {
		t.Fatalf("%s\nexit code %d, signal %v\nout: %s\nerr: %s", script, r.code, r.signal, r.out, r.err)
	}
	return r.out
}
