package directory

import (
	"slices"
	"strings"
)

// AppRoleReach is how far an app role of Microsoft Graph goes.
type AppRoleReach uint8

// The reaches of app roles.
const (
	ReachLimited AppRoleReach = iota
	ReachBroad                // it writes all objects of a kind, in the whole tenant
	ReachTenant               // whoever holds it can give itself any other permission of the tenant
)

// GraphRoleReach judges an app role of Microsoft Graph by its value.
func GraphRoleReach(value string) AppRoleReach {
	switch {
	case slices.Contains([]string{"AppRoleAssignment.ReadWrite.All", "Application.ReadWrite.All", "Directory.ReadWrite.All",
		"RoleManagement.ReadWrite.Directory", "RoleAssignmentSchedule.ReadWrite.Directory", "RoleEligibilitySchedule.ReadWrite.Directory",
		"PrivilegedAccess.ReadWrite.AzureAD"}, value):
		return ReachTenant
	case strings.HasSuffix(value, ".ReadWrite.All"), strings.HasSuffix(value, ".FullControl.All"):
		return ReachBroad
	}
	return ReachLimited
}

// NarrowerGraphRole returns the value of the app role that Microsoft Graph offers for less than a broad one: for what the
// holder owns or was given, else to read the same objects; "" if there is none.
func NarrowerGraphRole(graph *Application, value string) string {
	kind, _, _ := strings.Cut(value, ".")
	for _, narrower := range []string{kind + ".ReadWrite.OwnedBy", kind + ".Selected", strings.Replace(value, ".ReadWrite.", ".Read.", 1)} {
		if _, offered := graph.RoleByValue(narrower, MemberApplication); offered && narrower != value {
			return narrower
		}
	}
	return ""
}
