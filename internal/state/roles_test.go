package state

import (
	"encoding/hex"
	"fmt"
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

var (
	testSubscription = resource.SubscriptionID(testGroup.Subscription())
	subscriptionID   = guid.MustParse(testGroup.Subscription())
	siteRead         = rbac.ControlAction("Microsoft.Web/sites/read")
	siteWrite        = rbac.ControlAction("Microsoft.Web/sites/write")
)

// newUser adds a user to a draft.
func newUser(t testing.TB, d *Draft, name string) guid.GUID {
	t.Helper()
	u, err := d.CreateUser(directory.User{UPN: name + "@contoso.example"})
	if err != nil {
		t.Fatal(err)
	}
	return u.ID
}

func newSite(t testing.TB, d *Draft, name string) resource.ID {
	t.Helper()
	if _, _, err := d.PutResource(ResourceSpec{ID: siteID(name)}); err != nil {
		t.Fatal(err)
	}
	return siteID(name)
}

// assign gives a role, which must work.
func assign(t testing.TB, d *Draft, principal, role guid.GUID, scope resource.ID) rbac.RoleAssignment {
	t.Helper()
	a, err := d.PutRoleAssignment(rbac.RoleAssignment{Scope: scope, Role: role, Principal: principal})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func may(d *Draft, principal guid.GUID, action rbac.Action, scope resource.ID) bool {
	return rbac.Check(d.Directory(), rbac.Request{Principal: principal, Action: action, Scope: scope}).Allowed()
}

func TestAnAssignmentCountsAtOnce(t *testing.T) {
	d := newDraft(t)
	ann, site := newUser(t, d, "ann"), newSite(t, d, "f")
	stamp := d.Directory().Stamp(ann)
	a := assign(t, d, ann, rbac.Contributor, testGroup) // case 61
	if a.ID.IsZero() || a.PrincipalType != rbac.TypeUser || a.Created != d.env.Now || a.Scope != testGroup {
		t.Errorf("%+v", a)
	}
	if !may(d, ann, siteWrite, site) || may(d, ann, siteWrite, testSubscription) {
		t.Error("the role is not there, or above its scope, too")
	}
	if d.Directory().Stamp(ann) != stamp {
		t.Error("the stamp changed, though no token says it")
	}
	if err := d.DeleteRoleAssignment(a.ID, false); err != nil || may(d, ann, siteRead, site) {
		t.Errorf("after its end it counts: %v", err)
	}
	if err := d.DeleteRoleAssignment(a.ID, false); !apierr.Is(err, apierr.RoleAssignmentNotFound) { // case 75
		t.Error(err)
	}
}

func TestRepeatedAssignments(t *testing.T) {
	d := newDraft(t)
	ann, bob := newUser(t, d, "ann"), newUser(t, d, "bob")
	a := assign(t, d, ann, rbac.Reader, testGroup)
	records := len(d.Batch().Records)
	again, err := d.PutRoleAssignment(a) // case 62
	if err != nil || again != a || len(d.Batch().Records) != records {
		t.Errorf("the same again: %+v, %v", again, err)
	}
	other := a
	other.ID, other.Scope = guid.GUID{}, resource.ID(strings.ToUpper(string(a.Scope)))
	if _, err := d.PutRoleAssignment(other); !apierr.Is(err, apierr.RoleAssignmentExists) || // case 63
		!strings.Contains(err.Error(), "role assignment already exists. The ID of the existing role assignment is "+hex.EncodeToString(a.ID[:])) {
		t.Error(err)
	}
	for _, change := range []func(*rbac.RoleAssignment){ // case 64
		func(x *rbac.RoleAssignment) { x.Principal = bob }, func(x *rbac.RoleAssignment) { x.Role = rbac.Owner }, func(x *rbac.RoleAssignment) { x.Scope = testSubscription },
	} {
		x := a
		change(&x)
		if _, err := d.PutRoleAssignment(x); !apierr.Is(err, apierr.RoleAssignmentUpdateNotPermitted) {
			t.Errorf("%+v: %v", x, err)
		}
	}
	d.env.Now = d.env.Now.Add(time.Hour)
	changed := a
	changed.Description, changed.UpdatedBy, changed.Condition = "why", bob, "ActionMatches{'*/read'}"
	changed, err = d.PutRoleAssignment(changed)
	if err != nil || changed.Created != a.Created || changed.Updated != d.env.Now || changed.UpdatedBy != bob || changed.ConditionVersion != "2.0" {
		t.Errorf("%+v, %v", changed, err)
	}
	if have, _ := d.Directory().RoleAssignment(a.ID); *have != changed {
		t.Errorf("kept is %+v", have)
	}
	back := changed
	back.ConditionVersion = "1.0"
	if _, err := d.PutRoleAssignment(back); !apierr.Is(err, apierr.ConditionInvalid) {
		t.Errorf("back to version 1.0: %v", err)
	}
}

func TestRoleAssignmentsRefused(t *testing.T) {
	d := newDraft(t)
	ann := newUser(t, d, "ann")
	newSite(t, d, "f")
	nobody := guid.MustParse("00000000-0000-4000-8000-0000000000ff")
	role, err := d.PutRoleDefinition(rbac.RoleDefinition{Name: "elsewhere", AssignableScopes: []resource.ID{siteID("f")}, Permissions: []rbac.Permission{{}}})
	if err != nil {
		t.Fatal(err)
	}
	before := len(d.Batch().Records)
	for name, c := range map[string]struct {
		code apierr.Code
		text string
		a    rbac.RoleAssignment
	}{
		"65 an unknown principal": {apierr.PrincipalNotFound, "Principal " + hex.EncodeToString(nobody[:]) + " does not exist in the directory " + testTenant.String() + ". ",
			rbac.RoleAssignment{Scope: testGroup, Role: rbac.Reader, Principal: nobody}},
		"an unknown user":             {apierr.PrincipalNotFound, "", rbac.RoleAssignment{Scope: testGroup, Role: rbac.Reader, Principal: nobody, PrincipalType: rbac.TypeUser}},
		"another type":                {apierr.UnmatchedPrincipalType, "has type 'User'", rbac.RoleAssignment{Scope: testGroup, Role: rbac.Reader, Principal: ann, PrincipalType: rbac.TypeGroup}},
		"67 an unknown role":          {apierr.RoleDefinitionDoesNotExist, "The specified role definition with ID '" + nobody.String() + "' does not exist.", rbac.RoleAssignment{Scope: testGroup, Role: nobody, Principal: ann}},
		"a role out of scope":         {apierr.RoleDefinitionDoesNotExist, "", rbac.RoleAssignment{Scope: testGroup, Role: role.ID, Principal: ann}},
		"no principal":                {apierr.PropertyInvalid, "", rbac.RoleAssignment{Scope: testGroup, Role: rbac.Reader}},
		"no role":                     {apierr.PropertyInvalid, "", rbac.RoleAssignment{Scope: testGroup, Principal: ann}},
		"no scope":                    {apierr.ResourceIDInvalid, "", rbac.RoleAssignment{Role: rbac.Reader, Principal: ann}},
		"a scope of no kind":          {apierr.ResourceIDInvalid, "is not a scope", rbac.RoleAssignment{Scope: "/providers/Microsoft.X/a/b", Role: rbac.Reader, Principal: ann}},
		"below a group of management": {apierr.ResourceIDInvalid, "is not a scope", rbac.RoleAssignment{Scope: rbac.ManagementGroupID("x") + "/providers/Microsoft.X/a/b", Role: rbac.Reader, Principal: ann}},
		"no such subscription":        {apierr.SubscriptionNotFound, "", rbac.RoleAssignment{Scope: resource.SubscriptionID(nobody.String()), Role: rbac.Reader, Principal: ann}},
		"no such group":               {apierr.ResourceGroupNotFound, "", rbac.RoleAssignment{Scope: testSubscription + "/resourceGroups/none", Role: rbac.Reader, Principal: ann}},
		"no such resource":            {apierr.ResourceNotFound, "", rbac.RoleAssignment{Scope: siteID("none") + "/slots/a", Role: rbac.Reader, Principal: ann}},
		"no such management":          {apierr.ManagementGroupNotFound, "", rbac.RoleAssignment{Scope: rbac.ManagementGroupID("none"), Role: rbac.Reader, Principal: ann}},
		"a bad condition":             {apierr.ConditionInvalid, "at character 5", rbac.RoleAssignment{Scope: testGroup, Role: rbac.Reader, Principal: ann, Condition: "oops"}},
		"an unknown version":          {apierr.ConditionInvalid, "", rbac.RoleAssignment{Scope: testGroup, Role: rbac.Reader, Principal: ann, Condition: "ActionMatches{'*'}", ConditionVersion: "3.0"}},
		"too long an account":         {apierr.PropertyInvalid, "", rbac.RoleAssignment{Scope: testGroup, Role: rbac.Reader, Principal: ann, Description: strings.Repeat("x", 3000)}},
		"everyone":                    {apierr.PropertyInvalid, "", rbac.RoleAssignment{Scope: testGroup, Role: rbac.Reader, Principal: ann, PrincipalType: rbac.TypeSystemDefined}},
	} {
		if _, err := d.PutRoleAssignment(c.a); !apierr.Is(err, c.code) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
		if len(d.Batch().Records) != before {
			t.Errorf("%s left records behind", name)
		}
	}
}

func TestAssignmentsThatMayBe(t *testing.T) {
	d := newDraft(t)
	ann, site := newUser(t, d, "ann"), newSite(t, d, "f")
	later := guid.MustParse("00000000-0000-4000-8000-0000000000ff")
	a, err := d.PutRoleAssignment(rbac.RoleAssignment{Scope: testGroup, Role: rbac.Reader, Principal: later, PrincipalType: rbac.TypeServicePrincipal}) // case 66
	if err != nil || a.PrincipalType != rbac.TypeServicePrincipal {
		t.Errorf("%+v, %v", a, err)
	}
	if _, _, err := d.PutIdentity(ManagedIdentitySpec{ID: identityID("id1"), PrincipalID: later}); err != nil || !may(d, later, siteRead, site) {
		t.Errorf("the principal came and has not what it was given: %v", err)
	}
	for _, scope := range []resource.ID{rbac.Tenant, rbac.ManagementGroupID(testTenant.String()), testSubscription, testGroup, site, site + "/secrets/a", identityID("id1")} {
		a := assign(t, d, ann, rbac.Reader, scope)
		if have := slices.Collect(d.Directory().AssignmentsAt(scope)); len(have) < 1 || !slices.ContainsFunc(have, func(x *rbac.RoleAssignment) bool { return *x == a }) {
			t.Errorf("%s is not found", scope)
		}
	}
	if a, err := d.PutRoleAssignment(rbac.RoleAssignment{Scope: "/" + testGroup + "/", Role: rbac.Owner, Principal: ann, // case 78
		Condition: "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'x'"}); err != nil || a.Scope != testGroup || a.ConditionVersion != "2.0" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestListsOfAssignments(t *testing.T) { // cases 71 to 74
	d := newDraft(t)
	ann, bob, site := newUser(t, d, "ann"), newUser(t, d, "bob"), newSite(t, d, "f")
	other := newSite(t, d, "F2")
	if _, err := d.PutManagementGroup(rbac.ManagementGroup{Name: "Division"}); err != nil {
		t.Fatal(err)
	}
	if err := d.PlaceSubscription(subscriptionID, "division"); err != nil {
		t.Fatal(err)
	}
	at := map[resource.ID]guid.GUID{}
	scopes := []resource.ID{rbac.Tenant, rbac.ManagementGroupID("Division"), testSubscription, testGroup, site, site + "/slots/a", other}
	for _, scope := range scopes {
		at[scope] = assign(t, d, ann, rbac.Reader, scope).ID
	}
	assign(t, d, bob, rbac.Reader, testGroup)
	dir := d.Directory()
	for i, scope := range scopes {
		var above, below []resource.ID
		for a := range dir.AssignmentsAbove(resource.ID(strings.ToUpper(string(scope)))) {
			if a.Principal == ann {
				above = append(above, a.Scope)
			}
		}
		for a := range dir.AssignmentsBelow(scope) {
			if a.Principal == ann {
				below = append(below, a.Scope)
			}
		}
		slices.Sort(below)
		wantAbove := scopes[:i+1]
		wantBelow := slices.Sorted(slices.Values(scopes[i+1:]))
		switch scope {
		case site + "/slots/a":
			wantBelow = nil
		case site:
			wantBelow = []resource.ID{site + "/slots/a"}
		case other:
			wantAbove, wantBelow = []resource.ID{scopes[0], scopes[1], scopes[2], scopes[3], other}, nil
		}
		if !slices.Equal(above, wantAbove) || !slices.Equal(below, wantBelow) {
			t.Errorf("at %s: above %q, below %q", scope, above, below)
		}
	}
	if n := dir.Grants(ann).Len(); n != len(scopes) {
		t.Errorf("ann has %d", n)
	}
	root := slices.Collect(dir.AssignmentsBelow(rbac.ManagementGroupID(testTenant.String())))
	if len(root) != len(scopes) { // without that at the tenant, with bob's
		t.Errorf("%d assignments below the root group", len(root))
	}
	g, err := d.CreateGroup(directory.Group{DisplayName: "g"})
	if err != nil {
		t.Fatal(err)
	}
	outer, err := d.CreateGroup(directory.Group{DisplayName: "outer"})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range [][2]guid.GUID{{g.ID, bob}, {outer.ID, g.ID}} {
		if err := d.AddMember(m[0], m[1]); err != nil {
			t.Fatal(err)
		}
	}
	assign(t, d, outer.ID, rbac.Owner, testSubscription)
	held := rbac.Holdings(d.Directory(), bob, testGroup)
	if len(held) != 2 || held[1].Via != outer.ID || held[1].Role.Name != "Owner" {
		t.Errorf("%+v", held)
	}
}

func TestCustomRoles(t *testing.T) {
	d := newDraft(t)
	ann, site := newUser(t, d, "ann"), newSite(t, d, "f")
	spec := rbac.RoleDefinition{Name: "Site Reader", AssignableScopes: []resource.ID{testGroup + "/"}, UpdatedBy: ann,
		Permissions: []rbac.Permission{{Actions: []string{"Microsoft.Web/sites/read"}}}}
	r, err := d.PutRoleDefinition(spec) // case 55
	if err != nil || r.ID.IsZero() || r.BuiltIn || r.Created != d.env.Now || r.CreatedBy != ann || r.AssignableScopes[0] != testGroup {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := d.PutRoleDefinition(spec); !apierr.Is(err, apierr.RoleDefinitionWithSameNameExists) { // case 56
		t.Error(err)
	}
	spec.Name = "READER"
	if _, err := d.PutRoleDefinition(spec); !apierr.Is(err, apierr.RoleDefinitionWithSameNameExists) {
		t.Errorf("the name of a built-in role: %v", err)
	}
	a := assign(t, d, ann, r.ID, site)
	if !may(d, ann, siteRead, site) || may(d, ann, siteWrite, site) {
		t.Error("the role does not do what it says")
	}
	if err := d.DeleteRoleDefinition(r.ID); !apierr.Is(err, apierr.RoleDefinitionHasAssignments) { // case 57
		t.Error(err)
	}
	d.env.Now = d.env.Now.Add(time.Second)
	changed := r
	changed.Name, changed.Permissions = "Site Writer", []rbac.Permission{{Actions: []string{"Microsoft.Web/sites/*"}}}
	changed, err = d.PutRoleDefinition(changed)
	if err != nil || changed.Created != r.Created || !changed.Updated.After(r.Updated) || !may(d, ann, siteWrite, site) {
		t.Errorf("%+v, %v", changed, err)
	}
	if _, ok := d.Directory().RoleNamed("site reader"); ok {
		t.Error("the old name is still known")
	}
	if role, ok := d.Directory().RoleNamed("SITE writer"); !ok || role.ID != r.ID {
		t.Error("the new name is not known")
	}
	if got := slices.Collect(d.Directory().RoleDefinitions(site)); len(got) != 171 || got[170].ID != r.ID { // case 59
		t.Errorf("%d roles at the site", len(got))
	}
	if got := slices.Collect(d.Directory().RoleDefinitions(testSubscription)); len(got) != 170 {
		t.Errorf("%d roles at the subscription", len(got))
	}
	if err := d.DeleteRoleAssignment(a.ID, false); err != nil {
		t.Fatal(err)
	}
	if err := d.DeleteRoleDefinition(r.ID); err != nil {
		t.Error(err)
	}
	if err := d.DeleteRoleDefinition(r.ID); !apierr.Is(err, apierr.RoleDefinitionNotFound) { // case 54
		t.Error(err)
	}
	for _, err := range []error{d.DeleteRoleDefinition(rbac.Reader), func() error { _, err := d.PutRoleDefinition(rbac.RoleDefinition{ID: rbac.Reader}); return err }()} {
		if !apierr.Is(err, apierr.RoleDefinitionUpdateNotPermitted) {
			t.Error(err)
		}
	}
}

func TestCustomRolesRefused(t *testing.T) {
	d := newDraft(t)
	group := rbac.ManagementGroupID(testTenant.String())
	for name, c := range map[string]struct {
		code   apierr.Code
		change func(*rbac.RoleDefinition)
	}{
		"58 data actions at a management group": {apierr.PropertyInvalid, func(r *rbac.RoleDefinition) {
			r.AssignableScopes, r.Permissions = []resource.ID{group}, []rbac.Permission{{DataActions: []string{"*"}}}
		}},
		"two management groups": {apierr.PropertyInvalid, func(r *rbac.RoleDefinition) {
			r.AssignableScopes = []resource.ID{group, testGroup, rbac.ManagementGroupID("x")}
		}},
		"no scope":         {apierr.PropertyInvalid, func(r *rbac.RoleDefinition) { r.AssignableScopes = nil }},
		"the tenant":       {apierr.PropertyInvalid, func(r *rbac.RoleDefinition) { r.AssignableScopes = []resource.ID{"/"} }},
		"a bad scope":      {apierr.ResourceIDInvalid, func(r *rbac.RoleDefinition) { r.AssignableScopes = []resource.ID{"x"} }},
		"no name":          {apierr.PropertyInvalid, func(r *rbac.RoleDefinition) { r.Name = "" }},
		"no permission":    {apierr.PropertyInvalid, func(r *rbac.RoleDefinition) { r.Permissions = nil }},
		"an empty action":  {apierr.PropertyInvalid, func(r *rbac.RoleDefinition) { r.Permissions[0].NotActions = []string{""} }},
		"no action":        {apierr.PropertyInvalid, func(r *rbac.RoleDefinition) { r.Permissions[0].Actions = []string{"do it"} }},
		"too many actions": {apierr.PropertyInvalid, func(r *rbac.RoleDefinition) { r.Permissions[0].Actions = slices.Repeat([]string{"a/b"}, 3000) }},
		"a bad condition":  {apierr.ConditionInvalid, func(r *rbac.RoleDefinition) { r.Permissions[0].Condition = "(" }},
		"too much to read": {apierr.PropertyInvalid, func(r *rbac.RoleDefinition) { r.Description = strings.Repeat("x", 5000) }},
	} {
		r := rbac.RoleDefinition{Name: "r", AssignableScopes: []resource.ID{testGroup}, Permissions: []rbac.Permission{{Actions: []string{"a/b"}}}}
		c.change(&r)
		before := len(d.Batch().Records)
		if _, err := d.PutRoleDefinition(r); !apierr.Is(err, c.code) || len(d.Batch().Records) != before {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheLastOwnerStays(t *testing.T) { // case 91
	d := newDraft(t)
	ann, bob := newUser(t, d, "ann"), newUser(t, d, "bob")
	first := assign(t, d, ann, rbac.Owner, testSubscription)
	assign(t, d, bob, rbac.Owner, testGroup)
	assign(t, d, bob, rbac.Contributor, testSubscription)
	if err := d.DeleteRoleAssignment(first.ID, false); !apierr.Is(err, apierr.LastOwnerAssignment) || !strings.Contains(err.Error(), "Cannot delete the last RBAC admin assignment") {
		t.Error(err)
	}
	second := assign(t, d, bob, rbac.Owner, testSubscription)
	if err := d.DeleteRoleAssignment(first.ID, false); err != nil {
		t.Error(err)
	}
	if err := d.DeleteRoleAssignment(second.ID, true); err != nil {
		t.Errorf("even the last: %v", err)
	}
}

func TestNothingOutlivesItsPrincipalOrScope(t *testing.T) {
	d := newDraft(t)
	ann, site := newUser(t, d, "ann"), newSite(t, d, "f")
	i, _, err := d.PutIdentity(ManagedIdentitySpec{ID: identityID("id1")})
	if err != nil {
		t.Fatal(err)
	}
	ofIdentity := assign(t, d, i.PrincipalID, rbac.Reader, testGroup)
	atIdentity := assign(t, d, ann, rbac.Reader, i.ID)
	atSite, below := assign(t, d, ann, rbac.Reader, site), assign(t, d, ann, rbac.Owner, site+"/slots/a")
	kept := assign(t, d, ann, rbac.Reader, testGroup)
	deny := func(name string, scope resource.ID, who ...rbac.Target) rbac.DenyAssignment {
		a, err := d.PutDenyAssignment(rbac.DenyAssignment{Name: name, Scope: scope, Principals: who, Permissions: []rbac.Permission{{Actions: []string{"x/y"}}}})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	theIdentity := rbac.Target{ID: i.PrincipalID, Type: rbac.TypeServicePrincipal}
	deniesIdentity := deny("identity", testGroup, theIdentity)
	deniesBoth := deny("both", testGroup, theIdentity, rbac.Target{ID: ann, Type: rbac.TypeUser})
	deniesSite := deny("site", site+"/slots/b", rbac.Target{ID: ann, Type: rbac.TypeUser})
	gone := func(what string, a rbac.RoleAssignment) {
		t.Helper()
		if _, ok := d.Directory().RoleAssignment(a.ID); ok || slices.ContainsFunc(slices.Collect(d.Directory().AssignmentsAt(a.Scope)), func(x *rbac.RoleAssignment) bool { return x.ID == a.ID }) {
			t.Errorf("the assignment %s is still there", what)
		}
	}
	if err := d.DeleteIdentity(i.ID); err != nil {
		t.Fatal(err)
	}
	gone("of the identity", ofIdentity)
	gone("at the identity", atIdentity)
	if _, ok := d.Directory().DenyAssignment(deniesIdentity.ID); ok {
		t.Error("a deny assignment for nobody is left")
	}
	if both, ok := d.Directory().DenyAssignment(deniesBoth.ID); !ok || len(both.Principals) != 1 || both.Principals[0].ID != ann {
		t.Errorf("%+v", both)
	}
	if err := d.DeleteResource(site); err != nil {
		t.Fatal(err)
	}
	gone("at the site", atSite)
	gone("below the site", below)
	if _, ok := d.Directory().DenyAssignment(deniesSite.ID); ok {
		t.Error("a deny assignment nowhere is left")
	}
	if _, ok := d.Directory().RoleAssignment(kept.ID); !ok {
		t.Error("the assignment at the group is gone, too")
	}
	if err := d.DeleteUser(ann); err != nil {
		t.Fatal(err)
	}
	gone("of the user", kept)
	if n := d.Directory().access.rolesUsed.len(); n != 0 {
		t.Errorf("%d roles are still counted as used", n)
	}
}

func TestManagementGroups(t *testing.T) {
	d := newDraft(t)
	ann, site := newUser(t, d, "ann"), newSite(t, d, "f")
	root := testTenant.String()
	put := func(name, parent string) error {
		_, err := d.PutManagementGroup(rbac.ManagementGroup{Name: name, Parent: parent})
		return err
	}
	for _, g := range [][2]string{{"A", ""}, {"b", "a"}, {"c", "B"}, {"other", root}} {
		if err := put(g[0], g[1]); err != nil {
			t.Fatal(err)
		}
	}
	if g, ok := d.Directory().ManagementGroup("B"); !ok || g.Name != "b" || g.Parent != "A" || g.DisplayName != "b" {
		t.Errorf("%+v", g)
	}
	if err := d.PlaceSubscription(subscriptionID, "C"); err != nil {
		t.Fatal(err)
	}
	a := assign(t, d, ann, rbac.Reader, rbac.ManagementGroupID("a"))
	if a.Scope != rbac.ManagementGroupID("a") || !may(d, ann, siteRead, site) || may(d, ann, siteRead, rbac.ManagementGroupID("other")) { // case 76
		t.Error("what is assigned at a group does not hold below it, or beside it")
	}
	wantLineage := []resource.ID{rbac.Tenant, rbac.ManagementGroupID(root), rbac.ManagementGroupID("A"), rbac.ManagementGroupID("b"), rbac.ManagementGroupID("c"), testSubscription}
	if got := rbac.Lineage(d.Directory(), testSubscription); !slices.Equal(got, wantLineage) {
		t.Errorf("%q", got)
	}
	for name, c := range map[string]struct {
		code apierr.Code
		do   func() error
	}{
		"below itself":                {apierr.PropertyInvalid, func() error { return put("a", "c") }},
		"its own parent":              {apierr.PropertyInvalid, func() error { return put("a", "a") }},
		"below nothing":               {apierr.ManagementGroupNotFound, func() error { return put("x", "nothing") }},
		"the root elsewhere":          {apierr.PropertyInvalid, func() error { return put(root, "a") }},
		"a bad name":                  {apierr.PropertyInvalid, func() error { return put("a/b", "") }},
		"a group with a group":        {apierr.ManagementGroupNotEmpty, func() error { return d.DeleteManagementGroup("a") }},
		"a group with a subscription": {apierr.ManagementGroupNotEmpty, func() error { return d.DeleteManagementGroup("c") }},
		"the root":                    {apierr.ManagementGroupNotEmpty, func() error { return d.DeleteManagementGroup(root) }},
		"what is not there":           {apierr.ManagementGroupNotFound, func() error { return d.DeleteManagementGroup("x") }},
		"no subscription":             {apierr.SubscriptionNotFound, func() error { return d.PlaceSubscription(testTenant, "a") }},
		"no group":                    {apierr.ManagementGroupNotFound, func() error { return d.PlaceSubscription(subscriptionID, "x") }},
		"too deep": {apierr.LimitExceeded, func() error {
			for i := range 4 {
				if err := put(fmt.Sprint("d", i), []string{"c", "d0", "d1", "d2"}[i]); err != nil {
					return err
				}
			}
			return nil
		}},
	} {
		if err := c.do(); !apierr.Is(err, c.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := put("b", "other"); err != nil || may(d, ann, siteRead, site) {
		t.Errorf("the group moved away and ann still may: %v", err)
	}
	if err := put(root, ""); err != nil {
		t.Error(err)
	}
	if _, err := d.PutManagementGroup(rbac.ManagementGroup{Name: root, DisplayName: "All"}); err != nil {
		t.Error(err)
	}
	groups := slices.Collect(d.Directory().ManagementGroups())
	if groups[0].DisplayName != "All" || groups[0].Name != root || groups[1].Name != "A" {
		t.Errorf("%+v", groups[0])
	}
	if err := d.PlaceSubscription(subscriptionID, ""); err != nil || d.Directory().GroupAbove(subscriptionID).Name != root {
		t.Errorf("%v", err)
	}
	for _, name := range []string{"d2", "d1", "d0", "c"} {
		if err := d.DeleteManagementGroup(name); err != nil {
			t.Error(err)
		}
	}
}

func TestTheLocalAdministratorIsOwner(t *testing.T) {
	d := newDraft(t)
	admin := d.Directory().LocalAdministrator().ID
	if !may(d, admin, siteWrite, testGroup) {
		t.Error("it is not")
	}
	assign(t, d, admin, rbac.Reader, testGroup)
	if !may(d, admin, siteWrite, testGroup) || d.Directory().Grants(admin).Len() != 3 {
		t.Error("with an assignment of its own it is no more")
	}
	reading := rbac.Request{Principal: admin, Action: rbac.DataAction("Microsoft.KeyVault/vaults/secrets/getSecret/action"), Scope: testGroup}
	if decision := rbac.Check(d.Directory(), reading); !decision.Allowed() || decision.Role.Name != "Key Vault Administrator" {
		t.Error("it does not read secrets: " + decision.Explain())
	}
	if len(slices.Collect(d.Directory().AssignmentsAt(rbac.Tenant))) != 0 {
		t.Error("what has no record is listed")
	}
}

// A new assignment, a group of 100,000 and what both write: one record each.
func TestAGroupGetsARoleInOneRecord(t *testing.T) {
	d := newDraft(t)
	site := newSite(t, d, "f")
	g, err := d.CreateGroup(directory.Group{DisplayName: "g"})
	if err != nil {
		t.Fatal(err)
	}
	records := d.batch.Records[:0:0]
	var member guid.GUID
	for i := range 100_000 {
		member = guid.Derive(testTenant, fmt.Sprint(i))
		records = append(records, put(testTenant, directory.Membership{Group: g.ID, Member: member}))
	}
	d.write(records...)
	before := len(d.Batch().Records)
	assign(t, d, g.ID, rbac.Reader, testGroup)
	if n := len(d.Batch().Records) - before; n != 1 {
		t.Errorf("%d records", n)
	}
	decision := rbac.Check(d.Directory(), rbac.Request{Principal: member, Action: siteRead, Scope: site})
	if !decision.Allowed() || decision.Via != g.ID {
		t.Error(decision.Explain())
	}
	if n := testing.AllocsPerRun(10, func() { may(d, member, siteRead, site) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
