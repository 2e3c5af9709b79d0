package rbac

import (
	"cmp"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/resource"
)

// Proposal is a role at a scope that somebody could have instead of a broader one.
type Proposal struct {
	Role  *Role
	Scope resource.ID
}

// Ranking knows of roles how much they let do, to find the smallest one that is enough. How much that is it counts by the
// actions that the roles themselves name.
type Ranking struct {
	known []Action
	roles []measured // by name
}

// measured is a role with what it lets do.
type measured struct {
	*Role
	measure
	reach Reach
}

type measure struct {
	changes map[string]int // by provider in lower case: how many of its known actions it allows, other than to read
	changed int            // of all providers
	special int            // of all but the common ones
	reads   int
	data    DataReach
	inData  int // how many of the known data actions it allows
}

// NewRanking measures roles, which takes some 10 ms for the built-in ones.
func NewRanking(roles []*Role) *Ranking {
	r := &Ranking{known: actionsOf(roles)}
	for _, role := range roles {
		r.roles = append(r.roles, measured{role, measureOf(role, r.known), role.Reach()})
	}
	slices.SortFunc(r.roles, func(a, b measured) int { return strings.Compare(a.Name, b.Name) })
	return r
}

func measureOf(role *Role, known []Action) measure {
	m := measure{changes: map[string]int{}, data: role.dataReach()}
	for _, a := range known {
		if !role.Has(a) {
			continue
		}
		if a.data {
			m.inData++
		}
		switch {
		case strings.HasSuffix(a.lower, "/read"):
			m.reads++
		default:
			m.changes[a.provider()]++
		}
	}
	for provider, n := range m.changes {
		m.changed += n
		if !isCommon(provider) {
			m.special += n
		}
	}
	return m
}

func (a Action) provider() string {
	provider, _, _ := strings.Cut(a.lower, "/")
	return provider
}

// size is how much a role lets do: how far it goes in data weighs the most, then what it changes of providers that nobody
// asked for, and data actions where none is wanted, then what else it changes, then what it reads.
type size struct {
	data                    DataReach
	foreign, changes, reads int
}

func (s size) compare(t size) int {
	return cmp.Or(cmp.Compare(s.data, t.data), cmp.Compare(s.foreign, t.foreign), cmp.Compare(s.changes, t.changes), cmp.Compare(s.reads, t.reads))
}

func (s size) plus(t size) size {
	return size{max(s.data, t.data), s.foreign + t.foreign, s.changes + t.changes, s.reads + t.reads}
}

// sizeFor is the size of what was measured for somebody who wants the actions.
func (m measure) sizeFor(wanted []Action) size {
	s := size{data: m.data, foreign: m.special, changes: m.changed, reads: m.reads}
	if !slices.ContainsFunc(wanted, Action.IsData) {
		s.foreign += m.inData
	}
	for i, a := range wanted {
		provider := a.provider()
		if !isCommon(provider) && !slices.ContainsFunc(wanted[:i], func(b Action) bool { return b.provider() == provider }) {
			s.foreign -= m.changes[provider]
		}
	}
	return s
}

// actionsOf returns the actions that roles name; a pattern stands for one that it matches.
func actionsOf(roles []*Role) []Action {
	var all []Action
	seen := map[Action]bool{}
	add := func(patterns []string, make func(string) Action) {
		for _, p := range patterns {
			if a := make(sample(p)); !seen[a] {
				seen[a] = true
				all = append(all, a)
			}
		}
	}
	for _, role := range roles {
		for _, p := range role.Permissions {
			add(slices.Concat(p.Actions, p.NotActions), ControlAction)
			add(slices.Concat(p.DataActions, p.NotDataActions), DataAction)
		}
	}
	return all
}

// sample is an action that a pattern matches; of one without wildcards it is the only one.
func sample(text string) string {
	if p := newPattern(text); !p.wild {
		return p.head
	}
	return strings.ToLower(strings.ReplaceAll(text, "*", "any"))
}

// Has reports whether some permission of the role has the action, whatever its condition.
func (r *Role) Has(a Action) bool {
	return slices.ContainsFunc(r.permissions, func(p permission) bool { return p.allows(a) })
}

// grants reports whether some permission of the role has the action under no condition.
func (r *Role) grants(a Action) bool {
	return slices.ContainsFunc(r.permissions, func(p permission) bool { return p.condition == nil && p.allows(a) })
}

// isCommon reports whether a provider is one for which most roles have something beside what they are for: alerts,
// deployments and requests for support.
func isCommon(provider string) bool {
	return provider == "microsoft.insights" || provider == "microsoft.resources" || provider == "microsoft.support"
}

// Bounds of what is proposed in the place of one assignment: nobody wants to keep a heap of small ones.
const (
	fewScopes         = 3
	maxProposedScopes = 10 // where nothing wider would do
	maxProposedRoles  = 3  // at one scope
)

// Narrower returns what would do for all needs in the place of a role at a scope: the smallest roles at a few scopes, which
// are as narrow as that lets them be; at more and narrower ones where fits refuses what would have to be proposed. It
// returns nil if nothing fits, that would not be less, or there were too many.
func (r *Ranking) Narrower(role *Role, at resource.ID, needs []Need, fits func(Proposal) bool) []Proposal {
	levels := []Breadth{AtSubscription, AtGroup, AtResource, InResource}
	first := len(levels) - 1
	for first > 0 && len(places(needs, levels[first])) > fewScopes {
		first--
	}
	for ; first < len(levels); first++ {
		there := places(needs, levels[first])
		if len(there) > maxProposedScopes {
			return nil
		}
		if all := r.propose(role, at, there); all != nil && !slices.ContainsFunc(all, func(p Proposal) bool { return !fits(p) }) {
			return all
		}
	}
	return nil
}

// propose returns the smallest roles for what is needed at each place; nil if there are none or they are not less than a
// role at a scope.
func (r *Ranking) propose(role *Role, at resource.ID, there []place) []Proposal {
	var all []Proposal
	for _, p := range there {
		wanted := slices.DeleteFunc(p.actions, func(a Action) bool { return givenAbove(all, a, p.scope) })
		if len(wanted) == 0 {
			continue
		}
		enough := r.enough(wanted)
		if len(enough) == 0 || Within(p.scope, at) && sizeOf(enough, wanted).compare(measureOf(role, r.known).sizeFor(wanted)) >= 0 {
			return nil
		}
		for _, one := range enough {
			all = append(all, Proposal{one.Role, p.scope})
		}
	}
	return all
}

// givenAbove reports whether what is proposed already allows an action at a scope.
func givenAbove(proposed []Proposal, a Action, scope resource.ID) bool {
	return slices.ContainsFunc(proposed, func(p Proposal) bool { return Within(p.Scope, scope) && p.Role.grants(a) })
}

// place is a scope with what is needed there.
type place struct {
	scope   resource.ID
	actions []Action
}

// places puts needs together by their scopes, which are not below a level; outer ones come first.
func places(needs []Need, level Breadth) (found []place) {
	wide := Needs{List: needs}
	wide.widen(level)
	slices.SortFunc(wide.List, func(a, b Need) int {
		return cmp.Or(-cmp.Compare(BreadthOf(a.Scope), BreadthOf(b.Scope)), CompareScopes(string(a.Scope), string(b.Scope)), cmp.Compare(a.Action, b.Action))
	})
	for _, need := range wide.List {
		if n := len(found); n == 0 || !SameScope(found[n-1].scope, need.Scope) {
			found = append(found, place{scope: need.Scope})
		}
		last := &found[len(found)-1]
		last.actions = append(last.actions, need.action())
	}
	return found
}

// enough returns the smallest role that allows all actions, or a few that together do and let do less. It returns none if
// nothing does.
func (r *Ranking) enough(wanted []Action) []measured {
	one := r.best(wanted, func(measured) int { return len(wanted) })
	few := r.few(wanted)
	if one == nil || few != nil && sizeOf(few, wanted).compare(sizeOf(one, wanted)) < 0 {
		return few
	}
	return one
}

// few takes the role that allows the most actions of those that are left, again and again.
func (r *Ranking) few(wanted []Action) (taken []measured) {
	for left := slices.Clone(wanted); len(left) > 0; {
		most := 1
		for _, role := range r.roles {
			if !role.reach.Everything {
				most = max(most, count(role.Role, left))
			}
		}
		best := r.best(left, func(role measured) int {
			if role.reach.Everything {
				return len(left) + 1
			}
			return most
		})
		if len(best) == 0 || len(taken) == maxProposedRoles {
			return nil
		}
		taken = append(taken, best...)
		left = slices.DeleteFunc(left, best[0].grants)
	}
	return taken
}

// best returns the smallest of the roles that allow at least as many actions as least demands of them.
func (r *Ranking) best(wanted []Action, least func(measured) int) (best []measured) {
	for _, role := range r.roles {
		if count(role.Role, wanted) < least(role) {
			continue
		}
		if len(best) == 0 || role.sizeFor(wanted).compare(best[0].sizeFor(wanted)) < 0 {
			best = []measured{role}
		}
	}
	return best
}

// sizeOf is the size of roles together.
func sizeOf(roles []measured, wanted []Action) (all size) {
	for _, role := range roles {
		all = all.plus(role.sizeFor(wanted))
	}
	return all
}

func count(role *Role, actions []Action) (n int) {
	for _, a := range actions {
		if role.grants(a) {
			n++
		}
	}
	return n
}
