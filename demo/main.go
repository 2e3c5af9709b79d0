// Command demo plays the main job of Inborn with the real program: workloads without a secret get tokens, call
// Microsoft Graph and an API of their own, and lose what they were given within a second of its being taken away. It
// prints what was asked, what came back and how long it took, and fails if anything is not as it should be.
package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	err := error(nil)
	if len(os.Args) == 4 && os.Args[1] == "workload" {
		err = runWorkload(os.Args[2], os.Args[3])
	} else {
		err = play()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func play() error {
	started := time.Now()
	s, err := newStage()
	if err != nil {
		return err
	}
	defer s.close()
	for _, scene := range []func() error{s.start, s.useRoles, s.loseGraph, s.loseRole, s.explain} {
		if err := scene(); err != nil {
			return err
		}
	}
	fmt.Printf("\nDone in %.1f s. Nobody held a secret.\n", time.Since(started).Seconds())
	return nil
}

// stage is one Inborn with its data directory, the protected API, and the two workloads.
type stage struct {
	inborn   string // the program
	dir      string
	dev      *exec.Cmd
	orders   *player
	reports  *player
	endpoint string
}

func newStage() (*stage, error) {
	inborn, err := filepath.Abs(filepath.Join("bin", "inborn"))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(inborn); err != nil {
		return nil, fmt.Errorf("no program at bin/inborn: run make build first")
	}
	dir, err := os.MkdirTemp("", "inborn-demo-")
	return &stage{inborn: inborn, dir: dir}, err
}

func (s *stage) close() {
	for _, p := range []*player{s.orders, s.reports} {
		if p != nil {
			p.end()
		}
	}
	if s.dev != nil {
		_ = s.dev.Process.Signal(os.Interrupt)
		_ = s.dev.Wait() // it has told us all we want to know
	}
	os.RemoveAll(s.dir)
}

func title(text string) { fmt.Printf("\n%s\n", text) }

// command runs one command line of Inborn and shows it.
func (s *stage) command(args ...string) (string, error) {
	c := exec.Command(s.inborn, append([]string{"--data", s.dir}, args...)...)
	started := time.Now()
	out, err := c.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("inborn %v: %w\n%s", args, err, out)
	}
	fmt.Println(line("$ inborn"+quoted(args), time.Since(started)))
	return string(out), nil
}

// line is what was done and how long it took.
func line(text string, took time.Duration) string {
	return fmt.Sprintf("  %-68s %9s", text, fmt.Sprintf("%.1f ms", float64(took.Microseconds())/1000))
}

func quoted(args []string) string {
	text := ""
	for _, arg := range args {
		if strings.Contains(arg, " ") {
			arg = "'" + arg + "'"
		}
		text += " " + arg
	}
	return text
}

// freePort returns an address that nobody listens on.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
