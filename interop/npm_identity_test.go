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

// ask is one question for js/identity.mjs, or for the Go program of clients_test.go. The libraries keep tokens for the life
// of the process, by identity and audience, so no two questions of one run are the same.
type ask struct {
	Credential string  `json:"credential"`
	Options    options `json:"options,omitempty"`
	Scope      string  `json:"scope"`
	Call       string  `json:"call,omitempty"` // what to get with the token; "": nothing
}

type tokenAnswer struct {
	Token  string `json:"token"`
	Body   string `json:"body"` // of the call
	Error  string `json:"error"`
	Millis int64  `json:"millis"`
}

type tokenCase struct {
	name    string
	ask     ask
	want    identity
	refused string // what the error says; then want is nobody
}

func asksOf(cases []tokenCase) []ask {
	var asks []ask
	for _, c := range cases {
		asks = append(asks, c.ask)
	}
	return asks
}

// askIdentities asks all questions in one Node process.
func askIdentities(t *testing.T, env map[string]string, cases []tokenCase) {
	t.Helper()
	var answers []tokenAnswer
	nodeJSON(t, env, asksOf(cases), &answers, "js/identity.mjs")
	checkAnswers(t, dev.tokens(), cases, answers)
}

// checkAnswers expects tokens of that tenant, or refusals.
func checkAnswers(t *testing.T, from tenant, cases []tokenCase, answers []tokenAnswer) {
	t.Helper()
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
				from.check(t, got.Token, c.ask.Scope, c.want)
			case got.Error == "":
				t.Fatalf("got a token of %+v", readToken(t, got.Token))
			case !strings.Contains(got.Error, c.refused):
				t.Errorf("the error does not speak of %q:\n%s", c.refused, got.Error)
			}
			if c.ask.Call != "" {
				checkUsers(t, got.Body)
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
	askIdentities(t, launch(t, "func-orders"), []tokenCase{
		{name: "system-assigned by default", want: system, ask: ask{Credential: managed, Scope: graph}},
		{name: "user-assigned by client id", want: user, ask: ask{Credential: managed, Options: options{"clientId": user.ClientID}, Scope: graph}},
		{name: "user-assigned by object id", want: user, ask: ask{Credential: managed, Options: options{"objectId": user.ObjectID}, Scope: arm}},
		{name: "user-assigned by resource id", want: user, ask: ask{Credential: managed, Options: options{"resourceId": user.ResourceID}, Scope: orders}},
		{name: "DefaultAzureCredential", want: system, ask: ask{Credential: standard, Scope: orders}},
		{name: "DefaultAzureCredential with a client id", want: user,
			ask: ask{Credential: standard, Options: options{"managedIdentityClientId": user.ClientID}, Scope: "https://vault.azure.net"}},
		{name: "an identity that the resource does not have", refused: "No Managed Identity found",
			ask: ask{Credential: managed, Options: options{"clientId": identityOf(t, "id-of-another").ClientID}, Scope: graph}},
	})
}

func TestNodeOnIMDSByAuthorityHost(t *testing.T) {
	needPackages(t)
	system, user := identityOf(t, "func-orders"), identityOf(t, "id-orders-dev-local-01")
	askIdentities(t, map[string]string{"AZURE_POD_IDENTITY_AUTHORITY_HOST": dev.IdentityEndpoint}, []tokenCase{
		{name: "system-assigned by default", want: system, ask: ask{Credential: managed, Scope: graph}},
		{name: "user-assigned by client id", want: user, ask: ask{Credential: managed, Options: options{"clientId": user.ClientID}, Scope: graph}},
		{name: "user-assigned by object id", want: user, ask: ask{Credential: managed, Options: options{"objectId": user.ObjectID}, Scope: arm}},
		{name: "user-assigned by resource id", want: user, ask: ask{Credential: managed, Options: options{"resourceId": user.ResourceID}, Scope: orders}},
		{name: "DefaultAzureCredential after its probe", want: system, ask: ask{Credential: standard, Scope: orders}},
		{name: "an identity that the resource does not have", refused: "Identity not found",
			ask: ask{Credential: managed, Options: options{"clientId": identityOf(t, "id-of-another").ClientID}, Scope: graph}},
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
