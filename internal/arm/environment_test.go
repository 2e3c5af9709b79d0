package arm

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

const environmentAt = "/providers/Inborn.Platform/environment"

// accessLog is what the API told of vaults, and the log that it wrote.
type accessLog struct {
	mu   sync.Mutex
	all  []vault.Access
	text strings.Builder
}

func (l *accessLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// take returns what was told since the last call, a line for each.
func (l *accessLog) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []string
	for _, a := range l.all {
		lines = append(lines, fmt.Sprintf("%s %s %s %s %d", a.Caller, a.Operation, a.Vault.Name(), a.Object, a.Status))
	}
	l.all = nil
	return strings.Join(lines, "\n")
}

// logged serves the API again, with a log of its own and an ear for accesses.
func (w *world) logged() *accessLog {
	w.Helper()
	l := &accessLog{}
	w.config.Accessed = func(a vault.Access) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.all = append(l.all, a)
	}
	srv := httptest.NewTLSServer(New(w.config).Handler(serve.Deps{Now: time.Now, Random: rand.Reader,
		Log:     slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Refused: func(trace apierr.Trace) { w.traces.Store(trace.ID, trace) }}))
	w.Cleanup(srv.Close)
	w.url, w.client = srv.URL, srv.Client()
	return l
}

func TestTheEnvironmentOfASite(t *testing.T) {
	w := start(t)
	log := w.logged()
	w.secrets()
	principal := w.site("func", `"PLAIN":"x","PORT":8080,"DB":"`+referTo+`SecretUri=https://kv-orders.vault.azure.net/secrets/db/)",
		"OLD":"`+referTo+`VaultName=kv-orders;SecretName=db;SecretVersion=`+older+`)","NONE":"`+referTo+`VaultName=kv-orders;SecretName=none)",
		"BAD":"`+referTo+`x)","NOWHERE":"`+referTo+`VaultName=kv-none;SecretName=db)"`)
	ask := func() answer { t.Helper(); return w.want(200, "POST", sites+"func"+environmentAt+own, "") }
	refer := func(a answer) (all string) {
		t.Helper()
		for i := 0; a.at("references", fmt.Sprint(i), "name") != ""; i++ {
			all += a.at("references", fmt.Sprint(i), "name") + ":" + a.at("references", fmt.Sprint(i), "status") + " "
		}
		return all
	}
	log.take()
	a := ask()
	w.equal("states", refer(a), "BAD:InvalidSyntax DB:AccessToKeyVaultDenied NONE:AccessToKeyVaultDenied NOWHERE:VaultNotFound OLD:AccessToKeyVaultDenied ")
	w.equal("literal", a.at("variables", "DB"), referTo+"SecretUri=https://kv-orders.vault.azure.net/secrets/db/)")
	w.equal("others", a.at("variables", "PLAIN")+a.at("variables", "PORT"), "x8080")
	w.equal("help", a.at("references", "1", "help")+" | "+a.at("references", "3", "help"),
		"inborn role assign --principal func --role 'Key Vault Secrets User' --scope kv-orders/secrets/db | inborn vault create kv-none")
	if told := log.take(); strings.Count(told, "func secrets/get kv-orders") != 3 || strings.Count(told, " 403") != 3 {
		t.Errorf("told:\n%s", told)
	}

	w.assignRole(principal, "Key Vault Secrets User", kvOrders+"/secrets/db")
	a = ask()
	w.equal("states", refer(a), "BAD:InvalidSyntax DB:Resolved NONE:AccessToKeyVaultDenied NOWHERE:VaultNotFound OLD:Resolved ")
	w.equal("values", a.at("variables", "DB")+" "+a.at("variables", "OLD"), "Db"+newer+" Db"+older)
	w.equal("version", a.at("references", "1", "activeVersion"), newer)
	w.equal("nobody keeps it", a.header.Get("Cache-Control"), "no-store")
	told := log.take()
	for _, line := range []string{"func secrets/get kv-orders secrets/db 200", "func secrets/get kv-orders secrets/db/" + older + " 200", "func secrets/get kv-orders secrets/none 403"} {
		if !strings.Contains(told, line) {
			t.Errorf("not told: %s in\n%s", line, told)
		}
	}

	w.assignRole(principal, "Key Vault Secrets User", kvOrders)
	w.putSecret(kvOrders, "Db", disabled, true)
	a = ask()
	w.equal("the newest", a.at("variables", "DB")+" "+a.at("references", "2", "status"), "Db"+disabled+" SecretNotFound")
	if told := log.take(); !strings.Contains(told, "secrets/none 404") {
		t.Errorf("told:\n%s", told)
	}
	w.traces.Range(func(_, trace any) bool {
		if text, _ := json.Marshal(trace); strings.Contains(string(text), "Db0000") {
			t.Errorf("a secret is in %s", text)
		}
		return true
	})
	if strings.Contains(log.text.String(), "Db0000") {
		t.Error("a secret is in the log")
	}
	w.want(200, "GET", sites+"func/config/configreferences/appsettings"+v1, "")
	w.equal("to ask for the state reads nothing", log.take(), "")
}

// Whoever asks gets what the workload may read, so it takes the rights to make a process the workload.
func TestTheEnvironmentTakesTheRightsOfALaunch(t *testing.T) {
	w := start(t)
	log := w.logged()
	w.secrets()
	who, bearer := w.robot()
	w.want(201, "PUT", uami+"other"+v1, `{"location":"local"}`)
	principal := w.site("func", `"DB":"`+referTo+`VaultName=kv-orders;SecretName=db)"`)
	w.assignRole(principal, "Key Vault Secrets User", kvOrders)
	w.want(200, "PATCH", sites+"func"+v1, block("SystemAssigned, UserAssigned", `"`+uami+`other":{}`))
	log.take()
	refused := func(what, says string) {
		t.Helper()
		a := w.as(bearer, "POST", sites+"func"+environmentAt+own, "")
		if a.status != 403 || !strings.Contains(a.at("error", "message"), says) {
			t.Errorf("%s: %d %s", what, a.status, a.text)
		}
	}
	custom := func(n int, actions string) {
		t.Helper()
		role := fmt.Sprintf("eeeeeeee-eeee-4eee-8eee-%012d", n)
		w.want(201, "PUT", rg+"/providers/Microsoft.Authorization/roleDefinitions/"+role+v2022, `{"properties":{"roleName":"custom`+role+`","type":"CustomRole",
			"permissions":[{"actions":[`+actions+`]}],"assignableScopes":["`+rg+`"]}}`)
		w.status("assigned", w.assign("", rg, n, who.id.String(), role, ""), 201, "")
	}
	refused("nothing", "Inborn.Platform/environment/action")
	w.assignRole(who.id.String(), "Reader", rg)
	refused("to read", "Inborn.Platform/environment/action")
	custom(901, `"Inborn.Platform/environment/action"`)
	refused("to ask", "Microsoft.Web/sites/write")
	custom(902, `"Microsoft.Web/sites/write"`)
	refused("to write", "userAssignedIdentities/assign/action")
	custom(903, `"Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action"`)
	refused("to assign", "Microsoft.Web/sites/config/list/action")
	w.equal("nothing was read", log.take(), "")
	custom(904, `"Microsoft.Web/sites/config/list/action"`)
	if a := w.as(bearer, "POST", sites+"func"+environmentAt+own, ""); a.status != 200 || a.at("variables", "DB") != "Db"+newer {
		t.Errorf("with all of them: %d %s", a.status, a.text)
	}
	for path, status := range map[string]int{sites + "none": 404, rg: 400, "/subscriptions/" + subscription: 400, "": 400} {
		w.want(status, "POST", path+environmentAt+own, "")
	}
	w.want(400, "POST", sites+"func"+environmentAt+v1, "")
	w.want(201, "PUT", machines+"vm1"+v1, `{"location":"local"}`)
	w.equal("a machine", w.want(200, "POST", machines+"vm1"+environmentAt+own, "").at("variables"), "map[]")
}

func TestTheEnvironmentOfAContainerApp(t *testing.T) {
	w := start(t)
	log := w.logged()
	w.secrets()
	reader := w.want(201, "PUT", uami+"reader"+v1, `{"location":"local"}`).at("properties", "principalId")
	made := w.want(201, "PUT", apps+"shop"+v1, `{"location":"local","identity":{"type":"SystemAssigned,UserAssigned","userAssignedIdentities":{"`+uami+`reader":{}}},
		"properties":{"configuration":{"secrets":[{"name":"own","value":"hunter2"},{"name":"db","keyVaultUrl":"https://kv-orders.vault.azure.net/secrets/db","identity":"System"},
		{"name":"db2","keyVaultUrl":"https://kv-orders.vault.azure.net/secrets/db/`+older+`","identity":"`+strings.ToLower(uami)+`reader"},
		{"name":"bad","keyVaultUrl":"https://kv-orders.vault.azure.net/keys/db","identity":"System"}]},
		"template":{"containers":[{"name":"a","env":[{"name":"PLAIN","value":"x"},{"name":"OWN","secretRef":"own"},{"name":"DB","secretRef":"db"},
		{"name":"DB2","secretRef":"DB2"},{"name":"BAD","secretRef":"bad"},{"name":"NONE","secretRef":"none"}]},{"name":"b","env":[{"name":"OTHER","value":"y"}]}]}}}`)
	ask := func() answer { t.Helper(); return w.want(200, "POST", apps+"shop"+environmentAt+own, "") }
	w.assignRole(reader, "Key Vault Secrets User", kvOrders)
	a := ask()
	w.equal("what there is", a.at("variables"), "map[DB2:Db"+older+" OWN:hunter2 PLAIN:x]")
	w.equal("why not", a.at("references", "0", "status")+" "+a.at("references", "1", "status")+" "+a.at("references", "2", "status"), "InvalidSyntax AccessToKeyVaultDenied Resolved")
	w.assignRole(made.at("identity", "principalId"), "Key Vault Secrets User", kvOrders)
	w.equal("with the role", ask().at("variables", "DB"), "Db"+newer)
	if told := log.take(); !strings.Contains(told, "reader secrets/get kv-orders secrets/db/"+older+" 200") || !strings.Contains(told, "shop secrets/get kv-orders secrets/db 200") {
		t.Errorf("told:\n%s", told)
	}
}

// A secret that ends between the look and the reading is not there, and one that was tampered with is an error of ours.
func TestASecretThatDoesNotOpen(t *testing.T) {
	w := start(t)
	w.secrets()
	principal := w.site("func", `"DB":"`+referTo+`VaultName=kv-orders;SecretName=db)"`)
	w.assignRole(principal, "Key Vault Secrets User", kvOrders)
	real, gone := w.config.Cipher, true
	w.config.Cipher = func(ctx context.Context, tenant guid.GUID, id string) ([]byte, bool, error) {
		if !strings.HasPrefix(id, "vault") {
			return real(ctx, tenant, id)
		}
		text, found, err := real(ctx, tenant, state.VaultCipher(resource.ID(kvLegacy), vault.Secrets, "db", newer))
		return text, found && !gone, err
	}
	log := w.logged()
	a := w.want(200, "POST", sites+"func"+environmentAt+own, "")
	w.equal("purged", a.at("references", "0", "status")+" "+a.at("variables", "DB"), "SecretNotFound "+referTo+"VaultName=kv-orders;SecretName=db)")
	w.equal("told", log.take(), "func secrets/get kv-orders secrets/db 404")
	gone = false
	if a := w.do("POST", sites+"func"+environmentAt+own, ""); a.status != 500 || strings.Contains(a.text, "Db0") {
		t.Errorf("another's ciphertext: %d %s", a.status, a.text)
	}
}

func TestTheAccessLogIsPaged(t *testing.T) {
	w := start(t)
	w.want(201, "PUT", kvOrders+v1, `{"location":"local"}`)
	var asked vault.AccessFilter
	w.config.Accesses = func(_ context.Context, tenant guid.GUID, of resource.ID, which vault.AccessFilter, limit int) (all []vault.Access, _ error) {
		asked = which
		first := 5 // five entries, the newest first, whose places are their numbers
		if which.Before != "" {
			fmt.Sscan(which.Before, &first)
			first--
		}
		for n := first; n > 0 && len(all) < limit; n-- {
			all = append(all, vault.Access{Vault: of, At: now, Status: n, Operation: "secrets/get", Place: fmt.Sprint(n)})
		}
		return all, nil
	}
	w.logged()
	const path = kvOrders + "/providers/Inborn.Platform/accesses" + own
	seen := ""
	for next := path + "&$top=2&object=db&caller=func&since=2026-01-01T00:00:00Z"; next != ""; {
		page := w.want(200, "GET", next, "")
		seen += page.at("value", "0", "status") + page.at("value", "1", "status") + page.at("value", "2", "status") + "|"
		next = page.at("nextLink")
		if asked.Object != "db" || asked.Caller != "func" || !asked.Since.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("asked for %+v", asked)
		}
	}
	w.equal("pages", seen, "54|32|1|")
	w.want(400, "GET", path+"&since=yesterday", "")
	w.want(400, "GET", path+"&$top=0", "")
	w.want(400, "GET", rg+"/providers/Inborn.Platform/accesses"+own, "")
	who, bearer := w.robot()
	if a := w.as(bearer, "GET", path, ""); a.status != 403 {
		t.Errorf("without a role: %d", a.status)
	}
	w.assignRole(who.id.String(), "Reader", kvOrders)
	if a := w.as(bearer, "GET", path, ""); a.status != 200 {
		t.Errorf("a Reader: %d", a.status)
	}
}
