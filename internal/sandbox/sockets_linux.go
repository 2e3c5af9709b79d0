package sandbox

import (
	"errors"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// opened is a socket or device of the inside on its way to outer.
type opened struct {
	kind socketKind
	fd   int
}

var (
	metadataAddress = netip.AddrFrom4([4]byte{169, 254, 169, 254})
	loopback4       = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	loopback6       = netip.IPv6Loopback()
)

// The ports of 127.0.0.1 inside that are Inborn's own.
const (
	httpsPort = 443
	dnsPort   = 53
)

const backlog = 4096 // connections that wait to be accepted; the kernel takes its own limit if that is less

// openSockets makes everything that outer serves. Nothing else lives in the namespace yet, so no port can be taken.
func openSockets(connect []int) (all []opened, err error) {
	open := func(kind socketKind, typ int, at netip.Addr, port int) {
		if err != nil {
			return
		}
		fd, failed := bound(typ, netip.AddrPortFrom(at, uint16(port)))
		switch {
		case failed == nil:
			all = append(all, opened{kind, fd})
		case at == loopback6 && (errors.Is(failed, unix.EAFNOSUPPORT) || errors.Is(failed, unix.EADDRNOTAVAIL)):
			// A machine without IPv6: nobody inside will try it either.
		default:
			err = failed
		}
	}
	open(metadataSocket, unix.SOCK_STREAM, metadataAddress, 80)
	open(publicSocket, unix.SOCK_STREAM, loopback4, httpsPort)
	open(publicSocket, unix.SOCK_STREAM, loopback6, httpsPort)
	open(dnsUDPSocket, unix.SOCK_DGRAM, loopback4, dnsPort)
	open(dnsTCPSocket, unix.SOCK_STREAM, loopback4, dnsPort)
	for _, port := range connect {
		open(connectSocket, unix.SOCK_STREAM, loopback4, port)
	}
	return all, err
}

// bound returns a socket at an address, listening if it is a stream.
func bound(typ int, at netip.AddrPort) (fd int, err error) {
	fd, err = unix.Socket(int(family(at.Addr())), typ|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := unix.Bind(fd, socketAddress(at)); err != nil {
		unix.Close(fd)
		return -1, os.NewSyscallError("bind", err)
	}
	if typ == unix.SOCK_STREAM {
		if err := unix.Listen(fd, backlog); err != nil {
			unix.Close(fd)
			return -1, os.NewSyscallError("listen", err)
		}
	}
	return fd, nil
}

func socketAddress(at netip.AddrPort) unix.Sockaddr {
	if at.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}
}
