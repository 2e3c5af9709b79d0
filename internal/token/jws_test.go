package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/inborn-id/inborn/internal/apierr"
)

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// forge signs any header and payload with the test key, which is more than an attacker can.
func forge(t testing.TB, header, payload string) string {
	t.Helper()
	s, err := testKey().sign([]byte(b64(header) + "." + b64(payload)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestVerifiesWhatAPeerSigned(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[jose.SignatureAlgorithm]crypto.Signer{jose.RS256: testKey().private, jose.PS256: testKey().private, jose.ES256: ec}
	for alg, key := range keys {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, new(jose.SignerOptions).WithHeader("kid", "k1"))
		if err != nil {
			t.Fatal(err)
		}
		made, err := signer.Sign([]byte(`{"iss":"someone"}`))
		if err != nil {
			t.Fatal(err)
		}
		compact, _ := made.CompactSerialize()
		jws, err := ParseJWS(compact)
		if err != nil || jws.Header.KeyID != "k1" || string(jws.Payload) != `{"iss":"someone"}` {
			t.Fatalf("%s: %+v, %v", alg, jws, err)
		}
		for other, otherKey := range keys {
			for _, allowed := range []Algorithm{RS256, PS256, ES256} {
				err := jws.Verify(otherKey.Public(), allowed)
				sameKey := alg == other || otherKey == key
				if good := sameKey && string(allowed) == string(alg); good != (err == nil) {
					t.Errorf("signed with %s, key of %s, %s allowed: %v", alg, other, allowed, err)
				}
			}
		}
	}
}

// TestPSSSaltIsAsLongAsTheHash: RFC 7518 fixes it, and taking any length would let one token have many signatures.
func TestPSSSaltIsAsLongAsTheHash(t *testing.T) {
	input := b64(`{"alg":"PS256"}`) + "." + b64(`{"a":1}`)
	digest := sha256.Sum256([]byte(input))
	for salt, good := range map[int]bool{32: true, 20: false, 64: false} {
		sum, err := rsa.SignPSS(rand.Reader, testKey().private, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: salt})
		if err != nil {
			t.Fatal(err)
		}
		jws, err := ParseJWS(input + "." + b64(string(sum)))
		if err != nil {
			t.Fatal(err)
		}
		if err := jws.Verify(testKey().Public().Key, PS256); good != (err == nil) {
			t.Errorf("salt of %d bytes: %v", salt, err)
		}
	}
}

func TestAPeerVerifiesOurs(t *testing.T) {
	tok := signed(t, testKey(), access(t, grant()))
	parsed, err := jose.ParseSignedCompact(tok, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parsed.Verify(testKey().Public().Key); err != nil {
		t.Error(err)
	}
}

func TestRefusedForms(t *testing.T) {
	const head, claims = `{"alg":"RS256"}`, `{"a":1}`
	good := forge(t, head, claims)
	if jws, err := ParseJWS(good); err != nil || jws.Verify(testKey().Public().Key, RS256) != nil {
		t.Fatalf("the good one: %v", err)
	}
	parts := strings.Split(good, ".")
	for name, tok := range map[string]string{
		"empty":                  "",
		"two parts":              parts[0] + "." + parts[1],
		"four parts":             good + "." + parts[2],
		"no signature":           parts[0] + "." + parts[1] + ".",
		"no payload (detached)":  parts[0] + ".." + parts[2],
		"trailing newline":       good + "\n",
		"leading space":          " " + good,
		"newline inside":         parts[0] + "." + parts[1][:2] + "\n" + parts[1][2:] + "." + parts[2],
		"padded":                 parts[0] + "=." + parts[1] + "." + parts[2],
		"standard base64":        parts[0] + "." + parts[1] + "." + "+/+/",
		"too long":               forge(t, head, `{"a":"`+strings.Repeat("x", MaxToken)+`"}`),
		"long header":            forge(t, `{"alg":"RS256","x":"`+strings.Repeat("x", maxHeader)+`"}`, claims),
		"none":                   forge(t, `{"alg":"none"}`, claims),
		"None":                   forge(t, `{"alg":"None"}`, claims),
		"HS256":                  forge(t, `{"alg":"HS256"}`, claims),
		"rs256":                  forge(t, `{"alg":"rs256"}`, claims),
		"RS512":                  forge(t, `{"alg":"RS512"}`, claims),
		"no alg":                 forge(t, `{"typ":"JWT"}`, claims),
		"ALG":                    forge(t, `{"ALG":"RS256"}`, claims),
		"alg is no string":       forge(t, `{"alg":["RS256"]}`, claims),
		"alg twice":              forge(t, `{"alg":"RS256","alg":"RS256"}`, claims),
		"alg twice, escaped":     forge(t, `{"alg":"RS256","\u0061lg":"RS256"}`, claims),
		"crit":                   forge(t, `{"alg":"RS256","crit":["exp"]}`, claims),
		"crit empty":             forge(t, `{"alg":"RS256","crit":[]}`, claims),
		"b64":                    forge(t, `{"alg":"RS256","b64":true}`, claims),
		"kid is no string":       forge(t, `{"alg":"RS256","kid":1}`, claims),
		"kid null":               forge(t, `{"alg":"RS256","kid":null}`, claims),
		"x5c is a number":        forge(t, `{"alg":"RS256","x5c":1}`, claims),
		"x5c holds a number":     forge(t, `{"alg":"RS256","x5c":["a",1]}`, claims),
		"header trailing data":   forge(t, head+`{}`, claims),
		"header array":           forge(t, `["RS256"]`, claims),
		"claim twice":            forge(t, head, `{"a":1,"a":2}`),
		"claim twice, deep":      forge(t, head, `{"a":[{"b":1,"b":1}]}`),
		"claims trailing data":   forge(t, head, claims+` x`),
		"claims trailing object": forge(t, head, claims+claims),
		"claims array":           forge(t, head, `[1]`),
		"claims string":          forge(t, head, `"a"`),
		"claims empty":           forge(t, head, ` `),
		"claims bad UTF-8":       forge(t, head, "{\"a\":\"\xff\"}"),
		"claims not JSON":        forge(t, head, `{"a":1,}`),
		"claims nested":          forge(t, head, `{"a":`+strings.Repeat("[", 8)+strings.Repeat("]", 8)+`}`),
	} {
		if jws, err := ParseJWS(tok); err == nil || !apierr.Is(err, apierr.TokenMalformed) {
			t.Errorf("%s: %+v, %v; want TokenMalformed", name, jws, err)
		}
	}
}

func TestHeaderMembersAreKept(t *testing.T) {
	tok := forge(t, `{"alg":"PS256","typ":"JWT","kid":"k","x5t":"a","x5t#S256":"b+/=","x5c":"one"}`, `{"a":1}`)
	jws, err := ParseJWS(tok)
	if err != nil {
		t.Fatal(err)
	}
	h := jws.Header
	if h.Algorithm != PS256 || h.KeyID != "k" || h.Thumbprint != "a" || h.ThumbprintSHA256 != "b+/=" ||
		len(h.Certificates) != 1 || h.Certificates[0] != "one" {
		t.Errorf("%+v", h)
	}
}

func TestMutationOfAnyByteIsRefused(t *testing.T) {
	tok := signed(t, testKey(), access(t, grant()))
	key := testKey().Public().Key
	accepted := func(s string) bool {
		jws, err := ParseJWS(s)
		return err == nil && jws.Verify(key, RS256) == nil
	}
	if !accepted(tok) {
		t.Fatal("the token itself is refused")
	}
	for i := range tok {
		for _, c := range []byte{tok[i] ^ 1, tok[i] ^ 2, tok[i] ^ 32, '.', '=', '\n', 'A', 0} {
			if changed := tok[:i] + string(rune(c)) + tok[i+1:]; changed != tok && accepted(changed) {
				t.Fatalf("accepted with byte %d changed from %q to %q", i, tok[i], c)
			}
		}
		if accepted(tok[:i]) || accepted(tok[:i]+tok[i+1:]) || accepted(tok[:i]+"\n"+tok[i:]) {
			t.Fatalf("accepted when cut, shortened or lengthened at byte %d", i)
		}
	}
}

func TestVerifyRefusesKeysOfOddSize(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip(err)
	}
	k := newKey(small, []byte("certificate"))
	jws, err := ParseJWS(signed(t, k, access(t, grant())))
	if err != nil {
		t.Fatal(err)
	}
	if err := jws.Verify(&small.PublicKey, RS256); !apierr.Is(err, apierr.TokenSignature) || !strings.Contains(err.Error(), "1024 bits") {
		t.Errorf("1024 bits: %v", err)
	}
	for _, key := range []crypto.PublicKey{nil, "secret", []byte("secret"), testKey().private} {
		if err := jws.Verify(key, RS256); !apierr.Is(err, apierr.TokenSignature) {
			t.Errorf("%T: %v", key, err)
		}
	}
}

// FuzzParseJWS: nothing panics; what parses has one spelling; what parses is read alike by a peer and verifies once the
// right key signs it, and not when a byte of it differs; nothing but a token of the key verifies.
func FuzzParseJWS(f *testing.F) {
	genuine := map[string]bool{}
	for _, s := range []string{
		signed(f, testKey(), access(f, grant())),
		forge(f, `{"alg":"RS256","kid":"k"}`, `{"a":{"b":[1,2.5e3,"x\u00e9",null]}}`),
		forge(f, `{"alg":"PS256"}`, `{}`),
	} {
		genuine[s] = true
		f.Add(s)
	}
	f.Add(b64(`{"alg":"none"}`) + "." + b64(`{}`) + ".")
	f.Add(b64(`{"alg":"ES256","x5c":["a"],"crit":[]}`) + "." + b64(`{"a":1,"a":2}`) + "." + b64("sig"))
	key := testKey().Public().Key
	f.Fuzz(func(t *testing.T, s string) {
		jws, err := ParseJWS(s)
		if err != nil {
			if !apierr.Is(err, apierr.TokenMalformed) {
				t.Fatalf("error is no TokenMalformed: %v", err)
			}
			return
		}
		header, payload, _ := strings.Cut(jws.signed, ".")
		rawHeader, _ := base64.RawURLEncoding.DecodeString(header)
		if again := b64(string(rawHeader)) + "." + b64(string(jws.Payload)) + "." + b64(string(jws.signature)); again != s {
			t.Fatalf("%q also spells as %q", s, again)
		}
		if err := jws.Verify(key, RS256, PS256, ES256); err == nil && !genuine[s] {
			t.Fatalf("verified although nobody signed it: %q", s)
		}
		jws.Access() // must not panic
		samePeer(t, s, jws)
		if jws.Header.Algorithm != RS256 || len(payload) == 0 || len(s) > MaxToken/2 {
			return
		}
		resigned, err := testKey().sign([]byte(jws.signed))
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseJWS(resigned)
		if err != nil || back.Verify(key, RS256) != nil {
			t.Fatalf("%q does not verify after signing: %v", resigned, err)
		}
		at := len(s) % len(resigned)
		if changed, err := ParseJWS(resigned[:at] + string(resigned[at]^1) + resigned[at+1:]); err == nil && changed.Verify(key, RS256) == nil {
			t.Fatalf("%q verifies with byte %d changed", resigned, at)
		}
	})
}

// samePeer checks that go-jose, where it takes the token at all, sees the same in it.
func samePeer(t *testing.T, s string, jws *JWS) {
	t.Helper()
	peer, err := jose.ParseSignedCompact(s, []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256})
	if err != nil {
		return
	}
	h := peer.Signatures[0].Protected
	if h.Algorithm != string(jws.Header.Algorithm) || h.KeyID != jws.Header.KeyID {
		t.Fatalf("go-jose reads %s and %q, we read %s and %q", h.Algorithm, h.KeyID, jws.Header.Algorithm, jws.Header.KeyID)
	}
	if string(peer.UnsafePayloadWithoutVerification()) != string(jws.Payload) {
		t.Fatalf("go-jose reads another payload than %q", jws.Payload)
	}
}
