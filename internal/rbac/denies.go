package rbac

import (
	"bytes"
	"cmp"
	"slices"
	"sort"
)

// Denies are deny assignments, in the order of their scopes' marks. A Denies does not change: With and Without return
// another one. They are few in any tenant, so that it is one list. The zero value has none.
type Denies struct{ list []*Deny }

// Deny is a deny assignment made ready to be checked. It does not change.
type Deny struct {
	*DenyAssignment
	mark        Mark // of its scope
	permissions []permission
}

func (d *Deny) compare(other *Deny) int {
	if d.mark != other.mark {
		return cmp.Compare(d.mark, other.mark)
	}
	return bytes.Compare(d.ID[:], other.ID[:])
}

// takes reports whether the deny assignment takes the action away. One with a condition that cannot be read takes it:
// not knowing is no reason to allow.
func (d *Deny) takes(request *Request) bool {
	for i := range d.permissions {
		p := &d.permissions[i]
		if has, excepted := p.has(request.Action); has && !excepted && (p.condition.unreadable() || p.condition.Holds(request)) {
			return true
		}
	}
	return false
}

// With returns the deny assignments with one more, which must not change any more.
func (s Denies) With(d *DenyAssignment) Denies {
	deny := &Deny{d, MarkOf(d.Scope), newPermissions(d.Permissions)}
	i, _ := slices.BinarySearchFunc(s.list, deny, (*Deny).compare)
	return Denies{slices.Concat(s.list[:i], []*Deny{deny}, s.list[i:])}
}

// Without returns the deny assignments without d.
func (s Denies) Without(d *DenyAssignment) Denies {
	i, found := slices.BinarySearchFunc(s.list, &Deny{DenyAssignment: d, mark: MarkOf(d.Scope)}, (*Deny).compare)
	if !found {
		return s
	}
	return Denies{slices.Concat(s.list[:i], s.list[i+1:])}
}

// Len returns how many there are.
func (s Denies) Len() int { return len(s.list) }

// at returns those at scopes with the mark.
func (s Denies) at(mark Mark) []*Deny {
	from := sort.Search(len(s.list), func(i int) bool { return s.list[i].mark >= mark })
	to := from
	for to < len(s.list) && s.list[to].mark == mark {
		to++
	}
	return s.list[from:to]
}
