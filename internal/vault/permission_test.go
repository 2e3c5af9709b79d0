package vault

import (
	"slices"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
)

const testVault resource.ID = "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv"

// oneGrant is a policy in which one principal has one role at one scope.
type oneGrant struct {
	catalog    *rbac.Catalog
	assignment *rbac.RoleAssignment
}

func (g *oneGrant) MemberOf(guid.GUID) []guid.GUID      { return nil }
func (g *oneGrant) Denies() rbac.Denies                 { return rbac.Denies{} }
func (g *oneGrant) Role(id guid.GUID) *rbac.Role        { return g.catalog.Role(id) }
func (g *oneGrant) Place(string, rbac.Mark) *rbac.Place { return nil }
func (g *oneGrant) Grants(principal guid.GUID) (all rbac.Grants) {
	if principal != g.assignment.Principal {
		return all
	}
	return all.With(rbac.NewGrant(g.assignment, rbac.MarkOf(g.assignment.Scope), nil))
}

// roleTable says of each Key Vault role of seed 003 what it allows, by kind: the words after a kind are the data plane's
// own, "*" is all of the kind.
var roleTable = map[string]map[Kind]string{
	"Key Vault Administrator": {Secrets: "*", Keys: "*", Certificates: "*"},
	"Key Vault Reader": {Secrets: "list getDeleted", Keys: "get list getRotationPolicy",
		Certificates: "get list getIssuers listIssuers"},
	"Key Vault Secrets User":                   {Secrets: "get list getDeleted"},
	"Key Vault Secrets Officer":                {Secrets: "*"},
	"Key Vault Crypto User":                    {Keys: "get list update backup encrypt decrypt wrapKey unwrapKey sign verify"},
	"Key Vault Crypto Officer":                 {Keys: "*"},
	"Key Vault Crypto Service Encryption User": {Keys: "get list wrapKey unwrapKey"},
	"Key Vault Certificates Officer":           {Certificates: "*"},
}

// operationName is unique, unlike Word: a deleted secret is read with the word get, attributes are updated with set.
func operationName(p Permission) string {
	switch p {
	case SecretsGetDeleted:
		return "getDeleted"
	case SecretsUpdate:
		return "update"
	}
	return p.Word()
}

func TestRoles(t *testing.T) {
	catalog, err := rbac.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	ann := guid.MustParse("22222222-2222-4222-8222-222222222222")
	for name, table := range roleTable {
		role := catalog.RoleNamed(name)
		if role == nil {
			t.Fatalf("no role %s", name)
		}
		for _, p := range Permissions() {
			allowed := table[p.Kind()] == "*" || slices.Contains(strings.Fields(table[p.Kind()]), operationName(p))
			t.Run(name+"/"+string(p.Kind())+"/"+operationName(p), func(t *testing.T) {
				object, other := Scope(testVault, p.Kind(), "one"), Scope(testVault, p.Kind(), "other")
				for _, c := range []struct {
					assigned, asked resource.ID
					want            bool
				}{{testVault, object, allowed}, {testVault, testVault, allowed}, {object, object, allowed}, {object, other, false}, {object, testVault, false}} {
					policy := &oneGrant{catalog, &rbac.RoleAssignment{Scope: c.assigned, Role: role.ID, Principal: ann}}
					d := rbac.Check(policy, rbac.Request{Principal: ann, Action: rbac.DataAction(p.DataAction()), Scope: c.asked})
					if got := d.Outcome == rbac.Allowed; got != c.want {
						t.Errorf("assigned at %s, asked at %s: %t", c.assigned, c.asked, got)
					}
				}
			})
		}
	}
}

// No role of the control plane opens a vault, the owner's included.
func TestControlPlaneRolesOpenNothing(t *testing.T) {
	catalog, err := rbac.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	ann := guid.MustParse("22222222-2222-4222-8222-222222222222")
	for _, name := range []string{"Owner", "Contributor", "Reader", "Key Vault Contributor", "Key Vault Data Access Administrator"} {
		policy := &oneGrant{catalog, &rbac.RoleAssignment{Scope: testVault, Role: catalog.RoleNamed(name).ID, Principal: ann}}
		for _, p := range Permissions() {
			if d := rbac.Check(policy, rbac.Request{Principal: ann, Action: rbac.DataAction(p.DataAction()), Scope: testVault}); d.Outcome == rbac.Allowed {
				t.Errorf("%s may %s", name, p)
			}
		}
	}
}

func TestPermissionTable(t *testing.T) {
	words := map[Kind]string{ // of access policies (wire fact: the permissions of vaults in Resource Manager)
		Secrets: "get list set delete recover backup restore purge",
		Keys: "get list create import update delete recover backup restore purge encrypt decrypt wrapKey unwrapKey sign verify rotate " +
			"getRotationPolicy setRotationPolicy",
		Certificates: "get list create import update delete recover backup restore purge manageContacts getIssuers listIssuers setIssuers deleteIssuers",
	}
	seen := map[Kind]map[string]bool{Secrets: {}, Keys: {}, Certificates: {}}
	for _, p := range Permissions() {
		if p.Kind() == "" || p.DataAction() == "Microsoft.KeyVault/vaults/" {
			t.Fatalf("permission %d has no row", p)
		}
		if !slices.Contains(strings.Fields(words[p.Kind()]), p.Word()) {
			t.Errorf("%s is no word of access policies", p)
		}
		seen[p.Kind()][p.Word()] = true
		if !p.in([]string{strings.ToUpper(p.Word())}) || !p.in([]string{"All"}) || p.in([]string{"none", p.Word() + "x"}) || p.in(nil) {
			t.Errorf("%s is not found by its word", p)
		}
	}
	for kind, list := range words {
		for _, word := range strings.Fields(list) {
			if !seen[kind][word] {
				t.Errorf("no permission for %s/%s", kind, word)
			}
		}
	}
	if !CertificatesSetIssuers.in([]string{"manageissuers"}) || CertificatesManageContacts.in([]string{"manageissuers"}) {
		t.Error("manageissuers is wrong")
	}
	if SecretsGet.DataAction() != "Microsoft.KeyVault/vaults/secrets/getSecret/action" || KeysWrap.String() != "keys/wrapKey" {
		t.Error(SecretsGet.DataAction(), KeysWrap)
	}
}
