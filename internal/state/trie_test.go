package state

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/inborn-id/inborn/internal/guid"
)

// A trie made at once is the one that sets make, and can be written on.
func TestTrieOfManyRows(t *testing.T) {
	hashes := map[string]func(uint16) uint64{
		"well":       func(k uint16) uint64 { return uint64(k) * 0x9e3779b97f4a7c15 },
		"high bits":  func(k uint16) uint64 { return uint64(k&3) << 60 },
		"not at all": func(uint16) uint64 { return 7 },
	}
	for name, hash := range hashes {
		for _, n := range []int{0, 1, 2, 33, 1500} {
			var rows []row[uint16, int]
			for k := range n {
				rows = append(rows, row[uint16, int]{uint16(k), k})
			}
			slices.SortFunc(rows, func(a, b row[uint16, int]) int {
				return cmp.Compare(bits.Reverse64(hash(a.key)), bits.Reverse64(hash(b.key)))
			})
			one, want := newTrie[uint16, int](hash), map[uint16]int{}
			for _, r := range rows {
				one.set(r.key, r.value)
				want[r.key] = r.value
			}
			all := trieOf(hash, rows)
			if name != "not at all" && !slices.Equal(keysOf(all), keysOf(one)) {
				t.Errorf("%s, %d: the two do not walk alike", name, n)
			}
			copied := all.clone()
			copied.set(60000, 1)
			copied.delete(0)
			if !maps.Equal(maps.Collect(all.all()), want) {
				t.Errorf("%s, %d: it has not what it was made of", name, n)
			}
			for k, v := range want {
				if got, ok := all.get(k); !ok || got != v {
					t.Errorf("%s, %d: get(%d) = %d, %v", name, n, k, got, ok)
				}
			}
		}
	}
}

func keysOf(t trie[uint16, int]) (keys []uint16) {
	for k := range t.all() {
		keys = append(keys, k)
	}
	return keys
}

// A trie is a map, however badly its keys hash, and older copies never change.
func TestTrieIsAMap(t *testing.T) {
	hashes := map[string]func(uint16) uint64{
		"well":       func(k uint16) uint64 { return uint64(k) * 0x9e3779b97f4a7c15 },
		"high bits":  func(k uint16) uint64 { return uint64(k&3) << 60 },
		"not at all": func(uint16) uint64 { return 7 },
	}
	for name, hash := range hashes {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				tree, want := newTrie[uint16, int](hash), map[uint16]int{}
				type version struct {
					tree trie[uint16, int]
					want map[uint16]int
				}
				var versions []version
				keys := rapid.Uint16Range(0, 200)
				for i := range rapid.IntRange(1, 300).Draw(t, "steps") {
					k := keys.Draw(t, "key")
					old, had := want[k]
					switch rapid.IntRange(0, 4).Draw(t, "what") {
					case 0:
						versions = append(versions, version{tree, maps.Clone(want)})
						tree = tree.clone()
					case 1, 2:
						if got, found := tree.delete(k); found != had || got != old {
							t.Fatalf("delete(%d) = %d, %v, want %d, %v", k, got, found, old, had)
						}
						delete(want, k)
					default:
						if got, found := tree.set(k, i); found != had || got != old {
							t.Fatalf("set(%d) = %d, %v, want %d, %v", k, got, found, old, had)
						}
						want[k] = i
					}
				}
				for _, v := range append(versions, version{tree, want}) {
					got := map[uint16]int{}
					for k, value := range v.tree.all() {
						if _, twice := got[k]; twice {
							t.Fatalf("%d is there twice", k)
						}
						got[k] = value
					}
					if !maps.Equal(got, v.want) {
						t.Fatalf("walked %v, want %v", got, v.want)
					}
					for k := range uint16(201) {
						value, ok := v.tree.get(k)
						if want, has := v.want[k]; ok != has || value != want {
							t.Fatalf("get(%d) = %d, %v, want %d, %v", k, value, ok, want, has)
						}
					}
				}
			})
		})
	}
}

func TestHashesOfIDsThatPeopleChoose(t *testing.T) {
	seen := map[uint64]bool{}
	for i := range 1 << 12 {
		var a, b guid.GUID
		a[14], a[15] = byte(i>>8), byte(i)
		b[0], b[1] = byte(i>>8), byte(i)
		seen[hashGUID(a)&0xffffff], seen[hashGUID(b)&0xffffff] = true, true
	}
	if len(seen) < 8180 { // of 8191 ids, a few meet in 24 bits
		t.Errorf("%d different hashes", len(seen))
	}
}
