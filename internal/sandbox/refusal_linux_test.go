package sandbox

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestRefusals provokes what can be provoked on any machine. The others are in TestCauses.
func TestRefusals(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		for _, x := range []struct {
			what   string
			script string // of a shell in which $OUTER is an outer process
			root   bool   // takes root
			says   string
		}{
			{"no user namespaces", `unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$OUTER"'`, false, "user.max_user_namespaces is 0"},
			{"no net namespaces", `unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_net_namespaces; exec "$OUTER"'`, false, "user.max_net_namespaces is 0"},
			{"no pid namespaces", `unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_pid_namespaces; exec "$OUTER"'`, false, "user.max_pid_namespaces is 0"},
			{"a seccomp filter", `"$OUTER_BINARY" tool seccomp "$OUTER"`, false, "a seccomp filter forbids namespaces"},
			{"a chroot", inChroot, true, "running in a chroot"},
			{"root without CAP_SETFCAP", `setpriv --bounding-set -setfcap "$OUTER"`, true, "root without CAP_SETFCAP cannot map itself"},
		} {
			if x.root && w.name != "root" {
				continue
			}
			s := settings{Command: []string{"echo", "ran"}}
			c := w.shellCommand(t, s, x.script)
			// A tool must not become an outer process: only what follows it.
			if strings.Contains(x.script, "OUTER_BINARY") {
				c.Args[2] = `SETTINGS="$` + outerVariable + `"; unset ` + outerVariable + `; exec "$OUTER" tool seccomp /usr/bin/env ` +
					outerVariable + `="$SETTINGS" "$OUTER"`
			}
			r := finish(c, nil)
			if want := "refusal: a sandbox cannot be had here: " + x.says + "\n"; r.code != ExitFailed || r.err != want || r.out != "" {
				t.Errorf("%s: exit code %d, out %q\n got %q\nwant %q", x.what, r.code, r.out, r.err, want)
			}
		}
	})
}

// inChroot runs outer in a plain directory with the system's directories in it.
const inChroot = `exec unshare -m sh -c '
	mkdir root && cd root && mkdir -p proc usr bin lib lib64 etc tmp dev "./$(dirname "$OUTER")" &&
	for d in proc usr bin lib lib64 etc tmp dev; do mount --rbind /$d $d || exit 1; done
	exec chroot . "$OUTER"'`

// TestNotBlocking runs under what looks like an obstacle and is none.
func TestNotBlocking(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		s := settings{Name: "a", Command: []string{program(), "tool", "get", "http://169.254.169.254/"}}
		equal(t, "no new privileges", w.shell(t, s, `setpriv --no-new-privs "$OUTER"`), "metadata of a\n")
		if w.name != "root" {
			return
		}
		docker := "-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap"
		equal(t, "the capabilities of containers", w.shell(t, s, `setpriv --bounding-set `+docker+` "$OUTER"`), "metadata of a\n")
		equal(t, "root that can map only itself", w.shell(t, s, `setpriv --bounding-set -setuid,-setgid "$OUTER"`), "metadata of a\n")

		c := w.outer(t, settings{Name: "a", Command: []string{"sh", "-c", program() + " tool get http://169.254.169.254/; setpriv --reuid 7 --regid 7 --clear-groups id -u"}})
		ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 1000, Size: 1}, {ContainerID: 1, HostID: 100000, Size: 100}}
		c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids, GidMappingsEnableSetgroups: true,
			Credential: &syscall.Credential{}}
		r := finish(c, nil)
		equal(t, "a container whose root is a user outside", r.out+r.err, "metadata of a\n7\n")
	})
}

// TestMaskedProc has a /proc of which parts are covered, as in containers: then there can be no new one.
func TestMaskedProc(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can cover parts of /proc")
	}
	each(t, func(t *testing.T, w who) {
		s := settings{Name: "a", Command: []string{"sh", "-c", program() + " tool get http://169.254.169.254/; bash -c 'sleep 60 & kill %1; wait; echo jobs'; setsid sleep 60 & readlink /proc/self/exe >/dev/null && echo self"}}
		c := w.outer(t, s)
		inOwnMounts(c, "mount -t tmpfs tmpfs /proc/sys/net", w)
		r := finish(c, nil)
		equal(t, "out", r.out, "metadata of a\njobs\nself\n")
		if !strings.HasPrefix(r.err, "note: /proc stays that of the host") || r.code != 0 {
			t.Errorf("exit code %d, %s", r.code, r.err)
		}
	})
}

func TestNoTUN(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can take /dev/net/tun away")
	}
	each(t, func(t *testing.T, w who) {
		for prepare, says := range map[string]string{
			"mount -t tmpfs tmpfs /dev": "outbound network needs /dev/net/tun, which is not here",
			"mount -t tmpfs tmpfs /dev && mkdir /dev/net && mknod /dev/net/tun c 10 199": "outbound network needs /dev/net/tun, which ",
		} {
			c := w.outer(t, settings{Network: true, Command: []string{"true"}})
			inOwnMounts(c, prepare+` && mknod -m 666 /dev/null c 1 3`, w)
			if r := finish(c, nil); r.code != ExitFailed || !strings.HasPrefix(r.err, "refusal: a sandbox cannot be had here: "+says) {
				t.Errorf("%s: exit code %d, %s", prepare, r.code, r.err)
			}
		}
	})
}

func TestSupported(t *testing.T) {
	needNamespaces(t)
	if err := Supported(); err != nil {
		t.Errorf("a sandbox can be had, and Supported says: %v", err)
	}
}

func TestCauses(t *testing.T) {
	good := facts{step: stepClone, uid: 1000, rootMounted: true, limits: map[string]int{"max_user_namespaces": 100, "max_net_namespaces": 100}}
	root := func(f *facts) { f.uid = 0 }
	all := ^uint64(0)
	for _, x := range []struct {
		change []func(*facts)
		errno  syscall.Errno
		want   string
	}{
		{nil, syscall.EPERM, "the kernel refuses user namespaces (a chroot or a security module)"},
		{[]func(*facts){func(f *facts) { f.userClone = "0" }}, syscall.EPERM, "kernel.unprivileged_userns_clone is 0"},
		{[]func(*facts){func(f *facts) { f.userClone = "0"; f.capabilities = all }, root}, syscall.EPERM, "the kernel refuses user namespaces (a chroot or a security module)"},
		{[]func(*facts){func(f *facts) { f.userClone = "1"; f.seccomp = true }}, syscall.EPERM, "a seccomp filter forbids namespaces"},
		{[]func(*facts){func(f *facts) { f.rootMounted = false; f.seccomp = true }}, syscall.EPERM, "running in a chroot"},
		{[]func(*facts){root}, syscall.EPERM, "root without CAP_SETFCAP cannot map itself"},
		{[]func(*facts){func(f *facts) { f.missing = []string{"user"} }}, syscall.EINVAL, "kernel without namespaces of kind user"},
		{nil, syscall.EINVAL, "kernel without user namespaces"},
		{nil, syscall.ENOSYS, "kernel without user namespaces"},
		{[]func(*facts){func(f *facts) { f.limits = map[string]int{"max_ipc_namespaces": 0} }}, syscall.ENOSPC, "user.max_ipc_namespaces is 0"},
		{nil, syscall.ENOSPC, "user.max_user_namespaces (100) or another limit under /proc/sys/user is used up, or sandboxes are nested too deep"},
		{nil, syscall.ENOMEM, "could not make namespaces: what the kernel said"},
		{[]func(*facts){func(f *facts) { f.noProc = true }}, syscall.ENOENT, "/proc is not mounted"},
		{[]func(*facts){func(f *facts) { f.step, f.appArmor = stepMounts, "1" }}, syscall.EACCES,
			`AppArmor restricts user namespaces: allow them with a profile containing "userns," for this binary, or set kernel.apparmor_restrict_unprivileged_userns to 0`},
		{[]func(*facts){func(f *facts) { f.step, f.appArmor = stepInterface, "1" }}, syscall.EPERM,
			`AppArmor restricts user namespaces: allow them with a profile containing "userns," for this binary, or set kernel.apparmor_restrict_unprivileged_userns to 0`},
		{[]func(*facts){func(f *facts) { f.step, f.profile = stepMounts, "docker-default (enforce)" }}, syscall.EACCES, "the security profile docker-default (enforce) denies mount"},
		{[]func(*facts){func(f *facts) { f.step, f.profile, f.seccomp = stepMounts, "unconfined", true }}, syscall.EPERM, "a seccomp filter forbids mount"},
		{[]func(*facts){func(f *facts) { f.step = stepMounts }}, syscall.EPERM, "could not take mounts over: what the kernel said"},
		{[]func(*facts){func(f *facts) { f.step = stepFiles }}, syscall.EPERM, "could not mount files: what the kernel said"},
		{[]func(*facts){func(f *facts) { f.step = stepTUN }}, syscall.ENOENT, "outbound network needs /dev/net/tun, which is not here"},
		{[]func(*facts){func(f *facts) { f.step = stepTUN }}, syscall.EACCES, "outbound network needs /dev/net/tun, which this user may not open"},
		{[]func(*facts){func(f *facts) { f.step = stepTUN }}, syscall.EBUSY, "outbound network needs /dev/net/tun: what the kernel said"},
	} {
		f := good
		f.errno = x.errno
		for _, change := range x.change {
			change(&f)
		}
		if got := f.cause("what the kernel said"); got != x.want {
			t.Errorf("%+v:\n got %q\nwant %q", f, got, x.want)
		}
	}
}

func TestErrorsAreToldApart(t *testing.T) {
	err := refuse(stepClone, syscall.ENOSPC)
	var refusal *Refusal
	if !errors.As(err, &refusal) || !errors.Is(err, syscall.ENOSPC) || refuse(stepClone, nil) != nil {
		t.Errorf("%v is no refusal", err)
	}
	missing, forbidden := &CommandError{"x", exec.ErrNotFound}, &CommandError{"x", syscall.EACCES}
	if missing.Code() != ExitNotFound || forbidden.Code() != ExitNotExecutable || (&CommandError{"x", syscall.ENOENT}).Code() != ExitNotFound {
		t.Error("wrong exit codes")
	}
}
