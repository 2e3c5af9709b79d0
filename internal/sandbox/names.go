package sandbox

import (
	"net/netip"
	"slices"
	"strings"
)

// MetadataAddress is where the instance metadata service answers, on port 80 and without TLS. The clients of Azure have
// it as a literal, so it is the one name that no resolver can give to us.
const MetadataAddress = "169.254.169.254"

// sites are the public names that Inborn answers https for. The clients know four names of the token service by heart
// and take each for the others, so all four are ours.
var sites = [...]string{
	"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net",
	"graph.microsoft.com",
	"management.azure.com", "management.core.windows.net",
	"*.vault.azure.net",
	"*.blob.core.windows.net", "*.queue.core.windows.net", "*.table.core.windows.net", "*.file.core.windows.net",
}

// storageDomain holds more services of a storage account than we offer. A token for one is good at all of them, so none
// may be reached outside.
const storageDomain = "core.windows.net"

// Sites returns the public names that Inborn answers https for, in the form of serve.Site: *.vault.azure.net stands for
// any one label before .vault.azure.net.
func Sites() []string { return slices.Clone(sites[:]) }

// Domains returns the names that are Inborn's with all that is below them: what the certificate authority of a launch
// is constrained to, and what the resolver of a sandbox answers with an address of ours.
func Domains() []string {
	var domains []string
	for _, site := range sites {
		domain := strings.TrimPrefix(site, "*.")
		if isBelow(domain, storageDomain) {
			domain = storageDomain
		}
		if !slices.Contains(domains, domain) {
			domains = append(domains, domain)
		}
	}
	return domains
}

// Owns reports whether a host name is at or below one of Domains, in any case and with or without the dot at its end.
// Such a name always leads to us: also one that no site answers for, because the request for it carries a token of ours
// or asks for one.
func Owns(name string) bool {
	name = hostName(name)
	if isBelow(name, storageDomain) {
		return true
	}
	return slices.ContainsFunc(sites[:], func(site string) bool { return isBelow(name, strings.TrimPrefix(site, "*.")) })
}

// isMetadata reports whether a host is the address of the metadata service, as IPv4 or mapped into IPv6.
func isMetadata(host string) bool {
	addr, err := netip.ParseAddr(hostName(host))
	return err == nil && addr.Unmap().WithZone("") == netip.AddrFrom4([4]byte{169, 254, 169, 254})
}

// isBelow reports whether name is domain or below it.
func isBelow(name, domain string) bool {
	head, ok := strings.CutSuffix(name, domain)
	return ok && (head == "" || strings.HasSuffix(head, "."))
}

// hostName returns the one spelling in which names are compared.
func hostName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
