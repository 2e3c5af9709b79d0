// Package directory holds the objects of one tenant's directory: who exists, which applications offer which roles, and
// who has been given them. It is pure: no clock, no randomness, no storage. Names of objects and properties follow
// Microsoft Graph v1.0, where each of them is documented.
package directory

import (
	"time"

	"github.com/inborn-id/inborn/internal/guid"
)

// Tenant is one directory with one pair of issuers, fixed when it is created.
type Tenant struct {
	ID       guid.GUID
	Name     string // the verified default domain, such as contoso.example
	IssuerV1 string // iss of v1.0 access tokens, with a trailing slash
	IssuerV2 string // iss of v2.0 access tokens
	Created  time.Time
}

// User is a person.
type User struct {
	ID           guid.GUID
	UPN          string // userPrincipalName: local part @ tenant domain
	DisplayName  string
	MailNickname string
	Enabled      bool
	Created      time.Time
}

// Group is a security group; its members are Membership records.
type Group struct {
	ID           guid.GUID
	DisplayName  string
	Description  string
	MailNickname string
	Created      time.Time
}

// Membership puts one principal into one group.
type Membership struct {
	Group, Member guid.GUID
}

// Application is what an API or a client registers: its names and the roles it offers.
type Application struct {
	ID             guid.GUID // object id
	AppID          guid.GUID // client id
	DisplayName    string
	IdentifierURIs []string
	AppRoles       []AppRole
	TokenVersion   int  // requestedAccessTokenVersion: 0 or 1 gives v1.0 tokens, 2 gives v2.0
	FirstParty     bool // of the catalog; exists in every tenant and cannot be changed
	Created        time.Time
}

// AppRole is one permission an application offers.
type AppRole struct {
	ID             guid.GUID
	Value          string // what appears in the roles claim
	DisplayName    string
	Description    string
	AllowedMembers MemberTypes
	Enabled        bool
}

// MemberTypes says to whom an app role may be given.
type MemberTypes uint8

// The two member types of Graph's allowedMemberTypes.
const (
	MemberUser        MemberTypes = 1 << iota // users and groups
	MemberApplication                         // service principals, managed identities among them
)

// ServicePrincipal is an application or a managed identity as a principal of a tenant.
type ServicePrincipal struct {
	ID                 guid.GUID // object id, the oid claim
	AppID              guid.GUID // client id, the appid claim
	DisplayName        string
	Type               PrincipalType
	Enabled            bool
	AssignmentRequired bool   // appRoleAssignmentRequired: no token for this resource without an app role
	ResourceID         string // managed identity: ARM id of the identity, or of the resource that owns it
	Explicit           bool   // managed identity: user-assigned
	Created            time.Time
}

// PrincipalType tells the kinds of principal apart.
type PrincipalType uint8

// The principal types; the names of String are those of Graph.
const (
	TypeApplication PrincipalType = iota
	TypeManagedIdentity
	TypeUser
	TypeGroup
)

// String returns Graph's word for t.
func (t PrincipalType) String() string {
	switch t {
	case TypeManagedIdentity:
		return "ManagedIdentity"
	case TypeUser:
		return "User"
	case TypeGroup:
		return "Group"
	default:
		return "Application"
	}
}

// AppRoleAssignment gives one app role of a resource to a principal.
type AppRoleAssignment struct {
	ID            AssignmentID
	Principal     guid.GUID
	PrincipalType PrincipalType // TypeUser, TypeGroup, or TypeApplication for any service principal
	Resource      guid.GUID     // object id of the resource's service principal
	AppRole       guid.GUID     // DefaultAccess, or the id of one of the resource's app roles
	Created       time.Time
}

// DefaultAccess is the app role id that means "may use it, no particular role".
var DefaultAccess = guid.GUID{}

// Role returns the app role with the given id.
func (a *Application) Role(id guid.GUID) (AppRole, bool) {
	for _, r := range a.AppRoles {
		if r.ID == id {
			return r, true
		}
	}
	return AppRole{}, false
}

// RoleByValue returns the enabled app role whose value is value and that the given member type may have.
func (a *Application) RoleByValue(value string, member MemberTypes) (AppRole, bool) {
	for _, r := range a.AppRoles {
		if r.Enabled && r.Value == value && r.AllowedMembers&member != 0 {
			return r, true
		}
	}
	return AppRole{}, false
}
