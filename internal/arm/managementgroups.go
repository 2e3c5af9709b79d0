package arm

import (
	"net/http"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
)

// Management groups (Microsoft.Management/managementGroups, 2020-05-01 to 2023-04-01) are the tree above subscriptions.
// Whatever is assigned at one holds in all below it, so that to move something in the tree takes the right to assign roles
// at what is moved.

const (
	typeManagementGroup              = "Microsoft.Management/managementGroups"
	managementGroupsWrite     action = typeManagementGroup + "/write"
	groupSubscriptionsDelete  action = typeManagementGroup + "/subscriptions/delete"
	onlySubscriptionsAsFilter        = "children.childType eq Subscription"
)

func (a *api) managementRoutes() []serve.Route {
	const (
		all   = "/providers/" + typeManagementGroup
		group = all + "/{managementGroup}"
		in    = group + "/subscriptions"
	)
	return []serve.Route{
		a.filtered("GET", all, typeManagementGroup+"/read", (*call).listManagementGroups),
		a.route("GET", group, typeManagementGroup+"/read", (*call).getManagementGroup),
		a.filtered("PUT", group, managementGroupsWrite, (*call).putManagementGroup),
		a.route("PATCH", group, managementGroupsWrite, (*call).patchManagementGroup),
		a.route("DELETE", group, typeManagementGroup+"/delete", (*call).deleteManagementGroup),
		a.route("GET", in, typeManagementGroup+"/subscriptions/read", (*call).listPlaced),
		a.route("GET", in+"/{placed}", typeManagementGroup+"/subscriptions/read", (*call).getPlaced),
		a.route("PUT", in+"/{placed}", typeManagementGroup+"/subscriptions/write", (*call).placeSubscription),
		a.route("DELETE", in+"/{placed}", groupSubscriptionsDelete, (*call).removeSubscription),
	}
}

// managementGroupPlace returns the id of the group with a name that came in a path.
func managementGroupPlace(name string) (resource.ID, error) {
	if strings.Contains(name, "/") { // it came as %2F and would read as several segments
		return "", apierr.New(apierr.ResourceIDInvalid, "The name %q is not valid: it holds a slash.", name).At(name)
	}
	return resource.ParseID(string(rbac.ManagementGroupID(name)))
}

// findManagementGroup returns the management group in the path.
func (c *call) findManagementGroup(dir *state.Directory) (*rbac.ManagementGroup, error) {
	name := serve.Param(c.r, "managementGroup")
	g, ok := dir.ManagementGroup(name)
	if !ok {
		return nil, apierr.New(apierr.ManagementGroupNotFound, "The management group '%s' cannot be found.", name).At(name)
	}
	return g, nil
}

// listManagementGroups lists the groups that the caller may read.
func (c *call) listManagementGroups() error {
	found := map[string]any{}
	for g := range c.dir.ManagementGroups() {
		if permitted(c.dir, c.caller, c.needs, g.ID()) {
			found[lower(g.Name)] = managementGroupOut(c.dir, g)
		}
	}
	return c.page(inOrder(found))
}

// getManagementGroup shows a group: with $expand=children what stands directly under it, with $recurse=true all below.
func (c *call) getManagementGroup() error {
	g, err := c.findManagementGroup(c.dir)
	if err != nil {
		return err
	}
	recurse, err := flag(c.r, "$recurse")
	if err != nil {
		return err
	}
	expand, filter := query(c.r, "$expand"), strings.ReplaceAll(query(c.r, "$filter"), "'", "")
	if expand != "" && !strings.EqualFold(expand, "children") {
		return apierr.New(apierr.QueryUnsupported, "A management group can be expanded by children, not by '%s'.", expand).At("$expand")
	}
	if filter != "" && !strings.EqualFold(filter, onlySubscriptionsAsFilter) {
		return apierr.New(apierr.QueryUnsupported, "The filter '%s' is not supported. The supported filter is %s.", filter, onlySubscriptionsAsFilter).At("$filter")
	}
	out := managementGroupOut(c.dir, g)
	out.Properties.Details = managementDetailsOut(c.dir, g)
	if expand != "" {
		out.Properties.Children = childrenOut(c.dir, g.ID(), recurse, filter != "")
	}
	return c.json(http.StatusOK, out)
}

// parentIn reads the id of the group that another one shall stand under; "" if none is given.
func parentIn(id, target string) (string, error) {
	if id == "" {
		return "", nil
	}
	name, ok := rbac.ManagementGroupName(resource.ID(id))
	if !ok {
		return "", apierr.New(apierr.PropertyInvalid, "The parent '%s' is not the id of a management group: expected %s.", id, rbac.ManagementGroupID("NAME")).At(target)
	}
	return name, nil
}

// putManagementGroup makes a group or changes it. The status is 200 in any case, which says that it is done: clients
// accept nothing else but 202.
func (c *call) putManagementGroup() error {
	var body managementGroupIn
	if err := serve.ReadJSON(c.r, maxBody, &body); err != nil {
		return err
	}
	parent, err := parentIn(body.Properties.Details.Parent.ID, "properties.details.parent.id")
	if err != nil {
		return err
	}
	return c.writeManagementGroup(func(*rbac.ManagementGroup) (rbac.ManagementGroup, error) {
		return rbac.ManagementGroup{Name: serve.Param(c.r, "managementGroup"), DisplayName: body.Properties.DisplayName, Parent: parent}, nil
	})
}

// patchManagementGroup changes the name or the place of a group.
func (c *call) patchManagementGroup() error {
	var body managementGroupPatch
	if err := serve.ReadJSON(c.r, maxBody, &body); err != nil {
		return err
	}
	parent, err := parentIn(body.Parent, "parentGroupId")
	if err != nil {
		return err
	}
	return c.writeManagementGroup(func(old *rbac.ManagementGroup) (rbac.ManagementGroup, error) {
		if old == nil {
			_, err := c.findManagementGroup(c.dir)
			return rbac.ManagementGroup{}, err
		}
		return rbac.ManagementGroup{Name: old.Name, DisplayName: orText(body.DisplayName, old.DisplayName), Parent: parent}, nil
	})
}

func (c *call) writeManagementGroup(wanted func(old *rbac.ManagementGroup) (rbac.ManagementGroup, error)) error {
	var out managementGroupWire
	err := c.change(func(d *state.Draft) error {
		old, exists := d.Directory().ManagementGroup(serve.Param(c.r, "managementGroup"))
		if !exists { // one that is not there yet is a matter of its parent alone
			old = nil
		} else if err := authorize(d.Directory(), c.caller, c.needs, c.id); err != nil {
			return err
		}
		want, err := wanted(old)
		if err != nil {
			return err
		}
		if err := c.mayPlaceGroup(d.Directory(), old, want.Parent); err != nil {
			return err
		}
		made, err := d.PutManagementGroup(want)
		if err != nil {
			return err
		}
		out = managementGroupOut(d.Directory(), &made)
		out.Properties.Details = managementDetailsOut(d.Directory(), &made)
		return nil
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, out)
}

// mayPlaceGroup decides whether the caller may put a group under a parent, where "" is the root group for a new one and
// no change for an old one. To make one takes the right to write the parent; to move one also that to write the
// parent it leaves, and to assign roles at the group.
func (c *call) mayPlaceGroup(dir *state.Directory, old *rbac.ManagementGroup, parent string) error {
	switch {
	case old == nil && parent == "":
		return authorize(dir, c.caller, managementGroupsWrite, rbac.ManagementGroupID(dir.Tenant().ID.String()))
	case old == nil:
		return authorize(dir, c.caller, managementGroupsWrite, rbac.ManagementGroupID(parent))
	case parent == "" || strings.EqualFold(parent, old.Parent):
		return nil
	}
	if err := authorizeLinked(dir, c, assignmentsWrite, old.ID()); err != nil {
		return err
	}
	if err := authorizeLinked(dir, c, managementGroupsWrite, rbac.ManagementGroupID(old.Parent)); err != nil {
		return err
	}
	return authorizeLinked(dir, c, managementGroupsWrite, rbac.ManagementGroupID(parent))
}

// deleteManagementGroup removes a group that holds nothing any more. The status is 204 in any case: beside 202 clients
// accept nothing else.
func (c *call) deleteManagementGroup() error {
	err := c.update(func(d *state.Draft) error {
		g, err := c.findManagementGroup(d.Directory())
		if err != nil {
			return nil // it is gone already
		}
		return d.DeleteManagementGroup(g.Name)
	})
	if err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}

// listPlaced lists the subscriptions directly under a group.
func (c *call) listPlaced() error {
	g, err := c.findManagementGroup(c.dir)
	if err != nil {
		return err
	}
	found := map[string]any{}
	for child := range c.dir.PlacedUnder(g.ID()) {
		if s, err := findSubscription(c.dir, child); err == nil {
			found[string(child)] = placedOut(c.dir, g, s)
		}
	}
	return c.page(inOrder(found))
}

// findPlaced returns the subscription in the path, the group in the path, and whether the one stands directly under the
// other.
func (c *call) findPlaced(dir *state.Directory) (s *resource.Subscription, g *rbac.ManagementGroup, there bool, err error) {
	if g, err = c.findManagementGroup(dir); err != nil {
		return nil, nil, false, err
	}
	if s, err = findSubscription(dir, resource.SubscriptionID(serve.Param(c.r, "placed"))); err != nil {
		return nil, nil, false, err
	}
	return s, g, dir.GroupAbove(s.ID).Name == g.Name, nil
}

func (c *call) getPlaced() error {
	s, g, there, err := c.findPlaced(c.dir)
	if err == nil && !there {
		err = apierr.New(apierr.SubscriptionNotFound, "The subscription '%s' does not stand under the management group '%s'.", s.ID, g.Name).At(s.ID.String())
	}
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, placedOut(c.dir, g, s))
}

// placeSubscription moves a subscription under a group.
func (c *call) placeSubscription() error {
	var out placedWire
	err := c.update(func(d *state.Draft) error {
		s, g, there, err := c.findPlaced(d.Directory())
		if err != nil {
			return err
		}
		out = placedOut(d.Directory(), g, s)
		if there {
			return nil
		}
		if err := c.mayMove(d.Directory(), s.ID); err != nil {
			return err
		}
		return d.PlaceSubscription(s.ID, g.Name)
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, out)
}

// mayMove decides whether the caller may take a subscription away from where it stands. From under the root group, where
// all begin, it takes the right to assign roles at the subscription only.
func (c *call) mayMove(dir *state.Directory, subscription guid.GUID) error {
	if err := authorizeLinked(dir, c, assignmentsWrite, resource.SubscriptionID(subscription.String())); err != nil {
		return err
	}
	above := dir.GroupAbove(subscription)
	if above.Parent == "" {
		return nil
	}
	return authorizeLinked(dir, c, groupSubscriptionsDelete, above.ID())
}

// removeSubscription moves a subscription from a group to the root group; 204 if it does not stand under the group.
func (c *call) removeSubscription() error {
	status := http.StatusOK
	err := c.update(func(d *state.Draft) error {
		s, g, there, err := c.findPlaced(d.Directory())
		if err != nil {
			return err
		}
		if !there || g.Parent == "" {
			status = http.StatusNoContent
			return nil
		}
		status = http.StatusOK
		if err := c.mayMove(d.Directory(), s.ID); err != nil {
			return err
		}
		return d.PlaceSubscription(s.ID, "")
	})
	if err != nil {
		return err
	}
	return c.empty(status)
}
