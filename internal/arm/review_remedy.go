package arm

import (
	"slices"
	"strings"
	"sync"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
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
	who, what := r.reference(f.who), r.reference(graph.ID)
	revoke := apierr.Command("inborn revoke %s %s %s", who, what, f.appRole)
	if narrower := directory.NarrowerGraphRole(app, f.appRole); narrower != "" {
		return apierr.Command("inborn grant %s %s %s", who, what, narrower) + " && " + revoke
	}
	return revoke
}

// narrowerRole gives roles that are enough and takes the assignment away.
func (r *review) narrowerRole(f *accessFinding) (string, error) {
	remove := "inborn role remove" + held(r.reference(f.who), f.role, f.at)
	if f.unused {
		return remove, nil
	}
	proposals, err := r.proposals(f)
	if err != nil || len(proposals) == 0 {
		return "", err
	}
	var steps []string
	for _, p := range proposals { // what was limited by a condition stays so
		steps = append(steps, assigned(r.reference(f.who), p.Role, p.Scope, f.assignment.Condition))
	}
	return strings.Join(append(steps, remove), " && "), nil
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
	name := role.Name
	if !role.BuiltIn { // whose name may be anything
		name = role.ID.String()
	}
	return apierr.Command(" --principal %s --role %s --scope %s", who, name, scope)
}

// proposals are the roles that would do in the place of a broad one: by what it was needed for, or if that is not known by
// where its holder is at work.
func (r *review) proposals(f *accessFinding) ([]rbac.Proposal, error) {
	needs, err := r.neededFor(f.assignment)
	switch {
	case err != nil || needs.More:
		return nil, err
	case len(needs.List) > 0:
		return r.ranking().Narrower(f.role, f.at, needs.List), nil
	}
	role, there := r.stepDown(f), r.workplaces(f)
	if len(there) == 0 || len(there) > maxWorkplaces {
		return []rbac.Proposal{{Role: role, Scope: f.at}}, nil
	}
	if reach := r.reach(f.role); !reach.GivesAccess || !reach.Everything && f.kind == broadRole {
		role = f.role // the same, but only where it is needed
	}
	var all []rbac.Proposal
	for _, scope := range there {
		all = append(all, rbac.Proposal{Role: role, Scope: scope})
	}
	return all, nil
}

// neededFor returns what an assignment was needed for, as far as that is still there.
func (r *review) neededFor(a *rbac.RoleAssignment) (rbac.Needs, error) {
	if r.NeedsOf == nil {
		return rbac.Needs{}, nil
	}
	had, err := r.NeedsOf(r.r.Context(), r.dir.Tenant().ID, a.ID)
	needs := rbac.Needs{More: had.More}
	for _, need := range had.List {
		if scope, ok := r.existing(need.Scope); ok {
			need.Scope = scope
			needs.Add(need)
		}
	}
	return needs, err
}

// existing returns a scope at which a role can be assigned: the scope itself, or the group above a resource that is gone.
func (r *review) existing(scope resource.ID) (resource.ID, bool) {
	subscription, err := guid.Parse(scope.Subscription())
	if err != nil {
		name, _ := rbac.ManagementGroupName(scope)
		_, isGroup := r.dir.ManagementGroup(name)
		return scope, scope == rbac.Tenant || isGroup
	}
	if _, ok := r.dir.Subscription(subscription); !ok {
		return "", false
	}
	group, ok := r.dir.ResourceGroup(scope.GroupID())
	if scope.Group() == "" || !ok {
		return scope, scope.Group() == ""
	}
	for _, level := range rbac.Levels(scope) {
		if level.Type() == "" {
			continue
		}
		_, isResource := r.dir.Resource(level)
		_, isIdentity := r.dir.Identity(level)
		if !isResource && !isIdentity {
			return group.ID, true
		}
		break
	}
	return scope, true
}

// newRanking returns what ranks the built-in roles, once somebody needs it.
func newRanking() func() *rbac.Ranking {
	return sync.OnceValue(func() *rbac.Ranking {
		catalog, err := rbac.BuiltIn()
		if err != nil { // with which no View could be there either
			return rbac.NewRanking(nil)
		}
		return rbac.NewRanking(catalog.Roles())
	})
}

// stepDown is the next smaller of the general roles: without the right to give access, then without the right to change.
func (r *review) stepDown(f *accessFinding) *rbac.Role {
	if f.role.ID == rbac.Owner {
		return r.dir.Role(rbac.Contributor)
	}
	return r.dir.Role(rbac.Reader)
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

// reference is how a command names a principal: by a name if that is sure to lead to it and easy to read, else by its id.
func (r *review) reference(id guid.GUID) string {
	name := ""
	if user, ok := r.dir.User(id); ok {
		name = user.UPN
	} else if sp, ok := r.dir.ServicePrincipal(id); ok {
		name = sp.DisplayName
	}
	for other := range r.dir.ServicePrincipalsNamed(name) {
		if other.ID != id {
			return id.String()
		}
	}
	if _, err := guid.Parse(name); err == nil || !isPlainName(name) {
		return id.String()
	}
	return name
}

// isPlainName reports whether a name can stand in any command and survives being shown.
func isPlainName(name string) bool {
	return name != "" && name[0] != '-' && name[0] != '/' && !strings.ContainsFunc(name, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune(" ._-@", c))
	})
}
