package rbac

import (
	"slices"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

// Policy is what Check looks things up in. What it returns is shared and does not change. None of it may depend on who
// asks or when, so that the same request at the same policy has one answer.
type Policy interface {
	// MemberOf returns the groups that principal is a direct member of.
	MemberOf(principal guid.GUID) []guid.GUID
	// Grants returns the role assignments of principal itself.
	Grants(principal guid.GUID) Grants
	// Denies returns the deny assignments.
	Denies() Denies
	// Role returns the role definition with the id, or nil.
	Role(id guid.GUID) *Role
	// Place returns the place of a subscription or a management group in the tree; nil for any other scope. The group
	// above something that is not there is the root group, where a deny assignment may be that must not be missed. mark
	// is that of scope.
	Place(scope string, mark Mark) *Place
}

// Place is where a subscription or a management group stands.
type Place struct {
	Scope     string // of a management group; "" for a subscription
	Mark      Mark   // of Scope
	Above     string // the Scope of the management group above; "" for the root
	AboveMark Mark
}

// maxPlaces bounds the way up, should records be wrong and make it a circle. Resource Manager allows six levels below
// the root.
const maxPlaces = 16

// Request is what a principal wants to do.
type Request struct {
	Principal  guid.GUID
	Action     Action
	Scope      resource.ID // what it is done to
	Attributes []Attribute // what conditions may ask for
	Whatever   bool        // conditions must be true whatever the attributes are that it does not tell
}

// Check decides a request. It allocates nothing, unless there are more than 12 scopes or 32 groups above, or letters
// beyond ASCII in the scope.
func Check(policy Policy, request Request) Decision {
	var levelRoom [12]level
	var holderRoom [32]guid.GUID
	grants := policy.Grants(request.Principal) // asked first: memory is slow, and meanwhile the scope is taken apart
	at := pathTo(levelRoom[:0], request.Scope)
	who := holders{list: append(holderRoom[:0], request.Principal)}
	whole := false // the management groups are in at
	d := Decision{Principal: request.Principal, Action: request.Action, Scope: request.Scope}
	if denies := policy.Denies(); denies.Len() > 0 {
		if at, whole = at.withGroups(policy), true; at.mayDeny(denies, &request) {
			who = who.complete(policy)
			if at.denied(denies, &request, who, &d) {
				return d
			}
		}
	}
	for i := 0; i < len(who.list); i++ { // grows as the groups of each holder are added
		if i > 0 {
			grants = policy.Grants(who.list[i])
		}
		if grants.high > 0 && !whole {
			at, whole = at.withGroups(policy), true
		}
		if at.allowed(policy, &request, grants, who.list[i], &d) {
			return d
		}
		who = who.expand(policy, i)
	}
	return d
}

// Lineage returns the scopes at which assignments hold for scope: the tenant, the management groups from the root down,
// and the levels of scope itself.
func Lineage(policy Policy, scope resource.ID) []resource.ID {
	levels := lineage(policy, scope)
	own := 1 + slices.IndexFunc(levels, func(l level) bool { return l.own })
	ids := []resource.ID{Tenant}
	for _, l := range slices.Backward(levels[own:]) {
		ids = append(ids, resource.ID(l.id))
	}
	for _, l := range levels[1:own] {
		ids = append(ids, resource.ID(l.id))
	}
	return ids
}

// lineage returns the tenant, scope's own levels and the management groups above them, from the lowest up.
func lineage(policy Policy, scope resource.ID) scopes { return pathTo(nil, scope).withGroups(policy) }

// pathTo appends the tenant and scope's own levels.
func pathTo(levels []level, scope resource.ID) scopes {
	levels = levelsOf(append(levels, level{mark: tenantMark, id: string(Tenant)}), scope)
	levels[len(levels)-1].own = true
	return levels
}

// withGroups appends the management groups above those of a scope's own path.
func (s scopes) withGroups(policy Policy) scopes {
	if len(s) == 1 {
		return s
	}
	for place, n := policy.Place(s[1].id, s[1].mark), 0; place != nil && place.Above != "" && n < maxPlaces; n++ {
		if place = policy.Place(place.Above, place.AboveMark); place != nil && place.Scope != "" {
			s = append(s, level{mark: place.Mark, id: place.Scope})
		}
	}
	return s
}

// holders are a principal and, as far as they have been added, the groups it is in, each once. Methods return another value
// instead of changing this one: what is stored behind a pointer goes to the heap.
type holders struct {
	list []guid.GUID
	upTo int                // those before it have had their groups added
	seen map[guid.GUID]bool // where there are many
}

// expand adds the groups of holder i.
func (h holders) expand(policy Policy, i int) holders {
	if i < h.upTo {
		return h
	}
	h.upTo = i + 1
	for _, group := range policy.MemberOf(h.list[i]) {
		if h.has(group) {
			continue
		}
		h.list = append(h.list, group)
		if h.seen != nil {
			h.seen[group] = true
		}
	}
	const few = 64
	if h.seen == nil && len(h.list) > few {
		h.seen = make(map[guid.GUID]bool, 4*few)
		for _, id := range h.list {
			h.seen[id] = true
		}
	}
	return h
}

// complete adds all groups.
func (h holders) complete(policy Policy) holders {
	for i := 0; i < len(h.list); i++ {
		h = h.expand(policy, i)
	}
	return h
}

func (h holders) has(id guid.GUID) bool {
	if h.seen != nil {
		return h.seen[id]
	}
	for i := range h.list {
		if h.list[i] == id {
			return true
		}
	}
	return false
}

// among returns which of the targets is one of the holders, or Everyone.
func (h holders) among(targets []Target) (guid.GUID, bool) {
	for _, t := range targets {
		if t.ID == Everyone && t.Type == TypeSystemDefined || h.has(t.ID) {
			return t.ID, true
		}
	}
	return guid.GUID{}, false
}

// scopes are those at which assignments hold for a request. The policy is an argument of each method: in one struct with
// them it would take them to the heap, as the compiler cannot see what an interface keeps.
type scopes []level

// mayDeny reports whether any deny assignment takes the action away, from whomever. Where none does, which is nearly
// always, the groups of the principal need not be known yet.
func (s scopes) mayDeny(denies Denies, request *Request) bool {
	for i := range s {
		for _, deny := range denies.at(s[i].mark) {
			if s.takes(deny, i, request) {
				return true
			}
		}
	}
	return false
}

// takes reports whether a deny assignment found at the mark of scope i takes the action away.
func (s scopes) takes(deny *Deny, i int, request *Request) bool {
	return same(string(deny.Scope), s[i].id) && (!deny.NotBelow || s[i].own) && deny.takes(request)
}

// denied looks for a deny assignment that meets the request.
func (s scopes) denied(denies Denies, request *Request, who holders, d *Decision) bool {
	for i := range s {
		for _, deny := range denies.at(s[i].mark) {
			if !s.takes(deny, i, request) {
				continue
			}
			via, met := who.among(deny.Principals)
			if _, spared := who.among(deny.Exclude); !met || spared {
				continue
			}
			d.Outcome, d.Deny = Denied, deny
			if via != request.Principal {
				d.Via = via
			}
			return true
		}
	}
	return false
}

// allowed looks among the grants of holder for one that allows the request.
func (s scopes) allowed(policy Policy, request *Request, grants Grants, holder guid.GUID, d *Decision) bool {
	for n := range s {
		for like := grants.hints.like(s[n].mark); like != 0; like &= like - 1 {
			if g := grants.hinted(like); g != nil && g.mark == s[n].mark && s.allows(policy, request, g, n, holder, d) {
				return true
			}
		}
	}
	if grants.many == nil {
		return false
	}
	for n := range s {
		for g := range grants.at(s[n].mark) {
			if s.allows(policy, request, g, n, holder, d) {
				return true
			}
		}
	}
	return false
}

// allows reports whether an assignment found at the mark of scope n allows the request, and notes how near it came. Only
// of one whose role has the action it looks at the scope itself, which may be another one with the same mark.
func (s scopes) allows(policy Policy, request *Request, g *Grant, n int, holder guid.GUID, d *Decision) bool {
	d.Looked++
	role := g.role(policy)
	if role == nil {
		return false
	}
	ok, miss := role.allows(request)
	if miss == MissAction || !same(string(g.scope), s[n].id) {
		return false
	}
	if ok && !request.meets(g.condition) {
		ok, miss = false, MissCondition
	}
	if ok || miss > d.Miss {
		d.Assignment, d.Role, d.Miss, d.Via = g.assignment, role, miss, guid.GUID{}
		if holder != request.Principal {
			d.Via = holder
		}
	}
	if ok {
		d.Outcome = Allowed
	}
	return ok
}

// meets reports whether a condition of what allows the request holds for it.
func (r *Request) meets(c *Condition) bool {
	if r.Whatever {
		return c.Certain(r)
	}
	return c.Holds(r)
}
