package sandbox

import (
	"encoding/binary"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// rtnetlink configures the interfaces of the network namespace in which it was opened.
type rtnetlink struct{ fd int }

const loopback = 1 // the index of lo in every network namespace

func openRtnetlink() (rtnetlink, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	return rtnetlink{fd}, os.NewSyscallError("socket", err)
}

func (r rtnetlink) close() { unix.Close(r.fd) }

// request sends one request (rtnetlink(7)) and waits for the kernel's answer.
func (r rtnetlink) request(kind, flags uint16, body []byte) error {
	native := binary.NativeEndian
	packet := native.AppendUint32(nil, uint32(unix.NLMSG_HDRLEN+len(body)))
	packet = native.AppendUint16(packet, kind)
	packet = native.AppendUint16(packet, unix.NLM_F_REQUEST|unix.NLM_F_ACK|flags)
	packet = append(packet, make([]byte, 8)...) // sequence number and port: nobody else asks on this socket
	if err := unix.Sendto(r.fd, append(packet, body...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(r.fd, answer, 0)
	if err != nil {
		return err
	}
	if n < unix.NLMSG_HDRLEN+4 || native.Uint16(answer[4:]) != unix.NLMSG_ERROR {
		return unix.EPROTO
	}
	if errno := -int32(native.Uint32(answer[unix.NLMSG_HDRLEN:])); errno != 0 {
		return unix.Errno(errno)
	}
	return nil
}

// attribute appends one route attribute, whose length is a multiple of four here.
func attribute(body []byte, kind uint16, value []byte) []byte {
	body = binary.NativeEndian.AppendUint16(body, uint16(unix.SizeofRtAttr+len(value)))
	body = binary.NativeEndian.AppendUint16(body, kind)
	return append(body, value...)
}

func number(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

// up brings an interface up; an mtu of 0 leaves it as it is.
func (r rtnetlink) up(index int, mtu uint32) error {
	body := append([]byte{unix.AF_UNSPEC, 0, 0, 0}, number(uint32(index))...)
	body = append(body, number(unix.IFF_UP)...) // the flags
	body = append(body, number(unix.IFF_UP)...) // which of them count
	if mtu > 0 {
		body = attribute(body, unix.IFLA_MTU, number(mtu))
	}
	return r.request(unix.RTM_NEWLINK, 0, body)
}

// address gives an interface one address and no network around it. The older SIOCSIFADDR would make all of 169.254/16
// local. An IPv6 address is not looked for elsewhere first, so it can be used at once.
func (r rtnetlink) address(index int, a netip.Addr, scope uint8) error {
	body := append([]byte{family(a), uint8(a.BitLen()), unix.IFA_F_NODAD, scope}, number(uint32(index))...)
	body = attribute(body, unix.IFA_LOCAL, a.AsSlice())
	body = attribute(body, unix.IFA_ADDRESS, a.AsSlice())
	return r.request(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, body)
}

// defaultRoute sends everything of the family of a to an interface.
func (r rtnetlink) defaultRoute(index int, a netip.Addr) error {
	body := []byte{family(a), 0, 0, 0, unix.RT_TABLE_MAIN, unix.RTPROT_BOOT, unix.RT_SCOPE_LINK, unix.RTN_UNICAST}
	body = append(body, number(0)...)
	body = attribute(body, unix.RTA_OIF, number(uint32(index)))
	return r.request(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_EXCL, body)
}

func family(a netip.Addr) uint8 {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
