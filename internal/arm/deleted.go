package arm

import (
	"net/http"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
)

// Deleted identities are kept for a while with all they were given. The real service keeps none, so that these are
// operations of our own: Inborn.Platform/deletedItems.

const assignmentsWrite action = "Microsoft.Authorization/roleAssignments/write"

func (a *api) deletedRoutes() []serve.Route {
	const items = "/providers/Inborn.Platform/deletedItems"
	return []serve.Route{
		a.filtered("GET", items, "Inborn.Platform/deletedItems/read", (*call).listDeletedItems),
		a.filtered("GET", items+"/{item}", "Inborn.Platform/deletedItems/read", (*call).getDeletedItem),
		a.filtered("POST", items+"/{item}/restore", "Inborn.Platform/deletedItems/restore/action", (*call).restoreItem),
		a.filtered("DELETE", items+"/{item}", "Inborn.Platform/deletedItems/delete", (*call).purgeItem),
	}
}

// typeOfItem is the type of the resource that an item belonged to, with which its rights are named.
func typeOfItem(item *state.DeletedItem) string { return item.Resource.Type() }

// listDeletedItems shows the deleted identities that the caller could have seen while they were there.
func (c *call) listDeletedItems() error {
	return c.page(func(yield func(string, any) bool) {
		for item := range c.dir.DeletedItems(guid.GUID{}) {
			if !permitted(c.dir, c.caller, action(typeOfItem(item)+"/read"), item.Resource) {
				continue
			}
			if !yield(item.ID.String(), deletedOut(item)) {
				return
			}
		}
	})
}

// findDeleted returns the item in the path, if the caller may do that to the resource it belonged to.
func (c *call) findDeleted(dir *state.Directory, verb string) (*state.DeletedItem, error) {
	text := serve.Param(c.r, "item")
	id, err := guid.Parse(text)
	if err != nil {
		return nil, apierr.New(apierr.ParameterInvalid, "A deleted identity is named by its object id, a GUID, and '%s' is none.", text).At(text)
	}
	item, ok := dir.DeletedItem(id)
	if !ok {
		return nil, apierr.New(apierr.ObjectNotFound, "No deleted identity has the object id %s.", id).At(text).WithHelp("inborn identity list --deleted")
	}
	return item, authorize(dir, c.caller, action(typeOfItem(item)+verb), item.Resource)
}

func (c *call) getDeletedItem() error {
	item, err := c.findDeleted(c.dir, "/read")
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, deletedOut(item))
}

// restoreItem puts an identity back. Whoever does that gives everything again that it had, and so must be permitted to
// give it: to write the identity, and the role assignments, each at its scope. What the directory gave, app roles and
// memberships, may only be given again by who may assign any role in the tenant.
func (c *call) restoreItem() error {
	var restored state.Restored
	err := c.change(func(d *state.Draft) error {
		item, err := c.findDeleted(d.Directory(), "/write")
		if err != nil {
			return err
		}
		if err := c.mayGiveAgain(d.Directory(), item); err != nil {
			return err
		}
		if err := d.Directory().CheckLocks(item.Resource, "write"); err != nil {
			return err
		}
		restored, err = d.RestoreIdentity(item.ID)
		return err
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, restoredOut(restored))
}

func (c *call) mayGiveAgain(dir *state.Directory, item *state.DeletedItem) error {
	roles, directoryGrants, err := item.Touches()
	if err != nil {
		return err
	}
	for _, a := range roles {
		if err := c.mayAssign(dir, a.Scope, rbac.AssignmentAttributes(rbac.RequestSource, a)); err != nil {
			return err
		}
		if err := dir.CheckLocks(a.Scope, "write"); err != nil {
			return err
		}
	}
	if directoryGrants {
		return c.mayAssign(dir, "", nil)
	}
	return nil
}

// mayAssign decides whether the caller may make the role assignment that the attributes tell of.
func (c *call) mayAssign(dir *state.Directory, at resource.ID, about []rbac.Attribute) error {
	if at == rbac.Tenant {
		at = ""
	}
	d := decide(dir, c.caller, assignmentsWrite, at, about)
	if d.Allowed() {
		return nil
	}
	serve.Note(c.r, "permission", "%s", dir.Explain(d))
	return forbidden(dir, c.caller, assignmentsWrite, at, d)
}

// purgeItem ends a deleted identity for good.
func (c *call) purgeItem() error {
	err := c.change(func(d *state.Draft) error {
		item, err := c.findDeleted(d.Directory(), "/delete")
		if err != nil {
			return err
		}
		return d.PurgeDeleted(item.ID)
	})
	if err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}
