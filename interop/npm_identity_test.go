package interop

import (
	"strings"
	"testing"
	"time"
)

const (
	managed  = "ManagedIdentityCredential"
	standard = "DefaultAzureCredential"
)

type options map[string]string

// nodeAsk is one question for js/identity.mjs. The library keeps tokens for the life of the process, by identity and
// audience, so no two questions of one run are the same.
type nodeAsk struct {
	Credential string  `json:"credential"`
	Options    options `json:"options"`
	Scope      string  `json:"scope"`
}

type nodeAnswer struct {
	Token  string `json:"token"`
	Error  string `json:"error"`
	Millis int64  `json:"millis"`
}

type nodeCase struct {
	name    string
	ask     nodeAsk
	want    identity
	refused string // what the error says; then want is nobody
}

// askIdentities asks all questions in one Node process.
func askIdentities(t *testing.T, env map[string]string, cases []nodeCase) {
	t.Helper()
	var asks []nodeAsk
	for _, c := range cases {
		asks = append(asks, c.ask)
	}
	var answers []nodeAnswer
	nodeJSON(t, env, asks, &answers, "js/identity.mjs")
	if len(answers) != len(cases) {
		t.Fatalf("%d answers to %d questions", len(answers), len(cases))
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := answers[i]
			switch {
			case c.refused == "" && got.Error != "":
				t.Fatal(got.Error)
			case c.refused == "":
				checkToken(t, got.Token, c.ask.Scope, c.want)
			case got.Error == "":
				t.Fatalf("got a token of %+v", readToken(t, got.Token))
			case !strings.Contains(got.Error, c.refused):
				t.Errorf("the error does not speak of %q:\n%s", c.refused, got.Error)
			}
			if took := time.Duration(got.Millis) * time.Millisecond; took > failsWithin {
				t.Errorf("it took %s, want less than %s", took, failsWithin)
			}
		})
	}
}

func TestNodeOnAppServiceGetsTheIdentityItAsksFor(t *testing.T) {
	needPackages(t)
	system, user := identityOf(t, "func-orders"), identityOf(t, "id-orders-dev-local-01")
	askIdentities(t, launch(t, "func-orders"), []nodeCase{
		{name: "system-assigned by default", want: system, ask: nodeAsk{Credential: managed, Scope: graph}},
		{name: "user-assigned by client id", want: user, ask: nodeAsk{Credential: managed, Options: options{"clientId": user.ClientID}, Scope: graph}},
		{name: "user-assigned by object id", want: user, ask: nodeAsk{Credential: managed, Options: options{"objectId": user.ObjectID}, Scope: arm}},
		{name: "user-assigned by resource id", want: user, ask: nodeAsk{Credential: managed, Options: options{"resourceId": user.ResourceID}, Scope: orders}},
		{name: "DefaultAzureCredential", want: system, ask: nodeAsk{Credential: standard, Scope: orders}},
		{name: "DefaultAzureCredential with a client id", want: user,
			ask: nodeAsk{Credential: standard, Options: options{"managedIdentityClientId": user.ClientID}, Scope: "https://vault.azure.net"}},
		{name: "an identity that the resource does not have", refused: "No Managed Identity found",
			ask: nodeAsk{Credential: managed, Options: options{"clientId": identityOf(t, "id-of-another").ClientID}, Scope: graph}},
	})
}

func TestNodeOnIMDSByAuthorityHost(t *testing.T) {
	needPackages(t)
	system, user := identityOf(t, "func-orders"), identityOf(t, "id-orders-dev-local-01")
	askIdentities(t, map[string]string{"AZURE_POD_IDENTITY_AUTHORITY_HOST": dev.IdentityEndpoint}, []nodeCase{
		{name: "system-assigned by default", want: system, ask: nodeAsk{Credential: managed, Scope: graph}},
		{name: "user-assigned by client id", want: user, ask: nodeAsk{Credential: managed, Options: options{"clientId": user.ClientID}, Scope: graph}},
		{name: "user-assigned by object id", want: user, ask: nodeAsk{Credential: managed, Options: options{"objectId": user.ObjectID}, Scope: arm}},
		{name: "user-assigned by resource id", want: user, ask: nodeAsk{Credential: managed, Options: options{"resourceId": user.ResourceID}, Scope: orders}},
		{name: "DefaultAzureCredential after its probe", want: system, ask: nodeAsk{Credential: standard, Scope: orders}},
		{name: "an identity that the resource does not have", refused: "Identity not found",
			ask: nodeAsk{Credential: managed, Options: options{"clientId": identityOf(t, "id-of-another").ClientID}, Scope: graph}},
	})
}

// The function of an article runs as it was printed, client id and all, but for the address of Graph, and lists the
// users of the tenant.
func TestNodeRunsTheFunctionOfTheArticle(t *testing.T) {
	needPackages(t)
	env := launch(t, "func-orders")
	env["GRAPH"] = dev.Origin
	var page struct {
		Value []struct {
			UserPrincipalName string `json:"userPrincipalName"`
		} `json:"value"`
	}
	nodeJSON(t, env, nil, &page, "testdata/article-function.cjs")
	if len(page.Value) != 2 || page.Value[0].UserPrincipalName == page.Value[1].UserPrincipalName {
		t.Errorf("users: %+v, want ann and bob", page.Value)
	}
}

// The other article's helper speaks HTTP to the endpoint of App Service itself.
func TestNodeRunsTheTokenHelperOfTheArticle(t *testing.T) {
	needPackages(t)
	token := strings.TrimSpace(node(t, launch(t, "func-orders"), "", "testdata/article-appservice.mjs"))
	checkToken(t, token, graph+"/", identityOf(t, "func-orders"))
}
