package state

import (
	"slices"
	"sync"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/store"
)

// applyAssignment takes in the assignment of a record, which may have been decoded already.
func (a *access) applyAssignment(r store.Record, decoded arrival) error {
	if !a.roleAssignments.empty() {
		id, err := guid.Parse(r.ID)
		if err != nil {
			return err
		}
		if old, ok := a.roleAssignments.get(id); ok {
			a.revoke(old)
		}
	}
	if r.Deleted {
		return nil
	}
	if decoded.RoleAssignment == nil {
		assignment, err := decode[rbac.RoleAssignment](r)
		if err != nil {
			return err
		}
		decoded = arrival{assignment, rbac.PathOf(assignment.Scope)}
	}
	if a.coming == nil {
		a.coming = &arrivals{settled: a.assignedAt}
	}
	a.coming.add(decoded)
	return nil
}

// settle puts the assignments that came since the last time into the tables, many into each at the same time.
func (a *access) settle() {
	coming := a.coming
	if coming == nil {
		return
	}
	a.coming = nil
	if coming.n == 1 {
		one := []arrivalKey{{arrival: &coming.first}}
		a.settleOneAt(one[0])
		a.settleOf(one)
		a.settleAll(one)
		return
	}
	var tables sync.WaitGroup
	tables.Go(func() { eachRun(coming.sorted((*arrival).pathHash), samePath, a.settleAt) })
	tables.Go(func() { eachRun(coming.sorted((*arrival).principalHash), samePrincipal, a.settleOf) })
	tables.Go(func() { a.settleAll(coming.sorted((*arrival).idHash)) })
	tables.Wait()
}

// settleOneAt adds one arrival.
func (a *access) settleOneAt(one arrivalKey) {
	there, _ := a.assignedAt.get(one.path.Marks)
	one.Scope = scopeText(there, one.Scope)
	i, _ := slices.BinarySearchFunc(there, one.RoleAssignment, compareAssignment)
	a.assignedAt.set(one.path.Marks, slices.Concat(there[:i], []*rbac.RoleAssignment{one.RoleAssignment}, there[i:]))
}

// settleAt adds arrivals with one path.
func (a *access) settleAt(coming []arrivalKey) {
	path := coming[0].path.Marks
	there, _ := a.assignedAt.get(path)
	more := append(make([]*rbac.RoleAssignment, 0, len(there)+len(coming)), there...)
	for _, c := range coming {
		more = append(more, c.RoleAssignment)
	}
	slices.SortFunc(more, compareAssignment)
	a.assignedAt.set(path, more)
}

// settleOf adds arrivals of one principal.
func (a *access) settleOf(coming []arrivalKey) {
	var room [16]rbac.Grant
	more := room[:0]
	for _, c := range coming {
		more = append(more, rbac.NewGrant(c.RoleAssignment, c.path.Mark, a.builtIn.Role(c.Role)))
	}
	principal := coming[0].Principal
	grants, _ := a.grants.get(principal)
	a.grants.set(principal, grants.With(more...))
}

// settleAll adds arrivals to the table of all.
func (a *access) settleAll(coming []arrivalKey) {
	for _, c := range coming {
		a.countUse(c.Role, 1)
	}
	if len(coming) > 1 && a.roleAssignments.empty() {
		rows := make([]row[guid.GUID, *rbac.RoleAssignment], len(coming))
		for i, c := range coming {
			rows[i] = row[guid.GUID, *rbac.RoleAssignment]{c.ID, c.RoleAssignment}
		}
		a.roleAssignments = trieOf(hashGUID, rows)
		return
	}
	for _, c := range coming {
		a.roleAssignments.set(c.ID, c.RoleAssignment)
	}
}

// revoke takes an assignment out of the tables.
func (a *access) revoke(assignment *rbac.RoleAssignment) {
	a.roleAssignments.delete(assignment.ID)
	putInto(&a.assignedAt, rbac.PathOf(assignment.Scope).Marks, assignment, compareAssignment, false)
	a.countUse(assignment.Role, -1)
	grants, _ := a.grants.get(assignment.Principal)
	if grants = grants.Without(assignment); grants.Len() > 0 {
		a.grants.set(assignment.Principal, grants)
	} else {
		a.grants.delete(assignment.Principal)
	}
}

// countUse counts the assignments of a role that can be deleted only when it has none.
func (a *access) countUse(role guid.GUID, more int) {
	if a.builtIn.Role(role) != nil {
		return
	}
	used, _ := a.rolesUsed.get(role)
	put1(&a.rolesUsed, role, used+more, used+more > 0)
}

func compareAssignment(a, b *rbac.RoleAssignment) int { return compareGUID(a.ID, b.ID) }
