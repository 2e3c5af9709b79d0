package state

import (
	"iter"
	"slices"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
)

// Directory is one tenant at one place in the log: its objects and the indexes over them. What its methods return is
// shared and must not be changed.
type Directory struct {
	tenant      *directory.Tenant
	builtin     *builtin
	appsChanged int64 // the newest place in the log where an application or the tenant changed

	users        table[guid.GUID, *directory.User]
	usersByName  table[string, *directory.User] // by UPN
	groups       table[guid.GUID, *directory.Group]
	groupsByName table[string, *directory.Group]
	members      table[pair, struct{}]        // group, member
	memberOf     trie[guid.GUID, []guid.GUID] // by member: the groups, in the order of their ids

	apps            table[guid.GUID, *directory.Application]
	appsByAppID     table[guid.GUID, *directory.Application]
	appsByName      table[string, *directory.Application]
	appsByURI       table[string, *directory.Application] // by audience key and object id
	principals      table[guid.GUID, *directory.ServicePrincipal]
	principalsByApp table[guid.GUID, *directory.ServicePrincipal] // by client id
	principalsNamed table[string, *directory.ServicePrincipal]    // by display name
	assignments     table[pair, *directory.AppRoleAssignment]     // by principal and the whole id's fresh half
	assignedTo      table[triple, *directory.AppRoleAssignment]   // by resource and id

	subscriptions  table[guid.GUID, *resource.Subscription]
	resourceGroups table[string, *resource.Group] // by id key, as all below
	resources      table[string, *resource.Resource]
	resourcesNamed table[string, *resource.Resource] // by last name segment
	identities     table[string, *resource.ManagedIdentity]
	identitiesUsed table[string, *resource.Resource] // by identity's key and resource's key
	bindings       table[guid.GUID, *resource.WorkloadBinding]
	bindingsByNode table[string, *resource.WorkloadBinding] // by node's key and binding id
	locks          table[string, *resource.Lock]            // by the key of the lock's id

	access access

	credentials table[string, *directory.FederatedCredential] // by credentialKey

	deleted      table[guid.GUID, *DeletedItem]
	deletedByAge table[string, *DeletedItem]

	vaults vaults
}

func newDirectory(builtIn *rbac.Catalog) *Directory {
	return &Directory{
		users:           newTable[guid.GUID, *directory.User](compareGUID),
		usersByName:     newTable[string, *directory.User](compareString),
		groups:          newTable[guid.GUID, *directory.Group](compareGUID),
		groupsByName:    newTable[string, *directory.Group](compareString),
		members:         newTable[pair, struct{}](comparePair),
		memberOf:        newTrie[guid.GUID, []guid.GUID](hashGUID),
		apps:            newTable[guid.GUID, *directory.Application](compareGUID),
		appsByAppID:     newTable[guid.GUID, *directory.Application](compareGUID),
		appsByName:      newTable[string, *directory.Application](compareString),
		appsByURI:       newTable[string, *directory.Application](compareString),
		principals:      newTable[guid.GUID, *directory.ServicePrincipal](compareGUID),
		principalsByApp: newTable[guid.GUID, *directory.ServicePrincipal](compareGUID),
		principalsNamed: newTable[string, *directory.ServicePrincipal](compareString),
		assignments:     newTable[pair, *directory.AppRoleAssignment](comparePair),
		assignedTo:      newTable[triple, *directory.AppRoleAssignment](compareTriple),
		subscriptions:   newTable[guid.GUID, *resource.Subscription](compareGUID),
		resourceGroups:  newTable[string, *resource.Group](compareString),
		resources:       newTable[string, *resource.Resource](compareString),
		resourcesNamed:  newTable[string, *resource.Resource](compareString),
		identities:      newTable[string, *resource.ManagedIdentity](compareString),
		identitiesUsed:  newTable[string, *resource.Resource](compareString),
		bindings:        newTable[guid.GUID, *resource.WorkloadBinding](compareGUID),
		bindingsByNode:  newTable[string, *resource.WorkloadBinding](compareString),
		locks:           newTable[string, *resource.Lock](compareString),
		access:          newAccess(builtIn),
		credentials:     newTable[string, *directory.FederatedCredential](compareString),
		deleted:         newTable[guid.GUID, *DeletedItem](compareGUID),
		deletedByAge:    newTable[string, *DeletedItem](compareString),
		vaults:          newVaults(),
	}
}

func (d *Directory) clone() *Directory {
	return &Directory{
		tenant:          d.tenant,
		builtin:         d.builtin,
		appsChanged:     d.appsChanged,
		users:           d.users.clone(),
		usersByName:     d.usersByName.clone(),
		groups:          d.groups.clone(),
		groupsByName:    d.groupsByName.clone(),
		members:         d.members.clone(),
		memberOf:        d.memberOf.clone(),
		apps:            d.apps.clone(),
		appsByAppID:     d.appsByAppID.clone(),
		appsByName:      d.appsByName.clone(),
		appsByURI:       d.appsByURI.clone(),
		principals:      d.principals.clone(),
		principalsByApp: d.principalsByApp.clone(),
		principalsNamed: d.principalsNamed.clone(),
		assignments:     d.assignments.clone(),
		assignedTo:      d.assignedTo.clone(),
		subscriptions:   d.subscriptions.clone(),
		resourceGroups:  d.resourceGroups.clone(),
		resources:       d.resources.clone(),
		resourcesNamed:  d.resourcesNamed.clone(),
		identities:      d.identities.clone(),
		identitiesUsed:  d.identitiesUsed.clone(),
		bindings:        d.bindings.clone(),
		bindingsByNode:  d.bindingsByNode.clone(),
		locks:           d.locks.clone(),
		access:          d.access.clone(),
		credentials:     d.credentials.clone(),
		deleted:         d.deleted.clone(),
		deletedByAge:    d.deletedByAge.clone(),
		vaults:          d.vaults.clone(),
	}
}

// builtin is what exists in a tenant without a record.
type builtin struct {
	catalog       *directory.Catalog
	administrator directory.ServicePrincipal
	principals    []*directory.ServicePrincipal // of the first-party applications, ordered by object id
	byID          map[guid.GUID]*directory.ServicePrincipal
	byApp         map[guid.GUID]*directory.ServicePrincipal
	byURI         map[string]*directory.Application
	access        builtinAccess
}

func newBuiltin(catalog *directory.Catalog, roles *rbac.Catalog, tenant *directory.Tenant) *builtin {
	b := &builtin{
		catalog:       catalog,
		administrator: directory.LocalAdministrator(tenant.ID),
		byID:          map[guid.GUID]*directory.ServicePrincipal{},
		byApp:         map[guid.GUID]*directory.ServicePrincipal{},
		byURI:         map[string]*directory.Application{},
		access:        newBuiltinAccess(roles, tenant),
	}
	for _, app := range catalog.Applications() {
		if !catalog.InEveryTenant(app.AppID) {
			continue
		}
		sp := &directory.ServicePrincipal{
			ID:          directory.FirstPartyID(tenant.ID, app.AppID),
			AppID:       app.AppID,
			DisplayName: app.DisplayName,
			Enabled:     true,
			Created:     tenant.Created,
		}
		b.principals = append(b.principals, sp)
		b.byID[sp.ID], b.byApp[app.AppID] = sp, sp
		for _, uri := range app.IdentifierURIs {
			b.byURI[directory.AudienceKey(uri)] = app
		}
	}
	slices.SortFunc(b.principals, func(x, y *directory.ServicePrincipal) int { return compareGUID(x.ID, y.ID) })
	return b
}

// Tenant returns the tenant itself.
func (d *Directory) Tenant() *directory.Tenant { return d.tenant }

// LocalAdministrator returns the principal behind the tenant's admin socket.
func (d *Directory) LocalAdministrator() *directory.ServicePrincipal { return &d.builtin.administrator }

// User returns the user with the given object id.
func (d *Directory) User(id guid.GUID) (*directory.User, bool) { return d.users.get(id) }

// UserByName returns the user whose userPrincipalName is name, without regard to case.
func (d *Directory) UserByName(name string) (*directory.User, bool) {
	for user := range named(d.usersByName, name) {
		return user, true
	}
	return nil, false
}

// Users walks the users whose object id is greater than after, in the order of their ids.
func (d *Directory) Users(after guid.GUID) iter.Seq[*directory.User] {
	return following(d.users, after)
}

// Group returns the group with the given object id.
func (d *Directory) Group(id guid.GUID) (*directory.Group, bool) { return d.groups.get(id) }

// GroupsNamed walks the groups with the given display name.
func (d *Directory) GroupsNamed(name string) iter.Seq[*directory.Group] {
	return named(d.groupsByName, name)
}

// Groups walks the groups whose object id is greater than after, in the order of their ids.
func (d *Directory) Groups(after guid.GUID) iter.Seq[*directory.Group] {
	return following(d.groups, after)
}

// IsMember reports whether member is a direct member of group.
func (d *Directory) IsMember(group, member guid.GUID) bool {
	_, ok := d.members.get(pairOf(group, member))
	return ok
}

// GroupsOf walks the ids of the groups that member is a direct member of.
func (d *Directory) GroupsOf(member guid.GUID) iter.Seq[guid.GUID] {
	groups, _ := d.memberOf.get(member)
	return slices.Values(groups)
}

// MembersOf walks the ids of the direct members of group.
func (d *Directory) MembersOf(group guid.GUID) iter.Seq[guid.GUID] { return seconds(d.members, group) }

// following walks the values of t behind the key after.
func following[V any](t table[guid.GUID, V], after guid.GUID) iter.Seq[V] {
	return func(yield func(V) bool) {
		for id, value := range t.from(after) {
			if id != after && !yield(value) {
				return
			}
		}
	}
}

// seconds walks the second halves of the keys whose first half is first.
func seconds(t table[pair, struct{}], first guid.GUID) iter.Seq[guid.GUID] {
	return func(yield func(guid.GUID) bool) {
		for key := range t.from(pairOf(first, guid.GUID{})) {
			if key.first() != first || !yield(key.second()) {
				return
			}
		}
	}
}
