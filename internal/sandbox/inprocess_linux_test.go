package sandbox

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"
)

// These tests are the outer process themselves.

func startHere(t testing.TB, ctx context.Context, c Config) *Sandbox {
	t.Helper()
	if c.Dir == "" {
		c.Dir = "/"
	}
	if c.Env == nil {
		c.Env = os.Environ()
	}
	s, err := Start(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestBytesPassUnchanged(t *testing.T) {
	needNamespaces(t)
	dir := shared(t)
	name := dir + "/odd \xff name"
	write(t, name, "host")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := startHere(t, context.Background(), Config{Command: []string{"sh", "-c", `cat "$1"; printf %s "$ODD"`, "sh", name}, Dir: dir,
		Env: []string{"ODD=\xfe"}, Files: []File{{name, []byte("\x00\xff")}}, Stdout: w})
	exit, err := s.Run()
	w.Close()
	out, _ := io.ReadAll(r)
	if exit != (Exit{}) || err != nil || !bytes.Equal(out, []byte("\x00\xff\xfe")) {
		t.Errorf("%v, %v, %q", exit, err, out)
	}
}

func TestLifeCycle(t *testing.T) {
	needNamespaces(t)
	before := descriptors(t)

	s := startHere(t, context.Background(), Config{Command: []string{"sh", "-c", "exit 5"}, Connect: []int{freePort(t)}, Publish: []int{freePort(t)}})
	if s.Metadata().Addr().String() != "169.254.169.254:80" || s.Public()[0].Addr().String() != "127.0.0.1:443" {
		t.Errorf("listeners at %v and %v", s.Metadata().Addr(), s.Public()[0].Addr())
	}
	if exit, err := s.Run(); exit != (Exit{Code: 5}) || err != nil {
		t.Errorf("%v, %v", exit, err)
	}
	s.Close()
	s.Close()
	if _, err := s.Metadata().Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener after the end: %v", err)
	}
	if _, err := s.Run(); err == nil {
		t.Error("it ran again")
	}

	s = startHere(t, context.Background(), Config{Command: []string{"sleep", "60"}}) // never run
	s.Close()
	s = startHere(t, context.Background(), Config{Command: []string{"sh", "-c", "kill -TERM $$"}})
	if exit, err := s.Run(); exit != (Exit{143, syscall.SIGTERM}) || err != nil {
		t.Errorf("%v, %v", exit, err)
	}
	s = startHere(t, context.Background(), Config{Command: []string{"nothing-like-this"}})
	var command *CommandError
	if _, err := s.Run(); !errors.As(err, &command) || !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("%v", err)
	}
	waitFor(t, "all descriptors to be closed", func() bool {
		for _, fd := range descriptors(t) { // other tests may close theirs meanwhile
			if !slices.Contains(before, fd) {
				return false
			}
		}
		return true
	})
}

// descriptors returns what this process has open, apart from what the runtime keeps.
func descriptors(t testing.TB) (open []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && to != "anon_inode:[eventpoll]" && to != "anon_inode:[eventfd]" {
			open = append(open, e.Name()+" "+to)
		}
	}
	return open
}

func TestTheContextEnds(t *testing.T) {
	needNamespaces(t)
	ctx, cancel := context.WithCancel(context.Background())
	s := startHere(t, ctx, Config{Command: []string{"sleep", "60"}, Publish: []int{freePort(t)}})
	time.AfterFunc(50*time.Millisecond, cancel)
	if exit, err := s.Run(); err == nil {
		t.Errorf("%v", exit)
	}
	if s, err := Start(ctx, Config{Command: []string{"true"}, Dir: "/"}); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v, %v", s, err)
	}
}

func TestClosedWhileRunning(t *testing.T) {
	needNamespaces(t)
	port := freePort(t)
	s := startHere(t, context.Background(), Config{Command: []string{program(), "tool", "serve", "127.0.0.1:8080", "x"}, Publish: []int{8080 + port%1000}})
	time.AfterFunc(50*time.Millisecond, s.Close)
	if _, err := s.Run(); err == nil {
		t.Error("no error")
	}
}

func TestInitIsKilled(t *testing.T) {
	needNamespaces(t)
	s := startHere(t, context.Background(), Config{Command: []string{"sleep", "60"}})
	time.AfterFunc(50*time.Millisecond, s.init.kill)
	if _, err := s.Run(); err == nil || err.Error() != "the init of the sandbox was killed" {
		t.Errorf("%v", err)
	}
}

// TestInitLetsGoOfTheStreams has a reader of the command's output that must not wait for init.
func TestInitLetsGoOfTheStreams(t *testing.T) {
	needNamespaces(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := startHere(t, context.Background(), Config{Command: []string{"sh", "-c", "exec >&-; exec sleep 60"}, Stdout: w})
	w.Close()
	ended := make(chan error)
	go func() { _, err := s.Run(); ended <- err }()
	_ = r.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadAll(r); err != nil {
		t.Error("the command has closed its output, and the reader still waits:", err)
	}
	s.Close()
	<-ended
}

func TestOutside(t *testing.T) {
	for address, want := range map[string]bool{
		"203.0.113.1": true, "10.0.0.1": true, "192.168.1.1": true, "2a00:1450::1": true, "fd00::1": true,
		"127.0.0.1": false, "127.8.8.8": false, "::1": false, "0.0.0.0": false, "0.1.2.3": false, "::": false, "255.255.255.255": false,
		"169.254.169.254": false, "169.254.170.2": false, "fe80::1": false, "224.0.0.1": false, "ff02::1": false,
		"168.63.129.16": false, "fd00:ec2::254": false,
	} {
		if got := isOutside(addressOf(t, address)); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

func TestIdentity(t *testing.T) {
	user := callerIdentity(1000, 100, 0)
	if user.uids[0].HostID != 1000 || user.gids[0].ContainerID != 100 || user.setgroups || len(user.ambient) == 0 || user.keep != 0 {
		t.Errorf("a user: %+v", user)
	}
	bare := callerIdentity(0, 0, 0)
	if len(bare.uids) != 1 || bare.uids[0].Size != 1 || bare.setgroups || bare.ambient != nil || bare.keep != rootKeeps {
		t.Errorf("root without capabilities: %+v", bare)
	}
	if const21 := uint64(1 << 21); rootKeeps&const21 != 0 {
		t.Error("a root command keeps CAP_SYS_ADMIN, with which it can undo the mounts")
	}
	file := write(t, shared(t)+"/uid_map", "         0       1000          1\n         1     100000      65536\n")
	if got := everybody(file); len(got) != 2 || got[1] != (syscall.SysProcIDMap{ContainerID: 1, HostID: 1, Size: 65536}) {
		t.Errorf("the map of a container: %+v", got)
	}
}

func TestPlans(t *testing.T) {
	p := plan{Command: raws([]string{"a", "\xff"}), Dir: []byte("/"), Files: []planFile{{[]byte("/a"), 3}, {[]byte("/b"), 0}, {[]byte("/c"), 2}}}
	fd, err := writePlan(p, []File{{"/a", []byte("one")}, {"/b", nil}, {"/c", []byte("\x00\xff")}})
	if err != nil {
		t.Fatal(err)
	}
	got, contents, err := readPlan(fd)
	if err != nil || string(got.Command[1]) != "\xff" || len(contents) != 3 || string(contents[0]) != "one" || string(contents[2]) != "\x00\xff" {
		t.Errorf("%+v, %q, %v", got, contents, err)
	}
}

// BenchmarkStart measures from the start of this program to the end of `true` in a sandbox, and says how many times that
// of `unshare -Urnm true` in the same run it is: the limit is 10.
func BenchmarkStart(b *testing.B) {
	needNamespaces(b)
	var ours, theirs []time.Duration
	for b.Loop() {
		c := who{}.outer(b, settings{Command: []string{"true"}})
		ours = append(ours, timed(b, c))
		theirs = append(theirs, timed(b, exec.Command("unshare", "-Urnm", "true")))
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	mine, yardstick := ours[len(ours)/2], theirs[len(theirs)/2]
	b.ReportMetric(float64(mine.Microseconds())/1000, "ms/sandbox")
	b.ReportMetric(float64(yardstick.Microseconds())/1000, "ms/unshare")
	b.ReportMetric(float64(mine)/float64(yardstick), "ratio")
}

func timed(b *testing.B, c *exec.Cmd) time.Duration {
	begin := time.Now()
	if out, err := c.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return time.Since(begin)
}
