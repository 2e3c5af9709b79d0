package sandbox

import (
	"fmt"
	"strings"
	"syscall"
)

// facts are what refusals are told apart by: where it happened, what the kernel said, and what the machine is like. The
// kernel itself answers EPERM to nearly everything.
type facts struct {
	step  step
	errno syscall.Errno

	uid          int
	capabilities uint64         // effective, a bit each
	limits       map[string]int // of /proc/sys/user, by name
	userClone    string         // kernel.unprivileged_userns_clone of Debian; "": there is none
	appArmor     string         // kernel.apparmor_restrict_unprivileged_userns of Ubuntu; "": there is none
	profile      string         // security profile of this process; "": none
	rootMounted  bool           // there is a mount at /
	seccomp      bool           // a filter is in force
	noProc       bool           // nothing of this can be read
	missing      []string       // namespaces that the kernel does not have
}

// namespaceLimits are the sysctls under /proc/sys/user for the namespaces of a sandbox.
func namespaceLimits() []string {
	return []string{"max_user_namespaces", "max_net_namespaces", "max_mnt_namespaces", "max_pid_namespaces", "max_ipc_namespaces"}
}

const setfcap = 31 // CAP_SETFCAP

// cause says why there is no sandbox; detail is used where nothing better is known.
func (f facts) cause(detail string) string {
	switch f.step {
	case stepClone:
		return f.cloneCause(detail)
	case stepMounts, stepInterface:
		if f.errno == syscall.EPERM || f.errno == syscall.EACCES {
			return f.confinedCause(detail)
		}
	case stepTUN:
		return f.tunCause(detail)
	}
	return fmt.Sprintf("could not %s: %s", f.step, detail)
}

// foreseen is the cause that is known before anything was tried, or "". Seccomp filters and the like differ in what they
// forbid, so they are not among them.
func (f facts) foreseen() string {
	if f.noProc {
		return "/proc is not mounted"
	}
	if len(f.missing) > 0 {
		return "kernel without namespaces of kind " + strings.Join(f.missing, ", ")
	}
	for _, name := range namespaceLimits() {
		if n, known := f.limits[name]; known && n == 0 {
			return "user." + name + " is 0"
		}
	}
	switch {
	case f.uid != 0 && f.userClone == "0":
		return "kernel.unprivileged_userns_clone is 0"
	case !f.rootMounted:
		return "running in a chroot"
	case f.uid == 0 && f.capabilities&(1<<setfcap) == 0:
		return "root without CAP_SETFCAP cannot map itself"
	}
	return ""
}

func (f facts) cloneCause(detail string) string {
	switch f.errno {
	case syscall.ENOSPC, syscall.EUSERS:
		return f.limitCause()
	case syscall.EPERM, syscall.EACCES, syscall.EINVAL, syscall.ENOSYS, syscall.ENOENT:
		if cause := f.foreseen(); cause != "" {
			return cause
		}
		switch {
		case f.errno == syscall.ENOENT:
		case f.errno == syscall.EINVAL || f.errno == syscall.ENOSYS:
			return "kernel without user namespaces"
		case f.seccomp:
			return "a seccomp filter forbids namespaces"
		default:
			return "the kernel refuses user namespaces (a chroot or a security module)"
		}
	}
	return fmt.Sprintf("could not %s: %s", f.step, detail)
}

func (f facts) limitCause() string {
	for _, name := range namespaceLimits() {
		if n, known := f.limits[name]; known && n == 0 {
			return "user." + name + " is 0"
		}
	}
	return fmt.Sprintf("user.max_user_namespaces (%d) or another limit under /proc/sys/user is used up, or sandboxes are nested too deep",
		f.limits["max_user_namespaces"])
}

// confinedCause is for namespaces that were made and then do not obey.
func (f facts) confinedCause(detail string) string {
	switch {
	case f.appArmor == "1":
		return `AppArmor restricts user namespaces: allow them with a profile containing "userns," for this binary, or set kernel.apparmor_restrict_unprivileged_userns to 0`
	case f.profile != "" && f.profile != "unconfined":
		return "the security profile " + f.profile + " denies mount"
	case f.seccomp:
		return "a seccomp filter forbids mount"
	}
	return fmt.Sprintf("could not %s: %s", f.step, detail)
}

func (f facts) tunCause(detail string) string {
	switch f.errno {
	case syscall.ENOENT, syscall.ENODEV, syscall.ENXIO:
		return "outbound network needs /dev/net/tun, which is not here"
	case syscall.EPERM, syscall.EACCES:
		return "outbound network needs /dev/net/tun, which this user may not open"
	}
	return "outbound network needs /dev/net/tun: " + detail
}
