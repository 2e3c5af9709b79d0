package state

import (
	"fmt"
	"time"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/store"
)

// Draft is a change of one tenant in the making, inside a decision. Its methods check a change against the directory as
// it would be after the changes before it, and add the records. A method that fails has added nothing.
type Draft struct {
	view   *View
	env    *Env
	tenant guid.GUID
	batch  Batch
	kept   *DeletedItem // what is being deleted, see keeping; nil for what is not kept
}

// NewDraft starts a change of tenant on v. It belongs inside a Decide: only there may Views be derived.
func NewDraft(v *View, env *Env, tenant guid.GUID) *Draft {
	return &Draft{view: v, env: env, tenant: tenant}
}

// Directory returns the tenant's directory with the changes made so far.
func (d *Draft) Directory() *Directory {
	dir, _ := d.view.tenants.get(d.tenant)
	return dir
}

// Now returns the time of the change.
func (d *Draft) Now() time.Time { return d.env.Now }

// Batch returns all changes made so far.
func (d *Draft) Batch() Batch { return d.batch }

// write adds records and shows them at once.
func (d *Draft) write(records ...store.Record) {
	if len(records) == 0 {
		return
	}
	at := d.view.At()
	for i := range records {
		records[i].Seq = at.Seq + 1
	}
	next, err := d.view.apply(records, at)
	if err != nil {
		panic(fmt.Sprintf("state: a record just encoded cannot be applied: %v", err))
	}
	d.view = next
	d.batch.Records = append(d.batch.Records, records...)
}

func (d *Draft) audit(action, target, format string, args ...any) {
	d.batch.Events = append(d.batch.Events, Event{
		Tenant: d.tenant, Action: action, Target: target, Detail: fmt.Sprintf(format, args...)})
}

// newID returns want, or a fresh id when want is zero.
func (d *Draft) newID(want guid.GUID) guid.GUID {
	if want.IsZero() {
		return d.env.NewID()
	}
	return want
}

// CreateTenant adds a tenant and makes it the one this Draft changes.
func (d *Draft) CreateTenant(t directory.Tenant) {
	d.tenant = t.ID
	t.Created = d.env.Now
	d.write(put(t.ID, t))
	d.audit("Add tenant", t.ID.String(), "%s", t.Name)
}

// RenameTenant gives the tenant another default domain. Names of users that were made before keep the old one.
func (d *Draft) RenameTenant(name string) error {
	if err := directory.CheckName("tenant", name); err != nil {
		return err
	}
	t := *d.Directory().Tenant()
	d.audit("Update tenant", t.ID.String(), "%s is now called %s", t.Name, name)
	t.Name = name
	d.write(put(d.tenant, t))
	return nil
}
