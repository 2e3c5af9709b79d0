package vault

import (
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
)

// Kind is one of the three kinds of things in a vault. Its text is the first segment of their paths.
type Kind string

// The kinds.
const (
	Secrets      Kind = "secrets"
	Keys         Kind = "keys"
	Certificates Kind = "certificates"
)

// Kinds lists the kinds there are.
func Kinds() []Kind { return []Kind{Secrets, Keys, Certificates} }

// One returns the word for one thing of the kind: secret, key or certificate.
func (k Kind) One() string { return strings.TrimSuffix(string(k), "s") }

const maxNameLength = 127

// CheckName refuses what cannot be the name of an object: 1 to 127 letters, digits and hyphens (naming rules of
// Microsoft.KeyVault). The error is a ParameterInvalid at the kind's word and -name, such as secret-name.
func CheckName(kind Kind, name string) error {
	outside := func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-'
	}
	switch {
	case name == "":
		return apierr.New(apierr.ParameterInvalid, "The name of a %s must not be empty.", kind.One()).At(kind.One() + "-name")
	case len(name) > maxNameLength:
		return apierr.New(apierr.ParameterInvalid, "The request URI contains an invalid name: '%.40s...' is longer than %d characters.", name, maxNameLength).
			At(kind.One() + "-name")
	case strings.ContainsFunc(name, outside):
		return apierr.New(apierr.ParameterInvalid, "The request URI contains an invalid name: '%s'. Names are letters, digits and hyphens.", name).
			At(kind.One() + "-name")
	}
	return nil
}

// NameKey returns the form of a name to compare by: two objects of a vault differ in more than case.
func NameKey(name string) string { return strings.ToLower(name) }

const versionLength = 32

// CheckVersion reports whether v has the form of a version's id: 32 digits of lower-case hexadecimal.
func CheckVersion(v string) bool {
	return len(v) == versionLength && !strings.ContainsFunc(v, func(c rune) bool { return (c < '0' || c > '9') && (c < 'a' || c > 'f') })
}

// Scope returns the id of an object of a vault in Resource Manager, at which roles can be assigned: the vault, the kind and
// the name. Without a name it is the vault itself.
func Scope(vault resource.ID, kind Kind, name string) resource.ID {
	if name == "" {
		return vault
	}
	return vault + resource.ID("/"+string(kind)+"/"+name)
}

// CheckBelow refuses what follows the id of a vault, such as secret/db-password, if it is no object, so that a role there
// would allow nothing. The error is a ParameterInvalid that names what may be meant.
func CheckBelow(below string) error {
	kind, name, _ := strings.Cut(below, "/")
	meant := ""
	for _, k := range Kinds() {
		if CheckName(k, name) != nil {
			continue
		}
		if strings.EqualFold(kind, string(k)) {
			return nil
		}
		if kind != "" && strings.HasPrefix(string(k), strings.ToLower(kind)) {
			meant = " Did you mean " + string(k) + "/" + name + "?"
		}
	}
	return apierr.New(apierr.ParameterInvalid, "Below a vault only secrets/NAME, keys/NAME and certificates/NAME are scopes, and %q is none of these.%s", below, meant)
}
