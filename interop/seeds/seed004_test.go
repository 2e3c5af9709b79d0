package seeds

import (
	"strings"
	"testing"
)

// Several services share a user-assigned identity; one of them has a system-assigned one besides.
func TestSeed004ServicesHaveTheRoleOnceItIsGranted(t *testing.T) {
	needPackages(t, ".")
	signIn(t, "func-admin")
	who := identityOf(t, "id-services-dev-local-01")
	everywhere := func(roles ...string) {
		t.Helper()
		for _, resource := range []string{"func-service", "ca-service"} {
			got := on(t, resource, "node", "testdata/004/token.mjs", who.ClientID)
			got.want(t, 0)
			checkToken(t, got.stdout, "api://backend", who, roles...)
		}
	}
	var found struct{ Value []servicePrincipal }
	ask(t, "/v1.0/servicePrincipals?$filter=displayName eq 'backend-api'", &found)
	if len(found.Value) != 1 || len(found.Value[0].AppRoles) != 1 {
		t.Fatalf("backend-api: %+v", found)
	}
	script := edited(t, "testdata/004/grant.sh",
		"insert object (principal) id from managed identity", who.ObjectID,
		"insert enterprise applications object id", found.Value[0].ID,
		"insert role id", found.Value[0].AppRoles[0].ID)
	everywhere()

	signIn(t, "func-service")
	if got := (host{resource: "func-service", stdin: script}).run(t, "sh", "-e"); got.code == 0 || !strings.Contains(got.stderr, "Forbidden") {
		t.Errorf("the identity of a service may grant: exit code %d\n%s", got.code, got.stderr)
	}
	everywhere()

	host{resource: "func-admin", stdin: script}.run(t, "sh", "-e").want(t, 0)
	everywhere("Service.Call")
	checkToken(t, tokenOf(t, "func-service", "api://backend"), "api://backend", identityOf(t, "func-service"))
}
