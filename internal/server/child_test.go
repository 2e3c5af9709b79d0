package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/manifest"
)

// The tests that kill processes start this program again, as one of these.
const (
	serves  = "SERVER_TEST_SERVES"   // a server on a data directory
	rekeys  = "SERVER_TEST_REKEYS"   // one that changes its master key whenever it can, while documents are written
	backsUp = "SERVER_TEST_BACKS_UP" // what makes a backup of a data directory, DIR|FILE
)

// childOf is the program as one of them, not started yet.
func childOf(role, what string) *exec.Cmd {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), role+"="+what)
	return child
}

func TestMain(m *testing.M) {
	for role, run := range map[string]func(context.Context, string) error{serves: serveOn, rekeys: serveAndRekey, backsUp: backUp} {
		what := os.Getenv(role)
		if what == "" {
			continue
		}
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		err := run(ctx, what)
		stop()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func serveOn(ctx context.Context, dir string) error {
	s, err := New(ctx, Config{DataDir: dir, Listen: "127.0.0.1:0", Manifest: &manifest.Manifest{}})
	if err != nil {
		return err
	}
	return s.Serve(ctx)
}

// serveAndRekey says which documents it has acknowledged.
func serveAndRekey(ctx context.Context, dir string) error {
	s, err := New(ctx, Config{DataDir: dir, Listen: "127.0.0.1:0", Manifest: &manifest.Manifest{}})
	if err != nil {
		return err
	}
	go func() {
		for i := killedDocuments; ctx.Err() == nil; i++ {
			if c, err := seal(s, i); err == nil && commit(s, c) == nil {
				fmt.Printf("wrote %d\n", i)
			}
		}
	}()
	go func() {
		admin := NewAdmin(dir)
		for ctx.Err() == nil {
			if p, err := admin.Rekeying(ctx); err == nil && !p.Running {
				_, _ = admin.Rekey(ctx, "")
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	return s.Serve(ctx)
}

func backUp(ctx context.Context, what string) error {
	dir, file, _ := strings.Cut(what, "|")
	fmt.Println("begins")
	if _, err := backups().Create(ctx, dir, file, true); err != nil {
		return err
	}
	fmt.Println("done")
	return nil
}
