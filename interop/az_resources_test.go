package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The az of Debian makes, changes and deletes resources as the tenant's local administrator. az signs in as a managed
// identity, and the identity endpoint that answers it is one of this test: it hands out the administrator's tokens, which
// it gets from the admin socket as the command line of Inborn does.

// newAdministratorAz returns an az that is signed in to an Inborn as the local administrator.
func newAdministratorAz(t *testing.T, of *inborn) *az {
	t.Helper()
	if _, err := exec.LookPath("az"); err != nil {
		unavailable(t, "no az: %v; on Debian: apt-get install azure-cli", err)
	}
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		audience := r.URL.Query().Get("resource")
		token, expires, err := of.administratorToken(r.Context(), audience)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"access_token": token, "expires_on": strconv.FormatInt(expires, 10), "resource": audience,
			"token_type": "Bearer"})
	}))
	t.Cleanup(endpoint.Close)
	folder := t.TempDir()
	a := &az{t, append(os.Environ(), "AZURE_CONFIG_DIR="+folder, "HOME="+folder, "AZURE_CORE_COLLECT_TELEMETRY=no",
		"REQUESTS_CA_BUNDLE="+of.CA, "SSL_CERT_FILE="+of.CA, "APPSETTING_WEBSITE_SITE_NAME=x", "MSI_ENDPOINT="+endpoint.URL+"/msi/token", "MSI_SECRET=x")}
	a.useCloud(of)
	// The names of accounts and vaults are made up below the origin; az wants to know how.
	port := of.Origin[strings.LastIndex(of.Origin, ":"):]
	a.run(nil, "cloud", "update", "--name", "Inborn", "--suffix-storage-endpoint", "localhost"+port, "--suffix-keyvault-dns", ".vault.localhost"+port)
	a.run(nil, "login", "--identity")
	return a
}

// administratorToken gets a token of the local administrator from the admin socket.
func (d *inborn) administratorToken(ctx context.Context, audience string) (token string, expires int64, err error) {
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(d.data, "admin.sock"))
	}}}
	defer client.CloseIdleConnections()
	form := url.Values{"resource": {audience}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://admin/token", strings.NewReader(form))
	if err != nil {
		return "", 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := client.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer resp.Body.Close()
	var got struct {
		Token   string `json:"accessToken"`
		Expires int64  `json:"expiresOn"`
		Message string `json:"message"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		return "", 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return "", 0, fmt.Errorf("%s: %s", resp.Status, got.Message)
	}
	return got.Token, got.Expires, nil
}

// azStep is one command of az and what it prints, in JSON without blanks; "" is not looked at.
type azStep struct {
	want  string
	args  []string
	fails bool // then want is in the error
}

// says is a step that prints want.
func says(want string, args ...string) azStep { return azStep{want: want, args: args} }

// follow runs commands that must end as they say. ID in them is the resource group's id.
func (a *az) follow(group string, steps []azStep) {
	a.t.Helper()
	for _, s := range steps {
		args := make([]string, len(s.args))
		for i, arg := range s.args {
			args[i] = strings.ReplaceAll(arg, "ID", group)
		}
		stdout, stderr, err := a.try(args...)
		if s.fails {
			if err == nil || !strings.Contains(stderr, s.want) {
				a.t.Errorf("az %s: %v\n%s; want %s", strings.Join(args, " "), err, stderr, s.want)
			}
			continue
		}
		if err != nil {
			a.t.Fatalf("az %s: %v\n%s", strings.Join(args, " "), err, stderr)
		}
		if want := strings.ReplaceAll(s.want, "ID", group); want != "" && compact(stdout) != want {
			a.t.Errorf("az %s prints %s; want %s", strings.Join(args, " "), stdout, want)
		}
	}
}

// Case 94 in a cloud with names of its own; see also TestAzManagesResourcesInTheSandbox.
func TestAzManagesResources(t *testing.T) {
	t.Parallel() // it takes its time
	a := newAdministratorAz(t, dev)
	group := "/subscriptions/" + dev.Subscription + "/resourceGroups/rg-az"
	const uami = "ID/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-az"
	in := func(args ...string) []string { return append(args, "--resource-group", "rg-az") }
	t.Run("groups and tags", func(t *testing.T) {
		(&az{t, a.env}).follow(group, []azStep{
			says(`["ID",{"a":"b"}]`, "group", "create", "--name", "rg-az", "--location", "westeurope", "--tags", "a=b", "--query", "[id,tags]"),
			says(`{"a":"b","c":"d"}`, "group", "update", "--name", "rg-az", "--set", "tags.c=d", "--query", "tags"),
			says(`true`, "group", "exists", "--name", "rg-az"),
			says(`["rg-az"]`, "group", "list", "--tag", "c=d", "--query", "[].name"),
			says(`{"a":"b","c":"d"}`, "tag", "list", "--resource-id", "ID", "--query", "properties.tags"),
			says(`{"a":"b","c":"d","e":"f"}`, "tag", "update", "--resource-id", "ID", "--operation", "Merge", "--tags", "e=f", "--query", "properties.tags"),
		})
	})
	t.Run("identities", func(t *testing.T) {
		(&az{t, a.env}).follow(group, []azStep{
			says(`"Microsoft.ManagedIdentity/userAssignedIdentities"`, in("identity", "create", "--name", "id-az", "--query", "type")...),
			says(`["id-az"]`, in("identity", "list", "--query", "[].name")...),
			says(`"id-az"`, in("identity", "show", "--name", "id-az", "--query", "name")...),
		})
	})
	t.Run("function apps", func(t *testing.T) {
		(&az{t, a.env}).follow(group, []azStep{
			says(`"storeaz1"`, in("storage", "account", "create", "--name", "storeaz1", "--location", "westeurope", "--sku", "Standard_LRS", "--query", "name")...),
			says(`["key1","key2"]`, in("storage", "account", "keys", "list", "--account-name", "storeaz1", "--query", "[].keyName")...),
			says(`["func-az","Running"]`, in("functionapp", "create", "--name", "func-az", "--storage-account", "storeaz1", "--consumption-plan-location", "westeurope",
				"--runtime", "node", "--functions-version", "4", "--disable-app-insights", "--query", "[name,state]")...),
			says(`"SystemAssigned"`, in("functionapp", "identity", "assign", "--name", "func-az", "--query", "type")...),
			says(`"SystemAssigned, UserAssigned"`, in("functionapp", "identity", "assign", "--name", "func-az", "--identities", uami, "--query", "type")...),
			says(`["ID/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-az"]`, in("functionapp", "identity", "show", "--name", "func-az",
				"--query", "keys(userAssignedIdentities)")...),
			says(`["v"]`, in("functionapp", "config", "appsettings", "set", "--name", "func-az", "--settings", "K=v", "--query", "[?name=='K'].value")...),
			says(`["node"]`, in("functionapp", "config", "appsettings", "list", "--name", "func-az", "--query", "[?name=='FUNCTIONS_WORKER_RUNTIME'].value")...),
			says(``, in("functionapp", "stop", "--name", "func-az")...),
			says(`["Stopped","SystemAssigned, UserAssigned"]`, in("functionapp", "show", "--name", "func-az", "--query", "[state,identity.type]")...),
			says(`"UserAssigned"`, in("functionapp", "identity", "remove", "--name", "func-az", "--query", "type")...),
		})
	})
	t.Run("plans and web apps", func(t *testing.T) {
		(&az{t, a.env}).follow(group, []azStep{
			says(`["Basic",true]`, in("appservice", "plan", "create", "--name", "plan-az", "--sku", "B1", "--is-linux", "--query", "[sku.tier,reserved]")...),
			says(`"Running"`, in("webapp", "create", "--name", "web-az", "--plan", "plan-az", "--runtime", "NODE:20-lts", "--query", "state")...),
			says(`"SystemAssigned"`, in("webapp", "identity", "assign", "--name", "web-az", "--query", "type")...),
			says(`"NODE|20-lts"`, in("webapp", "config", "show", "--name", "web-az", "--query", "linuxFxVersion")...),
			says(`1`, in("resource", "show", "--name", "plan-az", "--resource-type", "Microsoft.Web/serverfarms", "--query", "properties.numberOfSites")...),
		})
	})
	t.Run("any resource", func(t *testing.T) {
		(&az{t, a.env}).follow(group, []azStep{
			says(`"https://kv-az-01.vault.localhost`+dev.Origin[strings.LastIndex(dev.Origin, ":"):]+`/"`, in("resource", "create", "--name", "kv-az-01", "--resource-type",
				"Microsoft.KeyVault/vaults", "--properties", "{}", "--query", "properties.vaultUri")...),
			says(`["kv-az-01"]`, in("keyvault", "list", "--query", "[].name")...),
			says(`["func-az","web-az"]`, in("resource", "list", "--resource-type", "Microsoft.Web/sites", "--query", "sort([].name)")...),
			says(`{"x":"y"}`, in("resource", "tag", "--name", "func-az", "--resource-type", "Microsoft.Web/sites", "--tags", "x=y", "--query", "tags")...),
			says(`"functionapp"`, in("resource", "show", "--name", "func-az", "--resource-type", "Microsoft.Web/sites", "--query", "kind")...),
			says(``, in("resource", "delete", "--name", "kv-az-01", "--resource-type", "Microsoft.KeyVault/vaults")...),
			says(`"Registered"`, "provider", "show", "--namespace", "Microsoft.Web", "--query", "registrationState"),
		})
	})
	t.Run("the end", func(t *testing.T) {
		(&az{t, a.env}).follow(group, []azStep{
			says(``, "group", "delete", "--name", "rg-az", "--yes"),
			says(`false`, "group", "exists", "--name", "rg-az"),
		})
	})
}
