package rbac

import (
	"bytes"
	"cmp"
	"iter"
	"math/bits"
	"slices"
	"sort"

	"github.com/inborn-id/inborn/internal/resource"
)

// Grants are the role assignments of one principal, in the order of their scopes' marks. A Grants does not change: With
// and Without return another one that shares what stays. The zero value has none.
type Grants struct {
	hints hints   // of few
	few   []Grant // all, if they are few
	many  *many   // all, if they are many; else nil
	high  int     // how many are at management groups
}

// many are grants in chunks, of which none is empty.
type many struct{ chunks [][]Grant }

// Grant is an assignment made ready to be checked. What a check needs of it stands here once more: to fetch the assignment
// itself from memory takes longer than all the rest.
type Grant struct {
	mark       Mark // of scope
	scope      resource.ID
	builtIn    *Role      // the role if it is a built-in one; any other may change and is looked up
	condition  *Condition // nil for none
	assignment *RoleAssignment
}

// NewGrant makes an assignment ready, of which mark is that of its scope; it must not change any more. builtIn is its role
// if that is a built-in one, else nil.
func NewGrant(a *RoleAssignment, mark Mark, builtIn *Role) Grant {
	return Grant{mark, a.Scope, builtIn, mustHold(a.Condition), a}
}

// role returns the grant's role; nil if there is none.
func (g *Grant) role(policy Policy) *Role {
	if g.builtIn != nil {
		return g.builtIn
	}
	return policy.Role(g.assignment.Role)
}

// isHigh is 1 for a grant at a management group, else 0.
func (g *Grant) isHigh() int {
	if _, high := ManagementGroupName(g.scope); high {
		return 1
	}
	return 0
}

const (
	maxFew   = 16  // so many have hints
	maxChunk = 128 // bounds what one change copies
)

// hints are the last 16 bits of the mark of each of a few grants. They stand where the grants are found, so that those at
// other scopes, nearly all, need not be fetched from memory. That of grant i is in word i%4.
type hints [4]uint64

// newFew makes Grants of no more than maxFew, in their order.
func newFew(few []Grant, high int) Grants {
	s := Grants{few: few, high: high}
	for i := range few {
		s.hints[i%4] |= uint64(few[i].mark) & 0xffff << (i / 4 * 16)
	}
	return s
}

// like says which hints are that of the mark: a bit for each, of which hinted knows the grant.
func (h *hints) like(mark Mark) uint64 {
	const each, top = 0x0001000100010001, 0x8000800080008000
	hint := uint64(mark) & 0xffff * each
	a, b, c, d := h[0]^hint, h[1]^hint, h[2]^hint, h[3]^hint
	a = (a&^top + ^uint64(top)) | a // the top bit of what is not zero
	b = (b&^top + ^uint64(top)) | b
	c = (c&^top + ^uint64(top)) | c
	d = (d&^top + ^uint64(top)) | d
	return ^a&top>>15 | ^b&top>>14 | ^c&top>>13 | ^d&top>>12
}

// hinted returns the grant of the lowest bit that is set in like; nil where there are no more grants.
func (s *Grants) hinted(like uint64) *Grant {
	bit := bits.TrailingZeros64(like)
	if i := bit/16*4 + bit%16; i < len(s.few) {
		return &s.few[i]
	}
	return nil
}

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
	for i := range more {
		s.high += more[i].isHigh()
	}
	slices.SortFunc(all, func(x, y Grant) int { return x.compare(y.mark, y.assignment) })
	if len(all) <= maxFew {
		return newFew(all, s.high)
	}
	var chunks [][]Grant
	for chunk := range slices.Chunk(all, maxChunk/2) {
		chunks = append(chunks, slices.Clone(chunk))
	}
	return Grants{many: &many{chunks}, high: s.high}
}

func (s Grants) with(g Grant) Grants {
	c, i, _ := s.find(g.mark, g.assignment)
	chunk := slices.Concat(s.chunk(c)[:i], []Grant{g}, s.chunk(c)[i:])
	s.high += g.isHigh()
	switch n := len(chunk); {
	case s.many == nil && n <= maxFew:
		return newFew(chunk, s.high)
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
	s.high -= s.chunk(c)[i].isHigh()
	rest := slices.Concat(s.chunk(c)[:i], s.chunk(c)[i+1:])
	switch {
	case s.many == nil || len(s.many.chunks) == 1 && len(rest) <= maxFew:
		return newFew(rest, s.high)
	case len(rest) == 0:
		return s.replace(c)
	default:
		return s.replace(c, rest)
	}
}

// replace returns the grants with other chunks in the place of chunk c.
func (s Grants) replace(c int, with ...[]Grant) Grants {
	if s.many == nil {
		return Grants{many: &many{with}, high: s.high}
	}
	return Grants{many: &many{slices.Concat(s.many.chunks[:c], with, s.many.chunks[c+1:])}, high: s.high}
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
