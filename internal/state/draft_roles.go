package state

import (
	"encoding/hex"
	"slices"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/store"
)

// PutRoleDefinition adds a custom role, or replaces what it says; an id of zero makes one. UpdatedBy is who asks. The name
// is unique in the tenant, those of built-in roles included.
func (d *Draft) PutRoleDefinition(r rbac.RoleDefinition) (rbac.RoleDefinition, error) {
	dir := d.Directory()
	if dir.builtin.access.roles.Role(r.ID) != nil {
		return r, apierr.New(apierr.RoleDefinitionUpdateNotPermitted, "The role %s is built in and cannot be changed.", r.ID).At(r.ID.String())
	}
	if err := rbac.CheckDefinition(&r); err != nil {
		return r, err
	}
	if other, taken := dir.RoleNamed(r.Name); taken && other.ID != r.ID {
		return r, apierr.New(apierr.RoleDefinitionWithSameNameExists,
			"A custom role with the same name already exists in this directory. The name %q belongs to the role %s.", r.Name, other.ID).At(r.Name)
	}
	r.BuiltIn, r.Created, r.Updated, r.CreatedBy = false, d.env.Now, d.env.Now, r.UpdatedBy
	known := []resource.ID{}
	if old := dir.Role(r.ID); old != nil {
		r.Created, r.CreatedBy, known = old.Created, old.CreatedBy, old.AssignableScopes
	}
	for _, scope := range r.AssignableScopes { // a scope that has gone since may stay
		if slices.ContainsFunc(known, func(have resource.ID) bool { return rbac.SameScope(have, scope) }) {
			continue
		}
		if err := d.checkScope(scope); err != nil {
			return r, err
		}
	}
	r.ID = d.newID(r.ID)
	d.write(put(d.tenant, r))
	d.audit("Put role definition", r.ID.String(), "%s", r.Name)
	return r, nil
}

// DeleteRoleDefinition removes a custom role that nobody has.
func (d *Draft) DeleteRoleDefinition(id guid.GUID) error {
	role := d.Directory().Role(id)
	switch {
	case role == nil:
		return apierr.New(apierr.RoleDefinitionNotFound, "The specified role definition with ID '%s' does not exist.", id).At(id.String())
	case role.BuiltIn:
		return apierr.New(apierr.RoleDefinitionUpdateNotPermitted, "The role %s is built in and cannot be deleted.", role.Name).At(id.String())
	}
	if used, _ := d.Directory().access.rolesUsed.get(id); used > 0 {
		return apierr.New(apierr.RoleDefinitionHasAssignments,
			"There are existing role assignments referencing role (code: RoleDefinitionHasAssignments). Remove them first: there are %d.", used).
			At(id.String()).WithHelp("inborn role assignments --role %s", role.Name)
	}
	d.write(remove(d.tenant, *role.RoleDefinition))
	d.audit("Delete role definition", id.String(), "%s", role.Name)
	return nil
}

// PutRoleAssignment gives a role to a principal at a scope; an id of zero makes one. Of an assignment that exists only
// description, condition and delegated identity may differ, and one that is the same already is left as it is. A principal
// that is not there is taken on trust if it is said to be a service principal, since clients grant to identities that they
// have made a moment ago. UpdatedBy is who asks.
func (d *Draft) PutRoleAssignment(a rbac.RoleAssignment) (rbac.RoleAssignment, error) {
	if err := rbac.CheckAssignment(&a); err != nil {
		return a, err
	}
	if old, exists := d.Directory().RoleAssignment(a.ID); exists {
		return d.updateRoleAssignment(old, a)
	}
	if err := d.checkScope(a.Scope); err != nil {
		return a, err
	}
	role := d.Directory().Role(a.Role)
	if role == nil || !d.Directory().assignableAt(role, a.Scope) {
		return a, apierr.New(apierr.RoleDefinitionDoesNotExist, "The specified role definition with ID '%s' does not exist.", a.Role).
			At(a.Role.String()).WithHelp("inborn role list --scope %s", a.Scope)
	}
	name, err := d.checkPrincipal(&a)
	if err != nil {
		return a, err
	}
	for other := range d.Directory().Grants(a.Principal).At(a.Scope) {
		if other.Role == a.Role {
			return a, apierr.New(apierr.RoleAssignmentExists, "The role assignment already exists. The ID of the existing role assignment is %s.",
				hex.EncodeToString(other.ID[:])).At(other.ID.String())
		}
	}
	a.ID, a.CreatedBy, a.Created, a.Updated = d.newID(a.ID), a.UpdatedBy, d.env.Now, d.env.Now
	d.write(put(d.tenant, a))
	d.audit("Put role assignment", a.ID.String(), "%s at %s to %s", role.Name, a.Scope, name)
	return a, nil
}

func (d *Draft) updateRoleAssignment(old *rbac.RoleAssignment, a rbac.RoleAssignment) (rbac.RoleAssignment, error) {
	if a.Principal != old.Principal || a.Role != old.Role || !rbac.SameScope(a.Scope, old.Scope) {
		return a, apierr.New(apierr.RoleAssignmentUpdateNotPermitted,
			"Tenant ID, application ID, principal ID, and scope are not allowed to be updated.").At(a.ID.String())
	}
	if a.PrincipalType != rbac.TypeUnknown && a.PrincipalType != old.PrincipalType {
		return a, unmatchedType(a, old.PrincipalType)
	}
	if old.ConditionVersion == "2.0" && a.ConditionVersion == "1.0" {
		return a, apierr.New(apierr.ConditionInvalid, "The condition has version 2.0 and cannot go back to 1.0.").At("conditionVersion")
	}
	changed := *old
	changed.Condition, changed.ConditionVersion = a.Condition, a.ConditionVersion
	changed.Description, changed.DelegatedIdentity = a.Description, a.DelegatedIdentity
	if changed == *old {
		return changed, nil
	}
	changed.UpdatedBy, changed.Updated = a.UpdatedBy, d.env.Now
	d.write(put(d.tenant, changed))
	d.audit("Update role assignment", a.ID.String(), "")
	return changed, nil
}

// checkPrincipal fills in the type of an assignment's principal and returns its name.
func (d *Draft) checkPrincipal(a *rbac.RoleAssignment) (name string, err error) {
	kind, name, known := d.Directory().Principal(a.Principal)
	switch have := principalType(kind); {
	case !known && a.PrincipalType == rbac.TypeServicePrincipal:
		return a.Principal.String(), nil
	case !known:
		return "", apierr.New(apierr.PrincipalNotFound, "Principal %s does not exist in the directory %s. Check that you have the correct principal ID."+
			" If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay."+
			" In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group. "+
			" See https://aka.ms/docs-principaltype", hex.EncodeToString(a.Principal[:]), d.tenant).At("principalId")
	case a.PrincipalType != rbac.TypeUnknown && a.PrincipalType != have:
		return "", unmatchedType(*a, have)
	default:
		a.PrincipalType = have
		return name, nil
	}
}

// principalType is Resource Manager's type for a kind of principal.
func principalType(t directory.PrincipalType) rbac.PrincipalType {
	switch t {
	case directory.TypeUser:
		return rbac.TypeUser
	case directory.TypeGroup:
		return rbac.TypeGroup
	default:
		return rbac.TypeServicePrincipal
	}
}

func unmatchedType(a rbac.RoleAssignment, have rbac.PrincipalType) error {
	return apierr.New(apierr.UnmatchedPrincipalType, "The PrincipalId '%s' has type '%s', which is different from the specified PrincipalType '%s'.",
		a.Principal, have, a.PrincipalType).At("principalType")
}

// checkScope refuses scopes that are not there. Below a resource there may be what only its data plane knows, such as a
// secret or a container, so that the resource itself is enough.
func (d *Draft) checkScope(scope resource.ID) error {
	dir := d.Directory()
	if scope == rbac.Tenant {
		return nil
	}
	if name, ok := rbac.ManagementGroupName(scope); ok {
		if _, ok := dir.ManagementGroup(name); !ok {
			return managementGroupNotFound(name)
		}
		return nil
	}
	subscription, err := guid.Parse(scope.Subscription())
	if _, ok := dir.Subscription(subscription); err != nil || !ok {
		return apierr.New(apierr.SubscriptionNotFound, "The subscription '%s' could not be found.", scope.Subscription()).At(scope.Subscription())
	}
	if scope.Group() == "" {
		return nil
	}
	if _, ok := dir.ResourceGroup(scope.GroupID()); !ok {
		return apierr.New(apierr.ResourceGroupNotFound, "Resource group '%s' could not be found.", scope.Group()).At(scope.Group())
	}
	for _, level := range rbac.Levels(scope) {
		if level.Type() == "" {
			continue
		}
		_, isResource := dir.Resource(level)
		_, isIdentity := dir.Identity(level)
		if !isResource && !isIdentity {
			return resourceNotFound(level)
		}
		break
	}
	return nil
}

// DeleteRoleAssignment takes a role away. The last Owner of a subscription stays, unless evenLastOwner says that whoever
// asks could make himself Owner again.
func (d *Draft) DeleteRoleAssignment(id guid.GUID, evenLastOwner bool) error {
	a, ok := d.Directory().RoleAssignment(id)
	if !ok {
		return apierr.New(apierr.RoleAssignmentNotFound, "The role assignment '%s' is not found.", id).At(id.String())
	}
	if !evenLastOwner && d.isLastOwner(a) {
		return apierr.New(apierr.LastOwnerAssignment, "Cannot delete the last RBAC admin assignment. Make somebody else Owner of the subscription first.").
			At(id.String()).WithHelp("inborn role assign --role Owner --scope %s --principal NAME", a.Scope)
	}
	_, name, _ := d.Directory().Principal(a.Principal)
	d.write(remove(d.tenant, *a))
	d.audit("Delete role assignment", id.String(), "at %s from %s", a.Scope, name)
	return nil
}

func (d *Draft) isLastOwner(a *rbac.RoleAssignment) bool {
	if a.Role != rbac.Owner || a.Scope.Subscription() == "" || rbac.PathOf(a.Scope).Depth != 1 {
		return false
	}
	for other := range d.Directory().AssignmentsAt(a.Scope) {
		if other.Role == rbac.Owner && other.ID != a.ID {
			return false
		}
	}
	return true
}

// PutDenyAssignment adds a deny assignment or replaces it; an id of zero makes one.
func (d *Draft) PutDenyAssignment(a rbac.DenyAssignment) (rbac.DenyAssignment, error) {
	if err := rbac.CheckDeny(&a); err != nil {
		return a, err
	}
	if err := d.checkScope(a.Scope); err != nil {
		return a, err
	}
	a.Created = d.env.Now
	if old, ok := d.Directory().DenyAssignment(a.ID); ok {
		a.Created = old.Created
	} else if n := d.Directory().access.denyAssignments.len(); n >= maxDenyAssignments {
		return a, apierr.New(apierr.LimitExceeded, "The tenant has %d deny assignments, which is the limit.", n).At("denyAssignments")
	}
	a.ID = d.newID(a.ID)
	d.write(put(d.tenant, a))
	d.audit("Put deny assignment", a.ID.String(), "%s at %s", a.Name, a.Scope)
	return a, nil
}

// maxDenyAssignments bounds what the end of a principal has to look through.
const maxDenyAssignments = 2000

// DeleteDenyAssignment removes a deny assignment.
func (d *Draft) DeleteDenyAssignment(id guid.GUID) error {
	a, ok := d.Directory().DenyAssignment(id)
	if !ok {
		return apierr.New(apierr.DenyAssignmentNotFound, "The deny assignment '%s' is not found.", id).At(id.String())
	}
	d.write(remove(d.tenant, *a))
	d.audit("Delete deny assignment", id.String(), "%s", a.Name)
	return nil
}

// dropRoles removes what roles and deny assignments say of a principal that goes.
func (d *Draft) dropRoles(principal guid.GUID) {
	dir := d.Directory()
	var records []store.Record
	for a := range dir.Grants(principal).All() {
		records = append(records, taken(d, *a))
	}
	isIt := func(t rbac.Target) bool { return t.ID == principal && t.Type != rbac.TypeSystemDefined }
	for a := range dir.DenyAssignments() {
		if !slices.ContainsFunc(a.Principals, isIt) && !slices.ContainsFunc(a.Exclude, isIt) {
			continue
		}
		changed := *a
		changed.Principals = slices.DeleteFunc(slices.Clone(a.Principals), isIt)
		changed.Exclude = slices.DeleteFunc(slices.Clone(a.Exclude), isIt)
		if len(changed.Principals) == 0 {
			records = append(records, taken(d, *a))
		} else {
			if d.kept != nil {
				d.kept.Denied = append(d.kept.Denied, keptOf(put(d.tenant, *a)))
			}
			records = append(records, put(d.tenant, changed))
		}
	}
	d.write(records...)
}

// dropScope removes the role assignments and deny assignments at a scope that goes, and below it.
func (d *Draft) dropScope(scope resource.ID) {
	dir := d.Directory()
	var records []store.Record
	for a := range dir.under(scope) {
		records = append(records, taken(d, *a))
	}
	for a := range dir.DenyAssignments() {
		if rbac.Within(scope, a.Scope) {
			records = append(records, taken(d, *a))
		}
	}
	d.write(records...)
}
