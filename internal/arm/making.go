package arm

import (
	"sync"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

// Bounds of what is kept in memory: all of the last day, unless that is more.
const (
	makingsFor = 24 * time.Hour
	maxMakings = 10_000
)

// making is an operation in slow mode after which a resource is ready. It fails if the resource is deleted before.
type making struct {
	operation
	tenant  guid.GUID
	id      resource.ID
	word    string        // what the resource shows meanwhile: Creating or Updating
	failure *apierr.Error // nil if it did not fail
}

// target is a resource of a tenant.
type target struct {
	tenant guid.GUID
	id     resource.Key
}

func (m *making) target() target { return target{m.tenant, m.id.Key()} }

// makings are kept in memory. The zero value is ready to use.
type makings struct {
	mu     sync.Mutex
	all    []*making // in the order in which they began
	byName map[string]*making
	newest map[target]*making
}

func (k *makings) add(m *making) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byName == nil {
		k.byName, k.newest = map[string]*making{}, map[target]*making{}
	}
	for len(k.all) > 0 && (len(k.all) >= maxMakings || m.start.Sub(k.all[0].end) > makingsFor) {
		oldest := k.all[0]
		k.all = k.all[1:]
		delete(k.byName, oldest.name)
		if k.newest[oldest.target()] == oldest {
			delete(k.newest, oldest.target())
		}
	}
	k.all = append(k.all, m)
	k.byName[m.name], k.newest[m.target()] = m, m
}

// wordFor returns the provisioning state of a resource that is there.
func (k *makings) wordFor(of target, now time.Time) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if m := k.newest[of]; m != nil && m.failure == nil && m.goesOn(now) {
		return m.word
	}
	return succeeded
}

// find returns the making of a tenant's resource by its name.
func (k *makings) find(tenant guid.GUID, name string) (making, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if m := k.byName[name]; m != nil && m.tenant == tenant {
		return *m, true
	}
	return making{}, false
}

// preempt ends those that go on and whose resources the tenant does not have any more.
func (k *makings) preempt(dir *state.Directory, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, m := range k.all {
		if m.tenant != dir.Tenant().ID || m.failure != nil || !m.goesOn(now) {
			continue
		}
		if _, there := dir.Resource(m.id); there {
			continue
		}
		m.end = now
		m.failure = apierr.New(apierr.ObjectNotFound, "Operation execution has been preempted: the resource '%s' was deleted before it was ready.", m.id).
			At(string(m.id)).Because(operationPreempted)
	}
}

// operationPreempted is the wire code of operations that a deletion ended.
const operationPreempted shade = "OperationPreempted"
