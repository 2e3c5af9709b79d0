package interop

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// `inborn run` can be killed at any moment, and nothing may be left of it: the kernel has to clean up by itself what the
// program can no longer.

const (
	goneWithin  = 10 * time.Second
	killedUntil = 250 * time.Millisecond // after its start: by then the command and its daemons run
)

// daemons is a command that leaves its session and its process group in every way it can. MARK is in each command line,
// as it is in those of `inborn run` and of the first process of the sandbox.
const daemons = `
for i in 1 2; do setsid sh -c 'while :; do sleep 1; done # MARK' & done
(nohup sh -c 'trap "" TERM HUP INT; while :; do sleep 1; done # MARK' >/dev/null 2>&1 &)
curl -s -H Metadata:true "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://graph.microsoft.com/" >/dev/null
while :; do sleep 1; done # MARK`

func TestSandboxLeavesNothingWhenKilled(t *testing.T) {
	t.Parallel() // it mostly waits
	needSandbox(t)
	times := 20
	if os.Getenv("SOAK") != "" {
		times = 50
	}
	for _, u := range users() {
		t.Run(u.name, func(t *testing.T) {
			var longest time.Duration
			stages := map[int]int{}
			for i := range times {
				wait := rand.N(killedUntil)
				if i%5 == 4 {
					wait = time.Hour // until all is there
				}
				took, processes := killOnce(t, u, wait)
				longest = max(longest, took)
				stages[processes]++
			}
			t.Logf("killed %d times, with so many processes there: %v; everything was gone after %s at most", times, stages, longest)
		})
	}
}

// killOnce starts a sandbox with nothing but directories of its own and kills `inborn run` after wait, or as soon as its
// daemons run. It returns how long everything took to be gone, and how many processes there had been.
func killOnce(t *testing.T, u user, wait time.Duration) (took time.Duration, had int) {
	t.Helper()
	its := mark(t, "killed")
	home, err := os.MkdirTemp(shared.dir, "home")
	if err != nil {
		t.Fatal(err)
	}
	if u.as != nil {
		if err := os.Chown(home, int(u.as.Uid), int(u.as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	mounts, memory := readMounts(t), list(t, "/dev/shm")
	c := startMarked(t, u, its, home)
	const all = 2 + 4 // inborn run and the first process of the sandbox, the command and its daemons
	for end := time.Now().Add(min(wait, goneWithin)); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if had = len(marked(its)); wait == time.Hour && had >= all {
			break
		}
	}
	namespaces, others := namespacesOf(marked(its)), marked("")
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	_ = c.Wait()
	eventually(t, "no process of it", func() string { return strings.Join(marked(its), " ") })
	took = time.Since(killed)
	eventually(t, "no namespace of it", func() string { return holding(namespaces, others) })
	eventually(t, "the mounts from before", func() string {
		if now := readMounts(t); now != mounts {
			return now
		}
		return ""
	})
	eventually(t, "no file in memory", func() string { return list(t, "/dev/shm", strings.Fields(memory)...) })
	if left := list(t, home); left != "" {
		t.Errorf("files are left: %s", left)
	}
	return took, had
}

// startMarked starts daemons in a sandbox under a name of their own. All that `inborn run` could write to by default is
// one directory.
func startMarked(t *testing.T, u user, its, home string) *exec.Cmd {
	t.Helper()
	b := privately("sandbox", "vm-orders")
	b.as = u.as
	c := b.command(t, "sh", "-c", strings.ReplaceAll(daemons, "MARK", its))
	c.Args[0] = its
	c.Dir = home
	c.Env = append(c.Env, "HOME="+home, "TMPDIR="+home, "XDG_STATE_HOME="+home, "XDG_RUNTIME_DIR="+home, "XDG_CACHE_HOME="+home, "XDG_CONFIG_HOME="+home)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// marked returns the directories in /proc of the processes that have a text in their command line.
func marked(mark string) (found []string) {
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		if text, _ := os.ReadFile(name); strings.Contains(string(text), mark) {
			found = append(found, filepath.Dir(name))
		}
	}
	return found
}

// namespacesOf returns the namespaces of processes that are not our own.
func namespacesOf(processes []string) (found []string) {
	ours := linksIn([]string{"/proc/self"})
	for _, link := range linksIn(processes) {
		if !slices.Contains(ours, link) && !slices.Contains(found, link) {
			found = append(found, link)
		}
	}
	return found
}

func linksIn(processes []string) (links []string) {
	for _, p := range processes {
		names, _ := filepath.Glob(p + "/ns/*")
		for _, name := range names {
			if to, err := os.Readlink(name); err == nil { // it may have ended meanwhile
				links = append(links, to)
			}
		}
	}
	return links
}

// holding returns which of the processes are in one of the namespaces or have one open. They are those of before the end
// of the namespaces: the kernel gives their numbers to new ones at once. A process that is dead and only waits for the first
// process of this machine to take note does not count.
func holding(namespaces, processes []string) string {
	var found []string
	for _, p := range processes {
		if stat, err := os.ReadFile(p + "/stat"); err != nil || strings.Contains(string(stat), ") Z ") {
			continue
		}
		for _, what := range []string{"/ns/*", "/fd/*"} {
			names, _ := filepath.Glob(p + what)
			for _, name := range names {
				if to, err := os.Readlink(name); err == nil && slices.Contains(namespaces, to) {
					found = append(found, name+" "+to)
				}
			}
		}
	}
	return strings.Join(found, " ")
}

// readMounts returns the mounts of this process at places where a sandbox has its own. Elsewhere others may come and go.
func readMounts(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		place := strings.Fields(line)[4]
		within := func(dir string) bool { return place == dir || strings.HasPrefix(place, dir+"/") }
		if slices.Contains([]string{"/", "/tmp", "/var", "/usr"}, place) || slices.ContainsFunc([]string{"/proc", "/etc", "/run", "/usr/share", shared.dir}, within) {
			found = append(found, line)
		}
	}
	return strings.Join(found, "")
}

// list returns what is in a directory, but for the given entries.
func list(t *testing.T, dir string, but ...string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if !slices.Contains(but, e.Name()) {
			names = append(names, e.Name())
		}
	}
	return strings.Join(names, " ")
}

// eventually waits until left returns nothing.
func eventually(t *testing.T, what string, left func() string) {
	t.Helper()
	text := left()
	for end := time.Now().Add(goneWithin); text != "" && time.Now().Before(end); text = left() {
		time.Sleep(2 * time.Millisecond)
	}
	if text != "" {
		t.Errorf("after %s there is not %s: %.2000s", goneWithin, what, text)
	}
}

// The same holds for the ways in which people end a command.
func TestSandboxLeavesNothingWhenItEnds(t *testing.T) {
	needSandbox(t)
	for name, end := range map[string]func(*exec.Cmd) error{
		"SIGTERM": func(c *exec.Cmd) error { return c.Process.Signal(syscall.SIGTERM) },
		"SIGHUP":  func(c *exec.Cmd) error { return c.Process.Signal(syscall.SIGHUP) },
		"the command is killed": func(c *exec.Cmd) error {
			pid, err := commandOf(c.Process.Pid)
			if err != nil {
				return err
			}
			return syscall.Kill(pid, syscall.SIGKILL)
		},
		"the first process of the sandbox is killed": func(c *exec.Cmd) error {
			pid, err := childOf(c.Process.Pid)
			if err != nil {
				return err
			}
			return syscall.Kill(pid, syscall.SIGKILL)
		},
	} {
		t.Run(name, func(t *testing.T) {
			its, home := mark(t, "ended"), t.TempDir()
			c := startMarked(t, user{}, its, home)
			for end := time.Now().Add(goneWithin); len(marked(its)) < 6 && time.Now().Before(end); {
				time.Sleep(2 * time.Millisecond)
			}
			if err := end(c); err != nil {
				t.Fatal(err)
			}
			_ = c.Wait()
			eventually(t, "no process of it", func() string { return strings.Join(marked(its), " ") })
			if left := list(t, home); left != "" {
				t.Errorf("files are left: %s", left)
			}
			if code := c.ProcessState.ExitCode(); code == 0 {
				t.Error("and it says that all went well")
			}
		})
	}
}

// childOf returns the only child of a process.
func childOf(pid int) (int, error) {
	names, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	for _, name := range names {
		if text, err := os.ReadFile(name); err == nil && len(strings.Fields(string(text))) > 0 {
			return strconv.Atoi(strings.Fields(string(text))[0])
		}
	}
	return 0, fmt.Errorf("process %d has no child", pid)
}

// commandOf returns the command of a sandbox, which is the oldest child of its first process.
func commandOf(pid int) (int, error) {
	first, err := childOf(pid)
	if err != nil {
		return 0, err
	}
	return childOf(first)
}
