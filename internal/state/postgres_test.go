//go:build unix

package state

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/store/storetest"
)

var postgres storetest.Server

func TestMain(m *testing.M) {
	code := m.Run()
	postgres.Stop()
	os.Exit(code)
}

func postgresStores(t *testing.T) []*store.Store {
	url := postgres.Database(t)
	stores := make([]*store.Store, replicaCount)
	for i := range stores {
		s, err := store.OpenPostgres(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		stores[i] = s
	}
	return stores
}

func TestLinearizableOnPostgres(t *testing.T) { checkLinearizable(t, postgresStores) }

// Three replicas write as fast as they can: under the head lock no update is decided more than twice.
func TestFairness(t *testing.T) {
	const clients, lasting = 16, time.Second
	lives := openReplicas(t, postgresStores(t), true)
	var updates, most atomic.Int64
	var wg sync.WaitGroup
	var mu sync.Mutex
	var took []time.Duration
	start := time.Now()
	for c := range replicaCount * clients {
		l := lives[c%replicaCount]
		wg.Go(func() {
			for n := 0; time.Since(start) < lasting; n++ {
				began, tries := time.Now(), int64(0)
				_, err := l.Update(t.Context(), ann, func(v *View, env *Env) (Batch, error) {
					tries++
					return createGroup(fmt.Sprint(c, "-", n))(v, env)
				})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				took = append(took, time.Since(began))
				mu.Unlock()
				updates.Add(1)
				if m := most.Load(); tries > m {
					most.CompareAndSwap(m, tries)
				}
			}
		})
	}
	wg.Wait()
	slices.Sort(took)
	t.Logf("%.0f updates/s on three replicas, p99 %s, max %s, %d tries at most", float64(updates.Load())/time.Since(start).Seconds(),
		took[len(took)*99/100], took[len(took)-1], most.Load())
	if most.Load() > 2 {
		t.Errorf("an update was decided %d times", most.Load())
	}
	if most.Load() < 2 {
		t.Error("no update was decided twice: the replicas did not contend and the test shows nothing")
	}
}

// A change committed by one replica is on the others within a second at worst.
func TestReplicasFollowInTime(t *testing.T) {
	lives := openReplicas(t, postgresStores(t), true)
	for i := range 30 {
		v := mustUpdate(t, lives[i%2], createGroup(fmt.Sprint("g", i)))
		committed := time.Now()
		for lives[2].View().At().Seq < v.At().Seq {
			time.Sleep(time.Millisecond)
			if time.Since(committed) > time.Second {
				t.Fatalf("update %d took more than 1 s to the third replica", i)
			}
		}
	}
	if _, err := lives[2].Update(t.Context(), ann, createGroup("g0")); !apierr.Is(err, apierr.ObjectExists) {
		t.Error(err)
	}
}
