package keyvault

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/token"
	"github.com/inborn-id/inborn/internal/vault"
)

// signs signs a digest of zeros with a key on P-256 and returns the signature.
func (w *world) signs(key string) string {
	w.Helper()
	return w.want(200, "POST", key+"/sign", `{"alg":"ES256","value":"`+b64(make([]byte, 32))+`"}`).at("value")
}

func (w *world) verifies(key, signature string, want bool) {
	w.Helper()
	a := w.want(200, "POST", key+"/verify", `{"alg":"ES256","digest":"`+b64(make([]byte, 32))+`","value":"`+signature+`"}`)
	w.equal("verified", a.at("value"), fmt.Sprint(want))
}

// signatures are all algorithms to sign with, and what a key for them is made of.
var signatures = map[string]struct {
	make string
	hash crypto.Hash
}{
	"RS256": {`{"kty":"RSA"}`, crypto.SHA256}, "RS384": {`{"kty":"RSA"}`, crypto.SHA384}, "RS512": {`{"kty":"RSA"}`, crypto.SHA512},
	"PS256": {`{"kty":"RSA"}`, crypto.SHA256}, "PS384": {`{"kty":"RSA"}`, crypto.SHA384}, "PS512": {`{"kty":"RSA"}`, crypto.SHA512},
	"RSNULL": {`{"kty":"RSA"}`, 0},
	"ES256":  {`{"kty":"EC","crv":"P-256"}`, crypto.SHA256}, "ES384": {`{"kty":"EC","crv":"P-384"}`, crypto.SHA384}, "ES512": {`{"kty":"EC","crv":"P-521"}`, crypto.SHA512},
}

// verifyElsewhere checks a signature with package crypto alone.
func verifyElsewhere(public crypto.PublicKey, alg string, hash crypto.Hash, digest, signature []byte) bool {
	switch k := public.(type) {
	case *rsa.PublicKey:
		if strings.HasPrefix(alg, "PS") {
			return rsa.VerifyPSS(k, hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(k, hash, digest, signature) == nil
	case *ecdsa.PublicKey:
		half := len(signature) / 2
		return len(signature) == 2*((k.Curve.Params().BitSize+7)/8) &&
			ecdsa.Verify(k, digest, new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:]))
	}
	return false
}

func TestSignatures(t *testing.T) {
	w := start(t)
	kids := map[string]answer{}
	for alg, test := range signatures {
		key, ok := kids[test.make]
		if !ok {
			key = w.want(200, "POST", fmt.Sprintf("/keys/k%d/create", len(kids)), test.make)
			kids[test.make] = key
		}
		at := path(key.at("key", "kid"))
		digest := []byte("21 bytes are no digest")
		if test.hash != 0 {
			h := test.hash.New()
			h.Write([]byte("a message"))
			digest = h.Sum(nil)
		}
		for _, at := range []string{at, at[:strings.LastIndex(at, "/")]} { // of a version, and of the newest
			a := w.want(200, "POST", at+"/sign", fmt.Sprintf(`{"alg":%q,"value":%q}`, alg, b64(digest)))
			w.equal("kid", a.at("kid"), key.at("key", "kid"))
			signature := unb64(t, a.at("value"))
			if !verifyElsewhere(publicOf(t, key), alg, test.hash, digest, signature) {
				t.Errorf("%s: the signature is none", alg)
			}
			verify := func(digest, signature []byte) string {
				return w.want(200, "POST", at+"/verify", fmt.Sprintf(`{"alg":%q,"digest":%q,"value":%q}`, alg, b64(digest), b64(signature))).at("value")
			}
			signature[5] ^= 1
			wrong := verify(digest, signature)
			signature[5] ^= 1
			otherDigest := bytes.Clone(digest)
			otherDigest[0] ^= 1
			w.equal(alg, verify(digest, signature)+wrong+verify(otherDigest, signature)+verify(digest, signature[1:])+verify(digest, nil), "truefalsefalsefalsefalse")
		}
	}
}

func TestEncryption(t *testing.T) {
	w := start(t)
	w.want(200, "PUT", "/keys/k", textOf(map[string]any{"key": jwkOf(madeRSA())}))
	private := madeRSA()
	elsewhere := map[string]struct {
		encrypt func(plain []byte) ([]byte, error)
		decrypt func(sealed []byte) ([]byte, error)
		most    int
	}{
		"RSA1_5": {
			//lint:ignore SA1019 the service has it, and so have its clients' data
			func(p []byte) ([]byte, error) { return rsa.EncryptPKCS1v15(rand.Reader, &private.PublicKey, p) },
			//lint:ignore SA1019 as above
			func(s []byte) ([]byte, error) { return rsa.DecryptPKCS1v15(nil, private, s) }, 245},
		"RSA-OAEP": {func(p []byte) ([]byte, error) {
			return rsa.EncryptOAEP(sha1.New(), rand.Reader, &private.PublicKey, p, nil)
		},
			func(s []byte) ([]byte, error) { return rsa.DecryptOAEP(sha1.New(), nil, private, s, nil) }, 214},
		"RSA-OAEP-256": {func(p []byte) ([]byte, error) {
			return rsa.EncryptOAEP(sha256.New(), rand.Reader, &private.PublicKey, p, nil)
		},
			func(s []byte) ([]byte, error) { return rsa.DecryptOAEP(sha256.New(), nil, private, s, nil) }, 190},
	}
	for alg, other := range elsewhere {
		for seal, open := range map[string]string{"encrypt": "decrypt", "wrapkey": "unwrapkey"} {
			send := func(verb string, value []byte) answer {
				return w.do("POST", "/keys/k/"+verb, fmt.Sprintf(`{"alg":%q,"value":%q}`, alg, b64(value)))
			}
			for _, size := range []int{1, 32, other.most} {
				plain := bytes.Repeat([]byte{7}, size)
				sealed := unb64(t, send(seal, plain).at("value"))
				if got, err := other.decrypt(sealed); err != nil || !bytes.Equal(got, plain) {
					t.Errorf("%s %s %d: elsewhere it is %x, %v", seal, alg, size, got, err)
				}
				sealed, err := other.encrypt(plain)
				must(t, err)
				a := send(open, sealed)
				w.equal(open+" "+alg, a.at("value")+a.at("kid"), b64(plain)+w.want(200, "GET", "/keys/k", "").at("key", "kid"))
			}
			w.refused("too long", send(seal, make([]byte, other.most+1)), 400, "BadParameter", "")
			sealed, err := other.encrypt([]byte("value"))
			must(t, err)
			sealed[9] ^= 1
			w.refused("changed", send(open, sealed), 400, "BadParameter", "")
			w.refused("cut", send(open, sealed[:100]), 400, "BadParameter", "")
			w.refused("empty", send(open, nil), 400, "BadParameter", "")
		}
	}
}

// TestACiphertextOfAnotherKey: what one key, or version, has encrypted, no other opens.
func TestACiphertextOfAnotherKey(t *testing.T) {
	w := start(t)
	first := path(w.want(200, "POST", "/keys/k/create", `{"kty":"RSA"}`).at("key", "kid"))
	for _, alg := range []string{"RSA-OAEP", "RSA-OAEP-256"} {
		sealed := w.want(200, "POST", "/keys/k/encrypt", `{"alg":"`+alg+`","value":"c2VjcmV0"}`).at("value")
		second := path(w.want(200, "POST", "/keys/k/rotate", "").at("key", "kid"))
		open := `{"alg":"` + alg + `","value":"` + sealed + `"}`
		w.equal("its own", w.want(200, "POST", first+"/decrypt", open).at("value"), "c2VjcmV0")
		w.refused("another version", w.do("POST", second+"/decrypt", open), 400, "BadParameter", "")
		w.refused("the newest", w.do("POST", "/keys/k/decrypt", open), 400, "BadParameter", "")
		first = second
	}
}

func TestWrongUses(t *testing.T) {
	w := start(t)
	w.want(200, "PUT", "/keys/rsa", textOf(map[string]any{"key": jwkOf(madeRSA())}))
	w.want(200, "PUT", "/keys/ec", textOf(map[string]any{"key": jwkOf(madeEC())}))
	d32, d48 := b64(make([]byte, 32)), b64(make([]byte, 48))
	for what, test := range map[string]struct{ path, body string }{
		"RSA on a curve":         {"/keys/rsa/sign", `{"alg":"ES256","value":"` + d32 + `"}`},
		"ECDSA with RSA":         {"/keys/ec/sign", `{"alg":"RS256","value":"` + d32 + `"}`},
		"another curve":          {"/keys/ec/sign", `{"alg":"ES384","value":"` + d48 + `"}`},
		"a curve not offered":    {"/keys/ec/sign", `{"alg":"ES256K","value":"` + d32 + `"}`},
		"to sign, encryption":    {"/keys/rsa/sign", `{"alg":"RSA-OAEP","value":"` + d32 + `"}`},
		"to encrypt, signing":    {"/keys/rsa/encrypt", `{"alg":"RS256","value":"` + d32 + `"}`},
		"AES":                    {"/keys/rsa/wrapkey", `{"alg":"A256KW","value":"` + d32 + `"}`},
		"none":                   {"/keys/rsa/sign", `{"alg":"none","value":"` + d32 + `"}`},
		"no algorithm":           {"/keys/rsa/sign", `{"value":"` + d32 + `"}`},
		"no value":               {"/keys/rsa/sign", `{"alg":"RS256"}`},
		"null":                   {"/keys/rsa/sign", `{"alg":"RS256","value":null}`},
		"no digest":              {"/keys/rsa/verify", `{"alg":"RS256","value":"` + d32 + `"}`},
		"a digest of 31":         {"/keys/rsa/sign", `{"alg":"RS256","value":"` + b64(make([]byte, 31)) + `"}`},
		"a digest of 48":         {"/keys/rsa/sign", `{"alg":"RS256","value":"` + d48 + `"}`},
		"the message itself":     {"/keys/rsa/sign", `{"alg":"PS256","value":"` + b64(make([]byte, 1000)) + `"}`},
		"to verify, a short one": {"/keys/rsa/verify", `{"alg":"RS256","digest":"AA","value":"AA"}`},
		"plain base64":           {"/keys/rsa/sign", `{"alg":"RS256","value":"++++"}`},
		"a number":               {"/keys/rsa/sign", `{"alg":"RS256","value":5}`},
		"a list":                 {"/keys/rsa/sign", `[]`},
		"nothing":                {"/keys/rsa/sign", ``},
		"a huge RSNULL":          {"/keys/rsa/sign", `{"alg":"RSNULL","value":"` + b64(make([]byte, 246)) + `"}`},
	} {
		a := w.do("POST", test.path, test.body)
		w.refused(what, a, 400, "BadParameter", "")
		if a.at("error", "message") == "" {
			t.Errorf("%s: no message", what)
		}
	}
	for _, verb := range []string{"encrypt", "decrypt", "wrapkey", "unwrapkey"} {
		w.refused(verb+" with EC", w.do("POST", "/keys/ec/"+verb, `{"alg":"RSA-OAEP","value":"AAAA"}`), 403, "Forbidden", "KeyOperationForbidden")
	}
	w.refused("a huge value", w.do("POST", "/keys/rsa/sign", `{"alg":"RSNULL","value":"`+strings.Repeat("A", maxBody)+`"}`), 413, "BadParameter", "")
	w.equal("with padding", fmt.Sprint(w.do("POST", "/keys/rsa/sign", `{"alg":"RS256","value":"`+d32+`="}`).status), "200")
}

func TestAKeyIsUsedAsItsAttributesSay(t *testing.T) {
	w := start(t)
	w.want(200, "PUT", "/keys/k", textOf(map[string]any{"key": jwkOf(madeRSA())}))
	uses := map[string]string{
		"sign": `{"alg":"RS256","value":"` + b64(make([]byte, 32)) + `"}`, "verify": `{"alg":"RS256","digest":"` + b64(make([]byte, 32)) + `","value":"AA"}`,
		"encrypt": `{"alg":"RSA-OAEP","value":"AA"}`, "wrapkey": `{"alg":"RSA-OAEP","value":"AA"}`,
		"decrypt": `{"alg":"RSA-OAEP","value":"SEALED"}`, "unwrapkey": `{"alg":"RSA-OAEP","value":"SEALED"}`,
	}
	sealed := w.want(200, "POST", "/keys/k/encrypt", uses["encrypt"]).at("value")
	check := func(what, attributes, inner string, refused ...string) {
		t.Helper()
		w.want(200, "PATCH", "/keys/k", attributes)
		for verb, body := range uses {
			a := w.do("POST", "/keys/k/"+verb, strings.ReplaceAll(body, "SEALED", sealed))
			if strings.Contains(" "+strings.Join(refused, " ")+" ", " "+verb+" ") {
				w.refused(what+": "+verb, a, 403, "Forbidden", inner)
			} else if a.status != 200 {
				t.Errorf("%s: %s: %d %s", what, verb, a.status, a.text)
			}
		}
	}
	all := []string{"sign", "verify", "encrypt", "decrypt", "wrapkey", "unwrapkey"}
	check("as it is made", `{}`, "")
	check("disabled", `{"attributes":{"enabled":false}}`, "KeyDisabled", all...)
	check("expired", `{"attributes":{"enabled":true,"exp":1700000000}}`, "KeyExpired", "sign", "encrypt", "wrapkey")
	check("not valid yet", `{"attributes":{"exp":4000000000,"nbf":3000000000}}`, "KeyNotYetValid", "sign", "encrypt", "wrapkey")
	check("valid", `{"attributes":{"nbf":1700000000}}`, "")
	check("to sign only", `{"key_ops":["sign"]}`, "KeyOperationForbidden", "verify", "encrypt", "decrypt", "wrapkey", "unwrapkey")
	check("to unwrap only", `{"key_ops":["unwrapKey"]}`, "KeyOperationForbidden", "sign", "verify", "encrypt", "decrypt", "wrapkey")
	check("for nothing", `{"key_ops":[]}`, "KeyOperationForbidden", all...)
	check("for everything", `{"key_ops":["encrypt","decrypt","sign","verify","wrapKey","unwrapKey"]}`, "")
	w.ahead.Store(int64(time.Unix(4000000000, 0).Sub(began))) // exp itself is over
	w.admin = w.token(w.principal("id-admin"), func(*token.Grant) {})
	w.refused("at exp", w.do("POST", "/keys/k/sign", uses["sign"]), 403, "Forbidden", "KeyExpired")
}

// TestWhatIsRememberedDecidesNothing: a key that is ready in memory is refused at once when its version is disabled, its
// role is taken away or it is purged.
func TestWhatIsRememberedDecidesNothing(t *testing.T) {
	w := start(t)
	bearer := w.identity("id-app", "Key Vault Crypto User", group)
	w.want(200, "PUT", "/keys/k", textOf(map[string]any{"key": jwkOf(madeEC())}))
	sign := func() answer {
		return w.as(bearer, "kv-orders.vault.azure.net", "POST", "/keys/k/sign", `{"alg":"ES256","value":"`+b64(make([]byte, 32))+`"}`)
	}
	w.equal("first", fmt.Sprint(sign().status, len(w.api.keys.all)), "200 1")
	w.want(200, "PATCH", "/keys/k", `{"attributes":{"enabled":false}}`)
	w.refused("disabled", sign(), 403, "Forbidden", "KeyDisabled")
	w.want(200, "PATCH", "/keys/k", `{"attributes":{"enabled":true}}`)
	w.equal("enabled", fmt.Sprint(sign().status), "200")
	w.change(func(d *state.Draft) error {
		for a := range d.Directory().Grants(w.principal("id-app")).All() {
			return d.DeleteRoleAssignment(a.ID, false)
		}
		return nil
	})
	w.refused("without role", sign(), 403, "Forbidden", "ForbiddenByRbac")
	w.change(func(d *state.Draft) error {
		return assign(d, w.principal("id-app"), "Key Vault Crypto User", vault.Scope(orders, vault.Keys, "k"))
	})
	w.equal("with a role at the key", fmt.Sprint(sign().status), "200")
	w.api.keys.forget(w.live.View())
	w.equal("still remembered", fmt.Sprint(len(w.api.keys.all)), "1")
	w.want(200, "DELETE", "/keys/k", "")
	w.refused("deleted", sign(), 404, "KeyNotFound", "")
	w.api.keys.forget(w.live.View())
	w.equal("forgotten", fmt.Sprint(len(w.api.keys.all)), "0")
}

func TestTheAccessLogNamesTheVersion(t *testing.T) {
	w := start(t)
	kid := w.want(200, "POST", "/keys/k/create", `{"kty":"EC"}`).at("key", "kid")
	w.signs("/keys/k")
	<-w.seen
	a := <-w.seen
	w.equal("told", a.Operation+" "+a.Object, "keys/sign "+strings.TrimPrefix(kid, kvOrders+"/"))
}

func TestManyUsesAtATime(t *testing.T) {
	w := start(t)
	w.want(200, "PUT", "/keys/rsa", textOf(map[string]any{"key": jwkOf(madeRSA())}))
	w.want(200, "PUT", "/keys/ec", textOf(map[string]any{"key": jwkOf(madeEC())}))
	var wait sync.WaitGroup
	for i := range 16 {
		wait.Go(func() {
			for j := range 6 {
				digest := sha256.Sum256(fmt.Append(nil, i, j))
				name, alg, public := "rsa", "PS256", crypto.PublicKey(&madeRSA().PublicKey)
				if (i+j)%2 == 0 {
					name, alg, public = "ec", "ES256", &madeEC().PublicKey
				}
				a := w.do("POST", "/keys/"+name+"/sign", `{"alg":"`+alg+`","value":"`+b64(digest[:])+`"}`)
				if a.status != 200 || !verifyElsewhere(public, alg, crypto.SHA256, digest[:], unb64(t, a.at("value"))) {
					t.Errorf("%s: %d %s", name, a.status, a.text)
				}
			}
		})
	}
	wait.Wait()
}
