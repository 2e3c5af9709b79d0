package vault

import (
	"bytes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// The vectors of RFC 2268, section 5, whose keys count with all their bits.
func TestRC2(t *testing.T) {
	for _, c := range []struct{ key, plain, sealed string }{
		{"ffffffffffffffff", "ffffffffffffffff", "278b27e42e2f0d49"},
		{"3000000000000000", "1000000000000001", "30649edf9be7d2c2"},
		{"88bca90e90875a7f0f79c384627bafb2", "0000000000000000", "2269552ab0f85ca6"},
	} {
		block := unhex(t, c.sealed)
		newRC2(unhex(t, c.key)).decrypt(block)
		if got := hex.EncodeToString(block); got != c.plain {
			t.Errorf("with %s: %s; want %s", c.key, got, c.plain)
		}
	}
}

// marshal is asn1.Marshal of what cannot fail.
func marshal(t testing.TB, value any) []byte {
	t.Helper()
	der, err := asn1.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func explicit(der []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: der}
}

func algorithmOf(t testing.TB, oid string, params any) pkix.AlgorithmIdentifier {
	t.Helper()
	parsed, ok := parseOID(oid)
	if !ok {
		t.Fatal(oid)
	}
	return pkix.AlgorithmIdentifier{Algorithm: parsed, Parameters: asn1.RawValue{FullBytes: marshal(t, params)}}
}

// fileOf makes a file without an authentication code, of parts in the clear.
func fileOf(t testing.TB, parts ...[]safeBag) []byte {
	t.Helper()
	data, _ := parseOID(oidData)
	var contents []contentInfo
	for _, bags := range parts {
		contents = append(contents, contentInfo{Type: data, Content: explicit(marshal(t, marshal(t, bags)))})
	}
	return marshal(t, struct {
		Version int
		Safe    contentInfo
	}{3, contentInfo{Type: data, Content: explicit(marshal(t, marshal(t, contents)))}})
}

func shrouded(t testing.TB, algorithm pkix.AlgorithmIdentifier) safeBag {
	t.Helper()
	oid, _ := parseOID(oidShroudedBag)
	return safeBag{Type: oid, Value: explicit(marshal(t, encryptedKey{algorithm, make([]byte, 64)})), Attributes: []asn1.RawValue{}}
}

// A file that asks for hours of work is refused before any is done, wherever it says so.
func TestCostlyFilesAreRefused(t *testing.T) {
	salt := make([]byte, 8)
	cheap := shrouded(t, algorithmOf(t, oidPBE3DES, pbeParams{salt, 450_000}))
	aes := algorithmOf(t, oidAES256CBC, make([]byte, 16))
	kdf := func(iterations, size int) pkix.AlgorithmIdentifier {
		return algorithmOf(t, oidPBES2, pbes2Params{algorithmOf(t, oidPBKDF2, pbkdf2Params{Salt: make([]byte, size), Iterations: iterations, Hash: algorithmOf(t, oidHMACSHA256, asn1.NullRawValue)}), aes})
	}
	for name, file := range map[string][]byte{
		"triple DES":           fileOf(t, []safeBag{shrouded(t, algorithmOf(t, oidPBE3DES, pbeParams{salt, maxIterations + 1}))}),
		"RC2":                  fileOf(t, []safeBag{shrouded(t, algorithmOf(t, oidPBERC2Short, pbeParams{salt, 1 << 40}))}),
		"RC2 128":              fileOf(t, []safeBag{shrouded(t, algorithmOf(t, oidPBERC2Long, pbeParams{salt, 1 << 62}))}),
		"PBKDF2":               fileOf(t, []safeBag{shrouded(t, kdf(1<<31-1, 8))}),
		"salt":                 fileOf(t, []safeBag{shrouded(t, kdf(1, maxSalt+1))}),
		"no iterations":        fileOf(t, []safeBag{shrouded(t, kdf(0, 8))}),
		"negative iterations":  fileOf(t, []safeBag{shrouded(t, algorithmOf(t, oidPBE3DES, pbeParams{salt, -5}))}),
		"a little, many times": costlyTogether(t, cheap),
	} {
		start := time.Now()
		_, err := decodePFX(file, "")
		if !errors.Is(err, errTooCostly) || time.Since(start) > 20*time.Second {
			t.Errorf("%s: %v after %s", name, err, time.Since(start))
		}
	}
	b := issued(t, "P-256")
	leaf, above := parsedChain(t, b)
	file, err := pkcs12.LegacyDES.WithIterations(0x1ffff).Encode(b.Key.signer(), leaf, above, "")
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(file, []byte{2, 3, 1, 0xff, 0xff}) // the last number in it is of the authentication code
	file[at+2] = 0x7f
	if _, err := decodePFX(file, ""); !errors.Is(err, errTooCostly) {
		t.Errorf("authentication code: %v", err)
	}
}

// costlyTogether has a first key that opens, at a cost that is allowed once, and then others.
func costlyTogether(t testing.TB, again safeBag) []byte {
	t.Helper()
	p := newPFXCipher("")
	salt := make([]byte, 8)
	key, err := testKey("P-256").DER()
	if err != nil {
		t.Fatal(err)
	}
	const iterations = 750_000
	sealed := sealDES(t, p.derive(sha1.New, deriveKey, salt, iterations, 24), p.derive(sha1.New, deriveIV, salt, iterations, 8), key)
	oid, _ := parseOID(oidShroudedBag)
	first := safeBag{Type: oid, Value: explicit(marshal(t, encryptedKey{algorithmOf(t, oidPBE3DES, pbeParams{salt, iterations}), sealed})), Attributes: []asn1.RawValue{}}
	return fileOf(t, []safeBag{first, again})
}

func TestDecodePFXRefuses(t *testing.T) {
	b := issued(t, "P-256")
	secret, err := b.Secret(rand.Reader, ContentPKCS12)
	if err != nil {
		t.Fatal(err)
	}
	good, err := base64.StdEncoding.DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	oid, _ := parseOID(oidKeyBag)
	key, err := b.Key.DER()
	if err != nil {
		t.Fatal(err)
	}
	one := safeBag{Type: oid, Value: explicit(key), Attributes: []asn1.RawValue{}}
	many, parts := make([]safeBag, maxBags+1), make([][]safeBag, maxContents+1)
	for i := range many {
		many[i] = safeBag{Type: asn1.ObjectIdentifier{1, 2, 3}, Value: explicit([]byte{5, 0}), Attributes: []asn1.RawValue{}}
	}
	for i := range parts {
		parts[i] = []safeBag{}
	}
	for name, bad := range map[string][]byte{
		"nothing":           {},
		"cut":               good[:len(good)-1],
		"longer":            append(bytes.Clone(good), 0),
		"flipped":           flip(good, len(good)/2),
		"indefinite length": append([]byte{0x30, 0x80}, good[4:]...),
		"version 4":         bytes.Replace(good, []byte{2, 1, 3}, []byte{2, 1, 4}, 1),
		"many bags":         fileOf(t, many),
		"many parts":        fileOf(t, parts...),
		"many keys":         fileOf(t, bytesRepeat(one, maxChain+1)),
		"odd ciphertext":    fileOf(t, []safeBag{shrouded(t, algorithmOf(t, oidPBE3DES, pbeParams{[]byte{1}, 1}))}),
		"unknown algorithm": fileOf(t, []safeBag{shrouded(t, algorithmOf(t, "1.2.840.113549.1.12.1.1", pbeParams{[]byte{1}, 1}))}),
		"short IV":          fileOf(t, []safeBag{shrouded(t, algorithmOf(t, oidPBES2, pbes2Params{algorithmOf(t, oidPBKDF2, pbkdf2Params{Salt: []byte{1}, Iterations: 1, Hash: algorithmOf(t, oidHMACSHA256, asn1.NullRawValue)}), algorithmOf(t, oidAES128CBC, []byte{1})}))}),
	} {
		if _, err := decodePFX(bad, ""); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if found, err := decodePFX(fileOf(t, []safeBag{one}, many[:2]), "a password that is not needed"); err != nil || len(found.keys) != 1 {
		t.Error(err)
	}
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

func bytesRepeat(bag safeBag, n int) (all []safeBag) {
	for range n {
		all = append(all, bag)
	}
	return all
}

// No file makes it panic or work for long, and whatever is imported has a key that is that of its certificate.
func FuzzImportCertificate(f *testing.F) {
	p := fullPolicy(f, IssuerSelf)
	der, err := p.SelfSigned(rand.Reader, today(), testKey("P-256"))
	if err != nil {
		f.Fatal(err)
	}
	b := &Bundle{Key: testKey("P-256"), Certificate: der}
	leaf, _ := parsedChain(f, b)
	for _, encoder := range []*pkcs12.Encoder{pkcs12.LegacyRC2.WithIterations(1), pkcs12.LegacyDES.WithIterations(1), pkcs12.Modern2023.WithIterations(1), pkcs12.Passwordless} {
		file, err := encoder.Encode(b.Key.signer(), leaf, nil, "")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file, "")
	}
	text, err := b.Secret(rand.Reader, ContentPEM)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(text), "x")
	f.Fuzz(func(t *testing.T, file []byte, password string) {
		value := string(file)
		if !isPEM(file) {
			value = base64.StdEncoding.EncodeToString(file)
		}
		b, _, err := ImportCertificate(value, password)
		if err != nil {
			return
		}
		if leaf, _, err := Merge(&b.Key.public, [][]byte{b.Certificate}); err != nil || !bytes.Equal(leaf, b.Certificate) {
			t.Fatal(err)
		}
	})
}

// sealDES encrypts as the files do.
func sealDES(t testing.TB, key, iv, plain []byte) []byte {
	t.Helper()
	block, err := des.NewTripleDESCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	padding := des.BlockSize - len(plain)%des.BlockSize
	data := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(data, data)
	return data
}
