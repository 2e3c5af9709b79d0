package keyvault

import (
	"sync"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// maxParsed is how many private keys are kept ready in memory.
const maxParsed = 256

// parsed remembers private keys that were used lately: nothing else, and above all no decision about them. It is safe for
// concurrent use.
type parsed struct {
	mu   sync.Mutex
	keys map[parsedID]*parsedKey
	uses uint64
}

// parsedID says where the private half is kept.
type parsedID struct {
	tenant guid.GUID
	cipher string
}

type parsedKey struct {
	version *vault.Version
	private *vault.PrivateKey
	used    uint64 // the value of uses then
}

func newParsed() *parsed { return &parsed{keys: map[parsedID]*parsedKey{}} }

// get returns the private half of a public key, nil if it is not there. That both belong together is looked at: what was
// erased and restored is under the same id.
func (p *parsed) get(id parsedID, public *vault.PublicKey) *vault.PrivateKey {
	p.mu.Lock()
	defer p.mu.Unlock()
	found, ok := p.keys[id]
	if !ok || !found.version.Key.Same(public) {
		return nil
	}
	p.uses++
	found.used = p.uses
	return found.private
}

// put adds a key, in place of the one that was not used for longest if there are too many.
func (p *parsed) put(id parsedID, v *vault.Version, private *vault.PrivateKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.keys[id]; !ok && len(p.keys) >= maxParsed {
		var oldest parsedID
		least := p.uses + 1
		for other, k := range p.keys {
			if k.used < least {
				oldest, least = other, k.used
			}
		}
		delete(p.keys, oldest)
	}
	p.uses++
	p.keys[id] = &parsedKey{version: v, private: private, used: p.uses}
}

// forget drops the keys that nobody can use any more, in a View: those that are deleted, purged, or of a vault that is.
func (p *parsed) forget(view *state.View) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, k := range p.keys {
		if !usedIn(view, id.tenant, k.version) {
			delete(p.keys, id)
		}
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
	_, ok = dir.VaultVersion(o, v.ID)
	return ok
}
