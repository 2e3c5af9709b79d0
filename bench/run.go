package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// runLimit is what a person does not notice before each run of the tests, in milliseconds.
const runLimit = 150

// inSandbox measures how soon the first instruction of a command is carried out that `inborn run` starts in a sandbox: with an
// Inborn of its own, which has to be made and told of 50 objects, or joined to one that runs. The yardstick is the
// smallest program that gives a command namespaces of its own, and leaves them empty.
func inSandbox(ctx context.Context, l *lab, o options) ([]row, error) {
	empty := []string{"unshare", "-Urnm"}
	if _, err := l.untilFirst(ctx, empty); err != nil {
		return nil, fmt.Errorf("a sandbox cannot be had here: %w", err)
	}
	if err := os.WriteFile(l.path("fifty.yaml"), []byte(fifty()), 0o600); err != nil {
		return nil, err
	}
	running, err := l.product(ctx, "run", "small.yaml")
	if err != nil {
		return nil, err
	}
	defer running.stop()
	if _, _, err := running.first(question("127.0.0.1", "", false)); err != nil {
		return nil, err
	}
	ways := [][]string{
		{l.inborn, "run", "--mode", "sandbox", "--file", l.path("fifty.yaml"), "--as", "func-0", "--"},
		{l.inborn, "run", "--mode", "sandbox", "--data", l.path("run"), "--as", "func-bench", "--"},
		{l.inborn, "run", "--mode", "env", "--file", l.path("fifty.yaml"), "--as", "func-0", "--"},
	}
	took := make([]pairs, len(ways))
	for range o.rounds {
		for i, way := range ways {
			ours, err := l.untilFirst(ctx, way)
			if err != nil {
				return nil, err
			}
			theirs, err := l.untilFirst(ctx, empty)
			if err != nil {
				return nil, err
			}
			took[i].add(ms(ours), ms(theirs))
		}
	}
	const format = "%.1f ms"
	all := took[0].row("run: to the command's start, Inborn with 50 objects", format)
	all.limit, all.missed = fmt.Sprintf("ours <= %d ms", runLimit), median(took[0].ours) > runLimit
	return []row{all, took[1].row("  joined to one that runs", format), took[2].row("  without a sandbox", format)}, nil
}

// untilFirst starts a command by way of another one and returns when it has written its first byte: no clock is shared
// with it, and that is nearly the first thing it does.
func (l *lab) untilFirst(ctx context.Context, way []string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, way[0], append(way[1:len(way):len(way)], "/bin/echo", "x")...)
	var said strings.Builder
	c.Stderr = &said
	out, err := c.StdoutPipe()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := c.Start(); err != nil {
		return 0, err
	}
	_, err = io.ReadFull(out, make([]byte, 1))
	took := time.Since(began)
	_, rest := io.Copy(io.Discard, out)
	if err = errors.Join(err, rest, c.Wait()); err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", strings.Join(way, " "), err, said.String())
	}
	return took, nil
}
