package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// The clients that `inborn run` starts, in each of its modes. The Go program among them is this one, started again with
// clientArgument: it uses azidentity as every program does and knows nothing of Inborn.

// clientArgument makes this program another one; which, is the next argument.
const clientArgument = "client"

// becomeClient is the main function of a client. It is called before anything of the tests is set up.
func becomeClient(name string, args []string) int {
	clients := localClients()
	clients["ask"], clients["manage"] = answerAsks, manageAlone
	clients["keys"], clients["certificates"], clients["secrets"] = keepAlone, certifyAlone, confideAlone
	if err := clients[name](args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// answerAsks is js/identity.mjs with azidentity.
func answerAsks([]string) error {
	var asks []ask
	if err := json.NewDecoder(os.Stdin).Decode(&asks); err != nil {
		return err
	}
	var answers []tokenAnswer
	for _, a := range asks {
		began := time.Now()
		var got tokenAnswer
		if err := a.answer(&got); err != nil {
			got.Error = err.Error()
		}
		got.Millis = time.Since(began).Milliseconds()
		answers = append(answers, got)
	}
	return json.NewEncoder(os.Stdout).Encode(answers)
}

func (a ask) answer(got *tokenAnswer) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	credential, err := a.credential()
	if err != nil {
		return err
	}
	token, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{a.Scope + "/.default"}})
	if err != nil {
		return err
	}
	got.Token = token.Token
	if a.Call != "" {
		got.Body, err = call(ctx, a.Call, token.Token)
	}
	return err
}

func (a ask) credential() (azcore.TokenCredential, error) {
	if a.Credential == standard {
		return azidentity.NewDefaultAzureCredential(nil)
	}
	options := &azidentity.ManagedIdentityCredentialOptions{}
	for name, value := range a.Options {
		switch name {
		case "clientId":
			options.ID = azidentity.ClientID(value)
		case "objectId":
			options.ID = azidentity.ObjectID(value)
		case "resourceId":
			options.ID = azidentity.ResourceID(value)
		}
	}
	return azidentity.NewManagedIdentityCredential(options)
}

// call gets a URL with a token.
func call(ctx context.Context, url, token string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// questions are all ways to choose an identity, each for another audience. The first of them calls users, if there is
// such an address.
func (p place) questions(users string) []tokenCase {
	return []tokenCase{
		{name: "system-assigned by default", want: p.system, ask: ask{Credential: managed, Scope: graph, Call: users}},
		{name: "user-assigned by client id", want: p.user, ask: ask{Credential: managed, Options: options{"clientId": p.user.ClientID}, Scope: arm}},
		{name: "user-assigned by object id", want: p.user, ask: ask{Credential: managed, Options: options{"objectId": p.user.ObjectID}, Scope: storage}},
		{name: "user-assigned by resource id", want: p.user, ask: ask{Credential: managed, Options: options{"resourceId": p.user.ResourceID}, Scope: vault}},
		{name: "DefaultAzureCredential", want: p.system, ask: ask{Credential: standard, Scope: orders}},
		{name: "an identity of another resource", refused: p.refusal, ask: ask{Credential: managed, Options: options{"clientId": another().ClientID}, Scope: sql}},
	}
}

const usersOfGraph = graph + "/v1.0/users"

// askGo asks all questions in one Go process.
func (b box) askGo(t *testing.T, cases []tokenCase) {
	t.Helper()
	var answers []tokenAnswer
	b.runJSON(t, asksOf(cases), []string{shared.self, clientArgument, "ask"}, &answers)
	checkAnswers(t, privateTokens(), cases, answers)
}

// askNode asks all questions in one Node process.
func (b box) askNode(t *testing.T, cases []tokenCase) {
	t.Helper()
	needPackages(t)
	var answers []tokenAnswer
	b.runJSON(t, asksOf(cases), []string{"node", "js/identity.mjs"}, &answers)
	checkAnswers(t, privateTokens(), cases, answers)
}

// askIMDSWithFetch runs js/fetch.mjs, which it hands over as text: another user may not read this directory.
func (b box) askIMDSWithFetch(t *testing.T, want identity) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		unavailable(t, "no Node: %v", err)
	}
	script, err := os.ReadFile("js/fetch.mjs")
	if err != nil {
		t.Fatal(err)
	}
	var got tokenAnswer
	text := b.run(t, string(script), "node", "--input-type=module", "-")
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	privateTokens().check(t, got.Token, graph+"/", want)
	checkUsers(t, got.Body)
}

// What articles print: a token by curl, cut out of the answer, and a call with it.
const (
	curlIMDS       = `answer=$(curl -sS -H Metadata:true "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://graph.microsoft.com/")`
	curlAppService = `answer=$(curl -sS -H "X-IDENTITY-HEADER: $IDENTITY_HEADER" "$IDENTITY_ENDPOINT?api-version=2019-08-01&resource=https://graph.microsoft.com/")`
	curlGraph      = `
token=$(printf %s "$answer" | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
echo "$token"
curl -sS -H "Authorization: Bearer $token" https://graph.microsoft.com/v1.0/users`
)

func (b box) askWithCurl(t *testing.T, script string, want identity) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		unavailable(t, "no curl: %v", err)
	}
	token, body, _ := strings.Cut(b.run(t, "", "sh", "-ec", script+curlGraph), "\n")
	privateTokens().check(t, token, graph+"/", want)
	checkUsers(t, body)
}

// debianPython has az's libraries; another Python may stand before it.
const debianPython = "/usr/bin/python3"

func needPython(t *testing.T, module string) {
	t.Helper()
	if out, err := exec.Command(debianPython, "-c", "import "+module).CombinedOutput(); err != nil {
		unavailable(t, "no %s for Python: %v\n%s", module, err, out)
	}
}

// askPython asks with Python's azure-identity.
func (b box) askPython(t *testing.T, p place) {
	t.Helper()
	needPython(t, "azure.identity")
	for _, c := range []struct {
		name string
		args []string
		want identity
	}{
		{"DefaultAzureCredential", []string{"default", graph}, p.system},
		{"user-assigned by client id", []string{"managed", graph, p.user.ClientID}, p.user},
	} {
		t.Run(c.name, func(t *testing.T) {
			token := b.run(t, "", append([]string{debianPython, "-c", pythonAsk}, c.args...)...)
			privateTokens().check(t, token, graph, c.want)
		})
	}
}

// msalAsk finds the token service by its public name, as every application does that gives it a tenant, and asks it for a
// token that nobody would get.
const msalAsk = `
import json, msal, sys
tenant, client = sys.argv[1:]
app = msal.ConfidentialClientApplication(client, authority="https://login.microsoftonline.com/" + tenant, client_credential="a wrong secret")
print(json.dumps({"endpoint": app.authority.token_endpoint, "answer": app.acquire_token_for_client(["https://graph.microsoft.com/.default"])}))
`

// askMSAL expects that Python's MSAL finds the token service and understands its refusal.
func (b box) askMSAL(t *testing.T) {
	t.Helper()
	needPython(t, "msal")
	var got struct {
		Endpoint string
		Answer   struct {
			Error       string
			Description string `json:"error_description"`
			ID          string `json:"correlation_id"`
		}
	}
	b.runJSON(t, nil, []string{debianPython, "-c", msalAsk, privateTenant, another().ClientID}, &got)
	if got.Endpoint != "https://login.microsoftonline.com/"+privateTenant+"/oauth2/v2.0/token" {
		t.Errorf("the token endpoint is %q", got.Endpoint)
	}
	if got.Answer.Error == "" || !strings.HasPrefix(got.Answer.Description, "AADSTS") || got.Answer.ID == "" {
		t.Errorf("the token endpoint answered %+v", got.Answer)
	}
}

// azLogin is one sign-in of az and what must come of it.
type azLogin struct {
	name, flags string // of az login
	kind        string // how az calls it
	want        identity
	calls       bool // also call Graph and Resource Manager
}

func (p place) logins() []azLogin {
	logins := []azLogin{
		{"system-assigned", "", "MSI", p.system, true},
		{"user-assigned by client id", "--username " + p.user.ClientID, "MSIClient-" + p.user.ClientID, p.user, true},
	}
	if p.site { // az knows it by the variables of 2017, where only a client id names an identity
		return logins
	}
	return append(logins, azLogin{"user-assigned by object id", "--username " + p.user.ObjectID, "MSIObject-" + p.user.ObjectID, p.user, false},
		azLogin{"user-assigned by resource id", "--username " + p.user.ResourceID, "MSIResource-" + p.user.ResourceID, p.user, false})
}

// useAz signs in with an az that has never been used and calls the cloud's APIs, in one run.
func (b box) useAz(t *testing.T, login azLogin) {
	t.Helper()
	if _, err := exec.LookPath("az"); err != nil {
		unavailable(t, "no az: %v; on Debian: apt-get install azure-cli", err)
	}
	folder := t.TempDir()
	b.env = append(b.env, "AZURE_CONFIG_DIR="+folder, "HOME="+folder, "AZURE_CORE_COLLECT_TELEMETRY=no")
	script := "az login --identity --allow-no-subscriptions --output json " + login.flags + "\n" +
		"az account get-access-token --output json --resource " + graph + "\n"
	var accounts []account
	var token struct{ AccessToken, Tenant string }
	var users, tenants json.RawMessage
	out := []any{&accounts, &token}
	if login.calls {
		script += "az rest --output json --url 'https://graph.microsoft.com/v1.0/users?$select=userPrincipalName'\n" +
			"az rest --output json --url '/tenants?api-version=2022-12-01'\n"
		out = append(out, &users, &tenants)
	}
	b.runJSON(t, nil, []string{"sh", "-ec", script}, out...)
	if len(accounts) != 1 || accounts[0].TenantID != privateTenant || accounts[0].User.Identity != login.kind {
		t.Errorf("az login: %+v", accounts)
	}
	privateTokens().check(t, token.AccessToken, graph, login.want)
	if !login.calls {
		return
	}
	checkUsers(t, string(users))
	var page struct{ Value []struct{ TenantID string } }
	if err := json.Unmarshal(tenants, &page); err != nil || len(page.Value) != 1 || page.Value[0].TenantID != privateTenant {
		t.Errorf("az rest of /tenants: %s", tenants)
	}
}
