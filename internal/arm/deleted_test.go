package arm

import (
	"testing"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/state"
)

const (
	deletedAt           = "/providers/Inborn.Platform/deletedItems"
	identityContributor = "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59"
)

// victim makes an identity that has a role, and an app role as well if granted.
func (w *world) victim(name string, n int, granted bool) (principal string) {
	w.Helper()
	principal = w.want(201, "PUT", uami+name+v1, `{"location":"local"}`).at("properties", "principalId")
	w.status("a role", w.assign("", rg, n, principal, contrib, ""), 201, "")
	if granted {
		w.change(home, func(d *state.Draft) error {
			graph, _ := d.Directory().ServicePrincipalByAppID(directory.GraphAppID)
			app, _ := d.Directory().AppOf(graph)
			_, err := d.Grant(guid.MustParse(principal), graph.ID, app.AppRoles[0].ID)
			return err
		})
	}
	return principal
}

func TestRestoringNeedsTheRightToGiveEverythingAgain(t *testing.T) {
	w := start(t)
	who, bearer := w.robot()
	plain, granted := w.victim("id-plain", 1, false), w.victim("id-granted", 2, true)
	for _, name := range []string{"id-plain", "id-granted"} {
		w.want(200, "DELETE", uami+name+v1, "")
	}
	restore := func(id string) answer { return w.as(bearer, "POST", deletedAt+"/"+id+"/restore"+own, "") }
	w.equal("who sees nothing", w.as(bearer, "GET", deletedAt+own, "").at("value", "0", "name"), "")
	w.status("a stranger", restore(plain), 403, "AuthorizationFailed")
	w.status("to writing identities", w.assign("", rg, 3, who.id.String(), identityContributor, ""), 201, "")
	w.equal("who writes identities", w.as(bearer, "GET", deletedAt+own+"&$top=1", "").at("value", "0", "type"), "Inborn.Platform/deletedItems")
	refused := restore(plain)
	w.status("who may not assign", refused, 403, "AuthorizationFailed")
	w.equal("what is missing", refused.at("error", "target"), "Microsoft.Authorization/roleAssignments/write")
	w.status("to assigning", w.assign("", rg, 4, who.id.String(), access, ""), 201, "")
	a := restore(plain)
	if a.status != 200 || a.at("restored") != "1" || a.at("lost", "0") != "" || a.at("principalId") != plain {
		t.Errorf("%d %s", a.status, a.text)
	}
	w.want(200, "GET", rg+given+"/00000000-0000-4000-8000-000000000001"+v2022, "")
	w.status("who may not assign everywhere, app roles", restore(granted), 403, "AuthorizationFailed")
	w.status("nor look at them", w.as(bearer, "DELETE", deletedAt+"/"+plain+own, ""), 404, "NotFound")
	w.equal("the administrator", w.want(200, "POST", deletedAt+"/"+granted+"/restore"+own, "").at("restored"), "2")
}

func TestDeletedItems(t *testing.T) {
	w := start(t)
	id := w.victim("Id-A", 1, true)
	w.want(200, "DELETE", uami+"id-a"+v1, "")
	one := w.want(200, "GET", deletedAt+"/"+id+own, "")
	w.equal("what it was", one.at("properties", "displayName")+" "+one.at("properties", "kind")+" "+one.at("properties", "resourceId"), "Id-A UserAssigned "+uami+"Id-A")
	w.status("not an id", w.do("GET", deletedAt+"/Id-A"+own, ""), 400, "BadRequest")
	w.status("another version", w.do("GET", deletedAt+v1, ""), 400, "InvalidApiVersionParameter")
	again := w.want(201, "PUT", uami+"id-a"+v1, `{"location":"local"}`)
	if again.at("properties", "principalId") == id { // case 22
		t.Error("an identity of the same name is the same")
	}
	w.status("its place is taken", w.do("POST", deletedAt+"/"+id+"/restore"+own, ""), 409, "Conflict")
	w.want(200, "DELETE", deletedAt+"/"+id+own, "")
	w.status("purged", w.do("POST", deletedAt+"/"+id+"/restore"+own, ""), 404, "NotFound")
}
