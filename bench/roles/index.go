package roles

import (
	"strings"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
)

// Index is the yardstick: a map from principal and scope to the set of roles as bits, one from action to the set of roles
// that have it, and one from subscription to management group. It knows no groups, deny assignments, conditions or reasons,
// and never changes.
type Index struct {
	roles   map[string]uint64 // by principal|scope
	actions map[string]uint64
	above   map[string]string
}

// NewIndex makes the index of a policy.
func NewIndex(p *Policy) *Index {
	x := &Index{roles: make(map[string]uint64, len(p.Assignments)), actions: map[string]uint64{}, above: map[string]string{}}
	for i, sub := range p.levels[subscriptions] {
		x.above[string(sub.Key())] = string(p.levels[managementGroups][i/p.size.FanOut].Key())
	}
	bit := map[guid.GUID]uint64{}
	for i, role := range p.Roles {
		bit[role.ID] = 1 << i
		for _, action := range p.actions {
			if Has(role.Permissions[0], action.String()) {
				x.actions[action.String()] |= 1 << i
			}
		}
	}
	for _, a := range p.Assignments {
		x.roles[a.Principal.String()+"|"+string(a.Scope.Key())] |= bit[a.Role]
	}
	return x
}

// Has reports whether a permission has an action, which is in lower case.
func Has(p rbac.Permission, action string) bool {
	return matches(p.Actions, action) && !matches(p.NotActions, action)
}

// matches knows patterns with one wildcard.
func matches(patterns []string, action string) bool {
	for _, pattern := range patterns {
		head, tail, wild := strings.Cut(strings.ToLower(pattern), "*")
		if !wild && action == head || wild && len(action) >= len(head)+len(tail) && strings.HasPrefix(action, head) && strings.HasSuffix(action, tail) {
			return true
		}
	}
	return false
}

// Allowed walks up from the scope and ends with the first role that has the action. All is in lower case.
func (x *Index) Allowed(principal, scope, action string) bool {
	roles := x.actions[action]
	var room [256]byte
	key := append(append(room[:0], principal...), '|')
	n := len(key)
	has := func(scope string) bool { return x.roles[string(append(key[:n], scope...))]&roles != 0 }
	if has(scope) {
		return true
	}
	for _, level := range [...]string{"/secrets/", "/providers/", "/resourcegroups/"} {
		if i := strings.Index(scope, level); i > 0 {
			if scope = scope[:i]; has(scope) {
				return true
			}
		}
	}
	return has(x.above[scope])
}
