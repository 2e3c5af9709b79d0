package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	startWithin = 30 * time.Second
	stopWithin  = 10 * time.Second
	logShown    = 16 << 10 // bytes of the log that a failure shows
)

// dev is the Inborn that all tests of this program share. TestMain sets it.
var dev *inborn

// machineEnv is the environment as it was: npm install may need a proxy that clients must not see.
var machineEnv = os.Environ()

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == clientArgument {
		os.Exit(becomeClient(os.Args[2], os.Args[3:]))
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	forgetEnvironment()
	var flags []string
	if os.Getenv(scenarioVariable) != "" {
		var err error
		if flags, err = enterNamespace(); err != nil {
			fmt.Fprintln(os.Stderr, "namespace:", err)
			return 1
		}
	} else {
		flags = []string{"--default-resource", "func-orders"}
	}
	if err := share(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(shared.dir)
	var err error
	if dev, err = start(flags...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := dev.stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	if code != 0 {
		fmt.Fprintf(os.Stderr, "--- the log of inborn dev:\n%s\n", dev.lastLog())
	}
	os.RemoveAll(dev.data)
	return code
}

// forgetEnvironment takes away what could lead a client elsewhere than to the Inborn under test.
func forgetEnvironment() {
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		upper := strings.ToUpper(name)
		for _, prefix := range []string{"AZURE_", "IDENTITY_", "MSI_", "IMDS_", "ARM_"} {
			if strings.HasPrefix(upper, prefix) {
				os.Unsetenv(name)
			}
		}
		if strings.HasSuffix(upper, "_PROXY") {
			os.Unsetenv(name)
		}
	}
}

// inborn is a started program and what it says of itself.
type inborn struct {
	bin, data string
	command   *exec.Cmd
	exited    chan error

	Tenant           string   `json:"tenant"`
	Subscription     string   `json:"subscription"`
	Origin           string   `json:"origin"`
	IdentityEndpoint string   `json:"identityEndpoint"`
	CA               string   `json:"ca"`
	Issuers          []string `json:"issuers"` // of v1.0 and v2.0 tokens
}

// start starts `inborn dev` on free ports and returns when it says that it is ready.
func start(flags ...string) (*inborn, error) {
	bin, err := program()
	if err != nil {
		return nil, err
	}
	data, err := os.MkdirTemp("", "ib") // short: the path of a Unix socket is limited to about 100 bytes
	if err != nil {
		return nil, err
	}
	if !contains(flags, "--identity-endpoint") {
		address, err := freeAddress()
		if err != nil {
			return nil, err
		}
		flags = append(flags, "--identity-endpoint", address)
	}
	log, err := os.Create(filepath.Join(data, "interop.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	d := &inborn{bin: bin, data: data, exited: make(chan error, 1)}
	d.command = exec.Command(bin, append([]string{"dev", "--data", data, "--listen", "127.0.0.1:0", "--verbose",
		"--output", "json", "--file", filepath.Join("testdata", "inborn.yaml")}, flags...)...)
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
		return nil, fmt.Errorf("inborn dev is not ready: %w\n%s", err, d.lastLog())
	}
	return d, nil
}

// follow starts the program, reads what it says of itself and waits for its end. It keeps its thread, because the kernel
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
	ready <- json.NewDecoder(stdout).Decode(d)
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
		if err != nil {
			return fmt.Errorf("inborn dev did not end well: %w", err)
		}
		return nil
	case <-time.After(stopWithin):
		_ = d.command.Process.Kill()
		return fmt.Errorf("inborn dev did not stop within %s", stopWithin)
	}
}

func (d *inborn) lastLog() []byte {
	text, _ := os.ReadFile(filepath.Join(d.data, "interop.log"))
	return text[max(0, len(text)-logShown):]
}

// program returns the path of the program under test, which it builds if there is none.
func program() (string, error) {
	path := os.Getenv("INBORN_BIN")
	if path == "" {
		path = filepath.Join("..", "bin", "inborn")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return path, err
	}
	build := exec.Command("go", "build", "-trimpath", "-o", path, "./cmd/inborn")
	build.Dir = ".."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build inborn: %w\n%s", err, out)
	}
	return path, nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// output runs one command of the program under test and returns its JSON.
func (d *inborn) output(t *testing.T, args ...string) ([]byte, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, d.bin, append(args, "--data", d.data, "--output", "json")...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	text, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("inborn %s: %w\n%s", strings.Join(args, " "), err, &stderr)
	}
	return text, nil
}

// run runs one command that must succeed; out gets its JSON.
func (d *inborn) run(t *testing.T, out any, args ...string) {
	t.Helper()
	text, err := d.output(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, out); err != nil {
		t.Fatalf("inborn %s printed %q: %v", strings.Join(args, " "), text, err)
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

func contains(all []string, one string) bool {
	for _, s := range all {
		if s == one {
			return true
		}
	}
	return false
}
