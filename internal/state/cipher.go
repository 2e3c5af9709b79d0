package state

import "github.com/inborn-id/inborn/internal/guid"

// CipherContext is what the ciphertext kept under (tenant, id) is bound to. Everything that is encrypted takes its
// context from here, whatever it is: so a ciphertext that is copied to another row does not open there, and the master
// key can be changed by whoever reads the rows, without knowing what they mean.
func CipherContext(tenant guid.GUID, id string) []string {
	return []string{"cipher", tenant.String(), id}
}
