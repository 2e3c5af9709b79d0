package state

import (
	"bytes"
	"iter"
	"strings"

	"github.com/tidwall/btree"

	"github.com/inborn-id/inborn/internal/guid"
)

// A table is an ordered persistent map. clone is O(1) and shares everything with the original; a set on the copy
// clones only the path it touches. Only the goroutine that writes the log may copy (the tree marks its receiver), any
// number may read. The keys stand inline in the nodes, which measured twice as fast as pointers.
type table[K, V any] struct {
	tree *btree.BTreeG[row[K, V]]
}

type row[K, V any] struct {
	key   K
	value V
}

func newTable[K, V any](compare func(a, b K) int) table[K, V] {
	less := func(a, b row[K, V]) bool { return compare(a.key, b.key) < 0 }
	return table[K, V]{btree.NewBTreeGOptions(less, btree.Options{NoLocks: true, Degree: 32})}
}

func (t table[K, V]) clone() table[K, V] { return table[K, V]{t.tree.Copy()} }
func (t table[K, V]) set(key K, value V) { t.tree.Set(row[K, V]{key, value}) }
func (t table[K, V]) delete(key K)       { t.tree.Delete(row[K, V]{key: key}) }
func (t table[K, V]) len() int           { return t.tree.Len() }
func (t table[K, V]) get(key K) (V, bool) {
	found, ok := t.tree.Get(row[K, V]{key: key})
	return found.value, ok
}

// from walks the rows whose key is at least first, in order.
func (t table[K, V]) from(first K) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		t.tree.Ascend(row[K, V]{key: first}, func(r row[K, V]) bool { return yield(r.key, r.value) })
	}
}

// pair is a key of two GUIDs: everything of the first stands together.
type pair [32]byte

func pairOf(a, b guid.GUID) (p pair) {
	copy(p[:16], a[:])
	copy(p[16:], b[:])
	return p
}

func (p pair) first() guid.GUID  { return guid.GUID(p[:16]) }
func (p pair) second() guid.GUID { return guid.GUID(p[16:]) }

// triple is a key of a GUID and 32 more bytes.
type triple [48]byte

func tripleOf(a guid.GUID, rest [32]byte) (t triple) {
	copy(t[:16], a[:])
	copy(t[16:], rest[:])
	return t
}

func compareGUID(a, b guid.GUID) int { return bytes.Compare(a[:], b[:]) }
func comparePair(a, b pair) int      { return bytes.Compare(a[:], b[:]) }
func compareString(a, b string) int  { return strings.Compare(a, b) }
func compareTriple(a, b triple) int  { return bytes.Compare(a[:], b[:]) }

// nameKey is the key of an index by a name that several objects may have: the name without regard to case, then the id.
func nameKey(name, id string) string { return strings.ToLower(name) + "\x00" + id }

// named walks the ids that an index keeps under name.
func named[V any](index table[string, V], name string) iter.Seq[V] {
	prefix := nameKey(name, "")
	return func(yield func(V) bool) {
		for key, value := range index.from(prefix) {
			if !strings.HasPrefix(key, prefix) || !yield(value) {
				return
			}
		}
	}
}
