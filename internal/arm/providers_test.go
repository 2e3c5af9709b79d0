package arm

import (
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
)

func TestProviders(t *testing.T) {
	w := start(t)
	sub := "/subscriptions/" + subscription
	// 16: the list names what clients make, all of it registered.
	list := w.want(200, "GET", sub+"/providers"+v1, "")
	for _, namespace := range []string{"Microsoft.ManagedIdentity", "Microsoft.Web", "Microsoft.KeyVault", "Microsoft.Storage", "Microsoft.Authorization"} {
		if !strings.Contains(list.text, `"namespace":"`+namespace+`","registrationPolicy":"RegistrationRequired","registrationState":"Registered"`) {
			t.Errorf("%s is missing", namespace)
		}
	}
	one := w.want(200, "GET", sub+"/providers/microsoft.managedidentity"+v1, "")
	w.equal("id", one.at("id"), sub+"/providers/Microsoft.ManagedIdentity")
	w.equal("a type", one.at("resourceTypes", "1", "resourceType"), "userAssignedIdentities")
	w.equal("its default version", one.at("resourceTypes", "1", "defaultApiVersion"), "2025-01-01")
	// 17
	w.equal("register", w.want(200, "POST", sub+"/providers/Microsoft.Web/register"+v1, "").at("registrationState"), "Registered")
	w.equal("an unknown one", w.want(404, "GET", sub+"/providers/Contoso.Nothing"+v1, "").at("error", "message"), "The resource namespace 'Contoso.Nothing' is invalid.")
	w.equal("of no subscription", w.want(404, "GET", "/subscriptions/"+otherSubscription+"/providers"+v1, "").at("error", "code"), "SubscriptionNotFound")
	page := w.want(200, "GET", "/providers"+v1+"&$top=2", "")
	if next := w.want(200, "GET", page.at("nextLink"), ""); next.at("value", "0", "namespace") != "Microsoft.App" {
		t.Errorf("the second page: %s", next.text)
	}
}

func TestLocations(t *testing.T) {
	w := start(t)
	list := w.want(200, "GET", "/subscriptions/"+subscription+"/locations"+v1, "")
	w.equal("first", list.at("value", "0", "id"), "/subscriptions/"+subscription+"/locations/centralus")
	if !strings.Contains(list.text, `"name":"local"`) {
		t.Error("the region that a manifest takes is missing")
	}
}

func TestSystemIdentityAsAView(t *testing.T) {
	w := start(t)
	const view = "/providers/Microsoft.ManagedIdentity/identities/default"
	made := w.want(200, "PUT", sites+"func"+v1, `{"location":"local","identity":{"type":"SystemAssigned"}}`)
	got := w.want(200, "GET", sites+"func"+view+v1, "")
	// 29: the only place where the client id of a system-assigned identity can be read, beside Graph.
	w.equal("principalId", got.at("properties", "principalId"), made.at("identity", "principalId"))
	sp, ok := w.dir().ServicePrincipal(guid.MustParse(made.at("identity", "principalId")))
	if !ok || got.at("properties", "clientId") != sp.AppID.String() || got.at("id") != sites+"func"+view {
		t.Errorf("%s", got.text)
	}
	w.want(200, "PUT", sites+"plain"+v1, `{"location":"local"}`)
	w.want(404, "GET", sites+"plain"+view+v1, "")
	w.want(404, "GET", sites+"nowhere"+view+v1, "")
}

func TestAssociatedResources(t *testing.T) {
	w := start(t)
	w.want(201, "PUT", uami+"Shared"+v1, `{"location":"local"}`)
	for _, name := range []string{"b", "A"} {
		w.want(200, "PUT", sites+name+v1, `{"location":"local","identity":{"type":"UserAssigned","userAssignedIdentities":{"`+uami+`Shared":{}}}}`)
	}
	list := func(more string) answer {
		return w.want(200, "POST", uami+"shared/listAssociatedResources"+v1+more, "")
	}
	// 27
	all := list("")
	w.equal("count", all.at("totalCount"), "2")
	w.equal("type", all.at("value", "0", "type"), "microsoft.web/sites")
	w.equal("group", all.at("value", "0", "resourceGroup"), "dev")
	w.equal("first", all.at("value", "0", "id"), sites+"A")
	count := list("&$top=0")
	w.equal("only counted", count.at("totalCount")+count.at("value")+count.at("nextLink"), "2[]")
	first := list("&$top=1")
	second := w.want(200, "POST", first.at("nextLink"), "")
	w.equal("second page", second.at("value", "0", "id")+second.at("nextLink"), sites+"b")
	w.want(404, "POST", uami+"nowhere/listAssociatedResources"+v1, "")
}
