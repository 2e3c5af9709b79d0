package arm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
)

func TestSubscriptionsAndGroups(t *testing.T) {
	w := start(t)
	a := w.want(200, "GET", "/subscriptions?API-Version=2019-11-01", "")
	w.equal("only the caller's", a.at("value", "1"), "")
	w.equal("id", a.at("value", "0", "id"), "/subscriptions/"+subscription)
	one := w.want(200, "GET", "//subscriptions//"+strings.ToUpper(subscription)+v1, "")
	for key, want := range map[string]string{"subscriptionId": subscription, "tenantId": home.ID.String(), "displayName": "dev", "state": "Enabled"} {
		w.equal(key, one.at(key), want)
	}

	path := "/subscriptions/" + subscription + "/resourceGroups/Orders-1"
	w.want(404, "HEAD", path+v1, "")
	made := w.want(201, "PUT", path+v1, `{"location":"West Europe","tags":{"a":"b"}}`)
	w.equal("id", made.at("id"), path)
	w.equal("type", made.at("type"), "Microsoft.Resources/resourceGroups")
	again := w.want(200, "PUT", strings.ToLower(path)+v1, `{"location":"westeurope","tags":{"a":"b"}}`)
	w.equal("the same group", again.text, made.text)
	w.equal("got", w.want(200, "GET", strings.ToLower(path)+v1, "").text, made.text)
	w.want(204, "HEAD", path+v1, "")
	groups := w.want(200, "GET", "/subscriptions/"+subscription+"/resourcegroups"+v1, "")
	w.equal("the first", groups.at("value", "0", "name"), "Dev")
	w.equal("the second", groups.at("value", "1", "id"), path)
	w.equal("no more", groups.at("value", "2"), "")
}

func TestIdentityLifeCycle(t *testing.T) {
	w := start(t)
	made := w.want(201, "PUT", uami+"Id-Orders"+v1, `{"location":"local","tags":{"team":"orders"},"properties":{"isolationScope":"None","clientId":"x"}}`)
	for key, want := range map[string]string{"id": uami + "Id-Orders", "name": "Id-Orders", "type": "Microsoft.ManagedIdentity/userAssignedIdentities", "location": "local"} {
		w.equal(key, made.at(key), want)
	}
	w.equal("tenantId", made.at("properties", "tenantId"), home.ID.String())
	principal, client := made.at("properties", "principalId"), made.at("properties", "clientId")
	sp, ok := w.dir().ServicePrincipal(guid.MustParse(principal))
	if !ok || sp.AppID.String() != client || sp.DisplayName != "Id-Orders" {
		t.Fatalf("service principal %+v", sp)
	}
	lower := strings.ToLower(uami + "Id-Orders")
	w.equal("GET in lower case", w.want(200, "GET", lower+v1, "").text, made.text)

	again := w.want(200, "PUT", lower+v1, `{"location":"Local"}`)
	w.equal("tags after a PUT without", again.at("tags"), "map[]")
	w.equal("clientId", again.at("properties", "clientId"), client)
	w.equal("principalId", again.at("properties", "principalId"), principal)
	w.equal("id keeps its case", again.at("id"), uami+"Id-Orders")

	w.equal("PATCH", w.want(200, "PATCH", lower+v1, `{"tags":{"a":"b"}}`).at("tags"), "map[a:b]")
	w.equal("empty PATCH", w.want(200, "PATCH", lower+v1, `{}`).at("tags"), "map[a:b]")
	w.equal("PATCH to none", w.want(200, "PATCH", lower+v1, `{"tags":{}}`).at("tags"), "map[]")

	if a := w.want(200, "DELETE", lower+v1, ""); a.text != "" {
		t.Errorf("DELETE answered %s", a.text)
	}
	w.want(204, "DELETE", lower+v1, "")
	w.want(404, "GET", lower+v1, "")
	if w.principals() != 0 {
		t.Error("the service principal outlived its identity")
	}
	if reborn := w.want(201, "PUT", lower+v1, `{"location":"local"}`); reborn.at("properties", "principalId") == principal || reborn.at("properties", "clientId") == client {
		t.Error("a recreated identity has ids of the old one")
	}
}

func TestADeletedIdentityLeavesBlocksAndGrants(t *testing.T) {
	w := start(t)
	principal := w.want(201, "PUT", uami+"one"+v1, `{"location":"local"}`).at("properties", "principalId")
	w.want(201, "PUT", uami+"two"+v1, `{"location":"local"}`)
	w.want(201, "PUT", jobs+"a"+v1, block("UserAssigned", `"`+uami+`one":{}`))
	w.want(201, "PUT", jobs+"b"+v1, block("SystemAssigned, UserAssigned", `"`+uami+`one":{},"`+uami+`two":{}`))
	if w.grantRole(principal) != 1 {
		t.Fatal("the grant did not take")
	}
	w.want(200, "DELETE", uami+"one"+v1, "")
	w.equal("a", w.want(200, "GET", jobs+"a"+v1, "").at("identity"), "map[type:None]")
	b := w.want(200, "GET", jobs+"b"+v1, "")
	w.equal("b", b.at("identity", "type"), "SystemAssigned, UserAssigned")
	w.equal("b", strings.Join(users(b), " "), uami+"two")
	if n := w.assignments(principal); n != 0 {
		t.Errorf("%d grants outlived the identity", n)
	}
}

// block is the body of a PUT or PATCH with that identity block.
func block(kind, users string) string {
	return fmt.Sprintf(`{"location":"local","identity":{"type":%q,"userAssignedIdentities":{%s}}}`, kind, users)
}

// users returns the ids of the user-assigned identities in an answer, sorted.
func users(a answer) (ids []string) {
	identity, _ := a.json["identity"].(map[string]any)
	all, _ := identity["userAssignedIdentities"].(map[string]any)
	for id := range all {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func TestLists(t *testing.T) {
	w := start(t)
	w.want(201, "PUT", rg+"2"+v1, `{"location":"local"}`)
	var all []string
	for _, id := range []string{jobs + "a", sites + "b", uami + "id1", uami + "id2", jobs + "a/steps/1",
		rg + "2/providers/Contoso.Jobs/jobs/c", rg + "2/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id1"} {
		if status := w.do("PUT", id+v1, `{"location":"local"}`).status; status > 201 {
			t.Fatalf("PUT %s: %d", id, status)
		}
		all = append(all, id)
	}
	slices.SortFunc(all, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	in := func(part string, ids []string) (some []string) {
		for _, id := range ids {
			if strings.Contains(id, part) {
				some = append(some, id)
			}
		}
		return some
	}
	sub := "/subscriptions/" + subscription
	for path, want := range map[string][]string{
		sub + "/resources" + v1: all,
		rg + "/resources" + v1:  in("/Dev/", all),
		strings.ToLower(rg) + "/RESOURCES" + v1 + "&$filter=resourceType+eq+'microsoft.managedidentity/userassignedidentities'+and+name+eq+'ID1'": {uami + "id1"},
		sub + "/resources" + v1 + "&$filter=name+eq+'id1'":                                                  in("/id1", all),
		sub + "/resources" + v1 + "&$filter=name+eq+'it''s'":                                                nil,
		sub + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities" + v1:                            in("/userAssignedIdentities/", all),
		rg + "2/providers/Microsoft.ManagedIdentity/userAssignedIdentities" + v1:                            in("Dev2", in("/userAssignedIdentities/", all)),
		rg + "/providers/microsoft.managedidentity/userassignedidentities" + v1 + "&$filter=whatever+it+is": in("/Dev/", in("/userAssignedIdentities/", all)),
	} {
		for _, size := range []string{"", "&$top=1", "&$top=2", "&$top=5000"} {
			var got []string
			pages := 0
			for next := path + size; next != "" && pages <= len(all); pages++ {
				a := w.want(200, "GET", next, "")
				for _, value := range a.json["value"].([]any) {
					got = append(got, value.(map[string]any)["id"].(string))
				}
				next = a.at("nextLink")
				if next != "" && !strings.HasPrefix(next, w.url+"/subscriptions/") {
					t.Fatalf("nextLink %s", next)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s%s: %q; want %q", path, size, got, want)
			}
			if wantPages := max(1, len(want)); size == "&$top=1" && pages != wantPages {
				t.Errorf("%s%s: %d pages; want %d", path, size, pages, wantPages)
			}
		}
	}
	a := w.want(200, "GET", rg+"/resources"+v1+"&$filter=name+eq+'a'", "")
	w.equal("list item", a.at("value", "0"), fmt.Sprintf("map[id:%sa location:local name:a tags:map[] type:Contoso.Jobs/jobs]", jobs))
	a = w.want(200, "GET", rg+"/resources"+v1+"&$filter=name+eq+'a'&$expand=createdTime,changedTime,provisioningState", "")
	for key, want := range map[string]string{"createdTime": "2026-03-01T12:00:00Z", "changedTime": "2026-03-01T12:00:00Z", "provisioningState": "Succeeded"} {
		w.equal(key, a.at("value", "0", key), want)
	}
}

// TestIdentityCases are cases 18 to 24 of the conformance checklist, by their numbers.
func TestIdentityCases(t *testing.T) {
	w := start(t)
	ids := func(a answer) string {
		return a.at("properties", "principalId") + " " + a.at("properties", "clientId") + " " + a.at("properties", "tenantId")
	}
	first := ""
	t.Run("18", func(*testing.T) {
		first = ids(w.want(201, "PUT", uami+"one"+v1, `{"location":"local"}`))
		w.equal("repeated", ids(w.want(200, "PUT", uami+"one"+v1, `{"location":"local"}`)), first)
	})
	t.Run("19", func(*testing.T) {
		a := w.want(404, "GET", uami+"two"+v1, "")
		if a.at("error", "code") != "ResourceNotFound" || !strings.Contains(a.text, "https://aka.ms/ARMResourceNotFoundFix") {
			t.Errorf("%s", a.text)
		}
	})
	t.Run("20", func(*testing.T) {
		a := w.want(200, "PATCH", uami+"one"+v1, `{"tags":{"a":"b"}}`)
		w.equal("ids", ids(a), first)
		w.equal("tags", a.at("tags"), "map[a:b]")
	})
	t.Run("21", func(*testing.T) {
		before := w.principals()
		w.want(200, "DELETE", uami+"one"+v1, "")
		w.want(204, "DELETE", uami+"one"+v1, "")
		if w.principals() != before-1 {
			t.Errorf("%d principals, %d before", w.principals(), before)
		}
	})
	t.Run("22", func(*testing.T) {
		if again := ids(w.want(201, "PUT", uami+"one"+v1, `{"location":"local"}`)); again == first {
			t.Errorf("the ids are %s again", again)
		}
	})
	t.Run("23", func(*testing.T) {
		w.want(201, "PUT", uami+"two"+v1, `{"location":"local"}`)
		for _, scope := range []string{rg, "/subscriptions/" + subscription} {
			page := w.want(200, "GET", scope+"/providers/Microsoft.ManagedIdentity/userAssignedIdentities"+v1+"&$top=1", "")
			next := w.want(200, "GET", page.at("nextLink"), "")
			w.equal("both", page.at("value", "0", "name")+next.at("value", "0", "name")+next.at("nextLink"), "onetwo")
		}
	})
	t.Run("24", func(*testing.T) {
		a := w.want(201, "PUT", uami+"three"+v1, `{"location":"local","properties":{"isolationScope":"None"}}`)
		w.equal("echo", a.at("properties", "isolationScope"), "None")
	})
}
