package arm

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

const referTo = "@Microsoft.KeyVault("

// TestSiteCases are cases 28 to 38 of the conformance checklist, by their numbers.
func TestSiteCases(t *testing.T) {
	w := start(t)
	w.want(201, "PUT", uami+"one"+v1, `{"location":"local"}`)
	w.want(201, "PUT", uami+"two"+v1, `{"location":"local"}`)
	ids := func(names ...string) string {
		for i, name := range names {
			names[i] = `"` + uami + name + `":{}`
		}
		return strings.Join(names, ",")
	}
	site, first := sites+"func", ""
	t.Run("28", func(*testing.T) {
		made := w.want(200, "PUT", site+v1, block("SystemAssigned", ""))
		first = made.at("identity", "principalId")
		w.equal("tenant", made.at("identity", "tenantId"), home.ID.String())
	})
	t.Run("30", func(*testing.T) {
		made := w.want(200, "PUT", site+v1, block("UserAssigned", ids("one")))
		w.equal("no principal", made.at("identity", "principalId"), "")
		if made.at("identity", "userAssignedIdentities", uami+"one", "clientId") == "" || made.at("identity", "userAssignedIdentities", uami+"one", "principalId") == "" {
			t.Errorf("%s", made.text)
		}
	})
	t.Run("31", func(*testing.T) {
		made := w.want(200, "PUT", site+v1, block("SystemAssigned, UserAssigned", ids("one")))
		if made.at("identity", "principalId") == "" || made.at("identity", "userAssignedIdentities", uami+"one", "clientId") == "" {
			t.Errorf("%s", made.text)
		}
	})
	t.Run("32", func(*testing.T) {
		w.equal("with a space", w.want(200, "PUT", site+v1, block("SystemAssigned,UserAssigned", ids("one"))).at("identity", "type"), "SystemAssigned, UserAssigned")
	})
	t.Run("33", func(*testing.T) {
		w.equal("type", w.want(200, "PATCH", site+v1, block("SystemAssigned", `"`+uami+`one":null`)).at("identity", "userAssignedIdentities"), "")
	})
	t.Run("34", func(*testing.T) {
		before := w.principals()
		w.equal("type", w.want(200, "PATCH", site+v1, block("None", "")).at("identity", "type"), "None")
		if w.principals() != before-1 {
			t.Errorf("%d principals, %d before", w.principals(), before)
		}
	})
	t.Run("35", func(*testing.T) {
		w.equal("code", w.want(400, "PUT", site+v1, block("UserAssigned", ids("none"))).at("error", "code"), "FailedIdentityOperation")
	})
	t.Run("37", func(*testing.T) {
		second := w.want(200, "PUT", site+v1, block("SystemAssigned", "")).at("identity", "principalId")
		if second == first || second == "" {
			t.Errorf("%q after %q", second, first)
		}
	})
	t.Run("38", func(*testing.T) {
		w.want(200, "PUT", site+v1, block("SystemAssigned, UserAssigned", ids("one", "two")))
		before := w.principals()
		w.want(200, "DELETE", site+v1, "")
		if w.principals() != before-1 {
			t.Errorf("%d principals, %d before", w.principals(), before)
		}
		w.want(200, "GET", uami+"one"+v1, "")
	})
}

func TestSiteIsComputed(t *testing.T) {
	w := start(t)
	plan := w.want(200, "PUT", plans+"plan"+v1, `{"location":"West Europe","sku":{"name":"P1v3","capacity":2},"kind":"linux","properties":{"reserved":true}}`)
	w.equal("sku", plan.at("sku"), "map[capacity:2 family:P1v name:P1v3 size:P1v3 tier:PremiumV3]")
	w.equal("no sites", plan.at("properties", "numberOfSites")+plan.at("properties", "status")+plan.at("properties", "reserved"), "0Readytrue")
	made := w.want(200, "PUT", strings.ToLower(sites)+"Func"+v1, `{"location":"West Europe","kind":"functionapp","properties":{"serverFarmId":"`+
		strings.ToLower(plans)+`PLAN","httpsOnly":true,"defaultHostName":"mine.example","siteConfig":{"alwaysOn":true},"unknown":{"kept":1}}}`)
	for name, want := range map[string]string{"state": "Running", "defaultHostName": "func.web.localhost", "hostNames": "[func.web.localhost]",
		"enabledHostNames": "[func.web.localhost func.scm.web.localhost]", "resourceGroup": "Dev", "usageState": "Normal", "enabled": "true",
		"availabilityState": "Normal", "keyVaultReferenceIdentity": "SystemAssigned", "httpsOnly": "true", "unknown": "map[kept:1]", "repositorySiteName": "Func"} {
		w.equal(name, made.at("properties", name), want)
	}
	w.equal("set", made.at("properties", "siteConfig", "alwaysOn")+made.at("properties", "siteConfig", "minTlsVersion"), "true1.2")
	if len(made.at("properties", "customDomainVerificationId")) != 64 {
		t.Errorf("%s", made.text)
	}
	w.want(200, "PUT", sites+"func/slots/Blue"+v1, `{"location":"West Europe","properties":{"serverFarmId":"`+plans+`plan"}}`)
	slot := w.want(200, "GET", sites+"func/slots/blue"+v1, "")
	w.equal("slot", slot.at("type")+slot.at("properties", "defaultHostName"), "Microsoft.Web/sites/slotsfunc-blue.web.localhost")
	w.equal("sites", w.want(200, "GET", plans+"plan"+v1, "").at("properties", "numberOfSites"), "2")
	w.equal("slots", w.want(200, "GET", sites+"func/slots"+v1, "").at("value", "0", "id"), sites+"func/slots/Blue")
	w.equal("sites", w.want(200, "GET", rg+"/providers/microsoft.web/sites"+v1, "").at("value", "1"), "")
	t.Run("43", func(*testing.T) {
		w.want(200, "PATCH", sites+"func"+v1, `{"properties":{"keyVaultReferenceIdentity":"`+uami+`one"}}`)
		w.equal("echo", w.want(200, "GET", sites+"func"+v1, "").at("properties", "keyVaultReferenceIdentity"), uami+"one")
	})
	state := func() string { return w.want(200, "GET", sites+"func"+v1, "").at("properties", "state") }
	w.want(200, "POST", sites+"func/stop"+v1, "")
	w.equal("state", state(), "Stopped")
	w.want(200, "POST", sites+"func/start"+v1, "")
	w.equal("state", state(), "Running")
	w.want(200, "POST", sites+"func/slots/blue/restart"+v1, "")
	w.want(404, "POST", sites+"none/restart"+v1, "")
	w.want(400, "PUT", plans+"plan2"+v1, `{"location":"local","sku":{"name":"X1"}}`)
}

func TestSiteSettings(t *testing.T) {
	w := start(t)
	for _, in := range []string{sites + "func", sites + "func/slots/blue"} {
		made := w.want(200, "PUT", in+v1, `{"location":"local","properties":{"siteConfig":{"appSettings":[{"name":"FromPut","value":"1"}]}}}`)
		w.equal("not in the site", made.at("properties", "siteConfig", "appSettings"), "")
		w.equal("from the site", w.want(200, "POST", in+"/config/appsettings/list"+v1, "").at("properties"), "map[FromPut:1]")
		t.Run("42", func(*testing.T) {
			put := w.want(200, "PUT", in+"/config/appSettings"+v1, `{"properties":{"MixedCase":"a","B":2,"On":true,"Ref":"`+referTo+`SecretUri=https://v/secrets/x)"}}`)
			w.equal("all replaced", put.at("properties"), "map[B:2 MixedCase:a On:true Ref:"+referTo+"SecretUri=https://v/secrets/x)]")
		})
		t.Run("41", func(*testing.T) {
			list := w.want(200, "POST", in+"/config/appsettings/list"+v1, "")
			w.equal("verbatim", list.at("properties", "Ref"), referTo+"SecretUri=https://v/secrets/x)")
			w.equal("head", list.at("name")+list.at("type")+list.at("id"), "appsettingsMicrosoft.Web/sites/config"+in+"/config/appsettings")
		})
		w.want(200, "PATCH", in+v1, `{"properties":{"siteConfig":{"alwaysOn":true,"appSettings":null}}}`)
		w.equal("null changes nothing", w.want(200, "POST", in+"/config/appsettings/list"+v1, "").at("properties", "B"), "2")
		w.want(404, "POST", in+"/config/backup/list"+v1, "")
		w.want(200, "PUT", in+"/config/slotConfigNames"+v1, `{"properties":{"appSettingNames":["A"]}}`)
		w.equal("slot names", w.want(200, "GET", in+"/config/slotconfignames"+v1, "").at("properties"), "map[appSettingNames:[A]]")
		w.equal("metadata", w.want(200, "POST", in+"/config/metadata/list"+v1, "").at("properties"), "map[]")
		w.equal("V2", w.want(200, "GET", in+"/config/authsettingsV2/list"+v1, "").at("properties", "platform", "enabled"), "false")
		w.equal("V2", w.want(200, "POST", in+"/config/authsettingsV2/list"+v1, "").at("name"), "authsettingsV2")
		w.want(200, "GET", in+"/config/authsettingsV2"+v1, "")
		w.equal("logs", w.want(200, "GET", in+"/config/logs"+v1, "").at("properties", "failedRequestsTracing", "enabled"), "false")
		w.equal("ftp", w.want(200, "GET", in+"/basicPublishingCredentialsPolicies/ftp"+v1, "").at("properties", "allow"), "true")
		w.want(200, "PUT", in+"/basicPublishingCredentialsPolicies/ftp"+v1, `{"properties":{"allow":false}}`)
		w.equal("ftp", w.want(200, "GET", in+"/basicPublishingCredentialsPolicies"+v1, "").at("value", "0", "properties", "allow"), "false")
		w.want(200, "GET", in+"/sourcecontrols/web"+v1, "")
		w.equal("functions", w.want(200, "GET", in+"/functions"+v1, "").at("value"), "[]")
		w.want(204, "POST", in+"/syncfunctiontriggers"+v1, "")
		keys := w.want(200, "POST", in+"/host/default/listkeys"+v1, "")
		if keys.at("masterKey") == "" || keys.at("functionKeys", "default") == "" || keys.text != w.want(200, "POST", in+"/host/default/listkeys"+v1, "").text {
			t.Errorf("%s", keys.text)
		}
		if user := w.want(200, "POST", in+"/config/publishingcredentials/list"+v1, ""); user.at("properties", "publishingPassword") == "" {
			t.Errorf("%s", user.text)
		}
		profile := w.publishXML(in)
		if !strings.Contains(profile, `publishMethod="FTP"`) || !strings.Contains(profile, `userName="$`) {
			t.Errorf("%s", profile)
		}
		w.equal("web", w.want(200, "PATCH", in+"/config/web"+v1, `{"properties":{"minTlsVersion":"1.3"}}`).at("properties", "minTlsVersion"), "1.3")
		w.equal("merged", w.want(200, "GET", in+"/config/web"+v1, "").at("properties", "alwaysOn"), "true")
		w.equal("replaced", w.want(200, "PUT", in+"/config/web"+v1, `{"properties":{"ftpsState":"Disabled"}}`).at("properties", "alwaysOn"), "false")
		w.equal("in the list", w.want(200, "GET", in+"/config"+v1, "").at("value", "0", "properties", "ftpsState"), "Disabled")
		for _, refused := range []string{`{"properties":{"A":{}}}`, `{"properties":[]}`, `{`, ``} {
			w.want(400, "PUT", in+"/config/appsettings"+v1, refused)
		}
		w.want(400, "PUT", in+v1, `{"location":"local","properties":{"siteConfig":{"appSettings":{"A":"b"}}}}`)
	}
	w.want(404, "PUT", sites+"none/config/appsettings"+v1, `{"properties":{}}`)
	w.want(404, "POST", sites+"none/config/appsettings/list"+v1, "")
	w.want(200, "DELETE", sites+"func"+v1, "")
	w.want(200, "PUT", sites+"func"+v1, `{"location":"local"}`)
	w.equal("nothing is left of the old one", w.want(200, "POST", sites+"func/config/appsettings/list"+v1, "").at("properties"), "map[]")
}

// publishXML returns the publishing profile of a site, the only answer that is no JSON.
func (w *world) publishXML(site string) string {
	w.Helper()
	req, err := http.NewRequest("POST", w.url+site+"/publishxml"+v1, strings.NewReader(`{"format":"WebDeploy"}`))
	must(w.T, err)
	req.Header.Set("Authorization", "Bearer "+sign(w, grantOf(home), signingKey(), now))
	resp, err := w.client.Do(req)
	must(w.T, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(w.T, err)
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/xml" {
		w.Errorf("%d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	return string(text)
}

func TestCatalogOfAppService(t *testing.T) {
	w := start(t)
	regions := w.want(200, "GET", "/subscriptions/"+subscription+"/providers/Microsoft.Web/geoRegions"+v1+"&sku=Dynamic", "")
	if !strings.Contains(regions.text, `"name":"West Europe"`) {
		t.Errorf("%s", regions.text)
	}
	for path, version := range map[string]string{"functionAppStacks": "Node|20", "webAppStacks": "NODE|20-lts", "locations/local/webAppStacks": "PYTHON|3.11"} {
		if got := w.want(200, "GET", "/providers/Microsoft.Web/"+path+v1, ""); !strings.Contains(got.text, `"linuxFxVersion":"`+version+`"`) {
			t.Errorf("%s", got.text)
		}
	}
}
