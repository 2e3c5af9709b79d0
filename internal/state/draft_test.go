package state

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/store"
)

var (
	testTenant = guid.MustParse("00000000-0000-4000-8000-00000000000a")
	testGroup  = resource.GroupID(guid.MustParse("00000000-0000-4000-8000-00000000000b").String(), "default")
)

// counter is a source of distinct ids.
type counter struct{ n byte }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		if i%16 == 15 {
			c.n++
		}
		p[i] = c.n
	}
	return len(p), nil
}

// newDraft starts a change of a tenant with a subscription and a resource group.
func newDraft(t interface{ Fatal(...any) }) *Draft {
	catalog, err := directory.FirstParty()
	if err != nil {
		t.Fatal(err)
	}
	roles, err := rbac.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	env := &Env{Now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), random: &counter{}}
	d := NewDraft(newView(catalog, roles), env, testTenant)
	d.CreateTenant(directory.Tenant{ID: testTenant, Name: "contoso.example"})
	if err := d.PutSubscription(resource.Subscription{ID: guid.MustParse(testGroup.Subscription()), Name: "dev"}); err != nil {
		t.Fatal(err)
	}
	if err := d.PutResourceGroup(testGroup, "local"); err != nil {
		t.Fatal(err)
	}
	return d
}

func siteID(name string) resource.ID     { return resource.In(testGroup, "Microsoft.Web/sites", name) }
func identityID(name string) resource.ID { return resource.In(testGroup, resource.TypeIdentity, name) }

func TestSystemIdentityLivesAndDiesWithItsResource(t *testing.T) {
	d := newDraft(t)
	r, created, err := d.PutResource(ResourceSpec{ID: siteID("f"), Identity: IdentitySpec{System: true}})
	if err != nil || !created || r.Identity.System == nil {
		t.Fatalf("PutResource = %+v, %v, %v", r, created, err)
	}
	born := r.Identity.System.PrincipalID
	again, created, err := d.PutResource(ResourceSpec{ID: siteID("F"), Identity: IdentitySpec{System: true}})
	if err != nil || created || again.Identity.System.PrincipalID != born || again.ID != siteID("f") {
		t.Fatalf("a second PUT made %+v, %v, %v", again, created, err)
	}
	graph, _ := d.Directory().ServicePrincipalByAppID(directory.GraphAppID)
	_, role, err := d.Directory().FindAppRole("Microsoft Graph", "User.Read.All", directory.MemberApplication)
	if err != nil {
		t.Fatal(err)
	}
	given, err := d.Grant(born, graph.ID, role.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.DeleteResource(siteID("f")); err != nil {
		t.Fatal(err)
	}
	if _, ok := d.Directory().ServicePrincipal(born); ok {
		t.Error("the principal outlived its resource")
	}
	if _, ok := d.Directory().Assignment(given.ID); ok {
		t.Error("the grant outlived its principal")
	}
	for a := range d.Directory().AssignedTo(graph.ID) {
		t.Errorf("Graph still shows the grant %v", a.ID)
	}
}

func TestDeletingAnIdentityTakesItOutOfEveryBlock(t *testing.T) {
	d := newDraft(t)
	i, _, err := d.PutIdentity(ManagedIdentitySpec{ID: identityID("id1")})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if _, _, err := d.PutResource(ResourceSpec{ID: siteID(name), Identity: IdentitySpec{User: []resource.ID{identityID("ID1")}}}); err != nil {
			t.Fatal(err)
		}
	}
	if users := slices.Collect(d.Directory().IdentityUsers(identityID("id1"))); len(users) != 2 {
		t.Fatalf("used by %d resources, want 2", len(users))
	}
	if err := d.DeleteIdentity(identityID("id1")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if r, _ := d.Directory().Resource(siteID(name)); len(r.Identity.User) != 0 {
			t.Errorf("%s still has %v", name, r.Identity.User)
		}
	}
	if _, ok := d.Directory().ServicePrincipalByAppID(i.ClientID); ok {
		t.Error("the principal outlived the identity")
	}
}

func TestDraftRefuses(t *testing.T) {
	d := newDraft(t)
	if _, err := d.CreateUser(directory.User{UPN: "ann@contoso.example"}); err != nil {
		t.Fatal(err)
	}
	app, err := d.CreateApplication(directory.Application{DisplayName: "a", IdentifierURIs: []string{"api://a"},
		AppRoles: []directory.AppRole{{Value: "U", AllowedMembers: directory.MemberUser, Enabled: true}}})
	if err != nil {
		t.Fatal(err)
	}
	sp, _ := d.Directory().ServicePrincipalByAppID(app.AppID)
	before := len(d.Batch().Records)
	for name, c := range map[string]struct {
		code apierr.Code
		do   func() error
	}{
		"a user name twice": {apierr.ObjectExists, func() error { _, err := d.CreateUser(directory.User{UPN: "ANN@contoso.example"}); return err }},
		"a bad user name":   {apierr.PropertyInvalid, func() error { _, err := d.CreateUser(directory.User{UPN: "ann"}); return err }},
		"a taken URI": {apierr.ObjectExists, func() error {
			_, err := d.CreateApplication(directory.Application{DisplayName: "b", IdentifierURIs: []string{"api://A/"}})
			return err
		}},
		"Graph's own URI": {apierr.ObjectExists, func() error {
			_, err := d.CreateApplication(directory.Application{DisplayName: "b", IdentifierURIs: []string{"https://GRAPH.microsoft.com"}})
			return err
		}},
		"a role for people given to a program": {apierr.AppRoleUnknown, func() error { _, err := d.Grant(sp.ID, sp.ID, app.AppRoles[0].ID); return err }},
		"an unknown role":                      {apierr.AppRoleUnknown, func() error { _, err := d.Grant(sp.ID, sp.ID, app.ID); return err }},
		"an unknown principal":                 {apierr.ObjectNotFound, func() error { _, err := d.Grant(app.ID, sp.ID, directory.DefaultAccess); return err }},
		"an unknown API":                       {apierr.ReferenceInvalid, func() error { _, err := d.Grant(sp.ID, app.ID, directory.DefaultAccess); return err }},
		"a missing resource group": {apierr.ResourceGroupNotFound, func() error {
			_, _, err := d.PutResource(ResourceSpec{ID: resource.In(resource.GroupID(testGroup.Subscription(), "x"), "a/b", "c")})
			return err
		}},
		"an identity that is not there": {apierr.IdentityToAssignNotFound, func() error {
			_, _, err := d.PutResource(ResourceSpec{ID: siteID("f"), Identity: IdentitySpec{User: []resource.ID{identityID("no")}}})
			return err
		}},
		"a binding to nothing": {apierr.ResourceNotFound, func() error { _, err := d.PutBinding(resource.WorkloadBinding{Node: siteID("n")}); return err }},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.do(); !apierr.Is(err, c.code) {
				t.Errorf("got %v, want %s", err, c.code)
			}
			if len(d.Batch().Records) != before {
				t.Error("a refused change left records behind")
			}
		})
	}
}

// Whatever is done in whatever order: a View built change by change shows the same as one built from the records that
// are left, no assignment or membership names a principal that is gone, and readers of older Views see no change.
func TestViewsAgreeHoweverTheyWereBuilt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDraft(t)
		name := rapid.SampledFrom([]string{"a", "b", "c"})
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			before, shown := d.Directory(), describe(d.Directory())
			step(d, t, name)
			if describe(before) != shown {
				t.Fatal("a change shows in an older View")
			}
		}
		last := map[store.Key]store.Record{}
		for _, r := range d.Batch().Records {
			last[r.Key] = r
		}
		var live []store.Record
		for _, r := range last {
			if !r.Deleted {
				live = append(live, r)
			}
		}
		rebuilt, err := newView(d.view.catalog, d.view.roles).apply(live, store.Position{})
		if err != nil {
			t.Fatal(err)
		}
		dir, _ := rebuilt.Directory(testTenant)
		if got, want := describe(dir), describe(d.Directory()); got != want {
			t.Fatalf("built from records:\n%s\nbuilt by changes:\n%s", got, want)
		}
		nothingDangles(t, d.Directory(), live)

		one := &work{view: newView(d.view.catalog, d.view.roles), records: map[store.Key]int{}, ciphers: map[store.Key]int{}}
		if err := one.add(&update{}, d.Batch(), nil); err != nil {
			t.Fatal(err)
		}
		dir, _ = one.view.Directory(testTenant)
		if got, want := describe(dir), describe(d.Directory()); got != want {
			t.Fatalf("built by one update:\n%s\nbuilt by changes:\n%s", got, want)
		}
	})
}

// step does one random change; refusals are part of the game.
func step(d *Draft, t *rapid.T, names *rapid.Generator[string]) {
	name := names.Draw(t, "name")
	dir := d.Directory()
	switch rapid.IntRange(0, 14).Draw(t, "what") {
	default:
		stepRoles(d, t, name)
	case 0:
		_, _ = d.CreateUser(directory.User{UPN: name + "@contoso.example"})
	case 1:
		_, _ = d.CreateGroup(directory.Group{DisplayName: name})
	case 2:
		_, _ = d.CreateApplication(directory.Application{DisplayName: name, IdentifierURIs: []string{"api://" + name},
			AppRoles: []directory.AppRole{{Value: "R", AllowedMembers: directory.MemberApplication, Enabled: true}}})
	case 3:
		_, _, _ = d.PutIdentity(ManagedIdentitySpec{ID: identityID(name)})
	case 4:
		var users []resource.ID
		for i := range dir.Identities("") {
			users = append(users, i.ID)
		}
		_, _, _ = d.PutResource(ResourceSpec{ID: siteID(name), Identity: IdentitySpec{System: rapid.Bool().Draw(t, "system"), User: users}})
	case 5:
		for sp := range dir.ServicePrincipals(guid.GUID{}) {
			if sp.Type == directory.TypeManagedIdentity {
				if api, role, err := dir.FindAppRole(name, "R", directory.MemberApplication); err == nil {
					_, _ = d.Grant(sp.ID, api.ID, role.ID)
				}
			}
		}
	case 6:
		for g := range dir.Groups(guid.GUID{}) {
			for u := range dir.Users(guid.GUID{}) {
				_ = d.AddMember(g.ID, u.ID)
			}
		}
	case 7:
		_ = d.DeleteResource(siteID(name))
		_ = d.DeleteIdentity(identityID(name))
	case 8:
		for a := range dir.ApplicationsNamed(name) {
			_ = d.DeleteApplication(a.ID)
		}
	case 9:
		for u := range dir.Users(guid.GUID{}) {
			_ = d.DeleteUser(u.ID)
		}
		for g := range dir.GroupsNamed(name) {
			_ = d.DeleteGroup(g.ID)
		}
	}
}

// describe lists what a directory shows through each of its indexes.
func describe(d *Directory) string {
	s := ""
	for u := range d.Users(guid.GUID{}) {
		byName, _ := d.UserByName(u.UPN)
		s += fmt.Sprintln("user", u.ID, byName != nil && byName.ID == u.ID, slices.Collect(d.GroupsOf(u.ID)))
	}
	for g := range d.Groups(guid.GUID{}) {
		s += fmt.Sprintln("group", g.ID, slices.Collect(d.MembersOf(g.ID)), len(slices.Collect(d.GroupsNamed(g.DisplayName))))
	}
	for a := range d.Applications(guid.GUID{}) {
		byURI, sp, ok := d.Audience(a.IdentifierURIs[0])
		s += fmt.Sprintln("app", a.ID, ok && byURI.ID == a.ID, sp.ID)
	}
	for sp := range d.ServicePrincipals(guid.GUID{}) {
		byApp, ok := d.ServicePrincipalByAppID(sp.AppID)
		s += fmt.Sprintln("sp", sp.ID, ok && byApp.ID == sp.ID, len(slices.Collect(d.ServicePrincipalsNamed(sp.DisplayName))))
		for a := range d.AssignmentsOf(sp.ID) {
			s += fmt.Sprintln(" has", a.ID)
		}
		for a := range d.AssignedTo(sp.ID) {
			s += fmt.Sprintln(" gave", a.ID)
		}
	}
	for r := range d.Resources("") {
		s += fmt.Sprintln("resource", r.ID, r.Identity.Type(), len(slices.Collect(d.ResourcesNamed(r.ID.Name()))))
	}
	for i := range d.Identities("") {
		s += fmt.Sprintln("identity", i.ID, len(slices.Collect(d.IdentityUsers(i.ID))))
	}
	return s + describeRoles(d)
}

func nothingDangles(t *rapid.T, d *Directory, live []store.Record) {
	for _, r := range live {
		rolesDangle(t, d, r)
		switch r.Kind {
		case kindAssignment:
			a, err := decode[directory.AppRoleAssignment](r)
			if err != nil {
				t.Fatal(err)
			}
			_, _, principal := d.Principal(a.Principal)
			_, target := d.ServicePrincipal(a.Resource)
			if !principal || !target {
				t.Fatalf("assignment %v dangles: principal %v, resource %v", a.ID, principal, target)
			}
		case kindMembership:
			m, err := decode[directory.Membership](r)
			if err != nil {
				t.Fatal(err)
			}
			_, group := d.Group(m.Group)
			_, _, member := d.Principal(m.Member)
			if !group || !member {
				t.Fatalf("membership %v dangles", m)
			}
		case kindPrincipal:
			sp, err := decode[directory.ServicePrincipal](r)
			if err != nil {
				t.Fatal(err)
			}
			if sp.Type == directory.TypeManagedIdentity {
				_, site := d.Resource(resource.ID(sp.ResourceID))
				_, identity := d.Identity(resource.ID(sp.ResourceID))
				if !site && !identity {
					t.Fatalf("principal %s belongs to nothing", sp.DisplayName)
				}
			}
		}
	}
}

func TestStampFollowsWhatATokenSays(t *testing.T) {
	d := newDraft(t)
	i, _, err := d.PutIdentity(ManagedIdentitySpec{ID: identityID("id1")})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	note := func(what string) {
		stamp := d.Directory().Stamp(i.PrincipalID)
		for other, s := range maps.All(seen) {
			if s == stamp {
				t.Errorf("the stamp after %q is that of %q", what, other)
			}
		}
		seen[what] = stamp
	}
	note("birth")
	sp, role, err := d.Directory().FindAppRole("Microsoft Graph", "User.Read.All", directory.MemberApplication)
	if err != nil {
		t.Fatal(err)
	}
	given, err := d.Grant(i.PrincipalID, sp.ID, role.ID)
	if err != nil {
		t.Fatal(err)
	}
	note("a grant")
	held := seen["a grant"]
	if _, err := d.CreateUser(directory.User{UPN: "ann@contoso.example"}); err != nil {
		t.Fatal(err)
	}
	if d.Directory().Stamp(i.PrincipalID) != held {
		t.Error("a change elsewhere changed the stamp, which costs every cached token")
	}
	if err := d.Revoke(given.ID); err != nil {
		t.Fatal(err)
	}
	if d.Directory().Stamp(i.PrincipalID) == held {
		t.Error("a revoke did not change the stamp")
	}
	if d.Directory().Stamp(guid.MustParse("00000000-0000-4000-8000-0000000000ff")) != "" {
		t.Error("a principal that is not there has a stamp")
	}
}

func TestANameOfTheCatalogMeansTheCatalog(t *testing.T) {
	d := newDraft(t)
	lookalike := directory.Application{DisplayName: "Microsoft Graph", IdentifierURIs: []string{"api://lookalike"},
		AppRoles: []directory.AppRole{{Value: "User.Read.All", AllowedMembers: directory.MemberApplication, Enabled: true}}}
	if _, err := d.CreateApplication(lookalike); err != nil {
		t.Fatal(err)
	}
	sp, _, err := d.Directory().FindAppRole("microsoft graph", "User.Read.All", directory.MemberApplication)
	if err != nil || sp.AppID != directory.GraphAppID {
		t.Errorf("%+v, %v", sp, err)
	}
	for _, uri := range []string{"api://one", "api://two"} {
		if _, err := d.CreateApplication(directory.Application{DisplayName: "Orders", IdentifierURIs: []string{uri},
			AppRoles: []directory.AppRole{{Value: "R", AllowedMembers: directory.MemberApplication, Enabled: true}}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := d.Directory().FindAppRole("Orders", "R", directory.MemberApplication); !apierr.Is(err, apierr.ReferenceInvalid) ||
		!strings.Contains(err.Error(), "Several applications") {
		t.Errorf("two of one name: %v", err)
	}
	if sp, _, err := d.Directory().FindAppRole("api://two", "R", directory.MemberApplication); err != nil || sp.DisplayName != "Orders" {
		t.Errorf("by URI: %+v, %v", sp, err)
	}
}
