package seeds

import (
	"strings"
	"testing"
)

// What the script of document 002 says when it is made to be edited.
const (
	printedName   = `"Microsoft Graph"`
	printedRole   = `"User.ReadWrite.All"`
	printedObject = `"00000000-0000-0000-0000-000000001234"`
)

// grantByName runs the script after somebody has put their values into it.
func grantByName(t *testing.T, by string, values ...string) result {
	t.Helper()
	h := host{resource: by, stdin: edited(t, "testdata/002/grant.mjs", values...)}
	return h.run(t, "node", "--input-type=module", "-")
}

// requestToken runs the token request for a scope, "" for the printed one.
func requestToken(t *testing.T, scope string) result {
	t.Helper()
	const printed = ordersAPI + "/.default"
	if scope == "" {
		scope = printed
	}
	h := host{resource: "func-client", stdin: edited(t, "testdata/002/token.mjs", printed, scope)}
	return h.run(t, "node", "--input-type=module", "-")
}

// The script takes the first service principal whose name begins with what it was told: of several, that has to be the one
// with the very name.
func TestSeed002GrantTellsByItsExitCodeWhatIsMissing(t *testing.T) {
	needPackages(t, ".")
	object := `"` + identityOf(t, "func-client").ObjectID + `"`
	for _, c := range []struct {
		name   string
		by     string
		values []string
		code   int
		says   string
	}{
		{"as printed, of an identity that does not exist", "func-admin", nil, 10, "Managed identity not found"},
		{"an API that does not exist", "func-admin", []string{printedObject, object, printedName, `"No such API"`}, 20, "Service principal for api not found"},
		{"a role that does not exist", "func-admin", []string{printedObject, object, printedRole, `"No.Such.Role"`}, 30, "Application role not found"},
		{"by who may not read the directory", "func-client", []string{printedObject, object}, 10, "Managed identity not found"},
		{"of Microsoft Graph", "func-admin", []string{printedObject, object}, 0, ""},
		{"of Microsoft Graph again", "func-admin", []string{printedObject, object}, 1, "Permission being assigned already exists on the object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := grantByName(t, c.by, c.values...)
			if got.code != c.code || !strings.Contains(got.stdout+got.stderr, c.says) {
				t.Errorf("exit code %d, want %d and %q\n%s%s", got.code, c.code, c.says, got.stdout, got.stderr)
			}
		})
	}
	got := requestToken(t, graph+"/.default")
	got.want(t, 0)
	checkToken(t, got.stdout, graph, identityOf(t, "func-client"), "User.ReadWrite.All")
}

// Without the role there is a token, and it has no roles; without an Application ID URI there is none.
func TestSeed002TokenHasTheRoleOnceItIsGranted(t *testing.T) {
	needPackages(t, ".")
	who := identityOf(t, "func-client")
	before := requestToken(t, "")
	before.want(t, 0)
	checkToken(t, before.stdout, ordersAPI, who)

	if got := requestToken(t, namelessAPI+"/.default"); got.code == 0 || !strings.Contains(got.stderr, "AADSTS500011") {
		t.Errorf("an API without an Application ID URI: exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}

	grantByName(t, "func-admin", printedObject, `"`+who.ObjectID+`"`, printedName, `"orders-api"`, printedRole, `"Orders.Read.All"`).want(t, 0)
	after := requestToken(t, "")
	after.want(t, 0)
	checkToken(t, after.stdout, ordersAPI, who, "Orders.Read.All")
}
