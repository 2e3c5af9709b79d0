package state

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/store"
)

// operation is what a client did: create a, delete a, or rename a to b; its output is whether it was done.
type operation struct {
	verb, a, b int
}

const (
	verbCreate = iota
	verbDelete
	verbRename
	verbs
)

// names is the model: one bit for each name that exists. A refusal must be right too: only a name that is taken may
// refuse to be created.
func names() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return uint(0) },
		Step: func(state, input, output any) (bool, any) {
			set, op, done := state.(uint), input.(operation), output.(bool)
			a, b := uint(1)<<op.a, uint(1)<<op.b
			next, possible := set, false
			switch op.verb {
			case verbCreate:
				next, possible = set|a, set&a == 0
			case verbDelete:
				next, possible = set&^a, set&a != 0
			case verbRename:
				next, possible = set&^a|b, set&a != 0 && set&b == 0
			}
			if done != possible {
				return false, set
			}
			if done {
				return true, next
			}
			return true, set
		},
	}
}

func (op operation) decide() Decide {
	name := func(i int) string { return fmt.Sprint("name", i) }
	switch op.verb {
	case verbCreate:
		return createGroup(name(op.a))
	case verbDelete:
		return deleteGroup(name(op.a))
	default:
		return renameGroup(name(op.a), name(op.b))
	}
}

// history lets clients on several replicas work at random and writes down what each saw. update is how replica i runs
// a decision.
func history(t *testing.T, replicas, clients, each int, update func(replica int, decide Decide) error) []porcupine.Operation {
	var mu sync.Mutex
	var all []porcupine.Operation
	var wg sync.WaitGroup
	start := time.Now()
	for c := range replicas * clients {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(c)))
			for range each {
				op := operation{verb: random.IntN(verbs), a: random.IntN(4)}
				op.b = (op.a + 1 + random.IntN(3)) % 4
				call := time.Since(start).Nanoseconds()
				err := update(c%replicas, op.decide())
				if err != nil && !apierr.Is(err, apierr.ObjectExists) && !apierr.Is(err, apierr.ObjectNotFound) {
					t.Error(err)
					return
				}
				seen := porcupine.Operation{ClientId: c, Input: op, Call: call, Output: err == nil, Return: time.Since(start).Nanoseconds()}
				mu.Lock()
				all = append(all, seen)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return all
}

const (
	replicaCount = 3
	clientCount  = 3
	eachClient   = 100
	maxHistories = 50
)

// checkLinearizable runs the three replicas of open, and the two broken ones, which must be found out.
func checkLinearizable(t *testing.T, newStores func(*testing.T) []*store.Store) {
	check := func(t *testing.T, want porcupine.CheckResult, update func(*testing.T, []*store.Store) func(int, Decide) error) {
		patience := 30 * time.Second
		if want == porcupine.Illegal {
			patience = 3 * time.Second // to prove a history impossible can take for ever: rather try another
		}
		for range maxHistories { // a broken store may be lucky, a right one never needs to be
			stores := newStores(t)
			all := history(t, replicaCount, clientCount, eachClient, update(t, stores))
			got := porcupine.CheckOperationsTimeout(names(), all, patience)
			if got == want {
				return
			}
			if want == porcupine.Ok {
				t.Fatalf("%d operations: %s", len(all), got)
			}
		}
		t.Fatalf("%d histories of a broken store and none was found out", maxHistories)
	}
	for _, lockPath := range []bool{true, false} {
		t.Run(fmt.Sprint("lock path ", lockPath), func(t *testing.T) {
			check(t, porcupine.Ok, func(t *testing.T, stores []*store.Store) func(int, Decide) error {
				lives := openReplicas(t, stores, lockPath)
				return func(i int, decide Decide) error {
					_, err := lives[i].Update(t.Context(), ann, decide)
					return err
				}
			})
		})
	}
	t.Run("broken: refusals from a stale view", func(t *testing.T) {
		check(t, porcupine.Illegal, func(t *testing.T, stores []*store.Store) func(int, Decide) error {
			lives := openReplicas(t, stores, false)
			return func(i int, decide Decide) error {
				env := Env{Now: time.Now(), random: zeros{}}
				if _, err := decide(lives[i].View(), &env); err != nil {
					return err
				}
				_, err := lives[i].Update(t.Context(), ann, decide)
				return err
			}
		})
	})
	t.Run("broken: no guard", func(t *testing.T) {
		check(t, porcupine.Illegal, func(t *testing.T, stores []*store.Store) func(int, Decide) error {
			lives := openReplicas(t, stores, true)
			return func(i int, decide Decide) error { return commitBlindly(t, stores[i], lives[i], decide) }
		})
	})
}

func openReplicas(t *testing.T, stores []*store.Store, lockPath bool) []*Live {
	lives := make([]*Live, len(stores))
	for i, s := range stores {
		lives[i] = openLive(t, s, lockPath, func(o *Options) { o.PollInterval = 5 * time.Millisecond })
	}
	mustUpdate(t, lives[0], createTenant)
	for _, l := range lives {
		mustUpdate(t, l, func(v *View, _ *Env) (Batch, error) { return Batch{}, nil }) // all have seen the tenant
	}
	return lives
}

// commitBlindly decides on the replica's View and commits on whatever head there is: a store without the guard.
func commitBlindly(t *testing.T, s *store.Store, l *Live, decide Decide) error {
	var fresh [16]byte
	for i := range fresh {
		fresh[i] = byte(rand.Uint32())
	}
	env := Env{Now: time.Now(), random: &repeat{fresh[:]}}
	batch, err := decide(l.View(), &env)
	if err != nil {
		return err
	}
	for {
		d, err := s.Follow(t.Context(), l.View().At())
		if err != nil {
			return err
		}
		for i := range batch.Records {
			batch.Records[i].Seq = d.Now.Seq + 1
		}
		won, _, err := s.Commit(t.Context(), d.Now, store.Group{Updates: 1, Tag: fmt.Sprint(rand.Uint64()), At: env.Now, Records: batch.Records})
		if won || err != nil {
			return err
		}
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

type repeat struct{ bytes []byte }

func (r *repeat) Read(b []byte) (int, error) { return copy(b, r.bytes), nil }

// SQLite runs as one replica in production; that several share a file here shows the protocol on it all the same.
func TestLinearizableOnSQLite(t *testing.T) {
	checkLinearizable(t, func(t *testing.T) []*store.Store {
		dir := t.TempDir()
		stores := make([]*store.Store, replicaCount)
		for i := range stores {
			stores[i] = sqliteStore(t, dir)
		}
		return stores
	})
}
