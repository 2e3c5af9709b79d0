package manifest

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/store"
)

var tenant = guid.MustParse("00000000-0000-4000-8000-00000000000a")

// world is a tenant in a real store.
type world struct {
	t      *testing.T
	live   *state.Live
	sealer Sealer // seals by writing the context in front
	racing bool   // more turns than two are no mistake
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ctx := context.Background()
	st, err := store.OpenSQLite(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	catalog, err := directory.FirstParty()
	if err != nil {
		t.Fatal(err)
	}
	live, err := state.Open(ctx, st, catalog, state.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { live.Close() })
	w := &world{t: t, live: live}
	w.sealer = newSealer(st)
	w.change(func(d *state.Draft) error {
		d.CreateTenant(directory.Tenant{ID: tenant, Name: "dev.example"})
		return nil
	})
	return w
}

func (w *world) change(do func(*state.Draft) error) {
	w.t.Helper()
	_, err := w.live.Update(context.Background(), state.Actor{Name: "test"}, func(v *state.View, env *state.Env) (state.Batch, error) {
		d := state.NewDraft(v, env, tenant)
		err := do(d)
		return d.Batch(), err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// plan applies a manifest and returns the plan, a line a change.
func (w *world) plan(text string, prune bool) (string, error) {
	w.t.Helper()
	m, err := Parse([]byte(text))
	if err != nil {
		w.t.Fatal(err)
	}
	var changes []Change
	ready := Prepared{}
	for turn := 0; ; turn++ {
		var needs []Need
		_, err = w.live.Update(context.Background(), state.Actor{Name: "test"}, func(v *state.View, env *state.Env) (state.Batch, error) {
			d := state.NewDraft(v, env, tenant)
			if changes, needs, err = Plan(d, m, ready, prune); len(needs) > 0 {
				return state.Batch{}, nil
			}
			return d.Batch(), err
		})
		if err != nil || len(needs) == 0 {
			break
		}
		if turn > 0 && !w.racing {
			w.t.Fatalf("turn %d needs %d things", turn, len(needs))
		}
		if err = w.sealer.Prepare(context.Background(), needs, ready); err != nil {
			return "", err
		}
	}
	var lines []string
	for _, c := range changes {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", c.Action, c.Kind, c.Name, c.Detail)))
	}
	return strings.Join(lines, "\n"), err
}

const full = `
tenant: {name: contoso.example}
users:   [{name: ann, groups: [admins]}]
groups:  [{name: admins}]
apps:
  - name: orders-api
    identifierUri: api://orders
    appRoles: [{value: Orders.Read.All}, {value: Orders.Approve, members: [user]}]
identities:
  - name: id1
    clientId: f8973019-6953-433b-b935-adc31f5646d5
    appRoles: [{app: Microsoft Graph, role: User.Read.All}, {app: "api://orders", role: Orders.Read.All}]
resources:
  - {type: Microsoft.Web/sites, name: f, identity: {system: true, user: [id1], appRoles: [{app: orders-api, role: Orders.Read.All}]}}
`

func TestPlanIsIdempotent(t *testing.T) {
	w := newWorld(t)
	first, err := w.plan(full, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"update tenant dev.example becomes contoso.example", "create user ann ann@contoso.example",
		"create membership ann@contoso.example in admins", "create app orders-api api://orders", "create identity id1",
		"create resource f Microsoft.Web/sites, identity SystemAssigned, UserAssigned", "create app role id1 User.Read.All of Microsoft Graph",
		"create app role f Orders.Read.All of orders-api"} {
		if !strings.Contains(first, want) {
			t.Errorf("the plan lacks %q:\n%s", want, first)
		}
	}
	for _, prune := range []bool{false, true} {
		if again, err := w.plan(full, prune); again != "" || err != nil {
			t.Errorf("the second time (prune %v): %v\n%s", prune, err, again)
		}
	}
}

func TestPlanChangesOnlyWhatDiffers(t *testing.T) {
	w := newWorld(t)
	if _, err := w.plan(full, false); err != nil {
		t.Fatal(err)
	}
	dir, _ := w.live.View().Directory(tenant)
	before, _, _ := dir.Audience("api://orders")
	changed := strings.Replace(full, "{value: Orders.Read.All},", "{value: Orders.Read.All}, {value: Orders.Write.All},", 1)
	got, err := w.plan(changed, false)
	if err != nil || got != "update app orders-api api://orders" {
		t.Errorf("plan = %q, %v", got, err)
	}
	dir, _ = w.live.View().Directory(tenant)
	after, _, _ := dir.Audience("api://orders")
	old, _ := before.RoleByValue("Orders.Read.All", directory.MemberApplication)
	now, _ := after.RoleByValue("Orders.Read.All", directory.MemberApplication)
	if old.ID != now.ID {
		t.Error("a role that stayed got another id, which would have cost its assignments")
	}
}

func TestPruneDeletesWhatIsNotDeclared(t *testing.T) {
	w := newWorld(t)
	if _, err := w.plan(full, false); err != nil {
		t.Fatal(err)
	}
	small := "tenant: {name: contoso.example}\nidentities: [{name: id1, appRoles: [{app: Microsoft Graph, role: User.Read.All}]}]\n"
	if got, err := w.plan(small, false); got != "" || err != nil {
		t.Errorf("without prune: %q, %v", got, err)
	}
	got, err := w.plan(small, true)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"delete app role id1 Orders.Read.All of orders-api", "delete resource f Microsoft.Web/sites",
		"delete app orders-api", "delete group admins", "delete user ann@contoso.example"}
	if got != strings.Join(want, "\n") {
		t.Errorf("prune:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
	if again, err := w.plan(small, true); again != "" || err != nil {
		t.Errorf("the second time: %q, %v", again, err)
	}
}

func TestPlanErrorsNameTheDeclaration(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ text, path, message string }{
		{"apps: [{name: a}, {name: A}]", "$.apps[1].name", "declared twice"},
		{"users: [{name: ann, groups: [nope]}]", "$.users[0].groups[0]", `No group is called "nope"`},
		{"identities: [{name: id-a, appRoles: [{app: Nope, role: X}]}]", "$.identities[0].appRoles[0]", `No application is called "Nope"`},
		{"identities: [{name: id-a, appRoles: [{app: Microsoft Graph, role: Nope}]}]", "$.identities[0].appRoles[0]", `no enabled app role "Nope"`},
		{"resources: [{type: sites, name: a}]", "$.resources[0]", "not a resource type"},
		{"resources: [{type: a/b, name: a, identity: {user: [nope]}}]", "$.resources[0].identity.user", `No single identity is called "nope"`},
		{"resources: [{type: A.b/c, name: a, identity: {appRoles: [{app: Microsoft Graph, role: User.Read.All}]}}]", "$.resources[0].identity.appRoles", "system is not true"},
		{"apps: [{name: a, identifierUri: nope}]", "$.apps[0]", "not an identifier URI"},
		{"apps: [{name: a, appRoles: [{value: R, members: [robots]}]}]", "$.apps[0]", "not a member type"},
		{"tenant: {name: x, id: 00000000-0000-4000-8000-0000000000ff}", "$.tenant.id", "cannot become"},
		{"resources: [{type: Microsoft.ManagedIdentity/userAssignedIdentities, name: forged}]", "$.resources[0]", "not a type of resource that can be made"},
		{"resources: [{type: A.b/c, name: \"x/providers/Microsoft.ManagedIdentity/userAssignedIdentities/forged\"}]", "$.resources[0]", "not "},
		{"resources: [{type: A.b/c, name: ..}]", "$.resources[0]", "not "},
		{"resources: [{type: A.b/c, name: \"$(id)\"}]", "$.resources[0]", "not "},
		{"identities: [{name: \"a/b\"}]", "$.identities[0]", "not "},
		{"identities: [{name: id-a, clientId: 00000003-0000-0000-c000-000000000000}]", "$.identities[0]", "is taken"},
		{"identities: [{name: id-a, objectId: 00000003-0000-0000-c000-000000000000}]", "$.identities[0]", "is taken"},
		{"identities: [{name: id-a, objectId: 00000000-0000-4000-8000-0000000000aa, clientId: 00000000-0000-4000-8000-0000000000aa}]", "$.identities[0]", "is taken"},
		{"identities: [{name: id-a, clientId: 00000000-0000-4000-8000-0000000000aa}, {name: id-b, objectId: 00000000-0000-4000-8000-0000000000aa}]", "$.identities[1]", "is taken"},
		{"apps: [{name: Orders}, {name: Orders2, clientId: 00000003-0000-0000-c000-000000000000}]", "$.apps[1]", "is taken"},
		{"users: [{name: \"a\\u202eb\"}]", "$.users[0]", "not valid"},
		{"resources: [{type: a/b, name: \"a/b\"}]", "$.resources[0]", "not valid"},
	} {
		before := w.live.View().At().Seq
		_, err := w.plan(c.text, false)
		e := apierr.From(err)
		if err == nil || e.Code != apierr.ManifestInvalid || e.Target != c.path || !strings.Contains(e.Message, c.message) {
			t.Errorf("%s:\n got %v at %q\nwant %q at %q", c.text, err, e.Target, c.message, c.path)
		}
		if w.live.View().At().Seq != before {
			t.Errorf("%s: half of it was applied", c.text)
		}
		if err != nil && Locate([]byte(c.text), e.Target) == "" {
			t.Errorf("%s: no place for %s", c.text, e.Target)
		}
	}
}

func TestAnAbsentIdentityBlockStays(t *testing.T) {
	w := newWorld(t)
	text := "tenant: {name: contoso.example}\nresources: [{type: Microsoft.Web/sites, name: f%s}]\n"
	if _, err := w.plan(fmt.Sprintf(text, ", identity: {system: true}"), false); err != nil {
		t.Fatal(err)
	}
	if got, err := w.plan(fmt.Sprintf(text, ""), false); got != "" || err != nil {
		t.Errorf("without the key: %q, %v", got, err)
	}
	if got, err := w.plan(fmt.Sprintf(text, ", identity: {}"), false); !strings.Contains(got, "identity None") || err != nil {
		t.Errorf("with an empty block: %q, %v", got, err)
	}
}
