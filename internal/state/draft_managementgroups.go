package state

import (
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
)

// maxGroupDepth is how deep management groups may stand below the root group (Resource Manager's own limit).
const maxGroupDepth = 6

// PutManagementGroup adds a management group, renames it or moves it below another; without a parent a new one stands under
// the root group and an old one stays where it is. The root group can only be renamed.
func (d *Draft) PutManagementGroup(g rbac.ManagementGroup) (rbac.ManagementGroup, error) {
	if err := rbac.CheckManagementGroup(&g); err != nil {
		return g, err
	}
	dir := d.Directory()
	root := dir.builtin.access.root.Name
	old, exists := dir.ManagementGroup(g.Name)
	g.Created, g.Updated = d.env.Now, d.env.Now
	if exists {
		g.Name, g.Created = old.Name, old.Created
	}
	switch {
	case strings.EqualFold(g.Name, root) && g.Parent != "":
		return g, apierr.New(apierr.PropertyInvalid, "The root management group has none above it.").At("parent")
	case strings.EqualFold(g.Name, root):
	case g.Parent == "" && exists:
		g.Parent = old.Parent
	case g.Parent == "":
		g.Parent = root
	}
	if g.Parent != "" {
		parent, err := d.checkParent(g)
		if err != nil {
			return g, err
		}
		g.Parent = parent
	}
	d.write(put(d.tenant, g))
	d.audit("Put management group", string(g.ID()), "%s under %s", g.DisplayName, g.Parent)
	return g, nil
}

// checkParent returns the name of g's parent as that spells it, if g with all below it may stand there.
func (d *Draft) checkParent(g rbac.ManagementGroup) (string, error) {
	parent, ok := d.Directory().ManagementGroup(g.Parent)
	if !ok {
		return "", managementGroupNotFound(g.Parent)
	}
	depth := 1
	for _, above := range rbac.Lineage(d.Directory(), parent.ID())[1:] {
		if rbac.SameScope(above, g.ID()) {
			return "", apierr.New(apierr.PropertyInvalid, "The management group %s cannot stand below itself.", g.Name).At("parent")
		}
		depth++
	}
	if depth-2+d.height(g.ID()) > maxGroupDepth {
		return "", apierr.New(apierr.LimitExceeded, "Management groups can stand %d levels below the root group.", maxGroupDepth).At("parent")
	}
	return parent.Name, nil
}

// height returns how many levels of management groups a group is, itself included.
func (d *Draft) height(group resource.ID) int {
	below := 0
	for child := range d.Directory().PlacedUnder(group) {
		if _, isGroup := rbac.ManagementGroupName(child); isGroup {
			below = max(below, d.height(child))
		}
	}
	return below + 1
}

// DeleteManagementGroup removes a management group in which nothing stands any more, with the assignments at it.
func (d *Draft) DeleteManagementGroup(name string) error {
	g, ok := d.Directory().ManagementGroup(name)
	if !ok {
		return managementGroupNotFound(name)
	}
	if strings.EqualFold(g.Name, d.Directory().builtin.access.root.Name) {
		return apierr.New(apierr.ManagementGroupNotEmpty, "The root management group cannot be deleted.").At(g.Name)
	}
	for child := range d.Directory().PlacedUnder(g.ID()) {
		return apierr.New(apierr.ManagementGroupNotEmpty, "The management group %s is not empty: move %s elsewhere first.", g.Name, child).At(g.Name)
	}
	d.dropScope(g.ID())
	d.write(remove(d.tenant, *g))
	d.audit("Delete management group", string(g.ID()), "%s", g.DisplayName)
	return nil
}

// PlaceSubscription puts a subscription under a management group; "" and the root group's name are the root group.
func (d *Draft) PlaceSubscription(subscription guid.GUID, group string) error {
	dir := d.Directory()
	if _, ok := dir.Subscription(subscription); !ok {
		return apierr.New(apierr.SubscriptionNotFound, "The subscription '%s' could not be found.", subscription).At(subscription.String())
	}
	if group == "" {
		group = dir.builtin.access.root.Name
	}
	g, ok := dir.ManagementGroup(group)
	if !ok {
		return managementGroupNotFound(group)
	}
	p := rbac.Placement{Subscription: subscription, Group: g.Name}
	if strings.EqualFold(g.Name, dir.builtin.access.root.Name) {
		if _, placed := dir.access.placements.get(subscription.String()); !placed {
			return nil
		}
		d.write(remove(d.tenant, p))
	} else {
		d.write(put(d.tenant, p))
	}
	d.audit("Move subscription", subscription.String(), "under %s", g.Name)
	return nil
}

func managementGroupNotFound(name string) error {
	return apierr.New(apierr.ManagementGroupNotFound, "The management group '%s' cannot be found.", name).At(name)
}
