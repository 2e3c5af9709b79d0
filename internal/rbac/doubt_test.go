package rbac

import (
	"iter"
	"slices"
	"strings"
	"testing"
)

func roleNames(c *Catalog) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, r := range c.Roles() {
			if !yield(r.Name) {
				return
			}
		}
	}
}

func TestNearestRoles(t *testing.T) {
	c, err := BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Reeder":                 "Reader",
		"reader":                 "Reader",
		"Key Vault Secret User":  "Key Vault Secrets User",
		"KeyVaultSecretsUser":    "Key Vault Secrets User",
		"key-vault-secrets-usr":  "Key Vault Secrets User",
		"secrets user":           "Key Vault Secrets User",
		"Storage Blob Reader":    "Storage Blob Data Reader",
		"Contributer":            "Contributor",
		"Ünbekannte Rolle":       "",
		"Fly to the moon":        "",
		"":                       "",
		" ":                      "",
		strings.Repeat("x", 500): "",
	} {
		got := append(NearestRoles(name, roleNames(c)), "")
		if got[0] != want || len(got) > maxNearest+1 {
			t.Errorf("%q: %q, want %q first", name, got, want)
		}
	}
	if got := NearestRoles("vault", roleNames(c)); len(got) != maxNearest {
		t.Errorf("vault: %q", got)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b        string
		limit, want int
	}{
		{"", "", 2, 0}, {"a", "", 2, 1}, {"", "ab", 2, 2}, {"reader", "reader", 0, 0}, {"reeder", "reader", 1, 1},
		{"kitten", "sitting", 5, 3}, {"kitten", "sitting", 2, 3}, {"abcdef", "ghijkl", 2, 3}, {"ab", "ba", 2, 2}, {"abc", "abcdef", 2, 3},
	} {
		if got := distance(c.a, c.b, c.limit); got != c.want {
			t.Errorf("%q, %q up to %d: %d, want %d", c.a, c.b, c.limit, got, c.want)
		}
		if got := distance(c.b, c.a, c.limit); got != c.want {
			t.Errorf("%q, %q up to %d: %d, want %d", c.b, c.a, c.limit, got, c.want)
		}
	}
}

func TestDoubtOf(t *testing.T) {
	c, err := BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	const getSecret = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
	for _, test := range []struct {
		action Action
		want   Doubt
		near   string
	}{
		{DataAction(getSecret), DoubtNone, ""},
		{DataAction(strings.ToUpper(getSecret)), DoubtNone, ""},
		{ControlAction(getSecret), DoubtPlane, ""},
		{ControlAction("Microsoft.KeyVault/vaults/secrets/setSecret/action"), DoubtPlane, ""},
		{ControlAction("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"), DoubtPlane, ""},
		{ControlAction("Microsoft.Storage/storageAccounts/blobServices/containers/read"), DoubtNone, ""},
		{DataAction("Microsoft.Web/sites/restart/action"), DoubtPlane, ""},
		{ControlAction("Microsoft.Web/sites/restart/action"), DoubtNone, ""},
		{DataAction("Microsoft.KeyVault/vaults/secret/getSecret/action"), DoubtName, getSecret},
		{DataAction("Microsoft.KeyVault/vaults/secrets/getSecret"), DoubtVerb, ""},
		{ControlAction("Microsoft.Web/sites/raed"), DoubtVerb, ""},
		{ControlAction("Microsoft.Wbe/sites/read"), DoubtName, ""},
		{DataAction("Contoso.Jobs/jobs/run/action"), DoubtName, ""},
	} {
		doubt, near := DoubtOf(slices.Values(c.Roles()), test.action)
		if doubt != test.want || near != test.near {
			t.Errorf("%s (data: %t): %d %q, want %d %q", test.action, test.action.IsData(), doubt, near, test.want, test.near)
		}
	}
	custom := NewRole(&RoleDefinition{Permissions: []Permission{{}, {Actions: []string{"Contoso.Jobs/*"}}}})
	if doubt, _ := DoubtOf(slices.Values([]*Role{custom}), ControlAction("Contoso.Jobs/jobs/run/action")); doubt != DoubtNone {
		t.Errorf("what a custom role names is doubted: %d", doubt)
	}
	if doubt, _ := DoubtOf(slices.Values([]*Role(nil)), ControlAction("a/read")); doubt != DoubtName {
		t.Errorf("without roles: %d", doubt)
	}
}
