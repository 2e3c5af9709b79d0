package sandbox

import (
	"errors"
	"io/fs"
	"os/exec"
)

// Refusal says that this machine does not let a sandbox be made, whatever the command: another mode may do.
type Refusal struct {
	Cause string // what the machine is like, as a clause without a full stop; see cause.go
	Err   error  // what the kernel said; nil where nothing was tried
}

// Error names the cause. The caller adds which mode to use.
func (r *Refusal) Error() string { return "a sandbox cannot be had here: " + r.Cause }

// Unwrap returns what the kernel said.
func (r *Refusal) Unwrap() error { return r.Err }

// CommandError says that the sandbox stood and the command could not be started in it.
type CommandError struct {
	Name string // as the caller wrote it
	Err  error  // exec.ErrNotFound or a syscall.Errno
}

// Error reads like that of a shell.
func (e *CommandError) Error() string { return "cannot run " + e.Name + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *CommandError) Unwrap() error { return e.Err }

// Code is what to exit with: 127 if there is no such command, else 126.
func (e *CommandError) Code() int {
	if errors.Is(e.Err, exec.ErrNotFound) || errors.Is(e.Err, fs.ErrNotExist) {
		return ExitNotFound
	}
	return ExitNotExecutable
}
