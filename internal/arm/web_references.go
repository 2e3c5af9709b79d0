package arm

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/vault"
)

// An application setting may refer to a secret of a vault instead of holding it (App Service, Key Vault references). The
// setting is kept and listed as it was written; here is said what it refers to and whether the workload would get it.

// reference is what a setting refers to. The vault is "" if the reference is to a host that is none of our vaults.
type reference struct{ host, vault, secret, version string }

const referenceStart = "@Microsoft.KeyVault("

// parseReference reads @Microsoft.KeyVault(SecretUri=https://VAULT.SUFFIX/secrets/NAME[/VERSION]) and
// @Microsoft.KeyVault(VaultName=V;SecretName=S[;SecretVersion=N]). refers is false for a text that is meant as it stands;
// wrong says what is wrong with a reference, "" for nothing.
func (a *api) parseReference(text string) (to reference, refers bool, wrong string) {
	if len(text) < len(referenceStart) || !strings.EqualFold(text[:len(referenceStart)], referenceStart) {
		return to, false, ""
	}
	inner, closed := strings.CutSuffix(strings.TrimSpace(text[len(referenceStart):]), ")")
	if !closed {
		return to, true, "The closing parenthesis is missing."
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(inner, ";") {
		name, value, _ := strings.Cut(part, "=")
		switch name = strings.ToLower(strings.TrimSpace(name)); name {
		case "secreturi", "vaultname", "secretname", "secretversion":
			if _, twice := parts[name]; twice {
				return to, true, "A part is there twice."
			}
			parts[name] = strings.TrimSpace(value)
		case "":
		default:
			return to, true, "Its parts are SecretUri, or VaultName, SecretName and SecretVersion."
		}
	}
	uri, byURI := parts["secreturi"]
	if byURI && len(parts) > 1 {
		return to, true, "It has a SecretUri and other parts."
	}
	if byURI {
		to, wrong = a.parseSecretURI(uri)
		return to, true, wrong
	}
	to = reference{vault: parts["vaultname"], secret: parts["secretname"], version: parts["secretversion"]}
	return to, true, to.check()
}

// parseSecretURI reads the address of a secret, which may name a version and may end with a slash.
func (a *api) parseSecretURI(text string) (to reference, wrong string) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return to, "The address of a secret is https://VAULT.vault.azure.net/secrets/NAME, and a version may follow."
	}
	segments := strings.Split(strings.TrimSuffix(strings.TrimPrefix(u.Path, "/"), "/"), "/")
	if len(segments) < 2 || len(segments) > 3 || !strings.EqualFold(segments[0], string(vault.Secrets)) {
		return to, "The path of the address of a secret is /secrets/NAME or /secrets/NAME/VERSION."
	}
	to = reference{host: strings.ToLower(u.Hostname()), secret: segments[1]}
	if len(segments) == 3 {
		to.version = segments[2]
	}
	label, suffix, _ := strings.Cut(to.host, ".")
	if !a.servesVaults(suffix) {
		return to, to.checkSecret()
	}
	to.vault = label
	return to, to.check()
}

// servesVaults reports whether vaults of this Inborn are named below that domain.
func (a *api) servesVaults(domain string) bool {
	return domain == "vault.azure.net" || domain == "vault.localhost" || a.Domain != "" && domain == "vault."+strings.ToLower(a.Domain)
}

// check says what is wrong with the names; "" for nothing.
func (to reference) check() string {
	if !vault.IsVaultName(to.vault) {
		return "The name of a vault is " + vault.VaultNames + "."
	}
	return to.checkSecret()
}

func (to reference) checkSecret() string {
	if vault.CheckName(vault.Secrets, to.secret) != nil {
		return "The name of a secret is up to 127 letters, digits and hyphens."
	}
	if to.version != "" && !vault.CheckVersion(to.version) {
		return "A version is 32 digits of hexadecimal."
	}
	return ""
}

// references are the settings of a site that refer to secrets, by name.
func (c *call) references(r *resource.Resource) (map[string]referenceWire, error) {
	settings, err := c.readSetting(r, setting{name: resource.AppSettings, empty: `{}`})
	if err != nil {
		return nil, err
	}
	who := c.referenceReader(r)
	all := map[string]referenceWire{}
	for name, value := range settings {
		if to, refers, wrong := c.parseReference(scalar(value)); refers {
			found := c.look(to, wrong, who)
			all[name] = referenceOut(r, name, scalar(value), to, who, &found, c.dir.Tenant().ID)
		}
	}
	return all, nil
}

func (c *call) listReferences() error {
	r, err := findResource(c.dir, c.id)
	if err != nil {
		return err
	}
	all, err := c.references(r)
	if err != nil {
		return err
	}
	return c.page(func(yield func(string, any) bool) {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if !yield(name, all[name]) {
				return
			}
		}
	})
}

func (c *call) getReference() error {
	r, err := findResource(c.dir, c.id)
	if err != nil {
		return err
	}
	all, err := c.references(r)
	if err != nil {
		return err
	}
	name := serve.Param(c.r, "key")
	for have, out := range all {
		if strings.EqualFold(have, name) {
			return c.json(http.StatusOK, out)
		}
	}
	return apierr.New(apierr.ResourceNotFound, "The site '%s' has no application setting '%s' that refers to a secret.", r.ID.Name(), name).At(name)
}
