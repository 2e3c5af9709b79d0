package sandbox

import (
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// identity is who the command is: the caller. What differs is how much of the world around it can be mapped.
type identity struct {
	uids, gids []syscall.SysProcIDMap
	setgroups  bool      // stays possible inside
	ambient    []uintptr // capabilities init needs in its hands: an ordinary user's exec would lose them
	keep       uint64    // capabilities of the command, a bit each
}

// rootKeeps is what a root command needs to be root among files, processes and users of its own. CAP_SYS_ADMIN must not
// be in it, or the command could undo the mounts. CAP_SETFCAP is there because who maps root needs it since Linux 5.12:
// without, there is no `inborn run` inside `inborn run`.
const rootKeeps = 1<<unix.CAP_CHOWN | 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_FOWNER | 1<<unix.CAP_FSETID | 1<<unix.CAP_KILL |
	1<<unix.CAP_SETGID | 1<<unix.CAP_SETUID | 1<<unix.CAP_SETPCAP | 1<<unix.CAP_NET_BIND_SERVICE | 1<<unix.CAP_SETFCAP

// rootNeeds is what it takes to map everybody and not root alone.
const rootNeeds = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID | 1<<unix.CAP_SETFCAP

// callerIdentity finds the identity for a caller. Root that may map everybody does: with itself alone, su, chown and
// every daemon that changes its user would fail.
func callerIdentity(uid, gid int, capabilities uint64) identity {
	id := identity{uids: only(uid), gids: only(gid)}
	if uid != 0 {
		id.ambient = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN, unix.CAP_NET_BIND_SERVICE, unix.CAP_SETPCAP}
		return id
	}
	id.keep = rootKeeps
	if capabilities&rootNeeds != rootNeeds {
		return id
	}
	uids, gids := everybody("/proc/self/uid_map"), everybody("/proc/self/gid_map")
	if uids == nil || gids == nil {
		return id
	}
	setgroups, _ := os.ReadFile("/proc/self/setgroups") // what is denied here cannot be allowed inside
	id.uids, id.gids, id.setgroups = uids, gids, strings.TrimSpace(string(setgroups)) == "allow"
	return id
}

func only(id int) []syscall.SysProcIDMap {
	return []syscall.SysProcIDMap{{ContainerID: id, HostID: id, Size: 1}}
}

// everybody maps each id that exists here to itself; that is all 32 bits of them, and fewer in a container whose root is
// an ordinary user outside.
func everybody(file string) (ids []syscall.SysProcIDMap) {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return nil
		}
		first, err := strconv.Atoi(fields[0])
		size, err2 := strconv.Atoi(fields[2])
		if err != nil || err2 != nil { // more than an int of this machine holds
			return nil
		}
		ids = append(ids, syscall.SysProcIDMap{ContainerID: first, HostID: first, Size: size})
	}
	return ids
}

// statusField returns a field of /proc/self/status, such as CapEff, or "".
func statusField(name string) string {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if key, value, _ := strings.Cut(line, ":"); key == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// effectiveCapabilities returns those of this process, a bit each.
func effectiveCapabilities() uint64 {
	set, _ := strconv.ParseUint(statusField("CapEff"), 16, 64)
	return set
}
