package state

import (
	"slices"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
)

// CreateApplication adds an application and its service principal, which is what an app registration in the tenant's
// own directory amounts to. ID and AppID may be fixed; role ids that are zero are made.
func (d *Draft) CreateApplication(a directory.Application) (directory.Application, error) {
	if err := d.unused(a.ID, a.AppID); err != nil {
		return a, err
	}
	a.ID, a.AppID, a.Created = d.newID(a.ID), d.newID(a.AppID), d.env.Now
	if err := d.checkApplication(&a); err != nil {
		return a, err
	}
	sp := directory.ServicePrincipal{
		ID: d.env.NewID(), AppID: a.AppID, DisplayName: a.DisplayName, Enabled: true, Created: d.env.Now}
	d.write(put(d.tenant, a), put(d.tenant, sp))
	d.audit("Add application", a.ID.String(), "%s", a.DisplayName)
	d.audit("Add service principal", sp.ID.String(), "%s", sp.DisplayName)
	return a, nil
}

// UpdateApplication replaces name, identifier URIs, app roles and token version of an application. Assignments of app
// roles that are gone are removed with them.
func (d *Draft) UpdateApplication(a directory.Application) error {
	old, ok := d.Directory().Application(a.ID)
	if !ok {
		return objectNotFound(a.ID)
	}
	a.AppID, a.Created, a.FirstParty = old.AppID, old.Created, false
	if err := d.checkApplication(&a); err != nil {
		return err
	}
	d.write(put(d.tenant, a))
	d.audit("Update application", a.ID.String(), "%s", a.DisplayName)
	sp, ok := d.Directory().ServicePrincipalByAppID(a.AppID)
	if !ok {
		return nil
	}
	if sp.DisplayName != a.DisplayName {
		renamed := *sp
		renamed.DisplayName = a.DisplayName
		d.write(put(d.tenant, renamed))
	}
	for given := range d.Directory().AssignedTo(sp.ID) {
		if _, kept := a.Role(given.AppRole); !kept && given.AppRole != directory.DefaultAccess {
			d.write(remove(d.tenant, *given))
		}
	}
	return nil
}

// DeleteApplication removes an application, its service principal and all assignments to and of it.
func (d *Draft) DeleteApplication(id guid.GUID) error {
	a, ok := d.Directory().Application(id)
	if !ok {
		return objectNotFound(id)
	}
	if sp, ok := d.Directory().ServicePrincipalByAppID(a.AppID); ok {
		d.dropPrincipal(sp.ID)
		d.write(remove(d.tenant, *sp))
		d.audit("Remove service principal", sp.ID.String(), "%s", sp.DisplayName)
	}
	d.write(remove(d.tenant, *a))
	d.audit("Delete application", id.String(), "%s", a.DisplayName)
	return nil
}

func (d *Draft) checkApplication(a *directory.Application) error {
	if err := directory.CheckName("application", a.DisplayName); err != nil {
		return err
	}
	a.AppRoles = slices.Clone(a.AppRoles) // which may be a View's
	for i := range a.AppRoles {
		a.AppRoles[i].ID = d.newID(a.AppRoles[i].ID)
	}
	if err := directory.CheckAppRoles(a.AppRoles); err != nil {
		return err
	}
	if a.TokenVersion < 0 || a.TokenVersion > 2 {
		return apierr.New(apierr.PropertyInvalid, "The token version %d does not exist: use 1 or 2.", a.TokenVersion).At("requestedAccessTokenVersion")
	}
	for _, uri := range a.IdentifierURIs {
		if err := directory.CheckIdentifierURI(uri); err != nil {
			return err
		}
		if other, taken := d.Directory().audienceApp(uri); taken && other.ID != a.ID {
			return apierr.New(apierr.ObjectExists, "The identifier URI %s belongs to the application %s.", uri, other.DisplayName).At("identifierUris")
		}
	}
	return nil
}

// Grant gives an app role of a resource to a principal. appRole may be directory.DefaultAccess.
func (d *Draft) Grant(principal, resource, appRole guid.GUID) (directory.AppRoleAssignment, error) {
	dir := d.Directory()
	none := directory.AppRoleAssignment{}
	kind, name, ok := dir.Principal(principal)
	if !ok {
		return none, objectNotFound(principal)
	}
	sp, ok := dir.ServicePrincipal(resource)
	if !ok {
		return none, apierr.New(apierr.ReferenceInvalid, "No service principal with id %s exists.", resource).At("resourceId")
	}
	role, err := dir.assignable(sp, appRole, kind)
	if err != nil {
		return none, err
	}
	for a := range dir.AssignmentsOf(principal) {
		if a.Resource == resource && a.AppRole == appRole {
			return none, apierr.New(apierr.AssignmentExists, "%s has the app role %s of %s already.", name, role, sp.DisplayName).At(a.ID.String())
		}
	}
	a := directory.AppRoleAssignment{
		ID:        directory.NewAssignmentID(principal, d.env.NewID()),
		Principal: principal, PrincipalType: kind, Resource: resource, AppRole: appRole, Created: d.env.Now}
	d.write(put(d.tenant, a))
	d.audit("Add app role assignment to service principal", a.ID.String(), "%s of %s to %s", role, sp.DisplayName, name)
	return a, nil
}

// RequireAssignment says whether a resource gives tokens only to those who hold one of its app roles.
func (d *Draft) RequireAssignment(principal guid.GUID, required bool) error {
	return d.updatePrincipal(principal, func(sp *directory.ServicePrincipal) { sp.AssignmentRequired = required })
}

// EnablePrincipal says whether a service principal may be issued tokens, be issued tokens for, and use the ones it has.
func (d *Draft) EnablePrincipal(principal guid.GUID, enabled bool) error {
	return d.updatePrincipal(principal, func(sp *directory.ServicePrincipal) { sp.Enabled = enabled })
}

// updatePrincipal changes a service principal of the tenant's own; those of the catalog have no record.
func (d *Draft) updatePrincipal(id guid.GUID, change func(*directory.ServicePrincipal)) error {
	have, ok := d.Directory().principals.get(id)
	if !ok {
		return objectNotFound(id)
	}
	sp := *have
	change(&sp)
	d.write(put(d.tenant, sp))
	d.audit("Update service principal", id.String(), "%s", sp.DisplayName)
	return nil
}

// assignable returns the value of an app role that a principal of the given type may have.
func (d *Directory) assignable(sp *directory.ServicePrincipal, appRole guid.GUID, kind directory.PrincipalType) (string, error) {
	if appRole == directory.DefaultAccess {
		return "default access", nil
	}
	member := directory.MemberUser
	if kind == directory.TypeApplication {
		member = directory.MemberApplication
	}
	if app, ok := d.AppOf(sp); ok {
		if role, ok := app.Role(appRole); ok && role.Enabled && role.AllowedMembers&member != 0 {
			return role.Value, nil
		}
	}
	return "", apierr.New(apierr.AppRoleUnknown, "%s offers no enabled app role %s to this kind of principal.", sp.DisplayName, appRole).
		At(sp.AppID.String()).WithHelp("inborn app show %s", sp.DisplayName)
}

// Revoke removes an app role assignment.
func (d *Draft) Revoke(id directory.AssignmentID) error {
	dir := d.Directory()
	a, ok := dir.Assignment(id)
	if !ok {
		return apierr.New(apierr.ObjectNotFound, "No app role assignment %s exists.", id).At(id.String())
	}
	_, name, _ := dir.Principal(a.Principal)
	d.write(remove(d.tenant, *a))
	d.audit("Remove app role assignment from service principal", id.String(), "from %s", name)
	return nil
}

// Principal returns the type and the name of the user, group or service principal with the given object id. All
// service principals, managed identities too, have the type TypeApplication here, as in an assignment.
func (d *Directory) Principal(id guid.GUID) (directory.PrincipalType, string, bool) {
	if sp, ok := d.ServicePrincipal(id); ok {
		return directory.TypeApplication, sp.DisplayName, true
	}
	if u, ok := d.User(id); ok {
		return directory.TypeUser, u.DisplayName, true
	}
	if g, ok := d.Group(id); ok {
		return directory.TypeGroup, g.DisplayName, true
	}
	return 0, "", false
}
