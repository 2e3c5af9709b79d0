package state

import (
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/vault"
)

func newVault(d *Draft, name string) (resource.ID, error) {
	id := resource.In(testGroup, resource.TypeVault, name)
	_, _, err := d.PutResource(ResourceSpec{ID: id, Location: "local", Properties: []byte(`{"softDeleteRetentionInDays":7}`)})
	return id, err
}

func TestTheNameOfADeletedVaultStaysTaken(t *testing.T) {
	d := newDraft(t)
	id, err := newVault(d, "kv-a")
	if err != nil {
		t.Fatal(err)
	}
	v := vault.Version{Vault: id, Kind: vault.Secrets, Name: "s", ID: strings.Repeat("a", 32)}
	if _, err := d.PutVaultVersion(v, []byte("sealed"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := newVault(d, "KV-A"); err != nil {
		t.Errorf("the same vault in capitals: %v", err)
	}
	if err := d.DeleteResource(id); err != nil {
		t.Fatal(err)
	}
	if _, err := newVault(d, "kv-a"); !apierr.Is(err, apierr.VaultDeleted) {
		t.Errorf("a new one: %v", err)
	}
	if _, ok := d.Directory().VaultObject(id, vault.Secrets, "s"); !ok {
		t.Error("the refused vault took the secret with it")
	}
	// When it is over the name is free, and nothing of what was in it is left.
	d.env.Now = d.env.Now.Add(7 * 24 * time.Hour)
	if _, err := d.RecoverVault(id); !apierr.Is(err, apierr.ObjectNotFound) {
		t.Errorf("recovered when it was over: %v", err)
	}
	if _, err := newVault(d, "kv-a"); err != nil {
		t.Error(err)
	}
	if _, ok := d.Directory().VaultObject(id, vault.Secrets, "s"); ok {
		t.Error("the new vault has the secret of the old one")
	}
}

func TestVaultNamesAreUniqueInAllGroups(t *testing.T) {
	d := newDraft(t)
	if _, err := newVault(d, "kv-a"); err != nil {
		t.Fatal(err)
	}
	elsewhere := resource.GroupID(testGroup.Subscription(), "elsewhere")
	if err := d.PutResourceGroup(elsewhere, "local"); err != nil {
		t.Fatal(err)
	}
	spec := ResourceSpec{ID: resource.In(elsewhere, resource.TypeVault, "Kv-A"), Location: "local"}
	if _, _, err := d.PutResource(spec); !apierr.Is(err, apierr.VaultNameTaken) {
		t.Errorf("a second one: %v", err)
	}
}

func TestTheLocalAdministratorUsesVaultsWithPolicies(t *testing.T) {
	d := newDraft(t)
	id, err := newVault(d, "kv-a")
	if err != nil {
		t.Fatal(err)
	}
	ann := newUser(t, d, "ann")
	admin := d.Directory().LocalAdministrator().ID
	for _, settings := range []*vault.Settings{{}, {RBAC: true}} {
		if got := d.Directory().DecideVault(settings, VaultCaller{Principal: admin}, vault.SecretsGet, vault.Scope(id, vault.Secrets, "s")); !got.Allowed {
			t.Errorf("%+v: %s", settings, got.Reason)
		}
		if d.Directory().DecideVault(settings, VaultCaller{Principal: ann}, vault.SecretsGet, vault.Scope(id, vault.Secrets, "s")).Allowed {
			t.Errorf("%+v: so does ann", settings)
		}
	}
}
