package state

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"iter"
	"slices"
	"strings"

	"github.com/tidwall/btree"

	"github.com/inborn-id/inborn/internal/guid"
)

// A table is an ordered persistent map. clone is O(1) and shares everything with the original; the first set on the copy
// makes its own root, and a set clones only the path it touches. Only the newest copy may be written, and only by the
// goroutine that writes the log (the tree marks what it was copied from); any number may read. The keys stand inline in
// the nodes, which measured twice as fast as pointers.
type table[K, V any] struct {
	tree   *btree.BTreeG[row[K, V]]
	shared bool // the tree is another copy's, too: make one's own before the first change
}

type row[K, V any] struct {
	key   K
	value V
}

func newTable[K, V any](compare func(a, b K) int) table[K, V] { return newTableOf[K, V](32, compare) }

// newLeanTable makes a table that is written faster and read slower: a set copies a third as much.
func newLeanTable[K, V any](compare func(a, b K) int) table[K, V] {
	return newTableOf[K, V](8, compare)
}

func newTableOf[K, V any](degree int, compare func(a, b K) int) table[K, V] {
	less := func(a, b row[K, V]) bool { return compare(a.key, b.key) < 0 }
	return table[K, V]{tree: btree.NewBTreeGOptions(less, btree.Options{NoLocks: true, Degree: degree})}
}

func (t table[K, V]) clone() table[K, V] { return table[K, V]{t.tree, true} }
func (t table[K, V]) len() int           { return t.tree.Len() }

func (t table[K, V]) get(key K) (V, bool) {
	found, ok := t.tree.Get(row[K, V]{key: key})
	return found.value, ok
}

// set keeps value under key and returns what was there before.
func (t *table[K, V]) set(key K, value V) (V, bool) {
	old, replaced := t.own().Set(row[K, V]{key, value})
	return old.value, replaced
}

// delete removes what is kept under key and returns it.
//
//lint:ignore U1000 it is used as a keeper's, which the checker does not see through the type parameters
func (t *table[K, V]) delete(key K) (V, bool) {
	old, found := t.own().Delete(row[K, V]{key: key})
	return old.value, found
}

// own returns the tree to be changed.
func (t *table[K, V]) own() *btree.BTreeG[row[K, V]] {
	if t.shared {
		t.tree, t.shared = t.tree.Copy(), false
	}
	return t.tree
}

// from walks the rows whose key is at least first, in order.
func (t table[K, V]) from(first K) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		t.tree.Ascend(row[K, V]{key: first}, func(r row[K, V]) bool { return yield(r.key, r.value) })
	}
}

// keeper is what a table and a trie have in common for those who change them.
type keeper[K, V any] interface {
	get(key K) (V, bool)
	set(key K, value V) (old V, replaced bool)
	delete(key K) (old V, found bool)
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

// compareGUID is bytes.Compare, two words at a time.
func compareGUID(a, b guid.GUID) int {
	if x, y := wordOf(a[:8]), wordOf(b[:8]); x != y {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(wordOf(a[8:]), wordOf(b[8:]))
}

// wordOf reads eight bytes as a number that is in the order of the bytes.
func wordOf(b []byte) uint64 { return binary.BigEndian.Uint64(b) }

func comparePair(a, b pair) int     { return bytes.Compare(a[:], b[:]) }
func compareString(a, b string) int { return strings.Compare(a, b) }
func compareTriple(a, b triple) int { return bytes.Compare(a[:], b[:]) }

// putInto puts item into, or takes it out of, the ordered list that t keeps under key. A list never changes, so that
// readers may hold it; an empty one is not kept.
func putInto[K, V any](t keeper[K, []V], key K, item V, compare func(a, b V) int, on bool) {
	list, _ := t.get(key)
	i, found := slices.BinarySearchFunc(list, item, compare)
	rest := list[i:]
	if found {
		rest = list[i+1:]
	}
	switch {
	case on:
		t.set(key, slices.Concat(list[:i], []V{item}, rest))
	case found && len(list) == 1:
		t.delete(key)
	case found:
		t.set(key, slices.Concat(list[:i], rest))
	}
}

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
