package seeds

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	startWithin = 30 * time.Second
	stopWithin  = 10 * time.Second
	runWithin   = 2 * time.Minute
)

// dev is the Inborn that all tests share; TestMain sets it.
var dev *inborn

// machineEnv is the environment as it was: npm may need a proxy that no client may see.
var machineEnv = os.Environ()

func TestMain(m *testing.M) {
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	for _, entry := range os.Environ() { // nothing may lead a client elsewhere
		name, _, _ := strings.Cut(entry, "=")
		prefix, _, _ := strings.Cut(strings.ToUpper(name), "_")
		if slices.Contains([]string{"AZURE", "IDENTITY", "MSI", "IMDS", "ARM"}, prefix) || strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
			os.Unsetenv(name)
		}
	}
	d, err := start()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dev = d
	defer os.RemoveAll(d.home)
	code := m.Run()
	if err := d.stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	if text, _ := os.ReadFile(d.log()); code != 0 {
		fmt.Fprintf(os.Stderr, "--- the log of inborn dev:\n%s\n", text)
	}
	return code
}

// inborn is a started program.
type inborn struct {
	bin, data string
	home      string // a folder for everything that must not stay, the data directory in it
	command   *exec.Cmd
	exited    chan error
	signedIn  map[string]bool // resources on which az is signed in
}

// start starts `inborn dev` on free ports and returns when it says that it is ready.
func start() (*inborn, error) {
	bin, err := program()
	if err != nil {
		return nil, err
	}
	home, err := os.MkdirTemp("", "ib") // short: the path of a Unix socket is limited to about 100 bytes
	if err != nil {
		return nil, err
	}
	d := &inborn{bin: bin, home: home, data: filepath.Join(home, "data"), exited: make(chan error, 1),
		signedIn: map[string]bool{}}
	d.command = exec.Command(bin, "dev", "--data", d.data, "--listen", "127.0.0.1:0", "--identity-endpoint", "127.0.0.1:0",
		"--output", "json", "--file", filepath.Join("testdata", "inborn.yaml"))
	log, err := os.Create(d.log())
	if err != nil {
		return nil, err
	}
	defer log.Close()
	d.command.Stderr = log
	d.command.SysProcAttr = dieWithUs()
	ready := make(chan error, 1)
	go d.follow(ready)
	select {
	case err = <-ready:
	case <-time.After(startWithin):
		err = fmt.Errorf("it said nothing within %s", startWithin)
		_ = d.command.Process.Kill()
	}
	if err != nil {
		text, _ := os.ReadFile(d.log())
		return nil, errors.Join(fmt.Errorf("inborn dev is not ready: %w\n%s", err, text), os.RemoveAll(home))
	}
	return d, nil
}

func (d *inborn) log() string { return filepath.Join(d.home, "log") }

// follow starts the program, waits until it tells of itself, and then for its end. It keeps its thread, because the kernel
// takes the end of the thread that started the program for ours (see dieWithUs).
func (d *inborn) follow(ready chan<- error) {
	runtime.LockOSThread()
	stdout, err := d.command.StdoutPipe()
	if err == nil {
		err = d.command.Start()
	}
	if err != nil {
		ready <- err
		return
	}
	ready <- json.NewDecoder(stdout).Decode(&struct{}{})
	_, _ = io.Copy(io.Discard, stdout)
	d.exited <- d.command.Wait()
}

// stop ends the program as Ctrl-C does, and expects it to take that well.
func (d *inborn) stop() error {
	if err := d.command.Process.Signal(syscall.SIGINT); err != nil {
		return fmt.Errorf("inborn dev ended before the tests did: %w", err)
	}
	select {
	case err := <-d.exited:
		return err
	case <-time.After(stopWithin):
		_ = d.command.Process.Kill()
		return fmt.Errorf("inborn dev did not stop within %s", stopWithin)
	}
}

// program returns the path of the program under test, which it builds if there is none.
func program() (string, error) {
	root := filepath.Join("..", "..")
	path := os.Getenv("INBORN_BIN")
	if path == "" {
		path = filepath.Join(root, "bin", "inborn")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return path, err
	}
	build := exec.Command("go", "build", "-trimpath", "-o", path, "./cmd/inborn")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build inborn: %w\n%s", err, out)
	}
	return path, nil
}

// result is what came of a program.
type result struct {
	stdout, stderr string
	code           int
}

// execute runs a program to its end, whatever that is.
func execute(t *testing.T, env []string, stdin, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), runWithin)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	command.Env = append(os.Environ(), env...)
	command.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("%s: %v\n%s", name, err, &stderr)
	}
	return result{stdout.String(), stderr.String(), command.ProcessState.ExitCode()}
}

// run runs one command of the program under test, which must succeed; out, if it is not nil, gets its JSON.
func (d *inborn) run(t *testing.T, out any, args ...string) {
	t.Helper()
	got := execute(t, nil, "", d.bin, append(args, "--data", d.data, "--output", "json")...)
	if got.code != 0 {
		t.Fatalf("inborn %s: exit code %d\n%s", strings.Join(args, " "), got.code, got.stderr)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal([]byte(got.stdout), out); err != nil {
		t.Fatalf("inborn %s printed %q: %v", strings.Join(args, " "), got.stdout, err)
	}
}

// identity is a managed identity as `inborn identity list` tells it.
type identity struct {
	Name     string `json:"name"`
	ClientID string `json:"clientId"`
	ObjectID string `json:"objectId"`
}

// identityOf finds an identity by name; a system-assigned one has the name of its resource.
func identityOf(t *testing.T, name string) identity {
	t.Helper()
	var all []identity
	dev.run(t, &all, "identity", "list")
	for _, i := range all {
		if i.Name == name {
			return i
		}
	}
	t.Fatalf("there is no identity %s among %v", name, all)
	return identity{}
}

// claims are the claims that the documents speak of.
type claims struct {
	Audience string   `json:"aud"`
	Object   string   `json:"oid"`
	Roles    []string `json:"roles"`
}

func readToken(t *testing.T, token string) claims {
	t.Helper()
	parts := strings.Split(strings.TrimSpace(token), ".")
	if len(parts) != 3 {
		t.Fatalf("this is no signed token: %q", token)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var c claims
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// checkToken fails unless the token is that identity's for that audience, with those roles and no others.
func checkToken(t *testing.T, token, audience string, who identity, roles ...string) {
	t.Helper()
	c := readToken(t, token)
	slices.Sort(c.Roles)
	if c.Audience != audience || c.Object != who.ObjectID || !slices.Equal(c.Roles, roles) {
		t.Errorf("the token is for %s, of %s, with %q; want %s, %s (%s) and %q", c.Audience, c.Object, c.Roles, audience, who.ObjectID, who.Name, roles)
	}
}

// unavailable skips a test for want of a client, unless clients are required.
func unavailable(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" || os.Getenv("REQUIRE_CLIENTS") != "" {
		t.Fatalf("needed here (CI or REQUIRE_CLIENTS is set): "+format, args...)
	}
	t.Skipf(format, args...)
}
