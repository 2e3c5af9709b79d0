package sandbox

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// process is init as outer sees it.
type process struct {
	pid  int
	dead chan struct{} // closed when init is reaped, and so everything inside is gone

	mu     sync.Mutex
	reaped bool
}

// startInit starts this program again as pid 1 of new namespaces, with the given socket and plan.
//
// Init gets SIGKILL when its parent dies, and to the kernel the parent is a thread. So the thread that starts it is kept
// until init is dead.
func startInit(id identity, streams [3]*os.File, controlFD, planFD int) (*process, error) {
	p := &process{dead: make(chan struct{})}
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.fork(id, streams, controlFD, planFD)
		result <- err
		if err == nil {
			p.wait()
		}
	}()
	if err := <-result; err != nil {
		return nil, err
	}
	return p, nil
}

func (p *process) fork(id identity, streams [3]*os.File, controlFD, planFD int) (err error) {
	inherited, err := inheritedDescriptors()
	if err != nil {
		return err
	}
	files := make([]uintptr, 0, len(inherited)+5)
	for _, f := range streams {
		files = append(files, descriptor(f))
	}
	// The two of ours come after the last that the caller passes on, so that they take the place of none.
	for _, fd := range inherited {
		for len(files) < fd {
			files = append(files, ^uintptr(0)) // closed
		}
		files = append(files, uintptr(fd))
	}
	first := len(files)
	files = append(files, uintptr(controlFD), uintptr(planFD))
	p.pid, err = syscall.ForkExec("/proc/self/exe", []string{os.Args[0], "(init of a sandbox)"}, &syscall.ProcAttr{
		Env:   []string{initVariable + "=" + strconv.Itoa(first)},
		Files: files,
		Sys: &syscall.SysProcAttr{
			Cloneflags:                 unix.CLONE_NEWUSER | unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC,
			UidMappings:                id.uids,
			GidMappings:                id.gids,
			GidMappingsEnableSetgroups: id.setgroups,
			AmbientCaps:                id.ambient,
			Pdeathsig:                  unix.SIGKILL,
		},
	})
	runtime.KeepAlive(streams)
	return err
}

// descriptor is f.Fd() without its side effect: that makes the file blocking, for everybody who shares it.
func descriptor(f *os.File) uintptr {
	number := ^uintptr(0)
	if raw, err := f.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { number = fd })
	}
	return number
}

// inheritedDescriptors returns, in order, those from 3 on that our caller has passed on: what this program opens itself is
// closed on exec.
func inheritedDescriptors() (fds []int, err error) {
	names, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		return nil, err
	}
	open := map[int]bool{}
	last := 2
	for _, name := range names {
		fd, err := strconv.Atoi(filepath.Base(name))
		if err != nil || fd < 3 {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			open[fd] = true
			last = max(last, fd)
		}
	}
	for fd := 3; fd <= last; fd++ {
		if open[fd] {
			fds = append(fds, fd)
		}
	}
	return fds, nil
}

// wait returns when init is dead and reaped.
func (p *process) wait() {
	defer close(p.dead)
	for { // first without reaping: as long as the number is taken, kill cannot meet another process
		err := unix.Waitid(unix.P_PID, p.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reaped = true
	for {
		_, err := syscall.Wait4(p.pid, nil, 0, nil)
		if !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}

// kill ends init and with it everything inside.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		_ = syscall.Kill(p.pid, syscall.SIGKILL)
	}
}
