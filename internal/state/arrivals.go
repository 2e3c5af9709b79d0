package state

import (
	"cmp"
	"math/bits"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/store"
)

// arrivals are role assignments on their way into the tables: while records are applied they gather, and settle puts in
// at once what belongs together. Where there are many, as when all is loaded, that takes a quarter of the time, leaves less
// garbage and stands closer in memory. A key comes once in a batch of records, so that nobody misses them meanwhile.
type arrivals struct {
	first  arrival     // the only one, as long as there are no chunks
	chunks [][]arrival // of arrivalChunk each, except the last: to grow one slice would copy all again and again
	n      int
	scopes map[rbac.Mark]resource.ID // the text that stands for a scope; nil while there is but one arrival

	settled table[[3]rbac.Mark, []*rbac.RoleAssignment] // those that came before, as in access.assignedAt
}

type arrival struct {
	*rbac.RoleAssignment
	path rbac.Path
}

const arrivalChunk = 1024

// add takes an assignment in. Equal scopes become one text: that is less to keep, and to fetch for a check.
func (c *arrivals) add(new arrival) {
	if c.n == 0 {
		c.first, c.n = new, 1
		return
	}
	if c.n == 1 {
		there, _ := c.settled.get(c.first.path.Marks)
		c.first.Scope = scopeText(there, c.first.Scope)
		c.scopes = map[rbac.Mark]resource.ID{c.first.path.Mark: c.first.Scope}
		c.chunks = [][]arrival{{c.first}}
	}
	if scope, ok := c.scopes[new.path.Mark]; !ok {
		there, _ := c.settled.get(new.path.Marks)
		new.Scope = scopeText(there, new.Scope)
		c.scopes[new.path.Mark] = new.Scope
	} else if scope == new.Scope {
		new.Scope = scope
	}
	if c.n%arrivalChunk == 0 {
		c.chunks = append(c.chunks, make([]arrival, 0, arrivalChunk))
	}
	last := &c.chunks[len(c.chunks)-1]
	*last = append(*last, new)
	c.n++
}

// scopeText returns the text that is to stand for the scope of an arrival: that of one of those that are there already, at
// the scope and below, else a new one, which has others like it beside it in memory and not what was decoded with it.
func scopeText(there []*rbac.RoleAssignment, scope resource.ID) resource.ID {
	const enough = 8 // there are nearly always few
	for _, a := range there[:min(len(there), enough)] {
		if a.Scope == scope {
			return a.Scope
		}
	}
	return resource.ID(strings.Clone(string(scope)))
}

// decodeAhead decodes the role assignments among many records with all processors. Of other records, of few, and of those
// that cannot be decoded there is none: who wants them will see why.
func decodeAhead(recs []store.Record) []arrival {
	const many = 256
	if len(recs) < many {
		return nil
	}
	all := make([]arrival, len(recs))
	var parts sync.WaitGroup
	n := runtime.GOMAXPROCS(0)
	for part := range n {
		start, end := part*len(recs)/n, (part+1)*len(recs)/n
		parts.Go(func() {
			for i, r := range recs[start:end] {
				if r.Kind != kindRoleAssignment || r.Deleted {
					continue
				}
				if a, err := decode[rbac.RoleAssignment](r); err == nil {
					all[start+i] = arrival{a, rbac.PathOf(a.Scope)}
				}
			}
		})
	}
	parts.Wait()
	return all
}

// arrivalKey is an arrival with what it is sorted by: a number in which all bits are as good as random.
type arrivalKey struct {
	key uint64
	*arrival
}

// sorted returns the arrivals in the order of their keys. Random keys say nearly where each belongs, so that this takes a
// step for each where a sort by comparison takes seventeen for 100,000.
func (c *arrivals) sorted(key func(*arrival) uint64) []arrivalKey {
	width := min(bits.Len(uint(c.n)), 16)
	shift := 64 - width
	starts := make([]int32, 1<<width+1) // of the arrivals whose keys begin with those bits
	for _, chunk := range c.chunks {
		for i := range chunk {
			starts[key(&chunk[i])>>shift]++
		}
	}
	sum := int32(0)
	for i, n := range starts {
		sum += n
		starts[i] = sum
	}
	all := make([]arrivalKey, c.n)
	for _, chunk := range c.chunks {
		for i := range chunk {
			k := key(&chunk[i])
			starts[k>>shift]--
			all[starts[k>>shift]] = arrivalKey{k, &chunk[i]}
		}
	}
	for i, start := range starts[:1<<width] {
		if end := starts[i+1]; start+1 < end {
			slices.SortFunc(all[start:end], func(x, y arrivalKey) int { return cmp.Compare(x.key, y.key) })
		}
	}
	return all
}

// eachRun calls do with those that stand together and are the same.
func eachRun(all []arrivalKey, same func(a, b *arrival) bool, do func([]arrivalKey)) {
	for start := 0; start < len(all); {
		end := start + 1
		for end < len(all) && all[end].key == all[start].key && same(all[start].arrival, all[end].arrival) {
			end++
		}
		do(all[start:end])
		start = end
	}
}

// idHash and principalHash are in the order in which the tries walk their keys.
func (a *arrival) idHash() uint64 { return bits.Reverse64(hashGUID(a.ID)) }

// pathHash is the mark of the lowest scope in the path.
func (a *arrival) pathHash() uint64 {
	return uint64(a.path.Marks[max(min(a.path.Depth, len(a.path.Marks))-1, 0)])
}

func samePath(a, b *arrival) bool { return a.path.Marks == b.path.Marks }

func (a *arrival) principalHash() uint64 { return bits.Reverse64(hashGUID(a.Principal)) }

func samePrincipal(a, b *arrival) bool { return a.Principal == b.Principal }
