package server

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/manifest"
	"github.com/inborn-id/inborn/internal/state"
)

// TestVaultsAreKept: a running server does what is due in vaults without being asked. What that is, package keyvault tests.
func TestVaultsAreKept(t *testing.T) {
	m, err := manifest.Parse([]byte(declared + "  - {type: Microsoft.KeyVault/vaults, name: kv-short}\n"))
	if err != nil {
		t.Fatal(err)
	}
	var ahead atomic.Int64
	w := startWorld(t, Config{Manifest: m, Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	found, ok := w.dir().Vault("kv-short")
	if !ok {
		t.Fatal("the vault was not made")
	}
	w.change(func(d *state.Draft) error { return d.DeleteResource(found.ID) })
	if _, ok := w.dir().DeletedVault(found.ID); !ok {
		t.Fatal("the vault is not kept")
	}
	ahead.Store(int64(91 * 24 * time.Hour))
	w.change(func(d *state.Draft) error { return d.RenameTenant("fabrikam.example") }) // which wakes it
	w.eventually(func() bool { _, kept := w.dir().DeletedVault(found.ID); return !kept })
}
