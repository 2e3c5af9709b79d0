package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const boxWithin = time.Minute

// box is a way to start programs with `inborn run`: all of its command line but the program.
type box struct {
	mode  string
	flags []string
	env   []string            // added to that of this process
	as    *syscall.Credential // who starts it; nil: this user

	within time.Duration // if longer than boxWithin
}

// privately starts an Inborn for each program.
func privately(mode, resource string, flags ...string) box {
	return box{mode: mode, flags: append([]string{"--file", shared.manifest, "--as", resource}, flags...)}
}

// joining makes each program a workload of the Inborn that all tests share.
func joining(mode, resource string, flags ...string) box {
	return box{mode: mode, flags: append([]string{"--data", dev.data, "--as", resource}, flags...)}
}

// shared are files that every user of this machine can read. runTests makes them.
var shared struct{ dir, bin, self, manifest string }

// share copies the program under test, this one and the manifest of private Inborns to where every user can use them.
func share() error {
	bin, err := program()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if shared.dir, err = os.MkdirTemp("", "interop"); err != nil {
		return err
	}
	shared.bin, shared.self = filepath.Join(shared.dir, "inborn"), filepath.Join(shared.dir, "client")
	shared.manifest = filepath.Join(shared.dir, "sandbox.yaml")
	return errors.Join(os.Chmod(shared.dir, 0o755), copyFile(shared.bin, bin), copyFile(shared.self, self),
		copyFile(shared.manifest, filepath.Join("testdata", "sandbox.yaml")))
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Chmod(0o755), out.Close())
}

// user is somebody who runs `inborn run`.
type user struct {
	name string
	as   *syscall.Credential
}

// users are those it must work for: this user, and where that is root also one who may nothing.
func users() []user {
	if os.Geteuid() != 0 {
		return []user{{"user", nil}}
	}
	return []user{{"root", nil}, {"nobody", &syscall.Credential{Uid: 65534, Gid: 65534}}}
}

// needSandbox skips a test where the kernel does not let a user make sandboxes.
func needSandbox(t *testing.T) {
	t.Helper()
	if got := privately("sandbox", "vm-orders").try(t, "", "true"); got.code != 0 {
		unavailable(t, "no sandbox can be had here: %s", got.stderr)
	}
}

// command returns the command that runs a program.
func (b box) command(t *testing.T, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), max(b.within, boxWithin)) // that of t ends before what is cleaned up
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, shared.bin, slices.Concat([]string{"run", "--mode", b.mode}, b.flags, []string{"--"}, args)...)
	c.Env = append(os.Environ(), b.env...)
	c.WaitDelay = stopWithin
	if b.as != nil {
		c.Dir = shared.dir
		c.Env = append(c.Env, "HOME=/nonexistent")
		c.SysProcAttr = &syscall.SysProcAttr{Credential: b.as}
	}
	return c
}

// outcome is what came of a program.
type outcome struct {
	code           int
	stdout, stderr string
}

func (b box) try(t *testing.T, input string, args ...string) outcome {
	t.Helper()
	c := b.command(t, args...)
	c.Stdin = strings.NewReader(input)
	return finish(t, c)
}

// finish runs a command to its end.
func finish(t *testing.T, c *exec.Cmd) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%q: %v\n%s%s", c.Args, err, &stdout, &stderr)
	}
	return outcome{c.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// run runs a program that must succeed and returns what it prints.
func (b box) run(t *testing.T, input string, args ...string) string {
	t.Helper()
	got := b.try(t, input, args...)
	if got.code != 0 {
		t.Fatalf("inborn run --mode %s %q -- %q: exit code %d\n%s%s", b.mode, b.flags, args, got.code, got.stdout, got.stderr)
	}
	return got.stdout
}

// runJSON is run for programs that read one JSON value and print one or more.
func (b box) runJSON(t *testing.T, in any, args []string, out ...any) {
	t.Helper()
	input, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	text := b.run(t, string(input), args...)
	d := json.NewDecoder(strings.NewReader(text))
	for _, o := range out {
		if err := d.Decode(o); err != nil {
			t.Fatalf("%q printed %q: %v", args, text, err)
		}
	}
}

// The Inborns of testdata/sandbox.yaml.
const (
	privateTenant       = "7f1c9a52-3e0b-4d6a-9b51-2a6c8e4d1f03"
	privateSubscription = "3a6d2c88-9f41-4b7e-8c15-6e0f2d9b7a44"
	privateGroup        = "/subscriptions/" + privateSubscription + "/resourceGroups/default"
	privateIdentity     = privateGroup + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/"
)

func privateTokens() tenant {
	return tenant{privateTenant, []string{"https://sts.windows.net/" + privateTenant + "/", "https://login.microsoftonline.com/" + privateTenant + "/v2.0"}}
}

// place is a resource of testdata/sandbox.yaml as a program knows it.
type place struct {
	resource     string
	site         bool // on App Service
	system, user identity
	refusal      string // of an identity that it does not have
}

func places() []place {
	user := identity{Name: "id-orders", ClientID: "f8973019-6953-433b-b935-adc31f5646d5", ObjectID: "1d3c5b7a-90e2-4f46-8a1b-5c7d9e0f2a34",
		ResourceID: privateIdentity + "id-orders"}
	return []place{
		{"func-orders", true, identity{ResourceID: privateGroup + "/providers/Microsoft.Web/sites/func-orders"}, user, "No Managed Identity found"},
		{"vm-orders", false, identity{ResourceID: privateGroup + "/providers/Microsoft.Compute/virtualMachines/vm-orders"}, user, "Identity not found"},
	}
}

// another is an identity of none of places.
func another() identity {
	return identity{Name: "id-of-another", ClientID: "5e2b7c3a-1f0d-4c57-8a39-0d3b6b1c9f42", ObjectID: "6c1e8f0d-2b73-4a95-9e48-f3a70c5d1b62",
		ResourceID: privateIdentity + "id-of-another"}
}

// checkUsers expects the answer of Graph to be the users of testdata/sandbox.yaml.
func checkUsers(t *testing.T, body string) {
	t.Helper()
	var page struct {
		Value []struct{ UserPrincipalName string }
	}
	if err := json.Unmarshal([]byte(body), &page); err != nil {
		t.Errorf("Graph answered %q: %v", body, err)
	} else if len(page.Value) != 1 || page.Value[0].UserPrincipalName != "ann@contoso.example" {
		t.Errorf("Graph answered %s, want ann", fmt.Sprintf("%.500s", body))
	}
}
