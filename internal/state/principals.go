package state

import (
	"iter"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
)

// Application returns the tenant's own application with the given object id.
func (d *Directory) Application(id guid.GUID) (*directory.Application, bool) { return d.apps.get(id) }

// Applications walks the tenant's own applications whose object id is greater than after, in the order of their ids.
func (d *Directory) Applications(after guid.GUID) iter.Seq[*directory.Application] {
	return following(d.apps, after)
}

// ApplicationByAppID returns the application with the given client id, of the tenant or of the catalog.
func (d *Directory) ApplicationByAppID(appID guid.GUID) (*directory.Application, bool) {
	if app, ok := d.appsByAppID.get(appID); ok {
		return app, true
	}
	return d.builtin.catalog.Application(appID)
}

// ApplicationsNamed walks the tenant's own applications with the given display name.
func (d *Directory) ApplicationsNamed(name string) iter.Seq[*directory.Application] {
	return named(d.appsByName, name)
}

// FindAppRole resolves an app role by names: the application by display name, client id or identifier URI, the role by
// its value among those that member may have. It returns the application's service principal and the role.
func (d *Directory) FindAppRole(appName, value string, member directory.MemberTypes) (*directory.ServicePrincipal, directory.AppRole, error) {
	app, sp, err := d.findApp(appName)
	if err != nil {
		return nil, directory.AppRole{}, err
	}
	role, ok := app.RoleByValue(value, member)
	if !ok {
		return nil, role, apierr.New(apierr.AppRoleUnknown, "%s offers no enabled app role %q to this kind of principal.", app.DisplayName, value).
			At(sp.AppID.String()).WithHelp("inborn app show %s", app.DisplayName)
	}
	return sp, role, nil
}

// findApp finds an application by identifier URI, client id or display name. A name of the catalog means the application
// of the catalog, whoever registers another one with that name.
func (d *Directory) findApp(name string) (*directory.Application, *directory.ServicePrincipal, error) {
	if app, sp, ok := d.Audience(name); ok {
		return app, sp, nil
	}
	var app *directory.Application
	var sp *directory.ServicePrincipal
	for candidate := range d.ServicePrincipalsNamed(name) {
		its, ok := d.AppOf(candidate)
		switch {
		case !ok:
		case its.FirstParty:
			return its, candidate, nil
		case app != nil:
			return nil, nil, apierr.New(apierr.ReferenceInvalid,
				"Several applications are called %q: name one by its client id or identifier URI.", name).WithHelp("inborn app list")
		default:
			app, sp = its, candidate
		}
	}
	if app == nil {
		return nil, nil, apierr.New(apierr.ReferenceInvalid, "No application is called %q.", name).WithHelp("inborn app list")
	}
	return app, sp, nil
}

// Audience returns the application that a token for audience is for: by client id or by identifier URI, compared as
// directory.AudienceKey says; and its service principal in this tenant.
func (d *Directory) Audience(audience string) (*directory.Application, *directory.ServicePrincipal, bool) {
	app, ok := d.audienceApp(audience)
	if !ok {
		return nil, nil, false
	}
	sp, ok := d.ServicePrincipalByAppID(app.AppID)
	return app, sp, ok
}

func (d *Directory) audienceApp(audience string) (*directory.Application, bool) {
	key := directory.AudienceKey(audience)
	if appID, err := guid.Parse(key); err == nil {
		return d.ApplicationByAppID(appID)
	}
	if app, ok := d.builtin.catalog.Own(key); ok {
		return app, true
	}
	for app := range named(d.appsByURI, key) {
		return app, true
	}
	app, ok := d.builtin.byURI[key]
	return app, ok
}

// ServicePrincipal returns the service principal with the given object id: of an application, of a managed identity,
// of the catalog, or the local administrator.
func (d *Directory) ServicePrincipal(id guid.GUID) (*directory.ServicePrincipal, bool) {
	if sp, ok := d.principals.get(id); ok {
		return sp, true
	}
	if sp, ok := d.builtin.byID[id]; ok {
		return sp, true
	}
	return &d.builtin.administrator, id == d.builtin.administrator.ID
}

// ServicePrincipalByAppID returns the service principal with the given client id.
func (d *Directory) ServicePrincipalByAppID(appID guid.GUID) (*directory.ServicePrincipal, bool) {
	if sp, ok := d.principalsByApp.get(appID); ok {
		return sp, true
	}
	sp, ok := d.builtin.byApp[appID]
	return sp, ok
}

// ServicePrincipalsNamed walks the service principals with the given display name, the tenant's own first.
func (d *Directory) ServicePrincipalsNamed(name string) iter.Seq[*directory.ServicePrincipal] {
	return func(yield func(*directory.ServicePrincipal) bool) {
		for sp := range named(d.principalsNamed, name) {
			if !yield(sp) {
				return
			}
		}
		for _, sp := range d.builtin.principals {
			if strings.EqualFold(sp.DisplayName, name) && !yield(sp) {
				return
			}
		}
	}
}

// ServicePrincipals walks all service principals whose object id is greater than after, in the order of their ids:
// the tenant's own and those of the catalog. The local administrator is not among them.
func (d *Directory) ServicePrincipals(after guid.GUID) iter.Seq[*directory.ServicePrincipal] {
	return func(yield func(*directory.ServicePrincipal) bool) {
		rest := d.builtin.principals
		upTo := func(id guid.GUID, all bool) bool { // yields the built-in ones before id
			for len(rest) > 0 && (all || compareGUID(rest[0].ID, id) < 0) {
				sp := rest[0]
				rest = rest[1:]
				if compareGUID(sp.ID, after) > 0 && !yield(sp) {
					return false
				}
			}
			return true
		}
		for sp := range following(d.principals, after) {
			if !upTo(sp.ID, false) || !yield(sp) {
				return
			}
		}
		upTo(guid.GUID{}, true)
	}
}

// AppOf returns the application behind a service principal; managed identities have none.
func (d *Directory) AppOf(sp *directory.ServicePrincipal) (*directory.Application, bool) {
	if sp.Type == directory.TypeManagedIdentity {
		return nil, false
	}
	return d.ApplicationByAppID(sp.AppID)
}

// Assignment returns the app role assignment with the given id.
func (d *Directory) Assignment(id directory.AssignmentID) (*directory.AppRoleAssignment, bool) {
	return d.assignments.get(assignmentKey(id))
}

// AssignmentsOf walks what has been given to a principal.
func (d *Directory) AssignmentsOf(principal guid.GUID) iter.Seq[*directory.AppRoleAssignment] {
	return func(yield func(*directory.AppRoleAssignment) bool) {
		for key, a := range d.assignments.from(pairOf(principal, guid.GUID{})) {
			if key.first() != principal || !yield(a) {
				return
			}
		}
	}
}

// AssignedTo walks what has been given of a resource, by the object id of its service principal.
func (d *Directory) AssignedTo(resource guid.GUID) iter.Seq[*directory.AppRoleAssignment] {
	return func(yield func(*directory.AppRoleAssignment) bool) {
		for key, a := range d.assignedTo.from(tripleOf(resource, [32]byte{})) {
			if guid.GUID(key[:16]) != resource || !yield(a) {
				return
			}
		}
	}
}

// RolesOf returns the values of the enabled app roles of a resource that a principal holds, in the order of the
// assignments, and whether it holds any assignment at all (the default access included).
func (d *Directory) RolesOf(principal guid.GUID, app *directory.Application, resource guid.GUID) (roles []string, assigned bool) {
	for a := range d.AssignmentsOf(principal) {
		if a.Resource != resource {
			continue
		}
		assigned = true
		if role, ok := app.Role(a.AppRole); ok && role.Enabled {
			roles = append(roles, role.Value)
		}
	}
	return roles, assigned
}

// assignmentKey orders assignments by principal, in the GUID's own byte order, and by the fresh half of the id.
func assignmentKey(id directory.AssignmentID) pair {
	return pairOf(id.Principal(), guid.GUID(id[16:]))
}
