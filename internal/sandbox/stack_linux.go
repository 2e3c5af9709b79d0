package sandbox

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// The network of the command ends in a TCP/IP stack in this process, which takes every address for its own. For each
// connection that arrives there it makes one of its own to the same address, as any program of the user could.

const (
	nic         = 1
	maxDials    = 1024 // connections being made; one more has to try again
	maxStreams  = 4096 // connections; one more is refused
	maxFlows    = 512  // UDP flows; the packets of one more are lost
	flowIdle    = 2 * time.Minute
	maxDatagram = 64 << 10
)

// network is the way out of one sandbox.
type network struct {
	stack   *stack.Stack
	streams chan struct{}
	flows   chan struct{}
}

// routeOut takes the device over and connects what arrives on it.
func (s *Sandbox) routeOut(fd int) error {
	if err := unix.SetNonblock(fd, true); err != nil {
		return err
	}
	link, err := fdbased.New(&fdbased.Options{FDs: []int{fd}, MTU: tunMTU, PacketDispatchMode: fdbased.Readv, RXChecksumOffload: true})
	if err != nil {
		unix.Close(fd)
		return fmt.Errorf("attach to %s: %w", tunName, err)
	}
	n := &network{streams: make(chan struct{}, maxStreams), flows: make(chan struct{}, maxFlows)}
	n.stack = stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol},
	})
	s.closers = append(s.closers, closeFunc(func() error {
		n.stack.RemoveNIC(nic) // waits until nobody reads the device
		n.stack.Close()
		n.stack.Wait()
		return unix.Close(fd)
	}))
	return n.start(link)
}

func (n *network) start(link stack.LinkEndpoint) error {
	connections := tcp.NewForwarder(n.stack, 0, maxDials, n.stream)
	n.stack.SetTransportProtocolHandler(tcp.ProtocolNumber, connections.HandlePacket)
	flows := udp.NewForwarder(n.stack, n.flow)
	n.stack.SetTransportProtocolHandler(udp.ProtocolNumber, flows.HandlePacket)
	sack, moderate := tcpip.TCPSACKEnabled(true), tcpip.TCPModerateReceiveBufferOption(true)
	for _, failed := range []tcpip.Error{
		n.stack.SetTransportProtocolOption(tcp.ProtocolNumber, &sack),
		n.stack.SetTransportProtocolOption(tcp.ProtocolNumber, &moderate),
		n.stack.CreateNIC(nic, link),
		n.stack.SetPromiscuousMode(nic, true), // packets for every address are ours
		n.stack.SetSpoofing(nic, true),        // and so are answers from it
	} {
		if failed != nil {
			return errors.New("set up the network stack: " + failed.String())
		}
	}
	n.stack.SetRouteTable([]tcpip.Route{
		{Destination: header.IPv4EmptySubnet, NIC: nic},
		{Destination: header.IPv6EmptySubnet, NIC: nic},
	})
	return nil
}

// stream connects first and completes the handshake with the command only then, so that it sees a refusal as a refusal.
func (n *network) stream(request *tcp.ForwarderRequest) {
	to, ok := destination(request.ID())
	if !ok || !take(n.streams) {
		request.Complete(true)
		return
	}
	defer func() { <-n.streams }()
	dialer := net.Dialer{Timeout: dialWithin}
	server, err := dialer.Dial("tcp", to.String())
	if err != nil {
		request.Complete(true)
		return
	}
	defer server.Close()
	var queue waiter.Queue
	endpoint, failed := request.CreateEndpoint(&queue)
	request.Complete(failed != nil)
	if failed != nil {
		return
	}
	client := gonet.NewTCPConn(&queue, endpoint)
	defer client.Close()
	both(client, server)
}

// flow begins with the first packet between two addresses and ends when there was none for a while.
func (n *network) flow(request *udp.ForwarderRequest) (handled bool) {
	to, ok := destination(request.ID())
	if !ok {
		return false
	}
	if !take(n.flows) {
		return true
	}
	var queue waiter.Queue
	endpoint, failed := request.CreateEndpoint(&queue)
	if failed != nil {
		<-n.flows
		return true
	}
	go func() {
		defer func() { <-n.flows }()
		client := gonet.NewUDPConn(&queue, endpoint)
		defer client.Close()
		server, err := net.Dial("udp", to.String())
		if err != nil {
			return
		}
		defer server.Close()
		idle := time.AfterFunc(flowIdle, func() {
			client.Close()
			server.Close()
		})
		defer idle.Stop()
		go relay(server, client, idle)
		relay(client, server, idle)
	}()
	return true
}

// relay copies packets until one of the two is closed, and then closes both. Each packet winds the clock up again.
func relay(to, from net.Conn, idle *time.Timer) {
	defer to.Close()
	defer from.Close()
	packet := make([]byte, maxDatagram)
	for {
		size, err := from.Read(packet)
		if err != nil {
			return
		}
		idle.Reset(flowIdle)
		if _, err := to.Write(packet[:size]); err != nil {
			return
		}
	}
}

func take(slots chan struct{}) bool {
	select {
	case slots <- struct{}{}:
		return true
	default:
		return false
	}
}

// destination is where the command wants to, unless it may not: the loopback of the host is no part of the network, and
// whoever gives identities to the real machine must not be mistaken for us.
func destination(id stack.TransportEndpointID) (netip.AddrPort, bool) {
	a, ok := netip.AddrFromSlice(id.LocalAddress.AsSlice())
	a = a.Unmap()
	return netip.AddrPortFrom(a, id.LocalPort), ok && isOutside(a)
}

var (
	azureHost   = netip.AddrFrom4([4]byte{168, 63, 129, 16}) // the platform, as virtual machines of Azure see it
	amazonHost  = netip.MustParsePrefix("fd00:ec2::/32")
	thisNetwork = netip.MustParsePrefix("0.0.0.0/8")
)

func isOutside(a netip.Addr) bool {
	return a.IsGlobalUnicast() && a != azureHost && !amazonHost.Contains(a) && !thisNetwork.Contains(a)
}

// hasIPv6 reports whether the host has an IPv6 route to the world. Connecting a UDP socket asks the routing table only.
func hasIPv6() bool {
	conn, err := net.Dial("udp6", "[2001:db8::1]:9")
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
