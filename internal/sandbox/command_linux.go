package sandbox

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// defaultPath is where programs are looked for without a PATH, as in the shells of Debian.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// run starts the command and waits for it and for every process that loses its parent. When it returns, init ends, and
// the kernel ends whatever else still runs. Outer may be faster and kill it.
func (in *inside) run(controlFD int) (code int) {
	if err := os.Chdir(string(in.plan.Dir)); err != nil {
		return fail(controlFD, stepDirectory, err)
	}
	child, err := in.startCommand()
	if err != nil {
		var errno syscall.Errno // stays 0 for exec.ErrNotFound
		errors.As(err, &errno)
		_ = sendMessage(controlFD, message{Kind: noCommand, Errno: int(errno)})
		return ExitFailed
	}
	letGoOfStreams()
	go obey(controlFD, child)
	status := reap(child)
	_ = sendMessage(controlFD, message{Kind: ended, Status: uint32(status)})
	return 0
}

// startCommand is not os/exec, whose wait would race with that of reap. Descriptors that the caller passed on are passed
// on again, since they are not closed on exec.
func (in *inside) startCommand() (pid int, err error) {
	args, env := texts(in.plan.Command), texts(in.plan.Env)
	program, err := lookUp(args[0], env)
	if err != nil {
		return 0, err
	}
	return syscall.ForkExec(program, args, &syscall.ProcAttr{Env: env, Files: []uintptr{0, 1, 2}})
}

// letGoOfStreams makes init's own streams /dev/null, or who reads the command's output would wait for init too.
func letGoOfStreams() {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	for fd := range 3 {
		if err != nil {
			unix.Close(fd)
		} else {
			_ = unix.Dup3(null, fd, 0)
		}
	}
}

// lookUp finds a program as shells do. The error is exec.ErrNotFound, or EACCES if all that was found is not executable.
func lookUp(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil // the kernel says what is wrong with it
	}
	path := defaultPath
	for _, variable := range env {
		if value, ok := strings.CutPrefix(variable, "PATH="); ok {
			path = value
		}
	}
	failed := exec.ErrNotFound
	for _, dir := range filepath.SplitList(path) {
		program := filepath.Join(dir, name)
		if !strings.Contains(program, "/") {
			program = "./" + program // an empty entry is the working directory
		}
		info, err := os.Stat(program)
		if err != nil || info.IsDir() {
			continue
		}
		if unix.Access(program, unix.X_OK) == nil {
			return program, nil
		}
		failed = unix.EACCES
	}
	return "", failed
}

// reap waits for all children until the command ends. Zombies of processes that lost their parent end here too.
func reap(command int) (status syscall.WaitStatus) {
	for {
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if pid == command || err != nil && !errors.Is(err, syscall.EINTR) {
			return status
		}
	}
}

// obey does what outer asks for until outer is gone, and then ends the sandbox.
func obey(controlFD, command int) {
	for {
		m, err := receiveMessage(controlFD)
		if err != nil {
			os.Exit(ExitFailed)
		}
		switch m.Kind {
		case signalIt:
			_ = syscall.Kill(command, syscall.Signal(m.Signal))
		case socket:
			answerSocket(controlFD, m.IPv6)
		}
	}
}

// answerSocket sends a socket of the inside that is not connected yet, or none and the reason.
func answerSocket(controlFD int, ipv6 bool) {
	domain := unix.AF_INET
	if ipv6 {
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		var errno syscall.Errno
		errors.As(err, &errno)
		_ = sendMessage(controlFD, message{Kind: socket, Errno: int(errno)})
		return
	}
	_ = sendMessage(controlFD, message{Kind: socket}, fd)
	unix.Close(fd)
}

func texts(raw [][]byte) []string {
	all := make([]string, len(raw))
	for i, b := range raw {
		all[i] = string(b)
	}
	return all
}
