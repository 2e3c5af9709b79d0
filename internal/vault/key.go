package vault

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"

	"github.com/inborn-id/inborn/internal/apierr"
)

// KeyType is the family of a key (RFC 7518, section 6.1).
type KeyType string

// The key types there are here; those in hardware and symmetric ones belong to another product.
const (
	RSA KeyType = "RSA"
	EC  KeyType = "EC"
)

// exponent is the public exponent of all RSA keys here. Others are slower or weaker, and nobody needs one.
const exponent = 65537

// KeySpec says what key to make. Zero fields have the service's defaults: 2048 bits, P-256.
type KeySpec struct {
	Type     KeyType
	Size     int    // bits of an RSA modulus: 2048, 3072 or 4096
	Exponent int    // of RSA: 65537
	Curve    string // of EC: P-256, P-384 or P-521
}

// PublicKey is the half of a key that others may see, and what may be done with it.
type PublicKey struct {
	Type       KeyType
	Curve      string // of EC: P-256, P-384 or P-521
	N, E       []byte // of RSA, big endian, without leading zeros
	X, Y       []byte // of EC, as long as the curve's field
	Operations []Operation
	Exportable bool
}

// Permits reports whether key_ops has the operation.
func (k *PublicKey) Permits(o Operation) bool { return slices.Contains(k.Operations, o) }

// Spec returns what to say to make another key of the same kind, as rotation does.
func (k *PublicKey) Spec() KeySpec { return KeySpec{Type: k.Type, Size: k.Bits(), Curve: k.Curve} }

// Bits returns the size of an RSA modulus; 0 for EC.
func (k *PublicKey) Bits() int { return new(big.Int).SetBytes(k.N).BitLen() }

// Same reports whether both are the same key, whatever may be done with them.
func (k *PublicKey) Same(other *PublicKey) bool {
	return k.Type == other.Type && k.Curve == other.Curve && slices.Equal(k.N, other.N) && slices.Equal(k.E, other.E) &&
		slices.Equal(k.X, other.X) && slices.Equal(k.Y, other.Y)
}

// parse returns the key as an *rsa.PublicKey or *ecdsa.PublicKey.
func (k *PublicKey) parse() (crypto.PublicKey, error) {
	if k.Type == RSA {
		return &rsa.PublicKey{N: new(big.Int).SetBytes(k.N), E: int(new(big.Int).SetBytes(k.E).Int64())}, nil
	}
	curve, ok := curveNamed(k.Curve)
	if !ok {
		return nil, fmt.Errorf("a stored key is on the curve %q", k.Curve)
	}
	return ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{4}, k.X, k.Y))
}

// publicOf is the opposite of parse. It refuses keys of a type, size or curve that is not here.
func publicOf(key crypto.PublicKey) (PublicKey, error) {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if err := checkRSA(key.N.BitLen(), key.E); err != nil {
			return PublicKey{}, err
		}
		return PublicKey{Type: RSA, N: key.N.Bytes(), E: big.NewInt(int64(key.E)).Bytes()}, nil
	case *ecdsa.PublicKey:
		name := key.Curve.Params().Name
		if _, ok := curveNamed(name); !ok {
			return PublicKey{}, errCurve(name)
		}
		point, err := key.Bytes() // 4, X, Y
		if err != nil {
			return PublicKey{}, apierr.New(apierr.PropertyInvalid, "The point of the EC key is not on its curve %s.", name).At("key").Because(err)
		}
		size := (len(point) - 1) / 2
		return PublicKey{Type: EC, Curve: name, X: point[1 : 1+size], Y: point[1+size:]}, nil
	}
	return PublicKey{}, apierr.New(apierr.PropertyInvalid, "The key is neither RSA nor EC.").At("key")
}

func checkRSA(bits, e int) error {
	if bits != 2048 && bits != 3072 && bits != 4096 {
		return apierr.New(apierr.PropertyInvalid, "An RSA key has 2048, 3072 or 4096 bits and not %d.", bits).At("key_size")
	}
	if e != exponent {
		return apierr.New(apierr.PropertyInvalid, "The public exponent of an RSA key is %d; another is not offered here.", exponent).At("public_exponent")
	}
	return nil
}

func curveNamed(name string) (elliptic.Curve, bool) {
	switch name {
	case "P-256":
		return elliptic.P256(), true
	case "P-384":
		return elliptic.P384(), true
	case "P-521":
		return elliptic.P521(), true
	}
	return nil, false
}

func errCurve(name string) error {
	if name == "P-256K" || name == "SECP256K1" {
		return apierr.New(apierr.PropertyInvalid, "The curve %s is not offered here: use P-256, P-384 or P-521.", name).At("crv")
	}
	return apierr.New(apierr.PropertyInvalid, "The curve '%.20s' is none of P-256, P-384 and P-521.", name).At("crv")
}

// errKeyType explains why there is no key of a type.
func errKeyType(name string) error {
	switch name {
	case "RSA-HSM", "EC-HSM":
		return apierr.New(apierr.PropertyInvalid, "The key type %s needs a hardware security module, and there is none here: use %s.", name, name[:len(name)-4]).At("kty")
	case "oct", "oct-HSM":
		return apierr.New(apierr.PropertyInvalid, "The key type %s is for managed hardware security modules; a vault has RSA and EC keys.", name).At("kty")
	}
	return apierr.New(apierr.PropertyInvalid, "The key type '%.20s' is neither RSA nor EC.", name).At("kty")
}

// Check refuses a key that cannot be made and returns spec with its defaults filled in.
func (s KeySpec) Check() (KeySpec, error) {
	switch s.Type {
	case RSA:
		if s.Size == 0 {
			s.Size = 2048
		}
		if s.Exponent == 0 {
			s.Exponent = exponent
		}
		return s, checkRSA(s.Size, s.Exponent)
	case EC:
		if s.Curve == "" {
			s.Curve = "P-256"
		}
		if _, ok := curveNamed(s.Curve); !ok {
			return s, errCurve(s.Curve)
		}
		return s, nil
	}
	return s, errKeyType(string(s.Type))
}

// PrivateKey is a key ready to be used: read once, used often. It does not change, is safe for concurrent use, and prints as
// its type.
type PrivateKey struct {
	rsa    *rsa.PrivateKey // one of these is nil
	ec     *ecdsa.PrivateKey
	public PublicKey // without operations
}

// NewKey makes a key. An RSA key takes some 100 ms with 2048 bits and seconds with 4096. Today's crypto packages draw from
// the system's generator, whatever random is.
func NewKey(random io.Reader, spec KeySpec) (*PrivateKey, error) {
	spec, err := spec.Check()
	if err != nil {
		return nil, err
	}
	var made any
	if spec.Type == RSA {
		made, err = rsa.GenerateKey(random, spec.Size)
	} else {
		curve, _ := curveNamed(spec.Curve)
		made, err = ecdsa.GenerateKey(curve, random)
	}
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	return privateOf(made)
}

// ParseKey reads what DER returned.
func ParseKey(der []byte) (*PrivateKey, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("a stored key is not PKCS #8") // the cause could quote the key
	}
	return privateOf(parsed)
}

// privateOf takes an *rsa.PrivateKey or *ecdsa.PrivateKey that is consistent in itself.
func privateOf(key any) (*PrivateKey, error) {
	k := &PrivateKey{}
	var err error
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if len(key.Primes) != 2 {
			return nil, apierr.New(apierr.PropertyInvalid, "The RSA key is made of %d primes and not of two.", len(key.Primes)).At("key")
		}
		key.Precompute()
		k.rsa = key
		k.public, err = publicOf(&key.PublicKey)
	case *ecdsa.PrivateKey:
		k.ec = key
		k.public, err = publicOf(&key.PublicKey)
	default:
		return nil, apierr.New(apierr.PropertyInvalid, "The key is neither RSA nor EC.").At("key")
	}
	if err != nil {
		return nil, err
	}
	return k, nil
}

// DER returns the key as PKCS #8. Encrypt it before it goes anywhere.
func (k *PrivateKey) DER() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.signer())
	if err != nil {
		return nil, errors.New("a key cannot be encoded as PKCS #8")
	}
	return der, nil
}

// Public returns the public half, for which operations are permitted.
func (k *PrivateKey) Public(operations []Operation, exportable bool) *PublicKey {
	public := k.public
	public.Operations, public.Exportable = operations, exportable
	return &public
}

// signer returns the key as the packages of crypto know it.
func (k *PrivateKey) signer() crypto.Signer {
	if k.rsa != nil {
		return k.rsa
	}
	return k.ec
}

// String returns the type, so that a key that is printed by mistake stays secret.
func (k *PrivateKey) String() string { return string(k.public.Type) + " private key" }

// GoString is String, for the verb %#v.
func (k *PrivateKey) GoString() string { return k.String() }
