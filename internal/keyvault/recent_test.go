package keyvault

import (
	"sync"
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/vault"
)

func TestRecentIsBounded(t *testing.T) {
	const room = 64
	r, versions := newRecent[int](room), make([]vault.Version, room+2)
	has := func(i int) bool { value, ok := r.get(&versions[i]); return ok && value == i }
	put := func(i, size int) { r.put(guid.GUID{}, &versions[i], i, size) }
	for i := range room {
		put(i, 1)
	}
	for i := range room { // all but the tenth are used
		if i != 10 && !has(i) {
			t.Errorf("%d is not there", i)
		}
	}
	put(0, 1) // which is there
	put(room, 1)
	if r.size != room || has(10) || !has(0) || !has(room) {
		t.Errorf("size %d; the one that was not used for longest is there: %v", r.size, has(10))
	}
	put(room+1, 3) // 1, 2 and 3 are the next in line, as 0 was used
	if r.size != room || has(1) || has(2) || has(3) || !has(4) || !has(0) || !has(room+1) {
		t.Error("not those that were not used for longest have gone")
	}
	put(5, room/16+1)
	if has(5) || r.size != room-1 || len(r.all) != r.order.Len() {
		t.Errorf("too large a value is kept, or the one before it; size %d", r.size)
	}
}

func TestRecentDoesNotConfuse(t *testing.T) {
	r := newRecent[string](64)
	v, other := &vault.Version{ID: "1"}, &vault.Version{ID: "1"}
	r.put(guid.GUID{}, v, "first", 1)
	if _, ok := r.get(other); ok {
		t.Error("another version with the same id gets what belongs to the old one")
	}
	r.put(guid.GUID{}, other, "second", 1)
	r.put(guid.GUID{}, v, "third", 1)
	if got, _ := r.get(other); got != "second" {
		t.Errorf("%q is in its place", got)
	}
	if got, _ := r.get(v); got != "third" || r.size != 2 {
		t.Errorf("%q is in its place, size %d", got, r.size)
	}
}

func TestRecentAtTheSameTime(t *testing.T) {
	r, versions := newRecent[int](256), make([]vault.Version, 300)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for j := range 500 {
				n := (i*31 + j) % 300
				if got, ok := r.get(&versions[n]); !ok {
					r.put(guid.GUID{}, &versions[n], n, 1+n%3)
				} else if got != n {
					t.Errorf("%d in the place of %d", got, n)
				}
			}
		})
	}
	wait.Wait()
	if r.size > r.room || len(r.all) != r.order.Len() {
		t.Errorf("size %d, %d and %d entries", r.size, len(r.all), r.order.Len())
	}
}
