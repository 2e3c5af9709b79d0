// Package manifest reads the declaration of a tenant (users, groups, applications, identities, resources, vaults, roles) from
// YAML and works out what has to change so that the directory is as declared. The same schema serves development, tests and
// production. Applying it twice changes nothing the second time; what it does not name stays, unless pruning is asked for.
//
// A plan is made inside a decision, where nothing may be encrypted, drawn at random or waited for. So a plan that needs a new
// secret or key says so, and is made again once a Sealer has prepared it: prepare.go.
package manifest

import (
	"github.com/goccy/go-yaml/ast"

	"github.com/inborn-id/inborn/internal/guid"
)

// ID is a GUID in a manifest; zero when the key is absent.
type ID struct{ guid.GUID }

// UnmarshalYAML reads a GUID and names the place of one that is not.
func (id *ID) UnmarshalYAML(node ast.Node) error {
	text := node.GetToken().Value
	parsed, err := guid.Parse(text)
	if err != nil {
		return invalid(place(node.GetToken()), "%q is %v", text, err)
	}
	id.GUID = parsed
	return nil
}

// Manifest is one file. Every object is known by its name; ids may be fixed and are made otherwise.
type Manifest struct {
	Tenant       *Tenant       `yaml:"tenant,omitempty"`
	Subscription *Subscription `yaml:"subscription,omitempty"`
	Users        []User        `yaml:"users,omitempty"`
	Groups       []Group       `yaml:"groups,omitempty"`
	Apps         []App         `yaml:"apps,omitempty"`
	Identities   []Identity    `yaml:"identities,omitempty"`
	Resources    []Resource    `yaml:"resources,omitempty"`
	Vaults       []Vault       `yaml:"vaults,omitempty"`
	CustomRoles  []CustomRole  `yaml:"customRoles,omitempty"`
	Roles        []Role        `yaml:"roles,omitempty"`
}

// CustomRole is a role definition of the tenant's own; its keys mean what those of rbac.Permission mean. Scopes are where
// it may be assigned, spelled as in Role; the subscription if there are none.
type CustomRole struct {
	Name           string   `yaml:"name"`
	ID             ID       `yaml:"id,omitempty"`
	Description    string   `yaml:"description,omitempty"`
	Actions        []string `yaml:"actions,omitempty"`
	NotActions     []string `yaml:"notActions,omitempty"`
	DataActions    []string `yaml:"dataActions,omitempty"`
	NotDataActions []string `yaml:"notDataActions,omitempty"`
	Scopes         []string `yaml:"scopes,omitempty"`
}

// Role gives a role of Resource Manager or of a data plane to a principal: a user, group, identity or application by
// name, a resource for its system-assigned identity, or an object id. Scope is a resource, something below one, such as
// kv-orders/secrets/db-password, a resource group or an id; the subscription if absent.
type Role struct {
	Principal string `yaml:"principal"`
	Role      string `yaml:"role"` // name or id
	Scope     string `yaml:"scope,omitempty"`
	Condition string `yaml:"condition,omitempty"`
}

// Tenant names the tenant; its id can only be fixed when the tenant is created.
type Tenant struct {
	Name string `yaml:"name"`
	ID   ID     `yaml:"id,omitempty"`
}

// Subscription names the subscription that all resources of the manifest live in.
type Subscription struct {
	Name string `yaml:"name"`
	ID   ID     `yaml:"id,omitempty"`
}

// User is a person; Name is a user principal name, or its part before the @.
type User struct {
	Name        string   `yaml:"name"`
	ObjectID    ID       `yaml:"objectId,omitempty"`
	DisplayName string   `yaml:"displayName,omitempty"`
	Groups      []string `yaml:"groups,omitempty"`
}

// Group is a security group.
type Group struct {
	Name        string `yaml:"name"`
	ObjectID    ID     `yaml:"objectId,omitempty"`
	Description string `yaml:"description,omitempty"`
}

// App is an application with its service principal.
type App struct {
	Name          string    `yaml:"name"`
	ClientID      ID        `yaml:"clientId,omitempty"`
	ObjectID      ID        `yaml:"objectId,omitempty"`
	IdentifierURI string    `yaml:"identifierUri,omitempty"`
	TokenVersion  int       `yaml:"tokenVersion,omitempty"` // 1 or 2; 1 if absent
	AppRoles      []AppRole `yaml:"appRoles,omitempty"`
}

// AppRole is a permission that an App offers.
type AppRole struct {
	Value       string   `yaml:"value"`
	ID          ID       `yaml:"id,omitempty"`
	DisplayName string   `yaml:"displayName,omitempty"`
	Description string   `yaml:"description,omitempty"`
	Members     []string `yaml:"members,omitempty"` // application, user; application if absent
}

// Identity is a user-assigned managed identity.
type Identity struct {
	Name          string            `yaml:"name"`
	ClientID      ID                `yaml:"clientId,omitempty"`
	ObjectID      ID                `yaml:"objectId,omitempty"`
	ResourceGroup string            `yaml:"resourceGroup,omitempty"`
	Location      string            `yaml:"location,omitempty"`
	Tags          map[string]string `yaml:"tags,omitempty"`
	AppRoles      []Grant           `yaml:"appRoles,omitempty"`

	// FederatedCredentials let tokens of other issuers stand for the identity.
	FederatedCredentials []FederatedCredential `yaml:"federatedCredentials,omitempty"`
}

// FederatedCredential is a directory.FederatedCredential.
type FederatedCredential struct {
	Name     string `yaml:"name"`
	Issuer   string `yaml:"issuer"`
	Subject  string `yaml:"subject"`
	Audience string `yaml:"audience,omitempty"` // directory.ExchangeAudience if absent
}

// Grant is an app role to be given: App by name, client id or identifier URI, Role by value.
type Grant struct {
	App  string `yaml:"app"`
	Role string `yaml:"role"`
}

// Resource is anything a workload runs as.
type Resource struct {
	Type          string            `yaml:"type"`
	Name          string            `yaml:"name"`
	ResourceGroup string            `yaml:"resourceGroup,omitempty"`
	Location      string            `yaml:"location,omitempty"`
	Kind          string            `yaml:"kind,omitempty"`
	Tags          map[string]string `yaml:"tags,omitempty"`
	Identity      *IdentityBlock    `yaml:"identity,omitempty"` // absent: the block stays as it is

	// Settings are application settings of a site. They may refer to secrets of vaults and should not be secrets. Others that
	// the site has stay, even when pruning.
	Settings map[string]string `yaml:"settings,omitempty"`
}

// IdentityBlock says which identities a resource has; User by name or resource id. AppRoles go to the system-assigned
// identity.
type IdentityBlock struct {
	System   bool     `yaml:"system,omitempty"`
	User     []string `yaml:"user,omitempty"`
	AppRoles []Grant  `yaml:"appRoles,omitempty"`
}
