package state

import (
	"slices"
	"sync"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/store"
)

// arrivals are role assignments on their way into the tables: while records are applied they gather, and settle puts in
// at once what belongs together. Where there are many, as when all is loaded, that takes a third of the time, leaves no
// garbage and stands closer in memory. A key comes once in a batch of records, so that nobody misses them meanwhile.
type arrivals struct {
	chunks [][]arrival // of arrivalChunk each, except the last: to grow one slice would copy all again and again
	n      int32
	at     map[[3]rbac.Mark]*arrivalsAt // by path; nil while there is but one in all
	of     map[guid.GUID]*int32         // by principal: the last one
}

type arrival struct {
	rbac.Grant
	assignment         *rbac.RoleAssignment
	path               [3]rbac.Mark
	beforeAt, beforeOf int32 // the one before it with the same path, and of the same principal; -1 for none
}

type arrivalsAt struct {
	last  int32
	scope resource.ID // of the first
}

const arrivalChunk = 1024

func (c *arrivals) get(i int32) *arrival { return &c.chunks[i/arrivalChunk][i%arrivalChunk] }

func (c *arrivals) add(a arrival) {
	if c.n%arrivalChunk == 0 {
		c.chunks = append(c.chunks, nil)
	}
	last := &c.chunks[len(c.chunks)-1]
	*last = append(*last, a)
	c.n++
}

func (a *access) applyAssignment(r store.Record) error {
	if a.roleAssignments.len() > 0 || r.Deleted {
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
	assignment, err := decode[rbac.RoleAssignment](r)
	if err != nil {
		return err
	}
	a.arrive(assignment)
	return nil
}

// arrive adds an assignment to those on their way. Equal scopes become one text: that is less to keep, and to fetch for a
// check.
func (a *access) arrive(assignment *rbac.RoleAssignment) {
	if a.coming == nil {
		a.coming = &arrivals{}
	}
	coming, path := a.coming, rbac.PathOf(assignment.Scope)
	new := arrival{path: path.Marks, assignment: assignment, beforeAt: -1, beforeOf: -1}
	if coming.n > 0 {
		coming.link(&new)
	}
	if new.beforeAt < 0 && a.assignedAt.len() > 0 {
		if there, ok := a.assignedAt.get(path.Marks); ok {
			useText(assignment, there[0].Scope)
		}
	}
	new.Grant = rbac.NewGrant(assignment, path.Mark)
	coming.add(new)
}

func useText(a *rbac.RoleAssignment, scope resource.ID) {
	if a.Scope == scope {
		a.Scope = scope
	}
}

// link says which arrivals came before a new one with the same path and of the same principal, and that it is the last
// now. The first one is linked with the second, as mostly there is none.
func (c *arrivals) link(new *arrival) {
	if c.n == 1 {
		first := c.get(0)
		c.at = map[[3]rbac.Mark]*arrivalsAt{first.path: {0, first.assignment.Scope}}
		c.of = map[guid.GUID]*int32{first.assignment.Principal: pointer(0)}
	}
	if at := c.at[new.path]; at == nil {
		c.at[new.path] = &arrivalsAt{c.n, new.assignment.Scope}
	} else {
		new.beforeAt, at.last = at.last, c.n
		useText(new.assignment, at.scope)
	}
	if last := c.of[new.assignment.Principal]; last == nil {
		c.of[new.assignment.Principal] = pointer(c.n)
	} else {
		new.beforeOf, *last = *last, c.n
	}
}

func pointer(n int32) *int32 { return &n }

// settle puts the assignments that came since the last time into the tables. Many go into each at the same time.
func (a *access) settle() {
	coming := a.coming
	if coming == nil {
		return
	}
	a.coming = nil
	if coming.n == 1 {
		one := coming.get(0).assignment
		a.settleAt(coming, 0)
		a.settleOf(coming, 0)
		a.roleAssignments.set(one.ID, one)
		a.countUse(one.Role, 1)
		return
	}
	var tables sync.WaitGroup
	tables.Go(func() {
		for _, at := range coming.at {
			a.settleAt(coming, at.last)
		}
	})
	tables.Go(func() {
		for _, last := range coming.of {
			a.settleOf(coming, *last)
		}
	})
	tables.Go(func() { a.settleAll(coming) })
	tables.Wait()
}

// settleAt adds the arrivals with the path of last, which is the last of them.
func (a *access) settleAt(coming *arrivals, last int32) {
	path := coming.get(last).path
	there, _ := a.assignedAt.get(path)
	more := append(make([]*rbac.RoleAssignment, 0, len(there)+1), there...)
	for i := last; i >= 0; i = coming.get(i).beforeAt {
		more = append(more, coming.get(i).assignment)
	}
	slices.SortFunc(more, compareAssignment)
	a.assignedAt.set(path, more)
}

// settleOf adds the arrivals of the principal of last, which is the last of them.
func (a *access) settleOf(coming *arrivals, last int32) {
	principal := coming.get(last).assignment.Principal
	var room [8]rbac.Grant
	more := room[:0]
	for i := last; i >= 0; i = coming.get(i).beforeOf {
		more = append(more, coming.get(i).Grant)
	}
	grants, _ := a.grants.get(principal)
	a.grants.set(principal, grants.With(more...))
}

// settleAll adds the arrivals to the table of all, in order, because then each finds its place in the cache.
func (a *access) settleAll(coming *arrivals) {
	rows, uses := make([]row[guid.GUID, *rbac.RoleAssignment], coming.n), map[guid.GUID]int{}
	for i := range coming.n {
		assignment := coming.get(i).assignment
		rows[i] = row[guid.GUID, *rbac.RoleAssignment]{assignment.ID, assignment}
		uses[assignment.Role]++
	}
	slices.SortFunc(rows, func(x, y row[guid.GUID, *rbac.RoleAssignment]) int { return compareGUID(x.key, y.key) })
	for _, r := range rows {
		a.roleAssignments.set(r.key, r.value)
	}
	for role, n := range uses {
		a.countUse(role, n)
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

func (a *access) countUse(role guid.GUID, more int) {
	used, _ := a.rolesUsed.get(role)
	put1(&a.rolesUsed, role, used+more, used+more > 0)
}

func compareAssignment(a, b *rbac.RoleAssignment) int { return compareGUID(a.ID, b.ID) }
