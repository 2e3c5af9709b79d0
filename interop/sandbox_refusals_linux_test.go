package interop

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// What `inborn run` cannot do it says in one sentence on standard error: what is the matter and, where another mode would
// do, which. Nothing else is written, and the exit code is never that of a success.

// checkSentence expects that nothing came of a command but one line that a pattern matches.
func checkSentence(t *testing.T, got outcome, code int, pattern string) {
	t.Helper()
	if !regexp.MustCompile(`^inborn: `+pattern+`\n$`).MatchString(got.stderr) || got.stdout != "" || got.code != code {
		t.Errorf("exit code %d, want %d; standard output %q, standard error\n%swant\ninborn: %s", got.code, code, got.stdout, got.stderr, pattern)
	}
}

func TestRunRefusesInOneSentence(t *testing.T) {
	needSandbox(t)
	occupied, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer occupied.Close()
	port := portOf(t, "tcp://"+occupied.Addr().String())
	manifest := func(text string) string {
		file := filepath.Join(t.TempDir(), "bad.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	const start = "resources:\n  - type: Microsoft.Web/sites\n    name: x\n"
	private := []string{"--mode", "sandbox", "--file", shared.manifest}
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"a port that is in use", append(private, "--as", "vm-orders", "--publish", port), 1, `port ` + port + `, which is to be published, is in use on this machine`},
		{"a port of the sandbox itself", append(private, "--as", "vm-orders", "--publish", "443"), 1, `port 443 inside the sandbox is Inborn's own`},
		{"what is no port", append(private, "--as", "vm-orders", "--connect", "70000"), 2, `70000 is not a port\.`},
		{"a resource that does not exist", append(private, "--as", "nobody"), 2,
			`\S*/sandbox\.yaml declares no resource "nobody"\. It declares: func-orders, vm-orders, func-other, func-owner\.`},
		{"no resource, of several", private, 2, `Say with --as which of the resources of the manifest the command is: func-orders, vm-orders, func-other, func-owner\.`},
		{"an unknown key", []string{"--file", manifest(start + "    identty: {system: true}\n")}, 1, `\S*bad\.yaml:4:5: unknown key "identty"; the keys here are .*`},
		{"no YAML", []string{"--file", manifest("a: [\n")}, 1, `\S*bad\.yaml:1:4: .+`},
		{"an identity that does not exist", []string{"--file", manifest(start + "    identity: {user: [nobody]}\n")}, 1, `\S*bad\.yaml:4:22: .*"nobody".*`},
		{"no manifest", []string{"--file", "/nowhere.yaml"}, 1, `Cannot read the manifest: open /nowhere\.yaml: no such file or directory\.`},
		{"an unknown mode", append(private, "--mode", "nonsense"), 2, `--mode nonsense is none of auto, sandbox, proxy and env\.`},
		{"a private and a running one", append(private, "--data", dev.data), 2, `--file starts a private Inborn and --data joins a running one: .*`},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append(append([]string{"run"}, c.args...), "--", "echo", "ran")
			checkSentence(t, finish(t, exec.CommandContext(t.Context(), shared.bin, args...)), c.code, c.says)
		})
	}
	t.Run("a working directory that is hidden", func(t *testing.T) {
		c := joining("sandbox", "func-orders").command(t, "echo", "ran")
		c.Dir = dev.data
		checkSentence(t, finish(t, c), 1, `the working directory \S+ lies in \S+, which is hidden from the command: start it elsewhere`)
	})
}

func TestRunSaysWhyACommandDoesNotStart(t *testing.T) {
	needSandbox(t)
	file := filepath.Join(shared.dir, "not-executable")
	if err := os.WriteFile(file, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"sandbox", "env"} {
		for _, c := range []struct {
			name, command string
			code          int
			why           string
		}{
			{"a name that is nowhere", "no-such-command", 127, `executable file not found in \$PATH`},
			{"a path that is nowhere", "/no/such/command", 127, "no such file or directory"},
			{"not executable", file, 126, "permission denied"},
			{"a directory", shared.dir, 126, "permission denied"},
		} {
			t.Run(mode+", "+c.name, func(t *testing.T) {
				got := privately(mode, "vm-orders").try(t, "", c.command)
				checkSentence(t, got, c.code, "cannot run "+regexp.QuoteMeta(c.command)+": "+c.why)
			})
		}
	}
}

// What keeps a kernel from making sandboxes, as far as it can be had anywhere. Shells stand for it: $0 is `inborn run`.
func TestRunNamesWhatForbidsASandbox(t *testing.T) {
	needSandbox(t)
	if _, err := exec.LookPath("unshare"); err != nil {
		unavailable(t, "no user namespace without the program unshare: %v", err)
	}
	for _, u := range users() {
		for _, c := range []struct{ name, script, cause string }{
			{"no user namespaces", `exec unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$0" "$@"' "$0" "$@"`, "user.max_user_namespaces is 0"},
			{"no network namespaces", `exec unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_net_namespaces; exec "$0" "$@"' "$0" "$@"`, "user.max_net_namespaces is 0"},
			{"a seccomp filter", `exec "` + shared.self + `" ` + clientArgument + ` seccomp "$0" "$@"`, "a seccomp filter forbids namespaces"},
		} {
			says := "a sandbox cannot be had here: " + regexp.QuoteMeta(c.cause)
			t.Run(u.name+", "+c.name, func(t *testing.T) {
				checkSentence(t, u.under(t, c.script, "sandbox", "echo", "ran"), 1, says+"; use --mode proxy")
				got := u.under(t, c.script, "auto", "echo", "ran")
				first, _, _ := strings.Cut(got.stderr, "\n")
				if got.code != 0 || got.stdout != "ran\n" || !regexp.MustCompile("^inborn: "+says+"; using --mode proxy$").MatchString(first) {
					t.Errorf("--mode auto: exit code %d, %q\n%s", got.code, got.stdout, got.stderr)
				}
				checkUsers(t, afterLine(u.under(t, c.script, "auto", "sh", "-ec", curlIMDS+curlGraph).stdout))
			})
		}
	}
}

// under runs a command with `inborn run` below a shell script.
func (u user) under(t *testing.T, script, mode string, args ...string) outcome {
	t.Helper()
	b := privately(mode, "vm-orders")
	b.as = u.as
	c := b.command(t, args...)
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	c.Args = append([]string{"sh", "-c", script}, append([]string{c.Path}, c.Args[1:]...)...)
	c.Path = shell
	return finish(t, c)
}

func afterLine(text string) string {
	_, rest, _ := strings.Cut(text, "\n")
	return rest
}

// forbidNamespaces becomes another program under a seccomp filter as those of container engines are: without privileges,
// nobody makes a user namespace.
func forbidNamespaces(args []string) error {
	runtime.LockOSThread() // a filter is a thread's
	const (
		load   = syscall.BPF_LD | syscall.BPF_W | syscall.BPF_ABS
		equal  = syscall.BPF_JMP | syscall.BPF_JEQ | syscall.BPF_K
		common = syscall.BPF_JMP | syscall.BPF_JSET | syscall.BPF_K
		give   = syscall.BPF_RET | syscall.BPF_K

		allow, refuse        = 0x7fff0000, 0x00050000 // seccomp(2); the error is added
		number, firstFlags   = 0, 16                  // of struct seccomp_data
		clone3               = 435
		noNewPrivileges      = 38
		setFilter, filtering = 22, 2
	)
	filter := []syscall.SockFilter{
		{Code: load, K: number},
		{Code: equal, K: clone3, Jf: 1},
		{Code: give, K: refuse | uint32(syscall.ENOSYS)},
		{Code: equal, K: syscall.SYS_UNSHARE, Jt: 3},
		{Code: equal, K: syscall.SYS_CLONE, Jf: 3},
		{Code: load, K: firstFlags},
		{Code: common, K: syscall.CLONE_NEWUSER, Jf: 1},
		{Code: give, K: refuse | uint32(syscall.EPERM)},
		{Code: give, K: allow},
	}
	program := syscall.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, noNewPrivileges, 1, 0, 0, 0, 0); errno != 0 {
		return fmt.Errorf("no_new_privs: %w", errno)
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setFilter, filtering, uintptr(unsafe.Pointer(&program))); errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	if len(args) == 0 {
		return errors.New("there is nothing to run")
	}
	return fmt.Errorf("%s: %w", args[0], syscall.Exec(args[0], args, os.Environ()))
}
