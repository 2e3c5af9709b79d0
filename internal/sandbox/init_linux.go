package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// initVariable names, in the environment of init, the first of two descriptors: the socket to outer and the plan.
const initVariable = "INBORN_SANDBOX"

// Init returns at once, unless this process is the init of a sandbox: then it does that work and never returns. It is to
// be called first thing in main, before anything is opened or started.
func Init() {
	fd, err := strconv.Atoi(os.Getenv(initVariable))
	if err != nil || os.Getpid() != 1 {
		return
	}
	if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_SEQPACKET {
		return // pid 1 of some container, and a variable that happens to be set
	}
	runtime.LockOSThread() // capabilities are a thread's, and the command is to come from the one that gave them up
	os.Exit(beInit(fd, fd+1))
}

// inside is what init knows and has made.
type inside struct {
	plan     plan
	contents []content
	sockets  []opened
	notes    []string
}

// beInit does the work of init: each step in its order, the word to outer, and the command.
func beInit(controlFD, planFD int) (code int) {
	unix.CloseOnExec(controlFD)
	swallowSignals()
	in := &inside{}
	for _, s := range in.steps(planFD) {
		if err := s.do(); err != nil {
			return fail(controlFD, s.step, err)
		}
	}
	if err := in.handOver(controlFD); err != nil {
		return ExitFailed // outer is gone
	}
	if m, err := receiveMessage(controlFD); err != nil || m.Kind != start {
		return ExitFailed
	}
	return in.run(controlFD)
}

type initStep struct {
	step step
	do   func() error
}

func (in *inside) steps(planFD int) []initStep {
	return []initStep{
		{stepPlan, func() error { return in.read(planFD) }},
		{stepMounts, takeMountsOver},
		{stepMounts, in.proc},
		{stepInterface, raiseLoopback},
		{stepAddress, addMetadataAddress},
		{stepSockets, in.open},
		{stepTUN, in.openTUN},
		{stepHide, in.hide},
		{stepFiles, func() error { return cover(in.contents) }},
		{stepDrop, in.drop},
	}
}

func fail(controlFD int, at step, err error) int {
	var errno syscall.Errno
	errors.As(err, &errno)
	detail := err.Error()
	_ = sendMessage(controlFD, message{Kind: failed, Step: at, Errno: int(errno), Detail: detail[:min(len(detail), maxDetail)]})
	return ExitFailed
}

// swallowSignals keeps the terminal's signals, which go to the whole process group, from ending init and everything with
// it: the runtime handles them, so not even pid 1 is immune. They must not be ignored, as the command would inherit that;
// and what the caller ignores must stay so, as with nohup.
func swallowSignals() {
	drain := make(chan os.Signal, 1) // full is as good as read
	for _, s := range []syscall.Signal{unix.SIGINT, unix.SIGQUIT, unix.SIGTSTP, unix.SIGHUP, unix.SIGTERM, unix.SIGTTIN, unix.SIGTTOU,
		unix.SIGUSR1, unix.SIGUSR2, unix.SIGPIPE} {
		if !signal.Ignored(s) {
			signal.Notify(drain, s)
		}
	}
}

func (in *inside) read(planFD int) error {
	p, contents, err := readPlan(planFD)
	if err != nil {
		return err
	}
	in.plan = p
	for i, f := range p.Files {
		in.contents = append(in.contents, content{string(f.Path), contents[i]})
	}
	return nil
}

func (in *inside) proc() error {
	note, err := mountProc()
	if note != "" {
		in.notes = append(in.notes, note)
	}
	return err
}

func raiseLoopback() error {
	r, err := openRtnetlink()
	if err != nil {
		return err
	}
	defer r.close()
	return r.up(loopback, 0)
}

func addMetadataAddress() error {
	r, err := openRtnetlink()
	if err != nil {
		return err
	}
	defer r.close()
	return r.address(loopback, metadataAddress, unix.RT_SCOPE_HOST)
}

func (in *inside) open() (err error) {
	in.sockets, err = openSockets(in.plan.Connect)
	return err
}

func (in *inside) openTUN() error {
	if !in.plan.Network {
		return nil
	}
	fd, err := openTUN(in.plan.IPv6)
	if err == nil {
		in.sockets = append(in.sockets, opened{tunDevice, fd})
	}
	return err
}

func (in *inside) hide() error {
	for _, dir := range in.plan.Hide {
		below, others := split(in.contents, string(dir))
		if err := hide(string(dir), below); err != nil {
			return err
		}
		in.contents = others
	}
	return nil
}

// drop gives up what made the sandbox, and closes init itself to the command: its memory, environment and root.
func (in *inside) drop() error {
	if err := dropCapabilities(in.plan.Keep); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}

// handOver sends outer all descriptors and closes them here.
func (in *inside) handOver(controlFD int) error {
	m := message{Kind: ready, Notes: in.notes}
	var descriptors []int
	for _, s := range in.sockets {
		m.Sockets = append(m.Sockets, s.kind)
		descriptors = append(descriptors, s.fd)
	}
	err := sendMessage(controlFD, m, descriptors...)
	for _, fd := range descriptors {
		unix.Close(fd)
	}
	if err != nil {
		return fmt.Errorf("send the sockets: %w", err)
	}
	return nil
}
