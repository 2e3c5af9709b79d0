package keyvault

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// made are keys that were made elsewhere, once for all tests.
var (
	madeRSA = sync.OnceValue(func() *rsa.PrivateKey { return mustMake(rsa.GenerateKey(rand.Reader, 2048)) })
	madeEC  = sync.OnceValue(func() *ecdsa.PrivateKey { return mustMake(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
)

func mustMake[K any](key K, err error) K {
	if err != nil {
		panic(err)
	}
	return key
}

// b64 is how numbers of a key are spelled.
func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func unb64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	must(t, err)
	return b
}

// jwkOf is a private key as clients import it.
func jwkOf(private any) map[string]any {
	switch k := private.(type) {
	case *rsa.PrivateKey:
		return map[string]any{"kty": "RSA", "n": b64(k.N.Bytes()), "e": "AQAB", "d": b64(k.D.Bytes()), "p": b64(k.Primes[0].Bytes()), "q": b64(k.Primes[1].Bytes()),
			"dp": b64(k.Precomputed.Dp.Bytes()), "dq": b64(k.Precomputed.Dq.Bytes()), "qi": b64(k.Precomputed.Qinv.Bytes())}
	case *ecdsa.PrivateKey:
		size := (k.Curve.Params().BitSize + 7) / 8
		public := mustMake(k.PublicKey.Bytes())
		return map[string]any{"kty": "EC", "crv": k.Curve.Params().Name, "x": b64(public[1 : 1+size]), "y": b64(public[1+size:]), "d": b64(mustMake(k.Bytes()))}
	}
	panic("neither RSA nor EC")
}

func textOf(v any) string { return string(mustMake(json.Marshal(v))) }

// publicOf reads the public key that a vault shows.
func publicOf(t testing.TB, a answer) crypto.PublicKey {
	t.Helper()
	if a.at("key", "kty") == "RSA" {
		return &rsa.PublicKey{N: new(big.Int).SetBytes(unb64(t, a.at("key", "n"))), E: int(new(big.Int).SetBytes(unb64(t, a.at("key", "e"))).Int64())}
	}
	curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[a.at("key", "crv")]
	size := (curve.Params().BitSize + 7) / 8
	x, y := unb64(t, a.at("key", "x")), unb64(t, a.at("key", "y"))
	if len(x) != size || len(y) != size {
		t.Fatalf("a point of %d and %d bytes", len(x), len(y))
	}
	key, err := ecdsa.ParseUncompressedPublicKey(curve, append(append([]byte{4}, x...), y...))
	must(t, err)
	return key
}

// path is a kid without the vault's origin.
func path(kid string) string { return strings.TrimPrefix(kid, kvOrders) }

func TestAKeyIsMade(t *testing.T) {
	w := start(t)
	for body, want := range map[string]struct {
		bits       int
		curve, ops string
	}{
		`{"kty":"RSA"}`:                      {2048, "", "[encrypt decrypt sign verify wrapKey unwrapKey]"},
		`{"kty":"RSA","key_size":3072}`:      {3072, "", "[encrypt decrypt sign verify wrapKey unwrapKey]"},
		`{"kty":"RSA","key_size":4096}`:      {4096, "", "[encrypt decrypt sign verify wrapKey unwrapKey]"},
		`{"kty":"EC"}`:                       {256, "P-256", "[sign verify]"},
		`{"kty":"EC","crv":"P-384"}`:         {384, "P-384", "[sign verify]"},
		`{"kty":"EC","crv":"P-521"}`:         {521, "P-521", "[sign verify]"},
		`{"kty":"EC","key_ops":["sign"]}`:    {256, "P-256", "[sign]"},
		`{"kty":"EC","key_ops":[]}`:          {256, "P-256", "[]"},
		`{"kty":"EC","attributes":{}}`:       {256, "P-256", "[sign verify]"},
		`{"kty":"EC","key_ops":null}`:        {256, "P-256", "[sign verify]"},
		`{"kty":"EC","release_policy":null}`: {256, "P-256", "[sign verify]"},
	} {
		a := w.want(200, "POST", "/keys/Made/create", body)
		if kid := a.at("key", "kid"); !strings.HasPrefix(kid, kvOrders+"/keys/Made/") || len(kid) != len(kvOrders+"/keys/Made/")+32 {
			t.Errorf("%s: kid %q", body, kid)
		}
		w.equal(body, a.at("key", "crv")+a.at("key", "key_ops")+a.at("attributes", "enabled")+a.at("attributes", "created")+a.at("attributes", "recoveryLevel")+
			a.at("attributes", "recoverableDays")+a.at("attributes", "exportable")+a.at("managed"), want.curve+want.ops+"true1772366400CustomizedRecoverable+Purgeable7false")
		switch key := publicOf(t, a).(type) {
		case *rsa.PublicKey:
			w.equal(body, fmt.Sprint(key.N.BitLen(), key.E), fmt.Sprint(want.bits, 65537))
		case *ecdsa.PublicKey:
			w.equal(body, fmt.Sprint(key.Curve.Params().BitSize), fmt.Sprint(want.bits))
		}
	}
}

func TestAKeyIsKept(t *testing.T) {
	w := start(t)
	first := w.want(200, "POST", "/keys/Signing/create", `{"kty":"EC","tags":{"a":"b"},"attributes":{"nbf":1700000000,"exp":4000000000,"enabled":true}}`)
	kid := first.at("key", "kid")
	for _, path := range []string{"/keys/signing", "/keys/SIGNING/", path(kid), "//keys//signing/?api-version=2026-04-01"} {
		a := w.want(200, "GET", path, "")
		w.equal(path, a.at("key", "kid")+a.at("key", "x")+a.at("attributes", "nbf")+a.at("attributes", "exp")+a.at("tags", "a"), kid+first.at("key", "x")+"17000000004000000000b")
	}
	w.ahead.Add(int64(time.Minute))
	second := w.want(200, "POST", "/keys/signing/create", `{"kty":"RSA"}`)
	w.equal("the newest", w.want(200, "GET", "/keys/signing", "").at("key", "kid"), second.at("key", "kid"))
	w.equal("the older", w.want(200, "GET", path(kid), "").at("key", "kty"), "EC")
	if !strings.HasPrefix(second.at("key", "kid"), kvOrders+"/keys/Signing/") {
		t.Error(second.text)
	}
	versions := w.want(200, "GET", "/keys/signing/versions", "")
	if versions.at("value", "1", "kid") == "" || versions.at("value", "2", "kid") != "" || versions.at("value", "0", "attributes", "exportable") != "false" {
		t.Error(versions.text)
	}
	list := w.want(200, "GET", "/keys", "")
	w.equal("list", list.at("value", "0", "kid")+list.at("value", "1", "kid"), kvOrders+"/keys/Signing")
	byPath := w.as(w.admin, "", "GET", "/vaults/kv-orders/keys/signing", "")
	w.equal("by path", byPath.at("key", "kid"), w.url+"/vaults/kv-orders"+path(second.at("key", "kid")))
	w.refused("another version", w.do("GET", "/keys/signing/00000000000000000000000000000000", ""), 404, "KeyNotFound", "")
	w.equal("versions of none", w.want(200, "GET", "/keys/none/versions", "").at("value"), "[]")
}

func TestAKeyChangesItsAttributes(t *testing.T) {
	w := start(t)
	kid := path(w.want(200, "POST", "/keys/k/create", `{"kty":"EC","tags":{"a":"b"}}`).at("key", "kid"))
	w.later(time.Hour)
	a := w.want(200, "PATCH", kid, `{"key_ops":["verify"],"attributes":{"enabled":false}}`)
	w.equal("changed", a.at("key", "key_ops")+a.at("attributes", "enabled")+a.at("tags", "a"), "[verify]falseb")
	if a.at("attributes", "updated") == a.at("attributes", "created") {
		t.Error("updated is not")
	}
	w.equal("a disabled key can be looked at", w.want(200, "GET", "/keys/k", "").at("key", "key_ops"), "[verify]")
	a = w.want(200, "PATCH", "/keys/k", `{"attributes":{"enabled":true,"exp":4000000000},"tags":{}}`)
	w.equal("again", a.at("attributes", "exp")+a.at("tags", "a")+a.at("key", "key_ops")+a.at("attributes", "enabled"), "4000000000[verify]true")
	newer := w.want(200, "POST", "/keys/k/create", `{"kty":"EC"}`)
	w.want(200, "PATCH", kid, `{"tags":{"old":"1"}}`)
	w.equal("the newest is another", w.want(200, "GET", "/keys/k", "").at("key", "kid")+w.want(200, "GET", "/keys/k", "").at("tags", "old"), newer.at("key", "kid"))
	for what, body := range map[string]string{
		"an operation of RSA":   `{"key_ops":["encrypt"]}`,
		"no operation":          `{"key_ops":["fly"]}`,
		"exp before nbf":        `{"attributes":{"nbf":2000000000,"exp":1000000000}}`,
		"made exportable":       `{"attributes":{"exportable":true}}`,
		"with a release policy": `{"release_policy":{"data":"e30"}}`,
		"not JSON":              `{`,
		"tags of a wrong type":  `{"tags":["a"]}`,
	} {
		w.refused(what, w.do("PATCH", "/keys/k", body), 400, "BadParameter", "")
	}
	w.refused("another version", w.do("PATCH", "/keys/k/00000000000000000000000000000000", `{}`), 404, "KeyNotFound", "")
	w.refused("no key", w.do("PATCH", "/keys/none", `{}`), 404, "KeyNotFound", "")
}

func TestKeysAreImported(t *testing.T) {
	w := start(t)
	for name, private := range map[string]any{
		"rsa": madeRSA(), "p256": madeEC(), "p384": mustMake(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)), "p521": mustMake(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)),
	} {
		jwk := jwkOf(private)
		jwk["key_ops"] = []string{"sign", "verify"}
		a := w.want(200, "PUT", "/keys/"+name, textOf(map[string]any{"key": jwk, "tags": map[string]string{"a": "b"}, "attributes": map[string]any{"exp": 4000000000}, "Hsm": false}))
		w.equal(name, a.at("key", "key_ops")+a.at("tags", "a")+a.at("attributes", "exp"), "[sign verify]b4000000000")
		public := publicOf(t, a).(interface{ Equal(crypto.PublicKey) bool })
		if !public.Equal(private.(crypto.Signer).Public()) {
			t.Errorf("%s came out as another key", name)
		}
		for _, secret := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if a.at("key", secret) != "" || w.want(200, "GET", "/keys/"+name, "").at("key", secret) != "" {
				t.Errorf("%s is shown", secret)
			}
		}
	}
	padded := jwkOf(madeEC())
	padded["x"] = padded["x"].(string) + "="
	w.want(200, "PUT", "/keys/padded", textOf(map[string]any{"key": padded}))
}

func TestBadImports(t *testing.T) {
	w := start(t)
	change := func(private any, member string, value any) string {
		jwk := jwkOf(private)
		if jwk[member] = value; value == nil {
			delete(jwk, member)
		}
		return textOf(map[string]any{"key": jwk})
	}
	another := jwkOf(mustMake(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)))
	for what, body := range map[string]string{
		"no key":                      `{}`,
		"a key that is a text":        `{"key":"x"}`,
		"no type":                     change(madeEC(), "kty", ""),
		"a symmetric key":             `{"key":{"kty":"oct","k":"AAAA"}}`,
		"an HSM's":                    change(madeRSA(), "kty", "RSA-HSM"),
		"a wrapped one":               change(madeRSA(), "key_hsm", "AAAA"),
		"into an HSM":                 textOf(map[string]any{"key": jwkOf(madeEC()), "hsm": true}),
		"only the public half":        change(madeRSA(), "d", nil),
		"without primes":              change(madeRSA(), "p", nil),
		"with a d of another":         change(madeEC(), "d", another["d"]),
		"with an x of another":        change(madeEC(), "x", another["x"]),
		"not base64url":               change(madeEC(), "d", "+/+/"),
		"a number":                    change(madeEC(), "d", 17),
		"a curve that is not offered": change(madeEC(), "crv", "P-256K"),
		"a modulus that is huge":      change(madeRSA(), "n", strings.Repeat("A", 100_000)),
		"operations of RSA for EC":    change(madeEC(), "key_ops", []string{"encrypt"}),
		"exportable":                  textOf(map[string]any{"key": jwkOf(madeEC()), "attributes": map[string]any{"exportable": true}}),
		"to be released":              textOf(map[string]any{"key": jwkOf(madeEC()), "release_policy": map[string]any{"data": "e30"}}),
	} {
		a := w.do("PUT", "/keys/k", body)
		w.refused(what, a, 400, "BadParameter", "")
		if strings.Contains(a.text, b64(mustMake(madeEC().Bytes()))) || strings.Contains(a.text, "+/+/") {
			t.Errorf("%s: the answer shows the key: %s", what, a.text)
		}
	}
	w.equal("nothing was made", w.want(200, "GET", "/keys", "").at("value"), "[]")
}

func TestBadKeys(t *testing.T) {
	w := start(t)
	w.want(200, "POST", "/keys/k/create", `{"kty":"EC"}`)
	for what, test := range map[string]struct {
		method, path, body string
		status             int
		code               string
	}{
		"no type":               {"POST", "/keys/n/create", `{}`, 400, "BadParameter"},
		"no body":               {"POST", "/keys/n/create", ``, 400, "BadParameter"},
		"a type in hardware":    {"POST", "/keys/n/create", `{"kty":"RSA-HSM"}`, 400, "BadParameter"},
		"a symmetric type":      {"POST", "/keys/n/create", `{"kty":"oct"}`, 400, "BadParameter"},
		"an unknown type":       {"POST", "/keys/n/create", `{"kty":"DSA"}`, 400, "BadParameter"},
		"a short key":           {"POST", "/keys/n/create", `{"kty":"RSA","key_size":1024}`, 400, "BadParameter"},
		"a huge key":            {"POST", "/keys/n/create", `{"kty":"RSA","key_size":1048576}`, 400, "BadParameter"},
		"an odd exponent":       {"POST", "/keys/n/create", `{"kty":"RSA","public_exponent":3}`, 400, "BadParameter"},
		"an unknown curve":      {"POST", "/keys/n/create", `{"kty":"EC","crv":"P-224"}`, 400, "BadParameter"},
		"encryption with EC":    {"POST", "/keys/n/create", `{"kty":"EC","key_ops":["encrypt"]}`, 400, "BadParameter"},
		"exportable":            {"POST", "/keys/n/create", `{"kty":"EC","attributes":{"exportable":true}}`, 400, "BadParameter"},
		"a release policy":      {"POST", "/keys/n/create", `{"kty":"EC","release_policy":{"data":"e30"}}`, 400, "BadParameter"},
		"a bad name":            {"POST", "/keys/a_b/create", `{"kty":"EC"}`, 400, "BadParameter"},
		"a name of dots":        {"POST", "/keys/a.b/create", `{"kty":"EC"}`, 400, "BadParameter"},
		"a long name":           {"POST", "/keys/" + strings.Repeat("a", 128) + "/create", `{"kty":"EC"}`, 400, "BadParameter"},
		"exp before nbf":        {"POST", "/keys/n/create", `{"kty":"EC","attributes":{"nbf":2000000000,"exp":1000000000}}`, 400, "BadParameter"},
		"a time without end":    {"POST", "/keys/n/create", `{"kty":"EC","attributes":{"exp":99999999999999}}`, 400, "BadParameter"},
		"a bad version":         {"GET", "/keys/k/x", "", 400, "BadParameter"},
		"create is no version":  {"GET", "/keys/k/create", "", 400, "BadParameter"},
		"nothing there":         {"GET", "/keys/nowhere", "", 404, "KeyNotFound"},
		"nothing to delete":     {"DELETE", "/keys/nowhere", "", 404, "KeyNotFound"},
		"nothing to back up":    {"POST", "/keys/nowhere/backup", "", 404, "KeyNotFound"},
		"nothing to rotate":     {"POST", "/keys/nowhere/rotate", "", 404, "KeyNotFound"},
		"no policy of nothing":  {"GET", "/keys/nowhere/rotationpolicy", "", 404, "KeyNotFound"},
		"no policy for nothing": {"PUT", "/keys/nowhere/rotationpolicy", `{}`, 404, "KeyNotFound"},
		"nothing to sign with":  {"POST", "/keys/nowhere/sign", `{"alg":"ES256","value":"AA"}`, 404, "KeyNotFound"},
		"an odd method":         {"PATCH", "/keys/k/rotate", `{}`, 400, "BadParameter"}, // rotate is a version then, and no version looks like it
		"nothing to release":    {"POST", "/keys/k/release", `{}`, 405, "BadParameter"},
		"no random bytes":       {"POST", "/rng", `{"count":8}`, 404, "NotFound"},
		"a page of nothing":     {"GET", "/keys?maxresults=0", "", 400, "BadParameter"},
		"a version of long ago": {"GET", "/keys/k?api-version=6.0", "", 400, "BadParameter"},
		"nothing deleted":       {"GET", "/deletedkeys/k", "", 404, "KeyNotFound"},
		"nothing to recover":    {"POST", "/deletedkeys/k/recover", "", 404, "KeyNotFound"},
		"nothing to purge":      {"DELETE", "/deletedkeys/k", "", 404, "KeyNotFound"},
	} {
		w.refused(what, w.do(test.method, test.path, test.body), test.status, test.code, "")
	}
	w.equal("nothing was made", w.want(200, "GET", "/keys", "").at("value", "1"), "")
}

func TestDeletedKeys(t *testing.T) {
	w := start(t)
	old := w.want(200, "POST", "/keys/K/create", `{"kty":"EC"}`)
	signed := w.signs("/keys/k")
	gone := w.want(200, "DELETE", "/keys/k", "")
	w.equal("recovery", gone.at("recoveryId")+" "+gone.at("deletedDate")+" "+gone.at("scheduledPurgeDate")+gone.at("key", "kid"),
		kvOrders+"/deletedkeys/K 1772366400 1772971200"+old.at("key", "kid"))
	digest := b64(make([]byte, 32))
	for what, a := range map[string]answer{
		"get": w.do("GET", "/keys/k", ""), "get a version": w.do("GET", path(old.at("key", "kid")), ""),
		"sign":   w.do("POST", "/keys/k/sign", `{"alg":"ES256","value":"`+digest+`"}`),
		"verify": w.do("POST", path(old.at("key", "kid"))+"/verify", `{"alg":"ES256","digest":"`+digest+`","value":"`+signed+`"}`),
		"rotate": w.do("POST", "/keys/k/rotate", ""), "policy": w.do("GET", "/keys/k/rotationpolicy", ""), "backup": w.do("POST", "/keys/k/backup", ""),
	} {
		w.refused(what+" while deleted", a, 404, "KeyNotFound", "")
	}
	w.refused("its name is taken", w.do("POST", "/keys/k/create", `{"kty":"EC"}`), 409, "Conflict", "ObjectIsDeletedButRecoverable")
	w.refused("also for an import", w.do("PUT", "/keys/k", textOf(map[string]any{"key": jwkOf(madeEC())})), 409, "Conflict", "ObjectIsDeletedButRecoverable")
	w.equal("not listed", w.want(200, "GET", "/keys", "").at("value", "0"), "")
	w.equal("listed there", w.want(200, "GET", "/deletedkeys", "").at("value", "0", "kid")+w.want(200, "GET", "/deletedkeys", "").at("value", "0", "recoveryId"),
		kvOrders+"/keys/K"+kvOrders+"/deletedkeys/K")
	w.equal("shown", w.want(200, "GET", "/deletedkeys/k", "").at("key", "kid"), old.at("key", "kid"))
	w.equal("back", w.want(200, "POST", "/deletedkeys/k/recover", "").at("key", "kid"), old.at("key", "kid"))
	w.signs("/keys/k")
	w.want(200, "DELETE", "/keys/k", "")
	w.want(204, "DELETE", "/deletedkeys/k", "")
	again := w.want(200, "POST", "/keys/k/create", `{"kty":"EC"}`)
	w.equal("made again, it is another", fmt.Sprint(again.at("key", "x") == old.at("key", "x"), again.at("key", "kid") == old.at("key", "kid")), "false false")
	w.refused("the old version", w.do("POST", path(old.at("key", "kid"))+"/sign", `{"alg":"ES256","value":"`+digest+`"}`), 404, "KeyNotFound", "")
}

func TestPurgeProtectedKeys(t *testing.T) {
	w := start(t)
	w.want(200, "POST", "/keys/k/create", `{"kty":"EC"}`)
	w.want(200, "DELETE", "/keys/k", "")
	w.change(func(d *state.Draft) error {
		r, _ := d.Directory().Resource(orders)
		spec := state.SpecOf(r)
		spec.Properties = []byte(`{"enableRbacAuthorization":true,"enablePurgeProtection":true}`)
		_, _, err := d.PutResource(spec)
		return err
	})
	w.refused("protected", w.do("DELETE", "/deletedkeys/k", ""), 403, "Forbidden", "")
	w.equal("recovery level", w.want(200, "POST", "/deletedkeys/k/recover", "").at("attributes", "recoveryLevel"), "Recoverable")
}

func TestBackupsOfKeys(t *testing.T) {
	w := start(t)
	w.want(200, "PUT", "/keys/k", textOf(map[string]any{"key": jwkOf(madeEC())}))
	w.want(200, "PUT", "/keys/k/rotationpolicy", `{"lifetimeActions":[{"trigger":{"timeAfterCreate":"P30D"},"action":{"type":"Rotate"}}]}`)
	first := w.want(200, "GET", "/keys/k", "")
	second := w.want(200, "POST", "/keys/k/rotate", "")
	signed := w.signs(path(second.at("key", "kid")))
	blob := w.want(200, "POST", "/keys/k/backup", "").at("value")
	if d := b64(mustMake(madeEC().Bytes())); blob == "" || strings.Contains(blob, d) {
		t.Fatal("the backup shows the key")
	}
	restore := `{"value":"` + blob + `"}`
	w.refused("it is there", w.do("POST", "/keys/restore", restore), 409, "Conflict", "")
	w.want(200, "DELETE", "/keys/k", "")
	w.want(204, "DELETE", "/deletedkeys/k", "")
	w.equal("restored", w.want(200, "POST", "/keys/restore", restore).at("key", "kid"), second.at("key", "kid"))
	w.verifies(path(second.at("key", "kid")), signed, true)
	w.signs(path(first.at("key", "kid")))
	w.equal("with its policy", w.want(200, "GET", "/keys/k/rotationpolicy", "").at("lifetimeActions", "0", "trigger", "timeAfterCreate"), "P30D")
	o, _ := w.dir().VaultObject(orders, vault.Keys, "k")
	w.equal("and its next rotation", o.Due.String(), began.AddDate(0, 0, 30).String())
	w.refused("as a secret", w.do("POST", "/secrets/restore", restore), 400, "BadParameter", "")
	w.refused("cut", w.do("POST", "/keys/restore", `{"value":"`+blob[:len(blob)/2]+`"}`), 400, "BadParameter", "")
	// Into another vault of the subscription, where access policies decide.
	w.change(func(d *state.Draft) error {
		r, _ := d.Directory().Resource(legacy)
		spec := state.SpecOf(r)
		spec.Properties = []byte(`{"enableRbacAuthorization":true}`)
		_, _, err := d.PutResource(spec)
		return err
	})
	a := w.as(w.admin, "kv-legacy.vault.azure.net", "POST", "/keys/restore", restore)
	w.equal("elsewhere", a.at("key", "x"), second.at("key", "x"))
	w.equal("signs there", fmt.Sprint(w.as(w.admin, "kv-legacy.vault.azure.net", "POST", "/keys/k/sign", `{"alg":"ES256","value":"`+b64(make([]byte, 32))+`"}`).status), "200")
}

// TestAKeyOfACertificate: the key that belongs to a certificate is used like any other, and changes with it only.
func TestAKeyOfACertificate(t *testing.T) {
	w := start(t)
	private, err := vault.NewKey(rand.Reader, vault.KeySpec{Type: vault.EC})
	must(t, err)
	v := vault.Version{Vault: orders, Kind: vault.Keys, Name: "cert", ID: strings.Repeat("a", 32), Attributes: vault.Attributes{Enabled: true, Created: began, Updated: began},
		Managed: true, Key: private.Public([]vault.Operation{vault.Sign, vault.Verify}, true)}
	half, err := w.api.sealKey(w.dir(), &v, private)
	must(t, err)
	w.change(func(d *state.Draft) error {
		_, err := d.PutVaultVersion(v, half, nil)
		return err
	})
	w.equal("shown", w.want(200, "GET", "/keys/cert", "").at("managed")+w.want(200, "GET", "/keys", "").at("value", "0", "managed"), "truetrue")
	w.verifies("/keys/cert", w.signs("/keys/cert"), true)
	w.equal("policy", w.want(200, "GET", "/keys/cert/rotationpolicy", "").at("attributes"), "")
	for what, a := range map[string]answer{
		"create": w.do("POST", "/keys/cert/create", `{"kty":"EC"}`), "import": w.do("PUT", "/keys/cert", textOf(map[string]any{"key": jwkOf(madeEC())})),
		"update": w.do("PATCH", "/keys/cert", `{"attributes":{"enabled":false}}`), "rotate": w.do("POST", "/keys/cert/rotate", ""),
		"policy": w.do("PUT", "/keys/cert/rotationpolicy", `{"lifetimeActions":[]}`), "delete": w.do("DELETE", "/keys/cert", ""), "backup": w.do("POST", "/keys/cert/backup", ""),
	} {
		w.refused(what, a, 403, "Forbidden", "KeyManagedByKeyVault")
	}
}
