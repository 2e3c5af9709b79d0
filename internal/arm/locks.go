package arm

import (
	"net/http"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
)

// Locks (Microsoft.Authorization/locks, 2016-09-01 and 2020-05-01) stand above roles: not even an Owner deletes what is
// locked, before he has taken the lock away.

func (a *api) lockRoutes() []serve.Route {
	const all = "{scope...}/providers/" + resource.TypeLock
	return []serve.Route{
		a.route("GET", all, resource.TypeLock+"/read", (*call).listLocks),
		a.route("GET", all+"/{lock}", resource.TypeLock+"/read", (*call).getLock),
		a.route("PUT", all+"/{lock}", resource.TypeLock+"/write", (*call).putLock),
		a.route("DELETE", all+"/{lock}", resource.TypeLock+"/delete", (*call).deleteLock),
	}
}

// checkLocks refuses what a lock at id or above it forbids. Locks are no obstacle to locks, and the actions of our own
// namespace ask for something and change nothing at their scope.
func checkLocks(dir *state.Directory, needs action, id resource.ID) error {
	verb := string(needs[strings.LastIndexByte(string(needs), '/')+1:])
	if strings.HasPrefix(string(needs), resource.TypeLock+"/") || strings.HasPrefix(string(needs), "Inborn.Platform/") && verb == "action" {
		return nil
	}
	return dir.CheckLocks(id, verb)
}

// listLocks lists the locks at, above and below a scope; with the filter atScope() those below are left out.
func (c *call) listLocks() error {
	filter := query(c.r, "$filter")
	below := filter == ""
	if !below && !strings.EqualFold(filter, "atScope()") {
		return apierr.New(apierr.QueryUnsupported, "The filter '%s' is not supported. The supported filter is atScope().", filter).At("$filter")
	}
	found := map[string]any{}
	for l := range c.dir.LocksAbove(c.id) {
		found[string(l.ID().Key())] = lockOut(l)
	}
	if below {
		for l := range c.dir.LocksBelow(c.id) {
			found[string(l.ID().Key())] = lockOut(l)
		}
	}
	return c.page(inOrder(found))
}

func (c *call) getLock() error {
	name := serve.Param(c.r, "lock")
	l, ok := c.dir.Lock(c.id, name)
	if !ok {
		return apierr.New(apierr.LockNotFound, "The lock '%s' could not be found.", name).At(name)
	}
	return c.json(http.StatusOK, lockOut(l))
}

func (c *call) putLock() error {
	var body lockWire
	if err := serve.ReadJSON(c.r, maxBody, &body); err != nil {
		return err
	}
	want := resource.Lock{Scope: c.id, Name: serve.Param(c.r, "lock"), ReadOnly: strings.EqualFold(body.Properties.Level, "ReadOnly"), Notes: body.Properties.Notes}
	if !strings.EqualFold(body.Properties.Level, want.Level()) {
		return apierr.New(apierr.PropertyInvalid, "The level '%s' of a lock is not valid: use CanNotDelete or ReadOnly.", body.Properties.Level).At("properties.level")
	}
	var made resource.Lock
	status := http.StatusOK
	err := c.update(func(d *state.Draft) error {
		var created bool
		var err error
		if made, created, err = d.PutLock(want); created {
			status = http.StatusCreated
		} else {
			status = http.StatusOK
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.json(status, lockOut(&made))
}

// deleteLock removes a lock; 204 if there is none.
func (c *call) deleteLock() error {
	status := http.StatusOK
	err := c.update(func(d *state.Draft) error {
		name := serve.Param(c.r, "lock")
		if _, ok := d.Directory().Lock(c.id, name); !ok {
			status = http.StatusNoContent
			return nil
		}
		status = http.StatusOK
		return d.DeleteLock(c.id, name)
	})
	if err != nil {
		return err
	}
	return c.empty(status)
}
