package vault

import (
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Project Wycheproof: cases that made other libraries fail, as a module of data. The version is the one that the Go team's
// own tests use. It is fetched when the tests run, and what is fetched has to be this.
const (
	wycheproof    = "github.com/google/wycheproof@v0.0.0-20191219022705-2196000605e4"
	wycheproofSum = "h1:/jhsqtCSTRK25HsqYePIHeLbPIDBwVOANhQmWRdgsyA="
)

// fetchWycheproof returns the directory of the vectors, or why there is none.
var fetchWycheproof = sync.OnceValues(func() (string, string) {
	fetch := exec.Command("go", "mod", "download", "-json", wycheproof)
	fetch.Dir = os.TempDir() // outside the module, whose go.sum stays as it is
	out, err := fetch.Output()
	var module struct{ Dir, Sum, Error string }
	if jsonErr := json.Unmarshal(out, &module); jsonErr != nil || err != nil || module.Error != "" {
		return "", "the vectors cannot be fetched: " + module.Error
	}
	if module.Sum != wycheproofSum {
		return "", "the vectors have the sum " + module.Sum
	}
	return filepath.Join(module.Dir, "testvectors"), ""
})

type vectors struct {
	TestGroups []struct {
		KeyDer, PrivateKeyPkcs8 string
		Tests                   []vector
	}
}

type vector struct {
	TcID                int
	Comment, Result     string
	Msg, Sig, Ct, Label string
}

func loadVectors(t *testing.T, name string) *vectors {
	t.Helper()
	dir, why := fetchWycheproof()
	if why != "" {
		if os.Getenv("CI") != "" {
			t.Fatal(why)
		}
		t.Skip("SKIPPED: ", why)
	}
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	v := new(vectors)
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
	return v
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWycheproofSignatures(t *testing.T) {
	for _, c := range []struct {
		file string
		a    Algorithm
		hash crypto.Hash
		min  int // so many must be valid, lest the test be empty
	}{
		{"rsa_signature_2048_sha256_test.json", RS256, crypto.SHA256, 5},
		{"rsa_signature_2048_sha384_test.json", RS384, crypto.SHA384, 5},
		{"rsa_signature_2048_sha512_test.json", RS512, crypto.SHA512, 5},
		{"rsa_signature_3072_sha256_test.json", RS256, crypto.SHA256, 5},
		{"rsa_signature_3072_sha384_test.json", RS384, crypto.SHA384, 5},
		{"rsa_signature_3072_sha512_test.json", RS512, crypto.SHA512, 5},
		{"rsa_signature_4096_sha384_test.json", RS384, crypto.SHA384, 5},
		{"rsa_signature_4096_sha512_test.json", RS512, crypto.SHA512, 5},
		{"rsa_pss_2048_sha256_mgf1_32_test.json", PS256, crypto.SHA256, 30},
		{"rsa_pss_3072_sha256_mgf1_32_test.json", PS256, crypto.SHA256, 30},
		{"rsa_pss_4096_sha256_mgf1_32_test.json", PS256, crypto.SHA256, 30},
		{"ecdsa_secp256r1_sha256_p1363_test.json", ES256, crypto.SHA256, 100},
		{"ecdsa_secp384r1_sha384_p1363_test.json", ES384, crypto.SHA384, 100},
		{"ecdsa_secp521r1_sha512_p1363_test.json", ES512, crypto.SHA512, 100},
	} {
		t.Run(c.file, func(t *testing.T) {
			valid := 0
			for _, group := range loadVectors(t, c.file).TestGroups {
				parsed, err := x509.ParsePKIXPublicKey(unhex(t, group.KeyDer))
				if err != nil {
					t.Fatal(err)
				}
				key, err := publicOf(parsed)
				if err != nil {
					continue // the exponent 3, which no key here has
				}
				for _, v := range group.Tests {
					hash := c.hash.New()
					hash.Write(unhex(t, v.Msg))
					ok, err := key.Verify(c.a, hash.Sum(nil), unhex(t, v.Sig))
					if err != nil || ok != (v.Result == "valid") && v.Result != "acceptable" {
						t.Errorf("case %d, %s (%s): %t, %v", v.TcID, v.Comment, v.Result, ok, err)
					}
					if ok {
						valid++
					}
				}
			}
			if valid < c.min {
				t.Errorf("only %d are valid", valid)
			}
		})
	}
}

// A salt that is not as long as the digest makes another algorithm of PSS, which this is not.
func TestWycheproofPSSWithOtherSalts(t *testing.T) {
	for _, group := range loadVectors(t, "rsa_pss_2048_sha256_mgf1_0_test.json").TestGroups {
		parsed, err := x509.ParsePKIXPublicKey(unhex(t, group.KeyDer))
		if err != nil {
			t.Fatal(err)
		}
		key, err := publicOf(parsed)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range group.Tests {
			hash := crypto.SHA256.New()
			hash.Write(unhex(t, v.Msg))
			right := v.Comment == "s_len changed to 32" // wrong in this file, and right for PS256
			if ok, err := key.Verify(PS256, hash.Sum(nil), unhex(t, v.Sig)); ok != right || err != nil {
				t.Errorf("case %d: %t, %v", v.TcID, ok, err)
			}
		}
	}
}

func TestWycheproofDecryption(t *testing.T) {
	for _, c := range []struct {
		file string
		a    Algorithm
	}{
		{"rsa_oaep_2048_sha1_mgf1sha1_test.json", RSAOAEP},
		{"rsa_oaep_2048_sha256_mgf1sha256_test.json", RSAOAEP256},
		{"rsa_oaep_3072_sha256_mgf1sha256_test.json", RSAOAEP256},
		{"rsa_oaep_4096_sha256_mgf1sha256_test.json", RSAOAEP256},
		{"rsa_pkcs1_2048_test.json", RSA15},
		{"rsa_pkcs1_3072_test.json", RSA15},
		{"rsa_pkcs1_4096_test.json", RSA15},
	} {
		t.Run(c.file, func(t *testing.T) {
			opened := 0
			for _, group := range loadVectors(t, c.file).TestGroups {
				key, err := ParseKey(unhex(t, group.PrivateKeyPkcs8))
				if err != nil {
					t.Fatal(err)
				}
				for _, v := range group.Tests {
					plain, err := key.Decrypt(c.a, unhex(t, v.Ct))
					want := v.Result == "valid" && v.Label == "" // the service has no label
					if (err == nil) != want && v.Result != "acceptable" || want && hex.EncodeToString(plain) != v.Msg {
						t.Errorf("case %d, %s (%s): %x, %v", v.TcID, v.Comment, v.Result, plain, err)
					}
					if err == nil {
						opened++
					}
				}
			}
			if opened < 5 {
				t.Errorf("only %d are opened", opened)
			}
		})
	}
}
