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
)

// An application setting may refer to a secret of a vault instead of holding it (App Service, Key Vault references). The
// setting is kept and listed as it was written; here is said whether the reference leads anywhere.

// The states of a reference that are known without asking a vault.
const (
	referenceMalformed = "InvalidSyntax"
	referenceNobody    = "MSINotEnabled"
	referenceNowhere   = "VaultNotFound"
	referenceWaiting   = "Initialized" // nobody has fetched the secret
)

// reference is what a setting refers to.
type reference struct{ vault, secret, version string }

const referenceStart = "@Microsoft.KeyVault("

// parseReference reads @Microsoft.KeyVault(SecretUri=https://VAULT/secrets/NAME[/VERSION]) and
// @Microsoft.KeyVault(VaultName=V;SecretName=S[;SecretVersion=N]). refers is false for a text that is meant as it stands.
func parseReference(text string) (r reference, refers, valid bool) {
	if len(text) < len(referenceStart) || !strings.EqualFold(text[:len(referenceStart)], referenceStart) {
		return r, false, false
	}
	inner, closed := strings.CutSuffix(text[len(referenceStart):], ")")
	uri := ""
	for part := range strings.SplitSeq(inner, ";") {
		name, value, ok := strings.Cut(part, "=")
		closed = closed && (ok || part == "")
		switch value = strings.TrimSpace(value); strings.ToLower(strings.TrimSpace(name)) {
		case "secreturi":
			uri = value
		case "vaultname":
			r.vault = value
		case "secretname":
			r.secret = value
		case "secretversion":
			r.version = value
		case "":
		default:
			closed = false
		}
	}
	if uri != "" {
		u, err := url.Parse(uri)
		if err != nil || u.Scheme != "https" || r != (reference{}) {
			return r, true, false
		}
		segments := strings.FieldsFunc(u.Path, func(c rune) bool { return c == '/' })
		if len(segments) < 2 || len(segments) > 3 || !strings.EqualFold(segments[0], "secrets") {
			return r, true, false
		}
		r.vault, _, _ = strings.Cut(u.Hostname(), ".")
		if r.secret = segments[1]; len(segments) == 3 {
			r.version = segments[2]
		}
	}
	return r, true, closed && r.vault != "" && r.secret != ""
}

// references are the settings of a site that refer to secrets, by name.
func (c *call) references(r *resource.Resource) (map[string]referenceWire, error) {
	settings, err := c.readSetting(r, setting{name: "appsettings", empty: `{}`})
	if err != nil {
		return nil, err
	}
	all := map[string]referenceWire{}
	for name, value := range settings {
		if to, refers, valid := parseReference(scalar(value)); refers {
			all[name] = c.referenceOut(r, name, scalar(value), to, valid)
		}
	}
	return all, nil
}

func (c *call) referenceOut(r *resource.Resource, name, text string, to reference, valid bool) referenceWire {
	out := referenceWire{ID: string(r.ID) + "/config/configreferences/appsettings/" + name, Name: name,
		Type: "Microsoft.Web/sites/config/configreferences", Location: r.Location,
		Properties: referenceProps{Reference: text, VaultName: to.vault, SecretName: to.secret, SecretVersion: to.version, Source: "KeyVault"}}
	p := &out.Properties
	who, found := c.referenceIdentity(r)
	p.IdentityType = who
	switch {
	case !valid:
		p.Status, p.Details = referenceMalformed, "The reference is neither SecretUri=.. nor VaultName=..;SecretName=.. in parentheses."
	case !found:
		p.Status, p.Details = referenceNobody, "The site does not have the identity that is to read the secret."
	case !c.hasVault(to.vault):
		p.Status, p.Details = referenceNowhere, "There is no vault of that name."
	default:
		p.Status, p.Details = referenceWaiting, "The vault exists; its secrets are not served by this version of Inborn."
	}
	return out
}

// referenceIdentity returns with which identity a site reads secrets, and whether it has it.
func (c *call) referenceIdentity(r *resource.Resource) (blockWire, bool) {
	props, _ := decodeProperties(r.Properties)
	name := text(props, "keyVaultReferenceIdentity")
	if name == "" || strings.EqualFold(name, "SystemAssigned") {
		return blockWire{Type: "SystemAssigned"}, r.Identity.System != nil
	}
	id, err := resource.ParseID(name)
	if err != nil || !r.Identity.Has(id) {
		return blockWire{Type: "UserAssigned"}, false
	}
	return *blockOut(c.dir, resource.Identity{User: []resource.ID{id}}), true
}

// hasVault reports whether the tenant has a vault of that name.
func (c *call) hasVault(name string) bool {
	for r := range c.dir.ResourcesNamed(name) {
		if strings.EqualFold(r.ID.Type(), typeVault) {
			return true
		}
	}
	return false
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
