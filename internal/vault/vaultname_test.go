package vault

import (
	"strings"
	"testing"
)

func TestVaultNames(t *testing.T) {
	for name, want := range map[string]bool{
		"kv-orders": true, "KV1": true, "a2c": true, "a-b-c": true, strings.Repeat("k", 24): true,
		"": false, "kv": false, "1kv": false, "-kv": false, "kv-": false, "kv--1": false, "kv_1": false, "kv.1": false, "kv/1": false, "kvé1": false,
		strings.Repeat("k", 25): false,
	} {
		if got := IsVaultName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}
