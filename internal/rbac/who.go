package rbac

import (
	"iter"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

// Roll lists what Policy can only be asked for by name.
type Roll interface {
	// AssignmentsAt walks the role assignments at exactly one scope.
	AssignmentsAt(scope resource.ID) iter.Seq[*RoleAssignment]
	// MembersOf walks the ids of the direct members of a group; of anything else, none.
	MembersOf(group guid.GUID) iter.Seq[guid.GUID]
}

// Who walks everyone for whom Check would allow the request, whose principal does not matter: the principals that
// assignments name, groups among them, and the members of those groups; each once, with the decision that says why. It
// takes the time of one check for each that it looks at.
func Who(policy Policy, roll Roll, request Request) iter.Seq2[guid.GUID, Decision] {
	return func(yield func(guid.GUID, Decision) bool) {
		var queue []guid.GUID
		seen := map[guid.GUID]bool{}
		add := func(id guid.GUID) {
			if !seen[id] {
				seen[id] = true
				queue = append(queue, id)
			}
		}
		for _, scope := range Lineage(policy, request.Scope) {
			for a := range roll.AssignmentsAt(scope) {
				role := policy.Role(a.Role)
				if role == nil {
					continue
				}
				if ok, _ := role.allows(&request); ok {
					add(a.Principal)
				}
			}
		}
		for ; len(queue) > 0; queue = queue[1:] {
			request.Principal = queue[0]
			if d := Check(policy, request); d.Allowed() && !yield(queue[0], d) {
				return
			}
			for member := range roll.MembersOf(queue[0]) {
				add(member)
			}
		}
	}
}

// Holding is one assignment that holds for a principal at a scope.
type Holding struct {
	Assignment *RoleAssignment
	Role       *Role
	Via        guid.GUID // the group it is for; zero if it is for the principal itself
}

// Holdings returns what a principal has at a scope, by its own assignments there and above and by those of its groups,
// transitively. Conditions and deny assignments are not looked at.
func Holdings(policy Policy, principal guid.GUID, scope resource.ID) []Holding {
	at := lineage(policy, scope)
	who := holders{list: []guid.GUID{principal}}.complete(policy)
	var held []Holding
	for i, holder := range who.list {
		via := holder
		if i == 0 {
			via = guid.GUID{}
		}
		for a := range policy.Grants(holder).All() {
			if role := policy.Role(a.Role); role != nil && at.covers(a.Scope) {
				held = append(held, Holding{a, role, via})
			}
		}
	}
	return held
}

func (s scopes) covers(scope resource.ID) bool {
	for i := range s {
		if same(s[i].id, string(scope)) {
			return true
		}
	}
	return false
}
