package sandbox

import (
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// forwarded are the signals that are meant for the command and reach this process alone. Those of the terminal, SIGINT
// and SIGQUIT among them, reach the whole process group: the command has them already.
var forwarded = [...]syscall.Signal{unix.SIGTERM, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2}

// forwardSignals passes signals on to the command until stop is called. What the caller ignores stays ignored, here and
// in the command.
func (s *Sandbox) forwardSignals() (stop func()) {
	signals := make(chan os.Signal, 16)
	for _, sig := range append(forwarded[:], unix.SIGINT, unix.SIGQUIT) {
		if !signal.Ignored(sig) {
			signal.Notify(signals, sig)
		}
	}
	go func() {
		for sig := range signals {
			if number := sig.(syscall.Signal); slices.Contains(forwarded[:], number) {
				_ = s.control.send(message{Kind: signalIt, Signal: int(number)}) // init is gone: so is the command
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}

func exitOf(status syscall.WaitStatus) Exit {
	if status.Signaled() {
		return Exit{Code: 128 + int(status.Signal()), Signal: status.Signal()}
	}
	return Exit{Code: status.ExitStatus()}
}

// Die ends this program as the command ended, by the same signal or with the same code, so that shells and make see what
// they would see without us. The signals that dump core become a code: there is nothing to debug in this process.
func (e Exit) Die() {
	switch e.Signal {
	case unix.SIGTERM, unix.SIGKILL, unix.SIGINT, unix.SIGHUP, unix.SIGPIPE, unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM:
		_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
		dieBy(e.Signal)
	}
	os.Exit(e.Code)
}

// dieBy sends this thread a signal after its action was set back to the default past the runtime, which would swallow
// SIGPIPE. It returns if the signal is blocked.
func dieBy(sig syscall.Signal) {
	runtime.LockOSThread()
	var byDefault [64]byte // a struct sigaction of zeros, larger than that of any architecture
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&byDefault)), 0, 8, 0, 0)
	_ = unix.Tgkill(unix.Getpid(), unix.Gettid(), sig)
}
