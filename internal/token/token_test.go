package token

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
)

var (
	tenantID = guid.MustParse("7ae3a2f0-9b4e-4d57-a7c1-0d6a3b0c5e11")
	apiID    = guid.MustParse("0d4c27e5-4f0e-4b8c-8f0a-6ce1d6f3a901")
	objectID = guid.MustParse("b6a2c0de-1f7d-4c0a-9a55-2f1e0c9d7b33")
	clientID = guid.MustParse("f8973019-6953-433b-b935-adc31f5646d5")
	roleID   = guid.MustParse("9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3")
	now      = time.Date(2026, 3, 1, 12, 0, 0, 999, time.UTC)
)

// testKey is one key for all tests, since making one takes a while.
var testKey = sync.OnceValue(func() *Key {
	k, err := NewKey(rand.Reader, now)
	if err != nil {
		panic(err)
	}
	return k
})

var otherKey = sync.OnceValue(func() *Key {
	k, err := NewKey(rand.Reader, now)
	if err != nil {
		panic(err)
	}
	return k
})

func grant() Grant {
	return Grant{
		Tenant: directory.Tenant{
			ID:       tenantID,
			IssuerV1: "https://sts.windows.net/" + tenantID.String() + "/",
			IssuerV2: "https://login.microsoftonline.com/" + tenantID.String() + "/v2.0",
		},
		Principal: directory.ServicePrincipal{
			ID:         objectID,
			AppID:      clientID,
			Type:       directory.TypeManagedIdentity,
			ResourceID: "/subscriptions/s/resourceGroups/RG/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id1",
			Explicit:   true,
		},
		Application:     &directory.Application{AppID: apiID, TokenVersion: 1},
		Audience:        "https://api.example/",
		Roles:           []string{"Orders.Read.All", "Orders.Write.All"},
		ComputeResource: "/subscriptions/s/RESOURCEGROUPS/RG/providers/Microsoft.Web/sites/func-orders",
		Lifetime:        time.Hour,
	}
}

func access(t testing.TB, g Grant) *Claims {
	t.Helper()
	c, err := Access(g, now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func signed(t testing.TB, k *Key, c *Claims) string {
	t.Helper()
	s, err := k.sign(k.signingInput(c))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// decoded reads one part of a token the way any JSON reader would.
func decoded(t testing.TB, tok string, part int) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(tok, ".")[part])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return m
}

// opaque are the claims whose values nobody may rely on.
var opaque = []string{"aio", "rh", "uti"}

func TestV1TokenOfAUserAssignedIdentity(t *testing.T) {
	tok := signed(t, testKey(), access(t, grant()))
	kid := testKey().ID()
	if diff := cmp.Diff(map[string]any{"typ": "JWT", "alg": "RS256", "kid": kid, "x5t": kid}, decoded(t, tok, 0)); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	got := decoded(t, tok, 1)
	for _, name := range opaque {
		if s, _ := got[name].(string); len(s) < 22 {
			t.Errorf("%s = %v", name, got[name])
		}
		delete(got, name)
	}
	issuer := "https://sts.windows.net/" + tenantID.String() + "/"
	want := map[string]any{
		"aud": "https://api.example/", "iss": issuer, "idp": issuer,
		"iat": float64(now.Unix() - 300), "nbf": float64(now.Unix() - 300), "exp": float64(now.Unix() + 3600),
		"appid": clientID.String(), "appidacr": "2", "idtyp": "app",
		"oid": objectID.String(), "sub": objectID.String(), "tid": tenantID.String(), "ver": "1.0",
		"roles":            []any{"Orders.Read.All", "Orders.Write.All"},
		"xms_az_nwperimid": []any{},
		"xms_az_rid":       "/subscriptions/s/resourcegroups/RG/providers/Microsoft.Web/sites/func-orders",
		"xms_mirid":        "/subscriptions/s/resourcegroups/RG/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id1",
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}

func TestV2TokenOfAnApplication(t *testing.T) {
	g := grant()
	g.Application.TokenVersion = 2
	g.Principal.Type, g.Principal.ResourceID, g.Principal.Explicit = directory.TypeApplication, "", false
	g.Roles, g.Auth, g.DirectoryRoles = nil, AuthSecret, []guid.GUID{roleID}
	tok := signed(t, testKey(), access(t, g))
	if diff := cmp.Diff(map[string]any{"typ": "JWT", "alg": "RS256", "kid": testKey().ID()}, decoded(t, tok, 0)); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	got := decoded(t, tok, 1)
	for _, name := range opaque {
		delete(got, name)
	}
	want := map[string]any{
		"aud": apiID.String(), "iss": "https://login.microsoftonline.com/" + tenantID.String() + "/v2.0",
		"iat": float64(now.Unix() - 300), "nbf": float64(now.Unix() - 300), "exp": float64(now.Unix() + 3600),
		"azp": clientID.String(), "azpacr": "1", "idtyp": "app",
		"oid": objectID.String(), "sub": objectID.String(), "tid": tenantID.String(), "ver": "2.0",
		"wids": []any{roleID.String()},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}

func TestSystemAssignedIdentityNamesOnlyItsResource(t *testing.T) {
	g := grant()
	g.Principal.Explicit = false
	g.Principal.ResourceID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm"
	got := decoded(t, signed(t, testKey(), access(t, g)), 1)
	if got["xms_mirid"] != "/subscriptions/s/resourcegroups/rg/providers/Microsoft.Compute/virtualMachines/vm" {
		t.Errorf("xms_mirid = %v", got["xms_mirid"])
	}
	if rid, present := got["xms_az_rid"]; present {
		t.Errorf("xms_az_rid = %v; want none", rid)
	}
}

func TestClaimsSurviveSpellingAndReading(t *testing.T) {
	for name, change := range map[string]func(*Grant){
		"as it is": func(*Grant) {},
		"v2":       func(g *Grant) { g.Application.TokenVersion = 2 },
		"no api":   func(g *Grant) { g.Application = nil },
		"secret":   func(g *Grant) { g.Auth = AuthSecret },
		"roles":    func(g *Grant) { g.Roles, g.DirectoryRoles = []string{"x"}, []guid.GUID{roleID, apiID} },
		"odd strings": func(g *Grant) {
			g.Audience, g.Roles = "api://\"\\\n<ü>\u2028", []string{"Größe", "a b", "</script>"}
		},
	} {
		g := grant()
		change(&g)
		want := access(t, g)
		jws, err := ParseJWS(signed(t, testKey(), want))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := jws.Access()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if !got.AppOnly() {
			t.Errorf("%s: not app-only", name)
		}
	}
}

func TestDelegatedClaimsSurviveToo(t *testing.T) {
	want := access(t, grant())
	want.Scopes, want.IDType, want.Auth = []string{"Orders.Read", "Orders.Write"}, "", AuthNone
	jws, err := ParseJWS(signed(t, testKey(), want))
	if err != nil {
		t.Fatal(err)
	}
	got, err := jws.Access()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got.AppOnly() {
		t.Error("a delegated token counts as app-only")
	}
}

func TestAccessRefusesOddLifetimesAndNeedsRandomness(t *testing.T) {
	for _, life := range []time.Duration{-time.Hour, 0, 999 * time.Millisecond, MaxLifetime + time.Second} {
		g := grant()
		g.Lifetime = life
		if c, err := Access(g, now, rand.Reader); err == nil {
			t.Errorf("lifetime %v gave a token until %v", life, c.Expires)
		}
	}
	if _, err := Access(grant(), now, iotest.TimeoutReader(bytes.NewReader(make([]byte, 71)))); err == nil {
		t.Error("a token was made with too little randomness")
	}
	a, b := access(t, grant()), access(t, grant())
	if a.UniqueID == b.UniqueID || a.Opaque == b.Opaque || a.Handle == b.Handle {
		t.Error("two tokens share an id")
	}
}

// BenchmarkBuild is what a token costs beside its signature.
func BenchmarkBuild(b *testing.B) {
	k, g := testKey(), grant()
	b.ReportAllocs()
	for b.Loop() {
		c, err := Access(g, now, rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		k.signingInput(c)
	}
}

func BenchmarkSign(b *testing.B) {
	k := testKey()
	input := k.signingInput(access(b, grant()))
	for b.Loop() {
		if _, err := k.sign(bytes.Clone(input)); err != nil {
			b.Fatal(err)
		}
	}
}
