package state

import (
	"slices"

	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
)

// CreateUser adds a user. ID may be fixed; UPN must be unused; DisplayName and MailNickname default to its local part.
func (d *Draft) CreateUser(u directory.User) (directory.User, error) {
	local, domain, ok := strings.Cut(u.UPN, "@")
	if !ok || local == "" || domain == "" || strings.ContainsAny(u.UPN, " \t\r\n'\"<>") {
		return u, apierr.New(apierr.PropertyInvalid, "%q is not a user name: expected name@domain.", u.UPN).At("userPrincipalName")
	}
	if _, taken := d.Directory().UserByName(u.UPN); taken {
		return u, apierr.New(apierr.ObjectExists, "A user called %s exists.", u.UPN).At("userPrincipalName")
	}
	if u.DisplayName == "" {
		u.DisplayName = local
	}
	if u.MailNickname == "" {
		u.MailNickname = local
	}
	if err := directory.CheckName("user", u.DisplayName); err != nil {
		return u, err
	}
	if err := d.unused(u.ID); err != nil {
		return u, err
	}
	u.ID, u.Enabled, u.Created = d.newID(u.ID), true, d.env.Now
	d.write(put(d.tenant, u))
	d.audit("Add user", u.ID.String(), "%s", u.UPN)
	return u, nil
}

// DeleteUser removes a user with its memberships and assignments.
func (d *Draft) DeleteUser(id guid.GUID) error {
	u, ok := d.Directory().User(id)
	if !ok {
		return objectNotFound(id)
	}
	d.dropPrincipal(id)
	d.write(remove(d.tenant, *u))
	d.audit("Delete user", id.String(), "%s", u.UPN)
	return nil
}

// CreateGroup adds a security group. ID may be fixed; display names need not be unique, as in Entra.
func (d *Draft) CreateGroup(g directory.Group) (directory.Group, error) {
	if err := directory.CheckName("group", g.DisplayName); err != nil {
		return g, err
	}
	if err := d.unused(g.ID); err != nil {
		return g, err
	}
	if g.MailNickname == "" {
		g.MailNickname = strings.ReplaceAll(g.DisplayName, " ", "-")
	}
	g.ID, g.Created = d.newID(g.ID), d.env.Now
	d.write(put(d.tenant, g))
	d.audit("Add group", g.ID.String(), "%s", g.DisplayName)
	return g, nil
}

// DeleteGroup removes a group with its memberships, in both directions, and its assignments.
func (d *Draft) DeleteGroup(id guid.GUID) error {
	g, ok := d.Directory().Group(id)
	if !ok {
		return objectNotFound(id)
	}
	for member := range d.Directory().MembersOf(id) {
		d.write(remove(d.tenant, directory.Membership{Group: id, Member: member}))
	}
	d.dropPrincipal(id)
	d.write(remove(d.tenant, *g))
	d.audit("Delete group", id.String(), "%s", g.DisplayName)
	return nil
}

// AddMember puts a user, group or service principal into a group.
func (d *Draft) AddMember(group, member guid.GUID) error {
	dir := d.Directory()
	g, ok := dir.Group(group)
	if !ok {
		return objectNotFound(group)
	}
	if _, _, ok := dir.Principal(member); !ok || member == group {
		return apierr.New(apierr.ReferenceInvalid, "%s cannot be a member of group %s.", member, g.DisplayName).At("members")
	}
	if dir.IsMember(group, member) {
		return apierr.New(apierr.ObjectExists, "%s is a member of group %s already.", member, g.DisplayName).At("members")
	}
	d.write(put(d.tenant, directory.Membership{Group: group, Member: member}))
	d.audit("Add member to group", group.String(), "%s", member)
	return nil
}

// RemoveMember takes a member out of a group.
func (d *Draft) RemoveMember(group, member guid.GUID) error {
	if !d.Directory().IsMember(group, member) {
		return objectNotFound(member)
	}
	d.write(remove(d.tenant, directory.Membership{Group: group, Member: member}))
	d.audit("Remove member from group", group.String(), "%s", member)
	return nil
}

// unused refuses ids, fixed by whoever asks, that name something already or each other; zero is none.
func (d *Draft) unused(ids ...guid.GUID) error {
	for i, id := range ids {
		if id.IsZero() {
			continue
		}
		if d.Directory().names(id) || slices.Contains(ids[:i], id) {
			return apierr.New(apierr.ObjectExists, "The id %s is taken.", id).At(id.String())
		}
	}
	return nil
}

// names reports whether id is the object id or the client id of anything. The two share one space: a place that takes
// either could otherwise be made to mean another object than the one that was looked at.
func (d *Directory) names(id guid.GUID) bool {
	_, _, isPrincipal := d.Principal(id)
	_, isApp := d.Application(id)
	_, isClient := d.ServicePrincipalByAppID(id)
	_, isCatalog := d.ApplicationByAppID(id)
	return isPrincipal || isApp || isClient || isCatalog || id == d.builtin.administrator.AppID || id == d.Tenant().ID
}

// dropPrincipal removes what hangs on a principal: its memberships, what was given to it, app roles and roles, and
// what was given of it.
func (d *Draft) dropPrincipal(id guid.GUID) {
	dir := d.Directory()
	for group := range dir.GroupsOf(id) {
		d.write(taken(d, directory.Membership{Group: group, Member: id}))
	}
	for a := range dir.AssignmentsOf(id) {
		d.write(taken(d, *a))
	}
	for a := range dir.AssignedTo(id) {
		d.write(remove(d.tenant, *a))
	}
	d.dropRoles(id)
	d.dropCredentials(id)
}

func objectNotFound(id guid.GUID) error {
	return apierr.New(apierr.ObjectNotFound, "No object with id %s exists.", id).At(id.String())
}
