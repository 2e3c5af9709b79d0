package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// status is what `inborn dev --output json` prints when it is ready.
type status struct {
	Origin string
	Tenant string
	CA     string
}

func (s *stage) start() error {
	title("1. Inborn starts: directory, token service, Graph and identity endpoints in one program")
	listen, err := freePort()
	if err != nil {
		return err
	}
	if s.endpoint, err = freePort(); err != nil {
		return err
	}
	started := time.Now()
	s.dev = exec.Command(s.inborn, "dev", "--data", s.dir, "--file", filepath.Join("demo", "manifest.yaml"),
		"--listen", listen, "--identity-endpoint", s.endpoint, "--output", "json")
	s.dev.Stderr = os.Stderr
	out, err := s.dev.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.dev.Start(); err != nil {
		return err
	}
	var at status
	if err := json.NewDecoder(out).Decode(&at); err != nil {
		return fmt.Errorf("inborn dev did not start: %w", err)
	}
	fmt.Println(line("$ inborn dev --file demo/manifest.yaml", time.Since(started)))
	return s.hire(at)
}

// hire starts the protected API and the two workloads.
func (s *stage) hire(at status) error {
	client, err := trusting(at.CA)
	if err != nil {
		return err
	}
	api, err := serveOrders(at.Origin, at.Tenant, client)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if s.orders, err = s.run("func-orders", self, api); err != nil {
		return err
	}
	s.reports, err = s.run("func-reports", self, api)
	return err
}

func (s *stage) useRoles() error {
	title("2. func-orders holds no secret. It asks the identity endpoint for tokens and uses them")
	fmt.Println("  $ inborn run --mode env --as func-orders -- workload")
	if err := s.orders.step("users", time.Time{}); err != nil {
		return err
	}
	if err := s.orders.step("orders", time.Time{}); err != nil {
		return err
	}
	title("3. func-reports was given nothing: it gets a token, without roles, and the API refuses it")
	fmt.Println("  $ inborn run --as func-reports -- workload")
	return s.reports.step("orders", time.Time{})
}

func (s *stage) loseGraph() error {
	title("4. The Graph role is revoked. Graph decides by the live directory, so the token in hand is worth nothing")
	typed := time.Now()
	if _, err := s.command("revoke", "func-orders", "Microsoft Graph", "User.Read.All"); err != nil {
		return err
	}
	return s.orders.step("users-refused", typed)
}

func (s *stage) loseRole() error {
	title("5. The role of orders-api is revoked. The next token no longer carries it")
	typed := time.Now()
	if _, err := s.command("revoke", "func-orders", "orders-api", "Orders.Read.All"); err != nil {
		return err
	}
	return s.orders.step("role-lost", typed)
}

// explain asks why Graph refused the token, by the id that the refusal carried.
func (s *stage) explain() error {
	title("6. Every refusal says why, to whoever runs Inborn")
	out, err := s.command("explain", s.orders.refusal)
	for text := range strings.Lines(out) {
		fmt.Print("  ", text)
	}
	return err
}

// player is a workload under `inborn run` that does one step at a time.
type player struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
	refusal string // id of the request that was refused last
}

func (s *stage) run(name, program, api string) (*player, error) {
	c := exec.Command(s.inborn, "run", "--mode", "env", "--data", s.dir, "--as", name, "--", program, "workload", name, api)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &player{command: c, in: in, out: bufio.NewScanner(out)}, c.Start()
}

// step lets the workload do one step, measured from the given time, and shows what it says.
func (p *player) step(name string, since time.Time) error {
	nanoseconds := int64(0)
	if !since.IsZero() {
		nanoseconds = since.UnixNano()
	}
	if _, err := fmt.Fprintf(p.in, "%s %d\n", name, nanoseconds); err != nil {
		return err
	}
	for p.out.Scan() {
		if p.out.Text() == done {
			return nil
		}
		if id, ok := strings.CutPrefix(p.out.Text(), requestID); ok {
			p.refusal = id
			continue
		}
		fmt.Println(p.out.Text())
	}
	return errors.Join(errors.New("the workload ended early"), p.out.Err())
}

// end closes the workload's input, which ends it.
func (p *player) end() {
	p.in.Close()
	_ = p.command.Wait() // how it ended was seen in its last step
}
