package arm

import "net/http"

// kindsOfNothing are the types of Microsoft.Authorization that clients list and of which Inborn has none: administrators
// from before there were roles, roles that begin, end or must be activated, and policies.
const kindsOfNothing = "classicAdministrators|roleAssignmentSchedules|roleAssignmentScheduleInstances|roleAssignmentScheduleRequests|" +
	"roleEligibilitySchedules|roleEligibilityScheduleInstances|roleEligibilityScheduleRequests|policyAssignments"

// listNothing answers with an empty list.
func (c *call) listNothing() error { return c.json(http.StatusOK, pageWire{Value: []any{}}) }
