package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The az of Debian (2.45), which knows App Service by the variables of 2017 only. A launch of a site sets them, so here
// az needs nothing but a cloud in which Resource Manager is the Inborn under test: no namespace and no other name.

const azWithin = time.Minute

// az is one configuration folder of az and the variables of whoever uses it.
type az struct {
	t   *testing.T
	env []string
}

// newAz returns an az that is the workload of a resource and knows no cloud but the built-in ones.
func newAz(t *testing.T, resource string) *az {
	t.Helper()
	if _, err := exec.LookPath("az"); err != nil {
		unavailable(t, "no az: %v; on Debian: apt-get install azure-cli", err)
	}
	folder := t.TempDir()
	a := &az{t, append(os.Environ(), "AZURE_CONFIG_DIR="+folder, "HOME="+folder, "AZURE_CORE_COLLECT_TELEMETRY=no",
		"REQUESTS_CA_BUNDLE="+dev.CA, "SSL_CERT_FILE="+dev.CA)}
	for name, value := range launch(t, resource) {
		a.env = append(a.env, name+"="+value)
	}
	return a
}

// try runs one command of az.
func (a *az) try(args ...string) (stdout, stderr string, err error) {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), azWithin)
	defer cancel()
	command := exec.CommandContext(ctx, "az", append(args, "--output", "json")...)
	command.Env = a.env
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	err = command.Run()
	return out.String(), errs.String(), err
}

// run runs a command that must succeed; out, if it is not nil, gets its JSON.
func (a *az) run(out any, args ...string) {
	a.t.Helper()
	stdout, stderr, err := a.try(args...)
	if err != nil {
		a.t.Fatalf("az %s: %v\n%s", strings.Join(args, " "), err, stderr)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal([]byte(stdout), out); err != nil {
		a.t.Fatalf("az %s printed %q: %v", strings.Join(args, " "), stdout, err)
	}
}

// useCloud makes an Inborn the cloud of this az, by a description that asks nobody.
func (a *az) useCloud(of *inborn) {
	a.t.Helper()
	const description = `{"endpoints":{"resourceManager":%q,"management":%q,"activeDirectory":%q,"activeDirectoryResourceId":"https://management.core.windows.net/",
		"activeDirectoryGraphResourceId":"https://graph.windows.net/","microsoftGraphResourceId":"https://graph.microsoft.com/"}}`
	file := filepath.Join(a.t.TempDir(), "cloud.json")
	if err := os.WriteFile(file, fmt.Appendf(nil, description, of.Origin, of.Origin, of.Origin), 0o600); err != nil {
		a.t.Fatal(err)
	}
	a.run(nil, "cloud", "register", "--name", "Inborn", "--cloud-config", "@"+file)
	a.run(nil, "cloud", "set", "--name", "Inborn")
}

// account is what az keeps of a sign-in.
type account struct {
	ID       string `json:"id"`
	TenantID string `json:"tenantId"`
	User     struct {
		Identity string `json:"assignedIdentityInfo"`
	} `json:"user"`
}

// token is what az account get-access-token gives for an audience.
func (a *az) token(audience string) string {
	a.t.Helper()
	var got struct {
		Token   string `json:"accessToken"`
		Expires string `json:"expiresOn"`
		Tenant  string `json:"tenant"`
	}
	a.run(&got, "account", "get-access-token", "--resource", audience)
	if at, err := time.ParseInLocation("2006-01-02 15:04:05.000000", got.Expires, time.Local); err != nil || time.Until(at) < 50*time.Minute || got.Tenant != dev.Tenant {
		a.t.Errorf("az says that the token of tenant %s expires on %q: %v", got.Tenant, got.Expires, err)
	}
	return got.Token
}

// G183, G184. An identity without a role sees no subscription: az says so, and takes the whole tenant where it is told to.
func TestAzLogsInWithTheIdentityOfASite(t *testing.T) {
	a := newAz(t, "func-orders")
	a.useCloud(dev)
	system, user := identityOf(t, "func-orders"), identityOf(t, "id-orders-dev-local-01")
	if _, stderr, err := a.try("login", "--identity"); err == nil || !strings.Contains(stderr, "No access was configured") {
		t.Errorf("az login --identity: %v\n%s", err, stderr)
	}
	for _, c := range []struct {
		name  string
		login []string
		kind  string
		want  identity
	}{
		{"system-assigned", []string{"login", "--identity", "--allow-no-subscriptions"}, "MSI", system},
		{"user-assigned", []string{"login", "--identity", "--allow-no-subscriptions", "--username", user.ClientID}, "MSIClient-" + user.ClientID, user},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &az{t, a.env}
			var accounts []account
			a.run(nil, c.login...)
			a.run(&accounts, "account", "list")
			if len(accounts) != 1 || accounts[0].ID != dev.Tenant || accounts[0].TenantID != dev.Tenant || accounts[0].User.Identity != c.kind {
				t.Errorf("az account list: %+v", accounts)
			}
			for _, audience := range []string{"https://management.core.windows.net/", graph, orders} {
				checkToken(t, a.token(audience), audience, c.want)
			}
			var page struct {
				Value []struct{ UserPrincipalName string }
			}
			a.run(&page, "rest", "--resource", graph, "--url", dev.Origin+"/v1.0/users?$filter=displayName eq 'Ann Archer'")
			if len(page.Value) != 1 || page.Value[0].UserPrincipalName != "ann@contoso.example" {
				t.Errorf("az rest of Graph: %+v", page)
			}
			a.run(&page, "rest", "--url", "/subscriptions?api-version=2022-12-01")
			if len(page.Value) != 0 {
				t.Errorf("az rest of Resource Manager: %+v", page)
			}
		})
	}
}

func TestAzIsToldThatASiteDoesNotHaveAnIdentity(t *testing.T) {
	a := newAz(t, "func-orders")
	a.useCloud(dev)
	stranger := identityOf(t, "id-of-another").ClientID
	_, stderr, err := a.try("login", "--identity", "--username", stranger)
	if err == nil || !strings.Contains(stderr, "No Managed Identity found for specified ClientId/ResourceId/PrincipalId.") {
		t.Fatalf("az login --identity --username %s: %v\n%s", stranger, err, stderr)
	}
	checkExplained(t, stderr, stranger)
}

// az finds out by itself where the services of a cloud are, in either of the two ways that it has.
func TestAzReadsTheMetadataOfTheCloud(t *testing.T) {
	t.Run("to register it", func(t *testing.T) {
		a := newAz(t, "func-orders")
		a.run(nil, "cloud", "register", "--name", "Local", "--endpoint-resource-manager", dev.Origin)
		a.run(nil, "cloud", "set", "--name", "Local")
		a.checkCloud("Local")
	})
	t.Run("in place of those it has", func(t *testing.T) {
		a := newAz(t, "func-orders")
		a.env = append(a.env, "ARM_CLOUD_METADATA_URL="+dev.Origin+"/metadata/endpoints?api-version=2019-05-01")
		a.checkCloud("Inborn")
	})
}

// checkCloud expects that the active cloud is the Inborn under test and can be signed in to.
func (a *az) checkCloud(name string) {
	a.t.Helper()
	var got struct {
		Name      string
		Endpoints struct{ ActiveDirectory, ActiveDirectoryResourceID, ResourceManager string }
	}
	a.run(&got, "cloud", "show")
	if got.Name != name || got.Endpoints.ActiveDirectory != dev.Origin || got.Endpoints.ActiveDirectoryResourceID != "https://management.core.windows.net/" ||
		strings.TrimSuffix(got.Endpoints.ResourceManager, "/") != dev.Origin {
		a.t.Errorf("az cloud show: %+v", got)
	}
	var page struct{ Value []struct{ TenantID string } }
	a.run(nil, "login", "--identity", "--allow-no-subscriptions")
	a.run(&page, "rest", "--url", dev.Origin+"/tenants?api-version=2019-11-01")
	if len(page.Value) != 1 || page.Value[0].TenantID != dev.Tenant {
		a.t.Errorf("az rest of /tenants: %+v", page)
	}
}
