package token

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"pgregory.net/rapid"

	"github.com/inborn-id/inborn/internal/apierr"
)

// named makes a key that can be told apart but cannot sign: enough for the rules of rotation.
func named(n int) *Key { return &Key{id: fmt.Sprint("key", n), private: new(rsa.PrivateKey)} }

func TestKeySurvivesStorage(t *testing.T) {
	k := testKey()
	der, err := k.PrivateDER()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseKey(der, k.Certificate())
	if err != nil || back.ID() != k.ID() || !back.private.Equal(k.private) || back.headers != k.headers {
		t.Fatalf("ParseKey = %v, %v", back, err)
	}
	if _, err := ParseKey(der, otherKey().Certificate()); err == nil {
		t.Error("a key was paired with another's certificate")
	}
	if _, err := ParseKey(der[1:], k.Certificate()); err == nil {
		t.Error("a damaged key was accepted")
	}
	if s := fmt.Sprintf("%v|%+v|%s|%#v", k, k, k, k); s != strings.Repeat(k.ID()+"|", 3)+k.ID() {
		t.Errorf("a printed key shows more than its id: %s", s)
	}
}

func TestKeyDocument(t *testing.T) {
	ring := NewKeyRing(RingKey{Key: testKey(), ActiveFrom: now}, RingKey{Key: otherKey(), ActiveFrom: now.Add(-RotateEvery), RetireAt: now})
	data, err := json.Marshal(NewJWKS(ring, "https://host/{tenantid}/v2.0", now.Add(-time.Second)))
	if err != nil {
		t.Fatal(err)
	}
	var peer jose.JSONWebKeySet
	if err := json.Unmarshal(data, &peer); err != nil || len(peer.Keys) != 2 {
		t.Fatalf("a peer reads %d keys, %v", len(peer.Keys), err)
	}
	for i, want := range []*Key{testKey(), otherKey()} {
		got := peer.Keys[i]
		if got.KeyID != want.ID() || got.Use != "sig" || !want.private.PublicKey.Equal(got.Key) || !got.Valid() {
			t.Errorf("key %d = %+v", i, got)
		}
		cert := got.Certificates[0]
		if !cert.PublicKey.(*rsa.PublicKey).Equal(got.Key) || cert.NotAfter.Before(now.Add(365*24*time.Hour)) || cert.NotBefore.After(now) {
			t.Errorf("certificate %d does not fit its key", i)
		}
		if err := cert.CheckSignature(x509.SHA256WithRSA, cert.RawTBSCertificate, cert.Signature); err != nil {
			t.Error(err)
		}
		if base64.RawURLEncoding.EncodeToString(got.CertificateThumbprintSHA1) != want.ID() {
			t.Errorf("x5t %x is not kid %s", got.CertificateThumbprintSHA1, want.ID())
		}
	}
	keys, err := ParseJWKS(data)
	if err != nil || len(keys) != 2 || keys[0].ID != testKey().ID() || keys[0].Issuer != "https://host/{tenantid}/v2.0" ||
		!testKey().private.PublicKey.Equal(keys[0].Key) {
		t.Errorf("ParseJWKS = %+v, %v", keys, err)
	}
	if v1, _ := json.Marshal(NewJWKS(ring, "", now)); bytes.Contains(v1, []byte("issuer")) || bytes.Contains(v1, []byte(`"alg"`)) {
		t.Errorf("v1.0 document: %s", v1)
	} else if bytes.Contains(v1, []byte(otherKey().ID())) {
		t.Error("a retired key is published")
	}
	if empty, _ := json.Marshal(NewJWKS(KeyRing{}, "", now)); string(empty) != `{"keys":[]}` {
		t.Errorf("empty document: %s", empty)
	}
}

func TestParseJWKSLeavesOutWhatItCannotUse(t *testing.T) {
	good, _ := json.Marshal(NewJWKS(KeyRing{}.With(testKey(), now), "", now).Keys[0])
	n := base64.RawURLEncoding.EncodeToString(testKey().private.N.Bytes())
	even := base64.RawURLEncoding.EncodeToString(new(big.Int).Lsh(big.NewInt(1), 2047).Bytes())
	small := base64.RawURLEncoding.EncodeToString(new(big.Int).Lsh(big.NewInt(1), 1023).SetBit(new(big.Int), 0, 1).Bytes())
	for name, bad := range map[string]string{
		"oct":         `{"kty":"oct","kid":"x","k":"AAAA"}`,
		"enc":         `{"kty":"RSA","use":"enc","kid":"x","n":"` + n + `","e":"AQAB"}`,
		"no kid":      `{"kty":"RSA","n":"` + n + `","e":"AQAB"}`,
		"even n":      `{"kty":"RSA","kid":"x","n":"` + even + `","e":"AQAB"}`,
		"small n":     `{"kty":"RSA","kid":"x","n":"` + small + `","e":"AQAB"}`,
		"e = 1":       `{"kty":"RSA","kid":"x","n":"` + n + `","e":"AQ"}`,
		"huge e":      `{"kty":"RSA","kid":"x","n":"` + n + `","e":"AQABAQAB"}`,
		"huge n":      `{"kty":"RSA","kid":"x","n":"` + strings.Repeat("AQAB", 500) + `","e":"AQAB"}`,
		"not base64":  `{"kty":"RSA","kid":"x","n":"!","e":"AQAB"}`,
		"wrong type":  `{"kty":7,"kid":"x"}`,
		"not a point": `{"kty":"EC","crv":"P-256","kid":"x","x":"` + strings.Repeat("A", 43) + `","y":"` + strings.Repeat("A", 43) + `"}`,
		"null":        `null`,
	} {
		keys, err := ParseJWKS([]byte(`{"keys":[` + bad + `,` + string(good) + `]}`))
		if err != nil || len(keys) != 1 || keys[0].ID != testKey().ID() {
			t.Errorf("%s: %v, %v; want the good key only", name, keys, err)
		}
		if keys, err := ParseJWKS([]byte(`{"keys":[` + bad + `]}`)); err == nil {
			t.Errorf("%s alone: %v; want an error", name, keys)
		}
	}
	for _, doc := range []string{"", "[]", "{}", `{"keys":{}}`, "<html>"} {
		if keys, err := ParseJWKS([]byte(doc)); err == nil {
			t.Errorf("%q: %v", doc, keys)
		}
	}
}

func TestRingOfNothing(t *testing.T) {
	var r KeyRing
	if _, err := r.Signing(now); !apierr.Is(err, apierr.KeysNotReady) {
		t.Errorf("Signing = %v", err)
	}
	if from, due := r.Due(now); !due || !from.Equal(now) {
		t.Errorf("Due = %v, %v; want a key at once", from, due)
	}
}

// TestRotationNeverFailsAToken walks a ring through a year, waking at irregular times: there is always a key that
// signs, every key was published a day before it signs, and every token verifies until it expires.
func TestRotationNeverFailsAToken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type issued struct {
			key   string
			until time.Time
		}
		var ring KeyRing
		var tokens []issued
		published := map[string]time.Time{}
		at, made := now, 0
		for range 60 {
			if from, due := ring.Due(at); due {
				ring = ring.With(named(made), from)
				published[fmt.Sprint("key", made)] = at
				made++
				if _, again := ring.Due(at); again {
					t.Fatalf("at %v a second key is due", at)
				}
			}
			if rapid.Bool().Draw(t, "prune") {
				ring = ring.Prune(at)
			}
			key, err := ring.Signing(at)
			if err != nil {
				t.Fatalf("at %v no key signs", at)
			}
			if age := at.Sub(published[key.ID()]); key.ID() != "key0" && age < PublishAhead {
				t.Fatalf("%s signs %v after it was published", key.ID(), age)
			}
			tokens = append(tokens, issued{key.ID(), at.Add(MaxLifetime)})
			for _, tok := range tokens {
				if _, ok := ring.Lookup(tok.key, at); !ok && at.Before(tok.until) {
					t.Fatalf("at %v a token of %s that lives until %v fails", at, tok.key, tok.until)
				}
			}
			if n := len(ring.Prune(at).Keys()); n > 3 {
				t.Fatalf("%d keys are kept", n)
			}
			at = at.Add(time.Duration(rapid.IntRange(1, 40*24).Draw(t, "hours")) * time.Hour)
		}
	})
}

func TestRotationHappensEvery30Days(t *testing.T) {
	ring := KeyRing{}.With(named(0), now)
	early := now.Add(RotateEvery - PublishAhead - time.Second)
	if from, due := ring.Due(early); due {
		t.Errorf("due at %v from %v", early, from)
	}
	if from, due := ring.Due(early.Add(time.Second)); !due || !from.Equal(now.Add(RotateEvery)) {
		t.Errorf("Due = %v, %v; want from %v", from, due, now.Add(RotateEvery))
	}
	late := now.Add(2 * RotateEvery)
	if from, due := ring.Due(late); !due || !from.Equal(late.Add(PublishAhead)) {
		t.Errorf("Due when late = %v, %v; want a day ahead", from, due)
	}
	ring = ring.With(named(1), now.Add(RotateEvery))
	if k, _ := ring.Signing(now.Add(RotateEvery - 1)); k.ID() != "key0" {
		t.Errorf("%v signs too early", k)
	}
	if k, _ := ring.Signing(now.Add(RotateEvery)); k.ID() != "key1" {
		t.Errorf("%v signs, not its successor", k)
	}
	retire := now.Add(RotateEvery + KeepPublished)
	if _, ok := ring.Lookup("key0", retire.Add(-1)); !ok {
		t.Error("key0 is refused before it retires")
	}
	if _, ok := ring.Lookup("key0", retire); ok {
		t.Error("key0 is accepted after it retired")
	}
}

func TestALeakedKeyIsReplacedAtOnce(t *testing.T) {
	ring := KeyRing{}.With(named(0), now).With(named(1), now.Add(RotateEvery))
	before := ring
	at := now.Add(RotateEvery + time.Hour) // key1 signs, key0 is still published
	ring = ring.Without("key1")
	if _, ok := ring.Lookup("key1", at); ok {
		t.Error("the leaked key is still accepted")
	}
	from, due := ring.Due(at)
	if !due || !from.Equal(at) {
		t.Fatalf("Due = %v, %v; want at once", from, due)
	}
	ring = ring.With(named(2), from)
	if k, err := ring.Signing(at); err != nil || k.ID() != "key2" {
		t.Errorf("Signing = %v, %v", k, err)
	}
	if _, ok := before.Lookup("key1", at); !ok {
		t.Error("Without changed the ring it was called on")
	}
}

func TestAKeyMadeBeforeAPlannedOneDoesNotRetireIt(t *testing.T) {
	planned := now.Add(RotateEvery)
	ring := KeyRing{}.With(named(0), now).With(named(1), planned).Without("key0")
	at := planned.Add(-time.Hour)
	from, due := ring.Due(at)
	if !due || !from.Equal(at) {
		t.Fatalf("Due = %v, %v; nothing signs", from, due)
	}
	ring = ring.With(named(2), from)
	if _, ok := ring.Lookup("key2", planned.Add(KeepPublished-1)); !ok {
		t.Error("key2 retires before the tokens it may have signed expire")
	}
	for _, check := range []struct {
		at   time.Time
		want string
	}{{at, "key2"}, {planned, "key1"}, {planned.Add(RotateEvery), "key1"}} {
		if k, err := ring.Signing(check.at); err != nil || k.ID() != check.want {
			t.Errorf("at %v Signing = %v, %v; want %s", check.at, k, err, check.want)
		}
	}
}
