package seeds

import (
	"encoding/json"
	"strings"
	"testing"
)

// listGroups runs the function of document 000 on a resource.
func listGroups(t *testing.T, resource string) (status int, body string) {
	t.Helper()
	got := on(t, resource, "node", "harness/typescript.cjs", "httpTrigger", "testdata/000/function.ts")
	got.want(t, 0)
	var answer struct {
		Status int             `json:"status"`
		Body   json.RawMessage `json:"body"`
	}
	if err := json.Unmarshal([]byte(got.stdout), &answer); err != nil {
		t.Fatalf("the function answered %q: %v", got.stdout, err)
	}
	return answer.Status, string(answer.Body)
}

// graphToken runs the other function of document 000.
func graphToken(t *testing.T, resource string) string {
	t.Helper()
	got := on(t, resource, "node", "harness/typescript.cjs", "getGraphToken", "testdata/000/token.ts")
	got.want(t, 0)
	var token string
	if err := json.Unmarshal([]byte(got.stdout), &token); err != nil {
		t.Fatalf("the function answered %q: %v", got.stdout, err)
	}
	return token
}

// The first function has the token of the metadata service, on App Service and on a virtual machine. The second prefers
// the endpoint of App Service, which a virtual machine does not have.
func TestSeed000FunctionMayListGroupsOnceItIsGranted(t *testing.T) {
	needPackages(t, ".")
	signIn(t, "func-admin")
	for _, resource := range []string{"func-groups", "vm-groups"} {
		t.Run(resource, func(t *testing.T) {
			who := identityOf(t, resource)
			grant := func(by string) result {
				return host{resource: by, env: []string{"principalId=" + who.ObjectID}}.run(t, "sh", "-e", "testdata/000/grant.sh")
			}
			refused := func() {
				t.Helper()
				if status, body := listGroups(t, resource); status != 403 || !strings.Contains(body, "Authorization_RequestDenied") {
					t.Errorf("the function answered %d %s", status, body)
				}
				checkToken(t, graphToken(t, resource), graph+"/", who)
			}
			refused()

			signIn(t, resource)
			if got := grant(resource); got.code == 0 || !strings.Contains(got.stderr, "Forbidden") {
				t.Errorf("the identity of a function may grant: exit code %d\n%s", got.code, got.stderr)
			}
			refused()

			grant("func-admin").want(t, 0)
			if status, body := listGroups(t, resource); status != 200 || !strings.Contains(body, "orders-admins") {
				t.Errorf("the function answered %d %s", status, body)
			}
			checkToken(t, graphToken(t, resource), graph+"/", who, "Directory.Read.All", "Group.Read.All")

			if got := grant("func-admin"); got.code == 0 || !strings.Contains(got.stderr, "Permission being assigned already exists on the object") {
				t.Errorf("granted again: exit code %d\n%s", got.code, got.stderr)
			}
		})
	}
}

// Where the endpoint of App Service is, the second function does not go on to the metadata service, and whoever does not
// know the header gets nothing.
func TestSeed000FunctionPrefersTheEndpointOfAppService(t *testing.T) {
	needPackages(t, ".")
	got := on(t, "func-groups", "env", "IDENTITY_HEADER=another", "node", "harness/typescript.cjs", "getGraphToken", "testdata/000/token.ts")
	got.want(t, 0)
	if got.stdout != "undefined\n" {
		t.Errorf("with another header the function has a token of %+v", readToken(t, strings.Trim(got.stdout, "\"\n")))
	}
}

// PowerShell takes `$select in the first printed URL for a variable that nobody has set, and sends this.
func TestSeed000GraphIsFoundWithTheURLThatPowerShellSends(t *testing.T) {
	signIn(t, "func-admin")
	var want servicePrincipal
	ask(t, "/v1.0/servicePrincipals(appId='"+graphAppID+"')?$select=id,appRoles", &want)
	got := on(t, "func-admin", "az", "rest", "--method", "GET",
		"--uri", graph+"/v1.0/servicePrincipals(appId='"+graphAppID+"')?=id,appRoles", "--query", "id", "-o", "tsv")
	got.want(t, 0)
	if id := strings.TrimSpace(got.stdout); id != want.ID || len(want.AppRoles) == 0 {
		t.Errorf("got %q, want %+v", id, want)
	}
}
