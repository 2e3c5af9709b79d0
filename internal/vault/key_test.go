package vault

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/inborn-id/inborn/internal/apierr"
)

// makeTestKeys has one key of each sort, each made when it is first wanted: RSA keys take their time.
var makeTestKeys = func() map[string]func() *PrivateKey {
	all := map[string]func() *PrivateKey{}
	for name, spec := range map[string]KeySpec{
		"RSA-2048": {Type: RSA}, "RSA-3072": {Type: RSA, Size: 3072}, "RSA-4096": {Type: RSA, Size: 4096, Exponent: 65537}, "RSA-other": {Type: RSA, Size: 2048},
		"P-256": {Type: EC}, "P-384": {Type: EC, Curve: "P-384"}, "P-521": {Type: EC, Curve: "P-521"}, "P-256-other": {Type: EC, Curve: "P-256"},
	} {
		all[name] = sync.OnceValue(func() *PrivateKey {
			key, err := NewKey(rand.Reader, spec)
			if err != nil {
				panic(err)
			}
			return key
		})
	}
	return all
}()

func testKey(name string) *PrivateKey { return makeTestKeys[name]() }

// testKeys yields all of them.
func testKeys(yield func(string, *PrivateKey) bool) {
	for name := range makeTestKeys {
		if !yield(name, testKey(name)) {
			return
		}
	}
}

func TestKeysOutliveStorage(t *testing.T) {
	for name, key := range testKeys {
		der, err := key.DER()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseKey(der)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		public := key.Public([]Operation{Sign}, true)
		if !again.public.Same(public) || !public.Permits(Sign) || public.Permits(Verify) || !public.Exportable {
			t.Errorf("%s: %+v", name, public)
		}
		spec, err := public.Spec().Check()
		if err != nil || !strings.HasPrefix(name, "P-") && fmt.Sprint("RSA-", spec.Size) != strings.Replace(name, "other", "2048", 1) || strings.HasPrefix(name, "P-") && !strings.HasPrefix(name, spec.Curve) {
			t.Errorf("%s: %+v, %v", name, spec, err)
		}
		if public.Type == EC && len(public.X) != len(public.Y) || public.Type == RSA && string(public.E) != "\x01\x00\x01" {
			t.Errorf("%s: %+v", name, public)
		}
		text, err := json.Marshal([]any{key})
		if err != nil || fmt.Sprintf("%v %+v %#v %s", key, key, key, key) != strings.Repeat(key.String()+" ", 3)+key.String() || string(text) != "[{}]" {
			t.Errorf("%s prints as %v and %s", name, key, text)
		}
	}
	for _, bad := range [][]byte{nil, {}, []byte("x")} {
		if _, err := ParseKey(bad); err == nil {
			t.Error("taken")
		}
	}
	if testKey("P-256").public.Same(&testKey("P-256-other").public) || testKey("RSA-2048").public.Same(&testKey("RSA-other").public) {
		t.Error("two keys are the same")
	}
}

func TestKeySpecRefuses(t *testing.T) {
	for _, c := range []struct {
		spec KeySpec
		at   string
	}{
		{KeySpec{}, "kty"}, {KeySpec{Type: "rsa"}, "kty"}, {KeySpec{Type: "RSA-HSM"}, "kty"}, {KeySpec{Type: "EC-HSM"}, "kty"}, {KeySpec{Type: "oct"}, "kty"},
		{KeySpec{Type: RSA, Size: 1024}, "key_size"}, {KeySpec{Type: RSA, Size: 2049}, "key_size"}, {KeySpec{Type: RSA, Size: 1 << 30}, "key_size"},
		{KeySpec{Type: RSA, Size: -2048}, "key_size"}, {KeySpec{Type: RSA, Exponent: 3}, "public_exponent"}, {KeySpec{Type: RSA, Exponent: 65539}, "public_exponent"},
		{KeySpec{Type: EC, Curve: "P-256K"}, "crv"}, {KeySpec{Type: EC, Curve: "P-224"}, "crv"}, {KeySpec{Type: EC, Curve: "p-256"}, "crv"},
	} {
		key, err := NewKey(rand.Reader, c.spec)
		if !apierr.Is(err, apierr.PropertyInvalid) || apierr.From(err).Target != c.at || key != nil {
			t.Errorf("%+v: %v", c.spec, err)
		}
	}
}

func TestOperations(t *testing.T) {
	if all, err := Operations(RSA, nil); err != nil || len(all) != 6 {
		t.Error(all, err)
	}
	if all, err := Operations(EC, nil); err != nil || fmt.Sprint(all) != "[sign verify]" {
		t.Error(all, err)
	}
	if none, err := Operations(RSA, []string{}); err != nil || none == nil || len(none) != 0 {
		t.Error(none, err)
	}
	if some, err := Operations(RSA, []string{"sign", "import", "sign", "wrapKey"}); err != nil || fmt.Sprint(some) != "[sign import wrapKey]" {
		t.Error(some, err)
	}
	for kind, name := range map[KeyType]string{RSA: "Sign", EC: "encrypt"} {
		if _, err := Operations(kind, []string{name}); !apierr.Is(err, apierr.PropertyInvalid) {
			t.Error(kind, name, err)
		}
	}
}
