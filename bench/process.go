package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lab is where the servers run: a directory for all they need, and the programs.
type lab struct {
	dir    string
	inborn string // the real binary
	self   string // the yardsticks
}

// newLab makes the directory and, unless INBORN_BIN names a binary, builds one.
func newLab(ctx context.Context) (*lab, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	// A short path: the product puts a Unix socket below it, whose path may have about a hundred bytes.
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	l := &lab{dir: dir, inborn: os.Getenv("INBORN_BIN"), self: self}
	err = errors.Join(l.build(ctx), writeKey(l.path("key")),
		os.WriteFile(l.path("small.yaml"), []byte(small()), 0o600), os.WriteFile(l.path("large.yaml"), []byte(large()), 0o600))
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func (l *lab) build(ctx context.Context) error {
	if l.inborn != "" {
		return nil
	}
	l.inborn = l.path("inborn")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", l.inborn, "github.com/inborn-id/inborn/cmd/inborn")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building inborn: %w\n%s", err, out)
	}
	return nil
}

func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

func (l *lab) close() error { return os.RemoveAll(l.dir) }

// child is a server that was started here.
type child struct {
	addr  string // where it gives tokens
	apis  string // where it serves its APIs, with TLS
	tls   bool   // the load goes to apis
	ready time.Duration
	began time.Time
	cmd   *exec.Cmd
	log   string // file of its standard error
}

// product starts `inborn dev` on a data directory and waits until it says that it is ready.
func (l *lab) product(ctx context.Context, data, manifest string) (*child, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	listen, err := freeAddr()
	if err != nil {
		return nil, err
	}
	c, err := l.launch(ctx, addr, l.inborn, "dev", "--data", l.path(data), "--listen", listen, "--identity-endpoint", addr,
		"--file", l.path(manifest), "--default-resource", "func-bench")
	if err == nil {
		c.apis = listen
	}
	return c, err
}

// yardstick starts the one that imitates body: with a signature for each request, or with the same bytes.
func (l *lab) yardstick(ctx context.Context, body []byte, signs bool) (*child, error) {
	if signs {
		return l.imitate(ctx, body, "-key", l.path("key"))
	}
	return l.imitate(ctx, body)
}

// imitate starts a yardstick with more arguments.
func (l *lab) imitate(ctx context.Context, body []byte, more ...string) (*child, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(l.path("body"), body, 0o600); err != nil {
		return nil, err
	}
	c, err := l.launch(ctx, addr, l.self, append([]string{yardstickArgument, "-listen", addr, "-body", l.path("body")}, more...)...)
	if err == nil {
		c.apis = addr
	}
	return c, err
}

func (l *lab) launch(ctx context.Context, addr, program string, arguments ...string) (*child, error) {
	c := &child{addr: addr, cmd: exec.CommandContext(ctx, program, arguments...)}
	log, err := os.CreateTemp(l.dir, filepath.Base(program)+"-*.log")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	c.log, c.cmd.Stderr = log.Name(), log
	c.cmd.Cancel = func() error { return c.cmd.Process.Signal(syscall.SIGTERM) }
	c.cmd.WaitDelay = 10 * time.Second // then it is killed
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.began = time.Now()
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil { // the first line says that it is ready
		c.stop()
		return nil, c.explain(err)
	}
	c.ready = time.Since(c.began)
	go io.Copy(io.Discard, out)
	return c, nil
}

// dial connects to the server. Whose certificate that is does not matter here.
func (c *child) dial(ctx context.Context) (net.Conn, error) {
	if c.tls {
		return (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(ctx, "tcp", c.apis)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", c.addr)
}

// explain says which server err is about, and what that has to say.
func (c *child) explain(err error) error {
	said, _ := os.ReadFile(c.log)
	return fmt.Errorf("%s at %s: %w\n%s", filepath.Base(c.cmd.Path), c.addr, err, said)
}

// stop ends the server and waits until it is gone.
func (c *child) stop() {
	c.cmd.Cancel()
	late := time.AfterFunc(c.cmd.WaitDelay, func() { c.cmd.Process.Kill() })
	defer late.Stop()
	c.cmd.Wait()
}

// first asks until it gets a token and returns it, with the time since the process was started.
func (c *child) first(request []byte) ([]byte, time.Duration, error) {
	for deadline := c.began.Add(20 * time.Second); ; {
		body, err := once(c.addr, request)
		if err == nil {
			return body, time.Since(c.began), nil
		}
		if time.Now().After(deadline) {
			return nil, 0, c.explain(fmt.Errorf("no token within 20 s: %w", err))
		}
		time.Sleep(time.Millisecond)
	}
}

func once(addr string, request []byte) ([]byte, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	status, body, err := newClient(conn, request).ask()
	if err == nil && status != 200 {
		err = fmt.Errorf("answer %d: %.300s", status, body)
	}
	return body, err
}

// use is the time that somebody has had from the processors so far.
type use struct{ server, self, all time.Duration }

func readUse(server *child) (use, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", server.cmd.Process.Pid))
	machine, err2 := os.ReadFile("/proc/stat")
	var self syscall.Rusage
	if err := errors.Join(err, err2, syscall.Getrusage(syscall.RUSAGE_SELF, &self)); err != nil {
		return use{}, fmt.Errorf("this needs Linux: %w", err)
	}
	u := use{self: time.Duration(self.Utime.Nano() + self.Stime.Nano())}
	u.server, err = parseProcess(string(stat))
	u.all, err2 = parseMachine(string(machine))
	return u, errors.Join(err, err2)
}

// tick is the unit in which /proc counts the time of processors.
const tick = 10 * time.Millisecond

// parseProcess reads proc_pid_stat(5): after the name, which may hold anything, utime and stime are the 12th and 13th.
func parseProcess(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("cannot read %q", stat)
	}
	return ticks(fields[11], fields[12])
}

// parseMachine reads proc_stat(5): the first line holds the time of all processors in user, nice, system, idle, iowait,
// irq, softirq and steal. What was stolen by other machines is time that somebody else had, too.
func parseMachine(stat string) (time.Duration, error) {
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, fmt.Errorf("cannot read %q", line)
	}
	return ticks(fields[1], fields[2], fields[3], fields[6], fields[7], fields[8])
}

func ticks(fields ...string) (time.Duration, error) {
	var sum time.Duration
	for _, f := range fields {
		n, err := strconv.Atoi(f)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(n) * tick
	}
	return sum, nil
}

// resident returns the memory of the server that is in RAM, in MiB.
func (c *child) resident() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("this needs Linux: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
			return kib / 1024, err
		}
	}
	return 0, errors.New("no VmRSS in /proc")
}

// freeAddr returns an address of this host that nobody listens on.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
