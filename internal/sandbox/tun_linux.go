package sandbox

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

const (
	tunPath = "/dev/net/tun"
	tunName = "inborn0"
	tunMTU  = 65520 // packets of a size at which user space keeps up: eight times the throughput of 1500
)

// The addresses of the command on the device. They are from ranges that are not used in networks one wants to reach: that
// of benchmarks (RFC 2544), and a unique local one (RFC 4193).
var (
	tunAddress4 = netip.AddrFrom4([4]byte{198, 18, 0, 1})
	tunAddress6 = netip.MustParseAddr("fd49:6e62:6f72:6e::1")
)

// openTUN makes the device that leads out, with the default route to it, and returns its descriptor.
func openTUN(ipv6 bool) (fd int, err error) {
	fd, err = unix.Open(tunPath, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err := setUpTUN(fd, ipv6); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func setUpTUN(fd int, ipv6 bool) error {
	device, err := unix.NewIfreq(tunName)
	if err != nil {
		return err
	}
	device.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, device); err != nil {
		return fmt.Errorf("TUNSETIFF: %w", err)
	}
	r, err := openRtnetlink()
	if err != nil {
		return err
	}
	defer r.close()
	index, err := indexOf(tunName)
	if err != nil {
		return err
	}
	if err := r.up(index, tunMTU); err != nil {
		return fmt.Errorf("bring %s up: %w", tunName, err)
	}
	addresses := []netip.Addr{tunAddress4}
	if ipv6 {
		addresses = append(addresses, tunAddress6)
	}
	for _, a := range addresses {
		if err := r.address(index, a, unix.RT_SCOPE_UNIVERSE); err != nil {
			return fmt.Errorf("add %s: %w", a, err)
		}
		if err := r.defaultRoute(index, a); err != nil {
			return fmt.Errorf("route to %s: %w", tunName, err)
		}
	}
	return nil
}

func indexOf(name string) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request); err != nil {
		return 0, err
	}
	return int(request.Uint32()), nil
}
