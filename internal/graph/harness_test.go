package graph

import (
	"context"
	"crypto/rand"
	"encoding/json"
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
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/token"
)

const (
	graphAudience = "https://graph.microsoft.com"
	guest         = "bob_fabrikam.example#EXT#@contoso.example"
)

// signingKey makes the one RSA key that all tests share.
var signingKey = sync.OnceValues(func() (*token.Key, error) { return token.NewKey(rand.Reader, time.Now()) })

// world is a whole Graph: a real store, a real Live, real tokens, a real TLS server, and some objects.
type world struct {
	t      *testing.T
	live   *state.Live
	key    *token.Key
	server *httptest.Server
	tenant guid.GUID
	dark   atomic.Bool // the keys are not ready

	mu     sync.Mutex
	traces []apierr.Trace

	client   *directory.ServicePrincipal // a user-assigned identity without grants
	system   *directory.ServicePrincipal // a system-assigned identity
	orders   directory.Application
	ordersSP *directory.ServicePrincipal
	ann      directory.User
	bob      directory.User // a guest
	staff    directory.Group
	reader   guid.GUID // the app role Orders.Read.All
}

func newWorld(t *testing.T) *world {
	t.Helper()
	catalog, err := directory.FirstParty()
	must(t, err)
	st, err := store.OpenSQLite(t.Context(), t.TempDir())
	must(t, err)
	live, err := state.Open(context.WithoutCancel(t.Context()), st, catalog, state.Options{Now: time.Now, Random: rand.Reader})
	must(t, err)
	key, err := signingKey()
	must(t, err)
	w := &world{t: t, live: live, key: key, tenant: guid.MustParse("11111111-2222-3333-4444-555555555555")}
	ring := token.NewKeyRing(token.RingKey{Key: key, ActiveFrom: time.Now().Add(-time.Hour)})
	h := &Handler{Live: live, Now: time.Now, Verifier: token.NewVerifier(100), Keys: func(context.Context) (token.KeyRing, error) {
		if w.dark.Load() {
			return token.KeyRing{}, apierr.New(apierr.KeysNotReady, "The signing key is still being made.")
		}
		return ring, nil
	}}
	w.server = httptest.NewTLSServer(h.API().Handler(serve.Deps{Now: time.Now, Random: rand.Reader, Refused: w.keep}))
	t.Cleanup(func() {
		w.server.Close()
		must(t, live.Close())
		must(t, st.Close())
	})
	w.fill()
	return w
}

func (w *world) keep(t apierr.Trace) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.traces = append(w.traces, t)
}

func (w *world) fill() {
	w.change(func(d *state.Draft) error {
		d.CreateTenant(directory.Tenant{ID: w.tenant, Name: "contoso.example",
			IssuerV1: "https://sts.windows.net/" + w.tenant.String() + "/",
			IssuerV2: "https://login.microsoftonline.com/" + w.tenant.String() + "/v2.0"})
		return nil
	})
	w.change(func(d *state.Draft) (err error) {
		subscription := guid.MustParse("99999999-2222-3333-4444-555555555555")
		group := resource.GroupID(subscription.String(), "default")
		site := resource.In(group, "Microsoft.Web/sites", "func-orders")
		id := resource.In(group, resource.TypeIdentity, "id-orders")
		w.orders, err = d.CreateApplication(directory.Application{DisplayName: "orders-api", IdentifierURIs: []string{"api://orders"},
			AppRoles: []directory.AppRole{
				{Value: "Orders.Read.All", DisplayName: "Read orders", AllowedMembers: directory.MemberApplication, Enabled: true},
				{Value: "Orders.Write.All", DisplayName: "Write orders", AllowedMembers: directory.MemberApplication | directory.MemberUser, Enabled: true},
				{Value: "Orders.Old", DisplayName: "Old", AllowedMembers: directory.MemberApplication},
			}})
		if err != nil {
			return err
		}
		if err := d.PutSubscription(resource.Subscription{ID: subscription, Name: "dev"}); err != nil {
			return err
		}
		if err := d.PutResourceGroup(group, "local"); err != nil {
			return err
		}
		if _, _, err := d.PutIdentity(state.ManagedIdentitySpec{ID: id, Location: "local"}); err != nil {
			return err
		}
		if _, _, err := d.PutResource(state.ResourceSpec{ID: site, Identity: state.IdentitySpec{System: true}}); err != nil {
			return err
		}
		if w.ann, err = d.CreateUser(directory.User{UPN: "ann@contoso.example", DisplayName: "Ann O'Brien"}); err != nil {
			return err
		}
		if w.bob, err = d.CreateUser(directory.User{UPN: guest, DisplayName: "Bob"}); err != nil {
			return err
		}
		w.staff, err = d.CreateGroup(directory.Group{DisplayName: "all staff"})
		return err
	})
	dir := w.dir()
	w.reader = w.orders.AppRoles[0].ID
	w.ordersSP, _ = dir.ServicePrincipalByAppID(w.orders.AppID)
	w.client = w.named("id-orders")
	w.system = w.named("func-orders")
}

func (w *world) dir() *state.Directory {
	dir, ok := w.live.View().Directory(w.tenant)
	if !ok {
		w.t.Fatal("the tenant is gone")
	}
	return dir
}

func (w *world) named(name string) *directory.ServicePrincipal {
	for sp := range w.dir().ServicePrincipalsNamed(name) {
		return sp
	}
	w.t.Fatalf("no service principal %s", name)
	return nil
}

func (w *world) change(do func(*state.Draft) error) {
	w.t.Helper()
	_, err := w.live.Update(w.t.Context(), state.Actor{Name: "test"}, func(v *state.View, env *state.Env) (state.Batch, error) {
		d := state.NewDraft(v, env, w.tenant)
		err := do(d)
		return d.Batch(), err
	})
	must(w.t, err)
}

// graph returns Microsoft Graph's service principal.
func (w *world) graph() *directory.ServicePrincipal {
	sp, ok := w.dir().ServicePrincipalByAppID(directory.GraphAppID)
	if !ok {
		w.t.Fatal("no Microsoft Graph")
	}
	return sp
}

// permit gives Graph permissions to the client and returns what takes them away.
func (w *world) permit(values ...string) (take func()) {
	w.t.Helper()
	var given []directory.AssignmentID
	app, _ := w.dir().ApplicationByAppID(directory.GraphAppID)
	w.change(func(d *state.Draft) error {
		given = nil
		for _, value := range values {
			role, ok := app.RoleByValue(value, directory.MemberApplication)
			if !ok {
				w.t.Errorf("Graph has no role %s", value)
			}
			a, err := d.Grant(w.client.ID, w.graph().ID, role.ID)
			if err != nil {
				return err
			}
			given = append(given, a.ID)
		}
		return nil
	})
	return func() {
		w.t.Helper()
		w.change(func(d *state.Draft) error {
			for _, id := range given {
				if err := d.Revoke(id); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// token signs a token of sp after edit has changed its claims.
func (w *world) token(sp *directory.ServicePrincipal, edit func(*token.Claims)) string {
	w.t.Helper()
	claims, err := token.Access(token.Grant{Tenant: *w.dir().Tenant(), Principal: *sp, Audience: graphAudience, Lifetime: time.Hour}, time.Now(), rand.Reader)
	must(w.t, err)
	if edit != nil {
		edit(claims)
	}
	text, err := token.NewSigner(2, 100).Sign(w.t.Context(), w.key, claims)
	must(w.t, err)
	return text
}

// reply is an answer that was read to its end.
type reply struct {
	status int
	header http.Header
	text   string
	body   map[string]any // nil when it is no JSON object
}

// do sends a request. header holds names and values in turn.
func (w *world) do(method, path, bearer, body string, header ...string) reply {
	w.t.Helper()
	url := path
	if !strings.HasPrefix(path, "https://") {
		url = w.server.URL + path
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, url, strings.NewReader(body))
	must(w.t, err)
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	answer, err := w.server.Client().Do(r)
	must(w.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(w.t, err)
	got := reply{status: answer.StatusCode, header: answer.Header, text: string(text)}
	_ = json.Unmarshal(text, &got.body) // the count segment is plain text
	return got
}

// get sends a GET as the client.
func (w *world) get(path string, header ...string) reply {
	w.t.Helper()
	return w.do("GET", path, w.token(w.client, nil), "", header...)
}

func (r reply) failure() (code, message string) {
	e, _ := r.body["error"].(map[string]any)
	code, _ = e["code"].(string)
	message, _ = e["message"].(string)
	return code, message
}

func (r reply) values() []map[string]any {
	list, _ := r.body["value"].([]any)
	all := []map[string]any{}
	for _, item := range list {
		o, _ := item.(map[string]any)
		all = append(all, o)
	}
	return all
}

// refused fails the test unless r is a refusal of that status and code whose message contains words.
func (r reply) refused(t *testing.T, status int, code, words string) {
	t.Helper()
	gotCode, message := r.failure()
	if r.status != status || gotCode != code || !strings.Contains(message, words) {
		t.Fatalf("got %d %s; want %d %s %q", r.status, r.text, status, code, words)
	}
	inner, _ := r.body["error"].(map[string]any)["innerError"].(map[string]any)
	id, _ := inner["request-id"].(string)
	if id == "" || id != r.header.Get("request-id") || inner["client-request-id"] == "" || len(inner["date"].(string)) != 19 {
		t.Fatalf("innerError = %v, header %v", inner, r.header)
	}
}

// ok fails the test unless r has that status and, where fragment is not "", that context.
func (r reply) ok(t *testing.T, status int, fragment string) reply {
	t.Helper()
	context, _ := r.body["@odata.context"].(string)
	if r.status != status || !strings.HasSuffix(context, fragment) {
		t.Fatalf("got %d %s; want %d and context %s", r.status, r.text, status, fragment)
	}
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
