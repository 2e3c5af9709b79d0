package state

import (
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

// SetTags gives a subscription, a resource group, a user-assigned identity or a resource exactly these tags.
func (d *Draft) SetTags(id resource.ID, tags map[string]string) error {
	dir := d.Directory()
	subscription, err := guid.Parse(id.Subscription())
	if err != nil {
		return apierr.New(apierr.SubscriptionNotFound, "The subscription %q does not exist.", id.Subscription()).At(id.Subscription())
	}
	if s, ok := dir.Subscription(subscription); ok && id.Key() == resource.SubscriptionID(id.Subscription()).Key() {
		changed := *s
		changed.Tags = tags
		d.write(put(d.tenant, changed))
	} else if g, ok := dir.ResourceGroup(id); ok {
		changed := *g
		changed.Tags = tags
		d.write(put(d.tenant, changed))
	} else if i, ok := dir.Identity(id); ok {
		changed := *i
		changed.Tags = tags
		d.write(put(d.tenant, changed))
	} else if r, ok := dir.Resource(id); ok {
		changed := *r
		changed.Tags, changed.Changed = tags, d.env.Now
		d.write(put(d.tenant, changed))
	} else {
		return resourceNotFound(id)
	}
	d.audit("Put tags", string(id), "%d", len(tags))
	return nil
}

// DeleteResourceGroup removes a resource group with everything in it: the resources and user-assigned identities, their
// principals with all grants, the workload bindings to them, and the role assignments there and below.
func (d *Draft) DeleteResourceGroup(id resource.ID) error {
	g, ok := d.Directory().ResourceGroup(id)
	if !ok {
		return apierr.New(apierr.ResourceGroupNotFound, "Resource group '%s' could not be found.", id.Group()).At(id.Group())
	}
	if err := d.checkDeletion(id); err != nil {
		return err
	}
	for _, r := range slices.Collect(d.Directory().Resources(id)) {
		if _, still := d.Directory().Resource(r.ID); !still { // it went with what it lies in
			continue
		}
		if err := d.DeleteResource(r.ID); err != nil {
			return err
		}
	}
	for _, i := range slices.Collect(d.Directory().Identities(id)) {
		if err := d.DeleteIdentity(i.ID); err != nil {
			return err
		}
	}
	d.dropScope(g.ID)
	d.write(remove(d.tenant, *g))
	d.audit("Delete resource group", string(g.ID), "")
	return nil
}

// RegisterProvider lets a subscription make resources of a namespace, or takes that back. At first all are registered.
func (d *Draft) RegisterProvider(subscription guid.GUID, namespace string, registered bool) error {
	old, ok := d.Directory().Subscription(subscription)
	if !ok {
		return apierr.New(apierr.SubscriptionNotFound, "The subscription %s does not exist.", subscription).At(subscription.String())
	}
	s, key := *old, strings.ToLower(namespace)
	at, found := slices.BinarySearch(old.Unregistered, key)
	switch s.Unregistered = slices.Clone(old.Unregistered); {
	case found == !registered:
		return nil
	case registered:
		s.Unregistered = slices.Delete(s.Unregistered, at, at+1)
		d.audit("Register resource provider", string(resource.SubscriptionID(s.ID.String())), "%s", namespace)
	default:
		s.Unregistered = slices.Insert(s.Unregistered, at, key)
		d.audit("Unregister resource provider", string(resource.SubscriptionID(s.ID.String())), "%s", namespace)
	}
	d.write(put(d.tenant, s))
	return nil
}

// SetCondition notes what was done to a resource that runs: "" for started, stopped, deallocated.
func (d *Draft) SetCondition(id resource.ID, condition string) error {
	old, ok := d.Directory().Resource(id)
	if !ok {
		return resourceNotFound(id)
	}
	r := *old
	r.Condition, r.Changed = condition, d.env.Now
	d.write(put(d.tenant, r))
	d.audit("Set condition", string(r.ID), "%s", condition)
	return nil
}
