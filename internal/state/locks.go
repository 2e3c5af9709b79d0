package state

import (
	"iter"
	"strings"
	"unicode"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
)

// Bounds of locks (Resource Manager's own).
const (
	maxLocks     = 20 // at one scope
	maxLockName  = 260
	maxLockNotes = 512
)

// Lock returns the lock at exactly that scope with the name.
func (d *Directory) Lock(scope resource.ID, name string) (*resource.Lock, bool) {
	return d.locks.get(string(resource.LockID(scope, name).Key()))
}

// LocksBelow walks the locks at a scope and below it, in the order of their keys.
func (d *Directory) LocksBelow(scope resource.ID) iter.Seq[*resource.Lock] {
	return under(d.locks, scope)
}

// LocksAbove walks the locks that hold at a scope: those at the subscription, and so on to the scope itself.
func (d *Directory) LocksAbove(scope resource.ID) iter.Seq[*resource.Lock] {
	return func(yield func(*resource.Lock) bool) {
		if d.locks.len() == 0 { // as nearly always
			return
		}
		for _, level := range rbac.Levels(scope) {
			for lock := range under(d.locks, resource.LockID(level, "")) {
				if !yield(lock) {
					return
				}
			}
		}
	}
}

// CheckLocks refuses to do something at a scope, for which verb is read, write, delete or another word, if a lock that
// holds there forbids it. A ReadOnly lock leaves nothing but reading.
func (d *Directory) CheckLocks(scope resource.ID, verb string) error {
	if verb == "read" {
		return nil
	}
	for lock := range d.LocksAbove(scope) {
		if lock.ReadOnly || verb == "delete" {
			return scopeLocked(scope, verb, lock)
		}
	}
	return nil
}

// checkDeletion refuses to delete what is locked, lies in what is locked, or holds something that is.
func (d *Draft) checkDeletion(scope resource.ID) error {
	for lock := range d.Directory().LocksBelow(scope) {
		return scopeLocked(scope, "delete", lock)
	}
	return d.Directory().CheckLocks(scope, "delete")
}

func scopeLocked(scope resource.ID, verb string, lock *resource.Lock) error {
	return apierr.New(apierr.ScopeLocked, "The scope '%s' cannot perform %s operation because following scope(s) are locked: '%s'."+
		" Please remove the lock and try again. It is called '%s' and is %s.", scope, verb, lock.Scope, lock.Name, lock.Level()).At(string(lock.ID()))
}

// PutLock adds a lock to a subscription, a resource group or a resource, or changes one.
func (d *Draft) PutLock(l resource.Lock) (made resource.Lock, created bool, err error) {
	if err := checkLock(l); err != nil {
		return l, false, err
	}
	if err := d.checkScope(l.Scope); err != nil {
		return l, false, err
	}
	l.Scope, l.Created, l.Changed = d.Directory().spelled(l.Scope), d.env.Now, d.env.Now
	old, exists := d.Directory().Lock(l.Scope, l.Name)
	if exists {
		l.Name, l.Created = old.Name, old.Created
	} else if d.locksAt(l.Scope) >= maxLocks {
		return l, false, apierr.New(apierr.LimitExceeded, "The scope %s has %d locks, which is the limit.", l.Scope, maxLocks).At("locks")
	}
	d.write(put(d.tenant, l))
	d.audit("Put lock", string(l.ID()), "%s", l.Level())
	return l, !exists, nil
}

// spelled returns the id of a resource, an identity or a group as that was created, and any other as it is.
func (d *Directory) spelled(id resource.ID) resource.ID {
	if r, ok := d.Resource(id); ok {
		return r.ID
	}
	if i, ok := d.Identity(id); ok {
		return i.ID
	}
	if g, ok := d.ResourceGroup(id); ok {
		return g.ID
	}
	return id
}

// checkLock says whether l may be a lock as far as it alone tells.
func checkLock(l resource.Lock) error {
	if _, err := guid.Parse(l.Scope.Subscription()); err != nil {
		return apierr.New(apierr.ResourceIDInvalid, "A lock is for a subscription, a resource group or a resource, not for '%s'.", l.Scope).At(string(l.Scope))
	}
	if l.Name == "" || len(l.Name) > maxLockName || strings.ContainsAny(l.Name, `<>%&:\?/#`) || strings.ContainsFunc(l.Name, unicode.IsControl) {
		return apierr.New(apierr.PropertyInvalid, `The lock name %q is not valid: 1 to %d characters, and none of <>%%&:\?/#.`, l.Name, maxLockName).At("name")
	}
	if len(l.Notes) > maxLockNotes {
		return apierr.New(apierr.PropertyInvalid, "The notes of a lock have at most %d bytes.", maxLockNotes).At("properties.notes")
	}
	return nil
}

func (d *Draft) locksAt(scope resource.ID) (n int) {
	for range under(d.Directory().locks, resource.LockID(scope, "")) {
		n++
	}
	return n
}

// DeleteLock removes a lock.
func (d *Draft) DeleteLock(scope resource.ID, name string) error {
	l, ok := d.Directory().Lock(scope, name)
	if !ok {
		return apierr.New(apierr.LockNotFound, "The lock '%s' could not be found.", name).At(name)
	}
	d.write(remove(d.tenant, *l))
	d.audit("Delete lock", string(l.ID()), "")
	return nil
}
