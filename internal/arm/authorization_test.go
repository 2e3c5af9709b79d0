package arm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

const (
	checkAt    = "/providers/Microsoft.Authorization/checkAccess?api-version=2018-09-01-preview"
	blobReader = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1" // Storage Blob Data Reader
	blobRead   = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"
)

// question is the body of a checkAccess about actions; one that starts with @ is a data action.
func question(principal, at, more string, actions ...string) string {
	var list []string
	for _, a := range actions {
		name, data := strings.CutPrefix(a, "@")
		list = append(list, fmt.Sprintf(`{"Id":%q,"IsDataAction":%t%s}`, name, data, more))
	}
	return fmt.Sprintf(`{"Subject":{"Attributes":{"ObjectId":%q,"Groups":["%s"]}},"Actions":[%s],"Resource":{"Id":%q}}`, principal, home.ID, strings.Join(list, ","), at)
}

// decisions asks and returns the answers in their order.
func (w *world) decisions(principal, at, more string, actions ...string) string {
	w.Helper()
	a := w.want(200, "POST", sub+checkAt, question(principal, at, more, actions...))
	var all []string
	for i, name := range actions {
		n := fmt.Sprint(i)
		if want := strings.TrimPrefix(name, "@"); a.at("value", n, "actionId") != want || a.at("value", n, "isDataAction") != fmt.Sprint(name != want) {
			w.Errorf("answer %d: %s", i, a.text)
		}
		all = append(all, a.at("value", n, "accessDecision"))
	}
	return strings.Join(all, " ")
}

// The decisions of the checklist that a data plane asks for, by their numbers.
func TestCheckAccessCases(t *testing.T) {
	w := start(t)
	who, _ := w.robot()
	id := who.id.String()
	w.want(200, "PUT", accounts+"blobs1"+v1, `{"location":"local"}`)
	w.want(201, "PUT", vaults+"kv-orders"+v1, `{"location":"local"}`)
	give := func(n int, scope, role, more string) {
		w.status("given", w.assign("", scope, n, id, role, more), 201, "")
	}
	take := func(n int) {
		w.change(home, func(d *state.Draft) error {
			return d.DeleteRoleAssignment(guid.MustParse(fmt.Sprintf("00000000-0000-4000-8000-%012d", n)), true)
		})
	}
	t.Run("case 79: Owner has no data actions", func(*testing.T) {
		give(1, sub, owner, "")
		w.equal("Owner", w.decisions(id, accounts+"blobs1", "", "@"+blobRead, "Microsoft.Storage/storageAccounts/write"), "NotAllowed Allowed")
		take(1)
	})
	t.Run("case 80: Storage Blob Data Reader reads and does not write", func(*testing.T) {
		give(2, accounts+"blobs1", blobReader, "")
		w.equal("blobs", w.decisions(id, accounts+"blobs1/blobServices/default/containers/in", "", "@"+blobRead, "@"+strings.Replace(blobRead, "read", "write", 1),
			"Microsoft.Storage/storageAccounts/read"), "Allowed NotAllowed NotAllowed")
		a := w.want(200, "POST", accounts+"blobs1"+checkAt, question(id, "", "", "@"+blobRead))
		w.equal("by which assignment", a.at("value", "0", "roleAssignment", "id")+a.at("value", "0", "roleAssignment", "principalId")+
			a.at("value", "0", "roleAssignment", "scope")+a.at("value", "0", "denyAssignment"), accounts+"blobs1"+given+"/00000000-0000-4000-8000-000000000002"+id+accounts+"blobs1")
		take(2)
	})
	t.Run("case 83: a deny assignment beats Owner, but not for whom it excludes", func(*testing.T) {
		give(3, sub, owner, "")
		deny := rbac.DenyAssignment{Name: "no deletion", Scope: rg, Permissions: []rbac.Permission{{Actions: []string{"*/delete"}}},
			Principals: []rbac.Target{{Type: rbac.TypeSystemDefined}}}
		w.change(home, func(d *state.Draft) (err error) { deny, err = d.PutDenyAssignment(deny); return err })
		w.equal("Owner", w.decisions(id, accounts+"blobs1", "", "Microsoft.Storage/storageAccounts/delete", "Microsoft.Storage/storageAccounts/write"), "Denied Allowed")
		a := w.want(200, "POST", rg+checkAt, question(id, rg, "", "a/delete"))
		w.equal("by which", a.at("value", "0", "denyAssignment", "name")+a.at("value", "0", "roleAssignment"), deny.ID.String())
		deny.Exclude = []rbac.Target{{ID: who.id, Type: rbac.TypeServicePrincipal}}
		w.change(home, func(d *state.Draft) error { _, err := d.PutDenyAssignment(deny); return err })
		w.equal("excluded", w.decisions(id, accounts+"blobs1", "", "Microsoft.Storage/storageAccounts/delete"), "Allowed")
		w.change(home, func(d *state.Draft) error { return d.DeleteDenyAssignment(deny.ID) })
		take(3)
	})
	t.Run("case 85: a wildcard spans slashes and needs its own", func(*testing.T) {
		custom := "10000000-0000-4000-8000-000000000085"
		w.want(201, "PUT", sub+rolesAt+"/"+custom+v2022, `{"properties":{"roleName":"Wild","permissions":[{"actions":["Microsoft.Storage/storageAccounts/*/read"]}],"assignableScopes":["`+sub+`"]}}`)
		give(4, rg, custom, "")
		w.equal("pattern", w.decisions(id, accounts+"blobs1", "", "Microsoft.Storage/storageAccounts/blobServices/containers/read", "Microsoft.Storage/storageAccounts/read"), "Allowed NotAllowed")
		take(4)
	})
	t.Run("case 86: an assignment at one secret", func(*testing.T) {
		give(5, vaults+"kv-orders/secrets/a", secrets, "")
		const get = "@Microsoft.KeyVault/vaults/secrets/getSecret/action"
		w.equal("a", w.decisions(id, vaults+"kv-orders/secrets/a", "", get), "Allowed")
		w.equal("b", w.decisions(id, vaults+"kv-orders/secrets/b", "", get), "NotAllowed")
		take(5)
	})
	t.Run("case 87: conditions ask for the action and for attributes", func(*testing.T) {
		const only = `,"conditionVersion":"2.0","condition":"((!(ActionMatches{'` + blobRead + `'})) OR (@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'in'))"`
		give(6, accounts+"blobs1", "ba92f5b4-2d11-453d-a403-e96b0029c9fe", only) // Storage Blob Data Contributor
		ask := func(container, action string) string {
			body := strings.TrimSuffix(question(id, accounts+"blobs1", "", action), "}}") + `,"Attributes":{"Microsoft.Storage/storageAccounts/blobServices/containers:name":` + container + `}}}`
			return w.want(200, "POST", rg+checkAt, body).at("value", "0", "accessDecision")
		}
		w.equal("another action", ask(`"out"`, "@"+strings.Replace(blobRead, "read", "write", 1)), "Allowed")
		w.equal("the container", ask(`["in"]`, "@"+blobRead), "Allowed")
		w.equal("another container", ask(`"out"`, "@"+blobRead), "NotAllowed")
		w.equal("none", w.decisions(id, accounts+"blobs1", "", "@"+blobRead), "NotAllowed")
		take(6)
	})
}

func TestWhoMayAskCheckAccess(t *testing.T) {
	w := start(t)
	who, bearer := w.robot()
	other := w.want(201, "PUT", uami+"other"+v1, `{"location":"local"}`).at("properties", "principalId")
	ask := func(scope, principal, at string) answer {
		return w.as(bearer, "POST", scope+checkAt, question(principal, at, "", "Microsoft.Web/sites/read"))
	}
	w.equal("of himself", ask(sub, who.id.String(), rg).at("value", "0", "accessDecision"), "NotAllowed")
	w.status("of another", ask(sub, other, rg), 403, "AuthorizationFailed")
	w.status("Reader", w.assign("", rg, 1, who.id.String(), reader, ""), 201, "")
	w.equal("of himself", ask(sub, who.id.String(), rg).at("value", "0", "accessDecision"), "Allowed")
	w.status("of another from above", ask(sub, other, rg), 403, "AuthorizationFailed")
	w.equal("of another", ask(rg, other, sites+"none").at("value", "0", "accessDecision"), "NotAllowed")
	w.status("of what lies elsewhere", ask(rg, other, sub), 400, "InvalidResourceReference")
	w.equal("from a management group", w.want(200, "POST", groupsAt+"/"+home.ID.String()+checkAt, question(who.id.String(), rg, "", "Microsoft.Web/sites/read")).
		at("value", "0", "accessDecision"), "Allowed")
	w.equal("at the tenant", w.want(200, "POST", checkAt, question(who.id.String(), "", "", "Microsoft.Web/sites/read")).at("value", "0", "accessDecision"), "NotAllowed")
	w.equal("what is a group's member without being one", w.want(200, "POST", rg+checkAt, question(home.ID.String(), "", "", "a/read")).at("value", "0", "accessDecision"), "NotAllowed")
	for body, code := range map[string]string{
		`{}`:                                   "BadRequest",
		question("x", "", "", "a/b"):           "BadRequest",
		question(other, "", "", "a/*"):         "BadRequest",
		question(other, "", ""):                "BadRequest",
		question(other, "nonsense", "", "a/b"): "InvalidResourceId",
		question(other, "", `,"Attributes":{"a":{}}`, "a/b"):                               "BadRequest",
		question(other, "", `,"Attributes":{"a":[[]]}`, "a/b"):                             "BadRequest",
		question(other, "", "", strings.Fields(strings.Repeat("a/b ", maxQuestions+1))...): "BadRequest",
	} {
		w.status(body, w.do("POST", sub+checkAt, body), 400, code)
	}
}

func TestElevateAccess(t *testing.T) {
	w := start(t)
	const elevate = "/providers/Microsoft.Authorization/elevateAccess" + "?api-version=2016-07-01"
	at := func() (n int) {
		for a := range w.dir().AssignmentsAt(rbac.Tenant) {
			if a.Role == rbac.UserAccessAdministrator && a.Principal == w.dir().LocalAdministrator().ID {
				n++
			}
		}
		return n
	}
	who, bearer := w.robot()
	w.status("Owner of all", w.assign("", "", 1, who.id.String(), owner, ""), 201, "")
	no := w.as(bearer, "POST", elevate, "")
	w.status("is not enough", no, 403, "AuthorizationFailed")
	if !strings.Contains(no.text, "'Microsoft.Authorization/elevateAccess/action' over scope '/'") {
		t.Error(no.text)
	}
	for range 2 {
		if a := w.want(200, "POST", elevate, ""); a.text != "" || at() != 1 {
			t.Errorf("%q, %d assignments", a.text, at())
		}
	}
	var found *rbac.RoleAssignment
	for a := range w.dir().AssignmentsAt(rbac.Tenant) {
		if a.Role == rbac.UserAccessAdministrator {
			found = a
		}
	}
	w.equal("and away again", w.want(200, "DELETE", given+"/"+found.ID.String()+v2022, "").at("properties", "scope"), string(resource.ID("/")))
	if at() != 0 {
		t.Error("it is still there")
	}
}
