package sandbox

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Supported asks without trying: nil, or a *Refusal for a machine on which Start is sure to fail.
func Supported() error {
	f := readFacts()
	f.step = stepClone
	if cause := f.foreseen(); cause != "" {
		return &Refusal{Cause: cause}
	}
	return nil
}

// refuse turns what the kernel said at a step into a *Refusal, or returns nil for nil.
func refuse(at step, err error) error {
	if err == nil {
		return nil
	}
	f := readFacts()
	f.step = at
	errors.As(err, &f.errno)
	return &Refusal{Cause: f.cause(err.Error()), Err: err}
}

// readFacts reads everything that refusals are told apart by.
func readFacts() facts {
	f := facts{
		uid:          os.Geteuid(),
		capabilities: effectiveCapabilities(),
		seccomp:      statusField("Seccomp") == "2",
		limits:       map[string]int{},
		userClone:    line("/proc/sys/kernel/unprivileged_userns_clone"),
		appArmor:     line("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
		profile:      line("/proc/self/attr/current"),
		rootMounted:  rootIsMount(),
		noProc:       statusField("Pid") == "",
	}
	for _, name := range namespaceLimits() {
		if n, err := strconv.Atoi(line("/proc/sys/user/" + name)); err == nil {
			f.limits[name] = n
		}
	}
	for _, kind := range []string{"user", "net", "mnt", "pid", "ipc"} {
		if _, err := os.Lstat("/proc/self/ns/" + kind); errors.Is(err, syscall.ENOENT) {
			f.missing = append(f.missing, kind)
		}
	}
	return f
}

// line returns the content of a small file, or "" where there is none.
func line(file string) string {
	text, _ := os.ReadFile(file)
	return strings.Trim(string(text), " \n\x00")
}

// rootIsMount reports whether something is mounted at /. In a chroot to a plain directory nothing is.
func rootIsMount() bool {
	text, err := os.ReadFile("/proc/self/mountinfo")
	for mount := range strings.Lines(string(text)) {
		if fields := strings.Fields(mount); len(fields) > 4 && fields[4] == "/" {
			return true
		}
	}
	return err != nil // nothing is known
}
