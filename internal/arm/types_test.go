package arm

import (
	"encoding/base64"
	"strings"
	"testing"
)

const (
	apps     = rg + "/providers/Microsoft.App/containerApps/"
	machines = rg + "/providers/Microsoft.Compute/virtualMachines/"
	vaults   = rg + "/providers/Microsoft.KeyVault/vaults/"
	accounts = rg + "/providers/Microsoft.Storage/storageAccounts/"
	plans    = rg + "/providers/Microsoft.Web/serverfarms/"
)

// TestStatusSets walks the types of which clients take certain statuses only (section 12 of the specification).
func TestStatusSets(t *testing.T) {
	w := start(t)
	for _, test := range []struct {
		path                         string
		put, again, patch, del, none int
	}{
		{uami + "one", 201, 200, 200, 200, 204},
		{plans + "plan", 200, 200, 200, 200, 204},
		{sites + "site", 200, 200, 200, 200, 204},
		{machines + "vm", 201, 200, 200, 200, 204},
		{vaults + "vault-1", 201, 200, 200, 200, 204},
		{accounts + "store1", 200, 200, 200, 200, 204},
		{apps + "app", 201, 200, 200, 200, 204},
		{rg + "/providers/Microsoft.App/jobs/job", 201, 200, 200, 200, 204},
		{rg + "/providers/Microsoft.App/managedEnvironments/env", 201, 200, 200, 200, 204},
		{rg + "/providers/Microsoft.HybridCompute/machines/m", 201, 200, 200, 200, 204},
	} {
		// Lower case in, canonical case out.
		cut := strings.Index(test.path, "/providers/")
		last := strings.LastIndex(test.path, "/")
		lower := test.path[:cut] + strings.ToLower(test.path[cut:last]) + test.path[last:]
		made := w.want(test.put, "PUT", lower+v1, `{"location":"westeurope","tags":{"a":"b"}}`)
		again := w.want(test.again, "PUT", test.path+v1, `{"location":"westeurope","tags":{"a":"b"}}`)
		w.equal("repeated", again.text, made.text)
		w.equal("id", made.at("id"), test.path)
		w.equal("type", made.at("type"), test.path[cut+len("/providers/"):last])
		w.equal("state", orText(made.at("properties", "provisioningState"), succeeded), succeeded)
		w.equal("PATCH", w.want(test.patch, "PATCH", test.path+v1, `{"tags":{"c":"d"}}`).at("tags"), "map[c:d]")
		if !strings.Contains(w.want(200, "GET", test.path[:last]+v1, "").text, `"id":"`+test.path+`"`) {
			t.Errorf("%s is not in the list of its type", test.path)
		}
		kind := strings.TrimPrefix(test.path[:last], rg)
		if !strings.Contains(w.want(200, "GET", "/subscriptions/"+subscription+kind+v1, "").text, `"id":"`+test.path+`"`) {
			t.Errorf("%s is not in the list of its type in the subscription", test.path)
		}
		w.want(test.del, "DELETE", test.path+v1, "")
		w.want(test.none, "DELETE", test.path+v1, "")
		w.want(404, "GET", test.path+v1, "")
	}
}

func TestFurtherMembersAreKept(t *testing.T) {
	w := start(t)
	made := w.want(201, "PUT", jobs+"a"+v1, `{"location":"local","sku":{"name":"S1","capacity":1},"zones":["1"],"etag":"x","systemData":{},"plan":null}`)
	w.equal("sku", made.at("sku")+made.at("zones")+made.at("plan")+made.at("systemData"), "map[capacity:1 name:S1][1]")
	patched := w.want(200, "PATCH", jobs+"a"+v1, `{"sku":{"capacity":2},"zones":null}`)
	w.equal("merged", patched.at("sku")+patched.at("zones"), "map[capacity:2 name:S1]")
	w.equal("replaced", w.want(200, "PUT", jobs+"a"+v1, `{"location":"local"}`).at("sku"), "")
}

func TestVirtualMachine(t *testing.T) {
	w := start(t)
	w.want(201, "PUT", uami+"one"+v1, `{"location":"local"}`)
	t.Run("39", func(*testing.T) {
		made := w.want(201, "PUT", machines+"vm1"+v1, `{"location":"local","identity":{"type":"SystemAssigned"},"zones":["1"],
			"properties":{"hardwareProfile":{"vmSize":"Standard_B1s"},"vmId":"mine"}}`)
		w.want(200, "PATCH", machines+"vm1"+v1, `{"identity":{"type":"SystemAssigned, UserAssigned","userAssignedIdentities":{"`+uami+`one":{}}}}`)
		got := w.want(200, "GET", machines+"vm1"+v1, "")
		w.equal("type", got.at("identity", "type"), "SystemAssigned, UserAssigned")
		w.equal("principal", got.at("identity", "principalId"), made.at("identity", "principalId"))
		w.equal("size", got.at("properties", "hardwareProfile", "vmSize"), "Standard_B1s")
		w.equal("vmId stays", got.at("properties", "vmId"), made.at("properties", "vmId"))
		if len(got.at("properties", "vmId")) != 36 || got.at("properties", "timeCreated") == "" {
			t.Errorf("%s", got.text)
		}
		w.want(200, "PATCH", machines+"vm1"+v1, `{"identity":{"type":"SystemAssigned","userAssignedIdentities":{"`+strings.ToLower(uami)+`one":null}}}`)
	})
	power := func() string {
		return w.want(200, "GET", machines+"vm1/instanceView"+v1, "").at("statuses", "1", "code")
	}
	w.equal("power", power(), "PowerState/running")
	for action, want := range map[string]string{"powerOff": "stopped", "deallocate": "deallocated", "start": "running", "restart": "running"} {
		w.want(200, "POST", machines+"vm1/"+action+v1, "")
		w.equal("after "+action, power(), "PowerState/"+want)
	}
	w.want(200, "POST", machines+"vm1/deallocate"+v1, "")
	w.equal("expanded", w.want(200, "GET", machines+"vm1"+v1+"&$expand=instanceView", "").at("properties", "instanceView", "statuses", "1", "code"), "PowerState/deallocated")
	w.want(404, "POST", machines+"vm2/start"+v1, "")
	id := w.want(200, "GET", machines+"vm1"+v1, "").at("properties", "vmId")
	w.want(200, "DELETE", machines+"vm1"+v1, "")
	if other := w.want(201, "PUT", machines+"vm2"+v1, `{"location":"local"}`).at("properties", "vmId"); other == id {
		t.Error("two machines have one vmId")
	}
}

func TestContainerApps(t *testing.T) {
	w := start(t)
	const environment = rg + "/providers/Microsoft.App/managedEnvironments/env"
	domain := w.want(201, "PUT", environment+v1, `{"location":"West Europe"}`).at("properties", "defaultDomain")
	body := func(secrets string) string {
		return `{"location":"West Europe","identity":{"type":"SystemAssigned"},"properties":{"managedEnvironmentId":"` + environment + `",
			"configuration":{"ingress":{"external":true,"targetPort":80},"secrets":[` + secrets + `]},"template":{"containers":[{"name":"a"}]}}}`
	}
	t.Run("40", func(*testing.T) {
		made := w.want(201, "PUT", apps+"shop"+v1, body(`{"name":"db","value":"p"},{"name":"kv","keyVaultUrl":"https://v/secrets/x","identity":"system"}`))
		w.equal("fqdn", made.at("properties", "configuration", "ingress", "fqdn"), "shop."+domain)
		w.equal("secrets", made.at("properties", "configuration", "secrets"), "[map[name:db] map[identity:system keyVaultUrl:https://v/secrets/x name:kv]]")
		if !strings.HasPrefix(made.at("properties", "latestRevisionName"), "shop--") || made.at("identity", "principalId") == "" {
			t.Errorf("%s", made.text)
		}
		w.want(200, "PATCH", apps+"shop"+v1, `{"identity":{"type":"None"}}`)
	})
	w.equal("listed", w.want(200, "POST", apps+"shop/listSecrets"+v1, "").text,
		`{"value":[{"name":"db","value":"p"},{"name":"kv","keyVaultUrl":"https://v/secrets/x","identity":"system"}]}`)
	w.want(200, "PUT", apps+"shop"+v1, body(`{"name":"db"},{"name":"more","value":"q"}`)) // what has no value stays as it is
	w.equal("listed", w.want(200, "POST", apps+"shop/listSecrets"+v1, "").text, `{"value":[{"name":"db","value":"p"},{"name":"more","value":"q"}]}`)
	w.want(200, "PUT", apps+"shop"+v1, body(`{"name":"more"}`))
	w.equal("code", w.want(400, "PUT", apps+"shop"+v1, body(`{"name":"db"}`)).at("error", "code"), "ContainerAppSecretInvalid") // it was erased
	w.want(400, "PUT", apps+"shop"+v1, body(`{"name":"more"},{"name":"more"}`))
	w.want(400, "PUT", apps+"Shop2"+v1, body(``))
	w.want(400, "PUT", apps+"shop"+v1, body(`{"name":"A B","value":"x"}`))
	w.want(200, "DELETE", apps+"shop"+v1, "")
	job := rg + "/providers/Microsoft.App/jobs/nightly"
	w.want(201, "PUT", job+v1, body(`{"name":"db","value":"p"}`))
	w.equal("of a job", w.want(200, "POST", job+"/listSecrets"+v1, "").text, `{"value":[{"name":"db","value":"p"}]}`)
}

func TestVault(t *testing.T) {
	w := start(t)
	const sub = "/subscriptions/" + subscription + "/providers/Microsoft.KeyVault"
	t.Run("45", func(*testing.T) {
		made := w.want(201, "PUT", vaults+"kv-Orders"+v1, `{"location":"local","properties":{"tenantId":"`+home.ID.String()+`","sku":{"family":"A","name":"standard"}}}`)
		port := w.url[strings.LastIndex(w.url, ":"):]
		w.equal("uri", made.at("properties", "vaultUri"), "https://kv-orders.vault.localhost"+port+"/")
		w.equal("defaults", made.at("properties", "accessPolicies")+made.at("properties", "enableSoftDelete")+made.at("properties", "softDeleteRetentionInDays"), "[]true90")
		w.equal("unknown", w.want(404, "GET", sub+"/locations/local/deletedVaults/none"+v1, "").at("error", "code"), "DeletedVaultNotFound")
		w.equal("none", w.want(200, "GET", sub+"/deletedVaults"+v1, "").at("value"), "[]")
	})
	policy := func(operation, who, rights string) string {
		return w.want(200, "PUT", vaults+"kv-orders/accessPolicies/"+operation+v1, `{"properties":{"accessPolicies":[{"tenantId":"`+home.ID.String()+
			`","objectId":"`+who+`","permissions":`+rights+`}]}}`).at("properties", "accessPolicies")
	}
	for _, step := range [][4]string{
		{"add", "ann", `{"secrets":["get"]}`, "secrets:[get]"},
		{"add", "ann", `{"secrets":["Get","list"],"keys":["sign"]}`, "keys:[sign] secrets:[get list]"},
		{"remove", "ann", `{"secrets":["get"]}`, "keys:[sign] secrets:[list]"},
		{"replace", "ann", `{"secrets":["set"]}`, "secrets:[set]"},
		{"remove", "bob", `{"secrets":["set"]}`, "secrets:[set]"},
		{"remove", "ann", `{}`, ""},
	} {
		got := policy(step[0], step[1], step[2])
		if step[3] == "" && got != "[]" || step[3] != "" && !strings.Contains(got, "permissions:map["+step[3]+"]") {
			t.Errorf("%s %s: %s; want %s", step[0], step[2], got, step[3])
		}
	}
}

func TestNamesThatAreTaken(t *testing.T) {
	w := start(t)
	w.want(201, "PUT", group2+v1, `{"location":"local"}`)
	w.want(201, "PUT", vaults+"kv-orders"+v1, `{"location":"local"}`)
	w.want(200, "PUT", accounts+"orders1"+v1, `{"location":"local"}`)
	w.want(200, "PUT", sites+"orders"+v1, `{"location":"local"}`)
	for path, code := range map[string]string{vaults + "KV-orders": "VaultAlreadyExists", accounts + "orders1": "StorageAccountAlreadyTaken", sites + "Orders": "Conflict"} {
		w.equal(path, w.want(409, "PUT", strings.Replace(path, rg, group2, 1)+v1, `{"location":"local"}`).at("error", "code"), code)
	}
	for path, message := range map[string]string{vaults + "1kv": "3 to 24", vaults + "kv--1": "3 to 24", accounts + "Orders": "lower-case", accounts + "ab": "3 to 24", sites + "-a": "hyphen"} {
		if a := w.want(400, "PUT", path+v1, `{"location":"local"}`); !strings.Contains(a.text, message) || a.at("error", "code") != "InvalidResourceName" {
			t.Errorf("%s: %s", path, a.text)
		}
	}
	const sub = "/subscriptions/" + subscription + "/providers/"
	for _, test := range [][4]string{
		{"Microsoft.KeyVault/checkNameAvailability", "kv-orders", "false", "AlreadyExists"},
		{"Microsoft.KeyVault/checkNameAvailability", "kv-2", "true", ""},
		{"Microsoft.KeyVault/checkNameAvailability", "2", "false", "AccountNameInvalid"},
		{"Microsoft.Storage/checkNameAvailability", "orders1", "false", "AlreadyExists"},
		{"Microsoft.Storage/checkNameAvailability", "orders2", "true", ""},
		{"Microsoft.Web/checknameavailability", "ORDERS", "false", "AlreadyExists"},
		{"Microsoft.Web/checknameavailability", "new", "true", ""},
	} {
		a := w.want(200, "POST", sub+test[0]+v1, `{"name":"`+test[1]+`","type":"x"}`)
		w.equal(test[0]+" "+test[1], a.at("nameAvailable")+a.at("reason"), test[2]+test[3])
	}
	w.want(400, "PUT", vaults+"kv-3"+v1, `{"location":"local","properties":{"tenantId":"`+other.ID.String()+`"}}`)
	w.want(400, "PUT", vaults+"kv-3"+v1, `{"location":"local","properties":{"sku":{"name":"gold"}}}`)
	w.want(400, "PUT", vaults+"kv-3"+v1, `{"location":"local","properties":{"accessPolicies":[{"objectId":""}]}}`)
	w.want(404, "PUT", vaults+"kv-orders/secrets/a"+v1, `{"properties":{"value":"x"}}`)
	w.want(404, "PUT", sites+"orders/config/other"+v1, `{"properties":{}}`)
	w.want(404, "PUT", sites+"orders/functions/f"+v1, `{"properties":{}}`)
}

func TestStorageAccount(t *testing.T) {
	w := start(t)
	list := func(action, body string) answer { return w.want(200, "POST", accounts+"orders1/"+action+v1, body) }
	t.Run("46", func(*testing.T) {
		made := w.want(200, "PUT", accounts+"orders1"+v1, `{"location":"local","kind":"StorageV2","sku":{"name":"Standard_LRS"},"properties":{"primaryEndpoints":{}}}`)
		port := w.url[strings.LastIndex(w.url, ":"):]
		w.equal("blobs", made.at("properties", "primaryEndpoints", "blob"), "https://orders1.blob.localhost"+port+"/")
		w.equal("sku", made.at("sku"), "map[name:Standard_LRS tier:Standard]")
		keys := list("listKeys", "")
		w.equal("names", keys.at("keys", "0", "keyName")+keys.at("keys", "1", "keyName")+keys.at("keys", "2"), "key1key2")
		w.equal("permissions", keys.at("keys", "0", "permissions"), "FULL")
		if b, err := base64.StdEncoding.DecodeString(keys.at("keys", "0", "value")); err != nil || len(b) != 64 || keys.at("keys", "0", "value") == keys.at("keys", "1", "value") {
			t.Errorf("%s", keys.text)
		}
		w.equal("stable", list("listKeys", "").text, keys.text)
	})
	before := list("listKeys", "")
	renewed := list("regenerateKey", `{"keyName":"KEY2"}`)
	w.equal("the other stays", renewed.at("keys", "0", "value"), before.at("keys", "0", "value"))
	if renewed.at("keys", "1", "value") == before.at("keys", "1", "value") {
		t.Error("the key was not renewed")
	}
	w.equal("from now on", list("listKeys", "").text, renewed.text)
	w.want(400, "POST", accounts+"orders1/regenerateKey"+v1, `{"keyName":"key3"}`)
	for _, service := range []string{"blobServices", "fileServices", "queueServices", "tableServices"} {
		got := w.want(200, "GET", accounts+"orders1/"+service+"/default"+v1, "")
		w.equal("type", got.at("type"), "Microsoft.Storage/storageAccounts/"+service)
		w.want(404, "GET", accounts+"orders1/"+service+"/other"+v1, "")
		w.want(404, "GET", accounts+"orders2/"+service+"/default"+v1, "")
	}
	w.want(200, "PUT", accounts+"orders1/blobServices/default"+v1, `{"properties":{"isVersioningEnabled":true}}`)
	w.equal("kept", w.want(200, "GET", accounts+"orders1/blobServices/default"+v1, "").at("properties", "isVersioningEnabled"), "true")
	if a := w.want(200, "GET", rg+"/resources"+v1, ""); strings.Contains(a.text, "blobServices") {
		t.Errorf("the list of resources has %s", a.text)
	}
	w.want(200, "DELETE", accounts+"orders1"+v1, "")
	w.want(200, "PUT", accounts+"orders1"+v1, `{"location":"local"}`)
	if list("listKeys", "").text == renewed.text {
		t.Error("an account that was made again has the old keys")
	}
}
