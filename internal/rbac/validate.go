package rbac

import (
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

// Bounds of what one object may hold.
const (
	maxPermissions = 16
	maxPatterns    = 2048 // in one role
	maxPattern     = 512  // bytes
	maxScopes      = 2000
	maxDescription = 2048
	maxTargets     = 1000
)

// CheckDefinition says whether d may be a custom role, and tidies its scopes and the versions of its conditions. Actions
// that no provider has are accepted: what providers there are is not known here.
func CheckDefinition(d *RoleDefinition) error {
	if err := directory.CheckName("role", d.Name); err != nil {
		return at(err, "roleName")
	}
	if len(d.Description) > maxDescription {
		return invalid("description", "The description of a role has at most %d bytes.", maxDescription)
	}
	if len(d.AssignableScopes) == 0 || len(d.AssignableScopes) > maxScopes {
		return invalid("assignableScopes", "A role has 1 to %d assignable scopes.", maxScopes)
	}
	scopes, groups := make([]resource.ID, len(d.AssignableScopes)), 0
	for i, given := range d.AssignableScopes {
		scope, err := ParseScope(string(given))
		if err != nil {
			return at(err, "assignableScopes")
		}
		if scope == Tenant {
			return invalid("assignableScopes", "A custom role cannot be assignable at the tenant: name a management group or subscriptions.")
		}
		if _, isGroup := ManagementGroupName(scope); isGroup {
			groups++
		}
		scopes[i] = scope
	}
	d.AssignableScopes = scopes
	switch {
	case groups > 1:
		return invalid("assignableScopes", "A custom role can name one management group only.")
	case groups == 1 && d.HasDataActions():
		return invalid("dataActions", "A custom role that is assignable at a management group cannot have data actions.")
	}
	return checkPermissions(&d.Permissions)
}

// CheckAssignment says whether a may be a role assignment as far as it alone tells, and tidies its scope and version.
func CheckAssignment(a *RoleAssignment) error {
	scope, err := checkScope(a.Scope)
	if err != nil {
		return err
	}
	a.Scope = scope
	switch {
	case a.Principal.IsZero():
		return invalid("principalId", "A role assignment needs the object id of a principal.")
	case a.Role.IsZero():
		return invalid("roleDefinitionId", "A role assignment needs the id of a role definition.")
	case a.PrincipalType >= TypeSystemDefined:
		return invalid("principalType", "A role assignment is for a User, a Group or a ServicePrincipal.")
	case len(a.Description) > maxDescription || len(a.DelegatedIdentity) > maxDescription:
		return invalid("description", "The description of a role assignment has at most %d bytes.", maxDescription)
	}
	a.ConditionVersion, err = checkCondition(a.Condition, a.ConditionVersion)
	return err
}

// CheckDeny says whether a may be a deny assignment as far as it alone tells, and tidies it.
func CheckDeny(a *DenyAssignment) error {
	scope, err := checkScope(a.Scope)
	if err != nil {
		return err
	}
	a.Scope = scope
	if err := directory.CheckName("deny assignment", a.Name); err != nil {
		return at(err, "denyAssignmentName")
	}
	switch {
	case len(a.Principals) == 0 || len(a.Principals) > maxTargets || len(a.Exclude) > maxTargets:
		return invalid("principals", "A deny assignment names 1 to %d principals and excludes at most as many.", maxTargets)
	case len(a.Description) > maxDescription:
		return invalid("description", "The description of a deny assignment has at most %d bytes.", maxDescription)
	}
	for _, t := range a.Principals {
		if (t.ID == Everyone) != (t.Type == TypeSystemDefined) {
			return invalid("principals", "The id of all zeros with the type SystemDefined stands for everyone; any other principal has an id.")
		}
	}
	for _, t := range a.Exclude {
		if t.ID == Everyone || t.Type == TypeSystemDefined {
			return invalid("excludePrincipals", "A deny assignment that excludes everyone denies nothing: name the principals it shall exclude.")
		}
	}
	return checkPermissions(&a.Permissions)
}

// CheckManagementGroup says whether g may be a management group as far as it alone tells; its display name defaults to its
// name.
func CheckManagementGroup(g *ManagementGroup) error {
	if g.Name == "" || len(g.Name) > 90 || strings.Trim(g.Name, nameLetters) != "" || strings.HasSuffix(g.Name, ".") {
		return invalid("name", "The management group name %q is not valid: 1 to 90 letters, digits and -_().", clip(g.Name))
	}
	if g.DisplayName == "" {
		g.DisplayName = g.Name
	}
	return directory.CheckName("management group", g.DisplayName)
}

const nameLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_()."

// checkScope refuses what is a resource id but no place for assignments.
func checkScope(given resource.ID) (resource.ID, error) {
	scope, err := ParseScope(string(given))
	if err != nil || scope == Tenant {
		return scope, at(err, "scope")
	}
	first := Levels(scope)[0]
	_, isGroup := ManagementGroupName(first)
	_, err = guid.Parse(first.Subscription())
	if isGroup && first != scope || !isGroup && err != nil {
		return scope, apierr.New(apierr.ResourceIDInvalid,
			"%q is not a scope: assignments are made at /, management groups, subscriptions and what is below those.", clip(string(given))).At("scope")
	}
	return scope, nil
}

// checkPermissions tidies the versions of the conditions, in a copy.
func checkPermissions(list *[]Permission) error {
	if len(*list) == 0 || len(*list) > maxPermissions {
		return invalid("permissions", "There must be 1 to %d permissions.", maxPermissions)
	}
	tidy, count := make([]Permission, len(*list)), 0
	for i, p := range *list {
		for _, patterns := range [][]string{p.Actions, p.NotActions, p.DataActions, p.NotDataActions} {
			count += len(patterns)
			for _, s := range patterns {
				if s == "" || len(s) > maxPattern || strings.Trim(s, nameLetters+"/*~$:") != "" {
					return invalid("actions", "%q is not an action or a pattern of actions.", clip(s))
				}
			}
		}
		version, err := checkCondition(p.Condition, p.ConditionVersion)
		if err != nil {
			return err
		}
		p.ConditionVersion = version
		tidy[i] = p
	}
	if count > maxPatterns {
		return invalid("actions", "There are more than %d actions.", maxPatterns)
	}
	*list = tidy
	return nil
}

// checkCondition returns the version of a condition: 2.0 where none is given, none where there is no condition. Old
// previews sent 1.0 for what reads as 2.0.
func checkCondition(condition, version string) (string, error) {
	switch {
	case condition == "":
		return "", nil
	case version == "":
		version = "2.0"
	case version != "1.0" && version != "2.0":
		return "", apierr.New(apierr.ConditionInvalid, "The condition version %q is not known: use 2.0.", clip(version)).At("conditionVersion")
	}
	_, err := ParseCondition(condition)
	return version, err
}

func invalid(target, format string, args ...any) error {
	return apierr.New(apierr.PropertyInvalid, format, args...).At(target)
}

// at names what is at fault in an error of another package; nil stays nil.
func at(err error, target string) error {
	if err == nil {
		return nil
	}
	return apierr.From(err).At(target)
}
