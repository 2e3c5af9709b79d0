package vault

import (
	"bytes"
	"crypto/rand"
	"reflect"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/apierr"
)

const (
	versionOne = "0123456789abcdef0123456789abcde1"
	versionTwo = "0123456789abcdef0123456789abcde2"
)

func secretPart(name string) BackupPart {
	v := Version{Vault: testVault, Kind: Secrets, Name: name, ID: versionOne, Attributes: Attributes{Enabled: true, Created: today()}, Tags: map[string]string{"a": "ä<>"}}
	w := v
	w.ID, w.Tags = versionTwo, nil
	return BackupPart{Object: Object{Vault: testVault, Kind: Secrets, Name: name, Current: versionTwo, Created: today()},
		Versions: []BackupVersion{{v, []byte("first")}, {w, []byte("second")}}}
}

func keyPart(t testing.TB, name string) BackupPart {
	t.Helper()
	key := testKey("P-256")
	half, err := key.DER()
	if err != nil {
		t.Fatal(err)
	}
	v := Version{Vault: testVault, Kind: Keys, Name: name, ID: versionOne, Attributes: Attributes{Enabled: true, Created: today()}, Key: key.Public([]Operation{Sign}, false)}
	return BackupPart{Object: Object{Vault: testVault, Kind: Keys, Name: name, Current: versionOne, Rotation: &RotationPolicy{Expiry: days(90)}}, Versions: []BackupVersion{{v, half}}}
}

// certificateBackup has a pending operation, too, which is not kept.
func certificateBackup(t testing.TB) *Backup {
	t.Helper()
	key, secret := keyPart(t, "c"), secretPart("C")
	key.Object.Managed, key.Versions[0].Version.Managed, secret.Object.Managed = true, true, true
	for i := range secret.Versions {
		secret.Versions[i].Version.Managed = true
		secret.Versions[i].Half = bytes.Repeat([]byte("x"), 40<<10)
	}
	p := fullPolicy(t, IssuerSelf)
	der, err := p.SelfSigned(rand.Reader, today(), testKey("P-256"))
	if err != nil {
		t.Fatal(err)
	}
	v := Version{Vault: testVault, Kind: Certificates, Name: "c", ID: versionOne, Certificate: der, Attributes: Attributes{Enabled: true}}
	return &Backup{Parts: []BackupPart{{Object: Object{Vault: testVault, Kind: Certificates, Name: "c", Current: versionOne, Policy: &p, Pending: &Pending{ID: "1"}},
		Versions: []BackupVersion{{Version: v}}}, key, secret}}
}

func TestBackup(t *testing.T) {
	for name, b := range map[string]*Backup{"secret": {[]BackupPart{secretPart("db")}}, "key": {[]BackupPart{keyPart(t, "k")}}, "certificate": certificateBackup(t)} {
		data, err := b.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeBackup(data)
		if err != nil || back.Parts[0].Object.Pending != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b.Parts[0].Object.Pending = nil
		if !reflect.DeepEqual(b, back) {
			t.Errorf("%s: %+v", name, back)
		}
	}
	long := secretPart("db")
	for range maxBackupVersions {
		long.Versions = append(long.Versions, long.Versions[0])
	}
	if _, err := (&Backup{[]BackupPart{long}}).Encode(); !apierr.Is(err, apierr.LimitExceeded) {
		t.Error(err)
	}
}

func TestDecodeBackupRefuses(t *testing.T) {
	for name, edit := range map[string]func(*Backup){
		"nothing":                func(b *Backup) { b.Parts = nil },
		"two parts of a secret":  func(b *Backup) { b.Parts = []BackupPart{b.Parts[2], b.Parts[2]} },
		"a managed secret alone": func(b *Backup) { b.Parts = b.Parts[2:] },
		"two parts":              func(b *Backup) { b.Parts = b.Parts[:2] },
		"wrong order":            func(b *Backup) { b.Parts[1], b.Parts[2] = b.Parts[2], b.Parts[1] },
		"another name":           func(b *Backup) { b.Parts[1].Object.Name = "d" },
		"another vault":          func(b *Backup) { b.Parts[1].Object.Vault = "/v" },
		"not managed":            func(b *Backup) { b.Parts[1].Object.Managed = false },
		"deleted":                func(b *Backup) { b.Parts[0].Object.Deleted = today() },
		"no kind":                func(b *Backup) { b.Parts[0].Object.Kind = "x" },
		"path in the name": func(b *Backup) {
			b.Parts = b.Parts[:1]
			b.Parts[0].Object.Kind, b.Parts[0].Object.Name = Secrets, "../x"
		},
		"version of another":   func(b *Backup) { b.Parts[2].Versions[0].Version.Name = "d" },
		"version of a kind":    func(b *Backup) { b.Parts[2].Versions[0].Version.Kind = Keys },
		"version id":           func(b *Backup) { b.Parts[2].Versions[0].Version.ID = "1" },
		"version twice":        func(b *Backup) { b.Parts[2].Versions[0].Version.ID = versionTwo },
		"no newest":            func(b *Backup) { b.Parts[2].Object.Current = strings.Repeat("f", 32) },
		"no versions":          func(b *Backup) { b.Parts[0].Versions = nil },
		"key without its half": func(b *Backup) { b.Parts[1].Versions[0].Half = nil },
		"half of another key":  func(b *Backup) { b.Parts[1].Versions[0].Half, _ = testKey("P-256-other").DER() },
		"no public key":        func(b *Backup) { b.Parts[1].Versions[0].Version.Key = nil },
		"attributes": func(b *Backup) {
			b.Parts[1].Versions[0].Version.NotBefore, b.Parts[1].Versions[0].Version.Expires = today(), today()
		},
		"tags": func(b *Backup) { b.Parts[2].Versions[0].Version.Tags = map[string]string{strings.Repeat("x", 300): ""} },
		"long value": func(b *Backup) {
			b.Parts = []BackupPart{secretPart("db")}
			b.Parts[0].Versions[0].Half = make([]byte, MaxSecret+1)
		},
	} {
		b := certificateBackup(t)
		edit(b)
		data, err := b.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeBackup(data); !apierr.Is(err, apierr.PropertyInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good, err := (&Backup{[]BackupPart{secretPart("db")}}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"empty": nil, "cut": good[:len(good)-1], "longer": append(bytes.Clone(good), ' '), "two": append(bytes.Clone(good), good...), "head only": []byte(backupHead),
		"another head":   bytes.Replace(good, []byte("backup 1"), []byte("backup 2"), 1),
		"unknown member": bytes.Replace(good, []byte(`{"Parts"`), []byte(`{"More":1,"Parts"`), 1),
		"member twice":   bytes.Replace(good, []byte(`"Current":`), []byte(`"Current":"x","Current":`), 1),
		"other case":     bytes.Replace(good, []byte(`"Parts"`), []byte(`"parts"`), 1),
		"a blank":        bytes.Replace(good, []byte(`"Parts":`), []byte(`"Parts": `), 1),
		"too long":       append(bytes.Clone(good), make([]byte, maxBackup)...),
	} {
		if _, err := DecodeBackup(bad); !apierr.Is(err, apierr.PropertyInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is taken is written as it was.
func FuzzDecodeBackup(f *testing.F) {
	for _, b := range []*Backup{{[]BackupPart{secretPart("db")}}, {[]BackupPart{keyPart(f, "k")}}, certificateBackup(f)} {
		data, err := b.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[len(backupHead):])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		data := append([]byte(backupHead), body...)
		b, err := DecodeBackup(data)
		if err != nil {
			return
		}
		if again, err := b.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Fatal(err)
		}
	})
}
