package arm

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

// uses is what the program that runs the API remembers of uses. Times are in days from now.
type uses struct {
	mu          sync.Mutex
	since       time.Time
	identities  map[guid.GUID]time.Time
	assignments map[guid.GUID]time.Time
	needs       map[guid.GUID]*rbac.Needs
}

func (u *uses) needed(_, assignment guid.GUID, need rbac.Need) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.needs == nil {
		u.needs = map[guid.GUID]*rbac.Needs{}
	}
	if u.needs[assignment] == nil {
		u.needs[assignment] = &rbac.Needs{}
	}
	u.needs[assignment].Add(need)
}

func (u *uses) last(context.Context, guid.GUID) (LastUse, error) {
	return LastUse{Since: u.since, Identities: u.identities, Assignments: u.assignments}, nil
}

func (u *uses) needsOf(_ context.Context, _, assignment guid.GUID) (rbac.Needs, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if n := u.needs[assignment]; n != nil {
		return *n, nil
	}
	return rbac.Needs{}, nil
}

// Whom the cases are about. Objects are made now; each case looks some days later.
const (
	ann      = "bbbbbbbb-0000-4000-8000-000000000001"
	ops      = "bbbbbbbb-0000-4000-8000-000000000002" // a group
	inner    = "bbbbbbbb-0000-4000-8000-000000000003" // a group in ops
	rbacBoss = "f58310d9-a9f6-439a-9e8d-f62e7b41a168" // Role Based Access Control Administrator
	tenantMG = "/providers/Microsoft.Management/managementGroups/7ae3a2f0-9b4e-4d57-a7c1-0d6a3b0c5e11"
	site1    = sites + "shop"
)

// reviewWorld has the user ann, the group ops with the group inner in it, and the function app shop with an identity of its own.
func reviewWorld(t *testing.T) *world {
	t.Helper()
	w := start(t)
	w.uses.since = now.Add(-365 * 24 * time.Hour)
	w.change(home, func(d *state.Draft) error {
		_, err := d.CreateUser(directory.User{ID: guid.MustParse(ann), UPN: "ann@contoso.example", DisplayName: "Ann", Enabled: true})
		must(t, err)
		for _, id := range []string{ops, inner} {
			_, err := d.CreateGroup(directory.Group{ID: guid.MustParse(id), DisplayName: "group " + id[35:]})
			must(t, err)
		}
		return d.AddMember(guid.MustParse(ops), guid.MustParse(inner))
	})
	w.want(200, "PUT", site1+v1, `{"location":"local","identity":{"type":"SystemAssigned"}}`)
	return w
}

// shop is the principal of the function app.
func (w *world) shop() string {
	r, _ := w.dir().Resource(site1)
	return r.Identity.System.PrincipalID.String()
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// reviewOf is a review by somebody, some days from now.
func (w *world) reviewOf(who caller, at resource.ID, later int) reviewWire {
	w.Helper()
	config := w.config
	config.Now = func() time.Time { return now.Add(days(later)) }
	request := httptest.NewRequest("GET", "https://management.azure.com/", nil)
	use, _ := w.uses.last(context.Background(), home.ID)
	c := &call{api: &api{Config: config}, r: request, dir: w.dir(), caller: who, id: at}
	r := newReview(c, 90)
	r.at, r.use = at, use
	must(w.T, r.look(request.Context()))
	out, err := r.page(maxPage, "")
	must(w.T, err)
	return out
}

// found are the findings of the administrator about somebody, but for those of names, as "severity kind: command" lines.
func (w *world) found(at resource.ID, later int, principal string) string {
	w.Helper()
	var lines []string
	for _, f := range w.reviewOf(caller{id: w.dir().LocalAdministrator().ID}, at, later).Value {
		if f.Principal.String() == principal && f.Kind != identityName {
			lines = append(lines, fmt.Sprintf("%s %s: %s", f.Severity, f.Kind, f.Command))
		}
		if f.Why == "" || f.Name == "" || !strings.HasSuffix(f.Why, ".") {
			w.Errorf("%+v is not complete", f)
		}
	}
	return strings.Join(lines, "\n")
}

// swap is the command that assigns roles and removes one: role@scope each, the last one being that which is removed.
func swap(who string, roles ...string) string {
	var steps []string
	for i, held := range roles {
		role, scope, _ := strings.Cut(held, "@")
		if strings.Contains(role, " ") {
			role = "'" + role + "'"
		}
		verb := "assign"
		if i == len(roles)-1 {
			verb = "remove"
		}
		steps = append(steps, fmt.Sprintf("inborn role %s --principal %s --role %s --scope %s", verb, who, role, scope))
	}
	return strings.Join(steps, " && ")
}

func TestReviewOfBroadRoles(t *testing.T) {
	const upn = "ann@contoso.example"
	for _, c := range []struct {
		name        string
		scope, role string
		who         string // "" is the function app
		want        string
	}{
		{"Owner of the subscription", sub, owner, ann, "high broadRole: " + swap(upn, "Reader@"+sub, "Owner@"+sub)},
		{"Owner of the management group", tenantMG, owner, ann, "high broadRole: " + swap(upn, "Reader@"+tenantMG, "Owner@"+tenantMG)},
		{"Owner of the tenant", "", owner, ann, "high broadRole: " + swap(upn, "Reader@/", "Owner@/")},
		{"Owner of a group", rg, owner, ann, "medium broadRole: " + swap(upn, "Contributor@"+rg, "Owner@"+rg)},
		{"Owner of a resource", site1, owner, ann, ""},
		{"Contributor of the subscription", sub, contrib, ann, "medium broadRole: " + swap(upn, "Reader@"+sub, "Contributor@"+sub)},
		{"Contributor of a group", rg, contrib, ann, ""},
		{"Reader of the tenant", "", reader, ann, ""},
		{"Virtual Machine Contributor of the subscription", sub, "9980e02c-c2be-4d73-94e8-173b1dc7cf3c", ann, ""},
		{"giving access in the subscription", sub, access, ann, "high broadRole: " + swap(upn, "Reader@"+sub, "User Access Administrator@"+sub)},
		{"giving access in a group", rg, rbacBoss, ann, ""},
		{"to a group of people", sub, contrib, ops, "medium broadRole: " + swap(ops, "Reader@"+sub, "Contributor@"+sub)},
		{"to a workload: where it is", sub, contrib, "", "high broadRole: " + swap("shop", "Contributor@"+rg, "Contributor@"+sub)},
		{"to a workload: Owner where it is", sub, owner, "", "high workloadGivesAccess: " + swap("shop", "Contributor@"+rg, "Owner@"+sub)},
		{"to a workload: Owner of its own group", rg, owner, "", "high workloadGivesAccess: " + swap("shop", "Contributor@"+rg, "Owner@"+rg)},
		{"to a workload: giving access on one resource", site1, access, "", "high workloadGivesAccess: " + swap("shop", "Reader@"+site1, "User Access Administrator@"+site1)},
		{"to a workload: giving access in the tenant", "", rbacBoss, "", "high workloadGivesAccess: " +
			swap("shop", "Reader@"+rg, "Role Based Access Control Administrator@/")},
		{"to a workload: a role whose condition holds access back", rg, delegate, "", ""},
		{"to a workload: Contributor of a group", rg, contrib, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := reviewWorld(t)
			who := c.who
			if who == "" {
				who = w.shop()
			}
			w.status("assign", w.assign("", c.scope, 1, who, c.role, ""), 201, "")
			if got := w.found("/", 1, who); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestReviewOfGroupsWithWorkloads(t *testing.T) {
	w := reviewWorld(t)
	w.status("assign", w.assign("", rg, 1, ops, access, ""), 201, "")
	if got := w.found(rg, 1, ops); got != "" {
		t.Errorf("of people only: %s", got)
	}
	w.change(home, func(d *state.Draft) error { return d.AddMember(guid.MustParse(inner), guid.MustParse(w.shop())) })
	if got, want := w.found(rg, 1, ops), "high workloadGivesAccess: "+swap(ops, "Reader@"+rg, "User Access Administrator@"+rg); got != want {
		t.Errorf("with a workload in a group in it:\n%s\nwant\n%s", got, want)
	}
	why := w.reviewOf(caller{id: w.dir().LocalAdministrator().ID}, rg, 1).Value[0].Why
	w.equal("why", why, "Whoever takes over a workload in this group (shop) can give himself any role in the resource group.")
	w.status("assign", w.assign("", sub, 2, inner, contrib, ""), 201, "")
	if got, want := w.found(sub, 1, inner), "high broadRole: "+swap(inner, "Contributor@"+rg, "Contributor@"+sub); got != want {
		t.Errorf("where the group's workload is:\n%s\nwant\n%s", got, want)
	}
}

func TestReviewOfCustomRoles(t *testing.T) {
	for name, c := range map[string]struct{ permission, scope, want string }{
		"everything":        {`"actions":["*"]`, sub, "high"},
		"everything, group": {`"actions":["*"]`, rg, "medium"},
		"but access":        {`"actions":["*"],"notActions":["Microsoft.Authorization/*"]`, sub, "medium"},
		"but access, group": {`"actions":["*"],"notActions":["Microsoft.Authorization/*"]`, rg, ""},
		"one provider":      {`"actions":["Microsoft.Web/*"]`, sub, ""},
		"all reads":         {`"actions":["*/read"]`, sub, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := reviewWorld(t)
			const custom = "10000000-0000-4000-8000-000000000001"
			w.want(201, "PUT", sub+rolesAt+"/"+custom+v2022,
				`{"properties":{"roleName":"It's $(all)","type":"CustomRole","permissions":[{`+c.permission+`}],"assignableScopes":["`+sub+`"]}}`)
			w.status("assign", w.assign("", c.scope, 1, ann, custom, ""), 201, "")
			want := c.want
			if want != "" {
				want += " broadRole: " + swap("ann@contoso.example", "Reader@"+c.scope, custom+"@"+c.scope)
			}
			w.equal(name, w.found(sub, 1, ann), want)
		})
	}
}

func TestReviewProposesWhatWasNeeded(t *testing.T) {
	w := reviewWorld(t)
	who, bearer := w.robot()
	id := who.id.String()
	w.want(200, "PATCH", site1+v1, `{"identity":{"type":"UserAssigned","userAssignedIdentities":{"`+uami+`robot":{}}}}`)
	w.status("assign", w.assign("", sub, 1, id, contrib, ""), 201, "")
	for name, step := range map[string]struct {
		method, path, body string
		status             int
	}{
		"refused": {"PUT", rg + given + "/00000000-0000-4000-8000-000000000009" + v2022, `{"properties":{"principalId":"` + id + `","roleDefinitionId":"` + rolesAt + "/" + reader + `"}}`, 403},
		"read":    {"GET", site1 + v1, "", 200},
	} {
		if a := w.as(bearer, step.method, step.path, step.body); a.status != step.status {
			t.Fatalf("%s: %d %s", name, a.status, a.text)
		}
	}
	w.equal("it read one site", w.found(sub, 1, id), "high broadRole: "+swap("robot", "Reader@"+site1, "Contributor@"+sub))
	if a := w.as(bearer, "PUT", sites+"made"+v1, `{"location":"local"}`); a.status != 200 {
		t.Fatal(a.text)
	}
	w.equal("and wrote another", w.found(sub, 1, id), "high broadRole: "+swap("robot", "Website Contributor@"+sites+"made", "Reader@"+site1, "Contributor@"+sub))
	w.want(200, "DELETE", sites+"made"+v1, "")
	w.equal("which is gone", w.found(sub, 1, id), "high broadRole: "+swap("robot", "Website Contributor@"+rg, "Contributor@"+sub))
	assignment := guid.MustParse("00000000-0000-4000-8000-000000000001")
	w.uses.needs[assignment] = &rbac.Needs{List: []rbac.Need{{Action: "any.provider/things/write", Scope: sub}}}
	w.equal("it needs all of it", w.found(sub, 1, id), "high broadRole: ")
	w.uses.needs[assignment] = &rbac.Needs{More: true}
	w.equal("too much to tell", w.found(sub, 1, id), "high broadRole: ")
	w.uses.needs[assignment] = &rbac.Needs{List: []rbac.Need{{Action: "a/b/read", Scope: sub + "/resourceGroups/gone/providers/a/b/c"}}}
	if w.found(sub, 1, id) != "high broadRole: "+swap("robot", "Contributor@"+rg, "Contributor@"+sub) {
		t.Errorf("all of it is gone, so only the place of its identity is known: %s", w.found(sub, 1, id))
	}
}

func TestReviewOfUnusedAssignments(t *testing.T) {
	assignment := guid.MustParse("00000000-0000-4000-8000-000000000001")
	unused := " unusedRoleAssignment: " + swap("ann@contoso.example", "Reader@"+rg)
	for _, c := range []struct {
		name  string
		role  string
		since int // days from now
		used  int // 0 for never
		later int
		want  string
	}{
		{"never, for 90 days", reader, -365, 0, 90, "low" + unused},
		{"never, for 89 days", reader, -365, 0, 89, ""},
		{"last 90 days ago", reader, -365, 10, 100, "low" + unused},
		{"last 89 days ago", reader, -365, 11, 100, ""},
		{"nobody has watched for that long", reader, 60, 0, 100, ""},
		{"nobody has watched for longer", reader, 60, 0, 150, "low" + unused},
		{"nobody watches", reader, 10_000, 0, 100, ""},
		{"a role that goes far", contrib, -365, 0, 90, "medium" + strings.ReplaceAll(unused, "Reader", "Contributor")},
		{"a broad one is removed, not replaced", owner, -365, 0, 90, "medium broadRole: " + swap("ann@contoso.example", "Owner@"+rg)},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := reviewWorld(t)
			w.uses.since = now.Add(days(c.since))
			if c.since == 10_000 {
				w.uses.since = time.Time{}
			}
			w.status("assign", w.assign("", rg, 1, ann, c.role, ""), 201, "")
			if c.used > 0 {
				w.uses.assignments = map[guid.GUID]time.Time{assignment: now.Add(days(c.used))}
			}
			w.equal(c.name, w.found(sub, c.later, ann), c.want)
		})
	}
}
