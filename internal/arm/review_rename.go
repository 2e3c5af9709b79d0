package arm

import (
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

// maxSteps bounds a chain of commands.
const maxSteps = 20

// renamed makes the identity that has the better name, and gives it what the other one has: an identity cannot be renamed.
// The other one is deleted only where nothing has it and nothing of it would be lost, since programs may know its client
// id. What is too broad is not handed on: findings of their own say what should be there instead.
func (r *review) renamed(old *resource.ManagedIdentity) string {
	name := r.betterName(old)
	id := resource.In(old.ID.GroupID(), resource.TypeIdentity, name)
	create := apierr.Command("inborn identity create %s", id)
	if old.Location != "" {
		create += apierr.Command(" --location %s", old.Location)
	}
	steps, complete := []string{create}, len(old.Tags) == 0 && len(r.dir.MemberOf(old.PrincipalID)) == 0
	for user := range r.dir.IdentityUsers(old.ID) {
		steps = append(steps, apierr.Command("inborn identity assign %s %s", user.ID, id))
	}
	roles, all := r.rolesFor(old, name)
	steps, complete = append(steps, roles...), complete && all
	grants, all := r.grantsFor(old, name)
	steps, complete = append(steps, grants...), complete && all
	if complete && !r.isAttached(old) {
		steps = append(steps, apierr.Command("inborn identity delete %s", old.ID))
	}
	if len(steps) > maxSteps {
		return create
	}
	return strings.Join(steps, " && ")
}

// betterName is a conventional name that nobody has.
func (r *review) betterName(old *resource.ManagedIdentity) string {
	hints := []string{old.Tags["environment"], old.Tags["env"], old.ID.Group()}
	for s := range r.dir.Subscriptions() {
		if strings.EqualFold(s.ID.String(), old.ID.Subscription()) {
			hints = append(hints, s.Name)
		}
	}
	return resource.ConventionalName(old.ID.Name(), old.Location, hints, func(name string) bool {
		for range r.dir.ServicePrincipalsNamed(name) {
			return true
		}
		_, taken := r.dir.Identity(resource.In(old.ID.GroupID(), resource.TypeIdentity, name))
		return taken
	})
}

// rolesFor are the commands that give another identity the roles of one, and whether these are all.
func (r *review) rolesFor(old *resource.ManagedIdentity, name string) (steps []string, all bool) {
	all = true
	for a := range r.dir.Grants(old.PrincipalID).All() {
		role := r.dir.Role(a.Role)
		if role == nil || !r.mayRead(a.Scope) || !r.isHandedOn(a, role) {
			all = false
			continue
		}
		steps = append(steps, assigned(name, role, a.Scope, a.Condition))
	}
	return steps, all
}

// grantsFor are the commands that give another identity the app roles of one, and whether these are all.
func (r *review) grantsFor(old *resource.ManagedIdentity, name string) (steps []string, all bool) {
	all = true
	for given := range r.dir.AssignmentsOf(old.PrincipalID) {
		api, _ := r.dir.ServicePrincipal(given.Resource)
		app, ok := r.dir.AppOf(api)
		var role directory.AppRole
		if ok {
			role, ok = app.Role(given.AppRole)
		}
		broad := ok && app.AppID == directory.GraphAppID && directory.GraphRoleReach(role.Value) != directory.ReachLimited
		if !ok || broad || !state.IsPlainName(role.Value) || !r.mayRead(rbac.Tenant) {
			all = false
			continue
		}
		steps = append(steps, apierr.Command("inborn grant %s %s %s", name, r.dir.Reference(api.ID), role.Value))
	}
	slices.Sort(steps)
	return steps, all
}
