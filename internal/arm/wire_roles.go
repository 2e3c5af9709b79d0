package arm

import (
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
)

// The forms of Microsoft.Authorization (2022-04-01) and of Inborn.Platform/access.

const (
	typeRoleDefinition = "Microsoft.Authorization/roleDefinitions"
	typeRoleAssignment = "Microsoft.Authorization/roleAssignments"
	typeDenyAssignment = "Microsoft.Authorization/denyAssignments"
)

// roleDefinitionWire is a role, both ways.
type roleDefinitionWire struct {
	ID         string             `json:"id"`
	Name       string             `json:"name"`
	Type       string             `json:"type"`
	Properties roleDefinitionBody `json:"properties"`
}

type roleDefinitionBody struct {
	Name        string           `json:"roleName"`
	Type        string           `json:"type"` // BuiltInRole or CustomRole
	Description string           `json:"description"`
	Scopes      []resource.ID    `json:"assignableScopes"`
	Permissions []permissionWire `json:"permissions"`
	CreatedOn   time.Time        `json:"createdOn"`
	UpdatedOn   time.Time        `json:"updatedOn"`
	CreatedBy   *guid.GUID       `json:"createdBy"`
	UpdatedBy   *guid.GUID       `json:"updatedBy"`
}

type permissionWire struct {
	Actions          []string `json:"actions"`
	NotActions       []string `json:"notActions"`
	DataActions      []string `json:"dataActions"`
	NotDataActions   []string `json:"notDataActions"`
	Condition        *string  `json:"condition"`
	ConditionVersion *string  `json:"conditionVersion"`
}

// roleDefinitionOut writes a role as it is seen at a scope.
func roleDefinitionOut(scope resource.ID, r *rbac.Role) roleDefinitionWire {
	body := roleDefinitionBody{Name: r.Name, Type: "CustomRole", Description: r.Description, Scopes: r.AssignableScopes,
		Permissions: permissionsOut(r.Permissions), CreatedOn: r.Created, UpdatedOn: r.Updated,
		CreatedBy: idOrNull(r.CreatedBy), UpdatedBy: idOrNull(r.UpdatedBy)}
	if r.BuiltIn {
		body.Type = "BuiltInRole"
	}
	return roleDefinitionWire{ID: rbac.RoleDefinitionID(scope, r.ID), Name: r.ID.String(), Type: typeRoleDefinition, Properties: body}
}

func permissionsOut(permissions []rbac.Permission) []permissionWire {
	out := make([]permissionWire, len(permissions))
	for i, p := range permissions {
		out[i] = permissionWire{Actions: orEmpty(p.Actions), NotActions: orEmpty(p.NotActions), DataActions: orEmpty(p.DataActions),
			NotDataActions: orEmpty(p.NotDataActions), Condition: textOrNull(p.Condition), ConditionVersion: textOrNull(p.ConditionVersion)}
	}
	return out
}

func permissionsIn(permissions []permissionWire) []rbac.Permission {
	in := make([]rbac.Permission, len(permissions))
	for i, p := range permissions {
		in[i] = rbac.Permission{Actions: p.Actions, NotActions: p.NotActions, DataActions: p.DataActions, NotDataActions: p.NotDataActions,
			Condition: orNone(p.Condition), ConditionVersion: orNone(p.ConditionVersion)}
	}
	return in
}

// roleAssignmentWire is a role assignment, both ways.
type roleAssignmentWire struct {
	ID         string             `json:"id"`
	Name       string             `json:"name"`
	Type       string             `json:"type"`
	Properties roleAssignmentBody `json:"properties"`
}

type roleAssignmentBody struct {
	Role             string      `json:"roleDefinitionId"`
	Principal        string      `json:"principalId"`
	PrincipalType    string      `json:"principalType"`
	Scope            resource.ID `json:"scope"`
	Condition        *string     `json:"condition"`
	ConditionVersion *string     `json:"conditionVersion"`
	CreatedOn        time.Time   `json:"createdOn"`
	UpdatedOn        time.Time   `json:"updatedOn"`
	CreatedBy        *guid.GUID  `json:"createdBy"`
	UpdatedBy        *guid.GUID  `json:"updatedBy"`
	Delegated        *string     `json:"delegatedManagedIdentityResourceId"`
	Description      *string     `json:"description"`
}

func roleAssignmentOut(a *rbac.RoleAssignment) roleAssignmentWire {
	return roleAssignmentWire{ID: assignmentPath(a.Scope, a.ID), Name: a.ID.String(), Type: typeRoleAssignment,
		Properties: roleAssignmentBody{Role: rbac.RoleDefinitionID(a.Scope, a.Role), Principal: a.Principal.String(),
			PrincipalType: a.PrincipalType.String(), Scope: a.Scope, Condition: textOrNull(a.Condition), ConditionVersion: textOrNull(a.ConditionVersion),
			CreatedOn: a.Created, UpdatedOn: a.Updated, CreatedBy: idOrNull(a.CreatedBy), UpdatedBy: idOrNull(a.UpdatedBy),
			Delegated: textOrNull(a.DelegatedIdentity), Description: textOrNull(a.Description)}}
}

// assignmentPath is the id of a role assignment; at the tenant it starts with /providers.
func assignmentPath(scope resource.ID, id guid.GUID) string {
	path := "/providers/" + typeRoleAssignment + "/" + id.String()
	if scope == rbac.Tenant {
		return path
	}
	return string(scope) + path
}

// denyAssignmentWire is a deny assignment.
type denyAssignmentWire struct {
	ID         string             `json:"id"`
	Name       string             `json:"name"`
	Type       string             `json:"type"`
	Properties denyAssignmentBody `json:"properties"`
}

type denyAssignmentBody struct {
	Name            string           `json:"denyAssignmentName"`
	Description     string           `json:"description"`
	Permissions     []permissionWire `json:"permissions"`
	Scope           resource.ID      `json:"scope"`
	NotBelow        bool             `json:"doNotApplyToChildScopes"`
	Principals      []targetWire     `json:"principals"`
	Exclude         []targetWire     `json:"excludePrincipals"`
	SystemProtected bool             `json:"isSystemProtected"`
}

type targetWire struct {
	ID   guid.GUID `json:"id"`
	Type string    `json:"type"`
}

func denyAssignmentOut(d *rbac.DenyAssignment) denyAssignmentWire {
	id := "/providers/" + typeDenyAssignment + "/" + d.ID.String()
	if d.Scope != rbac.Tenant {
		id = string(d.Scope) + id
	}
	return denyAssignmentWire{ID: id, Name: d.ID.String(), Type: typeDenyAssignment, Properties: denyAssignmentBody{Name: d.Name,
		Description: d.Description, Permissions: permissionsOut(d.Permissions), Scope: d.Scope, NotBelow: d.NotBelow,
		Principals: targetsOut(d.Principals), Exclude: targetsOut(d.Exclude), SystemProtected: d.SystemProtected}}
}

func targetsOut(targets []rbac.Target) []targetWire {
	out := make([]targetWire, len(targets))
	for i, t := range targets {
		out[i] = targetWire{t.ID, t.Type.String()}
	}
	return out
}

// accessIn is a question of Inborn.Platform/access.
type accessIn struct {
	Principal string `json:"principalId"`
	Action    string `json:"action"`
	Data      bool   `json:"isDataAction"`
}

type decisionWire struct {
	Decision string   `json:"decision"` // Allowed, NotAllowed or Denied
	Reasons  []string `json:"reasons"`
	Hint     string   `json:"hint,omitempty"` // what was perhaps meant, if nothing allows it
}

// holdersWire is who may do something.
type holdersWire struct {
	Value         []holderWire `json:"value"`
	Administrator bool         `json:"localAdministrator"` // may do it too, which takes no assignment
	Hint          string       `json:"hint,omitempty"`     // what was perhaps meant, if nobody may
}

type holderWire struct {
	ID      guid.GUID   `json:"principalId"`
	Name    string      `json:"principalName"`
	Kind    string      `json:"principalType"`
	Role    string      `json:"roleName"`
	Scope   resource.ID `json:"scope"`
	Through string      `json:"through,omitempty"` // the name of a group
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func textOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func orNone(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func idOrNull(id guid.GUID) *guid.GUID {
	if id.IsZero() {
		return nil
	}
	return &id
}
