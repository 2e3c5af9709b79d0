package interop

import (
	"strings"
	"testing"
)

// In the sandbox every client runs as it is, with no setting at all: what it looks for under the addresses and names of
// the cloud is Inborn. A site has the variables of App Service besides, a virtual machine has nothing.

func TestSandboxServesProgramsAsTheyAre(t *testing.T) {
	needSandbox(t)
	for _, p := range places() {
		b := privately("sandbox", p.resource)
		t.Run(p.resource, func(t *testing.T) {
			t.Run("azidentity", func(t *testing.T) { b.askGo(t, p.questions(usersOfGraph)) })
			t.Run("npm @azure/identity", func(t *testing.T) { b.askNode(t, p.questions(usersOfGraph)) })
			t.Run("npm @microsoft/microsoft-graph-client", func(t *testing.T) {
				needPackages(t)
				checkUsers(t, b.run(t, "", "node", "js/graph.mjs"))
			})
			t.Run("fetch", func(t *testing.T) { b.askIMDSWithFetch(t, p.system) })
			t.Run("curl", func(t *testing.T) { b.askWithCurl(t, curlIMDS, p.system) })
			t.Run("Python's azure-identity", func(t *testing.T) { b.askPython(t, p) })
			t.Run("Python's msal", func(t *testing.T) { b.askMSAL(t) })
			if p.site {
				t.Run("curl on App Service", func(t *testing.T) { b.askWithCurl(t, curlAppService, p.system) })
				t.Run("fetch on App Service", func(t *testing.T) {
					token := strings.TrimSpace(b.run(t, "", "node", "testdata/article-appservice.mjs"))
					privateTokens().check(t, token, graph+"/", p.system)
				})
			}
		})
	}
}

func TestSandboxServesAzAsItIs(t *testing.T) {
	t.Parallel() // it takes its time
	needSandbox(t)
	for _, p := range places() {
		for _, login := range p.logins() {
			t.Run(p.resource+", "+login.name, func(t *testing.T) { privately("sandbox", p.resource).useAz(t, login) })
		}
	}
}

// A program that joins is served by an Inborn that others see as well.
func TestSandboxJoinsARunningInborn(t *testing.T) {
	needSandbox(t)
	system, user := identityOf(t, "func-orders"), identityOf(t, "id-orders-dev-local-01")
	cases := []tokenCase{
		{name: "system-assigned by default", want: system, ask: ask{Credential: standard, Scope: graph}},
		{name: "user-assigned by client id", want: user, ask: ask{Credential: managed, Options: options{"clientId": user.ClientID}, Scope: arm}},
	}
	var answers []tokenAnswer
	joining("sandbox", "func-orders").runJSON(t, asksOf(cases), []string{shared.self, clientArgument, "ask"}, &answers)
	checkAnswers(t, dev.tokens(), cases, answers)
}

// Whoever may make a user namespace has the sandbox: root or not makes no difference inside.
func TestSandboxForEveryUser(t *testing.T) {
	needSandbox(t)
	for _, u := range users() {
		t.Run(u.name, func(t *testing.T) {
			for _, p := range places() {
				t.Run(p.resource, func(t *testing.T) {
					b := privately("sandbox", p.resource)
					b.as = u.as
					t.Run("azidentity", func(t *testing.T) { b.askGo(t, p.questions(usersOfGraph)) })
					t.Run("fetch", func(t *testing.T) { b.askIMDSWithFetch(t, p.system) })
					t.Run("curl", func(t *testing.T) { b.askWithCurl(t, curlIMDS, p.system) })
				})
			}
		})
	}
}

// What the caller has set for the real cloud, and for its way to the network, must not lead a program past Inborn.
func TestCallersSettingsDoNotCount(t *testing.T) {
	needSandbox(t)
	for _, mode := range []string{"sandbox", "proxy"} {
		for _, p := range places() {
			t.Run(mode+", "+p.resource, func(t *testing.T) {
				b := privately(mode, p.resource)
				for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "IDENTITY_ENDPOINT", "MSI_ENDPOINT", "IMDS_ENDPOINT", "AZURE_AUTHORITY_HOST"} {
					b.env = append(b.env, name+"="+nowhere)
				}
				b.env = append(b.env, "NO_PROXY=*", "no_proxy=.microsoft.com,169.254.0.0/16", "IDENTITY_HEADER=x", "MSI_SECRET=x", "IDENTITY_SERVER_THUMBPRINT=x",
					"AZURE_CLIENT_ID="+another().ClientID, "AZURE_TENANT_ID="+another().ObjectID, "AZURE_CLIENT_SECRET=x", "SSL_CERT_FILE=/dev/null", "CURL_CA_BUNDLE=/dev/null")
				b.askGo(t, p.questions(usersOfGraph))
				t.Run("curl", func(t *testing.T) { b.askWithCurl(t, curlIMDS, p.system) })
			})
		}
	}
}

// AZURE_CLIENT_ID is for programs that choose their identity by it, and is set for no others.
func TestRunSetsTheClientIDOnRequest(t *testing.T) {
	needSandbox(t)
	for _, p := range places() {
		t.Run(p.resource, func(t *testing.T) {
			b := privately("sandbox", p.resource, "--client-id", p.user.ClientID)
			b.askGo(t, []tokenCase{{name: standard, want: p.user, ask: ask{Credential: standard, Scope: graph}}})
			b.askNode(t, []tokenCase{{name: "npm " + standard, want: p.user, ask: ask{Credential: standard, Scope: graph}}})
		})
	}
}
