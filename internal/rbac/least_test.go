package rbac

import (
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
)

func TestLeast(t *testing.T) {
	catalog, ranking := newRanking(t)
	if first := catalog.Ranking(); catalog.Ranking() != first {
		t.Error("the ranking of a catalog is made more than once")
	}
	custom := func(n byte, p Permission) *Role {
		return NewRole(&RoleDefinition{ID: guid.GUID{n}, Name: "Custom", Permissions: []Permission{p}})
	}
	const get, run = "Microsoft.KeyVault/vaults/secrets/getSecret/action", "Contoso.Jobs/jobs/run/action"
	tiny := custom(1, Permission{DataActions: []string{get}})
	twin := custom(2, Permission{DataActions: []string{get}})
	all := custom(3, Permission{Actions: []string{"*"}, DataActions: []string{"*"}})
	jobs := custom(4, Permission{Actions: []string{"Contoso.Jobs/*"}})
	runner := custom(5, Permission{Actions: []string{run, "Contoso.Jobs/jobs/stop/action"}})
	limited := custom(6, Permission{Actions: []string{run}, Condition: "!(ActionMatches{'*'})"})
	for _, c := range []struct {
		action string // d: before a data action
		others []*Role
		want   string // a role's name, or the number of a custom one
	}{
		{"d:" + get, nil, "Key Vault Secrets User"},
		{"d:Microsoft.KeyVault/vaults/secrets/setSecret/action", nil, "Key Vault Secrets Officer"},
		{"d:Microsoft.KeyVault/vaults/secrets/readMetadata/action", nil, "Key Vault Reader"},
		{"d:Microsoft.KeyVault/vaults/keys/sign/action", nil, "Key Vault Crypto User"},
		{"d:Microsoft.KeyVault/vaults/certificates/create/action", nil, "Key Vault Certificates Officer"},
		{"d:Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read", nil, "Storage Blob Data Reader"},
		{"d:Microsoft.Storage/storageAccounts/queueServices/queues/messages/add/action", nil, "Storage Queue Data Message Sender"},
		{get, nil, "Key Vault Contributor"}, // as if it were one of the control plane
		{"Microsoft.Web/sites/read", nil, "Reader"},
		{"Microsoft.Resources/subscriptions/resourceGroups/read", nil, "Reader"},
		{"Microsoft.Web/sites/write", nil, "Website Contributor"},
		{"Microsoft.Authorization/roleAssignments/write", nil, "Role Based Access Control Administrator"},
		{"Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", nil, "Managed Identity Operator"},
		{"d:Contoso.Jobs/jobs/read", nil, ""},
		{"Contoso.Jobs/jobs/run/action", nil, "Contributor"},
		{"d:" + get, []*Role{all, tiny, twin}, "1"},
		{"d:" + get, []*Role{twin, tiny}, "2"},
		{"d:" + get, []*Role{all}, "Key Vault Secrets User"},
		{run, []*Role{limited, all, jobs, runner}, "5"},
		{"Contoso.Jobs/jobs/start/action", []*Role{limited, all, jobs, runner}, "4"},
		{"d:Contoso.Jobs/jobs/read", []*Role{jobs, all}, "3"},
	} {
		n := need(c.action, vaultA)
		got := ""
		if role := ranking.Least(n.action(), c.others); role != nil {
			got = role.Name
			if !role.BuiltIn {
				got = string('0' + rune(role.ID[0]))
			}
		}
		if got != c.want {
			t.Errorf("%s among %d others: %s, want %s", c.action, len(c.others), got, c.want)
		}
	}
	same := custom(7, catalog.RoleNamed("Key Vault Secrets User").Permissions[0])
	if role := ranking.Least(DataAction(get), []*Role{same}); !role.BuiltIn {
		t.Error("a custom role comes before a built-in one that is the same")
	}
}

// TestLeastIsLeast looks at all actions that built-in roles name: the role has the action, and no other that has it lets
// change as little and read as little.
func TestLeastIsLeast(t *testing.T) {
	_, ranking := newRanking(t)
	for _, a := range ranking.known {
		if a.isCommonRead() {
			continue
		}
		role := ranking.Least(a, nil)
		for _, other := range ranking.roles {
			if !other.grants(a) {
				continue
			}
			if role == nil || !role.grants(a) || other.sizeFor([]Action{a}).compare(measureOf(role, ranking.known).sizeFor([]Action{a})) < 0 {
				t.Fatalf("%s: %v instead of %s", a, role, other.Name)
			}
			break
		}
	}
}

func BenchmarkLeast(b *testing.B) {
	_, ranking := newRanking(b)
	for name, a := range map[string]Action{"data": getSecret, "read": ControlAction("Microsoft.Web/sites/read")} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				ranking.Least(a, nil)
			}
		})
	}
}
