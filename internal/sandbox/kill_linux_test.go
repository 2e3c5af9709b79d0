package sandbox

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// marked returns the processes that have a text in their command line.
func marked(t testing.TB, mark string) (found []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		if text, _ := os.ReadFile(name); strings.Contains(string(text), mark) { // one that is gone has none
			found = append(found, fmt.Sprintf("%s %q", filepath.Dir(name), text))
		}
	}
	return found
}

// TestKilled kills outer processes at random moments. Every process of a sandbox is marked: outer and init by the name
// under which they were started, the command and its daemons by a comment in their scripts.
func TestKilled(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		times := 20
		if os.Getenv("SOAK") != "" {
			times = 50
		}
		dir := shared(t)
		before := mounts(t)
		longest := time.Duration(0)
		for i := range times {
			mark := fmt.Sprintf("mark-%d-%d-%s", os.Getpid(), i, w.name)
			c := w.marked(t, mark, dir)
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(rand.N(60 * time.Millisecond))
			if i%5 == 4 {
				waitFor(t, "daemons", func() bool { return len(marked(t, mark)) >= 5 })
			}
			_ = c.Process.Signal(unix.SIGKILL)
			killed := time.Now()
			_ = c.Wait()
			waitFor(t, "nothing of "+mark, func() bool { return len(marked(t, mark)) == 0 })
			longest = max(longest, time.Since(killed))
		}
		t.Logf("everything was gone after %v at most", longest)
		waitFor(t, "the mounts from before", func() bool { return mounts(t) == before })
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) > 0 {
			t.Errorf("files are left: %v, %v", entries, err)
		}
	})
}

// marked returns an outer process whose command starts daemons, and who has one directory to write to.
func (w who) marked(t testing.TB, mark, dir string) *exec.Cmd {
	script := `for i in 1 2; do setsid sh -c 'while :; do sleep 1; done # ` + mark + `' & done; while :; do sleep 1; done # ` + mark
	c := w.outer(t, settings{Name: "a", Command: []string{"sh", "-c", script}, Hide: []string{"/mnt"}, Dir: dir})
	c.Args[0] = mark
	c.Env = append(c.Env, "TMPDIR="+dir, "HOME="+dir)
	c.Dir = dir
	return c
}

// mounts returns those that could be ours. Others may come and go meanwhile.
func mounts(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	var ours []string
	for mount := range strings.Lines(string(text)) {
		if place := strings.Fields(mount)[4]; place == "/mnt" || place == "/tmp" || place == "/proc" || strings.HasPrefix(place, "/etc") || strings.HasPrefix(place, "/run") {
			ours = append(ours, place)
		}
	}
	return strings.Join(ours, " ")
}

func waitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	for limit := time.Now().Add(10 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("waited too long for %s", what)
		}
	}
}
