//go:build linux

package sandbox

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// beTool is one of the programs that commands use in the tests, and never returns.
func beTool(name string, args []string) {
	tools := map[string]func(args []string) error{
		"lookup":  lookUpName,
		"serve":   serveHTTP,
		"get":     getHTTP,
		"dial":    dial,
		"listen":  listen,
		"udp":     exchangeUDP,
		"seccomp": underSeccomp,
	}
	if err := tools[name](args); err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// lookUpName NAME: its addresses, by Go's own resolver.
func lookUpName(args []string) error {
	resolver := net.Resolver{PreferGo: true}
	addresses, err := resolver.LookupHost(context.Background(), args[0])
	fmt.Println(addresses)
	return err
}

// serveHTTP ADDRESS TEXT: says "ready" and answers TEXT.
func serveHTTP(args []string) error {
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	fmt.Println("ready")
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, args[1]) }))
}

// getHTTP URL TIMES: gets it so many times at once and prints the last answer.
func getHTTP(args []string) error {
	times := 1
	if len(args) > 1 {
		if _, err := fmt.Sscan(args[1], &times); err != nil {
			return err
		}
	}
	text, err := getAtOnce(args[0], times)
	fmt.Println(text)
	return err
}

// getAtOnce gets a URL over so many connections at once. All answers must be the same, which is returned.
func getAtOnce(url string, times int) (string, error) {
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer)
	for range times {
		go func() {
			client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
			resp, err := client.Get(url)
			if err != nil {
				answers <- answer{err: err}
				return
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			answers <- answer{string(text), err}
		}()
	}
	last := <-answers
	for range times - 1 {
		next := <-answers
		if next.err != nil || next.text != last.text && last.err == nil {
			last = answer{next.text, fmt.Errorf("%q and %q, %w", last.text, next.text, next.err)}
		}
	}
	return last.text, last.err
}

// dial NETWORK ADDRESS: connects and waits for the other side to speak.
func dial(args []string) error {
	conn, err := net.DialTimeout(args[0], args[1], 5*time.Second)
	if err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1))
	return err
}

// listen NETWORK ADDRESS: says "ready" and waits.
func listen(args []string) error {
	l, err := net.Listen(args[0], args[1])
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for err == nil {
		_, err = l.Accept()
	}
	return err
}

// exchangeUDP ADDRESS TEXT: sends and prints the answer.
func exchangeUDP(args []string) error {
	conn, err := net.Dial("udp", args[0])
	if err != nil {
		return err
	}
	if _, err := conn.Write([]byte(args[1])); err != nil {
		return err
	}
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	packet := make([]byte, 1500)
	n, err := conn.Read(packet)
	fmt.Println(string(packet[:n]))
	return err
}

// underSeccomp PROGRAM ARGUMENT...: becomes the program under a filter that forbids new namespaces, as those of
// containers do.
func underSeccomp(args []string) error {
	clone, word := uint32(unix.SYS_CLONE), uint32(0)
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: clone, Jt: 0, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 16 + word}, // the low half of its flags
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: unix.CLONE_NEWUSER, Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
		return err
	}
	return syscall.Exec(args[0], args, os.Environ())
}

func addressOf(t testing.TB, text string) netip.Addr {
	t.Helper()
	a, err := netip.ParseAddr(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
