package state

import (
	"strings"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/store"
)

// apply returns the View that recs lead to, at the place at; the receiver stays as it is. The order of recs does not
// matter, as each key comes once: every index entry is made from its own record alone. Only the goroutine that writes
// may call it.
func (v *View) apply(recs []store.Record, at store.Position) (*View, error) {
	b := newBuilder(v)
	if err := b.add(recs); err != nil {
		return nil, err
	}
	return b.finish(at), nil
}

// builder makes the View that follows another one, of as many records as are added. What it has made its own it changes
// in place, until finish.
type builder struct {
	next    *View
	touched []touched // seldom more than one
}

type touched struct {
	tenant guid.GUID
	*Directory
}

func newBuilder(v *View) *builder {
	next := &View{catalog: v.catalog, roles: v.roles, tenants: v.tenants.clone(), keys: v.keys.clone(), authorities: v.authorities.clone()}
	return &builder{next: next}
}

func (b *builder) add(recs []store.Record) error {
	ahead := decodeAhead(recs)
	for i, r := range recs {
		if i < len(ahead) && ahead[i].RoleAssignment != nil {
			if err := b.writable(r.Tenant).access.applyAssignment(r, ahead[i]); err != nil {
				return err
			}
			continue
		}
		if r.Kind == kindSigningKey || r.Kind == kindAuthority {
			if err := b.next.applyPlatform(r); err != nil {
				return err
			}
			continue
		}
		if err := b.writable(r.Tenant).apply(r, b.next); err != nil {
			return err
		}
	}
	return nil
}

// writable returns the tenant's directory, of which the View has a copy of its own from then on.
func (b *builder) writable(tenant guid.GUID) *Directory {
	for i := range b.touched {
		if b.touched[i].tenant == tenant {
			return b.touched[i].Directory
		}
	}
	var d *Directory
	if old, ok := b.next.tenants.get(tenant); ok {
		d = old.clone()
	} else {
		d = newDirectory(b.next.roles)
	}
	b.touched = append(b.touched, touched{tenant, d})
	b.next.tenants.set(tenant, d)
	return d
}

func (b *builder) finish(at store.Position) *View {
	for _, d := range b.touched {
		d.access.settle()
	}
	b.next.at = at
	return b.next
}

// applyPlatform applies a record that belongs to no tenant.
func (v *View) applyPlatform(r store.Record) error {
	if r.Kind == kindAuthority {
		return applyObject(r, &v.authorities, textKey, nil)
	}
	return applyObject(r, &v.keys, textKey, nil)
}

func (d *Directory) apply(r store.Record, v *View) error {
	switch r.Kind {
	case kindTenant:
		return d.applyTenant(r, v)
	case kindUser:
		return applyObject(r, &d.users, guidKey, func(u *directory.User, on bool) {
			put1(&d.usersByName, nameKey(u.UPN, r.ID), u, on)
		})
	case kindGroup:
		return applyObject(r, &d.groups, guidKey, func(g *directory.Group, on bool) {
			put1(&d.groupsByName, nameKey(g.DisplayName, r.ID), g, on)
		})
	case kindCredential:
		return applyObject(r, &d.credentials, textKey, nil)
	case kindDeletedItem:
		return applyObject(r, &d.deleted, guidKey, func(i *DeletedItem, on bool) { put1(&d.deletedByAge, byAge(i), i, on) })
	case kindMembership:
		return d.applyMembership(r)
	case kindApplication:
		d.appsChanged = max(d.appsChanged, r.Seq)
		return applyObject(r, &d.apps, guidKey, func(a *directory.Application, on bool) { d.indexApp(a, on) })
	case kindPrincipal:
		return applyObject(r, &d.principals, guidKey, func(sp *directory.ServicePrincipal, on bool) {
			if sp.Type == directory.TypeApplication {
				d.appsChanged = max(d.appsChanged, r.Seq)
			}
			put1(&d.principalsByApp, sp.AppID, sp, on)
			put1(&d.principalsNamed, nameKey(sp.DisplayName, r.ID), sp, on)
		})
	case kindAssignment:
		return applyObject(r, &d.assignments, parseAssignmentKey, func(a *directory.AppRoleAssignment, on bool) {
			put1(&d.assignedTo, tripleOf(a.Resource, a.ID), a, on)
		})
	default:
		return d.applyResource(r)
	}
}

func (d *Directory) applyResource(r store.Record) error {
	switch r.Kind {
	case kindSubscription:
		return applyObject(r, &d.subscriptions, guidKey, nil)
	case kindResourceGroup:
		return applyObject(r, &d.resourceGroups, textKey, nil)
	case kindResource:
		return applyObject(r, &d.resources, textKey, func(o *resource.Resource, on bool) {
			put1(&d.resourcesNamed, nameKey(o.ID.Name(), r.ID), o, on)
			for _, identity := range o.Identity.User {
				put1(&d.identitiesUsed, nameKey(string(identity.Key()), r.ID), o, on)
			}
		})
	case kindIdentity:
		return applyObject(r, &d.identities, textKey, nil)
	case kindVaultObject, kindVaultVersion, kindVaultIssuer, kindVaultContacts, kindDeletedVault:
		return d.vaults.apply(r)
	case kindBinding:
		return applyObject(r, &d.bindings, guidKey, func(b *resource.WorkloadBinding, on bool) {
			put1(&d.bindingsByNode, nameKey(string(b.Node.Key()), r.ID), b, on)
		})
	case kindLock:
		return applyObject(r, &d.locks, textKey, nil)
	default:
		return d.access.apply(r)
	}
}

func (d *Directory) applyTenant(r store.Record, v *View) error {
	d.appsChanged = max(d.appsChanged, r.Seq)
	if r.Deleted {
		d.tenant = nil
		return nil
	}
	tenant, err := decode[directory.Tenant](r)
	if err != nil {
		return err
	}
	d.tenant = tenant
	d.builtin = newBuiltin(v.catalog, v.roles, tenant)
	return nil
}

func (d *Directory) applyMembership(r store.Record) error {
	groupText, memberText, _ := strings.Cut(r.ID, "/")
	group, err := guid.Parse(groupText)
	if err != nil {
		return err
	}
	member, err := guid.Parse(memberText)
	if err != nil {
		return err
	}
	put1(&d.members, pairOf(group, member), struct{}{}, !r.Deleted)
	putInto(&d.memberOf, member, group, compareGUID, !r.Deleted)
	return nil
}

func (d *Directory) indexApp(a *directory.Application, on bool) {
	id := a.ID.String()
	put1(&d.appsByAppID, a.AppID, a, on)
	put1(&d.appsByName, nameKey(a.DisplayName, id), a, on)
	for _, uri := range a.IdentifierURIs {
		put1(&d.appsByURI, nameKey(directory.AudienceKey(uri), id), a, on)
	}
}

// applyObject stores the new state of one object, or its absence, in its table, takes the old state out of the indexes
// and puts the new one in. index is told what to put (true) or take away (false); nil for objects without an index.
func applyObject[K any, T Object](r store.Record, objects keeper[K, *T], parse func(string) (K, error), index func(object *T, on bool)) error {
	key, err := parse(r.ID)
	if err != nil {
		return err
	}
	if r.Deleted {
		if old, ok := objects.delete(key); ok && index != nil {
			index(old, false)
		}
		return nil
	}
	object, err := decode[T](r)
	if err != nil {
		return err
	}
	old, replaced := objects.set(key, object)
	if index == nil {
		return nil
	}
	if replaced {
		index(old, false)
	}
	index(object, true)
	return nil
}

// put1 sets or deletes one entry of an index.
func put1[K, V any](index keeper[K, V], key K, value V, on bool) {
	if on {
		index.set(key, value)
	} else {
		index.delete(key)
	}
}

func guidKey(s string) (guid.GUID, error) { return guid.Parse(s) }

func textKey(s string) (string, error) { return s, nil }

func parseAssignmentKey(s string) (pair, error) {
	id, err := directory.ParseAssignmentID(s)
	return assignmentKey(id), err
}
