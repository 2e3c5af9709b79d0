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
	next := &View{at: at, catalog: v.catalog, tenants: v.tenants.clone(), keys: v.keys.clone()}
	touched := map[guid.GUID]*Directory{}
	for _, r := range recs {
		if r.Kind == kindSigningKey {
			if err := next.applyKey(r); err != nil {
				return nil, err
			}
			continue
		}
		d := touched[r.Tenant]
		if d == nil {
			d = next.writable(r.Tenant)
			touched[r.Tenant] = d
		}
		if err := d.apply(r, v.catalog); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// writable puts a copy of the tenant's directory into the View and returns it.
func (v *View) writable(tenant guid.GUID) *Directory {
	d, ok := v.tenants.get(tenant)
	if ok {
		d = d.clone()
	} else {
		d = newDirectory()
	}
	v.tenants.set(tenant, d)
	return d
}

func (v *View) applyKey(r store.Record) error {
	if r.Deleted {
		v.keys.delete(r.ID)
		return nil
	}
	key, err := decode[SigningKey](r)
	if err != nil {
		return err
	}
	v.keys.set(r.ID, key)
	return nil
}

func (d *Directory) apply(r store.Record, catalog *directory.Catalog) error {
	switch r.Kind {
	case kindTenant:
		return d.applyTenant(r, catalog)
	case kindUser:
		return applyObject(r, d.users, guidKey, func(u *directory.User, on bool) {
			put1(d.usersByName, nameKey(u.UPN, r.ID), u, on)
		})
	case kindGroup:
		return applyObject(r, d.groups, guidKey, func(g *directory.Group, on bool) {
			put1(d.groupsByName, nameKey(g.DisplayName, r.ID), g, on)
		})
	case kindMembership:
		return d.applyMembership(r)
	case kindApplication:
		d.appsChanged = max(d.appsChanged, r.Seq)
		return applyObject(r, d.apps, guidKey, func(a *directory.Application, on bool) { d.indexApp(a, on) })
	case kindPrincipal:
		return applyObject(r, d.principals, guidKey, func(sp *directory.ServicePrincipal, on bool) {
			if sp.Type == directory.TypeApplication {
				d.appsChanged = max(d.appsChanged, r.Seq)
			}
			put1(d.principalsByApp, sp.AppID, sp, on)
			put1(d.principalsNamed, nameKey(sp.DisplayName, r.ID), sp, on)
		})
	case kindAssignment:
		return applyObject(r, d.assignments, parseAssignmentKey, func(a *directory.AppRoleAssignment, on bool) {
			put1(d.assignedTo, tripleOf(a.Resource, a.ID), a, on)
		})
	default:
		return d.applyResource(r)
	}
}

func (d *Directory) applyResource(r store.Record) error {
	switch r.Kind {
	case kindSubscription:
		return applyObject(r, d.subscriptions, guidKey, nil)
	case kindResourceGroup:
		return applyObject(r, d.resourceGroups, textKey, nil)
	case kindResource:
		return applyObject(r, d.resources, textKey, func(o *resource.Resource, on bool) {
			put1(d.resourcesNamed, nameKey(o.ID.Name(), r.ID), o, on)
			for _, identity := range o.Identity.User {
				put1(d.identitiesUsed, nameKey(string(identity.Key()), r.ID), o, on)
			}
		})
	case kindIdentity:
		return applyObject(r, d.identities, textKey, nil)
	case kindBinding:
		return applyObject(r, d.bindings, guidKey, func(b *resource.WorkloadBinding, on bool) {
			put1(d.bindingsByNode, nameKey(string(b.Node.Key()), r.ID), b, on)
		})
	}
	return nil // a kind that a newer version wrote: nothing here depends on it
}

func (d *Directory) applyTenant(r store.Record, catalog *directory.Catalog) error {
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
	d.builtin = newBuiltin(catalog, tenant)
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
	put1(d.members, pairOf(group, member), struct{}{}, !r.Deleted)
	put1(d.memberOf, pairOf(member, group), struct{}{}, !r.Deleted)
	return nil
}

func (d *Directory) indexApp(a *directory.Application, on bool) {
	id := a.ID.String()
	put1(d.appsByAppID, a.AppID, a, on)
	put1(d.appsByName, nameKey(a.DisplayName, id), a, on)
	for _, uri := range a.IdentifierURIs {
		put1(d.appsByURI, nameKey(directory.AudienceKey(uri), id), a, on)
	}
}

// applyObject stores the new state of one object, or its absence, in its table, takes the old state out of the indexes
// and puts the new one in. index is told what to put (true) or take away (false); nil for objects without an index.
func applyObject[K any, T Object](r store.Record, objects table[K, *T], parse func(string) (K, error), index func(object *T, on bool)) error {
	key, err := parse(r.ID)
	if err != nil {
		return err
	}
	if old, ok := objects.get(key); ok {
		objects.delete(key)
		if index != nil {
			index(old, false)
		}
	}
	if r.Deleted {
		return nil
	}
	object, err := decode[T](r)
	if err != nil {
		return err
	}
	objects.set(key, object)
	if index != nil {
		index(object, true)
	}
	return nil
}

// put1 sets or deletes one entry of an index.
func put1[K, V any](index table[K, V], key K, value V, on bool) {
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
