package arm

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

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/envelope"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/manifest"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/token"
)

var (
	home  = tenant("7ae3a2f0-9b4e-4d57-a7c1-0d6a3b0c5e11", "contoso.example")
	other = tenant("0b9f3c1e-52b1-4c1e-8f5c-0c9e5f1f7a22", "fabrikam.example")
	now   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

	signingKey = sync.OnceValue(newKey)
	foreignKey = sync.OnceValue(newKey)
)

const (
	subscription      = "4f0d2a6b-5f63-4c5c-8a44-6c6a5fd0c9a1"
	otherSubscription = "c0b5b3a4-0c65-4c4e-9a17-3b8a9d6c1e55"
	rg                = "/subscriptions/" + subscription + "/resourceGroups/Dev"
	uami              = rg + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/"
	sites             = rg + "/providers/Microsoft.Web/sites/"
	jobs              = rg + "/providers/Contoso.Jobs/jobs/"
	node              = rg + "/providers/Microsoft.HybridCompute/machines/web-01"
	bindings          = node + "/providers/Inborn.Platform/bindings"
	v1                = "?api-version=2024-11-30"
	own               = "?api-version=2026-11-01"
)

func tenant(id, name string) directory.Tenant {
	return directory.Tenant{ID: guid.MustParse(id), Name: name,
		IssuerV1: "https://sts.windows.net/" + id + "/", IssuerV2: "https://login.microsoftonline.com/" + id + "/v2.0"}
}

func newKey() *token.Key {
	k, err := token.NewKey(rand.Reader, now)
	if err != nil {
		panic(err)
	}
	return k
}

// world is a running API on a real store, with the tenants home and other.
type world struct {
	*testing.T
	live   *state.Live
	url    string
	client *http.Client
	config Config
	traces sync.Map // request id to trace
	store  *store.Store
	ahead  atomic.Int64 // nanoseconds that a test has moved the clock on from now
	uses   uses
}

func start(t *testing.T) *world {
	t.Helper()
	ctx := context.Background()
	catalog, err := directory.FirstParty()
	must(t, err)
	st, err := store.OpenSQLite(ctx, t.TempDir())
	must(t, err)
	t.Cleanup(func() { must(t, st.Close()) })
	w := &world{T: t, store: st}
	master, err := envelope.Generate(rand.Reader)
	must(t, err)
	w.live, err = state.Open(ctx, st, catalog, state.Options{Now: func() time.Time { return now }, Random: rand.Reader})
	must(t, err)
	t.Cleanup(func() { must(t, w.live.Close()) })
	w.config = Config{
		Live: w.live, Now: func() time.Time { return now }, Random: rand.Reader, Verify: token.NewVerifier(100).Verify,
		Keys:  func() token.KeyRing { return token.KeyRing{}.With(signingKey(), now.Add(-time.Hour)) },
		Apply: w.apply,
		Seal: func(context []string, plain []byte) ([]byte, error) {
			return master.Encrypt(context, plain, rand.Reader)
		},
		Open: master.Decrypt,
		Cipher: func(ctx context.Context, tenant guid.GUID, id string) ([]byte, bool, error) {
			cipher, found, err := st.Cipher(ctx, tenant, id)
			return cipher.Ciphertext, found, err
		},
		Needed: w.uses.needed, LastUse: w.uses.last, NeedsOf: w.uses.needsOf,
		Trace: func(_ context.Context, tenant, id guid.GUID) (apierr.Trace, error) {
			found, ok := w.traces.Load(id)
			if !ok || found.(apierr.Trace).Tenant != tenant {
				return apierr.Trace{}, apierr.New(apierr.ObjectNotFound, "Nothing is kept of %s.", id)
			}
			return found.(apierr.Trace), nil
		},
		Traces: func(_ context.Context, tenant guid.GUID, caller string, most int) (all []apierr.Trace, _ error) {
			w.traces.Range(func(_, one any) bool {
				if t := one.(apierr.Trace); t.Tenant == tenant && (caller == "" || t.Caller == caller) && len(all) < most {
					all = append(all, t)
				}
				return true
			})
			return all, nil
		},
	}
	srv := httptest.NewTLSServer(New(w.config).Handler(serve.Deps{Now: time.Now, Random: rand.Reader,
		Refused: func(trace apierr.Trace) { w.traces.Store(trace.ID, trace) }}))
	t.Cleanup(srv.Close)
	w.url = srv.URL
	w.client = srv.Client()
	w.change(home, func(d *state.Draft) error {
		d.CreateTenant(home)
		must(t, d.PutSubscription(resource.Subscription{ID: guid.MustParse(subscription), Name: "dev"}))
		return d.PutResourceGroup(rg, "local")
	})
	w.change(other, func(d *state.Draft) error {
		d.CreateTenant(other)
		return d.PutSubscription(resource.Subscription{ID: guid.MustParse(otherSubscription), Name: "theirs"})
	})
	return w
}

func (w *world) apply(ctx context.Context, actor state.Actor, tenant guid.GUID, may func(*state.Directory) error, in Manifest) ([]Change, error) {
	m, err := manifest.Parse(in.Text)
	if err != nil {
		return nil, err
	}
	var changes []Change
	_, err = w.live.Update(ctx, actor, func(v *state.View, env *state.Env) (state.Batch, error) {
		d := state.NewDraft(v, env, tenant)
		if err := may(d.Directory()); err != nil {
			return state.Batch{}, err
		}
		plan, _, err := manifest.Plan(d, m, nil, in.Prune)
		changes = nil
		for _, c := range plan {
			changes = append(changes, Change{string(c.Action), c.Kind, c.Name, c.Detail})
		}
		if in.Values["env:SHOWN"] != "" { // how a value that came with the manifest prints
			changes = append(changes, Change{Action: "create", Kind: "value", Name: fmt.Sprint(in.Values["env:SHOWN"]), Detail: string(in.Values["env:SHOWN"])})
		}
		if err != nil || in.DryRun {
			return state.Batch{}, err
		}
		return d.Batch(), nil
	})
	return changes, err
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// change changes a tenant behind the API's back.
func (w *world) change(t directory.Tenant, do func(*state.Draft) error) {
	w.Helper()
	_, err := w.live.Update(context.Background(), state.Actor{Name: "test"}, func(v *state.View, env *state.Env) (state.Batch, error) {
		d := state.NewDraft(v, env, t.ID)
		err := do(d)
		return d.Batch(), err
	})
	must(w.T, err)
}

func (w *world) dir() *state.Directory {
	dir, _ := w.live.View().Directory(home.ID)
	return dir
}

// grantOf is what a token of a tenant's local administrator says.
func grantOf(t directory.Tenant) token.Grant {
	return token.Grant{Tenant: t, Principal: directory.LocalAdministrator(t.ID), Audience: "https://management.azure.com/", Lifetime: time.Hour}
}

func sign(t testing.TB, g token.Grant, key *token.Key, at time.Time) string {
	t.Helper()
	claims, err := token.Access(g, at, rand.Reader)
	must(t, err)
	text, err := token.NewSigner(1, 1).Sign(context.Background(), key, claims)
	must(t, err)
	return text
}

// answer is a response with its body as text and as JSON.
type answer struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

// now is the time on the clock of w.
func (w *world) now() time.Time { return now.Add(time.Duration(w.ahead.Load())) }

// do sends a request of home's administrator.
func (w *world) do(method, path, body string) answer {
	w.Helper()
	return w.as(sign(w, grantOf(home), signingKey(), w.now()), method, path, body)
}

func (w *world) as(bearer, method, path, body string) answer {
	w.Helper()
	return w.send(map[string]string{"Authorization": "Bearer " + bearer}, method, path, body)
}

// withHeaders lists the subscriptions with more headers.
func (w *world) withHeaders(header map[string]string) answer {
	w.Helper()
	header["Authorization"] = "Bearer " + sign(w, grantOf(home), signingKey(), now)
	return w.send(header, "GET", "/subscriptions"+v1, "")
}

func (w *world) send(header map[string]string, method, path, body string) answer {
	w.Helper()
	url := path
	if !strings.HasPrefix(path, "https://") {
		url = w.url + path
	}
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	must(w.T, err)
	for name, value := range header {
		if value != "Bearer " {
			req.Header.Set(name, value)
		}
	}
	resp, err := w.client.Do(req)
	must(w.T, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(w.T, err)
	a := answer{status: resp.StatusCode, header: resp.Header, text: string(text)}
	if len(text) > 0 {
		if kind := resp.Header.Get("Content-Type"); kind != "application/json; charset=utf-8" {
			w.Errorf("%s %s: content type %q", method, path, kind)
		}
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

// at returns the value under dotted names of the answer, as text; "" if there is none.
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
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func (w *world) equal(what, got, want string) {
	w.Helper()
	if got != want {
		w.Errorf("%s: %q; want %q", what, got, want)
	}
}

// principals counts the managed identities of home.
func (w *world) principals() (n int) {
	for sp := range w.dir().ServicePrincipals(guid.GUID{}) {
		if sp.Type == directory.TypeManagedIdentity {
			n++
		}
	}
	return n
}

// grantRole gives a principal a role of an application made for it and returns how many assignments it then has.
func (w *world) grantRole(principal string) int {
	w.Helper()
	id := guid.MustParse(principal)
	w.change(home, func(d *state.Draft) error {
		app, err := d.CreateApplication(directory.Application{DisplayName: "api of " + principal,
			AppRoles: []directory.AppRole{{Value: "Read", AllowedMembers: directory.MemberApplication, Enabled: true}}})
		if err != nil {
			return err
		}
		sp, _ := d.Directory().ServicePrincipalByAppID(app.AppID)
		_, err = d.Grant(id, sp.ID, app.AppRoles[0].ID)
		return err
	})
	return w.assignments(principal)
}

func (w *world) assignments(principal string) (n int) {
	for range w.dir().AssignmentsOf(guid.MustParse(principal)) {
		n++
	}
	return n
}
