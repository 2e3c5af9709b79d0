//go:build !linux

package sandbox

import (
	"context"
	"net"
	"os"
	"runtime"
)

// Sandbox is never made on this system.
type Sandbox struct{}

// Supported refuses: namespaces are Linux's.
func Supported() error { return &Refusal{Cause: runtime.GOOS + " has no namespaces"} }

// Start refuses as Supported does.
func Start(context.Context, Config) (*Sandbox, error) { return nil, Supported() }

// Init does nothing.
func Init() {}

// Metadata has no listener.
func (*Sandbox) Metadata() net.Listener { return nil }

// Public has no listeners.
func (*Sandbox) Public() []net.Listener { return nil }

// Run refuses as Supported does.
func (*Sandbox) Run() (Exit, error) { return Exit{}, Supported() }

// Close does nothing.
func (*Sandbox) Close() {}

// Die ends this program with the code of the command.
func (e Exit) Die() { os.Exit(e.Code) }
