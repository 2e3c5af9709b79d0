package state

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
)

// furnished is a user-assigned identity that has everything an identity can be given.
type furnished struct {
	resource.ManagedIdentity
	site, denied resource.ID
	group, ann   guid.GUID
	role, onIt   rbac.RoleAssignment
	alone, among rbac.DenyAssignment
}

func furnish(t *testing.T, d *Draft) (f furnished) {
	t.Helper()
	fatal := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	f.ManagedIdentity, _, err = d.PutIdentity(ManagedIdentitySpec{ID: identityID("id-a"), Tags: map[string]string{"k": "v"}})
	fatal(err)
	f.site, f.denied = newSite(t, d, "f"), newSite(t, d, "g")
	_, _, err = d.PutResource(ResourceSpec{ID: f.site, Identity: IdentitySpec{System: true, User: []resource.ID{f.ID}}})
	fatal(err)
	g, err := d.CreateGroup(directory.Group{DisplayName: "ops"})
	fatal(err)
	f.group, f.ann = g.ID, newUser(t, d, "ann")
	fatal(d.AddMember(f.group, f.PrincipalID))
	graph, _ := d.Directory().ServicePrincipalByAppID(directory.GraphAppID)
	app, _ := d.Directory().AppOf(graph)
	_, err = d.Grant(f.PrincipalID, graph.ID, app.AppRoles[0].ID)
	fatal(err)
	_, _, err = d.PutFederatedCredential(directory.FederatedCredential{Principal: f.PrincipalID, Name: "ci-main", Issuer: "https://ci.example", Subject: "main",
		Audiences: []string{"api://AzureADTokenExchange"}})
	fatal(err)
	f.role, f.onIt = assign(t, d, f.PrincipalID, rbac.Contributor, testGroup), assign(t, d, f.ann, rbac.Owner, f.ID)
	target := rbac.Target{ID: f.PrincipalID, Type: rbac.TypeServicePrincipal}
	all := []rbac.Permission{{Actions: []string{"*"}}}
	f.alone, err = d.PutDenyAssignment(rbac.DenyAssignment{Name: "alone", Scope: f.denied, Permissions: all, Principals: []rbac.Target{target}})
	fatal(err)
	f.among, err = d.PutDenyAssignment(rbac.DenyAssignment{Name: "among", Scope: f.denied, Permissions: all,
		Principals: []rbac.Target{{ID: f.ann, Type: rbac.TypeUser}, target}})
	fatal(err)
	return f
}

func TestARestoredIdentityIsWhatItWas(t *testing.T) {
	d := newDraft(t)
	f := furnish(t, d)
	before := describe(d.Directory())
	if err := d.DeleteIdentity(f.ID); err != nil {
		t.Fatal(err)
	}
	if may(d, f.PrincipalID, siteWrite, f.site) || strings.Contains(describe(d.Directory()), "id-a") {
		t.Error("something is left of the identity")
	}
	d.env.Now = d.env.Now.Add(DeletedFor - time.Second)
	got, err := d.RestoreIdentity(f.PrincipalID)
	if err != nil || len(got.Lost) > 0 || got.Back != 6 { // membership, app role, two roles, credential, attachment
		t.Fatalf("%d back, lost %v, %v", got.Back, got.Lost, err)
	}
	if after := describe(d.Directory()); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	again, _ := d.Directory().Identity(f.ID)
	credential, ok := d.Directory().FederatedCredential(f.PrincipalID, "CI-main")
	if again.ClientID != f.ClientID || again.Tags["k"] != "v" || !ok || credential.Subject != "main" {
		t.Errorf("%+v, %+v", again, credential)
	}
	if !may(d, f.PrincipalID, siteWrite, f.site) || may(d, f.PrincipalID, siteRead, f.denied) || !may(d, f.ann, siteWrite, f.ID) {
		t.Error("it may not do what it might, or sheds what it was denied")
	}
	if has, _ := d.Directory().RoleAssignment(f.onIt.ID); has == nil {
		t.Error("the role on the identity is gone")
	}
	if _, err := d.RestoreIdentity(f.PrincipalID); !apierr.Is(err, apierr.ObjectNotFound) {
		t.Errorf("restored twice: %v", err)
	}
}

func TestRestoringTellsWhatIsLost(t *testing.T) {
	d := newDraft(t)
	f := furnish(t, d)
	late := assign(t, d, f.PrincipalID, rbac.Reader, f.denied)
	for _, err := range []error{d.DeleteIdentity(f.ID), d.DeleteGroup(f.group), d.DeleteUser(f.ann), d.DeleteResource(f.site), d.DeleteResource(f.denied)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := d.RestoreIdentity(f.PrincipalID)
	if err != nil || got.Back != 3 { // app role, role on the group, credential
		t.Fatalf("%d back, %v", got.Back, err)
	}
	for _, want := range []string{f.group.String() + ": the group is gone", "on the identity: the principal is gone", string(f.denied) + ": the scope is gone",
		"identity block of " + string(f.site) + ": the resource is gone"} {
		if !slices.ContainsFunc(got.Lost, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("nothing says %q: %q", want, got.Lost)
		}
	}
	if _, ok := d.Directory().RoleAssignment(late.ID); ok || len(got.Lost) != 4 {
		t.Errorf("lost %q", got.Lost)
	}
}

// TestRestoringDoesNotBringBackWhatOthersTookAway: between the deletion and the restoration, the deny assignments change.
func TestRestoringDoesNotBringBackWhatOthersTookAway(t *testing.T) {
	d := newDraft(t)
	f := furnish(t, d)
	if err := d.DeleteIdentity(f.ID); err != nil {
		t.Fatal(err)
	}
	if err := d.DeleteDenyAssignment(f.among.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := d.RestoreIdentity(f.PrincipalID); err != nil {
		t.Fatal(err)
	}
	if _, ok := d.Directory().DenyAssignment(f.among.ID); ok {
		t.Error("a deny assignment that somebody deleted is back")
	}
	if _, ok := d.Directory().DenyAssignment(f.alone.ID); !ok {
		t.Error("the identity has shed a deny assignment of its own")
	}
}

func TestWhatCannotBeRestored(t *testing.T) {
	for what, c := range map[string]struct {
		prepare func(d *Draft, f furnished) error
		want    apierr.Code
	}{
		"too late":          {func(d *Draft, _ furnished) error { d.env.Now = d.env.Now.Add(DeletedFor); return nil }, apierr.ObjectNotFound},
		"purged":            {func(d *Draft, f furnished) error { return d.PurgeDeleted(f.PrincipalID) }, apierr.ObjectNotFound},
		"the group is gone": {func(d *Draft, _ furnished) error { return d.DeleteResourceGroup(testGroup) }, apierr.ResourceGroupNotFound},
		"the name is taken": {func(d *Draft, f furnished) error { return second(d.PutIdentity(ManagedIdentitySpec{ID: f.ID})) }, apierr.ObjectExists},
		"the ids are taken": {func(d *Draft, f furnished) error {
			return second(d.PutIdentity(ManagedIdentitySpec{ID: identityID("id-b"), ClientID: f.ClientID}))
		}, apierr.ObjectExists},
		"it is of the system": {nil, apierr.ObjectExists},
	} {
		t.Run(what, func(t *testing.T) {
			d := newDraft(t)
			f := furnish(t, d)
			id := f.PrincipalID
			if c.prepare == nil { // switched off and on again
				r, _ := d.Directory().Resource(f.site)
				id = r.Identity.System.PrincipalID
				for _, on := range []bool{false, true} {
					if _, _, err := d.PutResource(ResourceSpec{ID: f.site, Identity: IdentitySpec{System: on}}); err != nil {
						t.Fatal(err)
					}
				}
			} else if err := d.DeleteIdentity(f.ID); err != nil {
				t.Fatal(err)
			} else if err := c.prepare(d, f); err != nil {
				t.Fatal(err)
			}
			before := len(d.Batch().Records)
			if _, err := d.RestoreIdentity(id); !apierr.Is(err, c.want) || len(d.Batch().Records) != before {
				t.Errorf("%v, %d records more", err, len(d.Batch().Records)-before)
			}
		})
	}
}

func second[A, B any](_ A, _ B, err error) error { return err }

func TestASystemIdentityGoesBackToItsResource(t *testing.T) {
	d := newDraft(t)
	site := newSite(t, d, "f")
	spec := ResourceSpec{ID: site, Identity: IdentitySpec{System: true}}
	r, _, err := d.PutResource(spec)
	if err != nil {
		t.Fatal(err)
	}
	was := *r.Identity.System
	assign(t, d, was.PrincipalID, rbac.Reader, testGroup)
	if err := d.DeleteResource(site); err != nil {
		t.Fatal(err)
	}
	if _, err := d.RestoreIdentity(was.PrincipalID); !apierr.Is(err, apierr.ResourceNotFound) {
		t.Errorf("without its resource: %v", err)
	}
	newSite(t, d, "f")
	if _, err := d.RestoreIdentity(was.PrincipalID); err != nil {
		t.Fatal(err)
	}
	now, _ := d.Directory().Resource(site)
	if now.Identity.System == nil || *now.Identity.System != was || !may(d, was.PrincipalID, siteRead, site) {
		t.Errorf("%+v", now.Identity)
	}
}

func TestDeletedItemsEnd(t *testing.T) {
	d := newDraft(t)
	f := furnish(t, d)
	if err := d.DeleteIdentity(f.ID); err != nil {
		t.Fatal(err)
	}
	d.env.Now = d.env.Now.Add(DeletedFor)
	d.PurgeExpired()
	if _, ok := d.Directory().DeletedItem(f.PrincipalID); !ok {
		t.Error("it ended a moment too early")
	}
	d.env.Now = d.env.Now.Add(time.Microsecond)
	d.PurgeExpired()
	if _, ok := d.Directory().DeletedItem(f.PrincipalID); ok || d.Directory().deletedByAge.len() != 0 {
		t.Error("it is there for ever")
	}
}

// TestARestoredIdentityIsNotAttachedToAnotherResource: who makes a resource again under the name of a former one does not
// come by the identities that the former one had.
func TestARestoredIdentityIsNotAttachedToAnotherResource(t *testing.T) {
	d := newDraft(t)
	f := furnish(t, d)
	if err := d.DeleteIdentity(f.ID); err != nil {
		t.Fatal(err)
	}
	if err := d.DeleteResource(f.site); err != nil {
		t.Fatal(err)
	}
	d.env.Now = d.env.Now.Add(time.Minute)
	newSite(t, d, f.site.Name())
	restored, err := d.RestoreIdentity(f.PrincipalID)
	if err != nil {
		t.Fatal(err)
	}
	if r, _ := d.Directory().Resource(f.site); len(r.Identity.User) != 0 {
		t.Errorf("attached to a resource that was made later: %v", r.Identity.User)
	}
	if lost := strings.Join(restored.Lost, "\n"); !strings.Contains(lost, "was made again since") {
		t.Errorf("what is lost: %s", lost)
	}
}
