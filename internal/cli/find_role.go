package cli

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

// findScope resolves where a role holds: an id, the name of a resource, with what lies below it, such as
// kv-orders/secrets/db-password, or of a resource group; "" is the subscription.
func (c *client) findScope(ctx context.Context, ref string) (string, error) {
	switch {
	case ref == "":
		return c.subscription(), nil
	case strings.HasPrefix(ref, "/"):
		return strings.TrimRight(ref, "/"), nil
	}
	name, below, _ := strings.Cut(ref, "/")
	r, err := c.findResource(ctx, name)
	switch {
	case err == nil && below != "":
		return r.ID + "/" + strings.Trim(below, "/"), nil
	case err == nil:
		return r.ID, nil
	}
	if !apierr.Is(err, apierr.ResourceNotFound) {
		return "", err
	}
	var group armResource
	if c.arm(ctx, http.MethodGet, c.subscription()+"/resourceGroups/"+url.PathEscape(ref)+armVersion, nil, &group) == nil {
		return group.ID, nil
	}
	return "", apierr.New(apierr.ResourceNotFound, "No resource or resource group is called %q.", ref).WithHelp("inborn resource list")
}

// findAnyone resolves a principal of any kind: service principals by name, object id or client id; users by name; groups
// by display name.
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
	named, err := c.namedAnyone(ctx, ref)
	if err != nil {
		return servicePrincipal{}, err
	}
	if len(named) > 1 {
		return servicePrincipal{}, several(ref, named, func(s servicePrincipal) string { return s.ID })
	}
	if len(named) == 0 {
		return servicePrincipal{}, &exitError{code: exitNoIdentity,
			err: apierr.New(apierr.ObjectNotFound, "No user, group, identity or application is called %q.", ref).WithHelp("inborn identity list")}
	}
	return named[0], nil
}

// namedAnyone returns the users and groups with a display name.
func (c *client) namedAnyone(ctx context.Context, name string) (found []servicePrincipal, err error) {
	for _, kind := range []string{"/users", "/groups"} {
		page, err := graphAll[servicePrincipal](ctx, c, kind+"?$filter="+url.QueryEscape("displayName eq "+quote(name)))
		if err != nil {
			return nil, err
		}
		found = append(found, page...)
	}
	return found, nil
}

// findRole resolves a role that can be assigned at a scope, by name or id.
func (c *client) findRole(ctx context.Context, at, ref string) (roleDefinition, error) {
	var r roleDefinition
	path := at + authorization + "/roleDefinitions"
	if _, err := guid.Parse(ref[strings.LastIndexByte(ref, '/')+1:]); err == nil {
		err := c.arm(ctx, http.MethodGet, path+"/"+ref[strings.LastIndexByte(ref, '/')+1:]+rolesVersion, nil, &r)
		return r, err
	}
	found, err := armPages[roleDefinition](ctx, c, path+rolesVersion+"&$filter="+url.QueryEscape("roleName eq "+quote(ref)))
	if err != nil {
		return r, err
	}
	if len(found) == 0 {
		return r, &exitError{code: exitNoRole, err: apierr.New(apierr.ObjectNotFound, "No role that can be assigned there is called %q.", ref).WithHelp("inborn role list")}
	}
	return found[0], nil
}

// nameOf returns the name of a principal for people; its id if there is no such principal any more.
func (c *client) nameOf(ctx context.Context, id string) string {
	for _, kind := range []string{"/servicePrincipals/", "/users/", "/groups/"} {
		var p servicePrincipal
		if c.graph(ctx, http.MethodGet, kind+id, nil, &p) == nil && p.DisplayName != "" {
			return p.DisplayName
		}
	}
	return id
}

// roleNameOf returns the name of a role; its id if there is no such role any more.
func (c *client) roleNameOf(ctx context.Context, id string) string {
	var r roleDefinition
	if c.arm(ctx, http.MethodGet, id+rolesVersion, nil, &r) != nil {
		return id
	}
	return r.Properties.Name
}
