package sandbox

import (
	"os"
	"slices"
	"strings"
)

// Resolvers find the responder in three ways: by resolv.conf, by nsswitch.conf, which may send them to a daemon instead,
// and past both by that daemon's socket. A resolver without resolv.conf asks 127.0.0.1, and one without nsswitch.conf
// asks files and then DNS: so what does not exist need not be made.

const resolvConf = "nameserver 127.0.0.1\n"

// resolverFiles returns the files of the inside that steer resolvers.
func resolverFiles(ours func(string) bool) []File {
	files := []File{
		{"/etc/resolv.conf", []byte(resolvConf)},
		{"/run/systemd/resolve/resolv.conf", []byte(resolvConf)},
		{"/run/systemd/resolve/stub-resolv.conf", []byte(resolvConf)},
	}
	if text, err := os.ReadFile("/etc/nsswitch.conf"); err == nil {
		files = append(files, File{"/etc/nsswitch.conf", []byte(nsswitch(string(text)))})
	}
	if text, err := os.ReadFile("/etc/hosts"); err == nil {
		name, _ := os.Hostname()
		files = append(files, File{"/etc/hosts", []byte(hosts(string(text), name, ours))})
	}
	return files
}

// resolverDirectories returns those in which the host's resolvers have their sockets.
func resolverDirectories() []string {
	return []string{"/run/systemd/resolve", "/run/nscd", "/var/run/nscd", "/run/dbus"}
}

// nsswitch returns an nsswitch.conf with which hosts are looked up in files and then by DNS.
func nsswitch(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if database, _, _ := strings.Cut(line, ":"); strings.TrimSpace(database) == "hosts" {
			line = "hosts: files dns\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

// hosts returns a hosts file without our names, which would be found there before the responder is asked, and with the
// host's own name at an address that exists inside.
func hosts(text, hostname string, ours func(string) bool) string {
	var b strings.Builder
	b.WriteString("127.0.0.1 localhost")
	if hostname != "" && hostname != "localhost" {
		b.WriteString(" " + hostname)
	}
	b.WriteString("\n")
	for line := range strings.Lines(text) {
		entry, _, _ := strings.Cut(line, "#")
		fields := strings.Fields(entry)
		if len(fields) < 2 {
			continue
		}
		names := slices.DeleteFunc(fields[1:], func(name string) bool {
			return strings.EqualFold(name, hostname) || ours != nil && ours(hostName(name))
		})
		if len(names) > 0 {
			b.WriteString(fields[0] + " " + strings.Join(names, " ") + "\n")
		}
	}
	return b.String()
}
