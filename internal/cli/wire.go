package cli

import "time"

// What the command line reads of the answers of Microsoft Graph and Resource Manager, and what it sends.

type graphList[T any] struct {
	Value    []T    `json:"value"`
	NextLink string `json:"@odata.nextLink"`
}

type servicePrincipal struct {
	ID               string    `json:"id"`
	AppID            string    `json:"appId"`
	DisplayName      string    `json:"displayName"`
	UPN              string    `json:"userPrincipalName,omitempty"` // of a user
	Type             string    `json:"servicePrincipalType"`
	AlternativeNames []string  `json:"alternativeNames,omitempty"`
	AppRoles         []appRole `json:"appRoles,omitempty"`
}

type appRole struct {
	ID                 string   `json:"id"`
	Value              string   `json:"value"`
	DisplayName        string   `json:"displayName"`
	AllowedMemberTypes []string `json:"allowedMemberTypes"`
	IsEnabled          bool     `json:"isEnabled"`
}

type application struct {
	ID             string    `json:"id"`
	AppID          string    `json:"appId"`
	DisplayName    string    `json:"displayName"`
	IdentifierURIs []string  `json:"identifierUris"`
	AppRoles       []appRole `json:"appRoles"`
}

type appRoleAssignment struct {
	ID                   string `json:"id,omitempty"`
	PrincipalID          string `json:"principalId"`
	PrincipalDisplayName string `json:"principalDisplayName,omitempty"`
	ResourceID           string `json:"resourceId"`
	ResourceDisplayName  string `json:"resourceDisplayName,omitempty"`
	AppRoleID            string `json:"appRoleId"`
}

type armResource struct {
	ID       string       `json:"id,omitempty"`
	Name     string       `json:"name,omitempty"`
	Type     string       `json:"type,omitempty"`
	Location string       `json:"location,omitempty"`
	Identity *armIdentity `json:"identity,omitempty"`
}

type armIdentity struct {
	Type        string `json:"type"`
	PrincipalID string `json:"principalId,omitempty"` // of the system-assigned identity

	User map[string]struct{} `json:"userAssignedIdentities,omitempty"`
}

type identityResource struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Properties struct {
		ClientID    string `json:"clientId"`
		PrincipalID string `json:"principalId"`
	} `json:"properties"`
}

type bindingResource struct {
	Properties bindingProperties `json:"properties"`
}

type bindingProperties struct {
	Resource  string   `json:"resource"`
	Selectors []string `json:"selectors"`
	Expires   string   `json:"expires,omitempty"`
}

type plan struct {
	Changes []planChange `json:"changes"`
	DryRun  bool         `json:"dryRun"`
}

type planChange struct {
	Action string `json:"action"`
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Detail string `json:"detail,omitempty"`
}

type trace struct {
	ID      string      `json:"id"`
	At      string      `json:"at"`
	API     string      `json:"api"`
	Method  string      `json:"method"`
	Path    string      `json:"path"`
	Caller  string      `json:"caller"`
	Steps   []traceStep `json:"steps"`
	Status  int         `json:"status"`
	Code    string      `json:"code"`
	Message string      `json:"message"`
	Help    string      `json:"help"`
}

type traceStep struct {
	Check  string `json:"check"`
	Result string `json:"result"`
}

// wireError is an error body of Graph, Resource Manager or Key Vault.
type wireError struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Target  string `json:"target"`
		Details []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"details"`
		Inner struct {
			Code string `json:"code"`
		} `json:"innererror"`
	} `json:"error"`
}

// launchOutput is what `inborn env --output json` prints.
type launchOutput struct {
	Resource    string            `json:"resource"`
	Expires     string            `json:"expires"`
	Environment map[string]string `json:"environment"`
}

// identityOutput is one identity as `inborn identity` prints it.
type identityOutput struct {
	Name       string   `json:"name"`
	Kind       string   `json:"kind"` // user or system
	ClientID   string   `json:"clientId"`
	ObjectID   string   `json:"objectId"`
	ResourceID string   `json:"resourceId"`
	AppRoles   []string `json:"appRoles,omitempty"`
	UsedBy     []string `json:"usedBy,omitempty"`
}

// tokenAnswer and tokenRefusal are the bodies of the App Service identity endpoint.
type tokenAnswer struct {
	AccessToken string `json:"access_token"`
}

type tokenRefusal struct {
	Message       string `json:"message"`
	CorrelationID string `json:"correlationId"`
}

// resourceOutput is what the commands of `resource` show.
type resourceOutput struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Location string   `json:"location"`
	Group    string   `json:"resourceGroup"`
	System   string   `json:"systemAssignedIdentity,omitempty"` // its object id
	User     []string `json:"userAssignedIdentities"`           // names

	References []referenceOutput `json:"references,omitempty"`
}

type armPage[T any] struct {
	Value    []T    `json:"value"`
	NextLink string `json:"nextLink"`
}

// roleDefinition and roleAssignment are those of Microsoft.Authorization.
type roleDefinition struct {
	ID         string         `json:"id"`
	Name       string         `json:"name"` // its GUID
	Properties roleProperties `json:"properties"`
}

type roleProperties struct {
	Name             string            `json:"roleName"`
	Type             string            `json:"type"`
	Description      string            `json:"description,omitempty"`
	AssignableScopes []string          `json:"assignableScopes"`
	Permissions      []rolePermissions `json:"permissions"`
}

type rolePermissions struct {
	Actions        []string `json:"actions"`
	NotActions     []string `json:"notActions"`
	DataActions    []string `json:"dataActions"`
	NotDataActions []string `json:"notDataActions"`
	Condition      string   `json:"condition,omitempty"`
}

// kind is the type in one word.
func (r roleDefinition) kind() string {
	if r.Properties.Type == "CustomRole" {
		return "custom"
	}
	return "built-in"
}

type roleAssignment struct {
	ID         string                   `json:"id"`
	Name       string                   `json:"name"`
	Properties roleAssignmentProperties `json:"properties"`
}

type roleAssignmentProperties struct {
	RoleDefinitionID string `json:"roleDefinitionId"`
	RoleName         string `json:"roleDefinitionName,omitempty"` // ours, as the next name
	PrincipalID      string `json:"principalId"`
	PrincipalName    string `json:"principalName,omitempty"`
	PrincipalType    string `json:"principalType"`
	Scope            string `json:"scope"`
	Condition        string `json:"condition,omitempty"`
	ConditionVersion string `json:"conditionVersion,omitempty"`
	Description      string `json:"description,omitempty"`
	Delegated        string `json:"delegatedManagedIdentityResourceId,omitempty"`
}

// accessQuestion and the answers to it are of Inborn.Platform/access.
type accessQuestion struct {
	Principal string `json:"principalId,omitempty"`
	Action    string `json:"action"`
	Data      bool   `json:"isDataAction,omitempty"`
}

type accessDecision struct {
	Decision string   `json:"decision"` // Allowed, NotAllowed or Denied
	Reasons  []string `json:"reasons"`
	Hint     string   `json:"hint,omitempty"`
}

type accessList struct {
	Value         []accessHolder `json:"value"`
	Administrator bool           `json:"localAdministrator"` // may, too
	Hint          string         `json:"hint"`
}

type accessHolder struct {
	ID      string `json:"principalId"`
	Name    string `json:"principalName"`
	Kind    string `json:"principalType"`
	Role    string `json:"roleName"`
	Scope   string `json:"scope"`
	Through string `json:"through,omitempty"` // the group
}

// deletedItem is one of Inborn.Platform/deletedItems.
type deletedItem struct {
	Properties deletedProperties `json:"properties"`
}

type deletedProperties struct {
	Name        string    `json:"displayName"`
	Kind        string    `json:"kind"` // UserAssigned or SystemAssigned
	ResourceID  string    `json:"resourceId"`
	PrincipalID string    `json:"principalId"`
	ClientID    string    `json:"clientId"`
	Deleted     time.Time `json:"deletedOn"`
	Purge       time.Time `json:"scheduledPurgeOn"`
}

// restoration is what became of one.
type restoration struct {
	Name        string   `json:"displayName"`
	ResourceID  string   `json:"resourceId"`
	PrincipalID string   `json:"principalId"`
	ClientID    string   `json:"clientId"`
	Restored    int      `json:"restored"`
	Lost        []string `json:"lost"`
}
