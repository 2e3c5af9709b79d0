package arm

import (
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

const (
	ofVaults   = sub + "/providers/Microsoft.KeyVault"
	goneVaults = ofVaults + "/locations/westeurope/deletedVaults/"
	plainVault = `{"location":"West Europe","properties":{"enableRbacAuthorization":true,"softDeleteRetentionInDays":7},"tags":{"a":"b"}}`
	recovery   = `{"location":"westeurope","properties":{"createMode":"recover","sku":{"name":"premium","family":"A"},"enableRbacAuthorization":false}}`
	keepsLess  = "20"
)

// fill puts a secret into a vault, behind the API's back.
func (w *world) fill(id, name string) {
	w.Helper()
	w.change(home, func(d *state.Draft) error {
		v := vault.Version{Vault: resource.ID(id), Kind: vault.Secrets, Name: name, ID: strings.Repeat("a", 32), Attributes: vault.Attributes{Enabled: true}}
		_, err := d.PutVaultVersion(v, []byte("sealed"), nil)
		return err
	})
}

func (w *world) has(id, name string) bool {
	_, ok := w.dir().VaultObject(resource.ID(id), vault.Secrets, name)
	return ok
}

func TestDeletedVaults(t *testing.T) {
	w := start(t)
	const kv = vaults + "kv-orders"
	w.want(201, "PUT", kv+v1, plainVault)
	w.fill(kv, "db")
	who, _ := w.robot()
	w.status("a role on it", w.assign("", kv, 1, who.id.String(), contrib, ""), 201, "")
	w.want(200, "DELETE", kv+v1, "")
	w.want(404, "GET", kv+v1, "")

	t.Run("case 45: the deleted vault is shown", func(*testing.T) {
		a := w.want(200, "GET", strings.ToLower(goneVaults+"KV-Orders")+v1, "")
		w.equal("id", a.at("id"), ofVaults+"/locations/West Europe/deletedVaults/kv-orders")
		w.equal("type", a.at("type")+" "+a.at("name"), "Microsoft.KeyVault/deletedVaults kv-orders")
		w.equal("vault", a.at("properties", "vaultId")+a.at("properties", "tags"), kv+"map[a:b]")
		deleted, err := time.Parse(time.RFC3339, a.at("properties", "deletionDate"))
		must(t, err)
		purge, err := time.Parse(time.RFC3339, a.at("properties", "scheduledPurgeDate"))
		must(t, err)
		if !deleted.Equal(now) || purge.Sub(deleted) != 7*24*time.Hour {
			t.Errorf("from %s to %s", deleted, purge)
		}
		w.equal("listed", w.want(200, "GET", ofVaults+"/deletedVaults"+v1, "").at("value", "0", "name"), "kv-orders")
		w.equal("elsewhere", w.want(404, "GET", ofVaults+"/locations/eastus/deletedVaults/kv-orders"+v1, "").at("error", "code"), "DeletedVaultNotFound")
	})
	t.Run("case 45: its name stays taken", func(*testing.T) {
		a := w.want(409, "PUT", kv+v1, plainVault)
		w.equal("code", a.at("error", "code"), "ConflictError")
		if !strings.Contains(a.at("error", "message"), "A vault with the same name already exists in deleted state. You need to either recover or purge existing key vault.") {
			t.Error(a.text)
		}
		w.equal("help", a.at("error", "details", "0", "message"), "inborn vault recover kv-orders")
		name := w.want(200, "POST", ofVaults+"/checkNameAvailability"+v1, `{"name":"KV-orders","type":"x"}`)
		w.equal("available", name.at("nameAvailable")+name.at("reason"), "falseAlreadyExists")
	})
	t.Run("case 45: recovered it is what it was, without the roles on it", func(*testing.T) {
		a := w.want(200, "PUT", kv+v1, recovery)
		w.equal("properties", a.at("properties", "enableRbacAuthorization")+a.at("properties", "softDeleteRetentionInDays")+a.at("properties", "sku", "name")+a.at("tags")+
			a.at("properties", "createMode"), "true7standardmap[a:b]")
		if !w.has(kv, "db") {
			t.Error("its secret is gone")
		}
		w.want(404, "GET", kv+given+"/00000000-0000-4000-8000-000000000001"+v2022, "")
		w.want(404, "GET", goneVaults+"kv-orders"+v1, "")
		w.equal("none", w.want(200, "GET", ofVaults+"/deletedVaults"+v1, "").at("value"), "[]")
	})
	t.Run("case 45: purged it is gone with all that was in it", func(*testing.T) {
		w.want(200, "DELETE", kv+v1, "")
		a := w.want(202, "POST", goneVaults+"kv-orders/purge"+v1, "")
		w.want(200, "GET", a.header.Get("Location"), "")
		w.equal("again", w.want(404, "POST", goneVaults+"kv-orders/purge"+v1, "").at("error", "code"), "DeletedVaultNotFound")
		if w.has(kv, "db") {
			t.Error("its secret is there")
		}
		w.equal("nothing to recover", w.want(400, "PUT", kv+v1, recovery).at("error", "code"), "SoftDeletedVaultDoesNotExist")
		w.want(201, "PUT", kv+v1, plainVault)
	})
}

func TestDeletedVaultsOfOthers(t *testing.T) {
	w := start(t)
	w.want(201, "PUT", group2+v1, `{"location":"local"}`)
	w.want(201, "PUT", vaults+"kv-orders"+v1, plainVault)
	w.want(200, "DELETE", vaults+"kv-orders"+v1, "")
	elsewhere := group2 + "/providers/Microsoft.KeyVault/vaults/kv-orders"
	w.equal("in another group", w.want(409, "PUT", elsewhere+v1, plainVault).at("error", "code"), "ConflictError")
	w.equal("recovered there", w.want(400, "PUT", elsewhere+v1, recovery).at("error", "code"), "SoftDeletedVaultDoesNotExist")
	w.equal("in another place", w.want(409, "PUT", vaults+"kv-orders"+v1, strings.Replace(recovery, "westeurope", "eastus", 1)).at("error", "code"), "InvalidResourceLocation")
	// Of another tenant.
	theirs := resource.In(resource.GroupID(otherSubscription, "theirs"), resource.TypeVault, "kv-theirs")
	w.change(other, func(d *state.Draft) error {
		must(t, d.PutResourceGroup(theirs.GroupID(), "local"))
		_, _, err := d.PutResource(state.ResourceSpec{ID: theirs, Location: "local"})
		must(t, err)
		return d.DeleteResource(theirs)
	})
	a := w.want(409, "PUT", vaults+"kv-theirs"+v1, plainVault)
	w.equal("of another tenant", a.at("error", "code"), "VaultAlreadyExists")
	if strings.Contains(a.text, otherSubscription) || strings.Contains(a.text, "recover kv-theirs") {
		t.Error("it tells of another tenant: " + a.text)
	}
	w.equal("available", w.want(200, "POST", ofVaults+"/checkNameAvailability"+v1, `{"name":"kv-theirs","type":"x"}`).at("nameAvailable"), "false")
	w.equal("not listed", w.want(200, "GET", ofVaults+"/deletedVaults"+v1, "").at("value", "1"), "")
	w.want(404, "GET", ofVaults+"/locations/local/deletedVaults/kv-theirs"+v1, "")
	w.want(404, "POST", ofVaults+"/locations/local/deletedVaults/kv-theirs/purge"+v1, "")
	// A group takes its vaults with it, and they wait for it.
	w.want(202, "DELETE", rg+v1, "")
	w.equal("without its group", w.want(404, "PUT", vaults+"kv-orders"+v1, recovery).at("error", "code"), "ResourceGroupNotFound")
}

func TestRightsOnDeletedVaults(t *testing.T) {
	w := start(t)
	w.want(201, "PUT", vaults+"kv-orders"+v1, plainVault)
	w.want(200, "DELETE", vaults+"kv-orders"+v1, "")
	who, bearer := w.robot()
	read := func() answer { return w.as(bearer, "GET", goneVaults+"kv-orders"+v1, "") }
	purge := func() answer { return w.as(bearer, "POST", goneVaults+"kv-orders/purge"+v1, "") }
	w.equal("a stranger", read().at("error", "target"), "Microsoft.KeyVault/locations/deletedVaults/read")
	w.equal("a stranger", w.as(bearer, "GET", ofVaults+"/deletedVaults"+v1, "").at("error", "target"), "Microsoft.KeyVault/deletedVaults/read")
	w.status("Key Vault Contributor", w.assign("", sub, 1, who.id.String(), "f25e0fa2-a7c8-4377-a976-54943a77a395", ""), 201, "")
	w.status("reads", read(), 200, "")
	a := purge()
	w.status("does not purge", a, 403, "AuthorizationFailed")
	w.equal("for want of", a.at("error", "target"), "Microsoft.KeyVault/locations/deletedVaults/purge/action")
	w.status("Contributor", w.assign("", sub, 2, who.id.String(), contrib, ""), 201, "")
	w.status("purges", purge(), 202, "")
}

func TestVaultsAreProtected(t *testing.T) {
	w := start(t)
	const kv = vaults + "kv-orders"
	body := func(properties string) string { return `{"location":"local","properties":{` + properties + `}}` }
	for properties, message := range map[string]string{
		`"softDeleteRetentionInDays":6`:     "must be from 7 to 90",
		`"softDeleteRetentionInDays":91`:    "must be from 7 to 90",
		`"softDeleteRetentionInDays":"7"`:   "cannot be read",
		`"SoftDeleteRetentionInDays":1`:     "must be from 7 to 90",
		`"enablePurgeProtection":false`:     `The property "enablePurgeProtection" cannot be set to false.`,
		`"ENABLEPURGEPROTECTION":false`:     `The property "enablePurgeProtection" cannot be set to false.`,
		`"enableSoftDelete":false`:          `The property "enableSoftDelete" cannot be set to false.`,
		`"enablePurgeProtection":"no"`:      "must be true or absent",
		`"enablePurgeProtection":{"a":"b"}`: "must be true or absent",
		`"createMode":"restore"`:            "neither default nor recover",
	} {
		if a := w.want(400, "PUT", kv+v1, body(properties)); !strings.Contains(a.at("error", "message"), message) || a.at("error", "code") != "BadRequest" {
			t.Errorf("%s: %s", properties, a.text)
		}
	}
	w.want(201, "PUT", kv+v1, body(`"softDeleteRetentionInDays":20,"createMode":"default"`))
	days := func(a answer) string { return a.at("properties", "softDeleteRetentionInDays") }
	w.equal("unsaid", days(w.want(200, "PUT", kv+v1, body(``))), keepsLess)
	w.equal("null", days(w.want(200, "PATCH", kv+v1, body(`"softDeleteRetentionInDays":null`))), keepsLess)
	w.equal("the same", days(w.want(200, "PATCH", kv+v1, body(`"softDeleteRetentionInDays":20`))), keepsLess)
	for _, method := range []string{"PUT", "PATCH"} {
		if a := w.want(400, method, kv+v1, body(`"softDeleteRetentionInDays":7`)); !strings.Contains(a.text, "has been set already and it can't be modified") {
			t.Error(a.text)
		}
	}
	// Purge protection comes, and stays.
	w.equal("on", w.want(200, "PATCH", kv+v1, body(`"enablePurgeProtection":true`)).at("properties", "enablePurgeProtection"), "true")
	for _, properties := range []string{``, `"enablePurgeProtection":null`, `"enablepurgeprotection":null`, `"createMode":"recover"`} {
		for _, method := range []string{"PUT", "PATCH"} {
			w.equal(method+properties, w.want(200, method, kv+v1, body(properties)).at("properties", "enablePurgeProtection"), "true")
		}
	}
	for _, properties := range []string{`"enablePurgeProtection":false`, `"enablepurgeprotection":false`} {
		w.want(400, "PATCH", kv+v1, body(properties))
	}
	w.want(200, "DELETE", kv+v1, "")
	a := w.want(405, "POST", ofVaults+"/locations/local/deletedVaults/kv-orders/purge"+v1, "")
	w.equal("purge", a.at("error", "code"), "MethodNotAllowed")
	if !strings.Contains(a.at("error", "message"), "Operation 'DeletedVaultPurge' is not allowed.") {
		t.Error(a.text)
	}
	w.equal("shown", w.want(200, "GET", ofVaults+"/deletedVaults"+v1, "").at("value", "0", "properties", "purgeProtectionEnabled"), "true")
	w.equal("recovered", w.want(200, "PUT", kv+v1, body(`"createMode":"Recover"`)).at("properties", "enablePurgeProtection"), "true")
}

// A deployment that runs again with createMode recover does not take the access policies away.
func TestRecoverKeepsThePoliciesOfAVaultThatIsThere(t *testing.T) {
	w := start(t)
	const kv = vaults + "kv-orders"
	ann, err := guid.New(strings.NewReader("0123456789abcdef"))
	must(t, err)
	policy := `"accessPolicies":[{"tenantId":"` + home.ID.String() + `","objectId":"` + ann.String() + `","permissions":{"secrets":["get"]}}]`
	w.want(201, "PUT", kv+v1, `{"location":"local","properties":{`+policy+`}}`)
	a := w.want(200, "PUT", kv+v1, `{"location":"local","properties":{"createMode":"recover","accessPolicies":[],"enabledForDeployment":true}}`)
	w.equal("kept", a.at("properties", "accessPolicies", "0", "objectId")+a.at("properties", "enabledForDeployment"), ann.String()+"true")
	a = w.want(200, "PUT", kv+v1, `{"location":"local","properties":{"createMode":"default","accessPolicies":[]}}`)
	w.equal("by default not", a.at("properties", "accessPolicies"), "[]")
}
