package arm

import (
	"bytes"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
)

// conditionOf is the condition with which a role is proposed in the place of an assignment. What that was limited by stays,
// as far as it says anything about the role; who gives access, where that is too much, keeps it for the roles that he gave.
func (r *review) conditionOf(f *accessFinding, p rbac.Proposal) string {
	keep := f.assignment.Condition
	if keep != "" {
		if c, err := rbac.ParseCondition(keep); err == nil && c.IsIdle(p.Role) {
			keep = ""
		}
	}
	if kind, _, _ := r.tooMuch(r.proposed(f, p, keep), p.Role); kind == "" || !r.reach(p.Role).GivesAccess {
		return keep
	}
	given := r.givenRoles(f)
	if len(given) == 0 {
		return keep
	}
	limit := rbac.OnlyRoles(given)
	if keep == "" {
		return limit
	}
	both := "(" + keep + ") AND (" + limit + ")"
	if _, err := rbac.ParseCondition(both); err != nil { // it became too long
		return keep
	}
	return both
}

// Bounds of finding out which roles somebody gave.
const (
	maxGivenRoles = 10
	maxLookedAt   = 10_000 // assignments
)

// givenRoles are the roles that the holders of an assignment gave at its scope and below, in the order of their ids; none if
// they were many. Whoever looks must be allowed to see them all, as he is if he may see the assignment.
func (r *review) givenRoles(f *accessFinding) (roles []guid.GUID) {
	holders, looked := map[guid.GUID]bool{}, 0
	for _, holder := range r.holders(f.who) {
		holders[holder] = true
	}
	add := func(a *rbac.RoleAssignment) bool {
		looked++
		if holders[a.CreatedBy] && a.ID != f.assignment.ID && !slices.Contains(roles, a.Role) {
			roles = append(roles, a.Role)
		}
		return looked <= maxLookedAt && len(roles) <= maxGivenRoles
	}
	for a := range r.dir.AssignmentsAt(f.at) {
		if !add(a) {
			return nil
		}
	}
	for a := range r.dir.AssignmentsBelow(f.at) {
		if !add(a) {
			return nil
		}
	}
	slices.SortFunc(roles, func(a, b guid.GUID) int { return bytes.Compare(a[:], b[:]) })
	return roles
}

// storePlaces are the vaults and storage accounts below the scope of an assignment of which its role has data, or the
// resource groups that they are in; few is false if even these are many.
func (r *review) storePlaces(f *accessFinding) (places []resource.ID, few bool) {
	groups := map[resource.Key]resource.ID{}
	for _, store := range r.storesBelow(f.at) {
		namespace, _, _ := strings.Cut(store.ID.Type(), "/")
		if f.role.HasDataOf(namespace) {
			places = append(places, store.ID)
			groups[store.ID.GroupID().Key()] = store.ID.GroupID()
		}
	}
	if len(places) <= maxWorkplaces {
		return places, true
	}
	places = places[:0]
	for _, id := range groups {
		places = append(places, id)
	}
	slices.Sort(places)
	return places, len(places) <= maxWorkplaces
}

// storesBelow returns the vaults and storage accounts below a scope.
func (r *review) storesBelow(scope resource.ID) []*resource.Resource {
	found, known := r.stores[scope]
	if known {
		return found
	}
	for _, prefix := range r.prefixes(scope) {
		for store := range r.dir.Resources(prefix) {
			if kind := store.ID.Type(); strings.EqualFold(kind, resource.TypeVault) || strings.EqualFold(kind, typeAccount) {
				found = append(found, store)
			}
		}
	}
	r.stores[scope] = found
	return found
}
