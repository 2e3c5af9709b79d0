package rbac

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

var (
	ann, bob   = id(1), id(2)
	team, dept = id(10), id(11)
	firm       = id(12)

	siteRead, siteWrite  = ControlAction("Microsoft.Web/sites/read"), ControlAction("Microsoft.Web/sites/write")
	assignmentWrite      = ControlAction("Microsoft.Authorization/roleAssignments/write")
	assignmentDelete     = ControlAction("Microsoft.Authorization/roleAssignments/delete")
	blobRead, blobWrite  = DataAction(blobs + "read"), DataAction(blobs + "write")
	getSecret, setSecret = DataAction("Microsoft.KeyVault/vaults/secrets/getSecret/action"), DataAction("Microsoft.KeyVault/vaults/secrets/setSecret/action")
)

const blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/"

// The cases are those of section 13 of the specification of Resource Manager.
func TestConformance(t *testing.T) {
	type want struct {
		action  Action
		scope   resource.ID
		outcome Outcome
	}
	for _, c := range []struct {
		name  string
		given func(l *lists)
		want  []want
	}{
		{"76 a management group's assignments hold below it", func(l *lists) { l.grant(t, ann, "Reader", testDivision) }, []want{
			{siteRead, testGroup, Allowed}, {siteRead, testSite, Allowed}, {siteRead, testDivision, Allowed},
			{siteRead, testRoot, NotAllowed}, {siteRead, Tenant, NotAllowed}}},
		{"79 Owner has no data actions", func(l *lists) { l.grant(t, ann, "Owner", testSubscription) }, []want{
			{blobRead, testContainer, NotAllowed}, {ControlAction(blobRead.String()), testContainer, Allowed}}},
		{"80 Storage Blob Data Reader", func(l *lists) { l.grant(t, ann, "Storage Blob Data Reader", testAccount) }, []want{
			{blobRead, testAccount, Allowed}, {blobRead, testContainer, Allowed}, {blobWrite, testContainer, NotAllowed}, {blobRead, testGroup, NotAllowed}}},
		{"81 Reader of the group, Contributor of one resource", func(l *lists) {
			l.grant(t, ann, "Reader", testGroup)
			l.grant(t, ann, "Contributor", testSite)
		}, []want{{siteRead, testVault, Allowed}, {siteWrite, testVault, NotAllowed}, {siteWrite, testSite, Allowed}, {siteWrite, testGroup, NotAllowed}}},
		{"70 Contributor cannot assign roles", func(l *lists) { l.grant(t, ann, "Contributor", testGroup) }, []want{
			{assignmentWrite, testGroup, NotAllowed}, {siteWrite, testGroup, Allowed}}},
		{"82 exceptions of one role take nothing from another", func(l *lists) {
			l.grant(t, ann, "Contributor", testGroup)
			l.grant(t, ann, "User Access Administrator", testGroup)
		}, []want{{assignmentWrite, testGroup, Allowed}, {siteWrite, testSite, Allowed}}},
		{"exceptions of one permission take nothing from another of the same role", func(l *lists) {
			l.custom(id(50), Permission{Actions: []string{"*"}, NotActions: []string{"*/write"}}, Permission{Actions: []string{"Microsoft.Web/sites/write"}})
			l.assignments = append(l.assignments, &RoleAssignment{ID: id(51), Scope: testGroup, Role: id(50), Principal: ann})
		}, []want{{siteWrite, testSite, Allowed}, {ControlAction("Microsoft.Web/plans/write"), testSite, NotAllowed}}},
		{"86 scope of one secret", func(l *lists) { l.grant(t, ann, "Key Vault Secrets User", testVault+"/secrets/a") }, []want{
			{getSecret, testVault + "/secrets/a", Allowed}, {getSecret, testVault + "/secrets/b", NotAllowed}, {getSecret, testVault + "/secrets/ab", NotAllowed},
			{getSecret, testVault + "/secrets/A/versions/1", Allowed}, {getSecret, testVault, NotAllowed}, {setSecret, testVault + "/secrets/a", NotAllowed}}},
		{"scopes and actions in any case", func(l *lists) { l.grant(t, ann, "Reader", testGroup) }, []want{
			{ControlAction("MICROSOFT.WEB/SITES/READ"), resource.ID(strings.ToUpper(string(testSite))), Allowed},
			{siteRead, resource.ID(strings.Replace(string(testSite), "/resourceGroups/", "//RESOURCEgroups/", 1)) + "/", Allowed}}},
		{"a group whose name begins like another's", func(l *lists) { l.grant(t, ann, "Reader", testGroup) }, []want{
			{siteRead, testGroup + "2", NotAllowed}, {siteRead, testSubscription + "/resourceGroups/Rg", NotAllowed}}},
		{"a role that is gone", func(l *lists) {
			l.assignments = append(l.assignments, &RoleAssignment{ID: id(51), Scope: Tenant, Role: id(99), Principal: ann})
		}, []want{{siteRead, testSite, NotAllowed}}},
	} {
		l := newTree(t)
		c.given(l)
		for _, w := range c.want {
			d := Check(l, Request{Principal: ann, Action: w.action, Scope: w.scope})
			if d.Outcome != w.outcome {
				t.Errorf("%s: %s at %s: %s, want %s\n%s", c.name, w.action, w.scope, d.Outcome, w.outcome, d.Explain())
			}
			if other := Check(l, Request{Principal: bob, Action: w.action, Scope: w.scope}); other.Allowed() {
				t.Errorf("%s: bob may, too: %s", c.name, other.Explain())
			}
		}
	}
}

// newTree puts the subscription below a management group below the root.
func newTree(t testing.TB) *lists {
	l := newLists(t)
	l.above[strings.ToLower(string(testSubscription))] = string(testDivision)
	l.above[strings.ToLower(string(testDivision))] = string(testRoot)
	l.above[strings.ToLower(string(testRoot))] = ""
	return l
}

func TestDenyBeatsEveryRole(t *testing.T) { // case 83
	everyone := Target{Everyone, TypeSystemDefined}
	for _, c := range []struct {
		name string
		deny DenyAssignment
		want map[resource.ID]Outcome
	}{
		{"at the group", DenyAssignment{Scope: testGroup, Principals: []Target{everyone}},
			map[resource.ID]Outcome{testGroup: Denied, testSite: Denied, testSubscription: Allowed}},
		{"not below", DenyAssignment{Scope: testGroup, NotBelow: true, Principals: []Target{everyone}},
			map[resource.ID]Outcome{testGroup: Denied, testSite: Allowed}},
		{"at the tenant, not below", DenyAssignment{Scope: Tenant, NotBelow: true, Principals: []Target{everyone}},
			map[resource.ID]Outcome{Tenant: Denied, testRoot: Allowed, testSite: Allowed}},
		{"at the division", DenyAssignment{Scope: testDivision, Principals: []Target{everyone}},
			map[resource.ID]Outcome{testSite: Denied, testDivision: Denied, testRoot: Allowed}},
		{"ann herself is excluded", DenyAssignment{Scope: testGroup, Principals: []Target{everyone}, Exclude: []Target{{ann, TypeUser}}},
			map[resource.ID]Outcome{testSite: Allowed}},
		{"a group of hers is excluded", DenyAssignment{Scope: testGroup, Principals: []Target{everyone}, Exclude: []Target{{firm, TypeGroup}}},
			map[resource.ID]Outcome{testSite: Allowed}},
		{"for a group of hers", DenyAssignment{Scope: testGroup, Principals: []Target{{firm, TypeGroup}}}, map[resource.ID]Outcome{testSite: Denied}},
		{"for somebody else", DenyAssignment{Scope: testGroup, Principals: []Target{{bob, TypeUser}}}, map[resource.ID]Outcome{testSite: Allowed}},
	} {
		l := newTree(t)
		l.members = map[guid.GUID][]guid.GUID{team: {ann}, dept: {team}, firm: {dept, team}}
		l.grant(t, ann, "Owner", Tenant)
		c.deny.Permissions = []Permission{{Actions: []string{"*/write"}, NotActions: []string{"Microsoft.Authorization/*"}}}
		l.denies = Denies{}.With(&c.deny)
		for scope, want := range c.want {
			if d := Check(l, Request{Principal: ann, Action: siteWrite, Scope: scope}); d.Outcome != want {
				t.Errorf("%s: %s, want %s: %s", c.name, scope, want, d.Explain())
			}
			for _, free := range []Action{siteRead, assignmentWrite} {
				if d := Check(l, Request{Principal: ann, Action: free, Scope: scope}); !d.Allowed() {
					t.Errorf("%s: %s was not denied: %s", c.name, free, d.Explain())
				}
			}
		}
	}
}

func TestDenyWithACondition(t *testing.T) {
	for condition, want := range map[string]Outcome{
		`ActionMatches{'*/write'}`: Denied,
		`ActionMatches{'*/read'}`:  Allowed,
		`NoOperatorOfOurs`:         Denied, // what cannot be read denies
	} {
		l := newTree(t)
		l.grant(t, ann, "Owner", Tenant)
		l.denies = Denies{}.With(&DenyAssignment{Scope: testGroup, Principals: []Target{{ann, TypeUser}},
			Permissions: []Permission{{Actions: []string{"*"}, Condition: condition}}})
		if d := Check(l, Request{Principal: ann, Action: siteWrite, Scope: testSite}); d.Outcome != want {
			t.Errorf("%s: %s", condition, d.Explain())
		}
	}
}

func TestGroupsInGroups(t *testing.T) { // case 84
	l := newTree(t)
	l.members = map[guid.GUID][]guid.GUID{team: {ann, firm}, dept: {team}, firm: {dept}} // in a circle, too
	a := l.grant(t, firm, "Contributor", testGroup)
	d := Check(l, Request{Principal: ann, Action: siteWrite, Scope: testSite})
	if !d.Allowed() || d.Via != firm || d.Assignment != a || d.Role.ID != Contributor {
		t.Errorf("%+v", d)
	}
	l.members[team] = nil
	if d := Check(l, Request{Principal: ann, Action: siteWrite, Scope: testSite}); d.Allowed() {
		t.Error("the membership is gone and still counts")
	}
}

func TestManyGroupsAndManyAssignments(t *testing.T) {
	l := newTree(t)
	for n := range 200 { // more than any room on the stack
		l.members[id(5000+n)] = []guid.GUID{ann}
		l.grant(t, ann, "Reader", testGroup+resource.ID("/providers/Microsoft.Web/sites/f"+id(n).String()))
	}
	l.grant(t, id(5199), "Contributor", testGroup)
	if d := Check(l, Request{Principal: ann, Action: siteWrite, Scope: testSite}); !d.Allowed() || d.Via != id(5199) {
		t.Errorf("%s", d.Explain())
	}
	deep := testGroup + "/providers/Microsoft.X/a/b" + resource.ID(strings.Repeat("/c/d", 40))
	if d := Check(l, Request{Principal: ann, Action: siteWrite, Scope: deep}); !d.Allowed() {
		t.Errorf("%s", d.Explain())
	}
	for n := range 200 {
		own := testGroup + resource.ID("/providers/Microsoft.Web/sites/f"+id(n).String())
		if d := Check(l, Request{Principal: ann, Action: siteRead, Scope: own}); !d.Allowed() || d.Assignment.Scope != own {
			t.Errorf("%d: %s", n, d.Explain())
		}
	}
}

// Case 88: the first condition is the vendor's own for excluding several roles.
func TestWhoeverMayAssignRolesMayNotAssignAll(t *testing.T) {
	exclude := "(!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId]" +
		" ForAnyOfAnyValues:GuidNotEquals {" + Owner.String() + ", " + UserAccessAdministrator.String() + "})"
	l := newTree(t)
	l.grant(t, ann, "User Access Administrator", testGroup, exclude)
	l.grant(t, bob, "Key Vault Data Access Administrator", testVault)
	secretsUser := l.catalog.RoleNamed("key vault secrets user").ID
	for _, c := range []struct {
		who    guid.GUID
		action Action
		role   guid.GUID
		want   bool
	}{
		{ann, assignmentWrite, Owner, false}, {ann, assignmentWrite, UserAccessAdministrator, false}, {ann, assignmentWrite, Reader, true},
		{ann, assignmentDelete, Owner, true},
		{bob, assignmentWrite, secretsUser, true}, {bob, assignmentWrite, Owner, false},
		{bob, assignmentDelete, secretsUser, true}, {bob, assignmentDelete, Owner, false},
	} {
		source := RequestSource
		if c.action.String() == assignmentDelete.String() {
			source = Resource
		}
		d := Check(l, Request{Principal: c.who, Action: c.action, Scope: testVault,
			Attributes: AssignmentAttributes(source, &RoleAssignment{Role: c.role, Principal: ann, PrincipalType: TypeUser})})
		if d.Allowed() != c.want || d.Conditional() == c.want {
			t.Errorf("%s of %s: %s", c.action, c.role, d.Explain())
		}
	}
	if d := Check(l, Request{Principal: bob, Action: assignmentWrite, Scope: testVault}); d.Allowed() {
		t.Error("a request that does not say which role it is about was allowed")
	}
}

func TestExplain(t *testing.T) {
	l := newTree(t)
	l.members[team] = []guid.GUID{ann}
	l.grant(t, team, "Reader", testGroup)
	l.grant(t, bob, "Contributor", testGroup)
	l.grant(t, bob, "Storage Blob Data Reader", testGroup, "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'x'")
	l.denies = Denies{}.With(&DenyAssignment{Name: "freeze", Scope: testVault, Principals: []Target{{team, TypeGroup}},
		Permissions: []Permission{{Actions: []string{"*"}}}})
	for want, r := range map[string]Request{
		"the assignment " + id(1000).String() + " gives the role Reader at " + string(testGroup) + " to the group " + team.String(): {Principal: ann, Action: siteRead, Scope: testSite},
		"its only role assignment there or above does not allow it":                                                                 {Principal: ann, Action: siteWrite, Scope: testSite},
		"none of its 2 role assignments there and above allows it":                                                                  {Principal: bob, Action: assignmentWrite, Scope: testSite},
		"which excepts this action":                                   {Principal: bob, Action: assignmentWrite, Scope: testSite},
		"the condition of the assignment is not fulfilled: @Resource": {Principal: bob, Action: blobRead, Scope: testContainer},
		`the deny assignment "freeze"`:                                {Principal: ann, Action: siteRead, Scope: testVault},
		"through the group " + team.String():                          {Principal: ann, Action: siteRead, Scope: testVault},
		"no role is assigned there or above":                          {Principal: id(77), Action: siteRead, Scope: testVault},
		"the data action " + blobWrite.String():                       {Principal: bob, Action: blobWrite, Scope: testContainer},
	} {
		if text := Check(l, r).Explain(); !strings.Contains(text, want) {
			t.Errorf("%q does not say %q", text, want)
		}
	}
}

func TestWho(t *testing.T) {
	l := newTree(t)
	l.members = map[guid.GUID][]guid.GUID{team: {ann, bob}, dept: {team, id(3)}}
	l.grant(t, dept, "Reader", testDivision)
	l.grant(t, id(4), "Contributor", testSite)
	l.grant(t, id(5), "Contributor", testVault)
	l.denies = Denies{}.With(&DenyAssignment{Scope: testGroup, Principals: []Target{{bob, TypeUser}}, Permissions: []Permission{{Actions: []string{"*"}}}})
	who := maps.Collect(Who(l, l, Request{Action: siteRead, Scope: testSite}))
	if len(who) != 5 || who[ann].Via != dept || !who[id(4)].Via.IsZero() || who[id(3)].Via != dept || !who[team].Allowed() || !who[dept].Allowed() {
		t.Errorf("%v", slices.Collect(maps.Keys(who)))
	}
	held := Holdings(l, ann, testSite)
	if len(held) != 1 || held[0].Via != dept || held[0].Role.ID != Reader || !slices.Equal(held[0].Role.Permissions[0].Actions, []string{"*/read"}) { // case 89
		t.Errorf("%+v", held)
	}
}

func TestCheckAllocatesNothing(t *testing.T) {
	l := newTree(t)
	l.grant(t, ann, "Reader", testGroup)
	var p Policy = still{l, l.Grants(ann), []*Place{l.Place(string(testSubscription), 0), l.Place(string(testDivision), 0), l.Place(string(testRoot), 0)}}
	for _, action := range []Action{siteRead, siteWrite} {
		if n := testing.AllocsPerRun(100, func() { Check(p, Request{Principal: ann, Action: action, Scope: testSite}) }); n > 0 {
			t.Errorf("%v allocations", n)
		}
	}
}

// still is a Policy that does not allocate itself.
type still struct {
	*lists
	grants Grants
	places []*Place
}

func (s still) MemberOf(guid.GUID) []guid.GUID { return nil }
func (s still) Grants(guid.GUID) Grants        { return s.grants }
func (s still) Denies() Denies                 { return Denies{} }
func (s still) Place(scope string, _ Mark) *Place {
	for i, of := range []resource.ID{testSubscription, testDivision, testRoot} {
		if scope == string(of) {
			return s.places[i]
		}
	}
	return nil
}
