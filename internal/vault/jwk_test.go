package vault

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
	"testing"

	"github.com/inborn-id/inborn/internal/apierr"
)

// jwkOf returns the members of a key as a client has them.
func jwkOf(t testing.TB, k *PrivateKey) JWK {
	t.Helper()
	j := JWK{Type: string(k.public.Type), Curve: k.public.Curve, N: k.public.N, E: k.public.E, X: k.public.X, Y: k.public.Y}
	if k.rsa != nil {
		j.D, j.P, j.Q = k.rsa.D.Bytes(), k.rsa.Primes[0].Bytes(), k.rsa.Primes[1].Bytes()
		j.DP, j.DQ, j.QI = k.rsa.Precomputed.Dp.Bytes(), k.rsa.Precomputed.Dq.Bytes(), k.rsa.Precomputed.Qinv.Bytes()
		return j
	}
	d, err := k.ec.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	j.D = d
	return j
}

func TestImportKey(t *testing.T) {
	for name, key := range testKeys {
		j := jwkOf(t, key)
		padded := j
		for _, member := range []*[]byte{&padded.N, &padded.D, &padded.X} {
			if len(*member) > 0 && len(*member) < maxMember {
				*member = append([]byte{0}, *member...)
			}
		}
		short := j
		short.DP, short.DQ, short.QI = nil, nil, nil
		for _, one := range []JWK{j, padded, short} {
			imported, err := ImportKey(&one)
			if err != nil || !imported.public.Same(&key.public) {
				t.Fatalf("%s: %v", name, err)
			}
			digest := sha256.Sum256(nil)
			alg := map[KeyType]Algorithm{RSA: RS256, EC: ES256}[key.public.Type]
			if key.public.Curve != "" && key.public.Curve != "P-256" {
				continue
			}
			signature, err := imported.Sign(rand.Reader, alg, digest[:])
			if err != nil {
				t.Fatal(err)
			}
			if ok, err := key.public.Verify(alg, digest[:], signature); !ok || err != nil {
				t.Errorf("%s: the signature of the imported key is wrong: %v", name, err)
			}
		}
	}
}

func TestImportKeyRefuses(t *testing.T) {
	r, other, e, e2 := jwkOf(t, testKey("RSA-2048")), jwkOf(t, testKey("RSA-other")), jwkOf(t, testKey("P-256")), jwkOf(t, testKey("P-256-other"))
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	order, _ := new(big.Int).SetString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
	twice := func(b []byte) []byte { return new(big.Int).Lsh(new(big.Int).SetBytes(b), 1).Bytes() }
	for _, c := range []struct {
		name string
		from JWK
		edit func(*JWK)
		at   string
	}{
		{"kty missing", r, func(j *JWK) { j.Type = "" }, "kty"},
		{"kty of hardware", r, func(j *JWK) { j.Type = "RSA-HSM" }, "kty"},
		{"kty symmetric", r, func(j *JWK) { j.Type = "oct" }, "kty"},
		{"kty in small letters", e, func(j *JWK) { j.Type = "ec" }, "kty"},
		{"wrapped for hardware", r, func(j *JWK) { j.HasSymmetric = true }, "key.k"},
		{"n missing", r, func(j *JWK) { j.N = nil }, "key.n"},
		{"d missing", r, func(j *JWK) { j.D = nil }, "key.d"},
		{"p missing", r, func(j *JWK) { j.P = nil }, "key.p"},
		{"q missing", r, func(j *JWK) { j.Q = nil }, "key.q"},
		{"e missing", r, func(j *JWK) { j.E = nil }, "key.e"},
		{"e is 3", r, func(j *JWK) { j.E = []byte{3} }, "public_exponent"},
		{"e is big", r, func(j *JWK) { j.E = bytes.Repeat([]byte{1}, 40) }, "public_exponent"},
		{"n of 1024 bits", r, func(j *JWK) {
			*j = JWK{Type: "RSA", N: weak.N.Bytes(), E: []byte{1, 0, 1}, D: weak.D.Bytes(), P: weak.Primes[0].Bytes(), Q: weak.Primes[1].Bytes()}
		}, "key_size"},
		{"n too long", r, func(j *JWK) { j.N = make([]byte, maxMember+1) }, "key.n"},
		{"qi too long", r, func(j *JWK) { j.QI = make([]byte, 1<<20) }, "key.qi"},
		{"n of another key", r, func(j *JWK) { j.N = other.N }, "key"},
		{"d of another key", r, func(j *JWK) { j.D = other.D }, "key"},
		{"d is 1", r, func(j *JWK) { j.D = []byte{1} }, "key"},
		{"d is n", r, func(j *JWK) { j.D = j.N }, "key"},
		{"p of another key", r, func(j *JWK) { j.P = other.P }, "key"},
		{"p is 1 and q is n", r, func(j *JWK) { j.P, j.Q = []byte{1}, j.N }, "key.p"},
		{"p is no prime", r, func(j *JWK) { j.P = twice(j.P) }, "key.p"},
		{"p is 0", r, func(j *JWK) { j.P = []byte{0} }, "key.p"},
		{"p is q", r, func(j *JWK) {
			j.P = j.Q
			j.N = new(big.Int).Mul(new(big.Int).SetBytes(j.Q), new(big.Int).SetBytes(j.Q)).Bytes()
		}, "key"},
		{"dp of another key", r, func(j *JWK) { j.DP = other.DP }, "key.dp"},
		{"dq of another key", r, func(j *JWK) { j.DQ = other.DQ }, "key.dq"},
		{"qi of another key", r, func(j *JWK) { j.QI = other.QI }, "key.qi"},
		{"crv missing", e, func(j *JWK) { j.Curve = "" }, "crv"},
		{"crv of bitcoin", e, func(j *JWK) { j.Curve = "P-256K" }, "crv"},
		{"crv P-224", e, func(j *JWK) { j.Curve = "P-224" }, "crv"},
		{"crv of another size", e, func(j *JWK) { j.Curve = "P-384" }, "key"},
		{"x missing", e, func(j *JWK) { j.X = nil }, "key.x"},
		{"d of EC missing", e, func(j *JWK) { j.D = nil }, "key.d"},
		{"x too long", e, func(j *JWK) { j.X = append([]byte{1}, j.X...) }, "key.x"},
		{"point not on the curve", e, func(j *JWK) { j.X = e2.X }, "key"},
		{"point at infinity", e, func(j *JWK) { j.X, j.Y = []byte{0}, []byte{0} }, "key"},
		{"d of another EC key", e, func(j *JWK) { j.D = e2.D }, "key.d"},
		{"d is 0", e, func(j *JWK) { j.D = []byte{0} }, "key.d"},
		{"d is the order", e, func(j *JWK) { j.D = order.Bytes() }, "key.d"},
		{"RSA members in EC", r, func(j *JWK) { j.Type = "EC" }, "crv"},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := c.from
			c.edit(&j)
			key, err := ImportKey(&j)
			if key != nil || !apierr.Is(err, apierr.PropertyInvalid) || apierr.From(err).Target != c.at {
				t.Errorf("%v at %q", err, apierr.From(err).Target)
			}
		})
	}
}

// Whatever is imported is a key that works, and no input makes it panic.
func FuzzImportKey(f *testing.F) {
	for _, key := range []string{"RSA-2048", "P-256", "P-521"} {
		j := jwkOf(f, testKey(key))
		f.Add(j.Type, j.Curve, j.N, j.E, j.D, j.P, j.Q, j.DP, j.X, j.Y)
	}
	f.Fuzz(func(t *testing.T, kty, crv string, n, e, d, p, q, dp, x, y []byte) {
		key, err := ImportKey(&JWK{Type: kty, Curve: crv, N: n, E: e, D: d, P: p, Q: q, DP: dp, X: x, Y: y})
		if err != nil {
			if apierr.From(err).Kind != apierr.Invalid {
				t.Fatal(err)
			}
			return
		}
		if key.ec != nil {
			digest := sha256.Sum256(n)
			signature, err := ecdsa.SignASN1(rand.Reader, key.ec, digest[:])
			if err != nil || !ecdsa.VerifyASN1(&key.ec.PublicKey, digest[:], signature) {
				t.Fatal(err)
			}
			return
		}
		sealed, err := key.public.Encrypt(rand.Reader, RSAOAEP256, []byte("hello"))
		if err != nil {
			t.Fatal(err)
		}
		if opened, err := key.Decrypt(RSAOAEP256, sealed); err != nil || string(opened) != "hello" {
			t.Fatal(err)
		}
	})
}
