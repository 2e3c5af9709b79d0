package interop

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
)

// The Go and npm clients of keys make, use, rotate, back up and delete keys with the identities of testdata/keys.yaml: in
// a sandbox, where the vault has its public name and they have no setting at all, and with `inborn dev --domain D` on a
// port of its own, where they only have to be led to it.

const (
	keysManifest     = "testdata/keys.yaml"
	keysTenant       = "2f6b0d4e-7a18-4c93-b5e1-90c4d7a3f286"
	keysSubscription = "8c5e1f70-24b9-4d36-a0f7-3e9b6d1c5a42"
	keysDomain       = "corp.example"
	keysGroup        = "/subscriptions/" + keysSubscription + "/resourceGroups/default"
	cryptoClient     = "4d7e9b21-0c53-4f8a-96d1-b2e5a7c03f68"
	strangerClient   = "a1c9e573-6d20-4b84-8f3e-57d0b9c2e614"
	strangerObject   = "9b3d5f17-c806-4e2a-b741-6f8e0d2a5c93"
	cryptoUserRole   = "12338af0-0e69-4776-bea7-57ae8d297424"
)

// keysWithin is how long the programs may take. Making RSA keys takes the most of it.
const keysWithin = 50 * time.Second

// keysPlace is where a program finds its vault and Resource Manager.
type keysPlace struct {
	Vault   string `json:"vault"`   // its URL
	Manager string `json:"manager"` // the URL of Resource Manager
	Lead    string `json:"lead"`    // the address that all names of the vault's domain lead to; "": the resolver knows
}

// inSandbox is what programs in a sandbox see.
func inSandbox(vault string) keysPlace {
	return keysPlace{Vault: "https://" + vault + ".vault.azure.net", Manager: arm}
}

// withDomain starts an Inborn with a domain, and returns where vaults are there.
func withDomain(t *testing.T) (*inborn, func(vault string) keysPlace) {
	t.Helper()
	address, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	d, err := start("--domain", keysDomain, "--listen", address, "--file", keysManifest, "--default-resource", "func-keys")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the log of inborn dev:\n%s", d.lastLog())
		}
		os.RemoveAll(d.data)
	})
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return d, func(vault string) keysPlace {
		return keysPlace{Vault: "https://" + vault + ".vault." + keysDomain + ":" + port, Manager: d.Origin, Lead: "127.0.0.1:" + port}
	}
}

// variables are those of a launch of func-keys.
func (d *inborn) variables(t *testing.T) map[string]string {
	t.Helper()
	var out struct{ Environment map[string]string }
	d.run(t, &out, "env", "--as", "func-keys", "--for", "10m")
	return out.Environment
}

// led returns an HTTP client that trusts a certificate authority and is led to one address.
func led(t *testing.T, ca, to string) *http.Client {
	t.Helper()
	text, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, to)
		}}}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// keeper is the Go program: one administrator of the vault, one who may only use keys, and a stranger.
type keeper struct {
	ctx    context.Context
	place  keysPlace
	http   *http.Client
	owner  azcore.TokenCredential
	admin  *azkeys.Client
	crypto *azkeys.Client
	other  *azkeys.Client // of the stranger
	wrong  []error
}

// keepAlone is the main function of the program in a sandbox.
func keepAlone([]string) error {
	var place keysPlace
	if err := json.NewDecoder(os.Stdin).Decode(&place); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), keysWithin)
	defer cancel()
	k, err := newKeeper(ctx, place, http.DefaultClient)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(k.run())
}

// newKeeper makes the clients, as any program does. Where the resolver does not know the vault they get a transport.
func newKeeper(ctx context.Context, place keysPlace, client *http.Client) (*keeper, error) {
	k := &keeper{ctx: ctx, place: place, http: client}
	options := &azkeys.ClientOptions{}
	if place.Lead != "" {
		options.Transport = client
	}
	var err error
	if k.owner, err = azidentity.NewManagedIdentityCredential(nil); err != nil {
		return nil, err
	}
	if k.admin, err = azkeys.NewClient(place.Vault, k.owner, options); err != nil {
		return nil, err
	}
	for id, to := range map[string]**azkeys.Client{cryptoClient: &k.crypto, strangerClient: &k.other} {
		who, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ID: azidentity.ClientID(id)})
		if err != nil {
			return nil, err
		}
		if *to, err = azkeys.NewClient(place.Vault, who, options); err != nil {
			return nil, err
		}
	}
	return k, nil
}

func (k *keeper) run() []managerReport {
	return k.take([]keeperStep{
		{"a vault", k.makeVault},
		{"keys are made", k.makeKeys},
		{"keys are imported", k.importKeys},
		{"signatures", k.signAll},
		{"encryption and wrapping", k.encryptAll},
		{"attributes", k.changeAttributes},
		{"pages", k.readPages},
		{"rotation", k.rotate},
		{"backup", k.backUp},
		{"deletion", k.deleteKeys},
		{"refusals", k.refusals},
		{"a role holds at once", k.holdAtOnce},
	})
}

type keeperStep struct {
	name string
	take func() error
}

// take takes steps, of which one that fails does not keep the others from being taken.
func (k *keeper) take(steps []keeperStep) (reports []managerReport) {
	for _, step := range steps {
		k.wrong = nil
		err := step.take()
		report := managerReport{Step: step.name}
		if err = errors.Join(append(k.wrong, err)...); err != nil {
			report.Error = err.Error()
		}
		reports = append(reports, report)
	}
	return reports
}

func (k *keeper) check(ok bool, format string, args ...any) {
	if !ok {
		k.wrong = append(k.wrong, fmt.Errorf(format, args...))
	}
}

// refused expects an error of the vault, read as the clients read it; inner is in its body.
func (k *keeper) refused(what string, err error, status int, code, inner string) {
	var answer *azcore.ResponseError
	if !errors.As(err, &answer) {
		k.check(false, "%s: %v, want %d %s", what, err, status, code)
		return
	}
	k.check(answer.StatusCode == status && answer.ErrorCode == code && strings.Contains(err.Error(), inner),
		"%s: %d %s, want %d %s %s\n%v", what, answer.StatusCode, answer.ErrorCode, status, code, inner, err)
}

// manage sends a request to Resource Manager.
func (k *keeper) manage(method, path, body string) error {
	token, err := k.owner.GetToken(k.ctx, policy.TokenRequestOptions{Scopes: []string{arm + "/.default"}})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(k.ctx, method, k.place.Manager+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token.Token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := k.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %d %s", method, path, resp.StatusCode, text)
	}
	return nil
}

// vaultID is the id of the vault in Resource Manager.
func (k *keeper) vaultID() string {
	name, _, _ := strings.Cut(strings.TrimPrefix(k.place.Vault, "https://"), ".")
	return keysGroup + "/providers/Microsoft.KeyVault/vaults/" + name
}

func (k *keeper) makeVault() error {
	return k.manage(http.MethodPut, k.vaultID()+"?api-version=2023-07-01", `{"location":"local","properties":{"tenantId":"`+keysTenant+
		`","sku":{"family":"A","name":"standard"},"enableRbacAuthorization":true,"softDeleteRetentionInDays":7}}`)
}

// keysBox is a sandbox in which a program keeps keys.
func keysBox() box {
	return box{mode: "sandbox", flags: []string{"--file", keysManifest, "--as", "func-keys"}}
}

func TestKeysInTheSandbox(t *testing.T) {
	needSandbox(t)
	t.Run("azkeys", func(t *testing.T) {
		var reports []managerReport
		keysBox().runJSON(t, inSandbox("kv-go"), []string{shared.self, clientArgument, "keys"}, &reports)
		checkReports(t, reports)
	})
	t.Run("npm @azure/keyvault-keys", func(t *testing.T) {
		needPackages(t)
		var reports []managerReport
		keysBox().runJSON(t, inSandbox("kv-js"), []string{"node", "js/keys.mjs"}, &reports)
		checkReports(t, reports)
	})
}

func TestKeysInADomain(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	d, at := withDomain(t)
	env := d.variables(t)
	t.Run("azkeys", func(t *testing.T) {
		for name, value := range env {
			t.Setenv(name, value)
		}
		ctx, cancel := context.WithTimeout(t.Context(), keysWithin)
		defer cancel()
		place := at("kv-go")
		k, err := newKeeper(ctx, place, led(t, d.CA, place.Lead))
		if err != nil {
			t.Fatal(err)
		}
		checkReports(t, k.run())
	})
	t.Run("npm @azure/keyvault-keys", func(t *testing.T) {
		needPackages(t)
		var reports []managerReport
		nodeJSON(t, env, at("kv-js"), &reports, "js/keys.mjs")
		checkReports(t, reports)
	})
	t.Run("curl by path", func(t *testing.T) { useKeysWithCurl(t, d, env) })
}

// inOwnProcess runs a test again in a process of its own and returns false; true in that process. azidentity keeps the tokens
// of managed identities for the whole process, whichever Inborn they are of.
func inOwnProcess(t *testing.T) bool {
	t.Helper()
	const alone = "INTEROP_ALONE"
	if os.Getenv(alone) == t.Name() {
		return true
	}
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=4m")
	c.Env = append(os.Environ(), alone+"="+t.Name())
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// useKeysWithCurl signs with a key and has the signature verified as somebody would who follows a document: a token for
// the vault by the identity endpoint, and the vault below the one address that there is.
func useKeysWithCurl(t *testing.T, d *inborn, env map[string]string) {
	const script = `set -eu
token() {
  curl -sSf -H "X-IDENTITY-HEADER: $IDENTITY_HEADER" "$IDENTITY_ENDPOINT?api-version=2019-08-01&resource=$1" | sed 's/.*"access_token":"\([^"]*\)".*/\1/'
}
curl -sSf --cacert "$CA" -o /dev/null -X PUT -H "Authorization: Bearer $(token https://management.azure.com)" -H "Content-Type: application/json" \
  -d '{"location":"local","properties":{"enableRbacAuthorization":true}}' "$ORIGIN$GROUP/providers/Microsoft.KeyVault/vaults/kv-curl?api-version=2023-07-01"
vault=$(token https://vault.azure.net)
call() { curl -sSf --cacert "$CA" -H "Authorization: Bearer $vault" -H "Content-Type: application/json" -X "$1" "$ORIGIN/vaults/kv-curl$2?api-version=7.4" -d "$3"; }
call POST /keys/k/create '{"kty":"EC"}' >/dev/null
digest=$(printf message | openssl dgst -sha256 -binary | openssl base64 -A | tr '+/' '-_' | tr -d '=')
signature=$(call POST /keys/k/sign "{\"alg\":\"ES256\",\"value\":\"$digest\"}" | sed 's/.*"value":"\([^"]*\)".*/\1/')
call POST /keys/k/verify "{\"alg\":\"ES256\",\"digest\":\"$digest\",\"value\":\"$signature\"}"
`
	for _, program := range []string{"curl", "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			unavailable(t, "%v", err)
		}
	}
	c := exec.CommandContext(t.Context(), "sh", "-c", script)
	c.Env = append(os.Environ(), "CA="+d.CA, "ORIGIN="+d.Origin, "GROUP="+keysGroup)
	for name, value := range env {
		c.Env = append(c.Env, name+"="+value)
	}
	if got := finish(t, c); got.code != 0 || got.stdout != `{"value":true}` {
		t.Errorf("exit code %d\n%s\n%s", got.code, got.stdout, got.stderr)
	}
}
