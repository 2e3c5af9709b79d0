// Package rbac decides who may do what where: the role-based access control of Resource Manager.
//
// A role definition is a list of permissions, each a set of action patterns with exceptions. A role assignment gives a role
// to a principal at a scope; it holds there and everywhere below. A deny assignment takes actions away from principals and
// beats every role. Check answers one question, exactly as section 9 of the project's specification of Resource Manager
// says it:
//
//	principal   ann, and the groups she is in, and the groups those are in
//	action      Microsoft.KeyVault/vaults/secrets/getSecret/action, a data action
//	scope       /subscriptions/S/resourceGroups/G/providers/Microsoft.KeyVault/vaults/V/secrets/db
//	            and all above it: V, G, S, the management groups over S, and the tenant "/"
//
// Some deny assignment at these scopes matches: Denied. Else some assignment at these scopes has a role of which one
// permission has the action and does not except it, and the conditions of both are true: Allowed. Else NotAllowed. Roles
// only add up; an exception of one role takes nothing from another. What control-plane actions allow never is a data action.
//
// The package is pure: the policy comes in as an interface, times and attributes as part of the request. A check allocates
// nothing; Decision holds references and makes text only when it is asked to explain.
package rbac

import (
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

// RoleDefinition is a role: what whoever has it may do. Built-in roles come from the Catalog, custom ones are records.
type RoleDefinition struct {
	ID               guid.GUID
	Name             string // unique in a tenant, without regard to case
	Description      string
	BuiltIn          bool // of the Catalog; exists in every tenant and cannot be changed
	Permissions      []Permission
	AssignableScopes []resource.ID // where it may be assigned, these scopes and all below; the tenant for built-in roles
	CreatedBy        guid.GUID     // object id of the principal; zero for Inborn itself, as below
	UpdatedBy        guid.GUID
	Created          time.Time
	Updated          time.Time
}

// Permission is one element of a role: the action patterns it has minus those it has not, and when.
type Permission struct {
	Actions          []string // patterns of control-plane actions; * matches anything, slashes too
	NotActions       []string // subtracted from Actions of this element only
	DataActions      []string // patterns of data actions
	NotDataActions   []string
	Condition        string // "" for none; see ParseCondition
	ConditionVersion string // "2.0" where there is a condition
}

// RoleAssignment gives a role to a principal at a scope and everywhere below.
type RoleAssignment struct {
	ID                guid.GUID // its name; unique in a tenant
	Scope             resource.ID
	Role              guid.GUID // of the role definition
	Principal         guid.GUID // object id
	PrincipalType     PrincipalType
	Condition         string // "" for none
	ConditionVersion  string
	Description       string
	DelegatedIdentity string // delegatedManagedIdentityResourceId; kept and shown, without a meaning here
	CreatedBy         guid.GUID
	UpdatedBy         guid.GUID
	Created           time.Time
	Updated           time.Time
}

// DenyAssignment takes actions away from principals at a scope and everywhere below, whatever roles they have.
type DenyAssignment struct {
	ID              guid.GUID
	Name            string
	Description     string
	Scope           resource.ID
	NotBelow        bool // doNotApplyToChildScopes: at the scope itself only
	Permissions     []Permission
	Principals      []Target
	Exclude         []Target // whom it does not meet, by their own id or a group's
	SystemProtected bool
	Created         time.Time
}

// Target is a principal that a deny assignment meets or leaves out.
type Target struct {
	ID   guid.GUID // Everyone for all principals
	Type PrincipalType
}

// Everyone is the id of the Target that means all principals; its type is TypeSystemDefined (wire fact: denyAssignments).
var Everyone = guid.GUID{}

// PrincipalType is what kind of principal an assignment is for.
type PrincipalType uint8

// The principal types of role assignments; TypeSystemDefined occurs in deny assignments only.
const (
	TypeUnknown PrincipalType = iota // not said
	TypeUser
	TypeGroup
	TypeServicePrincipal // managed identities too
	TypeForeignGroup
	TypeDevice
	TypeSystemDefined
)

// principalTypes are the words of String, by type (wire fact: principalType of roleAssignments).
var principalTypes = [...]string{"", "User", "Group", "ServicePrincipal", "ForeignGroup", "Device", "SystemDefined"}

// String returns Resource Manager's word for t; "" for TypeUnknown.
func (t PrincipalType) String() string {
	if int(t) < len(principalTypes) {
		return principalTypes[t]
	}
	return ""
}

// ParsePrincipalType reads what String writes, in any case; "" is TypeUnknown.
func ParsePrincipalType(s string) (PrincipalType, bool) {
	for i, word := range principalTypes {
		if strings.EqualFold(s, word) {
			return PrincipalType(i), true
		}
	}
	return TypeUnknown, false
}

// ManagementGroup is a node in the tree above subscriptions. The root of the tree exists without a record; its name is
// the tenant's id.
type ManagementGroup struct {
	Name        string // as created; compared without regard to case
	DisplayName string
	Parent      string // the name of the group above it; "" for the root group
	Created     time.Time
	Updated     time.Time
}

// ID returns the group's scope.
func (g *ManagementGroup) ID() resource.ID { return ManagementGroupID(g.Name) }

// Placement says under which management group a subscription stands; one without a placement stands under the root.
type Placement struct {
	Subscription guid.GUID
	Group        string // name of the management group
}
