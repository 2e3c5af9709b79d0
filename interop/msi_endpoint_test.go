package interop

import (
	"os/exec"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// The endpoint as it was in 2017, under MSI_ENDPOINT and MSI_SECRET. Today's libraries take the two for those of Azure
// ML, where only a client id names an identity. Where IDENTITY_ENDPOINT is set as well, none of them may look at these.

const (
	storage = "https://storage.azure.com"
	sql     = "https://database.windows.net"
	vault   = "https://vault.azure.net"

	nowhere = "http://127.0.0.1:9/nothing/listens/here"
)

func TestGoOnTheEndpointOf2017(t *testing.T) {
	env := launch(t, "func-orders")
	t.Setenv("MSI_ENDPOINT", env["MSI_ENDPOINT"])
	t.Setenv("MSI_SECRET", env["MSI_SECRET"])
	system, user := identityOf(t, "func-orders"), identityOf(t, "id-orders-dev-local-01")
	for _, c := range []struct {
		name string
		id   azidentity.ManagedIDKind
		want identity
	}{
		{"G68 system-assigned by default", nil, system},
		{"G69 user-assigned by client id", azidentity.ClientID(user.ClientID), user},
	} {
		t.Run(c.name, func(t *testing.T) {
			token, err := goToken(t, goManagedIdentity(t, c.id), storage)
			if err != nil {
				t.Fatal(err)
			}
			checkToken(t, token, storage, c.want)
		})
	}
}

func TestGoPrefersTheNewerEndpoint(t *testing.T) {
	becomeWorkload(t, "func-orders")
	t.Setenv("MSI_ENDPOINT", nowhere)
	t.Setenv("MSI_SECRET", "nothing")
	token, err := goToken(t, goDefault(t), sql)
	if err != nil {
		t.Fatal(err)
	}
	checkToken(t, token, sql, identityOf(t, "func-orders"))
}

func TestNodeOnTheEndpointOf2017(t *testing.T) {
	needPackages(t)
	env := launch(t, "func-orders")
	system, user := identityOf(t, "func-orders"), identityOf(t, "id-orders-dev-local-01")
	askIdentities(t, map[string]string{"MSI_ENDPOINT": env["MSI_ENDPOINT"], "MSI_SECRET": env["MSI_SECRET"]}, []tokenCase{
		{name: "G68 system-assigned by default", want: system, ask: ask{Credential: managed, Scope: graph}},
		{name: "G69 user-assigned by client id", want: user, ask: ask{Credential: managed, Options: options{"clientId": user.ClientID}, Scope: graph}},
		{name: "DefaultAzureCredential", want: system, ask: ask{Credential: standard, Scope: vault}},
	})
}

func TestNodePrefersTheNewerEndpoint(t *testing.T) {
	needPackages(t)
	env := launch(t, "func-orders")
	env["MSI_ENDPOINT"] = nowhere
	askIdentities(t, env, []tokenCase{
		{name: "managed identity", want: identityOf(t, "func-orders"), ask: ask{Credential: managed, Scope: graph}},
		{name: "DefaultAzureCredential", want: identityOf(t, "func-orders"), ask: ask{Credential: standard, Scope: vault}},
	})
}

// pythonAsk prints a token of the audience in its argument. The library is the one that comes with Debian's az.
const pythonAsk = `
import sys
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
options = {"client_id": sys.argv[3]} if len(sys.argv) > 3 else {}
credential = DefaultAzureCredential() if sys.argv[1] == "default" else ManagedIdentityCredential(**options)
print(credential.get_token(sys.argv[2] + "/.default").token, end="")
`

func TestPythonOnBothEndpoints(t *testing.T) {
	const python = "/usr/bin/python3" // Debian's; another one may stand before it
	if out, err := exec.Command(python, "-c", "import azure.identity").CombinedOutput(); err != nil {
		unavailable(t, "no azure-identity for Python: %v\n%s", err, out)
	}
	env := launch(t, "func-orders")
	system, user := identityOf(t, "func-orders"), identityOf(t, "id-orders-dev-local-01")
	newer := []string{"IDENTITY_ENDPOINT=" + env["IDENTITY_ENDPOINT"], "IDENTITY_HEADER=" + env["IDENTITY_HEADER"], "MSI_ENDPOINT=" + nowhere, "MSI_SECRET=nothing"}
	older := []string{"MSI_ENDPOINT=" + env["MSI_ENDPOINT"], "MSI_SECRET=" + env["MSI_SECRET"]}
	for _, c := range []struct {
		name string
		env  []string
		args []string
		want identity
	}{
		{"2019, DefaultAzureCredential", newer, []string{"default", graph}, system},
		{"2019, client id", newer, []string{"managed", graph, user.ClientID}, user},
		{"G67, DefaultAzureCredential", older, []string{"default", graph}, system},
		{"G69, client id", older, []string{"managed", graph, user.ClientID}, user},
	} {
		t.Run(c.name, func(t *testing.T) {
			command := exec.CommandContext(t.Context(), python, append([]string{"-c", pythonAsk}, c.args...)...)
			command.Env = append(command.Environ(), c.env...)
			out, err := command.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			checkToken(t, string(out), graph, c.want)
		})
	}
}
