package sandbox

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestExitCodes(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		dir := shared(t)
		write(t, dir+"/plain", "no program")
		write(t, dir+"/empty", "")
		for _, f := range []string{"broken", "script"} {
			write(t, dir+"/"+f, "#!/no/such/interpreter\n")
		}
		_ = os.Chmod(dir+"/broken", 0o755)
		_ = os.Chmod(dir+"/empty", 0o755)
		for _, x := range []struct {
			command []string
			code    int
			signal  syscall.Signal
			says    string
		}{
			{[]string{"true"}, 0, 0, ""},
			{[]string{"sh", "-c", "exit 3"}, 3, 0, ""},
			{[]string{"sh", "-c", "exit 255"}, 255, 0, ""},
			{[]string{"no-such-program"}, ExitNotFound, 0, "error: cannot run no-such-program: executable file not found"},
			{[]string{"./none"}, ExitNotFound, 0, "error: cannot run ./none: no such file or directory"},
			{[]string{"plain"}, ExitNotExecutable, 0, "error: cannot run plain: permission denied"},
			{[]string{"./plain"}, ExitNotExecutable, 0, "permission denied"},
			{[]string{"/"}, ExitNotExecutable, 0, "permission denied"},
			{[]string{"./broken"}, ExitNotFound, 0, "no such file"},
			{[]string{"empty"}, ExitNotExecutable, 0, "exec format error"},
			{[]string{"sh", "-c", "kill -TERM $$"}, -1, unix.SIGTERM, ""},
			{[]string{"sh", "-c", "kill -KILL $$"}, -1, unix.SIGKILL, ""},
			{[]string{"sh", "-c", "kill -INT $$"}, -1, unix.SIGINT, ""},
			{[]string{"sh", "-c", "kill -HUP $$"}, -1, unix.SIGHUP, ""},
			{[]string{"sh", "-c", "kill -PIPE $$"}, -1, unix.SIGPIPE, ""},
			{[]string{"sh", "-c", "kill -USR1 $$"}, -1, unix.SIGUSR1, ""},
			{[]string{"sh", "-c", "kill -ALRM $$"}, -1, unix.SIGALRM, ""},
			{[]string{"sh", "-c", "kill -SEGV $$"}, 139, 0, ""},
			{[]string{"sh", "-c", "kill -ABRT $$"}, 134, 0, ""},
			{[]string{"sh", "-c", "kill -QUIT $$"}, 131, 0, ""},
		} {
			c := w.outer(t, settings{Command: x.command, Dir: dir, Env: []string{"PATH=/usr/bin:/bin:" + dir}})
			r := finish(c, nil)
			if r.code != x.code || r.signal != x.signal || !strings.Contains(r.err, x.says) || x.says == "" && r.err != "" {
				t.Errorf("%q: code %d, signal %v, said %q", x.command, r.code, r.signal, r.err)
			}
		}
	})
}

func TestTheWorkingDirectory(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		dir := shared(t)
		equal(t, "pwd", w.must(t, settings{Dir: dir}, "/bin/pwd"), dir+"\n")
		for _, bad := range []string{dir + "/none", "relative"} {
			if r := w.run(t, settings{Dir: bad}, "true"); r.code != ExitFailed {
				t.Errorf("%s: exit code %d, %s", bad, r.code, r.err)
			}
		}
	})
}

func TestStreams(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		c := w.outer(t, settings{Command: []string{"sh", "-c", "cat; echo err >&2; test -t 0 || echo no terminal"}})
		r := finish(c, strings.NewReader("through a pipe\n"))
		equal(t, "out", r.out, "through a pipe\nno terminal\n")
		equal(t, "err", r.err, "err\n")

		shell := w.shell(t, settings{Command: []string{"yes"}}, `"$OUTER" | head -1; echo ${PIPESTATUS[0]}`)
		equal(t, "yes | head", shell, "y\n141\n")
		shell = w.shell(t, settings{Command: []string{"bash", "-c", "cat <&3; cat <&63"}}, `echo three >f; "$OUTER" 3<f 63< <(echo sixty-three)`)
		equal(t, "inherited descriptors", shell, "three\nsixty-three\n")
		shell = w.shell(t, settings{Command: []string{"sh", "-c", "ls -l /proc/self/fd | wc -l"}}, `"$OUTER"; sh -c "ls -l /proc/self/fd | wc -l"`)
		if a, b, _ := strings.Cut(strings.TrimSpace(shell), "\n"); a != b {
			t.Errorf("%s lines of descriptors inside, %s outside", a, b)
		}
		shell = w.shell(t, settings{Command: []string{"sh", "-c", "sleep 60 & exec sh -c 'echo started'"}}, `"$OUTER" | cat; echo ended`)
		equal(t, "a child that stays behind", shell, "started\nended\n")
		shell = w.shell(t, settings{Command: []string{"sh", "-c", "echo closed"}}, `"$OUTER" <&- 2>&-`)
		equal(t, "closed streams", shell, "closed\n")
	})
}

// shell runs a script of bash in which "$OUTER" is an outer process, in a directory of its own.
func (w who) shell(t testing.TB, s settings, script string) string {
	t.Helper()
	c := w.shellCommand(t, s, script)
	r := finish(c, nil)
	if r.code != 0 {
		t.Errorf("%s: code %d, signal %v, %s", script, r.code, r.signal, r.err)
	}
	return r.out
}

func (w who) shellCommand(t testing.TB, s settings, script string) *exec.Cmd {
	t.Helper()
	s.Dir = shared(t)
	c := w.outer(t, s)
	c.Path, c.Args, c.Dir = "/bin/bash", []string{"bash", "-c", script}, s.Dir
	c.Env = append(c.Env, "OUTER="+program())
	return c
}

func TestSignalsReachTheCommand(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		for _, sig := range []syscall.Signal{unix.SIGTERM, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2} {
			c := w.outer(t, settings{Command: []string{"bash", "-c",
				fmt.Sprintf("trap 'echo got it; exit 9' %d; echo ready; while :; do sleep 0.01; done", int(sig))}})
			out := begin(t, c)
			expect(t, out, "ready")
			if err := c.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			expect(t, out, "got it")
			_ = c.Wait()
			if code := c.ProcessState.ExitCode(); code != 9 {
				t.Errorf("%v: exit code %d", sig, code)
			}
		}
		c := w.outer(t, settings{Command: []string{"sh", "-c", "echo ready; sleep 60"}})
		expect(t, begin(t, c), "ready")
		_ = c.Process.Signal(unix.SIGINT) // which only its sender thinks to reach the command
		_ = c.Process.Signal(unix.SIGTERM)
		_ = c.Wait()
		if status := c.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != unix.SIGTERM {
			t.Errorf("ended by %v", c.ProcessState)
		}
	})
}

// begin starts a process and returns what it prints.
func begin(t testing.TB, c *exec.Cmd) *bufio.Reader {
	t.Helper()
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if c.Stderr == nil {
		c.Stderr = os.Stderr
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return bufio.NewReader(out)
}

func expect(t testing.TB, out *bufio.Reader, want string) {
	t.Helper()
	line, err := out.ReadString('\n')
	if strings.TrimSpace(line) != want {
		t.Fatalf("got %q, %v; want %q", line, err, want)
	}
}

func TestSignalsOfShells(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		s := settings{Command: []string{"sleep", "60"}}
		equal(t, "timeout", w.shell(t, s, `timeout 0.3 "$OUTER"; echo $?; timeout --foreground 0.3 "$OUTER"; echo $?`), "124\n124\n")
		s.Command = []string{"sh", "-c", "kill -HUP $$; echo still here"}
		equal(t, "nohup", w.shell(t, s, `nohup "$OUTER" 2>nohup.err`), "still here\n")
		// Whoever runs the tests may ignore or block something already, such as a signal of its C library.
		status := func(line string) string { return "grep " + line + " /proc/self/status" }
		s.Command = []string{"sh", "-c", status("SigIgn")}
		for what, before := range map[string]string{"ignored": "trap '' INT HUP; ", "not ignored": ""} {
			equal(t, what, w.shell(t, s, "("+before+`"$OUTER")`), w.shell(t, s, "("+before+status("SigIgn")+")"))
		}
		s.Command = []string{"sh", "-c", status("SigBlk")}
		equal(t, "not blocked", w.shell(t, s, `"$OUTER"`), w.shell(t, s, status("SigBlk")))
	})
}

func TestDaemonsEndWithTheCommand(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		mark := "daemon-" + t.Name()
		w.must(t, settings{}, `setsid sh -c 'while :; do sleep 1; done # `+mark+`' >/dev/null 2>&1 & sleep 0.1`)
		if left := marked(t, mark); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	})
}

// pty is a terminal with a process in its foreground.
type pty struct {
	t      testing.TB
	master *os.File
	seen   strings.Builder
}

// onTerminal starts c as the leader of a session on a new terminal.
func onTerminal(t testing.TB, c *exec.Cmd) *pty {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		skip(t, "no terminals: %v", err)
	}
	defer master.Close()
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("/dev/pts/%d", number)
	slave, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	_ = unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 33, Col: 77})
	c.Stdin, c.Stdout, c.Stderr = slave, slave, slave
	c.SysProcAttr.Setsid, c.SysProcAttr.Setctty = true, true
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	p := &pty{t: t, master: os.NewFile(uintptr(dup(t, master)), "terminal")}
	t.Cleanup(func() { p.master.Close() })
	return p
}

// dup makes the runtime notice that a file no longer blocks.
func dup(t testing.TB, f *os.File) int {
	t.Helper()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	return fd
}

func (p *pty) write(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.master, text); err != nil {
		p.t.Fatal(err)
	}
}

// wait reads until the terminal shows a text that it has not shown before.
func (p *pty) wait(want string) {
	p.t.Helper()
	_ = p.master.SetReadDeadline(time.Now().Add(time.Minute)) // machines that run all tests at once are slow
	buffer := make([]byte, 4096)
	for {
		if _, rest, ok := strings.Cut(p.seen.String(), want); ok {
			p.seen.Reset()
			p.seen.WriteString(rest)
			return
		}
		n, err := p.master.Read(buffer)
		p.seen.Write(buffer[:n])
		if err != nil {
			p.t.Fatalf("%v before %q; the terminal shows %q", err, want, p.seen.String())
		}
	}
}

func TestInterruptFromTheTerminal(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		c := w.outer(t, settings{Command: []string{"bash", "-c",
			`trap 'echo "<got it>"; exit 7' INT; test -t 0 && stty size; echo "<ready>"; while :; do sleep 0.01; done`}})
		p := onTerminal(t, c)
		p.wait("33 77")
		p.wait("<ready>")
		p.write("\x03")
		p.wait("<got it>")
		_ = c.Wait()
		if code := c.ProcessState.ExitCode(); code != 7 {
			t.Errorf("handled: %v", c.ProcessState)
		}

		c = w.outer(t, settings{Command: []string{"sh", "-c", `echo "<ready>"; exec sleep 60`}})
		p = onTerminal(t, c)
		p.wait("<ready>")
		p.write("\x03")
		_ = c.Wait()
		if status := c.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != unix.SIGINT {
			t.Errorf("not handled: %v", c.ProcessState)
		}
	})
}

func TestJobControl(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		script := `trap 'echo "<going on>"' CONT; echo "<ready>"; read x; echo "<read $x>"`
		c := w.shellCommand(t, settings{Command: []string{"bash", "-c", script}}, "")
		c.Args = []string{"bash", "--norc", "--noprofile", "-i"}
		c.Env = append(c.Env, "PS1=$ ")
		p := onTerminal(t, c)
		p.wait("$ ") // what is typed while the shell sets up its terminal can get lost
		p.write("\"$OUTER\"\n")
		p.wait("<ready>")
		p.write("\x1a") // ^Z
		p.wait("Stopped")
		p.wait("$ ")
		time.Sleep(time.Second) // the kernel throws away, or keeps back, what is typed while the terminal changes hands
		p.write("echo back$((1+1))\n")
		p.wait("back2")
		p.write("fg\n")
		p.wait("\"$OUTER\"\r\n") // what the shell says that it goes on with
		p.write("line\n")        // before the trap is seen: if the signal came a moment before read, the trap waits for the line
		p.wait("<going on>")
		p.wait("<read line>")
		p.wait("$ ")
		p.write("exit 4\n")
		_ = c.Wait()
		if code := c.ProcessState.ExitCode(); code != 4 {
			t.Errorf("the shell: %v", c.ProcessState)
		}
	})
}

// TestTheTerminalComesBack has an interactive shell inside, which takes the terminal and dies with it, and a script that
// reads from the terminal after it.
func TestTheTerminalComesBack(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		c := w.shellCommand(t, settings{Command: []string{"bash", "--norc", "--noprofile", "-i"}}, `"$OUTER"; echo "<$?>"; read x; echo "<read $x>"`)
		p := onTerminal(t, c)
		p.write("echo inside$((1+1)); kill -9 $$\n")
		p.wait("inside2")
		p.wait("<137>")
		p.write("line\n")
		p.wait("<read line>")
		_ = c.Wait()
	})
}

// TestTheTerminalIsNotTaken starts a sandbox in the background of an interactive shell, which must stay the foreground.
func TestTheTerminalIsNotTaken(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		c := w.shellCommand(t, settings{Command: []string{"sh", "-c", "sleep 0.1; echo '<done>'"}}, "")
		c.Args = []string{"bash", "--norc", "--noprofile", "-i"}
		p := onTerminal(t, c)
		p.write("(\"$OUTER\"; echo '<ended>') &\n")
		p.wait("<done>")
		p.wait("<ended>")
		p.write("echo here$((1+1)); exit 5\n")
		p.wait("here2")
		_ = c.Wait()
		if code := c.ProcessState.ExitCode(); code != 5 {
			t.Errorf("the shell: %v", c.ProcessState)
		}
	})
}
