package rbac

import (
	"slices"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
)

func TestCatalog(t *testing.T) {
	c, err := BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Roles()) != 170 {
		t.Errorf("%d roles", len(c.Roles()))
	}
	for _, role := range c.Roles() {
		if c.Role(role.ID) != role || c.RoleNamed(role.Name) != role || !role.BuiltIn {
			t.Errorf("%s is not found", role.Name)
		}
		definition := *role.RoleDefinition
		definition.AssignableScopes = nil
		if err := checkPermissions(&definition.Permissions); err != nil {
			t.Errorf("%s: %v", role.Name, err)
		}
	}
	for id, name := range map[guid.GUID]string{Owner: "Owner", Contributor: "Contributor", Reader: "Reader", UserAccessAdministrator: "User Access Administrator"} {
		if c.Role(id) == nil || c.Role(id).Name != name {
			t.Errorf("%s has another id", name)
		}
	}
	contributor := c.RoleNamed("CONTRIBUTOR").Permissions[0]
	if !slices.Equal(contributor.Actions, []string{"*"}) || !slices.Contains(contributor.NotActions, "Microsoft.Authorization/*/Write") {
		t.Errorf("%+v", contributor)
	}
	// Cases 52 and 53.
	secrets := c.Role(guid.MustParse("4633458b-17de-408a-b874-0445c86b69e6"))
	if secrets == nil || secrets.Name != "Key Vault Secrets User" || !slices.Equal(secrets.Permissions[0].DataActions,
		[]string{"Microsoft.KeyVault/vaults/secrets/getSecret/action", "Microsoft.KeyVault/vaults/secrets/readMetadata/action"}) {
		t.Errorf("%+v", secrets)
	}
	if r := c.Role(guid.MustParse("2a2b9908-6ea1-4ae2-8e65-a410df84e7d1")); r == nil || r.Name != "Storage Blob Data Reader" {
		t.Errorf("%+v", r)
	}
	conditional := 0
	for _, role := range c.Roles() {
		if p := role.permissions[0]; p.condition != nil {
			conditional++
			if p.condition.unreadable() {
				t.Errorf("%s has a condition that cannot be read", role.Name)
			}
		}
	}
	if conditional != 2 {
		t.Errorf("%d roles with conditions", conditional)
	}
}

func BenchmarkCatalog(b *testing.B) {
	for b.Loop() {
		if _, err := BuiltIn(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(time.Millisecond), "ms/load")
}
