package rbac

import "strings"

// Action is one thing that can be done, such as Microsoft.Web/sites/read: a namespace, types, and a verb. Control-plane
// actions and data actions are two worlds: a role grants the one by Actions and the other by DataActions.
type Action struct {
	name  string // as given
	lower string // what patterns are matched against
	data  bool
}

// ControlAction makes an action of the control plane, of which name is the whole name, in any case.
func ControlAction(name string) Action { return Action{name: name, lower: strings.ToLower(name)} }

// DataAction makes a data action.
func DataAction(name string) Action {
	return Action{name: name, lower: strings.ToLower(name), data: true}
}

// String returns the action's name as it was given.
func (a Action) String() string { return a.name }

// IsData reports whether it is a data action.
func (a Action) IsData() bool { return a.data }

// pattern is an action with wildcards, taken apart at each *: the text before the first, the texts between, the text
// after the last. All are lower case.
type pattern struct {
	head  string
	inner []string
	tail  string
	wild  bool // without any *, head is the whole action
}

// assignAction is written with a * for the identity by built-in roles (wire fact: Managed Identity Operator and others). It
// means the action without it, which is the one that is asked for, whether a role gives it, excepts it or is denied it.
const (
	assignAction   = "microsoft.managedidentity/userassignedidentities/assign/action"
	assignSpelling = "microsoft.managedidentity/userassignedidentities/*/assign/action"
)

func newPattern(s string) pattern {
	lower := strings.ToLower(s)
	if lower == assignSpelling {
		return pattern{head: assignAction}
	}
	parts := strings.Split(lower, "*")
	if len(parts) == 1 {
		return pattern{head: parts[0]}
	}
	p := pattern{head: parts[0], tail: parts[len(parts)-1], wild: true}
	for _, part := range parts[1 : len(parts)-1] {
		if part != "" {
			p.inner = append(p.inner, part)
		}
	}
	return p
}

func newPatterns(list []string) []pattern {
	patterns := make([]pattern, len(list))
	for i, s := range list {
		patterns[i] = newPattern(s)
	}
	return patterns
}

// match reports whether the whole of lower fits. Each * stands for any text, slashes and nothing included. Taking the
// first place where an inner text occurs is enough: a later one only leaves less for those behind it.
func (p *pattern) match(lower string) bool {
	if !p.wild {
		return lower == p.head
	}
	if len(lower) < len(p.head)+len(p.tail) || lower[:len(p.head)] != p.head || !strings.HasSuffix(lower, p.tail) {
		return false
	}
	rest := lower[len(p.head) : len(lower)-len(p.tail)]
	for _, part := range p.inner {
		at := strings.Index(rest, part)
		if at < 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	return true
}

func anyMatch(patterns []pattern, lower string) bool {
	for i := range patterns {
		if patterns[i].match(lower) {
			return true
		}
		if lower == assignAction && patterns[i].wild && patterns[i].match(assignSpelling) { // the * may be within another one
			return true
		}
	}
	return false
}
