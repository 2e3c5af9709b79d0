package interop

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"sync/atomic"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
)

// The Go and npm clients of secrets set, read, list, change, delete and restore secrets with the identities of
// testdata/keys.yaml, in the places where those of keys work (keys_test.go).

const secretsUserRole = "4633458b-17de-408a-b874-0445c86b69e6"

// confidant is the Go program: one administrator of the vault, one who may only use keys, and a stranger. Its keeper makes
// the vault and says what is wrong.
type confidant struct {
	*keeper
	secrets *azsecrets.Client
	crypto  *azsecrets.Client
	other   *azsecrets.Client // of the stranger
	tokens  *counted          // of the stranger

	// What gives the stranger a role at the secret called kept, and what takes it away.
	assign, remove func() error
}

// counted is a credential that counts how often a client asks it for a token.
type counted struct {
	azcore.TokenCredential
	asked atomic.Int32
}

func (c *counted) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.asked.Add(1)
	return c.TokenCredential.GetToken(ctx, options)
}

// confideAlone is the main function of the program in a sandbox.
func confideAlone([]string) error {
	var place keysPlace
	if err := json.NewDecoder(os.Stdin).Decode(&place); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), keysWithin)
	defer cancel()
	c, err := newConfidant(ctx, place, http.DefaultClient)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(c.run())
}

// newConfidant makes the clients. Roles it assigns with requests to Resource Manager.
func newConfidant(ctx context.Context, place keysPlace, client *http.Client) (*confidant, error) {
	c := &confidant{keeper: &keeper{ctx: ctx, place: place, http: client}}
	c.assign, c.remove = c.assignByRequest, c.removeByRequest
	options := &azsecrets.ClientOptions{}
	if place.Lead != "" {
		options.Transport = client
	}
	user, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ID: azidentity.ClientID(cryptoClient)})
	if err != nil {
		return nil, err
	}
	stranger, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ID: azidentity.ClientID(strangerClient)})
	if err != nil {
		return nil, err
	}
	c.tokens = &counted{TokenCredential: stranger}
	if c.owner, err = azidentity.NewManagedIdentityCredential(nil); err != nil {
		return nil, err
	}
	if c.secrets, err = azsecrets.NewClient(place.Vault, c.owner, options); err != nil {
		return nil, err
	}
	if c.crypto, err = azsecrets.NewClient(place.Vault, user, options); err != nil {
		return nil, err
	}
	c.other, err = azsecrets.NewClient(place.Vault, c.tokens, options)
	return c, err
}

func (c *confidant) run() []managerReport {
	return c.take([]keeperStep{
		{"a vault", c.makeVault},
		{"secrets are set", c.setSecrets},
		{"values", c.setValues},
		{"properties", c.changeProperties},
		{"times are for readers", c.readOutsideTime},
		{"pages of secrets", c.readSecretPages},
		{"pages of versions", c.readVersionPages},
		{"deletion and recovery", c.deleteSecrets},
		{"backup", c.backUpSecret},
		{"no entity tags", c.lastOneWins},
		{"refusals", c.refuseSecrets},
		{"a role holds at once", c.holdSecretAtOnce},
	})
}

func TestSecretsInTheSandbox(t *testing.T) {
	needSandbox(t)
	t.Run("azsecrets", func(t *testing.T) {
		var reports []managerReport
		keysBox().runJSON(t, inSandbox("kv-go"), []string{shared.self, clientArgument, "secrets"}, &reports)
		checkReports(t, reports)
	})
	t.Run("npm @azure/keyvault-secrets", func(t *testing.T) {
		needPackages(t)
		var reports []managerReport
		keysBox().runJSON(t, inSandbox("kv-js"), []string{"node", "js/secrets.mjs"}, &reports)
		checkReports(t, reports)
	})
}

func TestSecretsInADomain(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	d, at := withDomain(t)
	env := d.variables(t)
	t.Run("azsecrets", func(t *testing.T) {
		for name, value := range env {
			t.Setenv(name, value)
		}
		ctx, cancel := context.WithTimeout(t.Context(), keysWithin)
		defer cancel()
		place := at("kv-go")
		c, err := newConfidant(ctx, place, led(t, d.CA, place.Lead))
		if err != nil {
			t.Fatal(err)
		}
		// From outside, as whoever keeps this Inborn does it.
		role := func(verb string) func() error {
			return func() error {
				_, err := d.output(t, "role", verb, "--principal", strangerObject, "--role", "Key Vault Secrets User", "--scope", c.kept())
				return err
			}
		}
		c.assign, c.remove = role("assign"), role("remove")
		checkReports(t, c.run())
	})
	t.Run("npm @azure/keyvault-secrets", func(t *testing.T) {
		needPackages(t)
		var reports []managerReport
		nodeJSON(t, env, at("kv-js"), &reports, "js/secrets.mjs")
		checkReports(t, reports)
	})
}
