package sandbox

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// freePort returns one that nobody listens on.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// local serves a text on this machine's loopback.
func local(t testing.TB, at, text string) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		skip(t, "%v", err)
	}
	t.Cleanup(func() { l.Close() })
	go serveName(l, text)
	return l.Addr().(*net.TCPAddr).Port
}

func TestConnect(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		open, closed, other := local(t, "127.0.0.1:0", "host"), freePort(t), local(t, "127.0.0.1:0", "another")
		big := local(t, "127.0.0.1:0", strings.Repeat("0123456789abcdef", 1<<18))
		got := w.must(t, settings{Connect: []int{open, closed, big}}, fmt.Sprintf(`
			$TOOL get http://127.0.0.1:%d/
			$TOOL get http://localhost:%d/ 50
			$TOOL get http://127.0.0.1:%d/ 3 | wc -c
			$TOOL dial tcp 127.0.0.1:%d 2>&1 | grep -o 'reset by peer'
			$TOOL get http://127.0.0.1:%d/ 2>&1 | grep -o refused`, open, open, big, closed, other))
		equal(t, "answers", got, "host\nhost\n4194305\nreset by peer\nrefused\n")
	})
}

func TestConnectToIPv6Only(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		port := local(t, "[::1]:0", "six")
		equal(t, "answer", w.must(t, settings{Connect: []int{port}}, fmt.Sprintf("$TOOL get http://127.0.0.1:%d/", port)), "six\n")
	})
}

func TestPublish(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		port, silent, six := freePort(t), freePort(t), freePort(t)
		command := fmt.Sprintf("'%s' tool serve 127.0.0.1:%d inside & exec '%s' tool serve '[::1]:%d' six", program(), port, program(), six)
		c := w.outer(t, settings{Publish: []int{port, silent, six}, Command: []string{"sh", "-c", command}})
		out := begin(t, c)
		expect(t, out, "ready")
		expect(t, out, "ready")
		for url, want := range map[string]string{fmt.Sprintf("http://127.0.0.1:%d/", port): "inside", fmt.Sprintf("http://127.0.0.1:%d/", six): "six"} {
			got, err := getAtOnce(url, 50)
			if got != want || err != nil {
				t.Errorf("%s: %q, %v", url, got, err)
			}
		}
		if got, err := getAtOnce(fmt.Sprintf("http://127.0.0.1:%d/", silent), 1); err == nil {
			t.Errorf("nobody listens, and the answer is %q", got)
		}
		if r := w.run(t, settings{Publish: []int{port}}, "true"); r.code != ExitFailed ||
			r.err != fmt.Sprintf("error: port %d, which is to be published, is in use on this machine\n", port) {
			t.Errorf("taken: exit code %d, %s", r.code, r.err)
		}
		_ = c.Process.Kill()
		_ = c.Wait()
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err != nil {
			t.Error("the port is not free again:", err)
		} else {
			l.Close()
		}
	})
}

func TestPortsThatCannotBe(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		for _, s := range []settings{{Connect: []int{0}}, {Publish: []int{65536}}, {Connect: []int{443}}, {Publish: []int{53}}, {Connect: []int{8080, 8080}}, {Connect: []int{8080}, Publish: []int{8080}},
			{Connect: make([]int, 300)}} {
			if r := w.run(t, s, "true"); r.code != ExitFailed || !strings.HasPrefix(r.err, "error: ") || !strings.Contains(r.err, "port") {
				t.Errorf("%+v: exit code %d, %s", s, r.code, r.err)
			}
		}
	})
}

// TestTwoSandboxes has one with a process, a port and an abstract socket, and another that must find none of them.
func TestTwoSandboxes(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		mark := fmt.Sprintf("neighbour-%d-%s", os.Getpid(), w.name)
		one := w.outer(t, settings{Name: "one", Command: []string{"sh", "-c", fmt.Sprintf(
			`'%[1]s' tool listen unix @%[2]s & '%[1]s' tool serve 127.0.0.1:8099 one & exec '%[1]s' tool listen tcp 0.0.0.0:8098 # %[2]s`, program(), mark)}})
		out := begin(t, one)
		for range 3 {
			expect(t, out, "ready")
		}
		got := w.must(t, settings{Name: "two"}, `
			$TOOL get http://169.254.169.254/
			$TOOL dial unix @`+mark+` 2>&1 | grep -o refused
			$TOOL dial tcp 127.0.0.1:8099 2>&1 | grep -o refused
			$TOOL dial tcp 127.0.0.1:8098 2>&1 | grep -o refused
			cat /proc/[0-9]*/cmdline | tr '\0' ' ' | grep -c 'tool [s]erve'
			echo done`)
		equal(t, "the other sees", got, "metadata of two\nrefused\nrefused\nrefused\n0\ndone\n")
		// One is as before, and its process is there to be found outside.
		if len(marked(t, mark)) == 0 {
			t.Error("the marked process is not even seen outside")
		}
		_ = one.Process.Kill()
		_ = one.Wait()
	})
}

func TestManyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		results := make(chan string)
		for i := range 8 {
			s := settings{Name: strconv.Itoa(i), Command: []string{program(), "tool", "get", "http://169.254.169.254/"}}
			go func() { results <- finish(w.outer(t, s), nil).out }()
		}
		seen := map[string]bool{}
		for range 8 {
			seen[<-results] = true
		}
		if len(seen) != 8 || !seen["metadata of 3\n"] {
			t.Errorf("answers: %v", seen)
		}
	})
}

// hostAddress returns an address of this machine that is not its loopback.
func hostAddress(t testing.TB) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	skip(t, "this machine has no address besides its loopback")
	return ""
}

// withTUN makes the outer process one that may open /dev/net/tun: on some machines only root may, and then it gets a
// device file of its own, in a mount namespace of its own.
func (w who) withTUN(t testing.TB, c *exec.Cmd) {
	t.Helper()
	if _, err := os.Stat(tunPath); err != nil {
		skip(t, "no %s: %v", tunPath, err)
	}
	if w.credential != nil {
		inOwnMounts(c, `mount -t tmpfs tmpfs /dev/net && mknod -m 666 /dev/net/tun c 10 200`, w)
		return
	}
	f, err := os.OpenFile(tunPath, os.O_RDWR, 0)
	if err != nil {
		skip(t, "%v", err)
	}
	f.Close()
}

// inOwnMounts makes root prepare a mount namespace before c becomes the outer process of w.
func inOwnMounts(c *exec.Cmd, prepare string, w who) {
	become := "exec"
	if w.credential != nil {
		become = fmt.Sprintf("exec setpriv --reuid %d --regid %d --clear-groups", userID, userID)
	}
	c.Path = "/usr/bin/unshare"
	c.Args = []string{"unshare", "-m", "sh", "-c", prepare + " && " + become + " " + program()}
	c.SysProcAttr.Credential = nil
}

func TestNetwork(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		host := hostAddress(t)
		port := local(t, host+":0", strings.Repeat("0123456789abcdef", 1<<16))
		hidden := local(t, "127.0.0.1:0", "loopback of the host")
		packets, err := net.ListenPacket("udp", host+":0")
		if err != nil {
			t.Fatal(err)
		}
		defer packets.Close()
		go echo(packets)
		closed := freePort(t)
		script := fmt.Sprintf(`
			$TOOL get http://%[1]s:%[2]d/ 20 | wc -c
			$TOOL udp %[3]s datagram
			$TOOL dial tcp %[1]s:%[4]d 2>&1 | grep -o refused
			$TOOL dial tcp 127.0.0.1:%[5]d 2>&1 | grep -o refused
			$TOOL get http://169.254.169.254/
			for a in 169.254.170.2 168.63.129.16 0.1.2.3; do $TOOL dial tcp $a:80 2>&1 | grep -o 'refused\|unreachable\|invalid'; done
			$TOOL get http://kv.vault.azure.net:443/
			ip route 2>/dev/null | head -1; ip addr add 198.18.0.7/32 dev inborn0 2>/dev/null && echo may change addresses
			ip link set inborn0 down 2>/dev/null && echo may change links
			true`, host, port, packets.LocalAddr(), closed, hidden)
		c := w.outer(t, settings{Name: "a", Network: true, Ours: azure, Command: []string{"sh", "-c", "TOOL='" + program() + " tool'\n" + script}})
		w.withTUN(t, c)
		r := finish(c, nil)
		want := "1048577\ndatagram\nrefused\nrefused\nmetadata of a\nrefused\nrefused\n"
		if r.code != 0 || !strings.HasPrefix(r.out, want) || !strings.Contains(r.out, "public of a\n") || strings.Contains(r.out, "may change") {
			t.Errorf("code %d\n got %q\nwant %q...\n%s", r.code, r.out, want, r.err)
		}
	})
}

func echo(packets net.PacketConn) {
	buffer := make([]byte, 2048)
	for {
		n, from, err := packets.ReadFrom(buffer)
		if err != nil {
			return
		}
		_, _ = packets.WriteTo(buffer[:n], from)
	}
}

// TestForeignNames asks a name server that root makes the host's in a mount namespace.
func TestForeignNames(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give the host another name server")
	}
	each(t, func(t *testing.T, w who) {
		host := nameServer(t)
		dir := shared(t)
		write(t, dir+"/resolv.conf", "nameserver "+host+"\n")
		c := w.outer(t, settings{Network: true, Ours: azure, Command: []string{"sh", "-c", "TOOL='" + program() + ` tool'
			$TOOL lookup somewhere.example; $TOOL lookup nowhere.example 2>&1 | grep -o 'no such host'; $TOOL lookup kv.vault.azure.net`}})
		w.withTUN(t, c)
		script := "mount --bind " + dir + "/resolv.conf /etc/resolv.conf && mount -t tmpfs tmpfs /dev/net && mknod -m 666 /dev/net/tun c 10 200"
		inOwnMounts(c, script, w)
		r := finish(c, nil)
		equal(t, "names", r.out+r.err, "[203.0.113.7]\nno such host\n[127.0.0.1]\n")
	})
}

// TestSystemdResolved has an /etc/resolv.conf that is a link into the directory of the host's resolver, which is hidden.
func TestSystemdResolved(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give the host another /etc")
	}
	each(t, func(t *testing.T, w who) {
		c := w.outer(t, settings{Ours: azure, Command: []string{"sh", "-c", "TOOL='" + program() + ` tool'
			cat /etc/resolv.conf; ls -A /run/systemd/resolve /run/dbus; grep ^hosts /etc/nsswitch.conf; $TOOL lookup kv.vault.azure.net`}})
		inOwnMounts(c, `mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/resolve /run/dbus && cd /run/systemd/resolve &&
			echo nameserver 127.0.0.53 >stub-resolv.conf && touch io.systemd.Resolve /run/dbus/system_bus_socket && cp -a /etc /run/etc &&
			ln -sf ../run/systemd/resolve/stub-resolv.conf /run/etc/resolv.conf && echo "hosts: resolve [!UNAVAIL=return] dns" >/run/etc/nsswitch.conf &&
			mount --bind /run/etc /etc && cd /`, w)
		r := finish(c, nil)
		equal(t, "inside", r.out+r.err, "nameserver 127.0.0.1\n/run/dbus:\n\n/run/systemd/resolve:\nresolv.conf\nstub-resolv.conf\nhosts: files dns\n[127.0.0.1]\n")
	})
}
