package arm

import (
	"fmt"
	"testing"

	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

const (
	elsewhere = sub + "/resourceGroups/elsewhere"
	customID  = "10000000-0000-4000-8000-000000000001"
)

func customRole(permissions, scope string) string {
	return `{"properties":{"roleName":"Custom","type":"CustomRole","permissions":[{` + permissions + `}],"assignableScopes":["` + scope + `"]}}`
}

// TestARoleIsChangedByWhoMayWhereItIs: the owner of another group can neither widen a role that is assigned here nor delete it.
func TestARoleIsChangedByWhoMayWhereItIs(t *testing.T) {
	w := start(t)
	who, bearer := w.robot()
	w.want(201, "PUT", elsewhere+v1, `{"location":"local"}`)
	w.status("owner elsewhere", w.assign("", elsewhere, 1, who.id.String(), owner, ""), 201, "")
	w.want(201, "PUT", rg+rolesAt+"/"+customID+v2022, customRole(`"actions":["Microsoft.KeyVault/vaults/read"]`, rg))
	w.status("has it here", w.assign("", rg, 2, who.id.String(), customID, ""), 201, "")
	w.status("widen", w.as(bearer, "PUT", elsewhere+rolesAt+"/"+customID+v2022, customRole(`"actions":["*"],"dataActions":["*"]`, elsewhere)), 403, "LinkedAuthorizationFailed")
	w.status("delete", w.as(bearer, "DELETE", elsewhere+rolesAt+"/"+customID+v2022, ""), 403, "LinkedAuthorizationFailed")
	w.equal("as it was", w.want(200, "GET", rg+rolesAt+"/"+customID+v2022, "").at("properties", "permissions", "0", "actions", "0"), "Microsoft.KeyVault/vaults/read")
	w.status("a role of their own", w.as(bearer, "PUT", elsewhere+rolesAt+"/20000000-0000-4000-8000-000000000002"+v2022,
		`{"properties":{"roleName":"Theirs","permissions":[{"actions":["a/b"]}],"assignableScopes":["`+elsewhere+`"]}}`), 201, "")
}

// TestWhoWritesAVaultDoesNotReadIt: to let access policies decide in the place of roles takes the right to assign roles.
func TestWhoWritesAVaultDoesNotReadIt(t *testing.T) {
	w := start(t)
	who, bearer := w.robot()
	w.want(201, "PUT", kvOrders+v1, `{"location":"local","properties":{"enableRbacAuthorization":true}}`)
	w.status("contributor", w.assign("", kvOrders, 1, who.id.String(), contrib, ""), 201, "")
	policies := fmt.Sprintf(`"accessPolicies":[{"tenantId":%q,"objectId":%q,"permissions":{"secrets":["get"]}}]`, home.ID, who.id)
	for _, method := range []string{"PATCH", "PUT"} {
		for _, spelling := range []string{"enableRbacAuthorization", "EnableRBACAuthorization"} {
			a := w.as(bearer, method, kvOrders+v1, `{"location":"local","properties":{"`+spelling+`":false,`+policies+`}}`)
			w.status(method+" "+spelling, a, 403, "LinkedAuthorizationFailed")
		}
	}
	a := w.as(bearer, "PUT", kvOrders+v1, `{"location":"local","properties":{`+policies+`}}`)
	w.equal("absent, it stays", fmt.Sprint(a.status, a.at("properties", "enableRbacAuthorization")), "200true")
	w.status("and back", w.assign("", kvOrders, 2, who.id.String(), access, ""), 201, "")
	a = w.as(bearer, "PATCH", kvOrders+v1, `{"properties":{"enableRbacAuthorization":false}}`)
	w.equal("with the right", fmt.Sprint(a.status, a.at("properties", "enableRbacAuthorization")), "200false")
}

// TestWhatARoleExceptsIsNotAttached: the right to attach an identity is excepted in either of its spellings.
func TestWhatARoleExceptsIsNotAttached(t *testing.T) {
	const namespace = "Microsoft.ManagedIdentity/"
	for _, spelling := range []string{namespace + "userAssignedIdentities/assign/action", namespace + "userAssignedIdentities/*/assign/action",
		namespace + "UserAssignedIdentities/*", namespace + "userAssignedIdentities/*/assign/*", namespace + "*/*/assign/action", "*/userAssignedIdentities/*/assign/action"} {
		t.Run(spelling, func(t *testing.T) {
			w := start(t)
			who, bearer := w.robot()
			w.want(201, "PUT", uami+"id-victim"+v1, `{"location":"local"}`)
			w.want(201, "PUT", rg+rolesAt+"/"+customID+v2022, customRole(`"actions":["*"],"notActions":["`+spelling+`"]`, rg))
			w.status("the role", w.assign("", rg, 1, who.id.String(), customID, ""), 201, "")
			body := `{"location":"local","identity":{"type":"UserAssigned","userAssignedIdentities":{"` + uami + `id-victim":{}}}}`
			w.status("attach", w.as(bearer, "PUT", jobs+"nightly"+v1, body), 403, "LinkedAuthorizationFailed")
			w.want(201, "PUT", rg+rolesAt+"/30000000-0000-4000-8000-000000000003"+v2022,
				`{"properties":{"roleName":"Attach","permissions":[{"actions":["Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action"]}],"assignableScopes":["`+rg+`"]}}`)
			w.status("a role that has it", w.assign("", rg, 2, who.id.String(), "30000000-0000-4000-8000-000000000003", ""), 201, "")
			w.status("attach", w.as(bearer, "PUT", jobs+"nightly"+v1, body), 201, "")
		})
	}
}

func TestAccessPoliciesThatCannotBe(t *testing.T) {
	w := start(t)
	w.want(201, "PUT", kvLegacy+v1, `{"location":"local"}`)
	add := func(tenant, object string) answer {
		return w.do("PUT", kvLegacy+"/accessPolicies/add"+v1, `{"properties":{"accessPolicies":[{"tenantId":"`+tenant+`","objectId":"`+object+`","permissions":{"secrets":["get"]}}]}}`)
	}
	w.status("nobody", add(home.ID.String(), ""), 400, "BadRequest")
	w.status("of another tenant", add("10000000-0000-4000-8000-0000000000ff", customID), 400, "BadRequest")
	w.status("somebody", add(home.ID.String(), customID), 200, "")
	w.status("removed", w.do("PUT", kvLegacy+"/accessPolicies/remove"+v1, `{"properties":{"accessPolicies":[{"tenantId":"`+home.ID.String()+`","objectId":"`+customID+`","permissions":{}}]}}`), 200, "")
	many := ""
	for i := range maxPolicies + 1 {
		many += fmt.Sprintf(`,{"tenantId":%q,"objectId":"20000000-0000-4000-8000-%012d","permissions":{}}`, home.ID, i)
	}
	w.status("too many", w.do("PUT", kvLegacy+v1, `{"location":"local","properties":{"accessPolicies":[`+many[1:]+`]}}`), 400, "BadRequest")
}

// TestAManifestTakesTheRightToRule: a manifest can make anybody Owner, so that a contributor of the whole tenant, who has the
// action by its wildcard, cannot apply one, not even for a plan; nor one who may give roles, but not all of them.
func TestAManifestTakesTheRightToRule(t *testing.T) {
	w := start(t)
	who, bearer := w.robot()
	const apply = "/providers/Inborn.Platform/apply" + own
	grab := "roles: [{principal: " + who.id.String() + ", role: Owner, scope: /}]"
	w.status("contributor", w.assign("", "", 1, who.id.String(), contrib, ""), 201, "")
	for _, query := range []string{"", "&dryRun=true"} {
		w.status("a contributor"+query, w.as(bearer, "POST", apply+query, grab), 403, "AuthorizationFailed")
	}
	const notOwner = `,"conditionVersion":"2.0","condition":"((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR (` +
		`@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAllValues:GuidNotEquals {` + owner + `}))"`
	w.status("gives roles", w.assign("", "", 2, who.id.String(), access, notOwner), 201, "")
	w.status("all but Owner", w.as(bearer, "POST", apply, grab), 403, "AuthorizationFailed")
	w.status("gives all roles", w.assign("", "", 3, who.id.String(), owner, ""), 201, "")
	a := w.as(bearer, "POST", apply, "identities: [{name: id-orders}]")
	w.status("an owner of the tenant", a, 200, "")
	w.equal("what he did", a.at("changes", "0", "action"), "create")
}

// TestACustomRoleIsAssignableWhereSomethingIs: a role that names only what is not there would be made and never be found; a
// scope that has gone since does not keep the role from being changed.
func TestACustomRoleIsAssignableWhereSomethingIs(t *testing.T) {
	w := start(t)
	put := func(scope, action string) answer {
		return w.do("PUT", rg+rolesAt+"/"+customID+v2022, customRole(`"actions":["`+action+`"]`, scope))
	}
	w.status("another subscription", put("/subscriptions/10000000-0000-4000-8000-0000000000ff", "a/read"), 404, "SubscriptionNotFound")
	w.status("no such group", put(elsewhere, "a/read"), 404, "ResourceGroupNotFound")
	w.want(201, "PUT", elsewhere+v1, `{"location":"local"}`)
	w.status("a group", put(elsewhere, "a/read"), 201, "")
	w.change(home, func(d *state.Draft) error { return d.DeleteResourceGroup(resource.ID(elsewhere)) })
	w.status("the group is gone", put(elsewhere, "b/read"), 201, "")
}
