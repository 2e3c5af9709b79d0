//go:build linux

package sandbox

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// usesCgo reports whether this binary has cgo in it.
func usesCgo() bool {
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_GETPID, 0, 0, 0)
	return errors.Is(errno, syscall.ENOTSUP)
}
