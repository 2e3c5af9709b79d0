package rbac

import (
	"bytes"
	"cmp"
	"iter"
	"slices"
	"sort"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

// Grants are the role assignments of one principal, in the order of their scopes' marks. A Grants does not change: With
// and Without return another one that shares what stays. The zero value has none.
type Grants struct {
	few  []Grant // all, if they are few
	many *many   // all, if they are many; else nil
}

// many are grants in chunks, of which none is empty.
type many struct{ chunks [][]Grant }

// Grant is an assignment made ready to be checked. What a check needs of it stands here once more: to fetch the assignment
// itself from memory takes longer than all the rest.
type Grant struct {
	mark       Mark // of scope
	role       guid.GUID
	scope      resource.ID
	condition  *Condition // nil for none
	assignment *RoleAssignment
}

// NewGrant makes an assignment ready, of which mark is that of its scope; it must not change any more.
func NewGrant(a *RoleAssignment, mark Mark) Grant {
	return Grant{mark, a.Role, a.Scope, mustHold(a.Condition), a}
}

const (
	maxFew   = 24  // so many are looked through one by one
	maxChunk = 128 // bounds what one change copies
)

func (g *Grant) compare(mark Mark, a *RoleAssignment) int {
	if g.mark != mark {
		return cmp.Compare(g.mark, mark)
	}
	return bytes.Compare(g.assignment.ID[:], a.ID[:])
}

// With returns the grants with more. None of them may be among the grants.
func (s Grants) With(more ...Grant) Grants {
	if len(more) > 1 && 16*len(more) > s.Len() {
		return s.rebuilt(more)
	}
	for i := range more {
		s = s.with(more[i])
	}
	return s
}

// rebuilt is With for more than a few.
func (s Grants) rebuilt(more []Grant) Grants {
	all := make([]Grant, 0, s.Len()+len(more))
	for c := range s.chunks() {
		all = append(all, s.chunk(c)...)
	}
	all = append(all, more...)
	slices.SortFunc(all, func(x, y Grant) int { return x.compare(y.mark, y.assignment) })
	if len(all) <= maxFew {
		return Grants{few: all}
	}
	var chunks [][]Grant
	for chunk := range slices.Chunk(all, maxChunk/2) {
		chunks = append(chunks, slices.Clone(chunk))
	}
	return Grants{many: &many{chunks}}
}

func (s Grants) with(g Grant) Grants {
	c, i, _ := s.find(g.mark, g.assignment)
	chunk := slices.Concat(s.chunk(c)[:i], []Grant{g}, s.chunk(c)[i:])
	switch n := len(chunk); {
	case s.many == nil && n <= maxFew:
		return Grants{few: chunk}
	case n <= maxChunk:
		return s.replace(c, chunk)
	default:
		return s.replace(c, slices.Clone(chunk[:n/2]), slices.Clone(chunk[n/2:]))
	}
}

// Without returns the grants without a.
func (s Grants) Without(a *RoleAssignment) Grants {
	c, i, found := s.find(MarkOf(a.Scope), a)
	if !found {
		return s
	}
	rest := slices.Concat(s.chunk(c)[:i], s.chunk(c)[i+1:])
	switch {
	case s.many == nil || len(s.many.chunks) == 1 && len(rest) <= maxFew:
		return Grants{few: rest}
	case len(rest) == 0:
		return s.replace(c)
	default:
		return s.replace(c, rest)
	}
}

// replace returns the grants with other chunks in the place of chunk c.
func (s Grants) replace(c int, with ...[]Grant) Grants {
	if s.many == nil {
		return Grants{many: &many{with}}
	}
	return Grants{many: &many{slices.Concat(s.many.chunks[:c], with, s.many.chunks[c+1:])}}
}

// chunk returns chunk c; few are one chunk.
func (s Grants) chunk(c int) []Grant {
	if s.many == nil {
		return s.few
	}
	return s.many.chunks[c]
}

func (s Grants) chunks() int {
	if s.many == nil {
		return 1
	}
	return len(s.many.chunks)
}

// find returns the chunk and the place in it where an assignment stands or would stand, and whether it does.
func (s Grants) find(mark Mark, a *RoleAssignment) (c, i int, found bool) {
	if s.many != nil {
		c = sort.Search(len(s.many.chunks), func(c int) bool { return s.many.chunks[c][0].compare(mark, a) > 0 })
		c = max(c-1, 0)
	}
	chunk := s.chunk(c)
	i = sort.Search(len(chunk), func(i int) bool { return chunk[i].compare(mark, a) >= 0 })
	return c, i, i < len(chunk) && chunk[i].compare(mark, a) == 0
}

// at walks the grants at scopes with the mark.
func (s Grants) at(mark Mark) iter.Seq[*Grant] {
	return func(yield func(*Grant) bool) {
		ends := func(c int) bool { chunk := s.chunk(c); return len(chunk) > 0 && chunk[len(chunk)-1].mark >= mark }
		for c := sort.Search(s.chunks(), ends); c < s.chunks(); c++ {
			chunk := s.chunk(c)
			for i := sort.Search(len(chunk), func(i int) bool { return chunk[i].mark >= mark }); i < len(chunk); i++ {
				if chunk[i].mark != mark || !yield(&chunk[i]) {
					return
				}
			}
		}
	}
}

// At walks the assignments at exactly one scope.
func (s Grants) At(scope resource.ID) iter.Seq[*RoleAssignment] {
	return func(yield func(*RoleAssignment) bool) {
		for g := range s.at(MarkOf(scope)) {
			if SameScope(g.scope, scope) && !yield(g.assignment) {
				return
			}
		}
	}
}

// All walks the assignments.
func (s Grants) All() iter.Seq[*RoleAssignment] {
	return func(yield func(*RoleAssignment) bool) {
		for c := range s.chunks() {
			for _, g := range s.chunk(c) {
				if !yield(g.assignment) {
					return
				}
			}
		}
	}
}

// Len returns how many there are.
func (s Grants) Len() (n int) {
	for c := range s.chunks() {
		n += len(s.chunk(c))
	}
	return n
}
