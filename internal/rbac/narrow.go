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
	reads   int
}

// NewRanking measures roles, which takes some 10 ms for the built-in ones.
func NewRanking(roles []*Role) *Ranking {
	r := &Ranking{known: actionsOf(roles)}
	for _, role := range roles {
		r.roles = append(r.roles, measured{role, r.measure(role), role.Reach()})
	}
	slices.SortFunc(r.roles, func(a, b measured) int { return strings.Compare(a.Name, b.Name) })
	return r
}

func (r *Ranking) measure(role *Role) measure {
	m := measure{changes: map[string]int{}}
	for _, a := range r.known {
		switch {
		case !role.has(a):
		case strings.HasSuffix(a.lower, "/read"):
			m.reads++
		default:
			m.changes[a.provider()]++
		}
	}
	return m
}

func (a Action) provider() string {
	provider, _, _ := strings.Cut(a.lower, "/")
	return provider
}

// size is how much a role lets do: what it changes of providers that nobody asked for weighs the most, then what else it
// changes, then what it reads.
type size struct{ foreign, changes, reads int }

func (s size) compare(t size) int {
	return cmp.Or(cmp.Compare(s.foreign, t.foreign), cmp.Compare(s.changes, t.changes), cmp.Compare(s.reads, t.reads))
}

func (s size) plus(t size) size {
	return size{s.foreign + t.foreign, s.changes + t.changes, s.reads + t.reads}
}

// sizeFor is the size of what was measured for somebody who wants the actions.
func (m measure) sizeFor(wanted []Action) size {
	s := size{reads: m.reads}
	for provider, n := range m.changes {
		s.changes += n
		if !isCommon(provider) && !slices.ContainsFunc(wanted, func(a Action) bool { return a.provider() == provider }) {
			s.foreign += n
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
			if a := make(strings.ToLower(strings.ReplaceAll(p, "*", "any"))); !seen[a] {
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

// has reports whether some permission of the role has the action, whatever its condition.
func (r *Role) has(a Action) bool {
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
	maxProposedScopes = 3
	maxProposedRoles  = 3 // at one scope
)

// Narrower returns what would do for all needs in the place of a role at a scope: the smallest roles at the narrowest
// scopes. It returns nil if that would not be less, or there were too many.
func (r *Ranking) Narrower(role *Role, at resource.ID, needs []Need) []Proposal {
	var all []Proposal
	for _, p := range places(needs) {
		wanted := slices.DeleteFunc(p.actions, func(a Action) bool { return givenAbove(all, a, p.scope) })
		if len(wanted) == 0 {
			continue
		}
		enough := r.enough(wanted)
		if len(enough) == 0 || Within(p.scope, at) && sizeOf(enough, wanted).compare(r.measure(role).sizeFor(wanted)) >= 0 {
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

// places puts needs together by their scopes, which are as narrow as maxProposedScopes lets them be; outer ones come
// first. It returns none where there would be too many.
func places(needs []Need) []place {
	for _, level := range []Breadth{InResource, AtResource, AtGroup, AtSubscription} {
		wide := Needs{List: needs}
		wide.widen(level)
		slices.SortFunc(wide.List, func(a, b Need) int {
			return cmp.Or(-cmp.Compare(BreadthOf(a.Scope), BreadthOf(b.Scope)), CompareScopes(string(a.Scope), string(b.Scope)), cmp.Compare(a.Action, b.Action))
		})
		var found []place
		for _, need := range wide.List {
			if n := len(found); n == 0 || !SameScope(found[n-1].scope, need.Scope) {
				found = append(found, place{scope: need.Scope})
			}
			last := &found[len(found)-1]
			last.actions = append(last.actions, need.action())
		}
		if len(found) <= maxProposedScopes {
			return found
		}
	}
	return nil
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
