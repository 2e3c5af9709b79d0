package state

import (
	"regexp"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
)

const secretValue = "Microsoft.KeyVault/vaults/secrets/getSecret/action"

// TestRemedy has refusals with what would end them, and makes it so where a role would.
func TestRemedy(t *testing.T) {
	vault := resource.In(testGroup, resource.TypeVault, "kv-team")
	const twin = "bbbbbbbb-0000-4000-8000-00000000000"
	root := rbac.ManagementGroupID
	for name, c := range map[string]struct {
		action string // d: before a data action
		scope  resource.ID
		do     func(d *Draft, ann guid.GUID)
		want   string // behind "inborn role assign "; a sentence stands for itself
	}{
		"case 1: one secret":        {"d:" + secretValue, vault + "/secrets/api-key", nil, "--principal ann@contoso.example --role 'Key Vault Secrets User' --scope kv-team/secrets/api-key"},
		"the vault":                 {"d:Microsoft.KeyVault/vaults/secrets/readMetadata/action", vault, nil, "--principal ann@contoso.example --role 'Key Vault Reader' --scope kv-team"},
		"a resource":                {"Microsoft.Web/sites/read", siteID("func"), nil, "--principal ann@contoso.example --role Reader --scope func"},
		"to make one":               {"Microsoft.Web/sites/write", siteID("new"), nil, "--principal ann@contoso.example --role 'Website Contributor' --scope default"},
		"its group is called as it": {"Microsoft.Web/sites/write", siteID("new"), func(d *Draft, _ guid.GUID) { newSite(t, d, "Default") }, "--principal ann@contoso.example --role 'Website Contributor' --scope " + string(testGroup)},
		"below a resource":          {"Microsoft.Web/sites/slots/read", siteID("func") + "/slots/blue", nil, "--principal ann@contoso.example --role Reader --scope func/slots/blue"},
		"to make a group":           {"Microsoft.Resources/subscriptions/resourceGroups/write", testSubscription + "/resourceGroups/new", nil, "--scope " + string(testSubscription)},
		"the subscription":          {"Microsoft.Resources/subscriptions/read", testSubscription, nil, "--principal ann@contoso.example --role Reader --scope " + string(testSubscription)},
		"the tenant":                {"Inborn.Platform/traces/read", rbac.Tenant, nil, "--principal ann@contoso.example --role Reader --scope /"},
		"to make a management group": {"Microsoft.Management/managementGroups/write", root("new"), nil, "--role 'Management Group Contributor' --scope " +
			string(root(testTenant.String()))},
		"no such subscription": {"Microsoft.Web/sites/read", "/subscriptions/00000000-0000-4000-8000-0000000000ff/resourceGroups/x", nil,
			"No role can be given at /subscriptions/00000000-0000-4000-8000-0000000000ff/resourceGroups/x, which does not exist."},
		"no role has it": {"d:Contoso.Jobs/jobs/read", siteID("func"), nil, "No role that can be assigned at " + string(siteID("func")) + " has the action Contoso.Jobs/jobs/read."},
		"a custom role": {"Contoso.Jobs/jobs/read", siteID("func"), func(d *Draft, _ guid.GUID) {
			if err := d.PutResourceGroup(testSubscription+"/resourceGroups/other", "local"); err != nil {
				t.Fatal(err)
			}
			for n, at := range []resource.ID{testGroup, testSubscription + "/resourceGroups/other"} { // of the second it is no matter
				_, err := d.PutRoleDefinition(rbac.RoleDefinition{ID: guid.MustParse(twin + string('1'+rune(n))), Name: "Jobs " + string('1'+rune(n)),
					Permissions: []rbac.Permission{{Actions: []string{"Contoso.Jobs/jobs/read"}}}, AssignableScopes: []resource.ID{at}})
				if err != nil {
					t.Fatal(err)
				}
			}
		}, "--principal ann@contoso.example --role " + twin + "1 --scope func"},
		"two resources of one name": {"Microsoft.Web/sites/read", siteID("func"), func(d *Draft, _ guid.GUID) {
			if _, _, err := d.PutResource(ResourceSpec{ID: resource.In(testGroup, "Microsoft.App/jobs", "func")}); err != nil {
				t.Fatal(err)
			}
		}, "--scope " + string(siteID("func"))},
		"two subscriptions": {"Microsoft.Web/sites/read", siteID("func"), func(d *Draft, _ guid.GUID) {
			if err := d.PutSubscription(resource.Subscription{ID: guid.MustParse(twin + "9"), Name: "more"}); err != nil {
				t.Fatal(err)
			}
		}, "--scope " + string(siteID("func"))},
		"an application of the name": {"Microsoft.Web/sites/read", siteID("func"), func(d *Draft, _ guid.GUID) {
			if _, err := d.CreateApplication(directory.Application{DisplayName: "ann@contoso.example"}); err != nil {
				t.Fatal(err)
			}
		}, "--principal ANN --role Reader --scope func"},
		"a deny assignment": {"Microsoft.Web/sites/read", siteID("func"), func(d *Draft, _ guid.GUID) {
			_, err := d.PutDenyAssignment(rbac.DenyAssignment{ID: guid.MustParse(twin + "8"), Name: "freeze", Scope: testGroup, Principals: []rbac.Target{{ID: rbac.Everyone, Type: rbac.TypeSystemDefined}},
				Permissions: []rbac.Permission{{Actions: []string{"*"}}}})
			if err != nil {
				t.Fatal(err)
			}
		}, `No role helps: the deny assignment "freeze" (` + twin + `8) at ` + string(testGroup) + " takes it away."},
		"a condition of the assignment": {"d:" + secretValue, vault + "/secrets/a", func(d *Draft, ann guid.GUID) {
			_, err := d.PutRoleAssignment(rbac.RoleAssignment{ID: guid.MustParse(twin + "7"), Scope: testGroup, Role: rbac.KeyVaultAdministrator, Principal: ann, Condition: "!(ActionMatches{'*'})"})
			if err != nil {
				t.Fatal(err)
			}
		}, "No other role is needed: the role Key Vault Administrator at " + string(testGroup) + " has the action, but the condition of the assignment " + twin + "7 is not fulfilled."},
		"a condition of the role": {"Microsoft.Authorization/roleAssignments/write", siteID("func"), func(d *Draft, ann guid.GUID) {
			assign(t, d, ann, guid.MustParse("8b54135c-b56d-4d72-a534-26097cfdc8d8"), testGroup)
		}, "No other role is needed: the role Key Vault Data Access Administrator at " + string(testGroup) + " has the action, on a condition of its own that is not fulfilled."},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDraft(t)
			ann := newUser(t, d, "ann")
			newSite(t, d, "func")
			if _, _, err := d.PutResource(ResourceSpec{ID: vault, Properties: []byte(`{"enableRbacAuthorization":true}`)}); err != nil {
				t.Fatal(err)
			}
			if c.do != nil {
				c.do(d, ann)
			}
			name, isData := strings.CutPrefix(c.action, "d:")
			action := rbac.ControlAction(name)
			if isData {
				action = rbac.DataAction(name)
			}
			request := rbac.Request{Principal: ann, Action: action, Scope: c.scope}
			got := d.Directory().Remedy(rbac.Check(d.Directory(), request))
			if !strings.HasSuffix(got, strings.ReplaceAll(c.want, "ANN", ann.String())) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if command := regexp.MustCompile(`^inborn role assign --principal \S+ --role ('([^']+)'|(\S+)) --scope `).FindStringSubmatch(got); command != nil {
				role, ok := d.Directory().RoleNamed(command[2] + command[3])
				if !ok {
					role = d.Directory().Role(guid.MustParse(command[3]))
				}
				at, _ := d.Directory().Existing(c.scope)
				assign(t, d, ann, role.ID, at)
				if !rbac.Check(d.Directory(), request).Allowed() {
					t.Errorf("it does not help: %s", got)
				}
			} else if strings.HasPrefix(got, "inborn") {
				t.Errorf("no command: %s", got)
			}
		})
	}
	if got := newDraft(t).Directory().Remedy(rbac.Decision{}); got != "" {
		t.Errorf("what no role gives: %s", got)
	}
}

func TestExplainNamesPrincipalsBesideTheirIDs(t *testing.T) {
	d := newDraft(t)
	ann := newUser(t, d, "ann")
	team, err := d.CreateGroup(directory.Group{DisplayName: "team"})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.AddMember(team.ID, ann); err != nil {
		t.Fatal(err)
	}
	a := assign(t, d, team.ID, rbac.Reader, testGroup)
	user, _ := d.Directory().User(ann)
	found := rbac.Check(d.Directory(), rbac.Request{Principal: ann, Action: siteRead, Scope: siteID("f")})
	want := user.DisplayName + " (" + ann.String() + ") may do Microsoft.Web/sites/read at " + string(siteID("f")) + ": the assignment " + a.ID.String() +
		" gives the role Reader at " + string(testGroup) + " to the group team (" + team.ID.String() + ")."
	if user.DisplayName == "" {
		want = strings.TrimPrefix(want, " (")
		want = strings.Replace(want, ")", "", 1)
	}
	if got := d.Directory().Explain(found); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func BenchmarkRemedy(b *testing.B) {
	d := newDraft(b)
	ann, site := newUser(b, d, "ann"), newSite(b, d, "func")
	refused := rbac.Check(d.Directory(), rbac.Request{Principal: ann, Action: siteRead, Scope: site})
	d.Directory().Ranking()
	for b.Loop() {
		d.Directory().Remedy(refused)
	}
}
