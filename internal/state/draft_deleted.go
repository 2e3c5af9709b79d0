package state

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/store"
)

// keeping makes item of what end removes through taken.
func (d *Draft) keeping(item DeletedItem, end func()) {
	item.Deleted = d.env.Now
	d.kept = &item
	end()
	d.kept = nil
	if d.Directory().deleted.len() >= maxDeleted {
		for oldest := range d.Directory().DeletedBefore(d.env.Now) {
			d.write(remove(d.tenant, *oldest))
			break
		}
	}
	d.write(put(d.tenant, item))
}

// taken is the tombstone of object, which goes into the deleted item in the making, if there is one.
func taken[T Object](d *Draft, object T) store.Record {
	if d.kept != nil {
		d.kept.Records = append(d.kept.Records, keptOf(put(d.tenant, object)))
	}
	return remove(d.tenant, object)
}

func keptOf(r store.Record) KeptRecord { return KeptRecord{Kind: r.Kind, ID: r.ID, Body: r.Body} }

// PurgeDeleted ends a deleted item for good.
func (d *Draft) PurgeDeleted(id guid.GUID) error {
	item, ok := d.Directory().DeletedItem(id)
	if !ok {
		return notDeleted(id)
	}
	d.write(remove(d.tenant, *item))
	d.audit("Purge deleted identity", id.String(), "%s", item.Name)
	return nil
}

// PurgeExpired ends the deleted items of a tenant whose time is over.
func (d *Draft) PurgeExpired() {
	for item := range d.Directory().DeletedBefore(d.env.Now.Add(-DeletedFor)) {
		_ = d.PurgeDeleted(item.ID) // it is there: it was just found
	}
}

func notDeleted(id guid.GUID) error {
	return apierr.New(apierr.ObjectNotFound, "No deleted identity has the object id %s. Deleted identities are kept for %d days.", id, DeletedFor/(24*time.Hour)).
		At(id.String()).WithHelp("inborn identity list --deleted")
}

// Restored is what became of a deleted identity.
type Restored struct {
	Item *DeletedItem
	Back int      // how many grants, memberships, credentials and attachments are there again
	Lost []string // what could not be put back, and why
}

// RestoreIdentity puts a deleted identity back, under the ids that it had and with what it was given, as far as the other
// side of that is still there. A user-assigned identity needs its resource group, and its name to be free; a
// system-assigned one needs its resource, with no other in its place.
func (d *Draft) RestoreIdentity(id guid.GUID) (Restored, error) {
	item, ok := d.Directory().DeletedItem(id)
	if !ok || !d.env.Now.Before(item.Expires()) {
		return Restored{}, notDeleted(id)
	}
	r := &restoring{Draft: d, Restored: Restored{Item: item}}
	if err := r.check(); err != nil {
		return Restored{}, err
	}
	for _, kept := range slices.Concat(item.Records, item.Denied) {
		if err := r.revive(kept); err != nil {
			return Restored{}, err
		}
	}
	r.attach()
	d.write(remove(d.tenant, *item))
	d.audit("Restore managed identity", id.String(), "%s with %d grants, %d lost", item.Name, r.Back, len(r.Lost))
	return r.Restored, nil
}

// restoring is one restoration under way.
type restoring struct {
	*Draft
	Restored
}

// check refuses to restore an identity whose place is gone or taken.
func (r *restoring) check() error {
	item, dir := r.Item, r.Directory()
	if err := r.unused(item.ID, item.ClientID); err != nil {
		return err
	}
	if !item.System {
		if err := r.checkPlace(item.Resource); err != nil {
			return err
		}
		if _, exists := dir.Identity(item.Resource); exists {
			return apierr.New(apierr.ObjectExists, "There is another identity %s by now. Delete it first.", item.Name).At(string(item.Resource)).
				WithHelp("inborn identity delete %s && inborn identity restore %s", item.Name, item.ID)
		}
		return nil
	}
	have, exists := dir.Resource(item.Resource)
	switch {
	case !exists:
		return apierr.New(apierr.ResourceNotFound, "The resource %s, whose system-assigned identity this was, is gone. Create it again first, without an identity.",
			item.Resource).At(string(item.Resource))
	case have.Identity.System != nil:
		return apierr.New(apierr.ObjectExists, "The resource %s has another system-assigned identity by now. Switch it off first.", item.Resource.Name()).
			At(string(item.Resource)).WithHelp("inborn identity unassign %s --system", item.Resource.Name())
	}
	return nil
}

// revive puts one record back, or notes why it cannot be.
func (r *restoring) revive(kept KeptRecord) error {
	record := store.Record{Key: store.Key{Tenant: r.tenant, Kind: kept.Kind, ID: kept.ID}, Body: kept.Body}
	var why string
	var err error
	switch kept.Kind {
	case kindIdentity, kindPrincipal:
		r.write(record)
		return nil
	case kindCredential:
	case kindMembership:
		why, err = lost(record, r.lostMembership)
	case kindAssignment:
		why, err = lost(record, r.lostAppRole)
	case kindRoleAssignment:
		why, err = lost(record, r.lostRole)
	case kindDenyAssignment:
		return r.reviveDeny(record)
	default:
		err = fmt.Errorf("state: a deleted item has a record of kind %s", kept.Kind)
	}
	switch {
	case err != nil:
		return err
	case why != "":
		r.Lost = append(r.Lost, why)
	default:
		r.write(record)
		r.Back++
	}
	return nil
}

// lost says why a record cannot be put back; "" if it can.
func lost[T Object](record store.Record, why func(*T) string) (string, error) {
	object, err := decode[T](record)
	if err != nil {
		return "", err
	}
	return why(object), nil
}

func (r *restoring) lostMembership(m *directory.Membership) string {
	if _, ok := r.Directory().Group(m.Group); !ok {
		return fmt.Sprintf("the membership of group %s: the group is gone", m.Group)
	}
	return ""
}

func (r *restoring) lostAppRole(a *directory.AppRoleAssignment) string {
	dir := r.Directory()
	sp, ok := dir.ServicePrincipal(a.Resource)
	if !ok {
		return fmt.Sprintf("the app role %s of %s: the application is gone", a.AppRole, a.Resource)
	}
	if _, err := dir.assignable(sp, a.AppRole, a.PrincipalType); err != nil {
		return fmt.Sprintf("the app role %s of %s: it is not offered any more", a.AppRole, sp.DisplayName)
	}
	return ""
}

func (r *restoring) lostRole(a *rbac.RoleAssignment) string {
	dir := r.Directory()
	role := dir.Role(a.Role)
	switch {
	case role == nil || !dir.assignableAt(role, a.Scope):
		return fmt.Sprintf("the role %s at %s: the role is gone", a.Role, a.Scope)
	case r.checkScope(a.Scope) != nil:
		return fmt.Sprintf("the role %s at %s: the scope is gone", role.Name, a.Scope)
	}
	if a.Principal != r.Item.ID { // a role of somebody else on this identity
		if _, _, known := dir.Principal(a.Principal); !known {
			return fmt.Sprintf("the role %s of %s on the identity: the principal is gone", role.Name, a.Principal)
		}
	}
	if _, taken := dir.RoleAssignment(a.ID); taken {
		return fmt.Sprintf("the role %s at %s: another role assignment has its id %s", role.Name, a.Scope, a.ID)
	}
	for other := range dir.Grants(a.Principal).At(a.Scope) {
		if other.Role == a.Role {
			return fmt.Sprintf("the role %s at %s: it was assigned again meanwhile", role.Name, a.Scope)
		}
	}
	return ""
}

// reviveDeny denies the identity again what it was denied, so that nobody sheds a deny assignment by being deleted. A deny
// assignment that still is there gets the identity back into its lists; one that somebody deleted since stays deleted.
func (r *restoring) reviveDeny(record store.Record) error {
	was, err := decode[rbac.DenyAssignment](record)
	if err != nil {
		return err
	}
	now, exists := r.Directory().DenyAssignment(was.ID)
	switch {
	case exists:
		changed := *now
		changed.Principals = r.again(now.Principals, was.Principals)
		changed.Exclude = r.again(now.Exclude, was.Exclude)
		r.write(put(r.tenant, changed))
	case r.checkScope(was.Scope) != nil, slices.ContainsFunc(r.Item.Denied, func(k KeptRecord) bool { return k.ID == record.ID }):
		return nil
	default:
		r.write(record)
	}
	return nil
}

// again adds to a list of a deny assignment what it said of the identity before.
func (r *restoring) again(now, was []rbac.Target) []rbac.Target {
	for _, target := range was {
		if target.ID == r.Item.ID && target.Type != rbac.TypeSystemDefined && !slices.Contains(now, target) {
			now = append(slices.Clip(now), target)
		}
	}
	return now
}

// attach puts the identity back into the identity blocks of the resources that still are there.
func (r *restoring) attach() {
	if r.Item.System {
		owner, _ := r.Directory().Resource(r.Item.Resource)
		changed := *owner
		changed.Identity.System = &resource.SystemIdentity{PrincipalID: r.Item.ID, ClientID: r.Item.ClientID}
		changed.Changed = r.env.Now
		r.write(put(r.tenant, changed))
		return
	}
	for _, id := range r.Item.Attached {
		user, ok := r.Directory().Resource(id)
		if !ok {
			r.Lost = append(r.Lost, fmt.Sprintf("the place in the identity block of %s: the resource is gone", id))
			continue
		}
		if user.Created.After(r.Item.Deleted) { // by somebody else, maybe, who must not come by the identity
			r.Lost = append(r.Lost, fmt.Sprintf("the place in the identity block of %s: the resource was made again since", id))
			continue
		}
		changed := *user
		changed.Identity.User = append(slices.Clone(user.Identity.User), r.Item.Resource)
		changed.Changed = r.env.Now
		r.write(put(r.tenant, changed))
		r.Back++
	}
}

// Touches lists what restoring an item changes beside the identity itself, for whoever decides if that is permitted: the
// role assignments that come back, and whether there is something that the directory gave: app roles, memberships.
func (i *DeletedItem) Touches() (roles []*rbac.RoleAssignment, directoryGrants bool, err error) {
	for _, kept := range i.Records {
		switch kept.Kind {
		case kindRoleAssignment:
			a, broken := decode[rbac.RoleAssignment](store.Record{Body: kept.Body})
			err = errors.Join(err, broken)
			roles = append(roles, a)
		case kindAssignment, kindMembership:
			directoryGrants = true
		}
	}
	return roles, directoryGrants, err
}
