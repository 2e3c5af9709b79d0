package cli

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
)

// findAnyone resolves a principal of any kind: service principals by name, object id or client id; users by name, or by
// the part of it before the @; groups by display name.
func (c *client) findAnyone(ctx context.Context, ref string) (servicePrincipal, error) {
	sp, err := c.findPrincipal(ctx, ref)
	if err == nil || !apierr.Is(err, apierr.ObjectNotFound) {
		return sp, err
	}
	var user servicePrincipal
	if err := c.graph(ctx, http.MethodGet, "/users/"+url.PathEscape(ref), nil, &user); err == nil || !notFound(err) {
		return user, err
	}
	if _, isID := guid.Parse(ref); isID == nil {
		var group servicePrincipal
		if err := c.graph(ctx, http.MethodGet, "/groups/"+ref, nil, &group); err == nil || !notFound(err) {
			return group, err
		}
	}
	for _, paths := range namedAnyone(ref) {
		found, err := c.principalsAt(ctx, paths)
		if err != nil {
			return servicePrincipal{}, err
		}
		if len(found) > 1 {
			return servicePrincipal{}, several(ref, found, func(s servicePrincipal) string { return s.ID })
		}
		if len(found) == 1 {
			return found[0], nil
		}
	}
	return servicePrincipal{}, &exitError{code: exitNoIdentity,
		err: apierr.New(apierr.ObjectNotFound, "No user, group, identity or application is called %q.", ref).
			WithHelp("inborn user list && inborn identity list")}
}

// namedAnyone are the paths of Graph at which users and groups with a name are: with a display name, and if there are none,
// users with it before the @.
func namedAnyone(name string) [][]string {
	display := "?$filter=" + url.QueryEscape("displayName eq "+quote(name))
	ways := [][]string{{"/users" + display, "/groups" + display}}
	if name != "" && !strings.Contains(name, "@") {
		ways = append(ways, []string{"/users?$filter=" + url.QueryEscape("startswith(userPrincipalName,"+quote(name+"@")+")")})
	}
	return ways
}

func (c *client) principalsAt(ctx context.Context, paths []string) (found []servicePrincipal, err error) {
	for _, path := range paths {
		page, err := graphAll[servicePrincipal](ctx, c, path)
		if err != nil {
			return nil, err
		}
		found = append(found, page...)
	}
	return found, nil
}

// belowToo is the filter with which a list of roles holds those, too, that are assignable below the scope only.
const belowToo = "atScopeAndBelow()"

// findAnyRole resolves a role that can be assigned somewhere in the subscription, by name or id.
func (c *client) findAnyRole(ctx context.Context, ref string) (roleDefinition, error) {
	found, err := c.rolesNamed(ctx, c.subscription(), ref, belowToo)
	if err != nil || len(found) > 0 {
		return append(found, roleDefinition{})[0], err
	}
	return roleDefinition{}, c.noRole(ctx, "No role is called %q", ref)
}

// findRole resolves a role that can be assigned at a scope, by name or id.
func (c *client) findRole(ctx context.Context, at, ref string) (roleDefinition, error) {
	found, err := c.rolesNamed(ctx, at, ref)
	if err != nil || len(found) > 0 {
		return append(found, roleDefinition{})[0], err
	}
	elsewhere, err := c.rolesNamed(ctx, c.subscription(), ref, belowToo)
	if err == nil && len(elsewhere) > 0 {
		r := elsewhere[0].Properties
		return roleDefinition{}, &exitError{code: exitNoRole, err: apierr.New(apierr.ObjectNotFound,
			"The role %s cannot be assigned there, only at %s.", r.Name, strings.Join(r.AssignableScopes, ", ")).WithHelp("inborn role show %s", r.Name)}
	}
	return roleDefinition{}, c.noRole(ctx, "No role that can be assigned there is called %q", ref)
}

// rolesNamed returns the roles with a name, of which there is at most one, or the one with an id.
func (c *client) rolesNamed(ctx context.Context, at, ref string, filters ...string) ([]roleDefinition, error) {
	last := ref[strings.LastIndexByte(ref, '/')+1:]
	if _, err := guid.Parse(last); err == nil {
		var r roleDefinition
		err := c.arm(ctx, http.MethodGet, at+authorization+"/roleDefinitions/"+last+rolesVersion, nil, &r)
		return []roleDefinition{r}, err
	}
	return c.roleDefinitions(ctx, at, append(filters, "roleName eq "+quote(ref))...)
}

// noRole is the refusal of a name that no role has, with the names that may be meant.
func (c *client) noRole(ctx context.Context, format, ref string) error {
	all, err := c.roleDefinitions(ctx, c.subscription(), belowToo)
	if err != nil {
		return err
	}
	near := rbac.NearestRoles(ref, func(yield func(string) bool) {
		for _, r := range all {
			if !yield(r.Properties.Name) {
				return
			}
		}
	})
	meant := "."
	if len(near) > 0 {
		meant = ": did you mean " + either(near) + "?"
	}
	return &exitError{code: exitNoRole, err: apierr.New(apierr.ObjectNotFound, format+"%s", ref, meant).WithHelp("inborn role list")}
}

// either joins names of which one is meant.
func either(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
