package rbac

import (
	"iter"
	"strings"
)

// Doubt is a reason to think that somebody asks for another action than he means. What actions there are only their
// providers know; but roles are made of actions, so that what no role names is hardly one.
type Doubt uint8

// The doubts.
const (
	DoubtNone  Doubt = iota
	DoubtVerb        // it does not end as actions end: with read, write, delete or action
	DoubtPlane       // roles name it in the other plane: as a data action, or as one of the control plane
	DoubtName        // no role names it, or they name one that is nearly the same
)

// maxTypo is how much an action may differ from one that a role names to be taken for it.
const maxTypo = 2

// DoubtOf says what is to be doubted about an action, and which action is nearly the same, if a role names one. Patterns
// such as */read tell nothing: they are true of anything.
func DoubtOf(roles iter.Seq[*Role], a Action) (doubt Doubt, near string) {
	other := a
	other.data = !a.data
	var here, there int
	far := maxTypo + 1
	for role := range roles {
		for i := range role.permissions {
			p := &role.permissions[i]
			here, there = max(here, p.names(a)), max(there, p.names(other))
			for _, pattern := range role.Permissions[i].in(a.data) {
				if d := distance(strings.ToLower(pattern), a.lower, far-1); d < far {
					far, near = d, pattern
				}
			}
		}
	}
	switch {
	case far == 0:
		return DoubtNone, ""
	case !endsWithVerb(a.lower):
		return DoubtVerb, near
	case there > here:
		return DoubtPlane, ""
	case near != "" || here == 0:
		return DoubtName, near
	}
	return DoubtNone, ""
}

func endsWithVerb(lower string) bool {
	switch lower[strings.LastIndexByte(lower, '/')+1:] {
	case "read", "write", "delete", "action":
		return true
	}
	return false
}

// in returns the patterns of one plane.
func (p *Permission) in(data bool) []string {
	if data {
		return p.DataActions
	}
	return p.Actions
}

// names is how much of an action the permission spells out: the length of the text of the pattern that has the most of it.
// A pattern that leaves the provider open names nothing.
func (p *permission) names(a Action) (most int) {
	patterns := p.control
	if a.data {
		patterns = p.data
	}
	for i := range patterns {
		one := &patterns[i]
		if strings.Contains(one.head, "/") && one.match(a.lower) {
			most = max(most, len(one.head)+len(strings.Join(one.inner, ""))+len(one.tail))
		}
	}
	return most
}
