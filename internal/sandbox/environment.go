package sandbox

import (
	"net/netip"
	"slices"
	"strings"
)

// cleared are the beginnings of variables that would lead a client past us, or make it another one than the workload of
// its resource: credentials, endpoints and clouds of the caller, and what steers the resolver of libc.
var cleared = [...]string{"AZURE_", "ARM_", "MSI_", "IDENTITY_", "IMDS_", "LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES"}

// kept are exceptions: az's own settings and where it keeps its state. They say nothing of an identity, and without them
// az would read and write the caller's logins at the real cloud, or send its telemetry.
var kept = [...]string{"AZURE_CONFIG_DIR", "AZURE_EXTENSION_DIR", "AZURE_CORE_"}

// Clears reports whether the command must not see a variable of the caller, by its name. Those of proxies go in any case
// of letters, as their readers take them.
func Clears(name string) bool {
	starts := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	if slices.ContainsFunc(kept[:], starts) {
		return false
	}
	return slices.ContainsFunc(cleared[:], starts) || strings.HasSuffix(strings.ToUpper(name), "_PROXY")
}

// CleanEnvironment returns env without the variables that Clears names.
func CleanEnvironment(env []string) []string { return without(env, Clears) }

// ProxyLimits tells a person, in one line, whom ProxyEnvironment and a Trust without mounts do not help. All of it was
// seen, with Node 20.20 and 22.20, wget 1.21 and Java 17, but for the last clause: macOS asks its key chain instead.
const ProxyLimits = "In proxy mode these do not reach Inborn: programs that ignore HTTP_PROXY (fetch in Node before 22.21 and what is built on it, " +
	"such as @microsoft/microsoft-graph-client; Java), and programs that take certificates from elsewhere (wget; on macOS those in Go)."

// ProxyEnvironment returns the caller's env as a command behind a Proxy gets it: clean, with the proxy's URL in the
// spellings that clients look for. Node reads them for its own fetch since 22.21 and 24.0, where NODE_USE_ENV_PROXY says
// so. What the caller exempts from proxies stays exempt unless a name of ours might be meant.
func ProxyEnvironment(proxyURL string, env []string) []string {
	exempt := []string{"localhost", "127.0.0.1", "::1"}
	for _, name := range [...]string{"no_proxy", "NO_PROXY"} {
		value, _ := lookup(env, name)
		for entry := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
			if !mayExemptOurs(entry) && !slices.Contains(exempt, entry) {
				exempt = append(exempt, entry)
			}
		}
	}
	env = CleanEnvironment(env)
	for _, name := range [...]string{"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"} {
		env = append(env, name+"="+proxyURL)
	}
	direct := strings.Join(exempt, ",")
	return append(env, "no_proxy="+direct, "NO_PROXY="+direct, "NODE_USE_ENV_PROXY=1")
}

// mayExemptOurs reports whether an entry of NO_PROXY covers a name of ours as any client may read it. In doubt it does:
// what is not exempt comes to our proxy, which passes it on the way that the caller's own NO_PROXY says.
func mayExemptOurs(entry string) bool {
	entry = strings.TrimLeft(hostName(entry), "*.")
	if network, err := netip.ParsePrefix(entry); err == nil {
		return network.Contains(netip.MustParseAddr(MetadataAddress))
	}
	if host, _, ok := strings.Cut(entry, ":"); ok && strings.Count(entry, ":") == 1 {
		entry = host
	}
	if entry == "" || strings.ContainsAny(entry, "*?[") || Owns(entry) {
		return true
	}
	return strings.HasSuffix(MetadataAddress, entry) || strings.HasPrefix(MetadataAddress, entry) ||
		slices.ContainsFunc(sites[:], func(site string) bool { return strings.HasSuffix(site, entry) })
}

// lookup returns the value of a variable; the last one counts, as for os/exec.
func lookup(env []string, name string) (string, bool) {
	for _, entry := range slices.Backward(env) {
		if key, value, ok := strings.Cut(entry, "="); ok && key == name {
			return value, true
		}
	}
	return "", false
}

// without returns the entries whose names are not in the set.
func without(env []string, in func(name string) bool) []string {
	var rest []string
	for _, entry := range env {
		if name, _, _ := strings.Cut(entry, "="); !in(name) {
			rest = append(rest, entry)
		}
	}
	return rest
}
