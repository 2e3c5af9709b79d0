package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

// People name things; APIs want ids. The functions here turn the one into the other, by asking the APIs.

// findPrincipal resolves a service principal by display name, object id or client id.
func (c *client) findPrincipal(ctx context.Context, ref string) (servicePrincipal, error) {
	sp, err := c.principalByID(ctx, ref)
	if err != nil || sp.ID != "" {
		return sp, err
	}
	found, err := graphAll[servicePrincipal](ctx, c, "/servicePrincipals?$filter="+url.QueryEscape("displayName eq "+quote(ref)))
	if err != nil {
		return sp, err
	}
	if len(found) == 0 {
		return sp, apierr.New(apierr.ObjectNotFound, "No identity or application is called %q.", ref).WithHelp("inborn identity list")
	}
	if len(found) > 1 {
		return sp, several(ref, found, func(s servicePrincipal) string { return s.ID })
	}
	return found[0], nil
}

// principalByID returns the service principal with that object id or client id; none if ref is no GUID or names none.
func (c *client) principalByID(ctx context.Context, ref string) (sp servicePrincipal, err error) {
	if _, failed := guid.Parse(ref); failed != nil {
		return sp, nil
	}
	for _, path := range []string{"/servicePrincipals/" + ref, "/servicePrincipals(appId=" + quote(ref) + ")"} {
		if err = c.graph(ctx, http.MethodGet, path, nil, &sp); err == nil || !notFound(err) {
			return sp, err
		}
	}
	return servicePrincipal{}, nil
}

// findAPI resolves a service principal that offers app roles, also by an identifier URI.
func (c *client) findAPI(ctx context.Context, ref string) (servicePrincipal, error) {
	if !strings.Contains(ref, "://") {
		return c.findPrincipal(ctx, ref)
	}
	filter := url.QueryEscape("servicePrincipalNames/any(n:n eq " + quote(ref) + ")")
	found, err := graphAll[servicePrincipal](ctx, c, "/servicePrincipals?$filter="+filter)
	if err != nil || len(found) == 1 {
		return append(found, servicePrincipal{})[0], err
	}
	return servicePrincipal{}, noSuchApp(ref)
}

// roleFor returns the app role of api that applications may have and whose value is value.
func roleFor(api servicePrincipal, value string) (appRole, bool) {
	for _, role := range api.AppRoles {
		for _, member := range role.AllowedMemberTypes {
			if role.Value == value && role.IsEnabled && member == "Application" {
				return role, true
			}
		}
	}
	return appRole{}, false
}

// findResource resolves a resource by name or resource id.
func (c *client) findResource(ctx context.Context, ref string) (armResource, error) {
	var r armResource
	if strings.HasPrefix(ref, "/") {
		err := c.arm(ctx, http.MethodGet, ref+armVersion, nil, &r)
		return r, err
	}
	all, err := armPages[armResource](ctx, c, "/subscriptions/"+c.status.Subscription+"/resources"+armVersion)
	if err != nil {
		return r, err
	}
	var found []armResource
	for _, candidate := range all {
		if strings.EqualFold(candidate.Name, ref) && !isIdentity(candidate) {
			found = append(found, candidate)
		}
	}
	if len(found) == 0 {
		return r, apierr.New(apierr.ResourceNotFound, "No resource is called %q.", ref).WithHelp("declare it under resources in a manifest and run: inborn apply --file MANIFEST.yaml")
	}
	if len(found) > 1 {
		return r, several(ref, found, func(a armResource) string { return a.ID })
	}
	return found[0], nil
}

const identityType = "Microsoft.ManagedIdentity/userAssignedIdentities"

func isIdentity(r armResource) bool { return strings.EqualFold(r.Type, identityType) }

// findIdentity resolves a user-assigned identity by name or resource id.
func (c *client) findIdentity(ctx context.Context, ref string) (identityResource, error) {
	var identity identityResource
	path := ref
	if !strings.HasPrefix(ref, "/") {
		path = c.status.ResourceGroup + "/providers/" + identityType + "/" + url.PathEscape(ref)
	}
	err := c.arm(ctx, http.MethodGet, path+armVersion, nil, &identity)
	if notFound(err) {
		return identity, &exitError{code: exitNoIdentity, err: apierr.New(apierr.ObjectNotFound, "No user-assigned identity is called %q.", ref).WithHelp("inborn identity create %s", ref)}
	}
	return identity, err
}

func several[T any](ref string, found []T, id func(T) string) error {
	var ids []string
	for _, one := range found {
		ids = append(ids, id(one))
	}
	return fmt.Errorf("%q is the name of %d objects; use the id of one: %s", ref, len(found), strings.Join(ids, ", "))
}
