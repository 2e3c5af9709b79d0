package server

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"hash/maphash"
	"log/slog"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/inborn-id/inborn/internal/arm"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/store"
)

// usage remembers, to the hour, when identities got tokens and what role assignments were needed for. Most of what it hears
// it has heard in the same hour already, which a look into a table of hashes tells, without a lock. What is new waits in
// memory until it is written, behind the answers.
type usage struct {
	store *store.Store
	now   func() time.Time
	log   *slog.Logger
	began time.Time

	seed   maphash.Seed
	heard  [heardSlots]atomic.Uint64 // hashes of what was heard in the last hours
	shards [usageShards]usageShard   // what waits to be written
	size   atomic.Int64              // how many facts wait
	flush  sync.Mutex                // held by whoever writes
}

const (
	heardBits   = 14
	heardSlots  = 1 << heardBits
	usageShards = 16
	maxWaiting  = 1 << 16 // facts; while more would wait, what is heard is forgotten
	usageEvery  = 10 * time.Second
	closeWithin = 5 * time.Second
	keepUses    = 30 * 24 * time.Hour // of what is gone: so long, an identity that was deleted can come back
)

// The kinds of uses in the store; the ids are object ids and ids of role assignments.
const (
	usedIdentity   = "identity"
	usedAssignment = "roleAssignment"
)

type usageShard struct {
	mu      sync.Mutex
	waiting map[usedThing]*waitingUse
	_       [48]byte // so that two shards do not share a cache line
}

type usedThing struct {
	tenant, id guid.GUID
	kind       string
}

type waitingUse struct {
	at    time.Time
	needs rbac.Needs
}

func newUsage(st *store.Store, now func() time.Time, log *slog.Logger) *usage {
	u := &usage{store: st, now: now, log: log, began: now(), seed: maphash.MakeSeed()}
	for i := range u.shards {
		u.shards[i].waiting = map[usedThing]*waitingUse{}
	}
	return u
}

// token hears that an identity got a token.
func (u *usage) token(tenant, principal guid.GUID) {
	now := u.now()
	if hash := mixed(now, tenant, principal, 0); u.isNew(hash) {
		u.add(hash, usedThing{tenant, principal, usedIdentity}, now, rbac.Needs{})
	}
}

// needed hears what a role assignment was needed for, because a request was let in by it.
func (u *usage) needed(tenant, assignment guid.GUID, need rbac.Need) {
	now := u.now()
	what := maphash.String(u.seed, need.Action) + bits.RotateLeft64(maphash.String(u.seed, string(need.Scope)), 17)
	if need.Data {
		what = ^what
	}
	if hash := mixed(now, tenant, assignment, what); u.isNew(hash) {
		u.add(hash, usedThing{tenant, assignment, usedAssignment}, now, rbac.Needs{List: []rbac.Need{need}})
	}
}

// mixed makes one hash, which is not zero, of the hour, two ids and what else there is.
func mixed(now time.Time, tenant, id guid.GUID, what uint64) uint64 {
	hour := uint64(now.Unix() / 3600)
	for _, word := range [...][]byte{tenant[:8], tenant[8:], id[:8], id[8:]} {
		high, low := bits.Mul64(binary.LittleEndian.Uint64(word)^what^0x9e3779b97f4a7c15, hour*0xd1342543de82ef95|1)
		what = high ^ low ^ bits.RotateLeft64(what, 31)
	}
	return what | 1
}

// isNew reports whether something was not heard in this hour, or only so long ago that others took its two places.
func (u *usage) isNew(hash uint64) bool {
	first, second := u.places(hash)
	if first.Load() == hash || second.Load() == hash {
		return false
	}
	if first.Load() != 0 {
		first = second
	}
	first.Store(hash)
	return true
}

// places are the two in which a hash may stand; half of all hashes look at the second one first.
func (u *usage) places(hash uint64) (first, second *atomic.Uint64) {
	i := hash >> (64 - heardBits)
	return &u.heard[i], &u.heard[i^1]
}

// forget makes something count as not heard.
func (u *usage) forget(hash uint64) {
	first, second := u.places(hash)
	first.CompareAndSwap(hash, 0)
	second.CompareAndSwap(hash, 0)
}

// add lets a use wait to be written. One for which there is no room is forgotten.
func (u *usage) add(hash uint64, what usedThing, at time.Time, needs rbac.Needs) {
	if u.size.Load() >= maxWaiting {
		u.forget(hash)
		return
	}
	shard := &u.shards[what.id[0]%usageShards]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	use := shard.waiting[what]
	if use == nil {
		use = &waitingUse{}
		shard.waiting[what] = use
		u.size.Add(1)
	}
	if at.After(use.at) {
		use.at = at
	}
	before := len(use.needs.List)
	use.needs.Merge(needs)
	u.size.Add(int64(len(use.needs.List) - before))
}

// run writes what waits, now and then, until ctx ends. The end itself is the Server's, which lets all requests finish
// first.
func (u *usage) run(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(usageEvery):
			if err := u.write(ctx); err != nil && ctx.Err() == nil {
				u.log.Error("remember what was used", "err", err)
			}
		}
	}
}

// close writes what waits at the end.
func (u *usage) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	if err := u.write(ctx); err != nil {
		u.log.Error("remember what was used", "err", err)
	}
}

// write writes what waits. What could not be written waits again.
func (u *usage) write(ctx context.Context) error {
	u.flush.Lock()
	defer u.flush.Unlock()
	taken := u.take()
	if len(taken) == 0 {
		return nil
	}
	uses := make([]store.Use, 0, len(taken))
	for what, use := range taken {
		body, err := useBody(use.needs)
		if err != nil {
			return err
		}
		uses = append(uses, store.Use{Tenant: what.tenant, Kind: what.kind, ID: what.id.String(), At: use.at.Truncate(time.Hour), Body: body})
	}
	_, err := u.store.UsesSince(ctx, u.began)
	if err == nil {
		err = u.store.PutUses(ctx, uses, mergeUses)
	}
	if err != nil {
		u.giveBack(taken)
	}
	return err
}

// take empties what waits.
func (u *usage) take() map[usedThing]*waitingUse {
	taken := map[usedThing]*waitingUse{}
	for i := range u.shards {
		shard := &u.shards[i]
		shard.mu.Lock()
		for what, use := range shard.waiting {
			taken[what] = use
			u.size.Add(-int64(1 + len(use.needs.List)))
			delete(shard.waiting, what)
		}
		shard.mu.Unlock()
	}
	return taken
}

func (u *usage) giveBack(taken map[usedThing]*waitingUse) {
	for what, use := range taken {
		u.add(0, what, use.at, use.needs)
	}
}

// lastUse tells when what was used last in a tenant.
func (u *usage) lastUse(ctx context.Context, tenant guid.GUID) (arm.LastUse, error) {
	last := arm.LastUse{Identities: map[guid.GUID]time.Time{}, Assignments: map[guid.GUID]time.Time{}}
	err := u.write(ctx)
	if err != nil {
		return last, err
	}
	if last.Since, err = u.store.UsesSince(ctx, u.began); err != nil {
		return last, err
	}
	return last, u.store.Uses(ctx, tenant, func(use store.Use) error {
		id, err := guid.Parse(use.ID)
		switch {
		case err != nil:
		case use.Kind == usedIdentity:
			last.Identities[id] = use.At
		case use.Kind == usedAssignment:
			last.Assignments[id] = use.At
		}
		return nil
	})
}

// needsOf tells what a role assignment was needed for.
func (u *usage) needsOf(ctx context.Context, tenant, assignment guid.GUID) (rbac.Needs, error) {
	use, found, err := u.store.Use(ctx, tenant, usedAssignment, assignment.String())
	if err != nil || !found {
		return rbac.Needs{}, err
	}
	return readUse(use.Body), nil
}

// sweep erases what is kept of identities and role assignments that are gone.
func (u *usage) sweep(ctx context.Context, v *state.View) error {
	long := u.now().Add(-keepUses)
	return u.store.ForgetUses(ctx, func(use store.Use) bool {
		dir, ok := v.Directory(use.Tenant)
		id, err := guid.Parse(use.ID)
		if ok && err == nil {
			switch use.Kind {
			case usedIdentity:
				_, ok = dir.ServicePrincipal(id)
			case usedAssignment:
				_, ok = dir.RoleAssignment(id)
			}
		}
		return !(ok && err == nil) && use.At.Before(long)
	})
}

// mergeUses makes one body of what two processes know of a use, or one process at two times.
func mergeUses(_ string, old, new []byte) ([]byte, error) {
	needs := readUse(old)
	needs.Merge(readUse(new))
	return useBody(needs)
}

// useBody spells needs as the store keeps them: nothing where there are none.
func useBody(needs rbac.Needs) ([]byte, error) {
	if len(needs.List) == 0 && !needs.More {
		return nil, nil
	}
	stored := storedNeeds{More: needs.More}
	for _, n := range needs.List {
		stored.List = append(stored.List, storedNeed{Action: n.Action, Data: n.Data, Scope: string(n.Scope)})
	}
	return json.Marshal(stored)
}

// readUse reads what useBody writes; of what it cannot read, it says that there was too much to tell.
func readUse(body []byte) (needs rbac.Needs) {
	if len(body) == 0 {
		return needs
	}
	var stored storedNeeds
	if json.Unmarshal(body, &stored) != nil || stored.More {
		return rbac.Needs{More: true}
	}
	for _, n := range stored.List {
		needs.Add(rbac.Need{Action: n.Action, Data: n.Data, Scope: resource.ID(n.Scope)})
	}
	return needs
}
