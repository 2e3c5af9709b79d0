package state

import (
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

// PutSubscription adds a subscription, or renames it.
func (d *Draft) PutSubscription(s resource.Subscription) error {
	if err := directory.CheckName("subscription", s.Name); err != nil {
		return err
	}
	s.Created = d.env.Now
	if old, ok := d.Directory().Subscription(s.ID); ok {
		s.Created, s.Tags, s.Unregistered = old.Created, old.Tags, old.Unregistered
	}
	d.write(put(d.tenant, s))
	d.audit("Put subscription", string(resource.SubscriptionID(s.ID.String())), "%s", s.Name)
	return nil
}

// PutResourceGroup adds a resource group to a subscription of the tenant; an existing one is left as it is.
func (d *Draft) PutResourceGroup(id resource.ID, location string) error {
	subscription, err := guid.Parse(id.Subscription())
	if err != nil {
		return apierr.New(apierr.SubscriptionNotFound, "The subscription %q does not exist.", id.Subscription()).At(id.Subscription())
	}
	if _, ok := d.Directory().Subscription(subscription); !ok {
		return apierr.New(apierr.SubscriptionNotFound, "The subscription %s does not exist.", subscription).At(subscription.String())
	}
	if _, exists := d.Directory().ResourceGroup(id); exists {
		return nil
	}
	d.write(put(d.tenant, resource.Group{ID: id, Location: location, Created: d.env.Now}))
	d.audit("Put resource group", string(id), "")
	return nil
}

// ResourceSpec is what a resource shall be.
type ResourceSpec struct {
	ID         resource.ID
	Location   string
	Tags       map[string]string
	Kind       string
	Properties []byte // JSON object; nil for none
	Members    []byte // JSON object; nil for none
	Identity   IdentitySpec
}

// IdentitySpec is what an identity block shall be.
type IdentitySpec struct {
	System bool          // a system-assigned identity, born now if there is none
	User   []resource.ID // the user-assigned identities; all must exist
}

// SpecOf returns the spec that leaves r as it is, to be changed in part.
func SpecOf(r *resource.Resource) ResourceSpec {
	return ResourceSpec{ID: r.ID, Location: r.Location, Tags: r.Tags, Kind: r.Kind, Properties: r.Properties, Members: r.Members,
		Identity: IdentitySpec{System: r.Identity.System != nil, User: slices.Clone(r.Identity.User)}}
}

// PutResource makes a resource what spec says, creating it if need be. Its system-assigned identity is born with the
// first spec that wants one and dies, with its grants, with the first that does not.
func (d *Draft) PutResource(spec ResourceSpec) (r resource.Resource, created bool, err error) {
	if err := d.checkPlace(spec.ID); err != nil {
		return r, false, err
	}
	if !resource.IsPlain(spec.ID.Type()) {
		return r, false, apierr.New(apierr.ResourceIDInvalid, "%s is not a type of resource that can be made like this.", spec.ID.Type()).At(spec.ID.Type())
	}
	user, err := d.checkIdentities(spec.Identity.User)
	if err != nil {
		return r, false, err
	}
	old, exists := d.Directory().Resource(spec.ID)
	if !exists && strings.EqualFold(spec.ID.Type(), resource.TypeVault) {
		if err := d.checkVaultName(spec.ID); err != nil {
			return r, false, err
		}
	}
	r = resource.Resource{ID: spec.ID, Created: d.env.Now}
	if exists {
		r = *old
	}
	r.Location, r.Tags, r.Kind, r.Changed = spec.Location, spec.Tags, spec.Kind, d.env.Now
	r.Properties, r.Members = spec.Properties, spec.Members
	r.Identity = resource.Identity{System: d.systemIdentity(r, spec.Identity.System), User: user}
	d.write(put(d.tenant, r))
	d.audit("Put resource", string(r.ID), "identity %s", r.Identity.Type())
	return r, !exists, nil
}

// systemIdentity makes or ends the system-assigned identity of r and returns what it is afterwards.
func (d *Draft) systemIdentity(r resource.Resource, wanted bool) *resource.SystemIdentity {
	switch have := r.Identity.System; {
	case wanted && have != nil:
		return have
	case wanted:
		born := &resource.SystemIdentity{PrincipalID: d.env.NewID(), ClientID: d.env.NewID()}
		d.addPrincipal(directory.ServicePrincipal{ID: born.PrincipalID, AppID: born.ClientID, ResourceID: string(r.ID)}, r.ID.Name())
		return born
	case have != nil:
		d.endSystemIdentity(r)
	}
	return nil
}

// DeleteResource removes a resource, everything below it, their system-assigned identities with all grants, the workload
// bindings to them, and the role assignments there and below.
func (d *Draft) DeleteResource(id resource.ID) error {
	if _, ok := d.Directory().Resource(id); !ok {
		return resourceNotFound(id)
	}
	if err := d.checkDeletion(id); err != nil {
		return err
	}
	for r := range d.Directory().Resources(id) {
		if r.Identity.System != nil {
			d.endSystemIdentity(*r)
		}
		for _, b := range d.Directory().bindings.from(guid.GUID{}) {
			if b.Resource.Same(r.ID) || b.Node.Same(r.ID) {
				d.write(remove(d.tenant, *b))
			}
		}
		d.eraseSealed(r)
		if strings.EqualFold(r.ID.Type(), resource.TypeVault) {
			d.keepVault(r)
		}
		d.write(remove(d.tenant, *r))
		d.audit("Delete resource", string(r.ID), "")
	}
	d.dropScope(id)
	return nil
}

// checkPlace refuses an id that is not a resource of an existing resource group.
func (d *Draft) checkPlace(id resource.ID) error {
	if parsed, err := resource.ParseID(string(id)); err != nil || parsed != id {
		return apierr.New(apierr.ResourceIDInvalid, "%q is not the id of a resource.", string(id)).At(string(id)).Because(err)
	}
	group := id.GroupID()
	if group == "" || id.Type() == "" {
		return apierr.New(apierr.ResourceIDInvalid, "%q is not the id of a resource in a resource group.", string(id)).At(string(id))
	}
	if _, ok := d.Directory().ResourceGroup(group); !ok {
		return apierr.New(apierr.ResourceGroupNotFound, "Resource group '%s' could not be found.", id.Group()).At(id.Group())
	}
	return nil
}

// checkIdentities returns ids as the identities spell them, each once.
func (d *Draft) checkIdentities(ids []resource.ID) ([]resource.ID, error) {
	var found []resource.ID
	for _, id := range ids {
		identity, ok := d.Directory().Identity(id)
		if !ok {
			return nil, apierr.New(apierr.IdentityToAssignNotFound, "The user-assigned identity '%s' was not found.", id).
				At(string(id)).WithHelp("inborn identity create %s", id.Name())
		}
		if !slices.Contains(found, identity.ID) {
			found = append(found, identity.ID)
		}
	}
	return found, nil
}

// ManagedIdentitySpec is a user-assigned identity to be made; ClientID and PrincipalID may be fixed.
type ManagedIdentitySpec struct {
	ID          resource.ID
	Location    string
	Tags        map[string]string
	ClientID    guid.GUID
	PrincipalID guid.GUID
}

// PutIdentity adds a user-assigned identity with its service principal; of an existing one it replaces the tags only.
func (d *Draft) PutIdentity(spec ManagedIdentitySpec) (i resource.ManagedIdentity, created bool, err error) {
	if err := d.checkPlace(spec.ID); err != nil {
		return i, false, err
	}
	if !strings.EqualFold(spec.ID.Type(), resource.TypeIdentity) || !resource.IsIdentityName(spec.ID.Name()) {
		return i, false, apierr.New(apierr.PropertyInvalid,
			"The identity name %q is not valid: 3 to 128 letters, digits, - and _, and the first a letter or digit.", spec.ID.Name()).At(spec.ID.Name())
	}
	old, exists := d.Directory().Identity(spec.ID)
	if exists && !spec.ClientID.IsZero() && spec.ClientID != old.ClientID {
		return i, false, apierr.New(apierr.PropertyInvalid, "The client id of %s is %s and cannot be changed.", old.ID.Name(), old.ClientID).
			At("clientId").WithHelp("inborn identity delete %s", old.ID.Name())
	}
	if exists {
		i = *old
		i.Tags = spec.Tags
		d.write(put(d.tenant, i))
		d.audit("Put managed identity", string(i.ID), "tags")
		return i, false, nil
	}
	if err := d.unused(spec.ClientID, spec.PrincipalID); err != nil {
		return i, false, err
	}
	i = resource.ManagedIdentity{ID: spec.ID, Location: spec.Location, Tags: spec.Tags,
		ClientID: d.newID(spec.ClientID), PrincipalID: d.newID(spec.PrincipalID), Created: d.env.Now}
	d.write(put(d.tenant, i))
	d.audit("Put managed identity", string(i.ID), "client id %s", i.ClientID)
	d.addPrincipal(directory.ServicePrincipal{ID: i.PrincipalID, AppID: i.ClientID, ResourceID: string(i.ID), Explicit: true}, i.ID.Name())
	return i, true, nil
}

// DeleteIdentity removes a user-assigned identity, takes it out of every identity block and removes all its grants, so
// that nothing is left that names it. RestoreIdentity undoes that.
func (d *Draft) DeleteIdentity(id resource.ID) error {
	i, ok := d.Directory().Identity(id)
	if !ok {
		return resourceNotFound(id)
	}
	if err := d.checkDeletion(id); err != nil {
		return err
	}
	item := DeletedItem{ID: i.PrincipalID, ClientID: i.ClientID, Name: i.ID.Name(), Resource: i.ID}
	for user := range d.Directory().IdentityUsers(id) {
		item.Attached = append(item.Attached, user.ID)
		changed := *user
		changed.Identity, changed.Changed = user.Identity.Without(id), d.env.Now
		d.write(put(d.tenant, changed))
	}
	d.keeping(item, func() {
		d.write(taken(d, *i))
		d.removePrincipal(i.PrincipalID)
		d.dropScope(i.ID)
	})
	d.audit("Delete managed identity", string(i.ID), "")
	return nil
}

// endSystemIdentity removes the system-assigned identity of r with all it was given.
func (d *Draft) endSystemIdentity(r resource.Resource) {
	system := r.Identity.System
	d.keeping(DeletedItem{ID: system.PrincipalID, ClientID: system.ClientID, Name: r.ID.Name(), Resource: r.ID, System: true},
		func() { d.removePrincipal(system.PrincipalID) })
}

func (d *Draft) addPrincipal(sp directory.ServicePrincipal, name string) {
	sp.DisplayName, sp.Type, sp.Enabled, sp.Created = name, directory.TypeManagedIdentity, true, d.env.Now
	d.write(put(d.tenant, sp))
	d.audit("Add service principal", sp.ID.String(), "managed identity %s", name)
}

func (d *Draft) removePrincipal(id guid.GUID) {
	sp, ok := d.Directory().ServicePrincipal(id)
	if !ok {
		return
	}
	d.write(taken(d, *sp))
	d.dropPrincipal(id)
	d.audit("Remove service principal", id.String(), "managed identity %s", sp.DisplayName)
}

func resourceNotFound(id resource.ID) error {
	return apierr.New(apierr.ResourceNotFound, "The Resource '%s/%s' under resource group '%s' was not found.", id.Type(), id.Name(), id.Group()).At(string(id))
}
