//go:build linux

package sandbox

import (
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// TestMain lets the test binary be what `inborn` is elsewhere: the init of a sandbox, and the program that starts one. It
// is also the tools that commands use in the tests, so that a machine needs few of its own.
func TestMain(m *testing.M) {
	Init()
	if text := os.Getenv(outerVariable); text != "" {
		beOuter(text)
	}
	if len(os.Args) > 2 && os.Args[1] == "tool" {
		beTool(os.Args[2], os.Args[3:])
	}
	code := m.Run()
	os.RemoveAll(binaryDir())
	os.Exit(code)
}

var binaryDir = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "sandbox")
	if err != nil {
		panic(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // for the ordinary user of the tests
		panic(err)
	}
	return dir
})

// program is the test binary at a place where every user can start it.
var program = sync.OnceValue(func() string {
	path := filepath.Join(binaryDir(), "inborn")
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		panic(err)
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		panic(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		panic(err)
	}
	if err := to.Close(); err != nil {
		panic(err)
	}
	return path
})
