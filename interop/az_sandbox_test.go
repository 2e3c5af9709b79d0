package interop

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The az of Debian in the sandbox, as it is: whoever it signs in as owns the subscription. Every command is a process that
// takes two seconds to start, so chains of commands run beside each other, in one sandbox whose Inborn they share.

const azChainsWithin = 3 * time.Minute

// azChain is commands that az runs one after another, signed in with these flags.
type azChain struct {
	name  string
	login string
	steps []azStep
}

// fails is a step that az ends with an error that speaks of text.
func fails(text string, args ...string) azStep { return azStep{want: text, args: args, fails: true} }

// script runs the chain and leaves what each command prints in files of folder, by number: N.out, N.err, N.code.
func (c azChain) script(folder string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "mkdir -p %[1]s\nexport AZURE_CONFIG_DIR=%[1]s HOME=%[1]s AZURE_CORE_COLLECT_TELEMETRY=no\naz login --identity %[2]s >%[1]s/login 2>&1\n",
		quoted(folder), c.login)
	for n, s := range c.steps {
		b.WriteString("az")
		for _, arg := range append(s.args, "--output", "json") {
			b.WriteString(" " + quoted(arg))
		}
		file := quoted(filepath.Join(folder, fmt.Sprint(n)))
		fmt.Fprintf(&b, " >%[1]s.out 2>%[1]s.err; echo $? >%[1]s.code\n", file)
	}
	return b.String()
}

// quoted is how a shell takes a word as it is.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// check looks at what script has left.
func (c azChain) check(t *testing.T, folder string) {
	read := func(n int, kind string) string {
		text, err := os.ReadFile(filepath.Join(folder, fmt.Sprintf("%d.%s", n, kind)))
		if err != nil {
			login, _ := os.ReadFile(filepath.Join(folder, "login"))
			t.Fatalf("az did not come to it: %v\n%s", err, login)
		}
		return string(text)
	}
	for n, s := range c.steps {
		command := "az " + strings.Join(s.args, " ")
		code, stdout, stderr := strings.TrimSpace(read(n, "code")), read(n, "out"), read(n, "err")
		switch {
		case s.fails && (code == "0" || !strings.Contains(stderr, s.want)):
			t.Errorf("%s ends with %s, want an error that speaks of %q\n%s", command, code, s.want, stderr)
		case !s.fails && code != "0":
			t.Errorf("%s ends with %s\n%s", command, code, stderr)
		case !s.fails && s.want != "" && compact(stdout) != s.want:
			t.Errorf("%s prints %s; want %s", command, stdout, s.want)
		}
	}
}

// compact is JSON without blanks, and "" for what is none.
func compact(text string) string {
	var value any
	if json.Unmarshal([]byte(text), &value) != nil {
		return ""
	}
	out, _ := json.Marshal(value)
	return string(out)
}

// runChains runs the chains beside each other in one sandbox.
func (b box) runChains(t *testing.T, folder string, before azChain, beside []azChain, after azChain) {
	t.Helper()
	path := func(c azChain) string { return filepath.Join(folder, c.name) }
	script := before.script(path(before))
	for _, c := range beside {
		script += "(\n" + c.script(path(c)) + ") &\n"
	}
	script += "wait\n" + after.script(path(after))
	b.within = azChainsWithin
	b.run(t, script, "sh")
	for _, c := range append(append([]azChain{before}, beside...), after) {
		t.Run(c.name, func(t *testing.T) { c.check(t, path(c)) })
	}
}

// Cases 60 to 67, 75 and 94 by az, whose own role commands crash in the package itself.
func TestAzManagesResourcesInTheSandbox(t *testing.T) {
	t.Parallel() // it takes its time
	needSandbox(t)
	if _, err := exec.LookPath("az"); err != nil {
		unavailable(t, "no az: %v; on Debian: apt-get install azure-cli", err)
	}
	group := func(args ...string) []string { return append(args, "--resource-group", "rg-box") }
	before := azChain{"groups", "", []azStep{
		says(`["`+boxGroup+`","Succeeded"]`, "group", "create", "--name", "rg-box", "--location", "westeurope", "--query", "[id,properties.provisioningState]"),
		says(`"westeurope"`, "group", "show", "--name", "rg-box", "--query", "location"),
		says(`["default","rg-box"]`, "group", "list", "--query", "sort([].name)"),
		says(``, group("identity", "create", "--name", "id-box")...),
	}}
	after := azChain{"the end", "", []azStep{
		says(`["func-box"]`, group("identity", "list-resources", "--name", "id-box", "--query", "[].name")...),
		says(``, group("identity", "delete", "--name", "id-box")...),
		says(`[]`, group("identity", "list")...),
		says(``, "group", "delete", "--name", "rg-box", "--yes"),
		fails("ResourceGroupNotFound", "group", "show", "--name", "rg-box"),
	}}
	privately("sandbox", "func-owner").runChains(t, t.TempDir(), before, []azChain{azIdentities(), azRoles(), azApps(), azStranger()}, after)
}

const (
	boxGroup    = "/subscriptions/" + privateSubscription + "/resourceGroups/rg-box"
	boxIdentity = boxGroup + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-box"
)

func azIdentities() azChain {
	in := func(args ...string) []string {
		return append(args, "--resource-group", "rg-box", "--identity-name", "id-box")
	}
	const issuer, audience = "https://token.actions.example", "api://AzureADTokenExchange"
	return azChain{"identities", "", []azStep{
		says(`["id-box"]`, "identity", "list", "--resource-group", "rg-box", "--query", "[].name"),
		says(`["`+boxIdentity+`","Microsoft.ManagedIdentity/userAssignedIdentities"]`, "identity", "show", "--resource-group", "rg-box", "--name", "id-box", "--query", "[id,type]"),
		says(`["`+issuer+`","repo:orders:main",["`+audience+`"]]`, in("identity", "federated-credential", "create", "--name", "fic-1", "--issuer", issuer,
			"--subject", "repo:orders:main", "--audiences", audience, "--query", "[issuer,subject,audiences]")...),
		says(`"repo:orders:next"`, in("identity", "federated-credential", "update", "--name", "fic-1", "--issuer", issuer, "--subject", "repo:orders:next",
			"--audiences", audience, "--query", "subject")...),
		says(`"repo:orders:next"`, in("identity", "federated-credential", "show", "--name", "fic-1", "--query", "subject")...),
		says(`["fic-1"]`, in("identity", "federated-credential", "list", "--query", "[].name")...),
		says(``, in("identity", "federated-credential", "delete", "--name", "fic-1", "--yes")...),
		fails("ResourceNotFound", in("identity", "federated-credential", "show", "--name", "fic-1")...),
	}}
}

func azRoles() azChain {
	const (
		types = boxGroup + "/providers/Microsoft.Authorization/roleAssignments"
		first = types + "/8a1d0c3e-0000-4000-8000-000000000001?api-version=2022-04-01"
		other = types + "/8a1d0c3e-0000-4000-8000-000000000002?api-version=2022-04-01"
		roles = "/subscriptions/" + privateSubscription + "/providers/Microsoft.Authorization/roleDefinitions"
	)
	body := func(principal string) string {
		return `{"properties": {"principalId": "` + principal + `", "roleDefinitionId": "` + roles + `/` + readerRole + `"}}`
	}
	rest := func(method, url string, more ...string) []string {
		return append([]string{"rest", "--method", method, "--url", url}, more...)
	}
	holder := another().ObjectID
	mine := types + "?api-version=2022-04-01&$filter=principalId eq '" + holder + "'"
	return azChain{"roles", "", []azStep{
		says(`["`+readerRole+`"]`, rest("GET", roles+"?api-version=2022-04-01&$filter=roleName eq 'Reader'", "--query", "value[].name")...),
		says(`["ServicePrincipal","`+boxGroup+`"]`, rest("PUT", first, "--body", body(holder), "--query", "[properties.principalType,properties.scope]")...),
		says(`"`+roles+`/`+readerRole+`"`, rest("PUT", first, "--body", body(holder), "--query", "properties.roleDefinitionId")...),
		says(`["`+strings.TrimSuffix(first, "?api-version=2022-04-01")+`"]`, rest("GET", mine, "--query", "value[].id")...),
		fails("The role assignment already exists.", rest("PUT", other, "--body", body(holder))...),
		fails("Principal 00000000111122223333444444444444 does not exist in the directory "+privateTenant, rest("PUT", other, "--body", body("00000000-1111-2222-3333-444444444444"))...),
		fails("RoleDefinitionDoesNotExist", rest("PUT", other, "--body", strings.ReplaceAll(body(holder), readerRole, "00000000-1111-2222-3333-444444444444"))...),
		says(``, rest("DELETE", first)...),
		says(``, rest("DELETE", first)...),
		says(`[]`, rest("GET", mine, "--query", "value")...),
	}}
}

func azApps() azChain {
	in := func(args ...string) []string {
		return append(args, "--resource-group", "rg-box", "--name", "func-box")
	}
	return azChain{"function apps", "", []azStep{
		says(`"storebox1"`, "storage", "account", "create", "--resource-group", "rg-box", "--name", "storebox1", "--location", "westeurope", "--sku", "Standard_LRS", "--query", "name"),
		says(`["func-box.azurewebsites.net","Running"]`, in("functionapp", "create", "--storage-account", "storebox1", "--consumption-plan-location", "westeurope", "--runtime", "node",
			"--functions-version", "4", "--disable-app-insights", "--query", "[defaultHostName,state]")...),
		says(`"SystemAssigned, UserAssigned"`, in("functionapp", "identity", "assign", "--identities", "[system]", boxIdentity, "--query", "type")...),
		says(`["`+boxIdentity+`"]`, in("functionapp", "identity", "show", "--query", "keys(userAssignedIdentities)")...),
		says(`["https://orders.example"]`, in("functionapp", "config", "appsettings", "set", "--settings", "Orders=https://orders.example", "--query", "[?name=='Orders'].value")...),
		says(`["https://orders.example"]`, in("functionapp", "config", "appsettings", "list", "--query", "[?name=='Orders'].value")...),
		says(`["func-box"]`, "resource", "list", "--resource-group", "rg-box", "--resource-type", "Microsoft.Web/sites", "--query", "[].name"),
		says(`"UserAssigned"`, in("functionapp", "identity", "remove", "--query", "type")...),
		says(`"UserAssigned"`, in("resource", "show", "--resource-type", "Microsoft.Web/sites", "--query", "identity.type")...),
	}}
}

// azStranger is somebody without a role, who is told so.
func azStranger() azChain {
	return azChain{"a stranger", "--allow-no-subscriptions --username " + another().ClientID, []azStep{
		says(`[]`, "rest", "--url", "/subscriptions?api-version=2022-12-01", "--query", "value"),
		fails("does not have authorization to perform action 'Microsoft.Authorization/roleAssignments/read' over scope '/' or the scope is invalid.", "rest", "--url",
			"/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01"),
	}}
}
