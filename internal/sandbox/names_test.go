package sandbox

import (
	"slices"
	"strings"
	"testing"
)

func TestOwns(t *testing.T) {
	for name, want := range map[string]bool{
		"login.microsoftonline.com":        true,
		"Login.MicrosoftOnline.COM.":       true,
		"login.windows.net":                true,
		"sts.windows.net":                  true,
		"login.microsoft.com":              true,
		"graph.microsoft.com":              true,
		"management.azure.com":             true,
		"kv-orders.vault.azure.net":        true,
		"a.b.vault.azure.net":              true,
		"vault.azure.net":                  true,
		"sa1.blob.core.windows.net":        true,
		"sa1.dfs.core.windows.net":         true, // not served, but it would take a token of ours
		"management.core.windows.net":      true,
		"device.login.microsoftonline.com": true,

		"":                             false,
		".":                            false,
		"microsoft.com":                false,
		"learn.microsoft.com":          false,
		"www.windows.net":              false,
		"evilvault.azure.net":          false,
		"notgraph.microsoft.com":       false,
		"graph.microsoft.com.evil.org": false,
		"xcore.windows.net":            false,
		"169.254.169.254":              false,
		"localhost":                    false,
	} {
		if got := Owns(name); got != want {
			t.Errorf("Owns(%q) = %v", name, got)
		}
	}
}

// What a site answers for must be below a domain of the authority, or its certificates would be worth nothing.
func TestSitesAreWithinDomains(t *testing.T) {
	domains := Domains()
	for _, site := range Sites() {
		name := strings.Replace(site, "*", "x", 1)
		if !slices.ContainsFunc(domains, func(d string) bool { return isBelow(name, d) }) {
			t.Errorf("%s is in no domain of %v", site, domains)
		}
		if !Owns(name) {
			t.Errorf("%s is not owned", name)
		}
	}
	for _, domain := range domains {
		if !Owns(domain) || !Owns("x."+domain) {
			t.Errorf("%s is a domain but not owned", domain)
		}
	}
	Sites()[0] = "changed"
	if Sites()[0] == "changed" {
		t.Error("Sites hands out its table")
	}
}

func TestIsMetadata(t *testing.T) {
	for host, want := range map[string]bool{
		MetadataAddress: true, "169.254.169.254.": true, "::ffff:169.254.169.254": true, "::ffff:a9fe:a9fe": true,
		"169.254.169.253": false, "metadata": false, "": false, "fd00:ec2::254": false,
	} {
		if got := isMetadata(host); got != want {
			t.Errorf("isMetadata(%q) = %v", host, got)
		}
	}
}
