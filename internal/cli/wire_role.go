package cli

// assignmentInput is what is sent to give a role, or to change under which condition it is had.
type assignmentInput struct {
	Properties assignmentFields `json:"properties"`
}

type assignmentFields struct {
	PrincipalID      string `json:"principalId"`
	RoleDefinitionID string `json:"roleDefinitionId"`
	Condition        string `json:"condition,omitempty"`
	ConditionVersion string `json:"conditionVersion,omitempty"`
	Description      string `json:"description,omitempty"`
	Delegated        string `json:"delegatedManagedIdentityResourceId,omitempty"`
}

// definitionInput is what is sent to make a custom role.
type definitionInput struct {
	Properties roleProperties `json:"properties"`
}

// roleFile is a role in a file, as az role definition takes and prints it. Its keys may have any case.
type roleFile struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"` // a GUID where there is a role name beside it
	RoleName    string            `json:"rolename"`
	Description string            `json:"description"`
	Scopes      []string          `json:"assignablescopes"`
	Permissions []rolePermissions `json:"permissions"`
	rolePermissions
}

// userOutput is a user as `inborn user` prints it.
type userOutput struct {
	Name     string           `json:"name"`
	UPN      string           `json:"userPrincipalName"`
	ObjectID string           `json:"objectId"`
	Roles    []roleAssignment `json:"roleAssignments,omitempty"`
}
