package seeds

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	printedGraph = "9654473a-512a-4c6a-8525-02cc112c5b08" // service principal of Graph in the tenant of document 001
	printedToken = "<token_you_got_from_above>"
)

// noIdentity is what the printed library and today's say where a host does not have the identity asked for.
var noIdentity = regexp.MustCompile(`no available identity|No Managed Identity found`)

// adminToken runs the printed command that puts a token into the clipboard, and takes it from there.
func adminToken(t *testing.T) string {
	t.Helper()
	bin, clipboard := t.TempDir(), filepath.Join(t.TempDir(), "clipboard")
	if err := os.WriteFile(filepath.Join(bin, "pbcopy"), []byte("#!/bin/sh\ncat >\"$CLIPBOARD\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	h := host{resource: "func-admin", env: []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "CLIPBOARD=" + clipboard}}
	h.run(t, "sh", "-e", "testdata/001/token.sh").want(t, 0)
	text, err := os.ReadFile(clipboard)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Trim(strings.TrimSpace(string(text)), `"`)
}

// The five steps of document 001, its program with the libraries of its own package.json and with those of today, on a
// function app and on a virtual machine. Whoever has no identity, or one without the permission, is refused.
func TestSeed001TimerListsUsersOnceItIsGranted(t *testing.T) {
	needPackages(t, ".")
	needPackages(t, "testdata/001")
	signIn(t, "func-admin")
	programs := map[string][]string{
		"with the printed packages": {"node", "harness/timer.cjs", "testdata/001/function.js"},
		"with today's packages":     {"node", "harness/timer.cjs", "testdata/001/function.js", "."},
	}
	everywhere := func(check func(t *testing.T, got result), resources ...string) {
		for name, program := range programs {
			for _, resource := range resources {
				t.Run(name+" on "+resource, func(t *testing.T) { check(t, on(t, resource, program...)) })
			}
		}
	}

	everywhere(func(t *testing.T, got result) {
		if got.code != 1 || !noIdentity.MatchString(got.stderr) {
			t.Errorf("without an identity: exit code %d\n%s%s", got.code, got.stdout, got.stderr)
		}
	}, "sahiltimerapp")

	dev.run(t, nil, "identity", "assign", "sahiltimerapp", "sahiltimerfunctionidentity")
	everywhere(func(t *testing.T, got result) {
		got.want(t, 0)
		if !strings.Contains(got.stdout, "Authorization_RequestDenied") {
			t.Errorf("without the permission it logged\n%s", got.stdout)
		}
	}, "sahiltimerapp", "vm-timer")

	who := identityOf(t, "sahiltimerfunctionidentity")
	var found struct {
		Value []struct{ ID, ServicePrincipalType string }
	}
	ask(t, "/v1.0/servicePrincipals?$filter=appId eq '"+who.ClientID+"'", &found)
	if len(found.Value) != 1 || found.Value[0].ID != who.ObjectID || found.Value[0].ServicePrincipalType != "ManagedIdentity" {
		t.Errorf("found by its client id: %+v", found)
	}
	grantListing1(t, who)
	everywhere(func(t *testing.T, got result) {
		got.want(t, 0)
		for _, want := range []string{"Timer function called", "getting access token", "ann@contoso.example", "bob@contoso.example"} {
			if !strings.Contains(got.stdout, want) {
				t.Errorf("it did not log %q:\n%s", want, got.stdout)
			}
		}
	}, "sahiltimerapp", "vm-timer")
	checkToken(t, tokenOf(t, "sahiltimerapp", graph, "--client-id", who.ClientID), graph, who, "User.Read.All")
}

// grantListing1 grants as listing 1 does, and verifies it as the document says: by a GET of the same URL.
func grantListing1(t *testing.T, who identity) {
	t.Helper()
	need(t, "curl")
	var api servicePrincipal
	ask(t, "/v1.0/servicePrincipals(appId='"+graphAppID+"')?$select=id,appRoles", &api)
	token := adminToken(t)
	for _, c := range []struct{ name, token, answer string }{
		{"nobody", "nothing", "InvalidAuthenticationToken"},
		{"the identity itself", tokenOf(t, "sahiltimerapp", graph, "--client-id", who.ClientID), "Authorization_RequestDenied"},
		{"the administrator", token, `"principalId":"` + who.ObjectID + `"`},
	} {
		t.Run("granted by "+c.name, func(t *testing.T) {
			script := edited(t, "testdata/001/grant.sh", printedGraph, api.ID, printedToken, c.token)
			got := host{resource: "func-admin", stdin: script}.run(t, "sh", "-e")
			got.want(t, 0)
			if !strings.Contains(strings.ReplaceAll(got.stdout, ": ", ":"), c.answer) {
				t.Errorf("the answer has no %s:\n%s", c.answer, got.stdout)
			}
		})
	}
	var listed struct {
		Value []struct{ PrincipalID, AppRoleID string }
	}
	got := on(t, "func-admin", "curl", "-sS", graph+"/beta/servicePrincipals/"+api.ID+"/appRoleAssignments", "--header", "Authorization: Bearer "+token)
	got.want(t, 0)
	if err := json.Unmarshal([]byte(got.stdout), &listed); err != nil {
		t.Fatalf("%v: %s", err, got.stdout)
	}
	for _, a := range listed.Value {
		if a.PrincipalID == who.ObjectID && a.AppRoleID == "df021288-bdef-4463-88db-98f22de89214" {
			return
		}
	}
	t.Errorf("a GET of the same URL does not show it: %s", got.stdout)
}
