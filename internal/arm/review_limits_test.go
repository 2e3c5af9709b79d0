package arm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

const (
	secretsOfficer = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
	vaultAdmin     = "00482a5a-887f-4fb3-b363-3b7fe8e74483"
	vaultReader    = "21090545-7ca7-4776-b22c-e363652d74d2"
	cryptoUser     = "12338af0-0e69-4776-bea7-57ae8d297424"
	blobOwner      = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
	getSecret      = "microsoft.keyvault/vaults/secrets/getsecret/action"
)

// onCondition is what a body of an assignment says of a condition.
func onCondition(text string) string {
	return fmt.Sprintf(`,"conditionVersion":"2.0","condition":%q`, text)
}

// put makes an assignment behind the API's back, by somebody.
func (w *world) put(n int, scope, who, role, condition, by string) guid.GUID {
	w.Helper()
	id := guid.MustParse(fmt.Sprintf("00000000-0000-4000-8000-%012d", n))
	w.change(home, func(d *state.Draft) error {
		_, err := d.PutRoleAssignment(rbac.RoleAssignment{ID: id, Scope: resource.ID(scope), Principal: guid.MustParse(who), Role: guid.MustParse(role),
			Condition: condition, UpdatedBy: guid.MustParse(by)})
		return err
	})
	return id
}

func TestReviewOfRolesForData(t *testing.T) {
	const upn = "ann@contoso.example"
	one := func(w *world) { w.want(201, "PUT", vaults+"kv-one"+v1, `{"location":"local"}`) }
	four := func(w *world) {
		for n := range 4 {
			w.want(201, "PUT", fmt.Sprintf("%skv-%d-abc%s", vaults, n, v1), `{"location":"local"}`)
		}
	}
	account := func(w *world) {
		w.want(200, "PUT", accounts+"stone"+v1, `{"location":"local","kind":"StorageV2","sku":{"name":"Standard_LRS"}}`)
	}
	for _, c := range []struct {
		name, scope, role string
		do                func(*world)
		want              string
	}{
		{"Secrets User of the subscription", sub, secrets, one, "high broadRole: " + swap(upn, "Key Vault Secrets User@"+vaults+"kv-one", "Key Vault Secrets User@"+sub)},
		{"of the management group", tenantMG, secrets, one, "high broadRole: " + swap(upn, "Key Vault Secrets User@"+vaults+"kv-one", "Key Vault Secrets User@"+tenantMG)},
		{"of the tenant", "", secrets, one, "high broadRole: " + swap(upn, "Key Vault Secrets User@"+vaults+"kv-one", "Key Vault Secrets User@/")},
		{"many vaults in one group", sub, secrets, four, "high broadRole: " + swap(upn, "Key Vault Secrets User@"+rg, "Key Vault Secrets User@"+sub)},
		{"no vault at all", sub, secrets, nil, "high broadRole: " + swap(upn, "Key Vault Secrets User@"+sub)},
		{"storage is not what it is for", sub, secrets, account, "high broadRole: " + swap(upn, "Key Vault Secrets User@"+sub)},
		{"Secrets Officer", sub, secretsOfficer, one, "high broadRole: " + swap(upn, "Key Vault Secrets Officer@"+vaults+"kv-one", "Key Vault Secrets Officer@"+sub)},
		{"Key Vault Administrator", sub, vaultAdmin, one, "high broadRole: " + swap(upn, "Key Vault Administrator@"+vaults+"kv-one", "Key Vault Administrator@"+sub)},
		{"Blob Data Owner", sub, blobOwner, account, "high broadRole: " + swap(upn, "Storage Blob Data Owner@"+accounts+"stone", "Storage Blob Data Owner@"+sub)},
		{"Blob Data Reader", sub, blobReader, account, "medium broadRole: " + swap(upn, "Storage Blob Data Reader@"+accounts+"stone", "Storage Blob Data Reader@"+sub)},
		{"Crypto User", sub, cryptoUser, one, "medium broadRole: " + swap(upn, "Key Vault Crypto User@"+vaults+"kv-one", "Key Vault Crypto User@"+sub)},
		{"Key Vault Reader sees names only", sub, vaultReader, one, ""},
		{"of a group", rg, vaultAdmin, one, ""},
		{"of a vault", vaults + "kv-one", secrets, one, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := reviewWorld(t)
			if c.do != nil {
				c.do(w)
			}
			w.status("assign", w.assign("", c.scope, 1, ann, c.role, ""), 201, "")
			w.equal(c.name, w.found("/", 1, ann), c.want)
		})
	}
}

func TestReviewOfRolesForDataByWhatWasNeeded(t *testing.T) {
	w := reviewWorld(t)
	for n := range 5 {
		w.want(201, "PUT", fmt.Sprintf("%s/resourceGroups/g%d%s", sub, n, v1), `{"location":"local"}`)
		w.want(201, "PUT", fmt.Sprintf("%s/resourceGroups/g%d/providers/Microsoft.KeyVault/vaults/kv-%d-abc%s", sub, n, n, v1), `{"location":"local"}`)
	}
	kv := func(n int) string {
		return fmt.Sprintf("%s/resourceGroups/g%d/providers/Microsoft.KeyVault/vaults/kv-%d-abc", sub, n, n)
	}
	id := w.put(1, sub, w.shop(), vaultAdmin, "", ann)
	needs := func(of int) {
		var n rbac.Needs
		for i := range of {
			n.Add(rbac.Need{Action: getSecret, Data: true, Scope: resource.ID(kv(i) + "/secrets/db")})
		}
		w.uses.needs = map[guid.GUID]*rbac.Needs{id: &n}
	}
	needs(1)
	w.equal("one secret", w.found("/", 1, w.shop()), "high broadRole: "+swap("shop", "Key Vault Secrets User@"+kv(0)+"/secrets/db", "Key Vault Administrator@"+sub))
	needs(5)
	var want []string
	for n := range 5 {
		want = append(want, "Key Vault Secrets User@"+sub+"/resourceGroups/g"+fmt.Sprint(n))
	}
	w.equal("in five groups, but not in all", w.found("/", 1, w.shop()), "high broadRole: "+swap("shop", append(want, "Key Vault Administrator@"+sub)...))
	w.uses.needs = nil
	w.equal("many groups, and no use is known", w.found("/", 1, w.shop()), "high broadRole: ")
	if got := w.found("/", 100, w.shop()); !strings.Contains(got, "high broadRole: "+swap("shop", "Key Vault Administrator@"+sub)) {
		t.Errorf("unused: %s", got)
	}
}

// TestReviewOfLimitedAccess has those who give access under conditions.
func TestReviewOfLimitedAccess(t *testing.T) {
	only := func(ids ...string) string {
		var roles []guid.GUID
		for _, id := range ids {
			roles = append(roles, guid.MustParse(id))
		}
		return rbac.OnlyRoles(roles)
	}
	const nothing = `!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})`
	const blobs = `@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'x'`
	const upn = "ann@contoso.example"
	for _, c := range []struct {
		name, scope, role, condition string
		who                          string // "" is the function app
		want, why                    string
	}{
		{"one role that is harmless", sub, rbacBoss, only(reader), ann, "", ""},
		{"a workload, too", "", rbacBoss, only(reader), "", "", ""},
		{"nothing", sub, access, nothing, ann, "", ""},
		{"Owner is like Contributor then", sub, owner, nothing, ann, "medium broadRole: " + swap(upn, "Reader@"+sub, "Owner@"+sub),
			"It lets change or delete everything in the subscription."},
		{"Owner of a group is like Contributor then", rg, owner, only(reader), ann, "", ""},
		{"one role that is not harmless", sub, rbacBoss, only(reader, contrib), ann,
			"medium broadRole: " + swap(upn, "Reader@"+sub, "Role Based Access Control Administrator@"+sub),
			"It lets give the role Contributor in the subscription to anybody, the holder included."},
		{"all but Owner", rg, rbacBoss, "@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAllValues:GuidNotEquals {" + owner + "}", "",
			"medium workloadGivesAccess: " + swap("shop", "Reader@"+rg, "Role Based Access Control Administrator@"+rg),
			"Whoever takes over this workload can give himself the role Contributor in the resource group."},
		{"something else", sub, access, blobs, ann, "medium broadRole: inborn role assign --principal " + upn + " --role Reader --scope " + sub +
			` --condition '@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals '\''x'\'''` +
			" && " + swap(upn, "User Access Administrator@"+sub), "It lets give the role Owner in the subscription to anybody, the holder included."},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := reviewWorld(t)
			who := c.who
			if who == "" {
				who = w.shop()
			}
			w.status("assign", w.assign("", c.scope, 1, who, c.role, onCondition(c.condition)), 201, "")
			w.equal(c.name, w.found("/", 1, who), c.want)
			if found := w.reviewOf(caller{id: w.dir().LocalAdministrator().ID}, "/", 1).Value; c.why != "" {
				w.equal("why", found[0].Why, c.why)
			}
		})
	}
}

// TestReviewLimitsThoseWhoGiveAccess has people and workloads that were seen giving roles.
func TestReviewLimitsThoseWhoGiveAccess(t *testing.T) {
	const upn, bossName = "ann@contoso.example", "Role Based Access Control Administrator"
	w := reviewWorld(t)
	id := w.put(1, sub, ann, owner, "", ann)
	needs := &rbac.Needs{List: []rbac.Need{{Action: "microsoft.authorization/roleassignments/write", Scope: sub}}}
	w.uses.needs = map[guid.GUID]*rbac.Needs{id: needs}
	w.equal("nothing that is known", w.found("/", 1, ann), "high broadRole: ")
	w.put(2, rg, ops, reader, "", ann)
	w.put(3, site1, ops, blobReader, "", ann)
	w.put(4, site1, ops, contrib, "", inner) // by another one
	limited := rbac.OnlyRoles([]guid.GUID{guid.MustParse(blobReader), guid.MustParse(reader)})
	quoted := "'" + strings.ReplaceAll(limited, "'", `'\''`) + "'"
	give := "inborn role assign --principal " + upn + " --role '" + bossName + "' --scope " + sub + " --condition " + quoted
	w.equal("two roles", w.found("/", 1, ann), "high broadRole: "+give+" && "+swap(upn, "Owner@"+sub))
	w.want(200, "DELETE", sub+given+"/00000000-0000-4000-8000-000000000001"+v2022, "")
	w.uses.needs[w.put(5, sub, ann, rbacBoss, "", ann)] = needs
	w.equal("the same role, limited", w.found("/", 1, ann), "high broadRole: "+swap(upn, bossName+"@"+sub)+" && "+give)
	w.put(6, rg, inner, contrib, "", ann)
	w.equal("one of them is not harmless", w.found("/", 1, ann), "high broadRole: ")
}

func TestNamesOfIdentitiesWithTooMuch(t *testing.T) {
	w := reviewWorld(t)
	principal := w.want(201, "PUT", uami+"orders"+v1, `{"location":"local"}`).at("properties", "principalId")
	w.want(200, "PATCH", site1+v1, `{"identity":{"type":"UserAssigned","userAssignedIdentities":{"`+uami+`orders":{}}}}`)
	w.put(1, rg, principal, reader, "", ann)
	named := func() (f findingWire) {
		for _, f = range w.reviewOf(caller{id: w.dir().LocalAdministrator().ID}, "/", 1).Value {
			if f.Kind == identityName {
				return f
			}
		}
		return f
	}
	const follows = "Do first what the findings about its roles say, then look again"
	if f := named(); strings.Contains(f.Why, follows) || !strings.Contains(f.Command, "--role Reader --scope "+rg) {
		t.Errorf("%+v", f)
	}
	w.put(2, "/", principal, secrets, "", ann)
	if f := named(); !strings.Contains(f.Why, follows) || strings.Contains(f.Command, "Key Vault") || strings.Contains(f.Command, "identity delete") {
		t.Errorf("%+v", f)
	}
	w.want(200, "DELETE", given+"/00000000-0000-4000-8000-000000000002"+v2022, "")
	w.grantGraph(principal, "User.ReadWrite.All")
	if f := named(); !strings.Contains(f.Why, follows) || strings.Contains(f.Command, "inborn grant") {
		t.Errorf("%+v", f)
	}
}
