package seeds

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	installWithin = 5 * time.Minute

	graph       = "https://graph.microsoft.com"
	graphAppID  = "00000003-0000-0000-c000-000000000000"
	ordersAPI   = "api://d60f1ae7-2192-4b6c-876c-343f558a5851"
	namelessAPI = "api://7c1b7e0a-6a0f-4b43-9a53-54a8a3f2c0d1"
)

// sandboxes says why there are none here, or nil. The documents print the public names, and Node's fetch knows no proxy:
// nothing else than a sandbox will do.
var sandboxes = sync.OnceValue(func() error {
	out, err := exec.Command(dev.bin, "run", "--data", dev.data, "--as", "func-admin", "--mode", "sandbox", "--", "true").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
})

// need makes sure of sandboxes and of these programs.
func need(t *testing.T, programs ...string) {
	t.Helper()
	if err := sandboxes(); err != nil {
		unavailable(t, "no sandbox can be made here: %v", err)
	}
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			unavailable(t, "no %s: %v", name, err)
		}
	}
}

// needPackages makes sure of node and of what the package.json of a folder names.
func needPackages(t *testing.T, folder string) {
	t.Helper()
	need(t, "node", "npm")
	if err := install(t.Context(), folder); err != nil {
		unavailable(t, "npm packages cannot be had: %v", err)
	}
}

func install(ctx context.Context, folder string) error {
	var wanted struct {
		Dependencies map[string]string `json:"dependencies"`
	}
	text, err := os.ReadFile(filepath.Join(folder, "package.json"))
	if err == nil {
		err = json.Unmarshal(text, &wanted)
	}
	if err != nil {
		return err
	}
	missing := false
	for name := range wanted.Dependencies {
		_, err := os.Stat(filepath.Join(folder, "node_modules", name, "package.json"))
		missing = missing || err != nil
	}
	if !missing {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, installWithin)
	defer cancel()
	command := exec.CommandContext(ctx, "npm", "install", "--no-progress")
	command.Dir, command.Env = folder, machineEnv
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("npm install: %w\n%s", err, out)
	}
	return nil
}

// on runs a program as the workload of a resource, in a sandbox.
func on(t *testing.T, resource string, command ...string) result {
	t.Helper()
	return host{resource: resource}.run(t, command...)
}

// host is where a program runs: a resource, and what is more than usual.
type host struct {
	resource string
	env      []string
	stdin    string
}

func (h host) run(t *testing.T, command ...string) result {
	t.Helper()
	folder := filepath.Join(dev.home, "az-"+h.resource)
	env := append([]string{"HOME=" + folder, "AZURE_CONFIG_DIR=" + folder, "AZURE_CORE_COLLECT_TELEMETRY=no"}, h.env...)
	args := append([]string{"run", "--data", dev.data, "--as", h.resource, "--mode", "sandbox", "--"}, command...)
	return execute(t, env, h.stdin, dev.bin, args...)
}

// signIn signs az in on a resource, which then is the person at the shell of a document.
func signIn(t *testing.T, resource string) {
	t.Helper()
	need(t, "az", "jq")
	if !dev.signedIn[resource] {
		on(t, resource, "az", "login", "--identity", "--allow-no-subscriptions").want(t, 0)
		dev.signedIn[resource] = true
	}
}

// want fails unless the program ended with this exit code.
func (r result) want(t *testing.T, code int) {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d\n%s%s", r.code, code, r.stdout, r.stderr)
	}
}

// edited is a listing after somebody has put their own values into it: old and new, by turns.
func edited(t *testing.T, file string, values ...string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(values); i += 2 {
		if !strings.Contains(string(text), values[i]) {
			t.Fatalf("%s does not say %q", file, values[i])
		}
	}
	return strings.NewReplacer(values...).Replace(string(text))
}

// ask reads Graph as the administrator, with the token that az has.
func ask(t *testing.T, path string, out any) {
	t.Helper()
	got := on(t, "func-admin", "az", "rest", "--url", graph+path)
	got.want(t, 0)
	if err := json.Unmarshal([]byte(got.stdout), out); err != nil {
		t.Fatalf("az rest printed %q: %v", got.stdout, err)
	}
}

// servicePrincipal is an application that offers roles.
type servicePrincipal struct {
	ID       string `json:"id"`
	AppRoles []struct {
		ID    string `json:"id"`
		Value string `json:"value"`
	} `json:"appRoles"`
}

// tokenOf gets a token of a resource's own identity as any program there would.
func tokenOf(t *testing.T, resource, audience string, selector ...string) string {
	t.Helper()
	var answer struct {
		Token string `json:"access_token"`
	}
	dev.run(t, &answer, append([]string{"token", "get", "--as", resource, "--resource", audience}, selector...)...)
	return answer.Token
}
