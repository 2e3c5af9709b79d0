//go:build unix

package storetest

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Server is a PostgreSQL server of one test binary's own: started at the first Database, in a directory and on a
// loopback port of its own, and ended by Stop or with the process, however that ends. The zero Server is ready.
type Server struct {
	Durable bool // keep fsync on, for tests that kill it

	start   sync.Once
	missing string // why there is none
	bin     string
	dir     string
	port    int
	life    io.Closer // ends the server when closed
	shell   *exec.Cmd

	mu        sync.Mutex
	databases int
}

// Database returns the URL of a new, empty database. Without PostgreSQL on the machine the test is skipped, or fails if
// REQUIRE_POSTGRES=1.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	s.start.Do(func() {
		if err := s.run(); err != nil {
			s.missing = err.Error()
		}
	})
	if s.missing != "" {
		if os.Getenv("REQUIRE_POSTGRES") == "1" {
			tb.Fatalf("REQUIRE_POSTGRES=1, but %s", s.missing)
		}
		tb.Skip(s.missing)
	}
	s.mu.Lock()
	s.databases++
	name := fmt.Sprintf("test%d", s.databases)
	s.mu.Unlock()
	if out, err := s.command(context.Background(), "createdb", "-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-U", "inborn",
		"-T", "template0", name).CombinedOutput(); err != nil {
		tb.Fatalf("createdb: %v\n%s", err, out)
	}
	return fmt.Sprintf("postgres://inborn@127.0.0.1:%d/%s?sslmode=disable", s.port, name)
}

// Stop ends the server and removes its directory; call it from TestMain.
func (s *Server) Stop() {
	if s.life != nil {
		s.life.Close()
		s.shell.Wait()
	}
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
}

func (s *Server) run() (err error) {
	if s.bin, err = findBin(); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "inborn-postgres-"); err != nil {
		return err
	}
	if who := s.credential(); who != nil {
		if err := os.Chown(s.dir, int(who.Uid), int(who.Gid)); err != nil {
			return err
		}
	}
	data := filepath.Join(s.dir, "data")
	if out, err := s.command(context.Background(), "initdb", "-D", data, "-U", "inborn", "-A", "trust", "-E", "UTF8",
		"--locale=C", "--no-sync").CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	if s.port, err = freePort(); err != nil {
		return err
	}
	fsync := "off"
	if s.Durable {
		fsync = "on"
	}
	// The shell ends the server, by its pid, as soon as this process closes the pipe or dies.
	s.shell = s.command(context.Background(), "sh", "-c", `"$@" & read -r _; kill -QUIT $!; wait`, "sh",
		filepath.Join(s.bin, "postgres"), "-D", data, "-p", strconv.Itoa(s.port), "-k", s.dir, "-c", "listen_addresses=127.0.0.1",
		"-c", "fsync="+fsync, "-c", "max_connections=100", "-c", "shared_buffers=64MB", "-c", "logging_collector=off")
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.shell.Stdout, s.shell.Stderr = log, log
	if s.life, err = s.shell.StdinPipe(); err != nil {
		return err
	}
	if err := s.shell.Start(); err != nil {
		return err
	}
	return s.ready()
}

func (s *Server) ready() error {
	for range 400 {
		if s.command(context.Background(), "pg_isready", "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(s.port)).Run() == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return fmt.Errorf("PostgreSQL does not start: %s", log)
}

// command prepares a program of PostgreSQL's; it refuses to run as root, so root becomes the user postgres.
func (s *Server) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	if name != "sh" {
		name = filepath.Join(s.bin, name)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = s.dir
	if who := s.credential(); who != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	}
	return cmd
}

func (s *Server) credential() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// findBin finds the directory of initdb: PG_BIN, PATH, or Debian's newest version.
func findBin() (string, error) {
	if dir := os.Getenv("PG_BIN"); dir != "" {
		return dir, nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		path, err = filepath.EvalSymlinks(path) // its programs stand beside the real one
		return filepath.Dir(path), err
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", fmt.Errorf("no PostgreSQL: initdb is neither in PG_BIN nor in PATH nor where Debian puts it")
	}
	return filepath.Dir(slices.Max(found)), nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
