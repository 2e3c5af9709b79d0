package manifest

import (
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

// prune deletes what the manifest does not name: grants and memberships of declared objects first, then resources,
// identities, applications, groups and users, and at last the custom roles that nobody has any more. Nodes are not declared
// here and stay.
func (p *planner) prune() error {
	for _, step := range []func() error{p.pruneGrants, p.pruneRoles, p.pruneMemberships, p.pruneResources, p.pruneIdentities, p.pruneApps, p.prunePeople,
		p.pruneCustomRoles, p.rolesStand} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// pruneGrants revokes app roles of declared identities that are not declared.
func (p *planner) pruneGrants() error {
	for _, want := range p.m.Identities {
		id, err := p.identityRef(want)
		if err != nil {
			return err
		}
		if identity, ok := p.dir().Identity(id); ok {
			if err := p.revokeOthers(identity.PrincipalID, want.Name, want.AppRoles); err != nil {
				return err
			}
		}
	}
	for _, want := range p.m.Resources {
		id, err := p.resourceID(want)
		if err != nil {
			return err
		}
		if r, ok := p.dir().Resource(id); ok && r.Identity.System != nil && want.Identity != nil {
			if err := p.revokeOthers(r.Identity.System.PrincipalID, want.Name, want.Identity.AppRoles); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *planner) revokeOthers(principal guid.GUID, name string, declared []Grant) error {
	keep := map[[2]guid.GUID]bool{}
	for _, g := range declared {
		sp, role, err := p.dir().FindAppRole(g.App, g.Role, directory.MemberApplication)
		if err != nil {
			return err
		}
		keep[[2]guid.GUID{sp.ID, role.ID}] = true
	}
	for a := range p.dir().AssignmentsOf(principal) {
		if keep[[2]guid.GUID{a.Resource, a.AppRole}] {
			continue
		}
		p.did(Delete, "app role", name, "%s", p.roleName(a))
		if err := p.draft.Revoke(a.ID); err != nil {
			return err
		}
	}
	return nil
}

// roleName says which role of which application an assignment gives.
func (p *planner) roleName(a *directory.AppRoleAssignment) string {
	sp, ok := p.dir().ServicePrincipal(a.Resource)
	if !ok {
		return a.AppRole.String()
	}
	if app, ok := p.dir().AppOf(sp); ok {
		if role, ok := app.Role(a.AppRole); ok {
			return role.Value + " of " + sp.DisplayName
		}
	}
	return "default access to " + sp.DisplayName
}

func (p *planner) pruneMemberships() error {
	for _, want := range p.m.Users {
		user, ok := p.dir().UserByName(p.upn(want.Name))
		if !ok {
			continue
		}
		for id := range p.dir().GroupsOf(user.ID) {
			group, ok := p.dir().Group(id)
			if !ok || containsFold(want.Groups, group.DisplayName) {
				continue
			}
			p.did(Delete, "membership", user.UPN, "in %s", group.DisplayName)
			if err := p.draft.RemoveMember(id, user.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *planner) pruneResources() error {
	keep := map[resource.Key]bool{}
	for _, want := range p.m.Resources {
		id, err := p.resourceID(want)
		if err != nil {
			return err
		}
		keep[id.Key()] = true
	}
	if err := p.keepVaults(keep); err != nil {
		return err
	}
	for r := range p.dir().Resources("") {
		if _, still := p.dir().Resource(r.ID); !still || keep[r.ID.Key()] || strings.EqualFold(r.ID.Type(), resource.TypeMachine) {
			continue
		}
		kind, detail := p.pruned(r)
		p.did(Delete, kind, r.ID.Name(), "%s", detail)
		if err := p.draft.DeleteResource(r.ID); err != nil {
			return err
		}
	}
	return nil
}

func (p *planner) pruneIdentities() error {
	keep := map[resource.Key]bool{}
	for _, want := range p.m.Identities {
		id, err := p.identityRef(want)
		if err != nil {
			return err
		}
		keep[id.Key()] = true
	}
	for identity := range p.dir().Identities("") {
		if keep[identity.ID.Key()] {
			continue
		}
		p.did(Delete, "identity", identity.ID.Name(), "")
		if err := p.draft.DeleteIdentity(identity.ID); err != nil {
			return err
		}
	}
	return nil
}

func (p *planner) pruneApps() error {
	for app := range p.dir().Applications(guid.GUID{}) {
		if slices.ContainsFunc(p.m.Apps, func(want App) bool { return strings.EqualFold(want.Name, app.DisplayName) }) {
			continue
		}
		p.did(Delete, "app", app.DisplayName, "")
		if err := p.draft.DeleteApplication(app.ID); err != nil {
			return err
		}
	}
	return nil
}

func (p *planner) prunePeople() error {
	for group := range p.dir().Groups(guid.GUID{}) {
		if slices.ContainsFunc(p.m.Groups, func(want Group) bool { return strings.EqualFold(want.Name, group.DisplayName) }) {
			continue
		}
		p.did(Delete, "group", group.DisplayName, "")
		if err := p.draft.DeleteGroup(group.ID); err != nil {
			return err
		}
	}
	for user := range p.dir().Users(guid.GUID{}) {
		if slices.ContainsFunc(p.m.Users, func(want User) bool { return strings.EqualFold(p.upn(want.Name), user.UPN) }) {
			continue
		}
		p.did(Delete, "user", user.UPN, "")
		if err := p.draft.DeleteUser(user.ID); err != nil {
			return err
		}
	}
	return nil
}

func containsFold(all []string, one string) bool {
	return slices.ContainsFunc(all, func(s string) bool { return strings.EqualFold(s, one) })
}
