// Package sandbox runs a command in private namespaces in which the public addresses and names of the cloud lead to
// Inborn, without privilege on the host and without a trace on its disk. It hides which calls the kernel wants for that,
// in which order, and what each kind of machine refuses.
//
// Three processes take part:
//
//	outer     this program as the user started it: makes the rest, serves every socket, passes signals on
//	init      the same program again, pid 1 of the namespaces: network, mounts and sockets, then nothing but waiting
//	command   what the user asked for, the child of init, without the capabilities that made the sandbox
//
// Outer never enters the namespaces. Init makes the sockets in them and hands them out as descriptors, and a socket
// belongs to the network namespace in which it was made, whoever serves it. So the listener itself says which sandbox is
// asking. A namespace ends with its init, and init ends with outer: that is all there is to clean up.
//
//	Start, Run and Close                              sandbox_linux.go, plan_linux.go, serve_linux.go, process_linux.go
//	who the command is, and what it may               identity_linux.go, capabilities_linux.go
//	what passes between outer and init                control_linux.go, wire.go
//	the steps of init, one after another              init_linux.go, mounts_linux.go, interface_linux.go, sockets_linux.go
//	the command: found, started, signalled, waited    command_linux.go
//	signals, exit codes, the terminal                 signals_linux.go, terminal_linux.go
//	which names are ours, and who answers for them    names.go, resolver_linux.go, responder_linux.go
//	what clients trust, and what they must not see    trust.go, environment.go
//	ports and the world outside                       ports_linux.go, tun_linux.go, stack_linux.go
//	why it cannot be had here                         refusal.go, cause.go, facts_linux.go
//	what there is instead                             proxy.go
//
// It is a wall between the identities of tests, not a jail for hostile programs; docs/threat-model.md says what it holds.
package sandbox

import (
	"os"
	"syscall"
)

// Config says what the command finds inside. Command and Dir must be set.
type Config struct {
	Command []string // program and arguments; the program is looked up in the PATH of Env
	Dir     string   // working directory, absolute
	Env     []string // the command's whole environment; see CleanEnvironment

	Files   []File   // mounted read-only
	Hide    []string // directories that are shown empty, apart from Files in them, absolute; missing ones are skipped
	Connect []int    // ports of the host's loopback that can be reached at 127.0.0.1 inside
	Publish []int    // ports inside that can be reached on the host's loopback
	Network bool     // outbound TCP and UDP, and foreign names; needs /dev/net/tun

	// Ours tells which DNS names lead to 127.0.0.1 inside. They come in lower case and without the last dot, from several
	// goroutines at a time.
	Ours func(name string) bool

	Stdin, Stdout, Stderr *os.File // nil: /dev/null

	Note func(string) // receives lines for --verbose; nil: nobody does
}

// File is a file as the command sees it. It takes the place of an existing one, links resolved, or lies in a directory of
// Hide. Elsewhere it is left out, because a mount needs something to cover and nothing is written to a disk.
type File struct {
	Path    string // absolute
	Content []byte
}

// Exit says how a command ended: with a code, or by a signal, and then Code is 128 and its number as in shells.
type Exit struct {
	Code   int
	Signal syscall.Signal // 0: none
}

// Exit codes of a command that never ran, as in shells and in env(1).
const (
	ExitFailed        = 125 // our own fault
	ExitNotExecutable = 126
	ExitNotFound      = 127
)
