package envelope

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func newMaster(t testing.TB) *Master {
	t.Helper()
	key := make([]byte, keySize)
	rand.Read(key)
	m, err := New(key)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestOpensOnlyUnderItsOwnContext(t *testing.T) {
	m := newMaster(t)
	context := rapid.SliceOfN(rapid.SampledFrom([]string{"", "a", "b", "ab", "tenant", "\x00", "\x00\x00\x00\x01a"}), 0, 4)
	rapid.Check(t, func(t *rapid.T) {
		mine, other := context.Draw(t, "context"), context.Draw(t, "other")
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		sealed, err := m.Encrypt(mine, plain, rand.Reader)
		if err != nil || len(sealed) != len(plain)+Overhead {
			t.Fatalf("Encrypt = %d bytes, %v", len(sealed), err)
		}
		if got, err := m.Decrypt(mine, sealed); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("Decrypt = %q, %v; want %q", got, err, plain)
		}
		if got, err := m.Decrypt(other, sealed); !slices.Equal(mine, other) && err == nil {
			t.Fatalf("sealed under %q, opened under %q: %q", mine, other, got)
		}
	})
}

func TestContextsThatLookAlikeDiffer(t *testing.T) {
	m := newMaster(t)
	alike := [][]string{
		nil, {""}, {"", ""}, {"abc"}, {"a", "bc"}, {"ab", "c"}, {"abc", ""}, {"", "abc"}, {"ABC"},
		{"a\x00\x00\x00\x00b", "c"}, {"a", "b\x00\x00\x00\x00c"}, {"\x00\x00\x00\x01a"}, {"", "\x01a"}, {"a/b"}, {"a", "b"},
	}
	for i, mine := range alike {
		sealed, err := m.Encrypt(mine, []byte("x"), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		for j, other := range alike {
			if _, err := m.Decrypt(other, sealed); (err == nil) != (i == j) {
				t.Errorf("sealed under %q, opened under %q: %v", mine, other, err)
			}
		}
	}
}

func TestAnyChangedByteIsRefused(t *testing.T) {
	m := newMaster(t)
	sealed, err := m.Encrypt([]string{"t", "secret"}, []byte("value"), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := m.Decrypt([]string{"t", "secret"}, changed); err == nil {
			t.Errorf("opened with byte %d changed", i)
		}
	}
	for n := range sealed {
		if _, err := m.Decrypt([]string{"t", "secret"}, sealed[:n]); err == nil {
			t.Errorf("opened when cut to %d bytes", n)
		}
	}
}

// TestLayersCannotBeMixed takes the data key of one record and the body of another in the same context.
func TestLayersCannotBeMixed(t *testing.T) {
	m := newMaster(t)
	a, _ := m.Encrypt([]string{"t"}, []byte("one"), rand.Reader)
	b, _ := m.Encrypt([]string{"t"}, []byte("two"), rand.Reader)
	if got, err := m.Decrypt([]string{"t"}, append(a[:nonceAt:nonceAt], b[nonceAt:]...)); err == nil {
		t.Errorf("opened %q", got)
	}
	if bytes.Equal(a[wrapAt:nonceAt], b[wrapAt:nonceAt]) {
		t.Error("two records share a data key")
	}
}

func TestAnotherMasterKeyIsNamed(t *testing.T) {
	m, other := newMaster(t), newMaster(t)
	sealed, _ := m.Encrypt(nil, []byte("x"), rand.Reader)
	_, err := other.Decrypt(nil, sealed)
	if err == nil || !strings.Contains(err.Error(), m.ID()) || !strings.Contains(err.Error(), other.ID()) {
		t.Errorf("Decrypt = %v; want an error that names both keys", err)
	}
	if fmt.Sprintf("%v %+v %#v", m, m, m) != m.ID()+" "+m.ID()+" "+m.ID() {
		t.Error("a printed key shows more than its id")
	}
}

func TestEncryptNeedsRandomness(t *testing.T) {
	if _, err := newMaster(t).Encrypt(nil, nil, bytes.NewReader(make([]byte, 55))); err == nil {
		t.Error("encrypted with too little randomness")
	}
	if _, err := New(make([]byte, 31)); err == nil {
		t.Error("a master key of 31 bytes was accepted")
	}
}

func BenchmarkDecrypt(b *testing.B) {
	m := newMaster(b)
	sealed, _ := m.Encrypt([]string{"tenant", "secret", "id", "1"}, make([]byte, 1200), rand.Reader)
	for b.Loop() {
		m.Decrypt([]string{"tenant", "secret", "id", "1"}, sealed)
	}
}
