package arm

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/state"
)

// grantGraph gives a principal an app role of Microsoft Graph.
func (w *world) grantGraph(principal, value string) {
	w.Helper()
	w.change(home, func(d *state.Draft) error {
		graph, role, err := d.Directory().FindAppRole("Microsoft Graph", value, directory.MemberApplication)
		must(w.T, err)
		_, err = d.Grant(guid.MustParse(principal), graph.ID, role.ID)
		return err
	})
}

func TestReviewOfIdentities(t *testing.T) {
	const id = uami + "id-shop-dev-local-01"
	attach := func(w *world) {
		w.want(200, "PATCH", site1+v1, `{"identity":{"type":"UserAssigned","userAssignedIdentities":{"`+id+`":{}}}}`)
	}
	usedOn := func(day int) func(*world) {
		return func(w *world) {
			identity, _ := w.dir().Identity(id)
			w.uses.identities = map[guid.GUID]time.Time{identity.PrincipalID: now.Add(days(day))}
		}
	}
	role := func(w *world) {
		identity, _ := w.dir().Identity(id)
		w.status("assign", w.assign("", rg, 1, identity.PrincipalID.String(), reader, ""), 201, "")
		w.uses.assignments = map[guid.GUID]time.Time{guid.MustParse("00000000-0000-4000-8000-000000000001"): now.Add(days(200))}
	}
	credential := func(w *world) {
		w.want(201, "PUT", id+"/federatedIdentityCredentials/pipeline"+v1, `{"properties":{"issuer":"https://ci.example","subject":"x","audiences":["api://AzureADTokenExchange"]}}`)
	}
	for _, c := range []struct {
		name  string
		later int
		do    []func(*world)
		want  string
	}{
		{"attached nowhere, made a moment ago", 0, nil, "low unattachedIdentity: inborn identity delete " + id},
		{"attached nowhere, with a role", 0, []func(*world){role}, "medium unattachedIdentity: inborn identity delete " + id},
		{"attached nowhere, and not used", 100, nil, "low unattachedIdentity: inborn identity delete " + id},
		{"attached nowhere, but with a federated credential", 0, []func(*world){credential}, ""},
		{"attached, 89 days old", 89, []func(*world){attach}, ""},
		{"attached, never used", 90, []func(*world){attach}, "low unusedIdentity: inborn identity delete " + id},
		{"attached, never used, with a role", 90, []func(*world){attach, role}, "medium unusedIdentity: inborn identity delete " + id},
		{"attached, used 90 days ago", 100, []func(*world){attach, usedOn(10)}, "low unusedIdentity: inborn identity delete " + id},
		{"attached, used 89 days ago", 100, []func(*world){attach, usedOn(11)}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := reviewWorld(t)
			principal := w.want(201, "PUT", id+v1, `{"location":"local"}`).at("properties", "principalId")
			for _, do := range c.do {
				do(w)
			}
			w.equal(c.name, w.found(rg, c.later, principal), c.want)
		})
	}
}

func TestReviewOfSystemAssignedIdentities(t *testing.T) {
	w := reviewWorld(t)
	w.equal("young", w.found(sub, 89, w.shop()), "")
	w.equal("never used", w.found(sub, 90, w.shop()), "low unusedIdentity: inborn identity unassign "+site1+" --system")
	w.equal("from the resource itself", w.found(site1, 90, w.shop()), "low unusedIdentity: inborn identity unassign "+site1+" --system")
	w.uses.identities = map[guid.GUID]time.Time{guid.MustParse(w.shop()): now.Add(days(50))}
	w.equal("used", w.found(sub, 90, w.shop()), "")
	w.want(200, "PATCH", site1+v1, `{"identity":{"type":"None"}}`)
	w.want(200, "PATCH", site1+v1, `{"identity":{"type":"SystemAssigned"}}`)
	if out := w.reviewOf(caller{id: w.dir().LocalAdministrator().ID}, "/", 1); out.Identities != 1 || out.Total != 0 {
		t.Errorf("%+v", out)
	}
}

// TestReviewOfNames checks the proposed name and the chain of commands that leads to it.
func TestReviewOfNames(t *testing.T) {
	w := reviewWorld(t)
	names := func() map[string]string {
		found := map[string]string{}
		for _, f := range w.reviewOf(caller{id: w.dir().LocalAdministrator().ID}, sub, 1).Value {
			if f.Kind == identityName {
				found[f.Name] = f.Severity + " " + f.Command
			}
		}
		return found
	}
	w.want(201, "PUT", uami+"id-shop-dev-local-01"+v1, `{"location":"local"}`)
	if found := names(); len(found) != 0 {
		t.Errorf("%v", found)
	}
	w.want(201, "PUT", uami+"shop"+v1, `{"location":"local"}`)
	to := uami + "id-shop-dev-local-02" // the first is taken
	w.equal("of no use", names()["shop"], "low inborn identity create "+to+" --location local && inborn identity delete "+uami+"shop")

	principal := w.want(201, "PUT", uami+"orders-identity"+v1, `{"location":"westeurope","tags":{"env":"prod"}}`).at("properties", "principalId")
	w.want(200, "PATCH", site1+v1, `{"identity":{"type":"UserAssigned","userAssignedIdentities":{"`+uami+`orders-identity":{}}}}`)
	w.status("Reader", w.assign("", rg, 1, principal, reader, ""), 201, "")
	w.status("too much to hand on", w.assign("", sub, 2, principal, contrib, ""), 201, "")
	w.grantGraph(principal, "User.Read.All")
	w.grantGraph(principal, "User.ReadWrite.All")
	to = "id-orders-prod-westeurope-01"
	w.equal("in use", names()["orders-identity"], "low inborn identity create "+uami+to+" --location westeurope"+
		" && inborn identity assign "+site1+" "+uami+to+
		" && inborn role assign --principal "+to+" --role Reader --scope "+rg+
		" && inborn grant "+to+" 'Microsoft Graph' User.Read.All")

	for n := range maxSteps {
		w.want(200, "PUT", fmt.Sprintf("%sfunc%d%s", sites, n, v1), `{"location":"local","identity":{"type":"UserAssigned","userAssignedIdentities":{"`+uami+`orders-identity":{}}}}`)
	}
	w.equal("too long a chain", names()["orders-identity"], "low inborn identity create "+uami+to+" --location westeurope")
}

func TestReviewOfAppRoles(t *testing.T) {
	w := reviewWorld(t)
	shop := w.shop()
	w.grantGraph(shop, "User.Read.All")
	w.equal("reading", w.found(sub, 1, shop), "")
	w.grantGraph(shop, "User.ReadWrite.All")
	w.grantGraph(shop, "AppRoleAssignment.ReadWrite.All")
	want := "high broadAppRole: inborn revoke shop 'Microsoft Graph' AppRoleAssignment.ReadWrite.All\n" +
		"medium broadAppRole: inborn grant shop 'Microsoft Graph' User.Read.All && inborn revoke shop 'Microsoft Graph' User.ReadWrite.All"
	w.equal("writing", w.found(sub, 1, shop), want)
	if n := w.grantRole(shop); n != 4 {
		t.Fatalf("%d grants", n)
	}
	w.equal("and something of another application", w.found(sub, 1, shop), want)

	var app directory.Application
	w.change(home, func(d *state.Draft) (err error) {
		app, err = d.CreateApplication(directory.Application{DisplayName: "importer"})
		return err
	})
	sp, _ := w.dir().ServicePrincipalByAppID(app.AppID)
	w.grantGraph(sp.ID.String(), "Group.ReadWrite.All")
	w.equal("an application is no part of a subscription", w.found(sub, 1, sp.ID.String()), "")
	w.equal("an application", w.found("/", 1, sp.ID.String()),
		"medium broadAppRole: inborn grant importer 'Microsoft Graph' Group.Read.All && inborn revoke importer 'Microsoft Graph' Group.ReadWrite.All")
}

// TestReviewNamesPrincipalsSoThatCommandsWork has names that are taken twice or that a shell would run.
func TestReviewNamesPrincipalsSoThatCommandsWork(t *testing.T) {
	w := reviewWorld(t)
	names := []string{"twin", "twin", "$(reboot)", "it's", "-rf", "/etc", "a\u00e9", "5b1ec7c4-4c92-4c0a-9d61-0a8b5f0f9a10", "fine name_1.2"}
	apps := make([]directory.Application, len(names))
	w.change(home, func(d *state.Draft) (err error) {
		for n, name := range names {
			if apps[n], err = d.CreateApplication(directory.Application{DisplayName: name}); err != nil {
				return err
			}
		}
		return nil
	})
	for n, name := range names {
		sp, _ := w.dir().ServicePrincipalByAppID(apps[n].AppID)
		w.status(name, w.assign("", rg, n+1, sp.ID.String(), access, ""), 201, "")
		who := sp.ID.String()
		if name == "fine name_1.2" {
			who = "'" + name + "'"
		}
		w.equal(name, w.found(rg, 1, sp.ID.String()), "high workloadGivesAccess: "+swap(who, "Reader@"+rg, "User Access Administrator@"+rg))
	}
	w.change(home, func(d *state.Draft) error {
		_, err := d.CreateApplication(directory.Application{DisplayName: "ANN@contoso.example"})
		return err
	})
	w.status("ann", w.assign("", rg, 20, ann, owner, ""), 201, "")
	w.equal("a user with the name of an application", w.found(rg, 1, ann), "medium broadRole: "+swap(ann, "Contributor@"+rg, "Owner@"+rg))
}

func TestWhatAReviewShowsToWhom(t *testing.T) {
	w := reviewWorld(t)
	who, bearer := w.robot()
	w.status("Owner above", w.assign("", sub, 1, ann, owner, ""), 201, "")
	w.status("Owner here", w.assign("", rg, 2, ann, owner, ""), 201, "")
	w.grantGraph(w.shop(), "User.ReadWrite.All")
	const path = "/providers/Inborn.Platform/access/review" + own
	w.status("without a role", w.as(bearer, "GET", rg+path, ""), 403, "AuthorizationFailed")

	const custom = "10000000-0000-4000-8000-000000000001"
	w.want(201, "PUT", sub+rolesAt+"/"+custom+v2022, `{"properties":{"roleName":"Reviewer","type":"CustomRole","permissions":[{"actions":["Inborn.Platform/*"]}],"assignableScopes":["`+sub+`"]}}`)
	w.status("assign", w.assign("", rg, 3, who.id.String(), custom, ""), 201, "")
	w.status("without the right to read assignments", w.as(bearer, "GET", rg+path, ""), 403, "AuthorizationFailed")

	w.status("assign", w.assign("", rg, 4, who.id.String(), reader, ""), 201, "")
	scopes := func(a answer) string {
		var all []string
		for i := 0; a.at("value", fmt.Sprint(i)) != ""; i++ {
			all = append(all, a.at("value", fmt.Sprint(i), "kind")+" "+strings.TrimPrefix(a.at("value", fmt.Sprint(i), "scope"), sub))
		}
		return strings.Join(all, ", ")
	}
	robot := "unattachedIdentity " + strings.TrimPrefix(uami, sub) + "robot"
	name := "identityName " + strings.TrimPrefix(uami, sub) + "robot"
	group := strings.TrimPrefix(rg, sub)
	w.equal("a reader of the group", scopes(w.as(bearer, "GET", rg+path, "")), "broadRole "+group+", "+robot+", "+name)
	w.status("and not of the subscription", w.as(bearer, "GET", sub+path, ""), 403, "AuthorizationFailed")
	w.equal("the administrator", scopes(w.want(200, "GET", rg+path, "")), "broadRole , broadAppRole "+strings.TrimPrefix(site1, sub)+", broadRole "+group+", "+robot+", "+name)
	if got := scopes(w.want(200, "GET", site1+path, "")); !strings.HasPrefix(got, "broadRole , broadAppRole ") || strings.Contains(got, "robot") {
		t.Errorf("of one resource: %s", got)
	}
	w.status("of another tenant", w.as(sign(t, grantOf(other), signingKey(), now), "GET", sub+path, ""), 404, "ResourceNotFound")
	for _, nowhere := range []string{sub + "/resourceGroups/no", site1 + "x", site1 + "x/providers/Microsoft.Web/sites/x", "/subscriptions/x",
		"/providers/Microsoft.Management/managementGroups/no", "/providers/Microsoft.Web/sites/x"} {
		w.status(nowhere, w.do("GET", nowhere+path, ""), 404, "ResourceNotFound")
	}
}

func TestPagesOfAReview(t *testing.T) {
	w := reviewWorld(t)
	const path = sub + "/providers/Inborn.Platform/access/review" + own
	none := w.want(200, "GET", path, "")
	w.equal("nothing", none.at("value")+none.at("total")+none.at("identities")+none.at("roleAssignments")+none.at("unusedDays"), "[]01090")
	for n := range 7 {
		w.want(201, "PUT", fmt.Sprintf("%sname%d%s", uami, n, v1), `{"location":"local"}`)
	}
	whole := w.want(200, "GET", path+"&unusedFor=30d", "")
	w.equal("total", whole.at("total")+" "+whole.at("unusedDays")+" "+whole.at("usesKnownSince"), "14 30 2025-03-01T12:00:00Z")
	var paged []string
	pages := 0
	for next := path + "&$top=4"; next != ""; pages++ {
		page := w.want(200, "GET", next, "")
		for i := 0; page.at("value", fmt.Sprint(i)) != ""; i++ {
			paged = append(paged, page.at("value", fmt.Sprint(i)))
		}
		next = page.at("nextLink")
	}
	var all []string
	for i := 0; whole.at("value", fmt.Sprint(i)) != ""; i++ {
		all = append(all, whole.at("value", fmt.Sprint(i)))
	}
	if pages != 4 || strings.Join(paged, "\n") != strings.Join(all, "\n") {
		t.Errorf("%d pages:\n%s\nwant\n%s", pages, strings.Join(paged, "\n"), strings.Join(all, "\n"))
	}
	for _, bad := range []string{"90", "d", "0d", "-1d", "3651d", "1.5d", "90h", "99999999999999999999d", "P90D"} {
		w.status(bad, w.do("GET", path+"&unusedFor="+bad, ""), 400, "BadRequest")
	}
	w.status("another version", w.do("GET", sub+"/providers/Inborn.Platform/access/review"+v1, ""), 400, "InvalidApiVersionParameter")
}
