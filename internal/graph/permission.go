package graph

import (
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/token"
)

// permission says what a caller must hold of Microsoft Graph's app roles: all of one of the sets. It is data, so that a
// refusal can name what is missing. The sets come from the permissions reference of Graph; the least privileged is
// first, because that is what a refusal proposes.
type permission [][]string

func anyOf(roles ...string) permission {
	var p permission
	for _, role := range roles {
		p = append(p, []string{role})
	}
	return p
}

// fullUsers are the roles that show more of a user than the default properties.
func fullUsers() permission {
	return anyOf("User.Read.All", "User.ReadWrite.All", "User.ReadWrite.CrossCloud", "Directory.Read.All", "Directory.ReadWrite.All")
}

func readUsers() permission { return append(anyOf("User.ReadBasic.All"), fullUsers()...) }

func readGroups() permission {
	return anyOf("GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All",
		"Group-NestingSupport.ReadWrite.All", "Group.ManageProtection.All")
}

// readApps is for applications and service principals and for the assignments at the latter.
func readApps() permission {
	return anyOf("Application.Read.All", "Application.ReadWrite.OwnedBy", "Application.ReadWrite.All",
		"Directory.Read.All", "Directory.ReadWrite.All")
}

// assignRoles is the one that needs two roles: to give away permissions, and to see what they belong to.
func assignRoles() permission {
	const assign = "AppRoleAssignment.ReadWrite.All"
	return permission{
		{assign, "Application.Read.All"},
		{assign, "Application.ReadWrite.All"},
		{assign, "Directory.Read.All"},
		{assign, "Directory.ReadWrite.All"},
	}
}

func unassignRoles() permission {
	return anyOf("AppRoleAssignment.ReadWrite.All", "Application.ReadWrite.All")
}

// missing returns what held lacks of the set that it comes nearest to; nothing when held is enough.
func (p permission) missing(held []string) []string {
	var least []string
	for i, set := range p {
		lacks := slices.DeleteFunc(slices.Clone(set), func(role string) bool { return slices.Contains(held, role) })
		if i == 0 || len(lacks) < len(least) {
			least = lacks
		}
	}
	return least
}

// String is how a trace shows p: "A and B, or C".
func (p permission) String() string {
	var sets []string
	for _, set := range p {
		sets = append(sets, strings.Join(set, " and "))
	}
	return strings.Join(sets, ", or ")
}

// verdict is what was found about a caller in one View.
type verdict struct {
	dir    *state.Directory
	caller *directory.ServicePrincipal
	admin  bool     // the tenant's local administrator, who may do everything
	held   []string // values of the app roles of Graph that the caller holds now, sorted
}

// judge says whether the caller that claims name may do what need asks for, in v. It looks at nothing but the ids in
// the claims: the roles in a token are as old as the token. The error is a CallerUnknown or a PermissionMissing.
func judge(v *state.View, claims *token.Claims, need permission) (verdict, error) {
	found := verdict{}
	dir, ok := v.Directory(claims.Tenant)
	if !ok {
		return found, apierr.New(apierr.CallerUnknown, "The tenant %s no longer exists.", claims.Tenant)
	}
	found.dir = dir
	sp, ok := dir.ServicePrincipal(claims.ObjectID)
	switch {
	case !ok || sp.AppID != claims.AppID:
		return found, apierr.New(apierr.CallerUnknown, "The principal %s, to whom the token was given, no longer exists.", claims.ObjectID)
	case !sp.Enabled:
		return found, apierr.New(apierr.CallerUnknown, "The principal %s (%s) is disabled.", sp.DisplayName, sp.ID)
	}
	found.caller, found.admin = sp, sp.ID == dir.LocalAdministrator().ID
	if !claims.AppOnly() {
		return found, apierr.New(apierr.PermissionMissing, "The token acts for a person, which this API does not support yet: use a token of an application or a managed identity.")
	}
	app, ok := dir.ApplicationByAppID(directory.GraphAppID)
	graph, known := dir.ServicePrincipalByAppID(directory.GraphAppID)
	if ok && known {
		found.held, _ = dir.RolesOf(sp.ID, app, graph.ID)
		slices.Sort(found.held)
	}
	return found, found.require(need)
}

// require returns a PermissionMissing with the commands that would fix it, unless the caller holds what need asks for.
func (f verdict) require(need permission) error {
	lacks := need.missing(f.held)
	if f.admin || len(lacks) == 0 {
		return nil
	}
	var commands []string
	for _, role := range lacks {
		commands = append(commands, apierr.Command("inborn grant %s %s %s", f.caller.DisplayName, "Microsoft Graph", role))
	}
	return apierr.New(apierr.PermissionMissing, "%s (%s) holds %s on Microsoft Graph and needs %s.",
		f.caller.DisplayName, f.caller.ID, holds(f.held), need).
		At(lacks[0]).Helped(strings.Join(commands, " && "))
}

func holds(held []string) string {
	if len(held) == 0 {
		return "no permission"
	}
	return strings.Join(held, ", ")
}
