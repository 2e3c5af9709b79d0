package rbac

// Role is a role definition made ready to be checked. It does not change.
type Role struct {
	*RoleDefinition
	permissions []permission
}

// NewRole makes a definition ready; the definition must not change any more.
func NewRole(d *RoleDefinition) *Role { return &Role{d, newPermissions(d.Permissions)} }

// permission is a Permission made ready.
type permission struct {
	control, notControl, data, notData []pattern
	condition                          *Condition // nil for none
}

func newPermissions(list []Permission) []permission {
	ready := make([]permission, len(list))
	for i, p := range list {
		ready[i] = permission{
			control: newPatterns(p.Actions), notControl: newPatterns(p.NotActions),
			data: newPatterns(p.DataActions), notData: newPatterns(p.NotDataActions),
			condition: mustHold(p.Condition),
		}
	}
	return ready
}

// has reports whether the permission has the action before its exceptions, and whether they except it.
func (p *permission) has(a Action) (has, excepted bool) {
	if a.data {
		return anyMatch(p.data, a.lower), anyMatch(p.notData, a.lower)
	}
	return anyMatch(p.control, a.lower), anyMatch(p.notControl, a.lower)
}

// allows reports whether some permission of the role allows what r asks for; if not, what came nearest to it.
func (r *Role) allows(request *Request) (bool, Miss) {
	nearest := MissAction
	for i := range r.permissions {
		p := &r.permissions[i]
		has, excepted := p.has(request.Action)
		switch {
		case !has:
		case excepted:
			nearest = max(nearest, MissException)
		case !request.meets(p.condition):
			nearest = max(nearest, MissRoleCondition)
		default:
			return true, MissNone
		}
	}
	return false, nearest
}

// HasDataActions reports whether the role grants any data action.
func (d *RoleDefinition) HasDataActions() bool {
	for _, p := range d.Permissions {
		if len(p.DataActions) > 0 {
			return true
		}
	}
	return false
}
