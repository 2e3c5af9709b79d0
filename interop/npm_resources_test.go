package interop

import "testing"

// The npm clients of Resource Manager do in the sandbox what the Go clients do in manager_test.go, and make a function app.
func TestNodeClientsManageResourcesInTheSandbox(t *testing.T) {
	needSandbox(t)
	needPackages(t)
	var reports []managerReport
	privately("sandbox", "func-owner").runJSON(t, managerInput{privateSubscription, another()}, []string{"node", "js/resources.mjs"}, &reports)
	checkReports(t, reports)
}
