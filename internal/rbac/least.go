package rbac

import (
	"slices"
	"strings"
)

// Least returns the role that lets do the least of those that allow an action under no condition, of the ranked roles and
// of others, which are measured here. Of equal ones it is a ranked one, then the one that comes first; nil if none allows
// it. To read what nearly every role lets read, beside what it is for, it is Reader: the least of those would be one for
// something else altogether.
func (r *Ranking) Least(wanted Action, others []*Role) *Role {
	if wanted.isCommonRead() {
		for i := range r.roles {
			if role := &r.roles[i]; role.ID == Reader && role.grants(wanted) {
				return role.Role
			}
		}
	}
	actions := []Action{wanted}
	best := r.best(actions, func(measured) int { return 1 })
	others = slices.DeleteFunc(slices.Clone(others), func(role *Role) bool { return !role.grants(wanted) })
	if len(others) > 0 {
		known := slices.Clone(r.known)
		for _, a := range actionsOf(others) {
			if !slices.Contains(r.known, a) {
				known = append(known, a)
			}
		}
		for _, role := range others {
			m := measureOf(role, known)
			if len(best) == 0 || m.sizeFor(actions).compare(best[0].sizeFor(actions)) < 0 {
				best = []measured{{Role: role, measure: m}}
			}
		}
	}
	if len(best) == 0 {
		return nil
	}
	return best[0].Role
}

// isCommonRead reports whether an action reads something of a provider for which most roles have something.
func (a Action) isCommonRead() bool {
	return !a.data && isCommon(a.provider()) && strings.HasSuffix(a.lower, "/read")
}
