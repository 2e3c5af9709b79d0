package interop

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// The library keeps tokens for the life of the process, by identity and audience. So each test that must reach the
// endpoint asks for a pair that no other asks for.

func goManagedIdentity(t *testing.T, id azidentity.ManagedIDKind) azcore.TokenCredential {
	t.Helper()
	credential, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ID: id})
	if err != nil {
		t.Fatal(err)
	}
	return credential
}

func goDefault(t *testing.T) azcore.TokenCredential {
	t.Helper()
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		t.Fatal(err)
	}
	return credential
}

// goToken asks a credential for a token, as every service client does.
func goToken(t *testing.T, credential azcore.TokenCredential, audience string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	token, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{audience + "/.default"}})
	return token.Token, err
}

// becomeWorkload gives this process the variables that App Service gives to programs.
func becomeWorkload(t *testing.T, resource string) {
	t.Helper()
	env := launch(t, resource)
	t.Setenv("IDENTITY_ENDPOINT", env["IDENTITY_ENDPOINT"])
	t.Setenv("IDENTITY_HEADER", env["IDENTITY_HEADER"])
}

func TestGoOnAppServiceGetsTheIdentityItAsksFor(t *testing.T) {
	becomeWorkload(t, "func-orders")
	system, user := identityOf(t, "func-orders"), identityOf(t, "id-orders-dev-local-01")
	for _, c := range []struct {
		name     string
		id       azidentity.ManagedIDKind
		audience string
		want     identity
	}{
		{"system-assigned by default", nil, graph, system},
		{"user-assigned by client id", azidentity.ClientID(user.ClientID), graph, user},
		{"user-assigned by object id", azidentity.ObjectID(user.ObjectID), arm, user},
		{"user-assigned by resource id", azidentity.ResourceID(user.ResourceID), orders, user},
		{"system-assigned by client id", azidentity.ClientID(system.ClientID), graph, system},
	} {
		t.Run(c.name, func(t *testing.T) {
			token, err := goToken(t, goManagedIdentity(t, c.id), c.audience)
			if err != nil {
				t.Fatal(err)
			}
			checkToken(t, token, c.audience, c.want)
		})
	}
}

func TestGoDefaultAzureCredentialFindsAppService(t *testing.T) {
	becomeWorkload(t, "func-orders")
	t.Run("system-assigned identity", func(t *testing.T) {
		token, err := goToken(t, goDefault(t), orders)
		if err != nil {
			t.Fatal(err)
		}
		checkToken(t, token, orders, identityOf(t, "func-orders"))
	})
	t.Run("the identity of AZURE_CLIENT_ID", func(t *testing.T) {
		user := identityOf(t, "id-orders-dev-local-01")
		t.Setenv("AZURE_CLIENT_ID", user.ClientID)
		token, err := goToken(t, goDefault(t), arm)
		if err != nil {
			t.Fatal(err)
		}
		checkToken(t, token, arm, user)
	})
}

// The sentences are the service's own, which scripts and people look for; why it is so is what explain tells.
func TestGoOnAppServiceIsRefusedFastAndClearly(t *testing.T) {
	const none = "No Managed Identity found for specified ClientId/ResourceId/PrincipalId."
	const unknown = "11111111-2222-3333-4444-555555555555"
	stranger := identityOf(t, "id-of-another")
	for _, c := range []struct {
		name, resource, header string
		id                     azidentity.ManagedIDKind
		audience, want, why    string
	}{
		{"an identity that the resource does not have", "func-orders", "", azidentity.ClientID(stranger.ClientID), graph, none, stranger.ClientID},
		{"an unknown client id", "func-orders", "", azidentity.ClientID(unknown), graph, none, unknown},
		{"no default without a system-assigned identity", "func-reports", "", nil, ledger, none, "no system-assigned identity"},
		{"a resource without identities", "func-bare", "", nil, ledger, none, "has no identity"},
		{"a header of nobody", "func-orders", "stolen-or-out-of-date", nil, ledger, "401 Unauthorized", "no longer"},
		{"an API that is not in the tenant", "func-orders", "", nil, "api://nowhere", "AADSTS500011", "api://nowhere"},
	} {
		t.Run(c.name, func(t *testing.T) {
			becomeWorkload(t, c.resource)
			if c.header != "" {
				t.Setenv("IDENTITY_HEADER", c.header)
			}
			began := time.Now()
			token, err := goToken(t, goManagedIdentity(t, c.id), c.audience)
			took := time.Since(began)
			if err == nil {
				t.Fatalf("got a token of %+v", readToken(t, token))
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error does not speak of %q:\n%v", c.want, err)
			}
			if took > failsWithin {
				t.Errorf("the refusal took %s, want less than %s", took, failsWithin)
			}
			checkExplained(t, err.Error(), c.why)
		})
	}
}
