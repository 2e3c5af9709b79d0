package state

import (
	"maps"
	"testing"

	"pgregory.net/rapid"

	"github.com/inborn-id/inborn/internal/guid"
)

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
