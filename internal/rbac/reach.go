package rbac

// Reach is how far a role goes, wherever it is assigned.
type Reach struct {
	Everything  bool // it changes things of any kind, or reads all data: it has the action * or what is as good as that
	GivesAccess bool // who has it may give any role to anybody, himself included
}

// Reach judges a role by what it allows, so that a custom role with the actions of Owner reaches as far as Owner.
// Exceptions count; a condition holds back the right to give access, as in the roles that are made for that, but not the
// rest.
func (r *Role) Reach() Reach {
	var reach Reach
	for i := range r.permissions {
		p := &r.permissions[i]
		for _, verb := range []string{"write", "delete", "do/action"} {
			reach.Everything = reach.Everything || p.allows(ControlAction("Any.Provider/things/"+verb))
		}
		reach.Everything = reach.Everything || p.allows(DataAction("Any.Provider/things/read"))
		reach.GivesAccess = reach.GivesAccess || p.condition == nil && p.allows(ControlAction(writeAssignments))
	}
	return reach
}

const writeAssignments = "Microsoft.Authorization/roleAssignments/write"

// allows reports whether the permission has the action and does not except it.
func (p *permission) allows(a Action) bool {
	has, excepted := p.has(a)
	return has && !excepted
}
