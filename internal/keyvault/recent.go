package keyvault

import (
	"container/list"
	"sync"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// How much is kept ready in memory.
const (
	maxKeys    = 256     // private keys, ready to be used
	maxCiphers = 8 << 20 // bytes of ciphertexts
)

// recent remembers what belongs to versions that were used lately: nothing else, and above all no decision about them. A
// version never changes where it stands in a View, so its address tells it from another that has taken its place, such as
// one that was purged and restored. It is safe for concurrent use.
type recent[V any] struct {
	mu    sync.Mutex
	all   map[*vault.Version]*list.Element // of *remembered
	order *list.List                       // the one used last in front
	size  int                              // of all together
	room  int                              // bounds size
}

type remembered[V any] struct {
	tenant  guid.GUID
	version *vault.Version
	value   V
	size    int
}

func newRecent[V any](room int) *recent[V] {
	return &recent[V]{all: map[*vault.Version]*list.Element{}, order: list.New(), room: room}
}

// get returns what was put for exactly this version.
func (r *recent[V]) get(v *vault.Version) (value V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.all[v]
	if !ok {
		return value, false
	}
	r.order.MoveToFront(e)
	return e.Value.(*remembered[V]).value, true
}

// put adds a value, in the place of those that were not used for longest if there is no room. What is larger than a
// sixteenth of all is not kept: it would drive out too much.
func (r *recent[V]) put(tenant guid.GUID, v *vault.Version, value V, size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(r.all[v])
	if size > r.room/16 {
		return
	}
	for r.size+size > r.room {
		r.drop(r.order.Back())
	}
	r.all[v] = r.order.PushFront(&remembered[V]{tenant, v, value, size})
	r.size += size
}

func (r *recent[V]) drop(e *list.Element) {
	if e != nil {
		old := r.order.Remove(e).(*remembered[V])
		r.size -= old.size
		delete(r.all, old.version)
	}
}

// forget drops what nobody can use any more, in a View: what was changed, deleted or purged, or is of a vault that was.
func (r *recent[V]) forget(view *state.View) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for e := r.order.Front(); e != nil; {
		next, one := e.Next(), e.Value.(*remembered[V])
		if !usedIn(view, one.tenant, one.version) {
			r.drop(e)
		}
		e = next
	}
}

func usedIn(view *state.View, tenant guid.GUID, v *vault.Version) bool {
	dir, ok := view.Directory(tenant)
	if !ok {
		return false
	}
	if _, ok := dir.Resource(v.Vault); !ok {
		return false
	}
	o, ok := dir.VaultObject(v.Vault, v.Kind, v.Name)
	if !ok || o.IsDeleted() {
		return false
	}
	now, ok := dir.VaultVersion(o, v.ID)
	return ok && now == v
}
