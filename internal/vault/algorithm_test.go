package vault

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/inborn-id/inborn/internal/apierr"
)

func signAlgorithms() []Algorithm {
	return []Algorithm{RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512}
}

// digestFor returns some digest of the algorithm's length.
func digestFor(a Algorithm) []byte {
	size := map[string]int{"256": 32, "384": 48, "512": 64}[string(a[2:])]
	return bytes.Repeat([]byte{0xd1}, size)
}

// fits says which algorithm is for which key, in another way than the code.
func fits(a Algorithm, key string) bool {
	switch {
	case strings.HasPrefix(key, "RSA"):
		return a[0] != 'E'
	default:
		return string(a) == map[string]string{"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}[key[:5]]
	}
}

func TestSignAndVerify(t *testing.T) {
	for name, key := range testKeys {
		for _, a := range signAlgorithms() {
			digest := digestFor(a)
			signature, err := key.Sign(rand.Reader, a, digest)
			if !fits(a, name) {
				if !apierr.Is(err, apierr.ParameterInvalid) || apierr.From(err).Target != "alg" || !strings.Contains(err.Error(), "Key and signing algorithm are incompatible.") {
					t.Errorf("%s with %s: %v", a, name, err)
				}
				if _, err := key.public.Verify(a, digest, make([]byte, 64)); !apierr.Is(err, apierr.ParameterInvalid) {
					t.Errorf("%s with %s: %v", a, name, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if ok, err := key.public.Verify(a, digest, signature); !ok || err != nil || !standardVerifies(key, a, digest, signature) {
				t.Errorf("%s with %s does not verify: %v", a, name, err)
			}
			checkForgeries(t, key, a, digest, signature)
			for _, length := range []int{0, 1, len(digest) - 1, len(digest) + 1, 1 << 16} {
				_, err := key.Sign(rand.Reader, a, make([]byte, length))
				if _, err2 := key.public.Verify(a, make([]byte, length), signature); !apierr.Is(err, apierr.ParameterInvalid) || apierr.From(err).Target != "value" || !apierr.Is(err2, apierr.ParameterInvalid) {
					t.Errorf("%s with a digest of %d bytes: %v, %v", a, length, err, err2)
				}
			}
		}
	}
}

// standardVerifies asks the standard library.
func standardVerifies(key *PrivateKey, a Algorithm, digest, signature []byte) bool {
	hash := map[int]crypto.Hash{32: crypto.SHA256, 48: crypto.SHA384, 64: crypto.SHA512}[len(digest)]
	switch {
	case a[0] == 'R':
		return rsa.VerifyPKCS1v15(&key.rsa.PublicKey, hash, digest, signature) == nil
	case a[0] == 'P':
		return rsa.VerifyPSS(&key.rsa.PublicKey, hash, digest, signature, &rsa.PSSOptions{SaltLength: hash.Size()}) == nil
	}
	half := len(signature) / 2
	return half == len(key.public.X) && ecdsa.Verify(&key.ec.PublicKey, digest, new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:]))
}

// checkForgeries wants no changed signature to hold, and none to be an error.
func checkForgeries(t *testing.T, key *PrivateKey, a Algorithm, digest, signature []byte) {
	t.Helper()
	flipped := slices.Clone(signature)
	flipped[len(flipped)/2] ^= 1
	other := slices.Clone(digest)
	other[0] ^= 1
	for name, forged := range map[string][]byte{"flipped": flipped, "none": nil, "short": signature[1:], "long": append(slices.Clone(signature), 0),
		"longer": append([]byte{0}, signature...), "zeros": make([]byte, len(signature)), "ones": bytes.Repeat([]byte{0xff}, len(signature))} {
		if ok, err := key.public.Verify(a, digest, forged); ok || err != nil {
			t.Errorf("%s: %s: %t, %v", a, name, ok, err)
		}
	}
	if ok, err := key.public.Verify(a, other, signature); ok || err != nil {
		t.Errorf("%s: another digest: %t, %v", a, ok, err)
	}
}

func TestSignRefusesOtherAlgorithms(t *testing.T) {
	for _, a := range []Algorithm{"", "rs256", "HS256", "none", "ES256K", "RS1", "RSA-OAEP", "RSA1_5", Algorithm(strings.Repeat("x", 1000))} {
		for _, key := range []string{"RSA-2048", "P-256"} {
			_, err := testKey(key).Sign(rand.Reader, a, make([]byte, 32))
			if !apierr.Is(err, apierr.ParameterInvalid) || len(err.Error()) > 300 {
				t.Errorf("%.20q: %v", a, err)
			}
		}
	}
}

func TestRSNULL(t *testing.T) {
	key := testKey("RSA-2048")
	input := bytes.Repeat([]byte{7}, 36) // as long as MD5 and SHA-1 together
	signature, err := key.Sign(rand.Reader, RSNULL, input)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := key.public.Verify(RSNULL, input, signature); !ok || err != nil || rsa.VerifyPKCS1v15(&key.rsa.PublicKey, crypto.MD5SHA1, input, signature) != nil {
		t.Error(ok, err)
	}
	for _, size := range []int{0, 246} {
		if _, err := key.Sign(rand.Reader, RSNULL, make([]byte, size)); !apierr.Is(err, apierr.ParameterInvalid) {
			t.Error(size, err)
		}
	}
	if _, err := key.Sign(rand.Reader, RSNULL, make([]byte, 245)); err != nil {
		t.Error(err)
	}
}

func TestEncryptAndDecrypt(t *testing.T) {
	overhead := map[Algorithm]int{RSA15: 11, RSAOAEP: 42, RSAOAEP256: 66}
	for name, key := range testKeys {
		for a, less := range overhead {
			if key.ec != nil {
				_, err := key.public.Encrypt(rand.Reader, a, []byte("x"))
				if _, err2 := key.Decrypt(a, []byte("x")); !apierr.Is(err, apierr.ParameterInvalid) || !apierr.Is(err2, apierr.ParameterInvalid) {
					t.Errorf("%s with %s: %v, %v", a, name, err, err2)
				}
				continue
			}
			most := len(key.public.N) - less
			for _, size := range []int{0, 1, 32, most} {
				plain := bytes.Repeat([]byte{0x5a}, size)
				sealed, err := key.public.Encrypt(rand.Reader, a, plain)
				if err != nil {
					t.Fatal(err)
				}
				if opened, err := key.Decrypt(a, sealed); err != nil || !bytes.Equal(opened, plain) {
					t.Errorf("%s with %s, %d bytes: %v", a, name, size, err)
				}
			}
			if _, err := key.public.Encrypt(rand.Reader, a, make([]byte, most+1)); !apierr.Is(err, apierr.ParameterInvalid) || apierr.From(err).Target != "value" {
				t.Errorf("%s with %s: %v", a, name, err)
			}
		}
	}
	for _, a := range []Algorithm{"", "RSA-OAEP-512", "A256GCM", "RS256", "rsa1_5"} {
		_, err := testKey("RSA-2048").public.Encrypt(rand.Reader, a, nil)
		if _, err2 := testKey("RSA-2048").Decrypt(a, nil); !apierr.Is(err, apierr.ParameterInvalid) || !apierr.Is(err2, apierr.ParameterInvalid) {
			t.Errorf("%s: %v, %v", a, err, err2)
		}
	}
}

// However a ciphertext is wrong, the answer is one and the same.
func TestDecryptIsNoOracle(t *testing.T) {
	key, other := testKey("RSA-2048"), testKey("RSA-other")
	for _, a := range []Algorithm{RSA15, RSAOAEP, RSAOAEP256} {
		mine, err := key.public.Encrypt(rand.Reader, a, []byte("secret"))
		if err != nil {
			t.Fatal(err)
		}
		foreign, err := other.public.Encrypt(rand.Reader, a, []byte("secret"))
		if err != nil {
			t.Fatal(err)
		}
		flipped := slices.Clone(mine)
		flipped[100] ^= 0x10
		answers := map[string][]string{}
		for name, bad := range map[string][]byte{"foreign": foreign, "flipped": flipped, "none": nil, "short": mine[1:], "long": append(slices.Clone(mine), 1),
			"zero": make([]byte, 256), "one": big.NewInt(1).FillBytes(make([]byte, 256)), "n": key.public.N, "all ones": bytes.Repeat([]byte{0xff}, 256)} {
			plain, err := key.Decrypt(a, bad)
			answer := fmt.Sprintf("%v %v %v", plain, err, apierr.From(err).Err)
			answers[answer] = append(answers[answer], name)
			if !apierr.Is(err, apierr.ParameterInvalid) {
				t.Errorf("%s: %s: %v", a, name, err)
			}
		}
		if len(answers) != 1 {
			t.Errorf("%s: %v", a, answers)
		}
	}
	oaep, err := key.public.Encrypt(rand.Reader, RSAOAEP, []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.Decrypt(RSAOAEP256, oaep); !apierr.Is(err, apierr.ParameterInvalid) {
		t.Error(err)
	}
}

func TestKeysAreSafeForConcurrentUse(t *testing.T) {
	var group sync.WaitGroup
	for name, key := range testKeys {
		a := map[string]Algorithm{"RSA": PS256, "P-2": ES256, "P-3": ES384, "P-5": ES512}[name[:3]]
		for range 4 {
			group.Go(func() {
				for range 4 {
					signature, err := key.Sign(rand.Reader, a, digestFor(a))
					if err != nil {
						t.Error(err)
						return
					}
					if ok, err := key.public.Verify(a, digestFor(a), signature); !ok || err != nil {
						t.Error(ok, err)
					}
				}
			})
		}
	}
	group.Wait()
}

// The two of each pair should differ by little: ours adds the checks.
func BenchmarkSign(b *testing.B) {
	digest := sha256.Sum256([]byte("x"))
	r, e := testKey("RSA-2048"), testKey("P-256")
	for name, sign := range map[string]func() error{
		"RS256":         func() error { _, err := r.Sign(rand.Reader, RS256, digest[:]); return err },
		"RS256 library": func() error { _, err := rsa.SignPKCS1v15(nil, r.rsa, crypto.SHA256, digest[:]); return err },
		"ES256":         func() error { _, err := e.Sign(rand.Reader, ES256, digest[:]); return err },
		"ES256 library": func() error { _, err := ecdsa.SignASN1(rand.Reader, e.ec, digest[:]); return err },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := sign(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
