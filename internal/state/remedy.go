package state

import (
	"fmt"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
)

// Ranking ranks the built-in roles by how much they let do.
func (d *Directory) Ranking() *rbac.Ranking { return d.builtin.access.roles.Ranking() }

// Remedy says what would let in whom a decision refused: the command that gives the least role that is enough, at the
// narrowest scope there is; a sentence where no role would. It tells which objects there are, so it is not for whoever was
// refused. It takes some microseconds.
func (d *Directory) Remedy(refused rbac.Decision) string {
	switch {
	case refused.Principal.IsZero(): // no role was asked for
		return ""
	case refused.Outcome == rbac.Denied:
		return fmt.Sprintf("No role helps: the deny assignment %q (%s) at %s takes it away.", refused.Deny.Name, refused.Deny.ID, refused.Deny.Scope)
	case refused.Miss == rbac.MissRoleCondition:
		return fmt.Sprintf("No other role is needed: the role %s at %s has the action, on a condition of its own that is not fulfilled.", refused.Role.Name, refused.Assignment.Scope)
	case refused.Miss == rbac.MissCondition:
		return fmt.Sprintf("No other role is needed: the role %s at %s has the action, but the condition of the assignment %s is not fulfilled.",
			refused.Role.Name, refused.Assignment.Scope, refused.Assignment.ID)
	}
	at, ok := d.Existing(refused.Scope)
	if !ok {
		return fmt.Sprintf("No role can be given at %s, which does not exist.", refused.Scope)
	}
	role := d.leastRole(refused.Action, at)
	if role == nil {
		return fmt.Sprintf("No role that can be assigned at %s has the action %s.", at, refused.Action)
	}
	return apierr.Command("inborn role assign --principal %s --role %s --scope %s", d.Reference(refused.Principal), RoleReference(role), d.ScopeReference(at))
}

// maxCustomRoles bounds how many custom roles that have an action are measured to find the least.
const maxCustomRoles = 32

// leastRole returns the role that lets do the least of those with an action that can be assigned at a scope; nil for none.
func (d *Directory) leastRole(a rbac.Action, at resource.ID) *rbac.Role {
	var custom []*rbac.Role
	for role := range d.CustomRoles() {
		if len(custom) == maxCustomRoles {
			break
		}
		if role.Has(a) && d.assignableAt(role, at) {
			custom = append(custom, role)
		}
	}
	return d.Ranking().Least(a, custom)
}

// Existing returns the narrowest scope that is there, from scope up to its resource group: at others no role can be
// assigned. What lies below a resource only its data plane may know, so there the resource is enough. Above a management
// group to be made is the root group. It is false where there is no such subscription.
func (d *Directory) Existing(scope resource.ID) (resource.ID, bool) {
	if name, isGroup := rbac.ManagementGroupName(scope); isGroup {
		if _, ok := d.ManagementGroup(name); !ok {
			return d.builtin.access.root.ID(), true
		}
		return scope, true
	}
	subscription, err := guid.Parse(scope.Subscription())
	if err != nil {
		return scope, scope == rbac.Tenant
	}
	if _, ok := d.Subscription(subscription); !ok {
		return "", false
	}
	if scope.Group() == "" {
		return scope, true
	}
	group, ok := d.ResourceGroup(scope.GroupID())
	if !ok {
		return resource.SubscriptionID(scope.Subscription()), true
	}
	if r := resourceOf(scope); r != "" {
		_, isResource := d.Resource(r)
		_, isIdentity := d.Identity(r)
		if !isResource && !isIdentity {
			return group.ID, true
		}
	}
	return scope, true
}

// resourceOf returns the resource at or above a scope; "" if it is no narrower than a group.
func resourceOf(scope resource.ID) resource.ID {
	for _, level := range rbac.Levels(scope) {
		if level.Type() != "" {
			return level
		}
	}
	return ""
}

// Reference is how a command names a principal: by a name if that is sure to lead to it and easy to read, else by its id.
func (d *Directory) Reference(id guid.GUID) string {
	name := ""
	if user, ok := d.User(id); ok {
		name = user.UPN
	} else if sp, ok := d.ServicePrincipal(id); ok {
		name = sp.DisplayName
	}
	for other := range d.ServicePrincipalsNamed(name) {
		if other.ID != id {
			return id.String()
		}
	}
	if _, err := guid.Parse(name); err == nil || !IsPlainName(name) {
		return id.String()
	}
	return name
}

// RoleReference is how a command names a role: a custom one, whose name may be anything, by its id.
func RoleReference(role *rbac.Role) string {
	if role.BuiltIn {
		return role.Name
	}
	return role.ID.String()
}

// ScopeReference is how a command names a scope: a resource and what lies below it, or a resource group, by its name if
// commands find it by that, which they look up in the one subscription that there is; else by its id.
func (d *Directory) ScopeReference(scope resource.ID) string {
	subscriptions := 0
	for range d.Subscriptions() {
		subscriptions++
	}
	if subscriptions != 1 {
		return string(scope)
	}
	named := func(name string) (found int) {
		for range d.ResourcesNamed(name) {
			found++
		}
		return found
	}
	if breadth := rbac.BreadthOf(scope); breadth == rbac.AtGroup && named(scope.Name()) == 0 && IsPlainName(scope.Name()) {
		return scope.Name()
	} else if breadth > rbac.AtResource {
		return string(scope)
	}
	at := resourceOf(scope)
	if r, ok := d.Resource(at); ok && named(r.ID.Name()) == 1 && IsPlainName(r.ID.Name()) && len(rbac.Levels(at)) == len(rbac.Levels(at.GroupID()))+1 {
		return r.ID.Name() + string(scope[len(at):])
	}
	return string(scope)
}

// IsPlainName reports whether a name can stand in any command and survives being shown.
func IsPlainName(name string) bool {
	return name != "" && name[0] != '-' && name[0] != '/' && !strings.ContainsFunc(name, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune(" ._-@", c))
	})
}

// Explain is the explanation of a decision with the names of principals beside their ids.
func (d *Directory) Explain(found rbac.Decision) string {
	text := found.Explain()
	for _, id := range []guid.GUID{found.Principal, found.Via} {
		if _, name, ok := d.Principal(id); ok && name != "" && name != id.String() {
			text = strings.ReplaceAll(text, id.String(), fmt.Sprintf("%s (%s)", name, id))
		}
	}
	return text
}
