package sandbox

// Outer and init are two processes of one binary, so these forms may change from build to build.

// plan is what init is told before it begins. The contents of the files follow it as raw bytes. Whatever comes from the
// caller is bytes too: names of files and variables need not be UTF-8, and strings in JSON must be.
type plan struct {
	Command [][]byte   `json:"command"`
	Dir     []byte     `json:"dir"`
	Env     [][]byte   `json:"env"`
	Files   []planFile `json:"files"`
	Hide    [][]byte   `json:"hide"`
	Connect []int      `json:"connect"`
	Network bool       `json:"network"`
	IPv6    bool       `json:"ipv6"` // of Network: the host has a route
	Keep    uint64     `json:"keep"` // the capabilities left to the command, a bit each
}

// planFile is one file to mount: how many of the bytes that follow are its own.
type planFile struct {
	Path []byte `json:"path"` // exists, without links
	Size int    `json:"size"`
}

// message is one packet between outer and init.
type message struct {
	Kind messageKind `json:"kind"`

	Sockets []socketKind `json:"sockets,omitempty"` // ready: what the descriptors are that come along, in their order
	Notes   []string     `json:"notes,omitempty"`   // ready
	Step    step         `json:"step,omitempty"`    // failed
	Errno   int          `json:"errno,omitempty"`   // failed, noCommand
	Detail  string       `json:"detail,omitempty"`  // failed
	Status  uint32       `json:"status,omitempty"`  // ended: as wait4 gives it
	Signal  int          `json:"signal,omitempty"`  // signal
	IPv6    bool         `json:"ipv6,omitempty"`    // socket
}

type messageKind string

const (
	// From init.
	ready     messageKind = "ready"     // everything is prepared
	failed    messageKind = "failed"    // it cannot be
	noCommand messageKind = "noCommand" // the command could not be started; errno 0: not found
	ended     messageKind = "ended"     // the command did
	socket    messageKind = "socket"    // from outer: a TCP socket of the inside is wanted; from init: here it is
	// From outer.
	start    messageKind = "start"  // the command
	signalIt messageKind = "signal" // the command
)

type socketKind string

const (
	metadataSocket socketKind = "metadata"
	publicSocket   socketKind = "public"
	dnsUDPSocket   socketKind = "dnsUDP"
	dnsTCPSocket   socketKind = "dnsTCP"
	connectSocket  socketKind = "connect" // one for each port of plan.Connect, in its order
	tunDevice      socketKind = "tun"
)

// step names what outer or init was doing when the kernel refused.
type step string

const (
	stepClone     step = "make namespaces"
	stepPlan      step = "read the plan"
	stepMounts    step = "take mounts over"
	stepInterface step = "bring the loopback interface up"
	stepAddress   step = "add the metadata address"
	stepSockets   step = "open sockets"
	stepTUN       step = "open /dev/net/tun"
	stepFiles     step = "mount files"
	stepHide      step = "hide directories"
	stepDrop      step = "drop capabilities"
	stepDirectory step = "enter the working directory"
)
