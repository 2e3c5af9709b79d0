package vault

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"hash"
	"math/big"
	"slices"
	"unicode/utf16"
)

// The work that a PKCS #12 file may ask for. Programs write some 2,000 to 600,000 iterations, and derive a key a few times.
const (
	maxIterations = 1_000_000 // of all derivations together
	maxSalt       = 1 << 10   // bytes
)

var (
	errPassword  = errors.New("the password is wrong or the file is damaged")
	errTooCostly = errors.New("the file asks for too many iterations, or has too long a salt")
	errAlgorithm = errors.New("the file is encrypted in a way that is not known here: use AES, triple DES or RC2")
)

// pfxCipher derives keys from the password of one file and decrypts with them.
type pfxCipher struct {
	password string
	bmp      []byte // the password in UTF-16 with a zero behind it; an empty one may have none
	spent    int    // iterations so far
}

func newPFXCipher(password string) *pfxCipher {
	p := &pfxCipher{password: password}
	for _, unit := range append(utf16.Encode([]rune(password)), 0) {
		p.bmp = append(p.bmp, byte(unit>>8), byte(unit))
	}
	return p
}

// spend counts the iterations of a derivation before it is done.
func (p *pfxCipher) spend(iterations int, salt []byte) error {
	if iterations < 1 || iterations > maxIterations-p.spent || len(salt) > maxSalt {
		return errTooCostly
	}
	p.spent += iterations
	return nil
}

// The object identifiers of encryption in PKCS #12 and #5, in text.
const (
	oidPBE3DES      = "1.2.840.113549.1.12.1.3"
	oidPBERC2Long   = "1.2.840.113549.1.12.1.5"
	oidPBERC2Short  = "1.2.840.113549.1.12.1.6"
	oidPBES2        = "1.2.840.113549.1.5.13"
	oidPBKDF2       = "1.2.840.113549.1.5.12"
	oidHMACWithSHA1 = "1.2.840.113549.2.7"
	oidHMACSHA256   = "1.2.840.113549.2.9"
	oidHMACSHA384   = "1.2.840.113549.2.10"
	oidHMACSHA512   = "1.2.840.113549.2.11"
	oidDES3CBC      = "1.2.840.113549.3.7"
	oidAES128CBC    = "2.16.840.1.101.3.4.1.2"
	oidAES192CBC    = "2.16.840.1.101.3.4.1.22"
	oidAES256CBC    = "2.16.840.1.101.3.4.1.42"
	oidSHA1         = "1.3.14.3.2.26"
	oidSHA256       = "2.16.840.1.101.3.4.2.1"
	oidSHA384       = "2.16.840.1.101.3.4.2.2"
	oidSHA512       = "2.16.840.1.101.3.4.2.3"
)

// pbeParams are the parameters of encryption by PKCS #12 itself.
type pbeParams struct {
	Salt       []byte
	Iterations int
}

// decrypt decrypts with the algorithm and takes the padding off.
func (p *pfxCipher) decrypt(algorithm pkix.AlgorithmIdentifier, data []byte) ([]byte, error) {
	kind := algorithm.Algorithm.String()
	if kind == oidPBES2 {
		block, iv, err := p.pbes2(algorithm.Parameters.FullBytes)
		if err != nil {
			return nil, err
		}
		return decryptCBC(block, iv, data)
	}
	keySize, known := map[string]int{oidPBE3DES: 24, oidPBERC2Long: 16, oidPBERC2Short: 5}[kind]
	var params pbeParams
	if !known {
		return nil, errAlgorithm
	}
	if err := decodeDER(algorithm.Parameters.FullBytes, &params); err != nil {
		return nil, err
	}
	if err := p.spend(params.Iterations, params.Salt); err != nil {
		return nil, err
	}
	key := p.derive(sha1.New, deriveKey, params.Salt, params.Iterations, keySize)
	iv := p.derive(sha1.New, deriveIV, params.Salt, params.Iterations, des.BlockSize)
	if kind == oidPBE3DES {
		block, err := des.NewTripleDESCipher(key)
		if err != nil {
			return nil, err
		}
		return decryptCBC(block, iv, data)
	}
	if len(data)%rc2Block != 0 {
		return nil, errPassword
	}
	data = slices.Clone(data)
	newRC2(key).decryptCBC(iv, data)
	return unpad(data, rc2Block)
}

func decryptCBC(block cipher.Block, iv, data []byte) ([]byte, error) {
	if len(data)%block.BlockSize() != 0 || len(iv) != block.BlockSize() {
		return nil, errPassword
	}
	data = slices.Clone(data)
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(data, data)
	return unpad(data, block.BlockSize())
}

func unpad(data []byte, size int) ([]byte, error) {
	if len(data) == 0 {
		return nil, errPassword
	}
	n := int(data[len(data)-1])
	if n == 0 || n > size || n > len(data) || !bytes.Equal(data[len(data)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, errPassword
	}
	return data[:len(data)-n], nil
}

// pbes2Params and pbkdf2Params are of RFC 8018, appendix A.
type pbes2Params struct{ Derivation, Encryption pkix.AlgorithmIdentifier }

type pbkdf2Params struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	Hash       pkix.AlgorithmIdentifier `asn1:"optional"`
}

func (p *pfxCipher) pbes2(parameters []byte) (cipher.Block, []byte, error) {
	var scheme pbes2Params
	var derivation pbkdf2Params
	var iv []byte
	if err := decodeDER(parameters, &scheme); err != nil {
		return nil, nil, err
	}
	if scheme.Derivation.Algorithm.String() != oidPBKDF2 {
		return nil, nil, errAlgorithm
	}
	if err := decodeDER(scheme.Derivation.Parameters.FullBytes, &derivation); err != nil {
		return nil, nil, err
	}
	if err := decodeDER(scheme.Encryption.Parameters.FullBytes, &iv); err != nil {
		return nil, nil, err
	}
	if err := p.spend(derivation.Iterations, derivation.Salt); err != nil {
		return nil, nil, err
	}
	newHash := sha1.New
	switch derivation.Hash.Algorithm.String() {
	case "", oidHMACWithSHA1:
	case oidHMACSHA256:
		newHash = sha256.New
	case oidHMACSHA384:
		newHash = sha512.New384
	case oidHMACSHA512:
		newHash = sha512.New
	default:
		return nil, nil, errAlgorithm
	}
	kind := scheme.Encryption.Algorithm.String()
	keySize, known := map[string]int{oidAES128CBC: 16, oidAES192CBC: 24, oidAES256CBC: 32, oidDES3CBC: 24}[kind]
	if !known {
		return nil, nil, errAlgorithm
	}
	key, err := pbkdf2.Key(newHash, p.password, derivation.Salt, derivation.Iterations, keySize)
	if err != nil {
		return nil, nil, err
	}
	newCipher := aes.NewCipher
	if kind == oidDES3CBC {
		newCipher = des.NewTripleDESCipher
	}
	block, err := newCipher(key)
	return block, iv, err
}

// The purposes of derived bits (RFC 7292, appendix B.3).
const (
	deriveKey = 1
	deriveIV  = 2
	deriveMAC = 3
)

// derive makes size bytes of the password (RFC 7292, appendix B.2).
func (p *pfxCipher) derive(newHash func() hash.Hash, purpose byte, salt []byte, iterations, size int) []byte {
	h := newHash()
	v := h.BlockSize()
	input := append(fill(salt, v), fill(p.bmp, v)...)
	var out []byte
	for {
		h.Reset()
		h.Write(bytes.Repeat([]byte{purpose}, v))
		h.Write(input)
		a := h.Sum(nil)
		for range iterations - 1 {
			h.Reset()
			h.Write(a)
			a = h.Sum(a[:0])
		}
		if out = append(out, a...); len(out) >= size {
			return out[:size]
		}
		addToBlocks(input, fill(a, v)[:v])
	}
}

// fill repeats b until a multiple of v is full.
func fill(b []byte, v int) []byte {
	if len(b) == 0 {
		return nil
	}
	full := (len(b) + v - 1) / v * v
	return bytes.Repeat(b, (full+len(b)-1)/len(b))[:full]
}

// addToBlocks adds b and 1 to each block of input as big numbers, which wrap around.
func addToBlocks(input, b []byte) {
	sum := new(big.Int).SetBytes(b)
	sum.Add(sum, big.NewInt(1))
	around := new(big.Int).Lsh(big.NewInt(1), uint(8*len(b)))
	for ; len(input) > 0; input = input[len(b):] {
		n := new(big.Int).SetBytes(input[:len(b)])
		n.Add(n, sum)
		n.Mod(n, around).FillBytes(input[:len(b)])
	}
}

// checkMAC compares the authentication code of a file. It settles which form an empty password has.
func (p *pfxCipher) checkMAC(m *macData, content []byte) error {
	newHash, known := map[string]func() hash.Hash{oidSHA1: sha1.New, oidSHA256: sha256.New, oidSHA384: sha512.New384, oidSHA512: sha512.New}[m.Digest.Algorithm.Algorithm.String()]
	if !known {
		return errAlgorithm
	}
	for {
		if err := p.spend(m.Iterations, m.Salt); err != nil {
			return err
		}
		mac := hmac.New(newHash, p.derive(newHash, deriveMAC, m.Salt, m.Iterations, newHash().Size()))
		mac.Write(content)
		switch {
		case hmac.Equal(mac.Sum(nil), m.Digest.Value):
			return nil
		case p.password != "" || p.bmp == nil:
			return errPassword
		}
		p.bmp = nil
	}
}

// decodeDER reads one value and refuses what follows it.
func decodeDER(der []byte, into any) error {
	rest, err := asn1.Unmarshal(der, into)
	if err == nil && len(rest) > 0 {
		err = errors.New("something stands behind the end")
	}
	return err
}
