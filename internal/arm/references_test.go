package arm

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

const (
	kvOrders = vaults + "kv-orders" // roles decide
	kvLegacy = vaults + "kv-legacy" // access policies decide
	older    = "00000000000000000000000000000001"
	newer    = "00000000000000000000000000000002"
	disabled = "00000000000000000000000000000003"
)

// secrets makes two vaults with secrets: db has two versions, off is disabled, gone is deleted. Values are the version
// behind the name.
func (w *world) secrets() {
	w.Helper()
	w.want(201, "PUT", kvOrders+v1, `{"location":"local","properties":{"enableRbacAuthorization":true}}`)
	w.want(201, "PUT", kvLegacy+v1, `{"location":"local"}`)
	for _, id := range []resource.ID{kvOrders, kvLegacy} {
		w.putSecret(id, "Db", older, true)
		w.putSecret(id, "Db", newer, true)
		w.putSecret(id, "off", disabled, false)
		w.putSecret(id, "gone", older, true)
		w.change(home, func(d *state.Draft) error {
			_, err := d.DeleteVaultObject(id, vault.Secrets, "gone", &vault.Settings{Retention: 90})
			return err
		})
	}
}

func (w *world) putSecret(in resource.ID, name, version string, enabled bool) {
	w.Helper()
	half, err := w.config.Seal(state.CipherContext(home.ID, state.VaultCipher(in, vault.Secrets, name, version)), []byte(name+version))
	must(w.T, err)
	w.change(home, func(d *state.Draft) error {
		_, err := d.PutVaultVersion(vault.Version{Vault: in, Kind: vault.Secrets, Name: name, ID: version, Attributes: vault.Attributes{Enabled: enabled}}, half, nil)
		return err
	})
}

// assignRole gives a principal a role at a scope, as an administrator does.
func (w *world) assignRole(principal, role, scope string) (path string) {
	w.Helper()
	found, ok := w.dir().RoleNamed(role)
	if !ok {
		w.Fatalf("there is no role %s", role)
	}
	name, err := guid.New(rand.Reader)
	must(w.T, err)
	path = scope + "/providers/Microsoft.Authorization/roleAssignments/" + name.String() + "?api-version=2022-04-01"
	w.want(201, "PUT", path, `{"properties":{"roleDefinitionId":"`+found.ID.String()+`","principalId":"`+principal+`","principalType":"ServicePrincipal"}}`)
	return path
}

// site makes a site with a system-assigned identity and those application settings, and returns its principal.
func (w *world) site(name, settings string) (principal string) {
	w.Helper()
	made := w.want(200, "PUT", sites+name+v1, block("SystemAssigned", ""))
	w.want(200, "PUT", sites+name+"/config/appsettings"+v1, `{"properties":{`+settings+`}}`)
	return made.at("identity", "principalId")
}

// references returns name and status of all references of a site, in order.
func (w *world) references(site string) string {
	w.Helper()
	list, all := w.want(200, "GET", site+"/config/configreferences/appsettings"+v1, ""), []string{}
	for i := 0; list.at("value", fmt.Sprint(i), "name") != ""; i++ {
		all = append(all, list.at("value", fmt.Sprint(i), "name")+":"+list.at("value", fmt.Sprint(i), "properties", "status"))
	}
	return strings.Join(all, " ")
}

// TestReferenceStatus is the state of every kind of reference, with and without the right to read.
func TestReferenceStatus(t *testing.T) {
	w := start(t)
	w.secrets()
	principal := w.site("func", `"Plain":"x"`)
	by := func(inner string) string { return referTo + inner + ")" }
	const at = "SecretUri=https://kv-orders.vault."
	for _, one := range []struct{ value, without, with string }{
		{by(at + "azure.net/secrets/Db"), referenceDenied, referenceResolved},
		{by(at + "azure.net/secrets/db/"), referenceDenied, referenceResolved},
		{by(at + "azure.net/secrets/DB/" + older), referenceDenied, referenceResolved},
		{by(at + "azure.net/secrets/DB/" + older + "/"), referenceDenied, referenceResolved},
		{by(at + "azure.net:443/secrets/db"), referenceDenied, referenceResolved},
		{by(at + "localhost:8443/secrets/db"), referenceDenied, referenceResolved},
		{by("secreturi=https://KV-Orders.Vault.Azure.NET/Secrets/db"), referenceDenied, referenceResolved},
		{by("VaultName=kv-orders;SecretName=db"), referenceDenied, referenceResolved},
		{by("VaultName=KV-ORDERS; SecretName=db ;"), referenceDenied, referenceResolved},
		{by("SecretName=db;VaultName=kv-orders;SecretVersion=" + newer), referenceDenied, referenceResolved},
		{strings.ToLower(by("VaultName=kv-orders;SecretName=db;SecretVersion=")), referenceDenied, referenceResolved},
		{by("VaultName=kv-orders;SecretName=none"), referenceDenied, referenceNoSecret},
		{by("VaultName=kv-orders;SecretName=gone"), referenceDenied, referenceNoSecret},
		{by("VaultName=kv-orders;SecretName=off"), referenceDenied, referenceOther},
		{by(at + "azure.net/secrets/db/" + disabled), referenceDenied, referenceNoVersion},
		{by("VaultName=kv-none;SecretName=db"), referenceNowhere, referenceNowhere},
		{by("SecretUri=https://kv-orders.vault.azure.cn/secrets/db"), referenceNowhere, referenceNowhere},
		{by("SecretUri=https://kv-orders.vault.contoso.example/secrets/db"), referenceNowhere, referenceNowhere},
		{by("SecretUri=https://a.kv-orders.vault.azure.net/secrets/db"), referenceNowhere, referenceNowhere},
		{by("SecretUri=https://kv-orders/secrets/db"), referenceNowhere, referenceNowhere},
		{by("SecretUri=http://kv-orders.vault.azure.net/secrets/db"), referenceMalformed, referenceMalformed},
		{by(at + "azure.net/keys/db"), referenceMalformed, referenceMalformed},
		{by(at + "azure.net/secrets"), referenceMalformed, referenceMalformed},
		{by(at + "azure.net/secrets/"), referenceMalformed, referenceMalformed},
		{by(at + "azure.net//secrets/db"), referenceMalformed, referenceMalformed},
		{by(at + "azure.net/secrets/db/" + older + "/more"), referenceMalformed, referenceMalformed},
		{by(at + "azure.net/secrets/db/latest"), referenceMalformed, referenceMalformed},
		{by(at + "azure.net/secrets/d%2Fb"), referenceMalformed, referenceMalformed},
		{by(at + "azure.net/secrets/../secrets/db"), referenceMalformed, referenceMalformed},
		{by(at + "azure.net/secrets/db?x=y"), referenceMalformed, referenceMalformed},
		{by("SecretUri=https://ann@kv-orders.vault.azure.net/secrets/db"), referenceMalformed, referenceMalformed},
		{by("SecretUri="), referenceMalformed, referenceMalformed},
		{by(at + "azure.net/secrets/db;SecretVersion=" + older), referenceMalformed, referenceMalformed},
		{by("VaultName=kv-orders"), referenceMalformed, referenceMalformed},
		{by("SecretName=db"), referenceMalformed, referenceMalformed},
		{by("VaultName=kv-orders;VaultName=kv-legacy;SecretName=db"), referenceMalformed, referenceMalformed},
		{by("VaultName=kv-orders;SecretName=db;Other=1"), referenceMalformed, referenceMalformed},
		{by("VaultName=kv--orders;SecretName=db"), referenceMalformed, referenceMalformed},
		{by("VaultName=kv-orders;SecretName=d_b"), referenceMalformed, referenceMalformed},
		{by("VaultName=kv-orders;SecretName=" + strings.Repeat("a", 128)), referenceMalformed, referenceMalformed},
		{by(""), referenceMalformed, referenceMalformed},
		{referTo + "VaultName=kv-orders;SecretName=db", referenceMalformed, referenceMalformed},
		{" " + by("VaultName=kv-orders;SecretName=db"), "", ""},
		{"see " + by("VaultName=kv-orders;SecretName=db"), "", ""},
	} {
		w.want(200, "PUT", sites+"func/config/appsettings"+v1, `{"properties":{"A":"`+one.value+`"}}`)
		expect := func(status string) {
			t.Helper()
			if status != "" {
				status = "A:" + status
			}
			w.equal(one.value, w.references(sites+"func"), status)
		}
		expect(one.without)
		path := w.assignRole(principal, "Key Vault Secrets User", kvOrders)
		expect(one.with)
		w.want(200, "DELETE", path, "")
	}
}

func TestCase44(t *testing.T) {
	w := start(t)
	w.secrets()
	const one = "/config/configReferences/appSettings/DB_PASSWORD"
	principal := w.site("func", `"DB_PASSWORD":"`+referTo+`SecretUri=https://kv-orders.vault.azure.net/secrets/Db/)","BAD":"`+referTo+`SecretUri=db)","PLAIN":"x"`)
	t.Run("case 44: without the role", func(*testing.T) {
		w.equal("status", w.references(sites+"func"), "BAD:InvalidSyntax DB_PASSWORD:AccessToKeyVaultDenied")
		a := w.want(200, "GET", sites+"func"+one+v1, "")
		w.equal("no version is told", a.at("properties", "activeVersion")+a.at("properties", "secretVersion"), "")
		w.equal("why", a.at("properties", "details"), "The identity func may not get the secret Db of kv-orders.")
	})
	t.Run("case 44: with the role", func(*testing.T) {
		w.assignRole(principal, "Key Vault Secrets User", kvOrders+"/secrets/db")
		w.equal("status", w.references(sites+"func"), "BAD:InvalidSyntax DB_PASSWORD:Resolved")
		a := w.want(200, "GET", sites+"func"+strings.ToLower(one)+v1, "")
		p := func(name string) string { return a.at("properties", name) }
		w.equal("what", p("vaultName")+" "+p("secretName")+" "+p("secretVersion")+" "+p("activeVersion")+" "+p("source")+" "+p("details"), "kv-orders Db  "+newer+" KeyVault ")
		w.equal("who", a.at("properties", "identityType", "type")+" "+a.at("properties", "identityType", "principalId"), "SystemAssigned "+principal)
		w.equal("text", p("reference"), referTo+"SecretUri=https://kv-orders.vault.azure.net/secrets/Db/)")
		w.equal("head", a.at("name")+" "+a.at("type")+" "+a.at("id"), "DB_PASSWORD Microsoft.Web/sites/config/configreferences "+
			sites+"func/config/configreferences/appsettings/DB_PASSWORD")
		if strings.Contains(a.text, "Db"+newer) {
			t.Errorf("the value is in %s", a.text)
		}
	})
	t.Run("case 44: bad syntax", func(*testing.T) {
		a := w.want(200, "GET", sites+"func/config/configreferences/appsettings/BAD"+v1, "")
		w.equal("status", a.at("properties", "status"), referenceMalformed)
		if a.at("properties", "details") == "" {
			t.Error("it does not say what is wrong")
		}
	})
	w.want(404, "GET", sites+"func/config/configreferences/appsettings/PLAIN"+v1, "")
	w.want(404, "GET", sites+"none/config/configreferences/appsettings"+v1, "")
}

// TestReferenceIdentity lets the system-assigned identity and others read, by roles and by access policies.
func TestReferenceIdentity(t *testing.T) {
	w := start(t)
	w.secrets()
	reader := w.want(201, "PUT", uami+"reader"+v1, `{"location":"local"}`).at("properties", "principalId")
	principal := w.site("func", `"NEW":"`+referTo+`VaultName=kv-orders;SecretName=db)","OLD":"`+referTo+`VaultName=kv-legacy;SecretName=db)"`)
	w.assignRole(reader, "Key Vault Secrets User", kvOrders)
	policy := func(operation, objectID, word string) {
		t.Helper()
		w.want(200, "PUT", kvLegacy+"/accessPolicies/"+operation+v1, `{"properties":{"accessPolicies":[{"tenantId":"`+home.ID.String()+
			`","objectId":"`+objectID+`","permissions":{"secrets":["`+word+`"]}}]}}`)
	}
	is := func(what, want string) { t.Helper(); w.equal(what, w.references(sites+"func"), want) }
	use := func(identity string) {
		w.want(200, "PATCH", sites+"func"+v1, `{"properties":{"keyVaultReferenceIdentity":"`+identity+`"}}`)
	}
	policy("add", principal, "list")
	is("to list is not to get", "NEW:AccessToKeyVaultDenied OLD:AccessToKeyVaultDenied")
	policy("add", principal, "get")
	is("by access policy", "NEW:AccessToKeyVaultDenied OLD:Resolved")
	w.assignRole(principal, "Key Vault Secrets User", kvLegacy)
	policy("remove", principal, "get")
	is("a role is nothing to a vault of policies", "NEW:AccessToKeyVaultDenied OLD:AccessToKeyVaultDenied")

	use(uami + "reader")
	is("an identity that the site lacks", "NEW:MSINotEnabled OLD:MSINotEnabled")
	w.want(200, "PATCH", sites+"func"+v1, block("SystemAssigned, UserAssigned", `"`+uami+`reader":{}`))
	is("with it", "NEW:Resolved OLD:AccessToKeyVaultDenied")
	a := w.want(200, "GET", sites+"func/config/configreferences/appsettings/new"+v1, "")
	w.equal("who", a.at("properties", "identityType", "type")+" "+a.at("properties", "identityType", "userAssignedIdentities", uami+"reader", "principalId"), "UserAssigned "+reader)
	use(strings.ToUpper(uami + "reader"))
	is("in another case", "NEW:Resolved OLD:AccessToKeyVaultDenied")
	use("reader")
	is("what is no id", "NEW:MSINotEnabled OLD:MSINotEnabled")
	use("systemassigned")
	is("its own again", "NEW:AccessToKeyVaultDenied OLD:AccessToKeyVaultDenied")
	w.want(200, "PATCH", sites+"func"+v1, block("None", ""))
	is("without any", "NEW:MSINotEnabled OLD:MSINotEnabled")

	// A slot has settings and an identity of its own.
	w.want(200, "PUT", sites+"func/slots/blue"+v1, block("SystemAssigned", ""))
	w.want(200, "PUT", sites+"func/slots/blue/config/appsettings"+v1, `{"properties":{"S":"`+referTo+`VaultName=kv-orders;SecretName=db)"}}`)
	w.equal("a slot", w.references(sites+"func/slots/blue"), "S:AccessToKeyVaultDenied")
	w.assignRole(w.want(200, "GET", sites+"func/slots/blue"+v1, "").at("identity", "principalId"), "Key Vault Secrets User", rg)
	w.equal("a slot", w.references(sites+"func/slots/blue"), "S:Resolved")
	w.want(200, "DELETE", kvOrders+v1, "")
	w.equal("a deleted vault", w.references(sites+"func/slots/blue"), "S:VaultNotFound")
}

// A reference that names the domain of this Inborn leads to its vaults, and one of another domain does not.
func TestReferencesToADomain(t *testing.T) {
	a := &api{Config: Config{Domain: "Contoso.example"}}
	for uri, want := range map[string]reference{
		"https://kv-a.vault.contoso.example/secrets/x":        {"kv-a.vault.contoso.example", "kv-a", "x", ""},
		"https://KV-A.vault.CONTOSO.example:8443/secrets/x/":  {"kv-a.vault.contoso.example", "kv-a", "x", ""},
		"https://kv-a.vault.azure.net/secrets/x/" + older:     {"kv-a.vault.azure.net", "kv-a", "x", older},
		"https://kv-a.vault.other.example/secrets/x":          {"kv-a.vault.other.example", "", "x", ""},
		"https://kv-a.contoso.example/secrets/x":              {"kv-a.contoso.example", "", "x", ""},
		"https://kv-a.vault.contoso.example.evil/secrets/x":   {"kv-a.vault.contoso.example.evil", "", "x", ""},
		"https://kv-a.vault.localhost/secrets/x":              {"kv-a.vault.localhost", "kv-a", "x", ""},
		"https://vault.contoso.example/secrets/x":             {"vault.contoso.example", "", "x", ""},
		"https://kv-a.vault.azure.net@evil.example/secrets/x": {},
	} {
		got, wrong := a.parseSecretURI(uri)
		if got != want || (wrong == "") != (want != reference{}) {
			t.Errorf("%s: %+v %q; want %+v", uri, got, wrong, want)
		}
	}
}

func FuzzParseReference(f *testing.F) {
	a := &api{Config: Config{Domain: "contoso.example"}}
	for _, seed := range []string{referTo + "VaultName=kv;SecretName=s)", referTo + "SecretUri=https://kv.vault.azure.net/secrets/a/)", referTo, "@", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		to, refers, wrong := a.parseReference(text)
		if !refers && (wrong != "" || to != reference{}) {
			t.Errorf("%q: %+v %q", text, to, wrong)
		}
		if refers && wrong == "" && (vault.CheckName(vault.Secrets, to.secret) != nil || to.vault != "" && !vault.IsVaultName(to.vault) ||
			to.version != "" && !vault.CheckVersion(to.version) || to.host+to.vault == "") {
			t.Errorf("%q: %+v is let through", text, to)
		}
	})
}
