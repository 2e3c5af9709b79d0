package sandbox

import (
	"errors"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// dropCapabilities leaves this process and what it starts from now on with the given capabilities, a bit each. The
// goroutine must be locked to its thread and be the one that starts the command.
//
// The bounding set counts at exec only, so that of this thread is enough; it needs CAP_SETPCAP and goes first.
func dropCapabilities(keep uint64) error {
	for c := uintptr(0); c < 64; c++ {
		if keep&(1<<c) != 0 {
			continue
		}
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) {
			break // the kernel knows no more
		}
		if err != nil {
			return err
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return err
	}
	return setCapabilities(keep)
}

// setCapabilities makes the set permitted and effective, and nothing inheritable, for all threads. A binary with cgo,
// such as a test with the race detector, does not know all its threads: there it is done for this one, from which the
// command comes.
func setCapabilities(keep uint64) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	low, high := uint32(keep), uint32(keep>>32)
	data := [2]unix.CapUserData{{Effective: low, Permitted: low}, {Effective: high, Permitted: high}}
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data[0])), 0)
	runtime.KeepAlive(&data)
	switch errno {
	case 0:
		return nil
	case unix.ENOTSUP:
		return unix.Capset(&header, &data[0])
	default:
		return errno
	}
}
