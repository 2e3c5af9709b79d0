package token

import (
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

func trust() *Trust {
	t := grant().Tenant
	return &Trust{
		Keys:      KeyRing{}.With(testKey(), now),
		Issuers:   []string{t.IssuerV1, t.IssuerV2},
		Audiences: []string{"https://api.example/", apiID.String()},
	}
}

func TestVerifierSaysWhatIsWrong(t *testing.T) {
	good := access(t, grant())
	for name, test := range map[string]struct {
		change func(*Claims)
		key    *Key
		at     time.Time
		want   apierr.Code
	}{
		"good":           {},
		"v2":             {change: func(c *Claims) { c.Version, c.Issuer, c.Audience = 2, trust().Issuers[1], apiID.String() }},
		"last second":    {at: good.Expires.Add(-1)},
		"backdated":      {at: good.NotBefore},
		"expired":        {at: good.Expires, want: apierr.TokenExpired},
		"too early":      {at: good.NotBefore.Add(-1), want: apierr.TokenNotYetValid},
		"other issuer":   {change: func(c *Claims) { c.Issuer = "https://sts.windows.net/x/" }, want: apierr.TokenIssuer},
		"issuer slash":   {change: func(c *Claims) { c.Issuer += "/" }, want: apierr.TokenIssuer},
		"other audience": {change: func(c *Claims) { c.Audience = "https://other.example/" }, want: apierr.TokenAudience},
		"no slash":       {change: func(c *Claims) { c.Audience = "https://api.example" }, want: apierr.TokenAudience},
		"no oid":         {change: func(c *Claims) { c.ObjectID = guid.GUID{} }, want: apierr.TokenMalformed},
		"unknown key":    {key: otherKey(), want: apierr.TokenSignature},
		"forged kid":     {key: &Key{id: testKey().id, private: otherKey().private, headers: testKey().headers}, want: apierr.TokenSignature},
		"version 3":      {change: func(c *Claims) { c.Version = 3 }, want: apierr.TokenMalformed},
		"no subject":     {change: func(c *Claims) { c.Subject = "" }, want: apierr.TokenMalformed},
	} {
		c := *good
		if test.change != nil {
			test.change(&c)
		}
		if test.key == nil {
			test.key = testKey()
		}
		if test.at.IsZero() {
			test.at = now
		}
		tok, v := signed(t, test.key, &c), NewVerifier(10)
		for range 2 { // the second time from the cache, where there is one
			got, err := v.Verify(tok, trust(), test.at)
			if test.want == apierr.Fault && (err != nil || got.Subject != objectID.String()) {
				t.Errorf("%s: %v", name, err)
			}
			if test.want != apierr.Fault && !apierr.Is(err, test.want) {
				t.Errorf("%s: %v; want %s", name, err, test.want)
			}
		}
		if cached := v.cache.Len(); (test.want == apierr.Fault) != (cached == 1) {
			t.Errorf("%s: %d tokens cached", name, cached)
		}
	}
}

func TestAccessProfileIsExact(t *testing.T) {
	const head = `{"typ":"JWT","alg":"RS256","kid":"k"}`
	claims := map[string]string{
		"iss": `"i"`, "aud": `"a"`, "iat": "1", "nbf": "1", "exp": "2", "sub": `"s"`, "ver": `"1.0"`,
		"tid": `"` + tenantID.String() + `"`, "appid": `"` + clientID.String() + `"`, "appidacr": `"2"`,
	}
	read := func(header, name, value string) error {
		payload := ""
		for n, v := range claims {
			if n == name {
				v = value
			}
			if v != "" {
				payload += fmt.Sprintf(",%q:%s", n, v)
			}
		}
		if _, present := claims[name]; !present && name != "" {
			payload += fmt.Sprintf(",%q:%s", name, value)
		}
		jws, err := ParseJWS(forge(t, header, "{"+payload[1:]+"}"))
		if err != nil {
			t.Fatalf("%s %s: %v", name, value, err)
		}
		_, err = jws.Access()
		return err
	}
	if err := read(head, "", ""); err != nil {
		t.Fatalf("the plain one: %v", err)
	}
	for _, header := range []string{`{"alg":"RS256","kid":"k"}`, `{"typ":"jwt","alg":"RS256","kid":"k"}`,
		`{"typ":"JWT","alg":"PS256","kid":"k"}`, `{"typ":"JWT","alg":"RS256"}`,
		`{"typ":"JWT","alg":"RS256","kid":"k","x5c":["` + strings.Repeat("A", 2000) + `"]}`} {
		if err := read(header, "", ""); !apierr.Is(err, apierr.TokenMalformed) {
			t.Errorf("%s: %v", header, err)
		}
	}
	for _, bad := range [][2]string{
		{"exp", `"2"`}, {"exp", "2.0"}, {"exp", "2e9"}, {"exp", "-1"}, {"exp", "99999999999999"}, {"exp", "null"}, {"exp", ""},
		{"nbf", ""}, {"iat", "true"}, {"aud", `["a"]`}, {"aud", ""}, {"aud", `""`}, {"iss", "1"}, {"sub", ""}, {"tid", `"x"`},
		{"tid", ""}, {"appid", ""}, {"appid", `"x"`}, {"appidacr", `2`}, {"appidacr", ""}, {"ver", `"3.0"`}, {"ver", "1"},
		{"ver", `"2.0"`}, {"roles", `"r"`}, {"roles", `[1]`}, {"roles", "null"}, {"scp", `["a"]`}, {"oid", `"x"`}, {"wids", `["x"]`},
		{"idtyp", "{}"},
	} {
		if err := read(head, bad[0], bad[1]); !apierr.Is(err, apierr.TokenMalformed) {
			t.Errorf("%s: %s: %v; want TokenMalformed", bad[0], bad[1], err)
		}
	}
}

func TestATokenOfAWithdrawnKeyIsRefusedAlthoughCached(t *testing.T) {
	v, tok, trusted := NewVerifier(10), signed(t, testKey(), access(t, grant())), trust()
	if _, err := v.Verify(tok, trusted, now); err != nil {
		t.Fatal(err)
	}
	trusted.Keys = trusted.Keys.Without(testKey().ID())
	if _, err := v.Verify(tok, trusted, now); !apierr.Is(err, apierr.TokenSignature) {
		t.Errorf("after the key was withdrawn: %v", err)
	}
}

func TestOneAPIsTokenStaysOutOfAnother(t *testing.T) {
	v, tok, other := NewVerifier(10), signed(t, testKey(), access(t, grant())), trust()
	if _, err := v.Verify(tok, trust(), now); err != nil {
		t.Fatal(err)
	}
	other.Audiences = []string{"https://other.example"}
	if _, err := v.Verify(tok, other, now); !apierr.Is(err, apierr.TokenAudience) {
		t.Errorf("at another API: %v", err)
	}
	other.Issuers = nil
	if _, err := v.Verify(tok, other, now); !apierr.Is(err, apierr.TokenIssuer) {
		t.Errorf("at another tenant: %v", err)
	}
}

func TestCacheStaysBoundedAndForgetsTheExpired(t *testing.T) {
	const limit = 100
	c := NewCache[int](limit)
	favourite := DigestOf("favourite")
	c.Put(favourite, -1, now.Add(time.Hour))
	for i := range 50 * limit {
		c.Put(DigestOf(fmt.Sprint(i)), i, now.Add(time.Hour))
		if n := c.Len(); n > limit {
			t.Fatalf("%d entries after %d", n, i)
		}
		if got, ok := c.Get(favourite, now); !ok || got != -1 {
			t.Fatalf("an entry in use was lost after %d: %v", i, got)
		}
	}
	if got, ok := c.Get(DigestOf(fmt.Sprint(50*limit-1)), now); !ok || got != 50*limit-1 {
		t.Errorf("the last entry = %v, %v", got, ok)
	}
	if got, ok := c.Get(favourite, now.Add(time.Hour)); ok {
		t.Errorf("an expired entry was returned: %v", got)
	}
}

func TestVerifierUnderConcurrency(t *testing.T) {
	v, trusted := NewVerifier(8), trust()
	var tokens []string
	for range 20 {
		tokens = append(tokens, signed(t, testKey(), access(t, grant())))
	}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 100 {
				if _, err := v.Verify(tokens[(i+j)%len(tokens)], trusted, now); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if n := v.cache.Len(); n > 8 {
		t.Errorf("%d entries", n)
	}
}

func BenchmarkVerifyCached(b *testing.B) {
	v, tok, trusted := NewVerifier(10), signed(b, testKey(), access(b, grant())), trust()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(tok, trusted, now); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyFirst(b *testing.B) {
	tok, trusted := signed(b, testKey(), access(b, grant())), trust()
	for b.Loop() {
		if _, err := check(tok, trusted, now); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewKey(b *testing.B) {
	for b.Loop() {
		if _, err := NewKey(rand.Reader, now); err != nil {
			b.Fatal(err)
		}
	}
}
