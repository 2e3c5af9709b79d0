package manifest

import (
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
)

const withRoles = `
users:   [{name: ann, groups: [ops]}]
groups:  [{name: ops}]
identities: [{name: id-orders}]
resources:
  - {type: Microsoft.Web/sites, name: func-orders, identity: {system: true, user: [id-orders]}}
  - {type: Microsoft.KeyVault/vaults, name: kv-orders}
`

func TestRolesArePlanned(t *testing.T) {
	w := newWorld(t)
	const roles = `
roles:
  - {principal: id-orders, role: Key Vault Secrets User, scope: kv-orders}
  - {principal: func-orders, role: reader}
  - {principal: ops, role: b24988ac-6180-42a0-ab88-20f7382dd24c, scope: default}
`
	plan, err := w.plan(withRoles+roles, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"create role id-orders Key Vault Secrets User at kv-orders", "create role func-orders reader at the subscription",
		"create role ops b24988ac-6180-42a0-ab88-20f7382dd24c at default"} {
		if !strings.Contains(plan, want) {
			t.Errorf("the plan lacks %q:\n%s", want, plan)
		}
	}
	if again, err := w.plan(withRoles+roles, true); err != nil || again != "" {
		t.Errorf("the second time: %q, %v", again, err)
	}
	// What is not declared goes with prune only, and only from what is declared.
	fewer := withRoles + "roles: [{principal: ops, role: Contributor, scope: default}]"
	if plan, err := w.plan(fewer, false); err != nil || plan != "" {
		t.Errorf("without prune: %q, %v", plan, err)
	}
	plan, err = w.plan(fewer, true)
	if err != nil || strings.Count(plan, "delete role") != 2 || !strings.Contains(plan, "delete role id-orders Key Vault Secrets User at /subscriptions/") {
		t.Errorf("with prune: %q, %v", plan, err)
	}
	// Also from a declared group.
	w.must(withRoles+"roles: [{principal: ops, role: Contributor, scope: default}, {principal: ann, role: Reader}]", false)
	w.equal("from a user", w.must(fewer, true), "delete role ann Reader at "+string(rbac.Levels((&Manifest{}).Home(w.dir()))[0]))
	// A condition can change.
	const condition = `"@Request[Microsoft.Authorization/roleAssignments:PrincipalType] StringEquals 'User'"`
	plan, err = w.plan(withRoles+"roles: [{principal: ops, role: Contributor, scope: default, condition: "+condition+"}]", false)
	if err != nil || plan != "update role ops Contributor at default" {
		t.Errorf("a condition: %q, %v", plan, err)
	}
}

func TestRolesThatCannotBeGiven(t *testing.T) {
	w := newWorld(t)
	for text, message := range map[string]string{
		"roles: [{principal: nobody, role: Reader}]":                                  `No user, group, identity or application is called "nobody"`,
		"roles: [{principal: ops, role: Reeder}]":                                     `No role is called "Reeder"`,
		"roles: [{principal: ops, role: Reader, scope: nowhere}]":                     `No resource or resource group is called "nowhere"`,
		"roles: [{principal: ops, role: Reader, scope: nowhere/x}]":                   `No resource or resource group is called "nowhere/x"`,
		"roles: [{principal: ops, role: Reader, scope: kv-orders/secret/x}]":          "Did you mean secrets/x?",
		"roles: [{principal: ops, role: Reader, condition: '@Request[x'}]":            "",
		"roles: [{principal: 00000000-0000-4000-8000-0000000000ff, role: Reader}]":    "does not exist in the directory",
		"roles: [{principal: ops, role: Reader, scope: /subscriptions/nonsense/x/y}]": "",
	} {
		_, err := w.plan(withRoles+text, false)
		if e := apierr.From(err); err == nil || e.Target != "$.roles[0]" || !strings.Contains(e.Message, message) {
			t.Errorf("%s: %v at %q", text, err, e.Target)
		}
	}
}

// One assignment cannot be two, and what a role is for must outlive the pruning: both left a role behind that no list showed
// and nobody could take away.
func TestRolesThatWouldNotStand(t *testing.T) {
	w := newWorld(t)
	const one, other = "{principal: ops, role: Reader, scope: default}", "{principal: ops, role: reader, scope: DEFAULT, condition: \"@Request[Microsoft.Authorization/roleAssignments:PrincipalType] StringEquals 'User'\"}"
	_, err := w.plan(withRoles+"roles: ["+one+", "+other+"]", false)
	if e := apierr.From(err); err == nil || e.Target != "$.roles[1]" || !strings.Contains(e.Message, "twice") {
		t.Errorf("twice: %v at %q", err, e.Target)
	}
	w.must(withRoles+"roles: []", false)
	w.must("identities: [{name: id-old}]", false)
	_, err = w.plan(withRoles+"roles: [{principal: id-old, role: Owner}]", true)
	if e := apierr.From(err); err == nil || e.Target != "$.roles[0]" || !strings.Contains(e.Message, "pruning deletes it") {
		t.Errorf("pruned: %v at %q", err, e.Target)
	}
	if _, there := w.dir().Identity(resource.In((&Manifest{}).Home(w.dir()), resource.TypeIdentity, "id-old")); !there {
		t.Error("a refused manifest deleted something")
	}
	w.must(withRoles+"roles: [{principal: id-old, role: Owner}]", false)
}
