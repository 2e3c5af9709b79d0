package rbac

import (
	"strings"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

const roleDefinitions = "/providers/Microsoft.Authorization/roleDefinitions/"

// RoleDefinitionID returns the full id of a role definition as it is written at scope: with the subscription where there
// is one, without where there is none (wire fact: az and azurerm compare these texts).
func RoleDefinitionID(scope resource.ID, role guid.GUID) string {
	id := roleDefinitions + role.String()
	if subscription := scope.Subscription(); subscription != "" {
		return string(resource.SubscriptionID(subscription)) + id
	}
	return id
}

// ParseRoleDefinitionID reads the id of a role definition: a full id at whatever scope, or the GUID alone.
func ParseRoleDefinitionID(s string) (guid.GUID, bool) {
	if i := strings.LastIndexByte(s, '/') + 1; i > 0 {
		if n := i - len(roleDefinitions); n < 0 || !same(s[n:i], roleDefinitions) {
			return guid.GUID{}, false
		}
		s = s[i:]
	}
	id, err := guid.Parse(s)
	return id, err == nil
}
