package vault

import "strings"

// VaultNames is the rule for names of vaults, in words (naming rules of Microsoft.KeyVault).
const VaultNames = "3 to 24 letters, digits and single hyphens, beginning with a letter and ending with none"

// IsVaultName reports whether a vault can have that name. It is the first label of the vault's host.
func IsVaultName(name string) bool {
	if len(name) < 3 || len(name) > 24 || !isLetter(rune(name[0])) || strings.HasSuffix(name, "-") || strings.Contains(name, "--") {
		return false
	}
	return !strings.ContainsFunc(name, func(c rune) bool { return !isLetter(c) && (c < '0' || c > '9') && c != '-' })
}

func isLetter(c rune) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
