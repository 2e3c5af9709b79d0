package arm

import (
	"fmt"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
)

// judgeAssignment finds at most one thing: whoever replaces the assignment by what the gravest one proposes is done with
// it.
func (r *review) judgeAssignment(a *rbac.RoleAssignment) {
	r.assignments++
	role := r.dir.Role(a.Role)
	if role == nil {
		return
	}
	f := &accessFinding{who: a.Principal, at: a.Scope, assignment: a, role: role, last: r.use.Assignments[a.ID]}
	f.unused = r.unused(a.Created, f.last)
	if kind, severity, why := r.tooMuch(a, role); kind != "" {
		f.kind, f.severity, f.why = kind, severity, why
	} else if f.unused {
		f.kind, f.severity = unusedAssignment, low
		if reach := r.reachOf(a, role); reach.Everything || reach.GivesAccess {
			f.severity = medium
		}
		f.why = fmt.Sprintf("In %s no request to Inborn needed it, so that it only serves whoever steals it.", r.days())
	} else {
		return
	}
	r.findings = append(r.findings, f)
}

// tooMuch judges an assignment by what it gives to whom; the kind is "" if that is not too much.
func (r *review) tooMuch(a *rbac.RoleAssignment, role *rbac.Role) (kind findingKind, s severity, why string) {
	reach := r.reachOf(a, role)
	switch {
	case reach.GivesAccess && len(r.workloadsIn(a)) > 0:
		kind, s = workloadGivesAccess, high
		why = fmt.Sprintf("Whoever takes over %s can give himself %s %s.", r.workloadNames(a), r.gift(a.Condition), below(a.Scope))
	case isBroad(reach, a.Scope):
		kind, s, why = broadRole, r.broadSeverity(a, reach), broadWhy(reach, r.gift(a.Condition), a.Scope)
	default:
		return "", low, ""
	}
	if judged := reach != r.reach(role); a.Condition != "" && !judged && s < low {
		s++ // it is limited, in a way that nobody can judge here
	}
	return kind, s, why
}

// reachOf is how far an assignment of a role goes: a condition that does not let give far-reaching roles holds back the
// right to give access.
func (r *review) reachOf(a *rbac.RoleAssignment, role *rbac.Role) rbac.Reach {
	reach := r.reach(role)
	reach.GivesAccess = reach.GivesAccess && (a.Condition == "" || r.givable(a.Condition) != nil)
	return reach
}

// gift says in words what those who give access may give themselves.
func (r *review) gift(condition string) string {
	if role := r.givable(condition); condition != "" && role != nil {
		return "the role " + role.Name
	}
	return "any role"
}

// givable returns a far-reaching role that a condition lets give; nil if it lets give none of them.
func (r *review) givable(condition string) *rbac.Role {
	found, known := r.gifts[condition]
	if known {
		return found
	}
	if r.far == nil {
		r.far = r.farReaching()
	}
	parsed, err := rbac.ParseCondition(condition)
	for _, role := range r.far {
		if err != nil || parsed.MayGive(role.ID) {
			found = role
			break
		}
	}
	r.gifts[condition] = found
	return found
}

// farReaching returns the roles that give access or change everything, Owner first.
func (r *review) farReaching() []*rbac.Role {
	far := []*rbac.Role{r.dir.Role(rbac.Owner)}
	add := func(role *rbac.Role) {
		if reach := r.reach(role); role.ID != rbac.Owner && (reach.Everything || reach.GivesAccess) {
			far = append(far, role)
		}
	}
	for role := range r.dir.RoleDefinitions(rbac.Tenant) {
		add(role)
	}
	for role := range r.dir.CustomRoles() {
		add(role)
	}
	return far
}

func (r *review) reach(role *rbac.Role) rbac.Reach {
	reach, known := r.reaches[role.ID]
	if !known {
		reach = role.Reach()
		r.reaches[role.ID] = reach
	}
	return reach
}

// isBroad reports whether a role that reaches that far should not be held at a scope.
func isBroad(reach rbac.Reach, scope resource.ID) bool {
	breadth := rbac.BreadthOf(scope)
	return breadth >= rbac.AtSubscription && (reach.Everything || reach.GivesAccess || reach.Data > rbac.NoData) ||
		breadth == rbac.AtGroup && reach.Everything && reach.GivesAccess
}

func (r *review) broadSeverity(a *rbac.RoleAssignment, reach rbac.Reach) severity {
	if rbac.BreadthOf(a.Scope) >= rbac.AtSubscription &&
		(reach.GivesAccess || reach.Data >= rbac.RulesData || reach.Everything && len(r.workloadsIn(a)) > 0) {
		return high
	}
	return medium
}

func broadWhy(reach rbac.Reach, gift string, scope resource.ID) string {
	text := "It lets change or delete everything %s."
	switch {
	case reach.Everything && reach.GivesAccess:
		text = "It lets do everything %s, and give that right to others."
	case reach.GivesAccess:
		text = "It lets give " + strings.ReplaceAll(gift, "%", "%%") + " %s to anybody, the holder included."
	case reach.Everything:
	case reach.Data == rbac.ReadsSecrets:
		text = "It lets read every secret %s, those of vaults that come later included."
	case reach.Data == rbac.RulesData:
		text = "It lets do anything to what vaults or storage accounts hold %s, those that come later included."
	default:
		text = "It lets use what vaults or storage accounts hold %s, those that come later included."
	}
	return fmt.Sprintf(text, below(scope))
}

// below says where something holds.
func below(scope resource.ID) string {
	switch rbac.BreadthOf(scope) {
	case rbac.AtTenant:
		return "in the tenant"
	case rbac.AtManagementGroup:
		return "in the management group"
	case rbac.AtSubscription:
		return "in the subscription"
	case rbac.AtGroup:
		return "in the resource group"
	default:
		return "on the resource"
	}
}

// maxMembers bounds how many members of groups are looked at to find the workloads in one.
const maxMembers = 10_000

// workloadsIn returns the service principals that have an assignment, directly or as members of a group or of a group in
// it.
func (r *review) workloadsIn(a *rbac.RoleAssignment) []guid.GUID {
	if typeOf(r.dir, a.Principal) == rbac.TypeUnknown && a.PrincipalType == rbac.TypeServicePrincipal {
		return []guid.GUID{a.Principal} // taken on trust when it was assigned
	}
	found, known := r.workloads[a.Principal]
	if known {
		return found
	}
	for _, member := range r.holders(a.Principal) {
		if typeOf(r.dir, member) == rbac.TypeServicePrincipal {
			found = append(found, member)
		}
	}
	r.workloads[a.Principal] = found
	return found
}

// holders returns a principal and, if it is a group, those that are in it, in groups in it, and so on.
func (r *review) holders(principal guid.GUID) []guid.GUID {
	all, seen := []guid.GUID{principal}, map[guid.GUID]bool{principal: true}
	for i := 0; i < len(all) && len(all) < maxMembers; i++ {
		for member := range r.dir.MembersOf(all[i]) {
			if !seen[member] && len(all) < maxMembers {
				seen[member] = true
				all = append(all, member)
			}
		}
	}
	return all
}

// workloadNames tells of the workloads that have an assignment.
func (r *review) workloadNames(a *rbac.RoleAssignment) string {
	all := r.workloadsIn(a)
	if all[0] == a.Principal {
		return "this workload"
	}
	var names []string
	for _, id := range all[:min(len(all), 3)] {
		_, name, _ := r.dir.Principal(id)
		names = append(names, name)
	}
	if more := len(all) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return "a workload in this group (" + strings.Join(names, ", ") + ")"
}

// unused reports whether something that was made at created has not been used for as long as was asked. What happened
// before uses were kept is not held against it.
func (r *review) unused(created, last time.Time) bool {
	if r.use.Since.IsZero() {
		return false
	}
	for _, t := range []time.Time{created, r.use.Since} {
		if t.After(last) {
			last = t
		}
	}
	return r.now.Sub(last) >= r.unusedFor
}

// days is how long that is, in words.
func (r *review) days() string {
	if days := int(r.unusedFor.Hours() / 24); days != 1 {
		return fmt.Sprintf("%d days", days)
	}
	return "a day"
}

func (r *review) judgeUserAssigned(identity *resource.ManagedIdentity) {
	r.identities++
	last := r.use.Identities[identity.PrincipalID]
	f := accessFinding{who: identity.PrincipalID, at: identity.ID, identity: identity, last: last, unused: r.unused(identity.Created, last)}
	switch {
	case !r.isAttached(identity):
		f.kind, f.severity, f.why = unattachedIdentity, r.idleSeverity(f.who), "No resource has it and no federated credential names it, so that nothing can use it."
		r.findings = append(r.findings, &f)
	case f.unused:
		r.judgeUnused(f)
	}
	if !resource.IsConventional(identity.ID.Name()) {
		name := f
		name.kind, name.severity, name.why = identityName, low, "Its name does not tell application, environment, location and instance (id-<app>-<environment>-<location>-<instance>)."
		if r.hasTooMuch(f.who) {
			name.why += " Do first what the findings about its roles say, then look again: those roles are not handed on."
		}
		r.findings = append(r.findings, &name)
	}
	r.judgeAppRoles(f.who, f.at)
}

// hasTooMuch reports whether there are findings about the roles of a principal.
func (r *review) hasTooMuch(principal guid.GUID) bool {
	for a := range r.dir.Grants(principal).All() {
		if role := r.dir.Role(a.Role); role != nil && !r.isHandedOn(a, role) {
			return true
		}
	}
	for given := range r.dir.AssignmentsOf(principal) {
		if role, ok := r.graphRole(given); ok && directory.GraphRoleReach(role.Value) != directory.ReachLimited {
			return true
		}
	}
	return false
}

// isHandedOn reports whether an identity that takes the place of another gets an assignment of it, too.
func (r *review) isHandedOn(a *rbac.RoleAssignment, role *rbac.Role) bool {
	kind, _, _ := r.tooMuch(a, role)
	return kind == "" && !r.unused(a.Created, r.use.Assignments[a.ID])
}

func (r *review) judgeSystemAssigned(owner *resource.Resource) {
	r.identities++
	f := accessFinding{who: owner.Identity.System.PrincipalID, at: owner.ID}
	f.last = r.use.Identities[f.who]
	if sp, ok := r.dir.ServicePrincipal(f.who); ok && r.unused(sp.Created, f.last) {
		f.unused = true
		r.judgeUnused(f)
	}
	r.judgeAppRoles(f.who, f.at)
}

func (r *review) judgeUnused(f accessFinding) {
	f.kind, f.severity = unusedIdentity, r.idleSeverity(f.who)
	f.why = fmt.Sprintf("In %s it got no token.", r.days())
	if f.severity < low {
		f.why = fmt.Sprintf("In %s it got no token, but it still has what it was given.", r.days())
	}
	r.findings = append(r.findings, &f)
}

// isAttached reports whether something can use an identity.
func (r *review) isAttached(identity *resource.ManagedIdentity) bool {
	for range r.dir.IdentityUsers(identity.ID) {
		return true
	}
	for range r.dir.FederatedCredentials(identity.PrincipalID) {
		return true
	}
	return false
}

// idleSeverity is that of a principal which does nothing: what it may do counts.
func (r *review) idleSeverity(principal guid.GUID) severity {
	for range r.dir.AssignmentsOf(principal) {
		return medium
	}
	if r.dir.Grants(principal).Len() > 0 || len(r.dir.MemberOf(principal)) > 0 {
		return medium
	}
	return low
}

// judgeAppRoles finds the permissions of Microsoft Graph that go far. They are the directory's: only whoever may see who has
// which role in the whole tenant is told of them.
func (r *review) judgeAppRoles(principal guid.GUID, at resource.ID) {
	for given := range r.dir.AssignmentsOf(principal) {
		role, ok := r.graphRole(given)
		if !ok {
			continue
		}
		f := &accessFinding{kind: broadAppRole, severity: medium, who: principal, at: at, appRole: role.Value,
			why: "It lets write all such objects of the tenant, whoever they belong to."}
		switch directory.GraphRoleReach(role.Value) {
		case directory.ReachLimited:
			continue
		case directory.ReachTenant:
			f.severity, f.why = high, "Whoever takes over this workload can give himself any other permission of the tenant."
		}
		r.findings = append(r.findings, f)
	}
}

// graphRole returns the app role that an assignment gives, if it is one of Microsoft Graph and the caller may see it.
func (r *review) graphRole(given *directory.AppRoleAssignment) (directory.AppRole, bool) {
	graph, app := r.graph()
	if graph == nil || given.Resource != graph.ID {
		return directory.AppRole{}, false
	}
	role, _ := app.Role(given.AppRole)
	return role, true
}

// graph returns Microsoft Graph in the tenant, if the caller may see who holds its app roles; else nil.
func (r *review) graph() (*directory.ServicePrincipal, *directory.Application) {
	if !r.mayRead(rbac.Tenant) {
		return nil, nil
	}
	sp, _ := r.dir.ServicePrincipalByAppID(directory.GraphAppID)
	app, _ := r.dir.ApplicationByAppID(directory.GraphAppID)
	return sp, app
}
