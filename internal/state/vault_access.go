package state

import (
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/vault"
)

// VaultCaller is who wants something of a vault.
type VaultCaller struct {
	Principal   guid.GUID
	Application guid.GUID // of the client through which it acts; zero if it names none
}

// VaultDecision says whether a caller may do something in a vault, and why.
type VaultDecision struct {
	Allowed bool
	Reason  string

	Assignment guid.GUID // the role assignment by which; zero if it was none
	Need       rbac.Need // what that was needed for

	Refused *rbac.Decision // of the roles, where these decide and do not allow it; else nil
}

// DecideVault says whether a caller may do that to the object at scope (vault.Scope). Roles decide where the vault says
// so, else its access policies, which know no objects. Everything that uses a vault asks here: the data plane, and the
// references of application settings.
func (d *Directory) DecideVault(s *vault.Settings, who VaultCaller, p vault.Permission, scope resource.ID) VaultDecision {
	if s.RBAC {
		found := rbac.Check(d, rbac.Request{Principal: who.Principal, Action: rbac.DataAction(p.DataAction()), Scope: scope})
		if !found.Allowed() {
			refused := found // lest one that allows it goes to the heap
			return VaultDecision{Reason: d.Explain(refused), Refused: &refused}
		}
		return VaultDecision{Allowed: true, Reason: "role " + found.Role.Name + " at " + string(found.Assignment.Scope),
			Assignment: found.Assignment.ID, Need: rbac.NeedOf(found)}
	}
	if who.Principal == d.LocalAdministrator().ID { // as with roles, see Grants
		return VaultDecision{Allowed: true, Reason: "local administrator"}
	}
	if s.Allows(d.WithGroups(who.Principal), who.Application, p) {
		return VaultDecision{Allowed: true, Reason: "access policy"}
	}
	return VaultDecision{Reason: "no access policy gives " + p.String()}
}

// WithGroups returns a principal and the groups that it is in, directly or through groups.
func (d *Directory) WithGroups(principal guid.GUID) []guid.GUID {
	all, seen := []guid.GUID{principal}, map[guid.GUID]bool{principal: true}
	for i := 0; i < len(all); i++ {
		for group := range d.GroupsOf(all[i]) {
			if !seen[group] {
				seen[group] = true
				all = append(all, group)
			}
		}
	}
	return all
}
