package attest

import (
	"slices"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

// Binding is what Index needs to know of a workload binding.
type Binding struct {
	Selectors []Selector // all must be shown; none matches any process
	Expires   time.Time  // it does not count from then on; zero: never
}

// expired reports whether b no longer counts at now.
func (b *Binding) expired(now time.Time) bool { return !b.Expires.IsZero() && !now.Before(b.Expires) }

// Index answers which binding of a node a process belongs to. It does not change after NewIndex and is safe for
// concurrent use.
//
// Each binding stands under one of its selectors only, the rarest on the node. A process that shows it is a candidate;
// all others never come up. So the bindings that share "uid:1000" cost nothing when each also names a launch.
type Index struct {
	bindings []Binding          // selectors sorted, without repetition
	anchored map[Selector][]int // positions of the bindings whose rarest selector it is
	open     []int              // positions of the bindings without selectors
}

// NewIndex makes the index of all bindings of a node. The positions that Match returns are those in bindings, which
// Index does not keep.
func NewIndex(bindings []Binding) *Index {
	x := &Index{bindings: make([]Binding, len(bindings)), anchored: make(map[Selector][]int, len(bindings))}
	frequency := make(map[Selector]int, len(bindings))
	for i, b := range bindings {
		selectors := slices.Clone(b.Selectors)
		slices.Sort(selectors)
		selectors = slices.Compact(selectors)
		x.bindings[i] = Binding{Selectors: selectors, Expires: b.Expires}
		for _, s := range selectors {
			frequency[s]++
		}
	}
	for i, b := range x.bindings {
		if len(b.Selectors) == 0 {
			x.open = append(x.open, i)
			continue
		}
		rarest := b.Selectors[0]
		for _, s := range b.Selectors[1:] {
			if frequency[s] < frequency[rarest] {
				rarest = s
			}
		}
		x.anchored[rarest] = append(x.anchored[rarest], i)
	}
	return x
}

// Match returns the position of the binding that decides for a process that has shown have, at now. When need is not
// empty, only bindings that list need count: an endpoint whose header names a workload must not fall back to a binding
// that would do without the header. It fails with WorkloadUnknown when no binding matches, and with WorkloadAmbiguous
// when several do and none of them contains all others.
func (x *Index) Match(have Evidence, need Selector, now time.Time) (int, error) {
	var room [8]int
	matches := x.matches(room[:0], have, need, now)
	if len(matches) == 0 {
		return 0, apierr.New(apierr.WorkloadUnknown,
			"No workload binding of this machine matches the calling process, so it has no identity.")
	}
	best := matches[0]
	for _, i := range matches[1:] {
		if len(x.bindings[i].Selectors) > len(x.bindings[best].Selectors) {
			best = i
		}
	}
	for _, i := range matches {
		if i != best && !contains(x.bindings[best].Selectors, x.bindings[i].Selectors) {
			return 0, apierr.New(apierr.WorkloadAmbiguous,
				"%d workload bindings match the calling process and none of them is the most specific. Remove one, or add selectors to it.",
				len(matches))
		}
	}
	return best, nil
}

// Known reports whether any binding that counts at now lists s, whatever else it lists.
func (x *Index) Known(s Selector, now time.Time) bool {
	for i := range x.bindings {
		if b := &x.bindings[i]; !b.expired(now) && slices.Contains(b.Selectors, s) {
			return true
		}
	}
	return false
}

// matches appends the positions of all bindings that match to found.
func (x *Index) matches(found []int, have Evidence, need Selector, now time.Time) []int {
	for n, shown := range have {
		if slices.Contains(have[:n], shown) {
			continue // shown twice, counted once
		}
		for _, i := range x.anchored[shown] {
			if x.bindings[i].match(have, need, now) {
				found = append(found, i)
			}
		}
	}
	for _, i := range x.open {
		if x.bindings[i].match(have, need, now) {
			found = append(found, i)
		}
	}
	return found
}

func (b *Binding) match(have Evidence, need Selector, now time.Time) bool {
	if b.expired(now) || need != "" && !slices.Contains(b.Selectors, need) {
		return false
	}
	for _, s := range b.Selectors {
		if !have.Has(s) {
			return false
		}
	}
	return true
}

// contains reports whether larger is a strict superset of smaller; both are sorted and free of repetition.
func contains(larger, smaller []Selector) bool {
	if len(larger) <= len(smaller) {
		return false
	}
	for _, s := range smaller {
		if _, found := slices.BinarySearch(larger, s); !found {
			return false
		}
	}
	return true
}
