package resource

import (
	"time"

	"github.com/inborn-id/inborn/internal/guid"
)

// The resource types that Inborn gives a meaning of its own.
const (
	TypeIdentity = "Microsoft.ManagedIdentity/userAssignedIdentities"
	TypeMachine  = "Microsoft.HybridCompute/machines" // a node
	TypeVault    = "Microsoft.KeyVault/vaults"
	TypeSite     = "Microsoft.Web/sites"
)

// AppSettings is the document of a site that holds its application settings: a JSON object of texts by name.
const AppSettings = "appsettings"

// Subscription is the billing-free container of resource groups.
type Subscription struct {
	ID           guid.GUID
	Name         string
	Tags         map[string]string
	Unregistered []string // namespaces of resource providers, in lower case, whose registration was taken back
	Created      time.Time
}

// Group is a resource group.
type Group struct {
	ID       ID
	Location string
	Tags     map[string]string
	Created  time.Time
}

// Resource is anything with an ARM id that runs or holds something: a site, a machine, a job.
type Resource struct {
	ID         ID
	Location   string
	Tags       map[string]string
	Kind       string // Microsoft.Web's kind, such as functionapp
	Identity   Identity
	Properties []byte   // JSON object as the client sent it; nil for none
	Members    []byte   // JSON object of what else a client may say of it, such as sku, plan and zones; nil for none
	Condition  string   // what was done to it last: "" is running, else stopped or deallocated
	Sealed     []string // names of the documents that are kept encrypted beside it, sorted
	Created    time.Time
	Changed    time.Time
}

// Identity is the identity block of a resource: which managed identities its workload may use.
type Identity struct {
	System *SystemIdentity // nil when there is no system-assigned identity
	User   []ID            // user-assigned identities, in the order they were assigned
}

// SystemIdentity is the identity that is born and dies with its resource.
type SystemIdentity struct {
	PrincipalID guid.GUID
	ClientID    guid.GUID
}

// Has reports whether the user-assigned identity id is in the block.
func (i Identity) Has(id ID) bool {
	for _, user := range i.User {
		if user.Same(id) {
			return true
		}
	}
	return false
}

// Without returns the block without the user-assigned identity id; the receiver is not changed.
func (i Identity) Without(id ID) Identity {
	var rest []ID
	for _, user := range i.User {
		if !user.Same(id) {
			rest = append(rest, user)
		}
	}
	return Identity{System: i.System, User: rest}
}

// Type returns Resource Manager's word for the block: None, SystemAssigned, UserAssigned or "SystemAssigned, UserAssigned".
func (i Identity) Type() string {
	switch {
	case i.System != nil && len(i.User) > 0:
		return "SystemAssigned, UserAssigned"
	case i.System != nil:
		return "SystemAssigned"
	case len(i.User) > 0:
		return "UserAssigned"
	default:
		return "None"
	}
}

// ManagedIdentity is a user-assigned identity: a resource of its own with a life cycle of its own.
type ManagedIdentity struct {
	ID          ID
	Location    string
	Tags        map[string]string
	ClientID    guid.GUID
	PrincipalID guid.GUID
	Created     time.Time
}

// WorkloadBinding says that a process with all these selectors, on this node, is the workload of this resource.
type WorkloadBinding struct {
	ID        guid.GUID
	Node      ID
	Resource  ID
	Selectors []string  // attested facts "type:value", sorted; none matches any process of the node
	Expires   time.Time // zero: never
	Created   time.Time
}

// Expired reports whether the binding no longer counts at now.
func (b *WorkloadBinding) Expired(now time.Time) bool {
	return !b.Expires.IsZero() && !now.Before(b.Expires)
}
