package sandbox

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClears(t *testing.T) {
	for name, want := range map[string]bool{
		"HTTP_PROXY": true, "https_proxy": true, "ALL_PROXY": true, "No_Proxy": true, "npm_config_https_proxy": true,
		"AZURE_CLIENT_ID": true, "AZURE_CLIENT_SECRET": true, "AZURE_AUTHORITY_HOST": true, "AZURE_POD_IDENTITY_AUTHORITY_HOST": true,
		"ARM_USE_MSI": true, "MSI_ENDPOINT": true, "IDENTITY_HEADER": true, "IMDS_ENDPOINT": true,
		"LOCALDOMAIN": true, "RES_OPTIONS": true, "HOSTALIASES": true,

		"AZURE_CONFIG_DIR": false, "AZURE_CORE_COLLECT_TELEMETRY": false, "AZURE_EXTENSION_DIR": false,
		"PATH": false, "PROXY": false, "ALARM_ON": false, "azure_x": false, "SSL_CERT_DIR": false,
	} {
		if got := Clears(name); got != want {
			t.Errorf("Clears(%q) = %v", name, got)
		}
	}
}

func TestProxyEnvironment(t *testing.T) {
	const url = "http://inborn:s3cret@127.0.0.1:4711"
	got := ProxyEnvironment(url, []string{
		"PATH=/bin", "AZURE_CLIENT_SECRET=x", "HTTPS_PROXY=http://corp:8080", "ALL_PROXY=socks5://corp", "Odd", "=C:=x",
		"NO_PROXY=localhost,intranet.example, .corp.example:8443,vault.azure.net,.windows.net", "no_proxy=10.0.0.0/8,*",
	})
	const direct = "localhost,127.0.0.1,::1,10.0.0.0/8,intranet.example,.corp.example:8443"
	want := []string{
		"PATH=/bin", "Odd", "=C:=x", "http_proxy=" + url, "HTTP_PROXY=" + url, "https_proxy=" + url, "HTTPS_PROXY=" + url,
		"no_proxy=" + direct, "NO_PROXY=" + direct, "NODE_USE_ENV_PROXY=1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Clients read an entry as a name, as the end of a name with or without a dot, as a pattern, a network or an address.
func TestNoProxyExemptsNothingOfOurs(t *testing.T) {
	for _, entry := range []string{
		"*", "*.*", ".", "graph.microsoft.com", "GRAPH.Microsoft.com.", ".microsoft.com", "*.microsoft.com", "*microsoft.com", "microsoft.com:443",
		"com", ".net", "azure.net", "vault.azure.net", "kv1.vault.azure.net", "core.windows.net", "blob.core.windows.net",
		"sa1.blob.core.windows.net", "login.*", "log?n.windows.net", "[lg]*", "*e.com", "windows.net:443",
		"169.254.169.254", "169.254.169.254:80", "169.254.0.0/16", "0.0.0.0/0", "169.254.", "169.254.*", "254",
	} {
		if !mayExemptOurs(entry) {
			t.Errorf("%q stays in NO_PROXY", entry)
		}
	}
	for _, entry := range []string{"localhost", "127.0.0.1", "127.0.0.0/8", "::1", "fd00::/8", "10.1.2.3", "intranet", ".corp.example", "corp.example:8080", "[::1]:80", "portal.azure.com"} {
		if mayExemptOurs(entry) && entry != "[::1]:80" { // which no client writes so, and which is as good through us
			t.Errorf("%q is taken out of NO_PROXY", entry)
		}
	}
}
