package arm

import (
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
)

// notOwners is a condition in the form with a negation: of an assignment that nothing is known of it must not count as true.
const notOwners = `,"conditionVersion":"2.0","condition":"(!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR ` +
	`(!(@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {` + owner + `, ` + access + `, ` + secrets + `}))"`

// TestWhoGivesSomeRolesDoesNotRule: what takes the right to assign any role is not for who may assign all but some.
func TestWhoGivesSomeRolesDoesNotRule(t *testing.T) {
	t.Run("a subscription is moved", func(t *testing.T) {
		w := start(t)
		who, bearer := w.robot()
		w.putGroup("Mine", "Mine", "")
		w.status("owner of an empty group", w.assign("", groupsAt+"/Mine", 1, who.id.String(), owner, ""), 201, "")
		w.status("gives some roles", w.assign("", sub, 2, who.id.String(), access, notOwners), 201, "")
		w.status("not Owner", w.assign(bearer, sub, 3, who.id.String(), owner, ""), 403, "AuthorizationFailed")
		w.status("one of the others", w.assign(bearer, sub, 3, who.id.String(), reader, ""), 201, "")
		w.status("move", w.as(bearer, "PUT", groupsAt+"/Mine"+inGroup+v2023, ""), 403, "LinkedAuthorizationFailed")
		w.status("with any role", w.assign("", sub, 4, who.id.String(), owner, ""), 201, "")
		w.status("move", w.as(bearer, "PUT", groupsAt+"/Mine"+inGroup+v2023, ""), 200, "")
	})
	t.Run("a vault gets policies", func(t *testing.T) {
		w := start(t)
		who, bearer := w.robot()
		w.want(201, "PUT", kvOrders+v1, `{"location":"local","properties":{"enableRbacAuthorization":true}}`)
		w.status("contributor", w.assign("", kvOrders, 1, who.id.String(), contrib, ""), 201, "")
		w.status("gives some roles", w.assign("", kvOrders, 2, who.id.String(), access, notOwners), 201, "")
		w.status("turn", w.as(bearer, "PATCH", kvOrders+v1, `{"properties":{"enableRbacAuthorization":false}}`), 403, "LinkedAuthorizationFailed")
	})
	t.Run("an identity is restored with app roles", func(t *testing.T) {
		w := start(t)
		who, bearer := w.robot()
		granted := w.victim("id-granted", 1, true)
		w.want(200, "DELETE", uami+"id-granted"+v1, "")
		w.status("writes identities", w.assign("", rg, 3, who.id.String(), identityContributor, ""), 201, "")
		w.status("gives some roles", w.assign("", "", 2, who.id.String(), access, notOwners), 201, "")
		w.status("restore", w.as(bearer, "POST", deletedAt+"/"+granted+"/restore"+own, ""), 403, "AuthorizationFailed")
	})
}

// TestARoleIsChangedByWhoMayWhereItIsHeld: assignments outlive the scopes that a role was assignable at.
func TestARoleIsChangedByWhoMayWhereItIsHeld(t *testing.T) {
	const reads, all = `"actions":["Microsoft.KeyVault/vaults/read"]`, `"actions":["*"]`
	t.Run("assignable elsewhere by now", func(t *testing.T) {
		w := start(t)
		who, bearer := w.robot()
		w.want(201, "PUT", elsewhere+v1, `{"location":"local"}`)
		w.status("owner elsewhere", w.assign("", elsewhere, 1, who.id.String(), owner, ""), 201, "")
		w.want(201, "PUT", sub+rolesAt+"/"+customID+v2022, customRole(reads, sub))
		w.status("has it here", w.assign("", rg, 2, who.id.String(), customID, ""), 201, "")
		w.want(201, "PUT", sub+rolesAt+"/"+customID+v2022, customRole(reads, elsewhere))
		w.status("widen", w.as(bearer, "PUT", elsewhere+rolesAt+"/"+customID+v2022, customRole(all, elsewhere)), 403, "LinkedAuthorizationFailed")
	})
	t.Run("the subscription is moved", func(t *testing.T) {
		w := start(t)
		who, bearer := w.robot()
		w.putGroup("A", "A", "")
		w.putGroup("B", "B", "")
		w.want(200, "PUT", groupsAt+"/A"+inGroup+v2023, "")
		w.want(201, "PUT", groupsAt+"/A"+rolesAt+"/"+customID+v2022, customRole(reads, groupsAt+"/A"))
		w.status("has it here", w.assign("", sub, 2, who.id.String(), customID, ""), 201, "")
		w.want(200, "PUT", groupsAt+"/B"+inGroup+v2023, "")
		w.status("owner of A", w.assign("", groupsAt+"/A", 1, who.id.String(), owner, ""), 201, "")
		w.status("widen", w.as(bearer, "PUT", groupsAt+"/A"+rolesAt+"/"+customID+v2022, customRole(all, groupsAt+"/A")), 403, "LinkedAuthorizationFailed")
	})
}

// TestABindingBeforeARestore: a workload is not bound to a resource that gets an identity back which the caller may not assign.
func TestABindingBeforeARestore(t *testing.T) {
	w := start(t)
	who, bearer := w.robot()
	w.want(201, "PUT", uami+"id-victim"+v1, `{"location":"local"}`)
	w.want(201, "PUT", jobs+"nightly"+v1, `{"location":"local","identity":{"type":"UserAssigned","userAssignedIdentities":{"`+uami+`id-victim":{}}}}`)
	w.want(201, "PUT", node+v1, `{"location":"local"}`)
	w.want(201, "PUT", rg+rolesAt+"/"+customID+v2022, customRole(`"actions":["Contoso.Jobs/*","Inborn.Platform/bindings/*"]`, rg))
	w.status("runs jobs", w.assign("", rg, 1, who.id.String(), customID, ""), 201, "")
	bind := func() answer {
		return w.as(bearer, "PUT", bindings+"/"+customID+own, `{"properties":{"resource":"`+jobs+`nightly"}}`)
	}
	w.status("bind", bind(), 403, "LinkedAuthorizationFailed")
	w.want(200, "DELETE", uami+"id-victim"+v1, "")
	w.status("bind, with the identity deleted", bind(), 403, "LinkedAuthorizationFailed")
	if _, ok := w.dir().Binding(guid.MustParse(customID)); ok {
		t.Error("it is bound")
	}
}

// TestARestoreStopsAtLocks: what PUT may not write, a restore may not.
func TestARestoreStopsAtLocks(t *testing.T) {
	w := start(t)
	p := w.victim("id-a", 1, false)
	w.want(200, "DELETE", uami+"id-a"+v1, "")
	w.lock(rg, "Keep", "ReadOnly")
	w.status("restore", w.do("POST", deletedAt+"/"+p+"/restore"+own, ""), 409, "ScopeLocked")
}

// TestLettersThatFoldAreOthers: ſ is no s, in words of ours and in namespaces and types.
func TestLettersThatFoldAreOthers(t *testing.T) {
	const longS = "%C5%BF"
	w := start(t)
	who, bearer := w.robot()
	w.want(201, "PUT", sub+rolesAt+"/"+customID+v2022, customRole(`"actions":["*"],"notActions":["Microsoft.Web/*"]`, sub))
	w.status("the role", w.assign("", sub, 1, who.id.String(), customID, ""), 201, "")
	w.status("plain", w.as(bearer, "POST", sub+"/providers/Microsoft.Web/unregister"+v1, ""), 403, "AuthorizationFailed")
	w.as(bearer, "POST", sub+"/providers/Micro"+longS+"oft.Web/unregister"+v1, "")
	w.equal("registered", w.want(200, "GET", sub+"/providers/Microsoft.Web"+v1, "").at("registrationState"), "Registered")
	for _, path := range []string{"/" + longS + "ubscriptions/" + subscription + "/providers/Microsoft.Resources/tags/default",
		rg + "/providers/Micro" + longS + "oft.Web/sites/f", rg + "/providers/Microsoft.Web/" + longS + "ites/f"} {
		if a := w.do("GET", path+v1, ""); a.status != 400 && a.status != 404 {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
		if a := w.do("PUT", path+v1, `{"location":"local"}`); a.status < 400 {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
}
