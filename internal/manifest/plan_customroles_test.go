package manifest

import (
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

const keeper = `
customRoles:
  - {name: Order Keeper, description: "%", actions: [Microsoft.Web/sites/read], scopes: [default, kv-orders]}
`

func TestCustomRolesArePlanned(t *testing.T) {
	w := newWorld(t)
	declared := withRoles + keeper + "roles: [{principal: ops, role: order keeper, scope: default}]"
	plan, err := w.plan(declared, false)
	if err != nil || !strings.Contains(plan, "create custom role Order Keeper\n") || !strings.Contains(plan, "create role ops order keeper at default") {
		t.Fatalf("%s, %v", plan, err)
	}
	role, ok := w.dir().RoleNamed("Order Keeper")
	if !ok || len(role.AssignableScopes) != 2 || !strings.HasSuffix(string(role.AssignableScopes[1]), "/Microsoft.KeyVault/vaults/kv-orders") {
		t.Fatalf("%+v", role)
	}
	w.equal("the second time", w.must(declared, true), "")
	w.equal("another description", w.must(strings.Replace(declared, "%", "keeps", 1), false), "update custom role Order Keeper")
	if again, _ := w.dir().RoleNamed("Order Keeper"); again.ID != role.ID || again.Description != "keeps" {
		t.Errorf("%+v", again)
	}
	renamed := strings.Replace(strings.Replace(declared, "name: Order Keeper", "name: Keeper, id: "+role.ID.String(), 1), "order keeper", "Keeper", 1)
	w.equal("renamed", w.must(renamed, true), "update custom role Keeper")

	// Prune takes a role with its last assignment, and leaves one that somebody has who is neither declared nor pruned.
	group := (&Manifest{}).Home(w.dir())
	w.equal("pruned", w.must(withRoles, true), "delete role ops Keeper at "+string(group)+"\ndelete custom role Keeper")
	w.must(withRoles+keeper, false)
	w.change(func(d *state.Draft) error {
		role, _ := d.Directory().RoleNamed("Order Keeper")
		_, err := d.PutRoleAssignment(rbac.RoleAssignment{Scope: group, Role: role.ID, Principal: tenant, PrincipalType: rbac.TypeServicePrincipal})
		return err
	})
	w.equal("in use", w.must(withRoles, true), "")
}

func TestCustomRolesThatCannotBeMade(t *testing.T) {
	w := newWorld(t)
	w.must(withRoles+keeper, false)
	for text, message := range map[string]string{
		"{name: Reader, actions: [a/read]}":                                                 "is built in",
		"{name: Mine, id: acdd72a7-3385-48ef-bd42-f606fba81ae7, actions: [a/read]}":         "is built in",
		"{name: Order Keeper, id: 6a2f3d7e-52c4-4d0b-9a53-0e1f7c1b0003, actions: [a/read]}": "cannot be changed",
		"{name: Mine, actions: [a/read], scopes: [nowhere]}":                                `No resource or resource group is called "nowhere"`,
		"{name: Mine, actions: [a/read], scopes: [/]}":                                      "cannot be assignable at the tenant",
		"{name: Mine}":                   "allows nothing",
		"{name: '', actions: [a/read]}":  "",
		"{name: Mine, actions: ['a b']}": "",
	} {
		_, err := w.plan(withRoles+"customRoles: ["+text+"]", false)
		if err == nil {
			t.Errorf("%s is made", text)
			continue
		}
		if e := apierr.From(err); e.Target != "$.customRoles[0]" || !strings.Contains(e.Message, message) {
			t.Errorf("%s: %v at %q", text, err, e.Target)
		}
	}
	_, err := w.plan(withRoles+"customRoles: [{name: Mine, actions: [a/read]}, {name: mine, actions: [a/read]}]", false)
	if e := apierr.From(err); err == nil || e.Target != "$.customRoles[1].name" {
		t.Errorf("twice: %v", err)
	}
}

func TestFederatedCredentialsArePlanned(t *testing.T) {
	w := newWorld(t)
	const (
		issuer = "https://token.actions.githubusercontent.com"
		begin  = "identities:\n  - name: id-orders\n    federatedCredentials: "
		deploy = "{name: deploy, issuer: '" + issuer + "', subject: 'repo:a/b:ref:refs/heads/main'}"
		other  = "{name: other, issuer: '" + issuer + "', subject: 'repo:a/c:ref:refs/heads/main', audience: api://mine}"
	)
	plan := w.must(begin+"["+deploy+", "+other+"]", false)
	if !strings.Contains(plan, "create federated credential id-orders deploy: repo:a/b:ref:refs/heads/main of "+issuer) {
		t.Fatal(plan)
	}
	w.equal("the second time", w.must(begin+"["+deploy+", "+other+"]", true), "")
	identity, _ := w.dir().Identity(resource.In((&Manifest{}).Home(w.dir()), resource.TypeIdentity, "id-orders"))
	if c, ok := w.dir().FederatedCredential(identity.PrincipalID, "Deploy"); !ok || c.Audiences[0] != directory.ExchangeAudience {
		t.Errorf("%+v", c)
	}
	w.equal("not named", w.must("identities: [{name: id-orders}]", false), "")
	w.equal("another branch", w.must(begin+"["+strings.Replace(deploy, "main", "next", 1)+"]", false),
		"update federated credential id-orders deploy: repo:a/b:ref:refs/heads/next of "+issuer)
	w.equal("pruned", w.must(begin+"["+strings.Replace(deploy, "main", "next", 1)+"]", true), "delete federated credential id-orders other")
	w.equal("another name", w.must(begin+"["+strings.Replace(strings.Replace(deploy, "main", "next", 1), "name: deploy", "name: build", 1)+"]", true),
		"delete federated credential id-orders deploy\ncreate federated credential id-orders build: repo:a/b:ref:refs/heads/next of "+issuer)

	for text, want := range map[string][2]string{
		"[{name: x, issuer: 'https://a', subject: s}]":                                      {"$.identities[0].federatedCredentials[0]", "is not valid"},
		"[{name: deploy, issuer: here, subject: s}]":                                        {"$.identities[0].federatedCredentials[0]", "is not the URL of an issuer"},
		"[{name: deploy, issuer: 'https://a'}]":                                             {"$.identities[0].federatedCredentials[0]", "subject"},
		"[" + deploy + ", " + deploy + "]":                                                  {"$.identities[0].federatedCredentials[1].name", "declared twice"},
		"[" + deploy + ", " + strings.Replace(deploy, "name: deploy", "name: b-1", 1) + "]": {"$.identities[0].federatedCredentials[1]", "same issuer and subject"},
	} {
		_, err := w.plan(begin+text, false)
		if e := apierr.From(err); err == nil || e.Target != want[0] || !strings.Contains(e.Message, want[1]) {
			t.Errorf("%s: %v at %q", text, err, e.Target)
		}
	}
}
