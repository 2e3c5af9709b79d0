package arm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/state"
)

const (
	groupsAt     = "/providers/Microsoft.Management/managementGroups"
	inGroup      = "/subscriptions/" + subscription
	v2023        = "?api-version=2023-04-01"
	groupContrib = "5d58bcaf-24a5-4b20-bdb6-eed9f69fbe4c" // Management Group Contributor
)

// putGroup makes a management group as az and Terraform do.
func (w *world) putGroup(name, display, parent string) answer {
	w.Helper()
	body := `{"name":"` + name + `","properties":{"displayName":"` + display + `","details":{"parent":{}}}}`
	if parent != "" {
		body = strings.Replace(body, "{}", `{"id":"`+groupsAt+"/"+parent+`"}`, 1)
	}
	return w.want(200, "PUT", groupsAt+"/"+name+v2023, body)
}

func TestManagementGroups(t *testing.T) {
	w := start(t)
	root := home.ID.String()
	made := w.putGroup("Div", "Division", "")
	w.equal("made", made.at("id")+" "+made.at("type")+" "+made.at("name")+" "+made.at("properties", "displayName")+" "+made.at("properties", "tenantId"),
		groupsAt+"/Div Microsoft.Management/managementGroups Div Division "+root)
	w.equal("its parent", made.at("properties", "details", "parent", "id"), groupsAt+"/"+root)
	if made.header.Get("Azure-AsyncOperation")+made.header.Get("Location")+made.at("properties", "provisioningState") != "" {
		t.Errorf("clients would go on polling: %v %s", made.header, made.text)
	}
	w.putGroup("team", "Team", "DIV")
	w.want(200, "PUT", groupsAt+"/team"+inGroup+v2023, "")
	t.Run("get", func(*testing.T) {
		w.equal("in any case", w.want(200, "GET", strings.ToLower(groupsAt)+"/div"+v2023, "").at("name"), "Div")
		top := w.want(200, "GET", groupsAt+"/"+root+v2023, "")
		w.equal("the root", top.at("properties", "displayName")+top.at("properties", "details", "parent"), "Tenant Root Group")
		w.equal("not expanded", top.at("properties", "children"), "")
		children := w.want(200, "GET", groupsAt+"/"+root+v2023+"&$expand=children&$recurse=True", "")
		w.equal("all below", children.at("properties", "children", "0", "name")+"/"+children.at("properties", "children", "0", "children", "0", "displayName")+"/"+
			children.at("properties", "children", "0", "children", "0", "children", "0", "id"), "Div/Team//subscriptions/"+subscription)
		one := w.want(200, "GET", groupsAt+"/"+root+v2023+"&$expand=children&$recurse=false", "")
		w.equal("one level", one.at("properties", "children", "0", "name")+one.at("properties", "children", "0", "children"), "Div")
		// What Terraform asks, which takes every child for a subscription.
		only := w.want(200, "GET", groupsAt+"/team"+v2023+"&$expand=children&$recurse=true&$filter=children.childType+eq+Subscription", "")
		w.equal("subscriptions", only.at("properties", "children", "0", "type")+only.at("properties", "children", "1"), "/subscriptions")
		w.equal("no groups", w.want(200, "GET", groupsAt+"/Div"+v2023+"&$expand=children&$filter=children.childType+eq+'Subscription'", "").at("properties", "children"), "")
		w.status("nothing else", w.do("GET", groupsAt+"/Div"+v2023+"&$expand=path", ""), 400, "UnsupportedQuery")
		w.status("nothing else", w.do("GET", groupsAt+"/Div"+v2023+"&$filter=name+eq+1", ""), 400, "UnsupportedQuery")
		w.status("unknown", w.do("GET", groupsAt+"/none"+v2023, ""), 404, "ManagementGroupNotFound")
		w.status("a slash", w.do("GET", groupsAt+"/a%2Fb"+v2023, ""), 400, "InvalidResourceId")
	})
	t.Run("list", func(*testing.T) {
		all := w.want(200, "GET", groupsAt+v2023+"&$top=2", "")
		more := w.want(200, "GET", all.at("nextLink"), "")
		w.equal("in pages", all.at("value", "0", "name")+all.at("value", "1", "name")+more.at("value", "0", "name"), root+"Divteam")
	})
	t.Run("change", func(*testing.T) {
		w.equal("PATCH", w.want(200, "PATCH", groupsAt+"/team"+v2023, `{"displayName":"The Team"}`).at("properties", "displayName"), "The Team")
		moved := w.want(200, "PATCH", groupsAt+"/team"+v2023, `{"parentGroupId":"`+groupsAt+"/"+root+`"}`)
		w.equal("moved", moved.at("properties", "displayName")+moved.at("properties", "details", "parent", "name"), "The Team"+root)
		w.equal("the root", w.want(200, "PUT", groupsAt+"/"+root+v2023, `{"properties":{"displayName":"All"}}`).at("properties", "displayName"), "All")
		w.status("unknown", w.do("PATCH", groupsAt+"/none"+v2023, `{"displayName":"x"}`), 404, "ManagementGroupNotFound")
		w.status("a parent that is none", w.do("PATCH", groupsAt+"/team"+v2023, `{"parentGroupId":"Div"}`), 400, "BadRequest")
		w.status("below itself", w.do("PATCH", groupsAt+"/Div"+v2023, `{"parentGroupId":"`+groupsAt+`/Div"}`), 400, "BadRequest")
		w.status("under nothing", w.do("PUT", groupsAt+"/x"+v2023, `{"properties":{"details":{"parent":{"id":"`+groupsAt+`/none"}}}}`), 404, "ManagementGroupNotFound")
	})
	t.Run("subscriptions", func(*testing.T) {
		placed := w.want(200, "PUT", groupsAt+"/div"+inGroup+v2023, "")
		w.equal("placed", placed.at("id")+" "+placed.at("properties", "displayName")+" "+placed.at("properties", "parent", "id"),
			groupsAt+"/Div"+inGroup+" dev "+groupsAt+"/Div")
		w.equal("again", w.want(200, "PUT", groupsAt+"/div"+inGroup+v2023, "").text, placed.text)
		w.equal("shown", w.want(200, "GET", groupsAt+"/Div"+inGroup+v2023, "").text, placed.text)
		w.equal("listed", w.want(200, "GET", groupsAt+"/Div/subscriptions"+v2023, "").text, `{"value":[`+placed.text+`]}`)
		w.status("elsewhere", w.do("GET", groupsAt+"/team"+inGroup+v2023, ""), 404, "SubscriptionNotFound")
		w.want(204, "DELETE", groupsAt+"/team"+inGroup+v2023, "")
		w.status("a group that is in use", w.do("DELETE", groupsAt+"/Div"+v2023, ""), 409, "ManagementGroupNotEmpty")
		w.want(200, "DELETE", groupsAt+"/Div"+inGroup+v2023, "")
		w.want(204, "DELETE", groupsAt+"/Div"+inGroup+v2023, "")
		w.want(204, "DELETE", groupsAt+"/"+root+inGroup+v2023, "")
		w.equal("under the root", w.want(200, "GET", groupsAt+"/"+root+inGroup+v2023, "").at("name"), subscription)
		w.status("another tenant's", w.do("PUT", groupsAt+"/Div/subscriptions/"+otherSubscription+v2023, ""), 404, "SubscriptionNotFound")
		w.status("no GUID", w.do("PUT", groupsAt+"/Div/subscriptions/x"+v2023, ""), 404, "SubscriptionNotFound")
	})
	t.Run("delete", func(*testing.T) {
		for _, name := range []string{"team", "Div", "Div", "none"} {
			w.want(204, "DELETE", groupsAt+"/"+name+v2023, "")
		}
		w.status("the root", w.do("DELETE", groupsAt+"/"+root+v2023, ""), 409, "ManagementGroupNotEmpty")
	})
}

func TestManagementGroupRoles(t *testing.T) {
	w := start(t)
	who, bearer := w.robot()
	w.putGroup("div", "Division", "")
	w.putGroup("team", "Team", "div")
	w.want(200, "PUT", groupsAt+"/team"+inGroup+v2023, "")
	t.Run("case 51: at a management group ids start with /providers", func(*testing.T) {
		found := w.want(200, "GET", groupsAt+"/team"+rolesAt+v2022+"&$filter=roleName+eq+'Reader'", "")
		w.equal("id", found.at("value", "0", "id")+found.at("value", "1"), rolesAt+"/"+reader)
	})
	t.Run("case 58: no custom role with data actions at a management group", func(*testing.T) {
		custom := groupsAt + "/div" + rolesAt + "/10000000-0000-4000-8000-000000000001" + v2022
		body := func(permission string, scopes ...string) string {
			return `{"properties":{"roleName":"Div Role","type":"CustomRole","permissions":[{` + permission + `}],"assignableScopes":["` + strings.Join(scopes, `","`) + `"]}}`
		}
		w.status("data actions", w.do("PUT", custom, body(`"dataActions":["a/b"]`, groupsAt+"/div")), 400, "BadRequest")
		w.status("two groups", w.do("PUT", custom, body(`"actions":["a/b"]`, groupsAt+"/div", groupsAt+"/team")), 400, "BadRequest")
		w.equal("actions", w.want(201, "PUT", custom, body(`"actions":["a/b"]`, groupsAt+"/div")).at("id"), rolesAt+"/10000000-0000-4000-8000-000000000001")
		w.equal("assignable below", w.want(200, "GET", rg+rolesAt+v2022+"&$filter=type+eq+'CustomRole'", "").at("value", "0", "properties", "roleName"), "Div Role")
	})
	t.Run("case 76: an assignment at a management group is inherited", func(*testing.T) {
		w.status("before", w.as(bearer, "GET", rg+v1, ""), 403, "AuthorizationFailed")
		given := w.assign("", groupsAt+"/div", 1, who.id.String(), reader, "")
		w.status("made", given, 201, "")
		w.equal("id", given.at("id"), groupsAt+"/div/providers/Microsoft.Authorization/roleAssignments/00000000-0000-4000-8000-000000000001")
		w.equal("role", given.at("properties", "roleDefinitionId"), rolesAt+"/"+reader)
		w.status("the resource group", w.as(bearer, "GET", rg+v1, ""), 200, "")
		w.equal("the subscription", w.as(bearer, "GET", "/subscriptions"+v1, "").at("value", "0", "subscriptionId"), subscription)
		w.equal("seen from below", w.want(200, "GET", rg+"/providers/Microsoft.Authorization/roleAssignments"+v2022+"&$filter=atScope()", "").at("value", "0", "id"), given.at("id"))
		w.equal("the groups", w.as(bearer, "GET", groupsAt+v2023, "").at("value", "1", "name"), "team")
		w.status("not the root", w.as(bearer, "GET", groupsAt+"/"+home.ID.String()+v2023, ""), 403, "AuthorizationFailed")
		w.want(200, "DELETE", groupsAt+"/team"+inGroup+v2023, "")
		w.status("moved out of it", w.as(bearer, "GET", rg+v1, ""), 403, "AuthorizationFailed")
	})
}

// To move something in the tree changes who may do what with it.
func TestMovingTakesRightsOnAllSides(t *testing.T) {
	w := start(t)
	who, bearer := w.robot()
	for _, g := range [][2]string{{"a", ""}, {"b", ""}, {"child", "a"}} {
		w.putGroup(g[0], g[0], g[1])
	}
	n := 10
	give := func(scope, role string) func() {
		n++
		at := n
		w.status("given", w.assign("", scope, at, who.id.String(), role, ""), 201, "")
		return func() {
			w.change(home, func(d *state.Draft) error {
				return d.DeleteRoleAssignment(guid.MustParse(fmt.Sprintf("00000000-0000-4000-8000-%012d", at)), true)
			})
		}
	}
	move := func(name, parent string) answer {
		return w.as(bearer, "PATCH", groupsAt+"/"+name+v2023, `{"parentGroupId":"`+groupsAt+"/"+parent+`"}`)
	}
	put := func(name, parent string) answer {
		return w.as(bearer, "PUT", groupsAt+"/"+name+v2023, `{"properties":{"details":{"parent":{"id":"`+groupsAt+"/"+parent+`"}}}}`)
	}
	place := func(group string) answer { return w.as(bearer, "PUT", groupsAt+"/"+group+inGroup+v2023, "") }

	w.status("nothing yet", put("new", "a"), 403, "AuthorizationFailed")
	give(groupsAt+"/a", groupContrib)
	w.status("a new one under a", put("new", "a"), 200, "")
	w.status("a new one elsewhere", put("other", "b"), 403, "AuthorizationFailed")
	w.status("a new one under the root", w.as(bearer, "PUT", groupsAt+"/other"+v2023, `{}`), 403, "AuthorizationFailed")
	w.status("renamed", w.as(bearer, "PATCH", groupsAt+"/child"+v2023, `{"displayName":"x"}`), 200, "")
	no := move("child", "b")
	w.status("roles at the child are needed", no, 403, "LinkedAuthorizationFailed")
	if !strings.Contains(no.text, string(assignmentsWrite)) {
		t.Error(no.text)
	}
	give(groupsAt+"/child", access)
	w.status("and the new parent", move("child", "b"), 403, "LinkedAuthorizationFailed")
	toB := give(groupsAt+"/b", groupContrib)
	w.status("with all of them", move("child", "b"), 200, "")
	w.status("and back", move("child", "a"), 200, "")

	w.status("the subscription", place("a"), 403, "LinkedAuthorizationFailed")
	give("/subscriptions/"+subscription, access)
	w.status("from under the root", place("a"), 200, "")
	w.status("to b", place("b"), 200, "")
	toB()
	w.status("away from b", place("a"), 403, "LinkedAuthorizationFailed")
	w.status("away from b", w.as(bearer, "DELETE", groupsAt+"/b"+inGroup+v2023, ""), 403, "AuthorizationFailed")
	w.status("deleted", w.as(bearer, "DELETE", groupsAt+"/new"+v2023, ""), 204, "")
	w.status("not deleted", w.as(bearer, "DELETE", groupsAt+"/b"+v2023, ""), 403, "AuthorizationFailed")
}
