package arm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/state"
)

// Roles that the cases name, and where assignments are made.
const (
	sub      = "/subscriptions/" + subscription
	rolesAt  = "/providers/Microsoft.Authorization/roleDefinitions"
	given    = "/providers/Microsoft.Authorization/roleAssignments"
	owner    = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
	contrib  = "b24988ac-6180-42a0-ab88-20f7382dd24c"
	reader   = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
	access   = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9" // User Access Administrator
	secrets  = "4633458b-17de-408a-b874-0445c86b69e6" // Key Vault Secrets User
	delegate = "8b54135c-b56d-4d72-a534-26097cfdc8d8" // Key Vault Data Access Administrator
	v2022    = "?api-version=2022-04-01"
)

// assign gives a role to a principal and returns the answer.
func (w *world) assign(bearer, scope string, n int, principal, role, more string) answer {
	w.Helper()
	body := fmt.Sprintf(`{"properties":{"principalId":%q,"roleDefinitionId":"%s%s/%s"%s}}`, principal, sub, rolesAt, role, more)
	path := fmt.Sprintf("%s%s/00000000-0000-4000-8000-%012d%s", scope, given, n, v2022)
	if bearer == "" {
		return w.do("PUT", path, body)
	}
	return w.as(bearer, "PUT", path, body)
}

func (w *world) status(what string, a answer, status int, code string) {
	w.Helper()
	if a.status != status || a.at("error", "code") != code {
		w.Errorf("%s: %d %s; want %d %s", what, a.status, a.text, status, code)
	}
}

func TestRoleDefinitions(t *testing.T) {
	w := start(t)
	// 50, 51
	found := w.want(200, "GET", sub+rolesAt+v2022+"&$filter=roleName+eq+'reader'", "")
	w.equal("50", found.at("value", "0", "id")+found.at("value", "1", "id"), sub+rolesAt+"/"+reader)
	found = w.want(200, "GET", "/providers/Microsoft.Management/managementGroups/"+home.ID.String()+rolesAt+v2022+"&$filter=roleName+eq+'Reader'", "")
	w.equal("51", found.at("value", "0", "id"), rolesAt+"/"+reader)
	// 52, 54, 60
	one := w.want(200, "GET", sub+rolesAt+"/"+secrets+v2022, "")
	if one.at("properties", "roleName") != "Key Vault Secrets User" || !strings.Contains(one.at("properties", "permissions"), "getSecret") {
		t.Errorf("52: %s", one.text)
	}
	w.status("54", w.do("GET", sub+rolesAt+"/00000000-0000-4000-8000-0000000000ff"+v2022, ""), 404, "RoleDefinitionDoesNotExist")
	w.want(200, "GET", "/"+rolesAt+"/"+reader+v2022, "")
	// 55 to 59
	const custom = "10000000-0000-4000-8000-000000000001"
	body := func(name, actions, scopes string) string {
		return `{"properties":{"roleName":"` + name + `","type":"CustomRole","permissions":[{` + actions + `}],"assignableScopes":[` + scopes + `]}}`
	}
	made := w.want(201, "PUT", sub+rolesAt+"/"+custom+v2022, body("Job Runner", `"actions":["Contoso.Jobs/jobs/run/action"]`, `"`+sub+`"`))
	again := w.want(201, "PUT", sub+rolesAt+"/"+custom+v2022, body("Job Runner", `"actions":["Contoso.Jobs/*"]`, `"`+sub+`"`))
	w.equal("55", again.at("properties", "createdOn"), made.at("properties", "createdOn"))
	w.status("56", w.do("PUT", sub+rolesAt+"/20000000-0000-4000-8000-000000000002"+v2022, body("job runner", `"actions":["a/b"]`, `"`+sub+`"`)), 409, "RoleDefinitionWithSameNameExists")
	w.status("58", w.do("PUT", sub+rolesAt+"/20000000-0000-4000-8000-000000000002"+v2022, body("X", `"dataActions":["a/b"]`,
		`"/providers/Microsoft.Management/managementGroups/`+home.ID.String()+`"`)), 400, "BadRequest")
	list := w.want(200, "GET", sub+rolesAt+v2022+"&$filter=type+eq+'CustomRole'", "")
	w.equal("59", list.at("value", "0", "name")+list.at("value", "1", "name"), custom)
	below := "10000000-0000-4000-8000-000000000002"
	w.want(201, "PUT", rg+rolesAt+"/"+below+v2022, body("Below", `"actions":["a/b"]`, `"`+rg+`"`))
	list = w.want(200, "GET", sub+rolesAt+v2022+"&$filter=type+eq+'CustomRole'", "")
	w.equal("assignable below only", list.at("value", "0", "name")+list.at("value", "1", "name"), custom)
	for _, at := range []string{sub, rg, "", "/providers/Microsoft.Management/managementGroups/" + home.ID.String()} {
		list = w.want(200, "GET", at+rolesAt+v2022+"&$filter=atScopeAndBelow()+and+type+eq+'CustomRole'", "")
		w.equal("at scope and below "+at, list.at("value", "0", "name")+list.at("value", "1", "name")+list.at("value", "2", "name"), custom+below)
	}
	list = w.want(200, "GET", group2+rolesAt+v2022+"&$filter=atScopeAndBelow()+and+type+eq+'CustomRole'", "")
	w.equal("elsewhere", list.at("value", "0", "name")+list.at("value", "1", "name"), custom)
	w.want(200, "DELETE", sub+rolesAt+"/"+below+v2022, "")
	who, _ := w.robot()
	w.status("in use", w.assign("", sub, 1, who.id.String(), custom, ""), 201, "")
	w.status("57", w.do("DELETE", sub+rolesAt+"/"+custom+v2022, ""), 400, "RoleDefinitionHasAssignments")
	w.want(200, "DELETE", sub+given+"/00000000-0000-4000-8000-000000000001"+v2022, "")
	w.want(200, "DELETE", sub+rolesAt+"/"+custom+v2022, "")
	w.want(204, "DELETE", sub+rolesAt+"/"+custom+v2022, "")
	w.status("built in", w.do("PUT", sub+rolesAt+"/"+reader+v2022, body("Reader", `"actions":["*"]`, `"`+sub+`"`)), 403, "RoleDefinitionUpdateNotPermitted")
}

func TestRoleAssignments(t *testing.T) {
	w := start(t)
	who, _ := w.robot()
	id := who.id.String()
	// 61, 62
	made := w.assign("", rg, 1, id, reader, "")
	w.status("61", made, 201, "")
	w.equal("61 type", made.at("properties", "principalType")+" "+made.at("properties", "scope")+" "+made.at("id"),
		"ServicePrincipal "+rg+" "+rg+given+"/00000000-0000-4000-8000-000000000001")
	w.equal("61 role", made.at("properties", "roleDefinitionId"), sub+rolesAt+"/"+reader)
	w.equal("62", w.assign("", rg, 1, id, reader, "").text, made.text)
	// 63 to 68
	twice := w.assign("", rg, 2, id, reader, "")
	w.status("63", twice, 409, "RoleAssignmentExists")
	if !strings.Contains(twice.text, "role assignment already exists") {
		t.Errorf("63: az looks for another text than %s", twice.text)
	}
	w.status("64", w.assign("", rg, 1, id, contrib, ""), 400, "RoleAssignmentUpdateNotPermitted")
	const nobody = "dddddddd-dddd-4ddd-8ddd-dddddddddddd"
	unknown := w.assign("", rg, 3, nobody, reader, "")
	w.status("65", unknown, 400, "PrincipalNotFound")
	if !strings.Contains(unknown.text, strings.ReplaceAll(nobody, "-", "")+" does not exist in the directory "+home.ID.String()) {
		t.Errorf("65: %s", unknown.text)
	}
	w.status("66", w.assign("", rg, 3, nobody, reader, `,"principalType":"ServicePrincipal"`), 201, "")
	w.status("67", w.assign("", rg, 4, id, "00000000-0000-4000-8000-0000000000ff", ""), 400, "RoleDefinitionDoesNotExist")
	w.status("68", w.do("PUT", rg+given+"/one"+v2022, `{}`), 400, "BadRequest")
	w.status("type", w.assign("", rg, 5, id, contrib, `,"principalType":"User"`), 400, "UnmatchedPrincipalType")
	// 71 to 75
	w.want(201, "PUT", jobs+"nightly"+v1, `{"location":"local"}`)
	w.status("below", w.assign("", jobs+"nightly", 6, id, contrib, ""), 201, "")
	w.status("above", w.assign("", sub, 7, id, access, ""), 201, "")
	names := func(scope, filter string) string {
		w.Helper()
		var all []string
		for _, a := range strings.Split(w.want(200, "GET", scope+given+v2022+filter, "").text, `"name":"00000000-0000-4000-8000-`)[1:] {
			all = append(all, strings.TrimLeft(a[:12], "0"))
		}
		return strings.Join(all, " ")
	}
	w.equal("71", names(rg, "&$filter=atScope()"), "1 3 7")
	w.equal("72", names(rg, ""), "1 3 6 7")
	w.equal("73", names(sub, "&$filter=principalId+eq+'"+id+"'"), "1 6 7")
	w.equal("one page after another", names(rg, "&$top=2"), "1 3")
	gone := w.want(200, "DELETE", strings.ToLower(rg)+given+"/00000000-0000-4000-8000-000000000001"+v2022, "")
	w.equal("75", gone.at("properties", "principalId"), id)
	w.want(204, "DELETE", rg+given+"/00000000-0000-4000-8000-000000000001"+v2022, "")
	w.status("75", w.do("GET", rg+given+"/00000000-0000-4000-8000-000000000001"+v2022, ""), 404, "RoleAssignmentNotFound")
	w.status("at another scope", w.do("GET", sub+given+"/00000000-0000-4000-8000-000000000006"+v2022, ""), 404, "RoleAssignmentNotFound")
	w.status("a filter", w.do("GET", rg+given+v2022+"&$filter=nonsense", ""), 400, "UnsupportedQuery")
	w.equal("90", w.want(200, "GET", rg+"/providers/Microsoft.Authorization/denyAssignments"+v2022, "").text, `{"value":[]}`)
}

func TestGroupsGiveRolesTransitively(t *testing.T) {
	w := start(t)
	who, bearer := w.robot()
	outer, inner := guid.MustParse("aaaaaaaa-0000-4000-8000-000000000001"), guid.MustParse("aaaaaaaa-0000-4000-8000-000000000002")
	w.change(home, func(d *state.Draft) error {
		for _, id := range []guid.GUID{outer, inner} {
			if _, err := d.CreateGroup(directory.Group{ID: id, DisplayName: id.String()}); err != nil {
				return err
			}
		}
		must(t, d.AddMember(outer, inner))
		return d.AddMember(inner, who.id)
	})
	w.status("before", w.as(bearer, "GET", rg+v1, ""), 403, "AuthorizationFailed")
	w.status("to the group", w.assign("", rg, 1, outer.String(), reader, ""), 201, "")
	// 84, 74, 73
	w.status("84", w.as(bearer, "GET", rg+v1, ""), 200, "")
	list := w.want(200, "GET", sub+given+v2022+"&$filter=assignedTo('"+who.id.String()+"')", "")
	w.equal("74", list.at("value", "0", "properties", "principalId"), outer.String())
	w.equal("73", w.want(200, "GET", sub+given+v2022+"&$filter=principalId+eq+'"+who.id.String()+"'", "").text, `{"value":[]}`)
	w.change(home, func(d *state.Draft) error { return d.RemoveMember(outer, inner) })
	w.status("84, removed", w.as(bearer, "GET", rg+v1, ""), 403, "AuthorizationFailed")
}

func TestRolesDecide(t *testing.T) {
	w := start(t)
	who, bearer := w.robot()
	id := who.id.String()
	w.want(201, "PUT", jobs+"nightly"+v1, `{"location":"local"}`)
	subscriptions := func() string { return w.as(bearer, "GET", "/subscriptions"+v1, "").at("value", "0", "subscriptionId") }
	w.equal("11", subscriptions(), "")
	// 10, 81
	w.status("Reader on the group", w.assign("", rg, 1, id, reader, ""), 201, "")
	w.status("Contributor on one resource", w.assign("", jobs+"nightly", 2, id, contrib, ""), 201, "")
	w.equal("10", subscriptions(), subscription)
	w.status("81 read", w.as(bearer, "GET", jobs+"nightly"+v1, ""), 200, "")
	w.status("81 write there", w.as(bearer, "PATCH", jobs+"nightly"+v1, `{"tags":{"a":"b"}}`), 200, "")
	w.status("81 write elsewhere", w.as(bearer, "PUT", jobs+"daily"+v1, `{"location":"local"}`), 403, "AuthorizationFailed")
	w.equal("89", w.as(bearer, "GET", rg+"/providers/Microsoft.Authorization/permissions"+v2022, "").at("value", "0", "actions"), "[*/read]")
	// 69, 70, 82
	no := w.assign(bearer, rg, 3, id, owner, "")
	w.status("69", no, 403, "AuthorizationFailed")
	if want := "The client '" + who.name + "' with object id '" + id + "' does not have authorization to perform action " +
		"'Microsoft.Authorization/roleAssignments/write' over scope '" + rg + "'"; !strings.Contains(no.text, want) {
		t.Errorf("69: %s", no.text)
	}
	w.status("Contributor", w.assign("", sub, 4, id, contrib, ""), 201, "")
	w.status("70", w.assign(bearer, rg, 3, id, owner, ""), 403, "AuthorizationFailed")
	w.status("and User Access Administrator", w.assign("", sub, 5, id, access, ""), 201, "")
	w.status("82", w.assign(bearer, rg, 3, id, secrets, ""), 201, "")
	// 91
	w.status("an Owner", w.assign("", sub, 6, id, owner, ""), 201, "")
	last := w.as(bearer, "DELETE", sub+given+"/00000000-0000-4000-8000-000000000006"+v2022, "")
	if last.status < 400 || !strings.Contains(last.text, "Cannot delete the last RBAC admin assignment") {
		t.Errorf("91: %d %s", last.status, last.text)
	}
	// Taken away, it holds at once for the same token.
	for n := range []int{1, 2, 3, 4, 5} {
		w.do("DELETE", []string{rg, jobs + "nightly", rg, sub, sub}[n]+given+fmt.Sprintf("/00000000-0000-4000-8000-%012d", n+1)+v2022, "")
	}
	w.want(200, "DELETE", sub+given+"/00000000-0000-4000-8000-000000000006"+v2022, "")
	w.status("all taken away", w.as(bearer, "GET", jobs+"nightly"+v1, ""), 403, "AuthorizationFailed")
}

func TestConditionsConstrainWhoMayAssignWhat(t *testing.T) {
	w := start(t)
	who, bearer := w.robot()
	id := who.id.String()
	// 88, both halves: a condition of one's own assignment, and the condition that a built-in role carries.
	const but = `,"conditionVersion":"2.0","condition":"((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR ` +
		`(@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidNotEquals {` + owner + `, ` + access + `}))"`
	w.status("78", w.assign("", rg, 1, id, access, but), 201, "")
	no := w.assign(bearer, rg, 2, id, owner, "")
	w.status("88 Owner", no, 403, "AuthorizationFailed")
	if !strings.Contains(no.text, "does not have authorization or an ABAC condition not fulfilled to perform action") {
		t.Errorf("88: %s", no.text)
	}
	w.status("88 Reader", w.assign(bearer, rg, 2, id, reader, ""), 201, "")
	w.want(200, "DELETE", rg+given+"/00000000-0000-4000-8000-000000000001"+v2022, "")
	w.status("delegate", w.assign("", rg, 3, id, delegate, ""), 201, "")
	w.status("88 secrets", w.assign(bearer, rg, 4, id, secrets, ""), 201, "")
	w.status("88 not Owner", w.assign(bearer, rg, 5, id, owner, ""), 403, "AuthorizationFailed")
	w.status("a condition that cannot be read", w.assign("", rg, 6, id, contrib, `,"conditionVersion":"2.0","condition":"@Request[x"`), 400, "InvalidCondition")
}

func TestLinkedScopesNeedRightsToo(t *testing.T) {
	w := start(t)
	who, bearer := w.robot()
	w.want(201, "PUT", uami+"shared"+v1, `{"location":"local"}`)
	w.want(201, "PUT", jobs+"nightly"+v1, `{"location":"local"}`)
	w.status("on the job only", w.assign("", jobs+"nightly", 1, who.id.String(), contrib, ""), 201, "")
	// 36
	body := `{"identity":{"type":"UserAssigned","userAssignedIdentities":{"` + uami + `shared":{}}}}`
	no := w.as(bearer, "PATCH", jobs+"nightly"+v1, body)
	w.status("36", no, 403, "LinkedAuthorizationFailed")
	if !strings.Contains(no.text, "userAssignedIdentities/assign/action") || !strings.Contains(no.text, uami+"shared") {
		t.Errorf("36: %s", no.text)
	}
	const operator = "f1a07417-d97a-45cb-824c-7a7467783830" // Managed Identity Operator
	w.status("and on the identity", w.assign("", uami+"shared", 2, who.id.String(), operator, ""), 201, "")
	w.status("36, permitted", w.as(bearer, "PATCH", jobs+"nightly"+v1, body), 200, "")
}

func TestAccessTellsWhoMayAndWhy(t *testing.T) {
	w := start(t)
	who, bearer := w.robot()
	w.status("Reader", w.assign("", rg, 1, who.id.String(), reader, ""), 201, "")
	ask := func(what, body string) answer {
		return w.do("POST", rg+"/providers/Inborn.Platform/access/"+what+own, body)
	}
	can := ask("can", `{"principalId":"`+who.id.String()+`","action":"Microsoft.Web/sites/read"}`)
	if can.at("decision") != "Allowed" || !strings.Contains(can.text, "robot may do Microsoft.Web/sites/read") || !strings.Contains(can.text, "Reader") {
		t.Errorf("can: %s", can.text)
	}
	w.equal("cannot", ask("can", `{"principalId":"`+who.id.String()+`","action":"Microsoft.Web/sites/write"}`).at("decision"), "NotAllowed")
	list := ask("who", `{"action":"Microsoft.Web/sites/read"}`)
	if !strings.Contains(list.text, `"principalName":"robot","principalType":"ServicePrincipal","roleName":"Reader"`) {
		t.Errorf("who: %s", list.text)
	}
	w.equal("an action needs no hint", ask("can", `{"principalId":"`+who.id.String()+`","action":"Microsoft.Web/sites/write"}`).at("hint"), "")
	w.equal("who else", list.at("localAdministrator"), "true")
	none := ask("who", `{"action":"Microsoft.KeyVault/vaults/secrets/getSecret/action"}`)
	w.equal("the administrator", none.at("localAdministrator")+" "+none.at("hint"),
		"true Microsoft.KeyVault/vaults/secrets/getSecret/action is a data action: --data-action.")
	blobs := ask("who", `{"action":"`+blobRead+`","isDataAction":true}`)
	w.equal("has no blobs", blobs.text, `{"value":[],"localAdministrator":false}`)
	for action, hint := range map[string]string{
		"Microsoft.KeyVault/vaults/secret/getSecret/action": "Microsoft.KeyVault/vaults/secret/getSecret/action may be misspelt: no role names it." +
			" Did you mean Microsoft.KeyVault/vaults/secrets/getSecret/action?",
		"Microsoft.Web/sites/read":            "Microsoft.Web/sites/read is an action of the control plane: leave out --data-action.",
		"Microsoft.KeyVault/vaults/getsecret": "Microsoft.KeyVault/vaults/getsecret may be misspelt: an action ends with read, write, delete or action.",
	} {
		w.equal(action, ask("can", `{"principalId":"`+who.id.String()+`","isDataAction":true,"action":"`+action+`"}`).at("hint"), hint)
	}
	for _, own := range []string{"Microsoft.KeyVault/vaults/write", "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", "Inborn.Platform/access/can/action"} {
		w.equal(own, ask("can", `{"principalId":"`+who.id.String()+`","action":"`+own+`"}`).at("hint"), "")
	}
	w.status("a pattern", ask("can", `{"principalId":"`+who.id.String()+`","action":"Microsoft.Web/*"}`), 400, "BadRequest")
	w.status("a reader may ask nothing of the kind", w.as(bearer, "POST", rg+"/providers/Inborn.Platform/access/who"+own, `{"action":"a/b"}`), 403, "AuthorizationFailed")
}
