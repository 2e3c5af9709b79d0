package arm

import (
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

// remedy is the command that puts a finding right; "" if what is there is needed as it is, as far as is known.
func (r *review) remedy(f *accessFinding) (string, error) {
	switch f.kind {
	case unattachedIdentity:
		return apierr.Command("inborn identity delete %s", f.at), nil
	case unusedIdentity:
		if f.identity == nil {
			return apierr.Command("inborn identity unassign %s --system", f.at), nil
		}
		return apierr.Command("inborn identity delete %s", f.at), nil
	case identityName:
		return r.renamed(f.identity), nil
	case broadAppRole:
		return r.narrowerAppRole(f), nil
	}
	return r.narrowerRole(f)
}

// narrowerAppRole gives what Microsoft Graph offers for less, if it does, and takes the broad app role away.
func (r *review) narrowerAppRole(f *accessFinding) string {
	graph, app := r.graph()
	who, what := r.dir.Reference(f.who), r.dir.Reference(graph.ID)
	revoke := apierr.Command("inborn revoke %s %s %s", who, what, f.appRole)
	if narrower := directory.NarrowerGraphRole(app, f.appRole); narrower != "" {
		return apierr.Command("inborn grant %s %s %s", who, what, narrower) + " && " + revoke
	}
	return revoke
}

// narrowerRole gives roles that are enough and takes the assignment away.
func (r *review) narrowerRole(f *accessFinding) (string, error) {
	who := r.dir.Reference(f.who)
	remove := "inborn role remove" + held(who, f.role, f.at)
	if f.unused {
		return remove, nil
	}
	proposals, enough, err := r.proposals(f)
	if err != nil || !enough {
		return "", err
	}
	var steps, last []string
	for _, p := range proposals {
		step := assigned(who, p.Role, p.Scope, r.conditionOf(f, p))
		if p.Role.ID == f.role.ID && rbac.SameScope(p.Scope, f.at) { // the same with a condition, for which there is no room before
			last = append(last, step)
		} else {
			steps = append(steps, step)
		}
	}
	return strings.Join(slices.Concat(steps, []string{remove}, last), " && "), nil
}

// assigned is the command that gives a principal a role.
func assigned(who string, role *rbac.Role, scope resource.ID, condition string) string {
	command := "inborn role assign" + held(who, role, scope)
	if condition != "" {
		command += apierr.Command(" --condition %s", condition)
	}
	return command
}

// held are the flags that name a principal, a role and a scope.
func held(who string, role *rbac.Role, scope resource.ID) string {
	return apierr.Command(" --principal %s --role %s --scope %s", who, state.RoleReference(role), scope)
}

// proposals are the roles that would do in the place of one: by what it was needed for, or if that is not known by where
// its holder is at work, or where there is what the role is for. None may be enough, too. What would be found again at
// the next review is not proposed.
func (r *review) proposals(f *accessFinding) (all []rbac.Proposal, enough bool, err error) {
	needs, err := r.neededFor(f.assignment)
	fits := func(p rbac.Proposal) bool { return r.fits(f, p) }
	switch {
	case err != nil || needs.More:
		return nil, false, err
	case len(needs.List) > 0:
		if all = r.dir.Ranking().Narrower(f.role, f.at, needs.List, fits); all == nil && r.reach(f.role).GivesAccess {
			all = []rbac.Proposal{{Role: f.role, Scope: f.at}} // limited to the roles that it was used to give
		}
		return all, len(all) > 0 && !slices.ContainsFunc(all, func(p rbac.Proposal) bool { return !r.fits(f, p) }), nil
	}
	guesses := r.guesses(f)
	for _, guess := range guesses {
		if !slices.ContainsFunc(guess, func(p rbac.Proposal) bool { return !r.fits(f, p) }) {
			return guess, true, nil
		}
	}
	return nil, false, nil
}

// fits reports whether a review would find nothing in what is proposed in the place of an assignment.
func (r *review) fits(f *accessFinding, p rbac.Proposal) bool {
	kind, _, _ := r.tooMuch(r.proposed(f, p, r.conditionOf(f, p)), p.Role)
	return kind == ""
}

// proposed is a proposal as if it were made.
func (r *review) proposed(f *accessFinding, p rbac.Proposal, condition string) *rbac.RoleAssignment {
	return &rbac.RoleAssignment{Principal: f.who, PrincipalType: f.assignment.PrincipalType, Role: p.Role.ID, Scope: p.Scope, Condition: condition}
}

// guesses are proposals for whoever has not used his role yet, the least loss first.
func (r *review) guesses(f *accessFinding) (all [][]rbac.Proposal) {
	at := func(role *rbac.Role, scopes []resource.ID) (guess []rbac.Proposal) {
		for _, scope := range scopes {
			guess = append(guess, rbac.Proposal{Role: role, Scope: scope})
		}
		return guess
	}
	if reach := r.reach(f.role); reach.Data > rbac.NoData && !reach.Everything && !reach.GivesAccess {
		if stores, few := r.storePlaces(f); few { // none at all: nothing is lost with the role
			all = append(all, at(f.role, stores))
		}
		return all
	}
	roles := []*rbac.Role{f.role, r.dir.Role(rbac.Reader)}
	if f.role.ID == rbac.Owner {
		roles = slices.Insert(roles, 1, r.dir.Role(rbac.Contributor))
	}
	places := [][]resource.ID{{f.at}}
	if there := r.workplaces(f); len(there) > 0 && len(there) <= maxWorkplaces {
		places = [][]resource.ID{there, {f.at}}
	}
	for _, there := range places {
		for _, role := range roles {
			all = append(all, at(role, there))
		}
	}
	return all
}

// neededFor returns what an assignment was needed for, as far as that is still there.
func (r *review) neededFor(a *rbac.RoleAssignment) (rbac.Needs, error) {
	if r.NeedsOf == nil {
		return rbac.Needs{}, nil
	}
	had, err := r.NeedsOf(r.r.Context(), r.dir.Tenant().ID, a.ID)
	needs := rbac.Needs{More: had.More}
	for _, need := range had.List {
		scope, ok := r.dir.Existing(need.Scope)
		gone := !ok || !rbac.Within(scope, need.Scope) || (scope.Group() == "") != (need.Scope.Group() == "")
		if !gone {
			need.Scope = scope
			needs.Add(need)
		}
	}
	return needs, err
}

// maxWorkplaces bounds how many assignments are proposed in the place of one.
const maxWorkplaces = 3

// workplaces are the resource groups below the scope of an assignment to which other facts about its holder point: the
// resources that have the identity, and what else was assigned to it.
func (r *review) workplaces(f *accessFinding) []resource.ID {
	found := map[resource.Key]resource.ID{}
	add := func(id resource.ID) {
		group, ok := r.dir.ResourceGroup(id.GroupID())
		if ok && r.isBelow(f.at, group.ID) && r.mayRead(group.ID) {
			found[group.ID.Key()] = group.ID
		}
	}
	for other := range r.dir.Grants(f.who).All() {
		add(other.Scope)
	}
	for _, workload := range r.workloadsIn(f.assignment) {
		if len(found) > maxWorkplaces {
			break
		}
		r.addWorkplaces(workload, add)
	}
	all := make([]resource.ID, 0, len(found))
	for _, id := range found {
		all = append(all, id)
	}
	slices.Sort(all)
	return all
}

// addWorkplaces adds the resources that have a managed identity, or where it is itself.
func (r *review) addWorkplaces(workload guid.GUID, add func(resource.ID)) {
	sp, ok := r.dir.ServicePrincipal(workload)
	if !ok || sp.Type != directory.TypeManagedIdentity {
		return
	}
	attached := false
	for user := range r.dir.IdentityUsers(resource.ID(sp.ResourceID)) {
		add(user.ID)
		attached = true
	}
	if !attached { // a system-assigned one, or one that nobody has yet
		add(resource.ID(sp.ResourceID))
	}
}

// isBelow reports whether inner lies below outer.
func (r *review) isBelow(outer, inner resource.ID) bool {
	return !rbac.SameScope(outer, inner) && slices.ContainsFunc(rbac.Lineage(r.dir, inner), func(above resource.ID) bool {
		return rbac.SameScope(outer, above)
	})
}
