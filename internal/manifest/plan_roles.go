package manifest

import (
	"fmt"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/vault"
)

// roles gives the declared roles of Resource Manager and the data planes, once everything else exists.
func (p *planner) roles() error {
	given := map[held]bool{}
	for i, want := range p.m.Roles {
		if err := p.role(want, given); err != nil {
			return at(err, "$.roles[%d]", i)
		}
	}
	return nil
}

// held is a role that somebody has somewhere.
type held struct {
	principal, role guid.GUID
	scope           resource.Key
}

func (p *planner) role(want Role, given map[held]bool) error {
	a, err := p.assignment(want)
	if err != nil {
		return err
	}
	one := held{a.Principal, a.Role, a.Scope.Key()}
	if given[one] {
		return apierr.New(apierr.PropertyInvalid, "%s gets the role %s at %s twice; one of two conditions would be lost.",
			want.Principal, want.Role, or(want.Scope, "the subscription"))
	}
	given[one] = true
	for have := range p.dir().Grants(a.Principal).At(a.Scope) {
		if have.Role == a.Role && have.Condition == a.Condition {
			return nil
		}
		if have.Role == a.Role { // only its condition differs, which can change
			a.ID = have.ID
		}
	}
	action := Create
	if !a.ID.IsZero() {
		action = Update
	}
	p.did(action, "role", want.Principal, "%s at %s", want.Role, or(want.Scope, "the subscription"))
	_, err = p.draft.PutRoleAssignment(a)
	return err
}

// assignment resolves the names of a declaration.
func (p *planner) assignment(want Role) (a rbac.RoleAssignment, err error) {
	if a.Principal, err = p.principal(want.Principal); err != nil {
		return a, err
	}
	if a.Scope, err = p.scope(want.Scope); err != nil {
		return a, err
	}
	a.Condition = want.Condition
	if id, err := guid.Parse(want.Role); err == nil && p.dir().Role(id) != nil {
		a.Role = id
		return a, nil
	}
	role, ok := p.dir().RoleNamed(want.Role)
	if !ok {
		return a, apierr.New(apierr.RoleDefinitionDoesNotExist, "No role is called %q.", want.Role).WithHelp("inborn role list")
	}
	a.Role = role.ID
	return a, nil
}

// principal resolves a user-assigned identity, a resource with a system-assigned one, a group, a user or an application
// by name, or anything by its object id.
func (p *planner) principal(name string) (guid.GUID, error) {
	if id, err := guid.Parse(name); err == nil {
		return id, nil
	}
	found := map[guid.GUID]bool{}
	if user, ok := p.dir().UserByName(p.upn(name)); ok {
		found[user.ID] = true
	}
	for group := range p.dir().GroupsNamed(name) {
		found[group.ID] = true
	}
	for sp := range p.dir().ServicePrincipalsNamed(name) {
		if app, ok := p.dir().AppOf(sp); sp.Type == directory.TypeManagedIdentity || ok && !app.FirstParty {
			found[sp.ID] = true
		}
	}
	if len(found) == 0 {
		return guid.GUID{}, apierr.New(apierr.ReferenceInvalid,
			"No user, group, identity or application is called %q: declare one, or give its object id.", name)
	}
	if len(found) > 1 {
		return guid.GUID{}, apierr.New(apierr.ReferenceInvalid,
			"%d users, groups, identities and applications are called %q: give the object id of one.", len(found), name)
	}
	for id := range found {
		return id, nil
	}
	return guid.GUID{}, nil
}

// scope resolves a resource id, the name of a resource, with what lies below it, or of a resource group; "" is the
// subscription.
func (p *planner) scope(name string) (resource.ID, error) {
	subscription := resource.SubscriptionID(p.m.subscription(p.dir()).String())
	switch {
	case name == "":
		return subscription, nil
	case strings.HasPrefix(name, "/"):
		return rbac.ParseScope(name)
	}
	resourceName, below, _ := strings.Cut(name, "/")
	var found []resource.ID
	for r := range p.dir().ResourcesNamed(resourceName) {
		found = append(found, r.ID)
	}
	if group := resource.GroupID(subscription.Subscription(), name); len(found) == 0 {
		if have, ok := p.dir().ResourceGroup(group); ok {
			return have.ID, nil
		}
	}
	if len(found) == 0 {
		return "", apierr.New(apierr.ReferenceInvalid, "No resource or resource group is called %q: declare one, or give its resource id.", name)
	}
	if len(found) > 1 {
		return "", apierr.New(apierr.ReferenceInvalid, "%d resources are called %q: give the resource id of one.", len(found), name)
	}
	if below == "" {
		return found[0], nil
	}
	if strings.EqualFold(found[0].Type(), resource.TypeVault) {
		if err := vault.CheckBelow(below); err != nil {
			return "", err
		}
	}
	return rbac.ParseScope(string(found[0]) + "/" + below)
}

// rolesStand refuses roles that pruning has taken away again, with whom they were for or what they were at.
func (p *planner) rolesStand() error {
	for i, want := range p.m.Roles {
		a, err := p.assignment(want)
		if err == nil && p.has(a) {
			continue
		}
		return invalid(fmt.Sprintf("$.roles[%d]", i), "%s or %s is not declared itself, so that pruning deletes it: declare it, or leave the role out",
			want.Principal, or(want.Scope, "the subscription"))
	}
	return nil
}

// has reports whether the principal of an assignment has its role at its scope.
func (p *planner) has(a rbac.RoleAssignment) bool {
	for have := range p.dir().Grants(a.Principal).At(a.Scope) {
		if have.Role == a.Role {
			return true
		}
	}
	return false
}

// pruneRoles takes away the roles of declared principals that are not declared.
func (p *planner) pruneRoles() error {
	keep := map[held]bool{}
	for i, want := range p.m.Roles {
		a, err := p.assignment(want)
		if err != nil {
			return at(err, "$.roles[%d]", i)
		}
		keep[held{a.Principal, a.Role, a.Scope.Key()}] = true
	}
	for _, declared := range p.declaredPrincipals() {
		principal, name := declared.id, declared.name
		for a := range p.dir().Grants(principal).All() {
			if keep[held{principal, a.Role, a.Scope.Key()}] {
				continue
			}
			role := a.Role.String()
			if r := p.dir().Role(a.Role); r != nil {
				role = r.Name
			}
			p.did(Delete, "role", name, "%s at %s", role, a.Scope)
			if err := p.draft.DeleteRoleAssignment(a.ID, true); err != nil {
				return err
			}
		}
	}
	return nil
}

type namedPrincipal struct {
	id   guid.GUID
	name string
}

// declaredPrincipals returns the principals of declared users, groups, applications, identities and resources.
func (p *planner) declaredPrincipals() (all []namedPrincipal) {
	for _, want := range p.m.Users {
		if user, ok := p.dir().UserByName(p.upn(want.Name)); ok {
			all = append(all, namedPrincipal{user.ID, want.Name})
		}
	}
	for _, want := range p.m.Groups {
		for group := range p.dir().GroupsNamed(want.Name) {
			all = append(all, namedPrincipal{group.ID, want.Name})
		}
	}
	for _, want := range p.m.Apps {
		for app := range p.dir().ApplicationsNamed(want.Name) {
			if sp, ok := p.dir().ServicePrincipalByAppID(app.AppID); ok {
				all = append(all, namedPrincipal{sp.ID, want.Name})
			}
		}
	}
	for _, want := range p.m.Identities {
		if id, err := p.identityRef(want); err == nil {
			if identity, ok := p.dir().Identity(id); ok {
				all = append(all, namedPrincipal{identity.PrincipalID, want.Name})
			}
		}
	}
	for _, want := range p.m.Resources {
		if id, err := p.resourceID(want); err == nil {
			if r, ok := p.dir().Resource(id); ok && r.Identity.System != nil {
				all = append(all, namedPrincipal{r.Identity.System.PrincipalID, want.Name})
			}
		}
	}
	return all
}
