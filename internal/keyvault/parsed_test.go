package keyvault

import (
	"crypto/rand"
	"fmt"
	"sync"
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/vault"
)

func newECKey(t *testing.T) (*vault.Version, *vault.PrivateKey) {
	t.Helper()
	k, err := vault.NewKey(rand.Reader, vault.KeySpec{Type: vault.EC})
	must(t, err)
	return &vault.Version{Key: k.Public(nil, false)}, k
}

func TestParsedKeysAreBounded(t *testing.T) {
	p := newParsed()
	v, k := newECKey(t)
	id := func(i int) parsedID { return parsedID{cipher: fmt.Sprint(i)} }
	for i := range maxParsed {
		p.put(id(i), v, k)
	}
	for i := range maxParsed { // all but the tenth are used
		if i != 10 && p.get(id(i), v.Key) != k {
			t.Errorf("%d is not there", i)
		}
	}
	p.put(id(0), v, k) // which is there
	p.put(id(maxParsed), v, k)
	if len(p.keys) != maxParsed || p.get(id(10), v.Key) != nil || p.get(id(0), v.Key) != k || p.get(id(maxParsed), v.Key) != k {
		t.Errorf("%d keys; the one that was not used for longest is there: %v", len(p.keys), p.get(id(10), v.Key) != nil)
	}
	p.put(id(maxParsed+1), v, k) // 1 is the next in line, as 0 was used
	if p.get(id(1), v.Key) != nil || p.get(id(0), v.Key) == nil {
		t.Error("not the one that was not used for longest has gone")
	}
}

func TestParsedKeysAreNotConfused(t *testing.T) {
	p := newParsed()
	v, k := newECKey(t)
	other, otherKey := newECKey(t)
	p.put(parsedID{cipher: "a"}, v, k)
	if p.get(parsedID{cipher: "a"}, other.Key) != nil {
		t.Error("another key under the same id gets the old private half")
	}
	if p.get(parsedID{tenant: guid.MustParse("00000000-0000-4000-8000-00000000000c"), cipher: "a"}, v.Key) != nil {
		t.Error("another tenant gets it")
	}
	p.put(parsedID{cipher: "a"}, other, otherKey)
	if p.get(parsedID{cipher: "a"}, other.Key) != otherKey || p.get(parsedID{cipher: "a"}, v.Key) != nil {
		t.Error("the new one is not in its place")
	}
}

func TestParsedKeysAtTheSameTime(t *testing.T) {
	p := newParsed()
	v, k := newECKey(t)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for j := range 500 {
				id := parsedID{cipher: fmt.Sprint((i*31 + j) % 300)}
				if p.get(id, v.Key) == nil {
					p.put(id, v, k)
				}
			}
		})
	}
	wait.Wait()
	if len(p.keys) > maxParsed {
		t.Errorf("%d keys", len(p.keys))
	}
}
