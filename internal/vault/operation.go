package vault

import (
	"slices"

	"github.com/inborn-id/inborn/internal/apierr"
)

// Operation is something that is done with a key, by its name in key_ops.
type Operation string

// The operations. EC keys only sign and verify. Import and Export may stand in key_ops, too, and permit nothing here.
const (
	Encrypt   Operation = "encrypt"
	Decrypt   Operation = "decrypt"
	Sign      Operation = "sign"
	Verify    Operation = "verify"
	WrapKey   Operation = "wrapKey"
	UnwrapKey Operation = "unwrapKey"
	Import    Operation = "import"
	Export    Operation = "export"
)

// Operations reads key_ops for a key of the given type. Names stand for themselves, each once; nil means all that the type
// can do.
func Operations(kind KeyType, names []string) ([]Operation, error) {
	able := []Operation{Sign, Verify}
	if kind == RSA {
		able = []Operation{Encrypt, Decrypt, Sign, Verify, WrapKey, UnwrapKey}
	}
	if names == nil {
		return able, nil
	}
	operations := []Operation{}
	for _, name := range names {
		o := Operation(name)
		if !slices.Contains(able, o) && o != Import && o != Export {
			return nil, apierr.New(apierr.PropertyInvalid, "The operation '%.20s' is none of a key of type %s: %v.", name, kind, able).At("key_ops")
		}
		if !slices.Contains(operations, o) {
			operations = append(operations, o)
		}
	}
	return operations, nil
}
