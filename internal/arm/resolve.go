package arm

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// Whoever refers to a secret gets it with an identity of its own and by the rules of the data plane (state.DecideVault):
// a reference opens nothing that a token of that identity would not.

// The states of a reference (Microsoft.Web, ResolveStatus).
const (
	referenceResolved  = "Resolved"
	referenceMalformed = "InvalidSyntax"
	referenceNobody    = "MSINotEnabled"
	referenceNowhere   = "VaultNotFound"
	referenceNoSecret  = "SecretNotFound"
	referenceNoVersion = "SecretVersionNotFound"
	referenceDenied    = "AccessToKeyVaultDenied"
	referenceOther     = "OtherReasons"
)

// systemAssigned is the word for the system-assigned identity where another could be named.
const systemAssigned = "SystemAssigned"

// secretReader is the identity with which secrets are read for a resource.
type secretReader struct {
	state.VaultCaller
	of   *resource.Resource
	name string      // as a person knows it
	user resource.ID // "" for the system-assigned identity
	has  bool        // the resource has it
}

// referenceReader returns the identity that reads the secrets of a site: the one that it names for that, else its own.
func (c *call) referenceReader(r *resource.Resource) secretReader {
	props, _ := decodeProperties(r.Properties)
	return c.readerNamed(r, text(props, "keyVaultReferenceIdentity"))
}

// readerNamed returns the identity of r that a property names: the id of a user-assigned one, or the word for its own.
func (c *call) readerNamed(r *resource.Resource, name string) secretReader {
	who := secretReader{of: r, name: r.ID.Name()}
	if name == "" || strings.EqualFold(name, systemAssigned) || strings.EqualFold(name, "System") {
		if r.Identity.System != nil {
			who.has, who.Principal, who.Application = true, r.Identity.System.PrincipalID, r.Identity.System.ClientID
		}
		return who
	}
	id, err := resource.ParseID(name)
	who.user = resource.ID(name)
	if err != nil || !r.Identity.Has(id) {
		return who
	}
	if i, ok := c.dir.Identity(id); ok {
		who.user, who.name, who.has = i.ID, i.ID.Name(), true
		who.Principal, who.Application = i.PrincipalID, i.ClientID
	}
	return who
}

// finding is what a reference leads to.
type finding struct {
	status  string
	details string // why the reference does not lead to a value
	help    string // the command that would change that
	reason  string // why the reader may have it, or may not

	vault   *resource.Resource // nil: there is none, or nobody asked it
	version *vault.Version     // nil unless the status is Resolved
}

func unresolved(status, help, details string, args ...any) finding {
	return finding{status: status, help: help, details: fmt.Sprintf(details, args...)}
}

// look follows a reference as far as the value. wrong is what parsing found.
func (c *call) look(to reference, wrong string, who secretReader) finding {
	if wrong != "" {
		return unresolved(referenceMalformed, "", "%s", wrong)
	}
	if !who.has && who.user != "" {
		return unresolved(referenceNobody, apierr.Command("inborn identity assign %s %s", who.of.ID.Name(), who.user.Name()),
			"%s does not have the identity %s, with which it is to read the secret.", who.of.ID.Name(), who.user)
	}
	if !who.has {
		return unresolved(referenceNobody, apierr.Command("inborn identity assign %s --system", who.of.ID.Name()),
			"%s has no system-assigned identity, with which it would read the secret.", who.of.ID.Name())
	}
	if to.vault == "" {
		return unresolved(referenceNowhere, "", "%s is not the address of a vault here.", to.host)
	}
	found, ok := c.dir.Vault(to.vault)
	if !ok {
		return unresolved(referenceNowhere, apierr.Command("inborn vault create %s", to.vault), "There is no vault named %s.", to.vault)
	}
	f := c.lookIn(found, to, who)
	f.vault = found
	return f
}

// lookIn asks a vault, which says nothing of its secrets to those who may not read them.
func (c *call) lookIn(in *resource.Resource, to reference, who secretReader) finding {
	settings, err := vault.ReadSettings(in.Properties)
	if err != nil {
		return unresolved(referenceOther, "", "%s", apierr.From(err).Message)
	}
	if sp, ok := c.dir.ServicePrincipal(who.Principal); !ok || !sp.Enabled {
		return unresolved(referenceDenied, "", "The identity %s is disabled.", who.name)
	}
	scope := vault.Scope(in.ID, vault.Secrets, to.secret)
	decision := c.dir.DecideVault(&settings, who.VaultCaller, vault.SecretsGet, scope)
	if c.Needed != nil && !decision.Assignment.IsZero() {
		c.Needed(c.dir.Tenant().ID, decision.Assignment, decision.Need)
	}
	f := finding{reason: decision.Reason}
	o, exists := c.dir.VaultObject(in.ID, vault.Secrets, to.secret)
	switch {
	case !decision.Allowed:
		f.status, f.details = referenceDenied, fmt.Sprintf("The identity %s may not get the secret %s of %s.", who.name, to.secret, in.ID.Name())
		if f.help = c.policyCommand(in, who); decision.Refused != nil {
			f.help = c.dir.Remedy(*decision.Refused)
		}
		return f
	case !exists || o.IsDeleted():
		f.status, f.details = referenceNoSecret, fmt.Sprintf("%s has no secret %s.", in.ID.Name(), to.secret)
		f.help = apierr.Command("inborn vault secret set %s --vault %s", to.secret, in.ID.Name())
		return f
	}
	v, exists := c.dir.VaultVersion(o, to.version)
	switch {
	case !exists:
		f.status, f.details = referenceNoVersion, fmt.Sprintf("The secret %s of %s has no version %s.", o.Name, in.ID.Name(), to.version)
	case v.CheckRead("get") != nil:
		f.status, f.details = referenceOther, fmt.Sprintf("The version %s of the secret %s of %s is disabled.", v.ID, o.Name, in.ID.Name())
	default:
		f.status, f.version = referenceResolved, v
	}
	return f
}

// policyCommand is what would let the reader in where access policies decide.
func (c *call) policyCommand(in *resource.Resource, who secretReader) string {
	return apierr.Command("az keyvault set-policy --name %s --object-id %s --secret-permissions get", in.ID.Name(), who.Principal)
}

// fetch returns the value that a finding leads to, for a setting of the reader's resource, and writes into the access log
// of the vault what became of it. A secret that was purged meanwhile is found no more.
func (c *call) fetch(name string, to reference, who secretReader, f *finding) (value secret, err error) {
	if f.version != nil {
		id := state.VaultCipher(f.version.Vault, f.version.Kind, f.version.Name, f.version.ID)
		ciphertext, kept, err := c.Cipher(c.r.Context(), c.dir.Tenant().ID, id)
		if err != nil {
			return "", err
		}
		if !kept {
			f.status, f.details, f.version = referenceNoSecret, fmt.Sprintf("%s has no secret %s any more.", f.vault.ID.Name(), to.secret), nil
		} else if plain, err := c.Open(state.CipherContext(c.dir.Tenant().ID, id), ciphertext); err != nil {
			return "", err
		} else {
			value = secret(plain)
		}
	}
	if f.vault != nil && c.Accessed != nil {
		c.Accessed(c.access(name, to, who, f))
	}
	return value, nil
}

// access is a fetch as the log of the vault tells it.
func (c *call) access(name string, to reference, who secretReader, f *finding) vault.Access {
	entry := vault.Access{Tenant: c.dir.Tenant().ID, Vault: f.vault.ID, At: c.Now(), Request: serve.RequestID(c.r), Principal: who.Principal, Caller: who.name,
		Operation: vault.SecretsGet.String(), Object: string(vault.Secrets) + "/" + to.secret, Status: http.StatusOK}
	if to.version != "" {
		entry.Object += "/" + to.version
	}
	switch f.status {
	case referenceResolved:
	case referenceNoSecret, referenceNoVersion:
		entry.Status = http.StatusNotFound
	default:
		entry.Status = http.StatusForbidden
	}
	why := f.reason
	switch {
	case f.status == referenceDenied && why != "":
		why = f.status + ": " + why
	case f.status != referenceResolved:
		why = f.status + ": " + f.details
	}
	entry.Reason = fmt.Sprintf("%s; for %s of %s", strings.TrimSuffix(why, "."), name, who.of.ID.Name())
	return entry
}

// identityOf is the reader as answers show it.
func (who secretReader) identityOf(tenant guid.GUID) blockWire {
	switch {
	case who.user == "" && !who.has:
		return blockWire{Type: systemAssigned}
	case who.user == "":
		return blockWire{Type: systemAssigned, PrincipalID: &who.Principal, TenantID: &tenant}
	case !who.has:
		return blockWire{Type: "UserAssigned"}
	default:
		return blockWire{Type: "UserAssigned", User: map[resource.ID]userIDs{who.user: {PrincipalID: who.Principal, ClientID: who.Application}}}
	}
}
