package state

import (
	"iter"
	"math/bits"
	"slices"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
)

// A trie is a persistent map without order: a tree of 32 branches that goes down five bits of a key's hash at a time. It
// is for what each request looks up: in 10,000 keys a table compares fourteen and a trie one, which measured three times
// as fast where nothing is in the processor's cache. clone is O(1), and a set on the copy clones the path it touches. Only
// the newest copy may be written, and by one goroutine; any number may read.
type trie[K comparable, V any] struct {
	root  *trieNode[K, V]
	hash  func(K) uint64
	owner *trieOwner // of the nodes that this copy has made itself and may change; nil for none yet
}

// trieOwner tells copies apart by its address.
type trieOwner struct{ _ byte }

// trieNode has for each branch either a row or a node further down. Below the last bits of the hash, where only keys with
// the same hash meet, it is a plain list of rows.
type trieNode[K comparable, V any] struct {
	owner          *trieOwner
	rowsAt, kidsAt uint32 // a bit for each branch that is a row, or a node
	rows           []row[K, V]
	kids           []*trieNode[K, V]
}

const (
	trieBits = 5
	trieEnd  = 65 // bits at which a node is a list
)

func newTrie[K comparable, V any](hash func(K) uint64) trie[K, V] {
	return trie[K, V]{root: &trieNode[K, V]{}, hash: hash}
}

func (t trie[K, V]) clone() trie[K, V] { return trie[K, V]{root: t.root, hash: t.hash} }

func (t trie[K, V]) empty() bool { return len(t.root.rows)+len(t.root.kids) == 0 }

func (t trie[K, V]) get(key K) (value V, ok bool) {
	hash := t.hash(key)
	for n := t.root; ; {
		bit := uint32(1) << (hash & 31)
		switch {
		case n.rowsAt&bit != 0:
			if r := &n.rows[bits.OnesCount32(n.rowsAt&(bit-1))]; r.key == key {
				return r.value, true
			}
			return value, false
		case n.kidsAt&bit == 0:
			return n.listed(key)
		}
		n = n.kids[bits.OnesCount32(n.kidsAt&(bit-1))]
		hash >>= trieBits
	}
}

// listed looks a key up in the rows of a list; other nodes have no row that is not in rowsAt.
func (n *trieNode[K, V]) listed(key K) (value V, ok bool) {
	if n.rowsAt == 0 {
		for i := range n.rows {
			if n.rows[i].key == key {
				return n.rows[i].value, true
			}
		}
	}
	return value, false
}

// set keeps value under key and returns what was there before.
func (t *trie[K, V]) set(key K, value V) (old V, replaced bool) {
	if t.owner == nil {
		t.owner = new(trieOwner)
	}
	t.root = t.root.owned(t.owner)
	return t.root.set(t, row[K, V]{key, value}, t.hash(key), 0)
}

// owned returns n if it is owner's, else a copy that is.
func (n *trieNode[K, V]) owned(owner *trieOwner) *trieNode[K, V] {
	if n.owner == owner {
		return n
	}
	rows := append(make([]row[K, V], 0, len(n.rows)+1), n.rows...) // with room for the one that will be added
	return &trieNode[K, V]{owner, n.rowsAt, n.kidsAt, rows, slices.Clone(n.kids)}
}

// set works on a node that is t's own. hash is what is left of r's, depth how many bits of it are gone.
func (n *trieNode[K, V]) set(t *trie[K, V], r row[K, V], hash uint64, depth int) (old V, replaced bool) {
	if depth >= trieEnd {
		i := slices.IndexFunc(n.rows, func(have row[K, V]) bool { return have.key == r.key })
		if i < 0 {
			n.rows = append(n.rows, r)
			return old, false
		}
		old, n.rows[i] = n.rows[i].value, r
		return old, true
	}
	bit := uint32(1) << (hash & 31)
	at, kid := bits.OnesCount32(n.rowsAt&(bit-1)), bits.OnesCount32(n.kidsAt&(bit-1))
	switch {
	case n.kidsAt&bit != 0:
		n.kids[kid] = n.kids[kid].owned(t.owner)
		return n.kids[kid].set(t, r, hash>>trieBits, depth+trieBits)
	case n.rowsAt&bit == 0:
		n.rowsAt |= bit
		n.rows = slices.Insert(n.rows, at, r)
		return old, false
	case n.rows[at].key == r.key:
		old, n.rows[at] = n.rows[at].value, r
		return old, true
	}
	below := &trieNode[K, V]{owner: t.owner}
	other := n.rows[at]
	n.rowsAt, n.kidsAt = n.rowsAt&^bit, n.kidsAt|bit
	n.rows, n.kids = slices.Delete(n.rows, at, at+1), slices.Insert(n.kids, kid, below)
	depth += trieBits
	below.set(t, other, t.hash(other.key)>>min(depth, 63), depth)
	below.set(t, r, hash>>trieBits, depth)
	return old, false
}

// delete removes what is kept under key and returns it.
func (t *trie[K, V]) delete(key K) (old V, found bool) {
	if old, found = t.get(key); !found {
		return old, false
	}
	if t.owner == nil {
		t.owner = new(trieOwner)
	}
	t.root = t.root.owned(t.owner)
	t.root.delete(t, key, t.hash(key), 0)
	return old, true
}

// delete works on a node that is t's own and has the key. A node below that is left with one row gives it back.
func (n *trieNode[K, V]) delete(t *trie[K, V], key K, hash uint64, depth int) {
	if depth >= trieEnd {
		n.rows = slices.DeleteFunc(n.rows, func(r row[K, V]) bool { return r.key == key })
		return
	}
	bit := uint32(1) << (hash & 31)
	at, kid := bits.OnesCount32(n.rowsAt&(bit-1)), bits.OnesCount32(n.kidsAt&(bit-1))
	if n.rowsAt&bit != 0 {
		n.rowsAt &^= bit
		n.rows = slices.Delete(n.rows, at, at+1)
		return
	}
	below := n.kids[kid].owned(t.owner)
	n.kids[kid] = below
	below.delete(t, key, hash>>trieBits, depth+trieBits)
	if len(below.kids) == 0 && len(below.rows) == 1 {
		n.rowsAt, n.kidsAt = n.rowsAt|bit, n.kidsAt&^bit
		n.rows, n.kids = slices.Insert(n.rows, at, below.rows[0]), slices.Delete(n.kids, kid, kid+1)
	}
}

// trieOf makes a trie of many rows at once. No two have one key, and they come in the order of their hashes with the bits
// reversed, so that those that share a branch stand together.
func trieOf[K comparable, V any](hash func(K) uint64, rows []row[K, V]) trie[K, V] {
	t := newTrie[K, V](hash)
	t.owner = new(trieOwner)
	t.root = t.nodeOf(rows, 0)
	return t
}

func (t *trie[K, V]) nodeOf(rows []row[K, V], depth int) *trieNode[K, V] {
	n := &trieNode[K, V]{owner: t.owner}
	if depth >= trieEnd {
		n.rows = slices.Clone(rows)
		return n
	}
	var branches [1 << trieBits]struct{ from, to int }
	for i := range rows {
		b := &branches[t.hash(rows[i].key)>>depth&31]
		if b.to == 0 {
			b.from = i
		}
		b.to = i + 1
	}
	for i, b := range branches {
		switch {
		case b.to-b.from == 1:
			n.rowsAt |= 1 << i
		case b.to > b.from:
			n.kidsAt |= 1 << i
		}
	}
	n.rows = make([]row[K, V], 0, bits.OnesCount32(n.rowsAt))
	n.kids = make([]*trieNode[K, V], 0, bits.OnesCount32(n.kidsAt))
	for i, b := range branches {
		switch bit := uint32(1) << i; {
		case n.rowsAt&bit != 0:
			n.rows = append(n.rows, rows[b.from])
		case n.kidsAt&bit != 0:
			n.kids = append(n.kids, t.nodeOf(rows[b.from:b.to], depth+trieBits))
		}
	}
	return n
}

// all walks the rows in the order of their hashes.
func (t trie[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) { t.root.walk(yield) }
}

func (n *trieNode[K, V]) walk(yield func(K, V) bool) bool {
	for _, r := range n.rows {
		if !yield(r.key, r.value) {
			return false
		}
	}
	for _, kid := range n.kids {
		if !kid.walk(yield) {
			return false
		}
	}
	return true
}

// hashGUID mixes all bits of an id, as those that people choose may differ in few.
func hashGUID(id guid.GUID) uint64 {
	hi, lo := bits.Mul64(wordOf(id[:8])^0x9fb21c651e98df25, wordOf(id[8:])^0x9e3779b97f4a7c15)
	return hi ^ lo
}

// hashMark takes a mark for what it is: a hash already.
func hashMark(m rbac.Mark) uint64 { return uint64(m) }
