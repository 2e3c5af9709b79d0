package vault

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"math/big"

	"github.com/inborn-id/inborn/internal/apierr"
)

// JWK holds the members of a JSON Web Key with its private half (RFC 7518, section 6), decoded from base64url.
type JWK struct {
	Type         string // kty
	Curve        string // crv
	N, E         []byte
	D            []byte // of both types
	P, Q         []byte
	DP, DQ, QI   []byte // absent or right
	X, Y         []byte
	HasSymmetric bool // there is a member k or key_hsm
}

// maxMember is the length of the longest number in a key here, the modulus of RSA 4096, and a leading zero.
const maxMember = 4096/8 + 1

// ImportKey makes a key of the members of a JWK. The private half must be there, and all members must fit each other.
func ImportKey(j *JWK) (*PrivateKey, error) {
	members := map[string][]byte{"n": j.N, "e": j.E, "d": j.D, "p": j.P, "q": j.Q, "dp": j.DP, "dq": j.DQ, "qi": j.QI, "x": j.X, "y": j.Y}
	for name, value := range members {
		if len(value) > maxMember {
			return nil, errMember(name, "is too long")
		}
	}
	if j.HasSymmetric {
		return nil, errMember("k", "has no place in the key of a vault: keys are RSA or EC, and not wrapped for hardware")
	}
	switch KeyType(j.Type) {
	case RSA:
		return importRSA(j)
	case EC:
		return importEC(j)
	}
	return nil, errKeyType(j.Type)
}

func errMember(name, why string) error {
	return apierr.New(apierr.PropertyInvalid, "The member %s of the key %s.", name, why).At("key." + name)
}

func importRSA(j *JWK) (*PrivateKey, error) {
	for name, value := range map[string][]byte{"n": j.N, "e": j.E, "d": j.D, "p": j.P, "q": j.Q} {
		if len(value) == 0 {
			return nil, errMember(name, "is missing")
		}
	}
	e := number(j.E)
	if !e.IsInt64() || e.Int64() != exponent {
		return nil, checkRSA(2048, 0)
	}
	key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: number(j.N), E: exponent}, D: number(j.D), Primes: []*big.Int{number(j.P), number(j.Q)}}
	if err := checkRSA(key.N.BitLen(), key.E); err != nil {
		return nil, err
	}
	for i, name := range []string{"p", "q"} {
		if prime := key.Primes[i]; prime.BitLen() > key.N.BitLen() || !prime.ProbablyPrime(0) {
			return nil, errMember(name, "is not a prime number of the right size")
		}
	}
	if err := key.Validate(); err != nil {
		return nil, apierr.New(apierr.PropertyInvalid, "The members n, d, p and q of the key do not belong together.").At("key").Because(err)
	}
	key.Precompute()
	for name, pair := range map[string][2]*big.Int{"dp": {number(j.DP), key.Precomputed.Dp}, "dq": {number(j.DQ), key.Precomputed.Dq}, "qi": {number(j.QI), key.Precomputed.Qinv}} {
		if given, right := pair[0], pair[1]; given.Sign() != 0 && given.Cmp(right) != 0 {
			return nil, errMember(name, "does not belong to p and q")
		}
	}
	return privateOf(key)
}

func importEC(j *JWK) (*PrivateKey, error) {
	curve, ok := curveNamed(j.Curve)
	if !ok {
		return nil, errCurve(j.Curve)
	}
	size := (curve.Params().BitSize + 7) / 8
	var d, x, y []byte
	for _, m := range []struct {
		name string
		from []byte
		to   *[]byte
	}{{"d", j.D, &d}, {"x", j.X, &x}, {"y", j.Y, &y}} {
		n := number(m.from)
		if len(m.from) == 0 {
			return nil, errMember(m.name, "is missing")
		}
		if n.BitLen() > 8*size {
			return nil, errMember(m.name, "is too long for the curve "+j.Curve)
		}
		*m.to = n.FillBytes(make([]byte, size))
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curve, bytes.Join([][]byte{{4}, x, y}, nil))
	if err != nil {
		return nil, apierr.New(apierr.PropertyInvalid, "The point (x, y) of the key is not on the curve %s.", j.Curve).At("key")
	}
	private, err := ecdsa.ParseRawPrivateKey(curve, d)
	if err != nil {
		return nil, errMember("d", "is not a number of the curve "+j.Curve)
	}
	if !private.PublicKey.Equal(public) {
		return nil, errMember("d", "does not belong to x and y")
	}
	return privateOf(private)
}

func number(b []byte) *big.Int { return new(big.Int).SetBytes(b) }
