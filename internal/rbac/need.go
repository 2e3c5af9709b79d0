package rbac

import (
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/resource"
)

// Need is an action at a scope, for which a role was needed there or above.
type Need struct {
	Action string // in lower case
	Data   bool   // it is a data action
	Scope  resource.ID
}

// NeedOf returns what the assignment that allowed a request was needed for.
func NeedOf(d Decision) Need { return Need{d.Action.lower, d.Action.data, d.Scope} }

// action returns the need's action to be checked.
func (n Need) action() Action { return Action{n.Action, n.Action, n.Data} }

// includes reports whether whoever may do n may do other by that.
func (n Need) includes(other Need) bool {
	return n.Action == other.Action && n.Data == other.Data && Within(n.Scope, other.Scope)
}

// Needs are what one role assignment was needed for. They are bounded: where there are many, the scopes become those of
// whole resources, then resource groups, then subscriptions, which is more than was needed but never less. The zero value is none.
type Needs struct {
	List []Need // of which none includes another
	More bool   // there was too much to tell; List is empty
}

// maxNeeds bounds a list of needs.
const maxNeeds = 64

// Add adds a need, and reports whether that changed anything.
func (n *Needs) Add(need Need) bool {
	if n.More || slices.ContainsFunc(n.List, func(have Need) bool { return have.includes(need) }) {
		return false
	}
	need.Action, need.Scope = strings.Clone(need.Action), resource.ID(strings.Clone(string(need.Scope))) // of what may be a large request
	n.List = append(slices.DeleteFunc(n.List, need.includes), need)
	for level := AtResource; len(n.List) > maxNeeds; level++ {
		if level > AtSubscription {
			*n = Needs{More: true}
			return true
		}
		n.widen(level)
	}
	return true
}

// Merge adds all needs of others.
func (n *Needs) Merge(others Needs) {
	if others.More {
		*n = others
	}
	for _, need := range others.List {
		n.Add(need)
	}
}

// widen brings all scopes to a level, where they are below it.
func (n *Needs) widen(level Breadth) {
	var wide Needs
	for _, need := range n.List {
		need.Scope = widened(need.Scope, level)
		if !slices.ContainsFunc(wide.List, func(have Need) bool { return have.includes(need) }) {
			wide.List = append(slices.DeleteFunc(wide.List, need.includes), need)
		}
	}
	n.List = wide.List
}

// widened returns the scope above scope that is of a level; scope itself if it is no narrower or nothing like that is above
// it.
func widened(scope resource.ID, level Breadth) resource.ID {
	for _, above := range Levels(scope) {
		if b := BreadthOf(above); b <= level && b < AtManagementGroup {
			return above
		}
	}
	return scope
}

// Breadth is how much lies below a scope; a greater one holds more.
type Breadth uint8

// The breadths of scopes, from the narrowest.
const (
	InResource Breadth = iota // such as a secret of a vault
	AtResource
	AtGroup
	AtSubscription
	AtManagementGroup
	AtTenant
)

// BreadthOf returns the breadth of a scope by its path.
func BreadthOf(scope resource.ID) Breadth {
	levels := Levels(scope)
	_, isManagementGroup := ManagementGroupName(scope)
	inGroup := len(levels) > 1 && SameScope(scope.GroupID(), levels[1])
	switch {
	case len(levels) == 0:
		return AtTenant
	case isManagementGroup:
		return AtManagementGroup
	case len(levels) == 1 && scope.Subscription() != "":
		return AtSubscription
	case len(levels) == 2 && inGroup:
		return AtGroup
	case len(levels) == 3 && inGroup || len(levels) < 3:
		return AtResource
	default:
		return InResource
	}
}
