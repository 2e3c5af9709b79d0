package interop

import (
	"strings"
	"testing"
)

// The az of Debian makes, deletes, recovers and purges vaults, which is the part of Key Vault that Resource Manager does.
func TestAzManagesVaults(t *testing.T) {
	t.Parallel() // it takes its time
	a := newAdministratorAz(t, dev)
	group := "/subscriptions/" + dev.Subscription + "/resourceGroups/rg-az-vault"
	in := func(args ...string) []string { return append(args, "--resource-group", "rg-az-vault") }
	a.follow(group, []azStep{
		says(``, "group", "create", "--name", "rg-az-vault", "--location", "westeurope"),
		says(`["kv-az-vault",true,7]`, in("keyvault", "create", "--name", "kv-az-vault", "--enable-rbac-authorization", "true", "--retention-days", "7",
			"--query", "[name,properties.enableRbacAuthorization,properties.softDeleteRetentionInDays]")...),
		says(`["kv-az-vault"]`, in("keyvault", "list", "--query", "[].name")...),
		says(``, in("keyvault", "delete", "--name", "kv-az-vault")...),
		says(`["ID/providers/Microsoft.KeyVault/vaults/kv-az-vault"]`, "keyvault", "list-deleted", "--resource-type", "vault",
			"--query", "[?name=='kv-az-vault'].properties.vaultId"),
		says(`"kv-az-vault"`, "keyvault", "show-deleted", "--name", "kv-az-vault", "--location", "westeurope", "--query", "name"),
	})
	_, stderr, err := a.try(in("keyvault", "create", "--name", "kv-az-vault", "--enable-rbac-authorization", "true")...)
	if err == nil || !strings.Contains(stderr, "ConflictError") || !strings.Contains(stderr, "recover or purge") {
		t.Errorf("a deleted vault's name: %v\n%s", err, stderr)
	}
	a.follow(group, []azStep{
		says(`[true,7]`, in("keyvault", "recover", "--name", "kv-az-vault", "--location", "westeurope",
			"--query", "[properties.enableRbacAuthorization,properties.softDeleteRetentionInDays]")...),
		says(``, in("keyvault", "delete", "--name", "kv-az-vault")...),
		says(``, "keyvault", "purge", "--name", "kv-az-vault", "--location", "westeurope"),
		says(`[]`, "keyvault", "list-deleted", "--resource-type", "vault", "--query", "[?name=='kv-az-vault'].name"),
		says(`true`, in("keyvault", "create", "--name", "kv-az-vault", "--enable-rbac-authorization", "true", "--enable-purge-protection", "true",
			"--query", "properties.enablePurgeProtection")...),
		says(``, in("keyvault", "delete", "--name", "kv-az-vault")...),
	})
	_, stderr, err = a.try("keyvault", "purge", "--name", "kv-az-vault", "--location", "westeurope")
	if err == nil || !strings.Contains(stderr, "DeletedVaultPurge") {
		t.Errorf("a protected vault is purged: %v\n%s", err, stderr)
	}
}

// `az rest` uses what is in a vault, by path: the token for Key Vault is of the identity that az has.
func TestAzUsesAVaultByPath(t *testing.T) {
	t.Parallel() // it takes its time
	a := newAdministratorAz(t, dev)
	group := "/subscriptions/" + dev.Subscription + "/resourceGroups/rg-az-path"
	rest := func(method, path string, more ...string) []string {
		return append([]string{"rest", "--resource", "https://vault.azure.net", "--method", method, "--url", dev.Origin + "/vaults/kv-az-path/" + path + "?api-version=7.4"}, more...)
	}
	a.follow(group, []azStep{
		says(``, "group", "create", "--name", "rg-az-path", "--location", "westeurope"),
		says(`"kv-az-path"`, "keyvault", "create", "--name", "kv-az-path", "--resource-group", "rg-az-path", "--enable-rbac-authorization", "true", "--query", "name"),
		says(`"one"`, rest("PUT", "secrets/db", "--body", `{"value":"one"}`, "--query", "value")...),
		says(`"two"`, rest("PUT", "secrets/db", "--body", `{"value":"two"}`, "--query", "value")...),
		says(`"two"`, rest("GET", "secrets/db", "--query", "value")...),
		says(`2`, rest("GET", "secrets/db/versions", "--query", "length(value)")...),
		says(`"EC"`, rest("POST", "keys/k/create", "--body", `{"kty":"EC"}`, "--query", "key.kty")...),
		says(`true`, rest("DELETE", "secrets/db", "--query", "recoveryId != null")...),
		fails("SecretNotFound", rest("GET", "secrets/db")...),
		says(`true`, rest("POST", "deletedsecrets/db/recover", "--query", "contains(id, '/secrets/db')")...),
		says(`"two"`, rest("GET", "secrets/db", "--query", "value")...),
		fails("BadParameter", rest("PUT", "secrets/no_name", "--body", `{"value":"x"}`)...),
	})
}
