package resource

import "time"

// TypeLock is the type of locks (Microsoft.Authorization/locks, 2016-09-01).
const TypeLock = "Microsoft.Authorization/locks"

// Lock keeps a scope, and all that lies in it, from being deleted and perhaps from being changed, whatever roles allow.
type Lock struct {
	Scope    ID // a subscription, a resource group or a resource
	Name     string
	ReadOnly bool // nothing may be changed; else it may not be deleted only
	Notes    string
	Created  time.Time
	Changed  time.Time
}

// ID returns the id of the lock itself.
func (l *Lock) ID() ID { return LockID(l.Scope, l.Name) }

// LockID makes the id of a lock; with the name "" it is what the ids of all locks at the scope begin with.
func LockID(scope ID, name string) ID {
	id := scope + "/providers/" + TypeLock
	if name != "" {
		id += ID("/" + name)
	}
	return id
}

// Level returns Resource Manager's word for what the lock forbids.
func (l *Lock) Level() string {
	if l.ReadOnly {
		return "ReadOnly"
	}
	return "CanNotDelete"
}
