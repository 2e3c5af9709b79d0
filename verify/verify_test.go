package verify_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/token"
	"github.com/inborn-id/inborn/verify"
)

func code(err error) string {
	var e *verify.Error
	if errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return "another error: " + err.Error()
	}
	return ""
}

func TestVerifyAcceptsBothVersions(t *testing.T) {
	s := newIssuer(t)
	v := s.verifier(t)
	got, err := v.Verify(t.Context(), s.token(t, keyPool[0]()))
	if err != nil {
		t.Fatal(err)
	}
	if got.Version != "1.0" || got.ObjectID != objectID.String() || got.ClientID != clientID.String() || got.TenantID != tenantID.String() ||
		!got.AppOnly || !got.HasRole("Orders.Read.All") || got.HasRole("orders.read.all") || got.Audience != "api://orders" ||
		got.IdentityID != "/subscriptions/s/resourcegroups/rg/providers/Microsoft.Web/sites/func-orders" ||
		!got.Expires.Equal(epoch.Add(time.Hour)) || got.Issuer != s.tenant.IssuerV1 || got.ID == "" {
		t.Errorf("v1.0: %+v", got)
	}
	other := map[string]any{}
	if err := got.Decode(&other); err != nil || other["appidacr"] != "2" {
		t.Errorf("Decode: %v, %v", other, err)
	}
	g := s.grant()
	g.Application.TokenVersion = 2
	if got, err = v.Verify(t.Context(), s.grantToken(t, keyPool[0](), g)); err != nil || got.Version != "2.0" || got.Audience != apiID.String() {
		t.Errorf("v2.0: %+v, %v", got, err)
	}
	if n := s.hits.Load(); n != 1 {
		t.Errorf("keys were fetched %d times", n)
	}
}

func TestVerifySaysWhatIsWrong(t *testing.T) {
	s := newIssuer(t)
	v, key := s.verifier(t), keyPool[0]()
	good := s.token(t, key)
	elsewhere := "https://sts.windows.net/11111111-1111-4111-8111-111111111111/"
	for name, test := range map[string]struct {
		raw  string
		want string
	}{
		"good":           {good, ""},
		"empty":          {"", verify.CodeMissing},
		"garbage":        {"garbage", verify.CodeMalformed},
		"huge":           {strings.Repeat("x", 20<<10), verify.CodeMalformed},
		"other tenant":   {s.token(t, key, func(c *token.Claims) { c.Issuer = elsewhere }), verify.CodeIssuer},
		"issuer case":    {s.token(t, key, func(c *token.Claims) { c.Issuer = strings.ToUpper(c.Issuer) }), verify.CodeIssuer},
		"other audience": {s.token(t, key, func(c *token.Claims) { c.Audience = "api://other" }), verify.CodeAudience},
		"audience slash": {s.token(t, key, func(c *token.Claims) { c.Audience += "/" }), verify.CodeAudience},
		"signature":      {good[:len(good)-8] + "AAAAAAAA", verify.CodeSignature},
		"alg none":       {"eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + strings.Split(good, ".")[1] + ".", verify.CodeMalformed},
		"foreign key":    {s.token(t, keyPool[2]()), verify.CodeSignature},
		"expired":        {s.token(t, key, func(c *token.Claims) { c.Expires = epoch.Add(-time.Minute) }), verify.CodeExpired},
		"just alive":     {s.token(t, key, func(c *token.Claims) { c.Expires = epoch.Add(-59 * time.Second) }), ""},
		"too early":      {s.token(t, key, func(c *token.Claims) { c.NotBefore = epoch.Add(61 * time.Second) }), verify.CodeNotYetValid},
		"nearly":         {s.token(t, key, func(c *token.Claims) { c.NotBefore = epoch.Add(time.Minute) }), ""},
	} {
		for range 2 {
			got, err := v.Verify(t.Context(), test.raw)
			if code(err) != test.want || (got == nil) != (err != nil) {
				t.Errorf("%s: %v, %v; want %q", name, got, err, test.want)
			}
		}
	}
}

func TestACachedTokenExpires(t *testing.T) {
	s := newIssuer(t)
	v, raw := s.verifier(t, func(c *verify.Config) { c.Leeway = -time.Hour }), s.token(t, keyPool[0]())
	if _, err := v.Verify(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(time.Hour - time.Second)
	if _, err := v.Verify(t.Context(), raw); err != nil {
		t.Errorf("in its last second: %v", err)
	}
	s.clock.Advance(time.Second)
	if _, err := v.Verify(t.Context(), raw); code(err) != verify.CodeExpired {
		t.Errorf("after its end: %v", err)
	}
	s.clock.Advance(-2 * time.Hour)
	if _, err := v.Verify(t.Context(), raw); code(err) != verify.CodeNotYetValid {
		t.Errorf("from the cache before its beginning: %v", err)
	}
}

func TestKeysCountForTheirIssuerOnly(t *testing.T) {
	s := newIssuer(t)
	raw := s.token(t, keyPool[0]())
	for owner, want := range map[string]string{
		"": "",
		"https://login.microsoftonline.com/{tenantid}/v2.0": "",
		s.tenant.IssuerV1: "",
		s.tenant.IssuerV2: "",
		"https://login.microsoftonline.com/11111111-1111-4111-8111-111111111111/v2.0": verify.CodeIssuer,
		"https://evil.example/{tenantid}/v2.0":                                        verify.CodeIssuer,
	} {
		s.owner = owner
		if _, err := s.verifier(t).Verify(t.Context(), raw); code(err) != want {
			t.Errorf("key for %q: %v; want %q", owner, err, want)
		}
	}
	// Two trusted tenants: the key of one must not sign for the other, whatever tid its token claims.
	s.owner = s.tenant.IssuerV2
	other := guid.MustParse("11111111-1111-4111-8111-111111111111")
	two := s.verifier(t, func(c *verify.Config) {
		c.Issuers = []string{s.tenant.IssuerV1, s.tenant.IssuerV2, "https://sts.windows.net/" + other.String() + "/"}
	})
	for _, tid := range []guid.GUID{other, tenantID} {
		forged := s.token(t, keyPool[0](), func(c *token.Claims) { c.Issuer, c.Tenant = "https://sts.windows.net/"+other.String()+"/", tid })
		if _, err := two.Verify(t.Context(), forged); code(err) != verify.CodeIssuer {
			t.Errorf("a tenant signed for its neighbour with tid %v: %v", tid, err)
		}
	}
}

func TestFormsOfConfiguration(t *testing.T) {
	s := newIssuer(t)
	g := s.grant()
	v1 := s.grantToken(t, keyPool[0](), g)
	g.Application.TokenVersion = 2
	v2 := s.grantToken(t, keyPool[0](), g)
	const wellKnown = "/.well-known/openid-configuration"
	for name, test := range map[string]struct {
		change func(*verify.Config)
		v1, v2 string
	}{
		"authority":        {func(c *verify.Config) {}, "", ""},
		"with slash":       {func(c *verify.Config) { c.Authority += "/" }, "", ""},
		"v2.0":             {func(c *verify.Config) { c.Authority += "/v2.0" }, verify.CodeIssuer, ""},
		"v2.0 document":    {func(c *verify.Config) { c.Authority += "/v2.0" + wellKnown }, verify.CodeIssuer, ""},
		"v1.0 document":    {func(c *verify.Config) { c.Authority += wellKnown }, "", verify.CodeIssuer},
		"one issuer":       {func(c *verify.Config) { c.Issuers = []string{s.tenant.IssuerV2} }, verify.CodeIssuer, ""},
		"only v1.0 of two": {func(c *verify.Config) { c.Issuers = []string{s.tenant.IssuerV1} }, "", verify.CodeIssuer},
		"no discovery": {func(c *verify.Config) {
			c.Issuers, c.JWKSURL = []string{s.tenant.IssuerV1}, c.Authority+"/discovery/keys"
			c.Authority = ""
		}, "", verify.CodeIssuer},
		"common with issuers": {func(c *verify.Config) {
			c.Authority, c.Issuers = s.URL+"/common", []string{s.tenant.IssuerV1, s.tenant.IssuerV2}
		}, "", ""},
		"common": {func(c *verify.Config) { c.Authority = s.URL + "/common" }, verify.CodeKeysUnavailable, verify.CodeKeysUnavailable},
	} {
		v := s.verifier(t, test.change)
		if _, err := v.Verify(t.Context(), v1); code(err) != test.v1 {
			t.Errorf("%s: v1.0 token: %v; want %q", name, err, test.v1)
		}
		if _, err := v.Verify(t.Context(), v2); code(err) != test.v2 {
			t.Errorf("%s: v2.0 token: %v; want %q", name, err, test.v2)
		}
	}
	s.onlyV2.Store(true)
	v := s.verifier(t)
	if _, err := v.Verify(t.Context(), v2); err != nil {
		t.Errorf("issuer without v1.0: %v", err)
	}
}

func TestNewRefusesWhatWouldBeUnsafe(t *testing.T) {
	for name, change := range map[string]func(*verify.Config){
		"no audience":      func(c *verify.Config) { c.Audience = nil },
		"empty audience":   func(c *verify.Config) { c.Audience = []string{"api://orders", ""} },
		"no authority":     func(c *verify.Config) { c.Authority = "" },
		"only issuers":     func(c *verify.Config) { c.Authority, c.Issuers = "", []string{"https://i"} },
		"only keys":        func(c *verify.Config) { c.Authority, c.JWKSURL = "", "https://host/keys" },
		"empty issuer":     func(c *verify.Config) { c.Issuers = []string{""} },
		"http":             func(c *verify.Config) { c.Authority = "http://login.example/t" },
		"http keys":        func(c *verify.Config) { c.JWKSURL = "http://login.example/keys" },
		"no tenant":        func(c *verify.Config) { c.Authority = "https://login.example/" },
		"no host":          func(c *verify.Config) { c.Authority = "login.example/t" },
		"query":            func(c *verify.Config) { c.Authority = "https://login.example/t?x" },
		"not an address":   func(c *verify.Config) { c.Authority = "https://login.example:x/t" },
		"like a localhost": func(c *verify.Config) { c.Authority = "http://localhost.example/t" },
	} {
		c := verify.Config{Authority: "https://login.example/t", Audience: []string{"api://orders"}}
		if _, err := verify.New(c); err != nil {
			t.Fatal(err)
		}
		change(&c)
		if _, err := verify.New(c); err == nil || !strings.HasPrefix(err.Error(), "verify: Config") {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := verify.Config{Authority: "http://127.0.0.1:8443/t", Audience: []string{"api://orders"}}
	if _, err := verify.New(c); err != nil {
		t.Errorf("http on loopback: %v", err)
	}
}

func BenchmarkVerifyCached(b *testing.B) {
	s := newIssuer(b)
	v, raw := s.verifier(b), s.token(b, keyPool[0]())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(b.Context(), raw); err != nil {
			b.Fatal(err)
		}
	}
}
