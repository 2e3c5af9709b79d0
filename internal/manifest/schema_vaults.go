package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/vault"
)

// Vault is a key vault in which roles decide. Secrets and keys that are in it without being named stay, even when pruning:
// they are data. What is named and was deleted comes back.
type Vault struct {
	Name            string            `yaml:"name"`
	ResourceGroup   string            `yaml:"resourceGroup,omitempty"`
	Location        string            `yaml:"location,omitempty"`
	Tags            map[string]string `yaml:"tags,omitempty"`
	PurgeProtection bool              `yaml:"purgeProtection,omitempty"` // it cannot be taken back
	RetentionDays   int               `yaml:"retentionDays,omitempty"`   // 7 to 90; 90 if absent; fixed when the vault is made
	Secrets         map[string]Secret `yaml:"secrets,omitempty"`
	Keys            map[string]Key    `yaml:"keys,omitempty"`
}

// Secret says where a value comes from: from exactly one of Generate, FromEnv and FromFile. One that is generated is so
// once; of the others, another value makes a new version.
type Secret struct {
	Generate    int    `yaml:"generate,omitempty"` // how many letters and digits
	FromEnv     string `yaml:"fromEnv,omitempty"`  // a variable of whoever applies the manifest
	FromFile    string `yaml:"fromFile,omitempty"` // a file, seen from that of the manifest; its bytes to the last
	ContentType string `yaml:"contentType,omitempty"`
}

// Key is a key that is made once.
type Key struct {
	Type       string   `yaml:"type"`            // RSA or EC
	Size       int      `yaml:"size,omitempty"`  // of RSA: 2048, 3072 or 4096; 2048 if absent
	Curve      string   `yaml:"curve,omitempty"` // of EC: P-256, P-384 or P-521; P-256 if absent
	Operations []string `yaml:"operations,omitempty"`
}

// The bounds of generate. Eight letters and digits are 47 bits.
const (
	minGenerate = 8
	maxGenerate = 1024
)

// Source is where a value comes from that is not in the manifest: env: and the name of a variable, or file: and a path.
type Source string

const (
	fromEnv  = "env:"
	fromFile = "file:"
)

// Env returns the variable that s names.
func (s Source) Env() (name string, ok bool) { return strings.CutPrefix(string(s), fromEnv) }

// File returns the file that s names, as the manifest does.
func (s Source) File() (path string, ok bool) { return strings.CutPrefix(string(s), fromFile) }

// Values are what a manifest takes from where it is read.
type Values map[Source]vault.Value

func (s Secret) source() Source {
	switch {
	case s.FromEnv != "":
		return Source(fromEnv + s.FromEnv)
	case s.FromFile != "":
		return Source(fromFile + s.FromFile)
	}
	return ""
}

// Sources returns what m takes from where it is read, each with the path of a declaration that wants it.
func (m *Manifest) Sources() map[Source]string {
	all := map[Source]string{}
	for i, v := range m.Vaults {
		for name, secret := range v.Secrets {
			if source := secret.source(); source != "" {
				all[source] = objectPath(i, vault.Secrets, name)
			}
		}
	}
	return all
}

// objectPath is the path of what vault i declares.
func objectPath(i int, kind vault.Kind, name string) string {
	return fmt.Sprintf("$.vaults[%d].%s.'%s'", i, kind, name)
}

// checkVaults refuses what no vault can be or hold.
func (m *Manifest) checkVaults() error {
	for i, v := range m.Vaults {
		if !vault.IsVaultName(v.Name) {
			return invalid(fmt.Sprintf("$.vaults[%d].name", i), "the name %q is not one of a vault: %s", v.Name, vault.VaultNames)
		}
		for j, r := range m.Resources {
			if strings.EqualFold(r.Type, resource.TypeVault) && strings.EqualFold(r.Name, v.Name) {
				return invalid(fmt.Sprintf("$.resources[%d].name", j), "the vault %q is declared under vaults, too", r.Name)
			}
		}
		if err := checkObjects(i, vault.Secrets, v.Secrets, Secret.check); err != nil {
			return err
		}
		if err := checkObjects(i, vault.Keys, v.Keys, Key.check); err != nil {
			return err
		}
	}
	return nil
}

func checkObjects[T any](i int, kind vault.Kind, all map[string]T, check func(T) error) error {
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if err := vault.CheckName(kind, name); err != nil {
			return invalid(fmt.Sprintf("$.vaults[%d].%s", i, kind), "the name %q is not one of a %s: 1 to 127 letters, digits and hyphens", name, kind.One())
		}
		if seen[vault.NameKey(name)] {
			return invalid(objectPath(i, kind, name), "%q is declared twice: names differ in more than case", name)
		}
		seen[vault.NameKey(name)] = true
		if err := at(check(all[name]), "%s", objectPath(i, kind, name)); err != nil {
			return err
		}
	}
	return nil
}

func (s Secret) check() error {
	given := 0
	for _, is := range []bool{s.Generate != 0, s.FromEnv != "", s.FromFile != ""} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return apierr.New(apierr.PropertyInvalid, "say with exactly one of generate, fromEnv and fromFile where the value comes from")
	case s.Generate != 0 && (s.Generate < minGenerate || s.Generate > maxGenerate):
		return apierr.New(apierr.PropertyInvalid, "generate is a number of letters and digits from %d to %d", minGenerate, maxGenerate)
	case strings.ContainsAny(s.FromEnv, "=\x00"):
		return apierr.New(apierr.PropertyInvalid, "%q is not the name of a variable", s.FromEnv)
	}
	return vault.CheckSecret("", s.ContentType)
}

func (k Key) check() error {
	spec, err := k.spec().Check()
	if err != nil {
		return err
	}
	_, err = vault.Operations(spec.Type, k.Operations)
	return err
}

func (k Key) spec() vault.KeySpec {
	return vault.KeySpec{Type: vault.KeyType(k.Type), Size: k.Size, Curve: k.Curve}
}
