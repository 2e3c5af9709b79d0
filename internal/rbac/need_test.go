package rbac

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

const (
	reviewed = "/subscriptions/4f0d2a6b-5f63-4c5c-8a44-6c6a5fd0c9a1"
	groupA   = reviewed + "/resourceGroups/a"
	groupB   = reviewed + "/resourceGroups/b"
	siteA    = groupA + "/providers/Microsoft.Web/sites/site"
	vaultA   = groupA + "/providers/Microsoft.KeyVault/vaults/kv"
)

// need reads "action at scope"; an action that begins with d: is a data action.
func need(action string, scope resource.ID) Need {
	data := strings.HasPrefix(action, "d:")
	return Need{strings.ToLower(strings.TrimPrefix(action, "d:")), data, scope}
}

func TestNeedsIncludeOneAnother(t *testing.T) {
	var n Needs
	for _, step := range []struct {
		add     Need
		changes bool
		left    int
	}{
		{need("a/b/read", siteA), true, 1},
		{need("a/b/read", resource.ID(strings.ToUpper(siteA))), false, 1},
		{need("a/b/write", siteA), true, 2},
		{need("d:a/b/read", siteA), true, 3},
		{need("a/b/read", groupA), true, 3}, // in the place of the one at the site
		{need("a/b/read", siteA), false, 3},
		{need("a/b/read", groupA+"b"), true, 4}, // not below it, though it begins like it
		{need("a/b/read", "/"), true, 3},
	} {
		if changed := n.Add(step.add); changed != step.changes || len(n.List) != step.left {
			t.Errorf("%+v: changed %v, %d needs; want %v, %d", step.add, changed, len(n.List), step.changes, step.left)
		}
	}
}

func TestNeedsAreBounded(t *testing.T) {
	site := func(sub, group, n int) resource.ID {
		return resource.ID(fmt.Sprintf("/subscriptions/s%d/resourceGroups/g%d/providers/Microsoft.Web/sites/n%d", sub, group, n))
	}
	scopes := func(n Needs) string {
		var all []string
		for _, need := range n.List {
			all = append(all, string(need.Scope))
		}
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	var n Needs
	for i := range maxNeeds {
		n.Add(need("a/read", site(1, 1, i)))
	}
	if len(n.List) != maxNeeds {
		t.Fatalf("%d needs", len(n.List))
	}
	n.Add(need("a/read", site(1, 2, 0)))
	if want := "/subscriptions/s1/resourceGroups/g1 /subscriptions/s1/resourceGroups/g2"; scopes(n) != want {
		t.Errorf("too many resources become %s", scopes(n))
	}
	if n.Add(need("a/read", site(1, 1, 1000))) {
		t.Error("what a group includes is added again")
	}
	for i := range maxNeeds {
		n.Add(need("a/read", site(1, i, 0)))
	}
	n.Add(need("a/read", site(2, 1, 0)))
	if !strings.HasPrefix(scopes(n), "/subscriptions/s1 /subscriptions/s2") {
		t.Errorf("too many groups become %s", scopes(n))
	}
	for i := range 2 * maxNeeds {
		n.Add(need(fmt.Sprintf("a/b%d/read", i), site(1, 1, 1)))
	}
	if !n.More || n.List != nil {
		t.Errorf("too many actions become %+v", n)
	}
	if n.Add(need("a/read", "/")) {
		t.Error("too many are not told apart any more")
	}
	var into Needs
	into.Merge(Needs{List: []Need{need("a/read", siteA), need("b/read", siteA)}})
	if into.Merge(Needs{List: []Need{need("a/read", groupA)}}); len(into.List) != 2 || into.More {
		t.Errorf("merged: %+v", into)
	}
	if into.Merge(n); !into.More || into.List != nil {
		t.Errorf("merged with too many: %+v", into)
	}
}

func TestNeedOfADecision(t *testing.T) {
	d := Decision{Action: DataAction("Microsoft.KeyVault/vaults/secrets/getSecret/action"), Scope: vaultA}
	if n := NeedOf(d); n != need("d:Microsoft.KeyVault/vaults/secrets/getSecret/action", vaultA) || n.action().lower != n.Action || !n.action().IsData() {
		t.Errorf("%+v", n)
	}
}

func TestBreadthOf(t *testing.T) {
	for scope, want := range map[resource.ID]Breadth{
		"/": AtTenant, "": AtTenant, "/providers/Microsoft.Management/managementGroups/mg": AtManagementGroup,
		"/providers/microsoft.management/MANAGEMENTGROUPS/mg": AtManagementGroup, reviewed: AtSubscription,
		groupA: AtGroup, siteA: AtResource, siteA + "/slots/blue": InResource, reviewed + "/providers/Microsoft.Policy/things/x": AtResource,
		reviewed + "/providers/Microsoft.Policy/things/x/parts/y": InResource,
		"/providers/Microsoft.Capacity/orders/x":                  AtResource,
	} {
		if got := BreadthOf(scope); got != want {
			t.Errorf("%s: %d, want %d", scope, got, want)
		}
	}
}

func TestReach(t *testing.T) {
	catalog, err := BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Reach{
		"Owner": {true, true, NoData}, "Contributor": {true, false, NoData}, "User Access Administrator": {false, true, NoData},
		"Role Based Access Control Administrator": {false, true, NoData},
	}
	for reach, names := range map[DataReach]string{
		ReadsSecrets: "Key Vault Administrator, Key Vault Certificate User, Key Vault Secrets Officer, Key Vault Secrets User",
		RulesData: "Key Vault Certificates Officer, Key Vault Crypto Officer, Storage Blob Data Owner, Storage File Data Privileged Contributor, Storage File Data SMB Admin," +
			" Storage File Data SMB MI Admin, Storage File Data SMB Share Elevated Contributor, Storage File Data SMB Take Ownership, Storage File Restore Contributor",
		UsesData: "Key Vault Crypto Service Encryption User, Key Vault Crypto Service Release User, Key Vault Crypto User, Storage Blob Data Contributor," +
			" Storage Blob Data Reader, Storage File Backup Contributor, Storage File Data Privileged Reader, Storage File Data SMB Share Contributor," +
			" Storage File Data SMB Share Reader, Storage Queue Data Contributor, Storage Queue Data Message Processor, Storage Queue Data Message Sender," +
			" Storage Queue Data Reader, Storage Table Data Contributor, Storage Table Data Reader",
	} {
		for _, name := range strings.Split(names, ", ") {
			want[name] = Reach{Data: reach}
		}
	}
	for _, role := range catalog.Roles() { // none but these, least of all those that give access under a condition
		if got := role.Reach(); got != want[role.Name] {
			t.Errorf("%s: %+v, want %+v", role.Name, got, want[role.Name])
		}
	}
	limited := OnlyRoles([]guid.GUID{Reader, Contributor})
	for name, c := range map[string]struct {
		permission Permission
		want       Reach
	}{
		"all":                     {Permission{Actions: []string{"*"}}, Reach{true, true, NoData}},
		"all but access":          {Permission{Actions: []string{"*"}, NotActions: []string{"microsoft.authorization/*"}}, Reach{Everything: true}},
		"all writes":              {Permission{Actions: []string{"*/write"}}, Reach{true, true, NoData}},
		"all reads":               {Permission{Actions: []string{"*/read"}}, Reach{}},
		"all but changes":         {Permission{Actions: []string{"*"}, NotActions: []string{"*/write", "*/delete", "*/action"}}, Reach{}},
		"all of one provider":     {Permission{Actions: []string{"Microsoft.KeyVault/*"}}, Reach{}},
		"all of authorization":    {Permission{Actions: []string{"Microsoft.Authorization/*"}}, Reach{GivesAccess: true}},
		"access, limited":         {Permission{Actions: []string{"Microsoft.Authorization/roleAssignments/*"}, Condition: limited}, Reach{}},
		"access, on no condition": {Permission{Actions: []string{"Microsoft.Authorization/roleAssignments/*"}, Condition: "1 == 1"}, Reach{GivesAccess: true}},
		"the same as data action": {Permission{DataActions: []string{"Microsoft.Authorization/roleAssignments/write"}}, Reach{}},
		"all data":                {Permission{DataActions: []string{"*"}}, Reach{Data: ReadsSecrets}},
		"all data but secrets":    {Permission{DataActions: []string{"*"}, NotDataActions: []string{"*/getSecret/action"}}, Reach{Data: RulesData}},
		"all reads of data":       {Permission{DataActions: []string{"*/read"}}, Reach{Data: UsesData}},
		"all of vaults":           {Permission{DataActions: []string{"microsoft.keyvault/VAULTS/*"}}, Reach{Data: ReadsSecrets}},
		"certificates":            {Permission{DataActions: []string{"Microsoft.KeyVault/vaults/certificates/*"}}, Reach{Data: RulesData}},
		"one key action":          {Permission{DataActions: []string{"Microsoft.KeyVault/vaults/keys/sign/action"}}, Reach{Data: UsesData}},
		"names of secrets": {Permission{DataActions: []string{"Microsoft.KeyVault/vaults/secrets/readMetadata/action", "Microsoft.KeyVault/vaults/keys/read"}},
			Reach{}},
		"given and excepted": {Permission{DataActions: []string{"Microsoft.Storage/x/read"}, NotDataActions: []string{"Microsoft.Storage/*"}}, Reach{}},
		"data of others":     {Permission{DataActions: []string{"Microsoft.EventHub/*"}}, Reach{}},
	} {
		if got := NewRole(&RoleDefinition{ID: guid.GUID{1}, Permissions: []Permission{c.permission}}).Reach(); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
