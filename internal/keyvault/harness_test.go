package keyvault

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/envelope"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/token"
	"github.com/inborn-id/inborn/internal/vault"
)

var (
	began  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	home   = directory.Tenant{ID: guid.MustParse("00000000-0000-4000-8000-00000000000a"), Name: "contoso.example", IssuerV1: "https://sts.windows.net/home/", IssuerV2: "https://login/home/v2.0"}
	group  = resource.GroupID("00000000-0000-4000-8000-00000000000b", "default")
	orders = resource.In(group, resource.TypeVault, "kv-orders") // roles decide
	legacy = resource.In(group, resource.TypeVault, "kv-legacy") // access policies decide
	key    = sync.OnceValue(func() *token.Key {
		k, err := token.NewKey(rand.Reader, began)
		if err != nil {
			panic(err)
		}
		return k
	})
)

const v74 = "api-version=7.4"

// world is a running data plane on a real store, with two vaults.
type world struct {
	*testing.T
	live   *state.Live
	store  *store.Store
	api    API
	url    string
	client *http.Client
	ahead  atomic.Int64 // nanoseconds that a test has moved the clock on
	admin  string       // a bearer token of a Key Vault Administrator of all vaults
	seen   chan vault.Access
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) now() time.Time { return began.Add(time.Duration(w.ahead.Load())) }

func start(t *testing.T) *world {
	t.Helper()
	ctx := context.Background()
	catalog, err := directory.FirstParty("contoso.example")
	must(t, err)
	st, err := store.OpenSQLite(ctx, t.TempDir())
	must(t, err)
	t.Cleanup(func() { must(t, st.Close()) })
	w := &world{T: t, store: st, seen: make(chan vault.Access, 10_000)}
	w.live, err = state.Open(ctx, st, catalog, state.Options{Now: w.now, Random: rand.Reader})
	must(t, err)
	t.Cleanup(func() { must(t, w.live.Close()) })
	master, err := envelope.Generate(rand.Reader)
	must(t, err)
	w.api = New(Config{
		Live: w.live, Now: w.now, Random: rand.Reader, Verify: token.NewVerifier(100).Verify,
		Keys: func() token.KeyRing { return token.KeyRing{}.With(key(), began.Add(-time.Hour)) },
		Seal: func(context []string, plain []byte) ([]byte, error) {
			return master.Encrypt(context, plain, rand.Reader)
		},
		Open: master.Decrypt,
		Cipher: func(ctx context.Context, tenant guid.GUID, id string) ([]byte, bool, error) {
			cipher, found, err := st.Cipher(ctx, tenant, id)
			return cipher.Ciphertext, found, err
		},
		Login: "https://login.microsoftonline.com", Domain: "contoso.example",
		Accessed: func(a vault.Access) { w.seen <- a },
	})
	srv := httptest.NewTLSServer(w.api.Handler(serve.Deps{Now: time.Now, Random: rand.Reader}))
	t.Cleanup(srv.Close)
	w.url, w.client = srv.URL, srv.Client()
	w.change(func(d *state.Draft) error {
		d.CreateTenant(home)
		must(t, d.PutSubscription(resource.Subscription{ID: guid.MustParse(group.Subscription()), Name: "dev"}))
		must(t, d.PutResourceGroup(group, "local"))
		for id, rbac := range map[resource.ID]bool{orders: true, legacy: false} {
			properties := fmt.Appendf(nil, `{"enableRbacAuthorization":%t,"softDeleteRetentionInDays":7}`, rbac)
			if _, _, err := d.PutResource(state.ResourceSpec{ID: id, Location: "local", Properties: properties}); err != nil {
				return err
			}
		}
		return nil
	})
	w.admin = w.identity("id-admin", "Key Vault Administrator", group)
	return w
}

// change changes the tenant behind the API's back.
func (w *world) change(do func(*state.Draft) error) {
	w.Helper()
	_, err := w.live.Update(context.Background(), state.Actor{Name: "test"}, func(v *state.View, env *state.Env) (state.Batch, error) {
		d := state.NewDraft(v, env, home.ID)
		err := do(d)
		return d.Batch(), err
	})
	must(w.T, err)
}

func (w *world) dir() *state.Directory {
	dir, _ := w.live.View().Directory(home.ID)
	return dir
}

// identity makes a managed identity that has a role at a scope, "" for none, and returns a token of it.
func (w *world) identity(name, role string, scope resource.ID) string {
	w.Helper()
	var made resource.ManagedIdentity
	w.change(func(d *state.Draft) (err error) {
		if made, _, err = d.PutIdentity(state.ManagedIdentitySpec{ID: resource.In(group, resource.TypeIdentity, name)}); err != nil || role == "" {
			return err
		}
		return assign(d, made.PrincipalID, role, scope)
	})
	return w.token(made.PrincipalID, func(*token.Grant) {})
}

func assign(d *state.Draft, principal guid.GUID, role string, scope resource.ID) error {
	found, ok := d.Directory().RoleNamed(role)
	if !ok {
		return fmt.Errorf("there is no role %s", role)
	}
	_, err := d.PutRoleAssignment(rbac.RoleAssignment{Scope: scope, Role: found.ID, Principal: principal})
	return err
}

// principal is the object id of an identity.
func (w *world) principal(name string) guid.GUID {
	i, ok := w.dir().Identity(resource.In(group, resource.TypeIdentity, name))
	if !ok {
		w.Fatalf("there is no identity %s", name)
	}
	return i.PrincipalID
}

func (w *world) token(principal guid.GUID, change func(*token.Grant)) string {
	w.Helper()
	sp, _ := w.dir().ServicePrincipal(principal)
	g := token.Grant{Tenant: home, Principal: *sp, Audience: audience, Lifetime: time.Hour}
	change(&g)
	claims, err := token.Access(g, w.now(), rand.Reader)
	must(w.T, err)
	text, err := token.NewSigner(1, 1).Sign(context.Background(), key(), claims)
	must(w.T, err)
	return text
}

// answer is a response with its body as text and as JSON.
type answer struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

// do sends a request of the administrator to the vault kv-orders; the path may have a query, and gets an api-version.
func (w *world) do(method, path, body string) answer {
	w.Helper()
	return w.as(w.admin, "kv-orders.vault.azure.net", method, path, body)
}

// as sends a request with a token, "" for none, to a vault by its host; a host of "" is for paths with the vault in them.
func (w *world) as(bearer, host, method, path, body string) answer {
	w.Helper()
	if !strings.Contains(path, "api%2Dversion=") && !strings.Contains(path, "api-version=") {
		separator := "?"
		if strings.Contains(path, "?") {
			separator = "&"
		}
		path += separator + v74
	}
	path = w.url + path
	req, err := http.NewRequest(method, path, strings.NewReader(body))
	must(w.T, err)
	req.Host = host
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := w.client.Do(req)
	must(w.T, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(w.T, err)
	a := answer{status: resp.StatusCode, header: resp.Header, text: string(text)}
	if len(text) > 0 {
		must(w.T, json.Unmarshal(text, &a.json))
	}
	return a
}

// want does a request and demands its status.
func (w *world) want(status int, method, path, body string) answer {
	w.Helper()
	a := w.do(method, path, body)
	if a.status != status {
		w.Fatalf("%s %s: %d %s; want %d", method, path, a.status, a.text, status)
	}
	return a
}

// refused demands a status, a code and, if it is not "", an inner code.
func (w *world) refused(what string, a answer, status int, code, inner string) {
	w.Helper()
	if a.status != status || a.at("error", "code") != code || inner != "" && a.at("error", "innererror", "code") != inner {
		w.Errorf("%s: %d %s; want %d %s %s", what, a.status, a.text, status, code, inner)
	}
}

func (w *world) equal(what, got, want string) {
	w.Helper()
	if got != want {
		w.Errorf("%s: %q; want %q", what, got, want)
	}
}

// at returns the value under these names of the answer, as text; "" if there is none.
func (a answer) at(names ...string) string {
	var v any = a.json
	for _, name := range names {
		switch have := v.(type) {
		case map[string]any:
			v = have[name]
		case []any:
			var i int
			fmt.Sscan(name, &i)
			if i >= len(have) {
				return ""
			}
			v = have[i]
		default:
			return ""
		}
	}
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return fmt.Sprintf("%.0f", v)
	default:
		return fmt.Sprint(v)
	}
}
