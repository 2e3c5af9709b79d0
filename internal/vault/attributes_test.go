package vault

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

// today is the time of all tests here.
func today() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

func TestTime(t *testing.T) {
	if at, err := Time(0, "attributes.exp"); err != nil || at.Unix() != 0 {
		t.Error(at, err)
	}
	last, err := Time(253402300799, "attributes.exp")
	if err != nil || last.Year() != 9999 {
		t.Error(last, err)
	}
	if _, err := json.Marshal(last); err != nil {
		t.Error(err)
	}
	for _, bad := range []int64{-1, 253402300800, 1 << 62, -1 << 63} {
		if _, err := Time(bad, "attributes.exp"); !apierr.Is(err, apierr.PropertyInvalid) || apierr.From(err).Target != "attributes.exp" {
			t.Error(bad, err)
		}
	}
}

func TestAttributesCheck(t *testing.T) {
	a := Attributes{NotBefore: today(), Expires: today().Add(time.Second)}
	if err := a.Check(); err != nil {
		t.Error(err)
	}
	for _, bad := range []Attributes{{NotBefore: today(), Expires: today()}, {NotBefore: today(), Expires: today().Add(-time.Second)}} {
		if err := bad.Check(); !apierr.Is(err, apierr.PropertyInvalid) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	for _, good := range []Attributes{{}, {NotBefore: today()}, {Expires: today()}} {
		if err := good.Check(); err != nil {
			t.Error(err)
		}
	}
}

func TestBounds(t *testing.T) {
	tags := map[string]string{"": strings.Repeat("ä", 256)}
	for i := range 14 {
		tags[fmt.Sprint(i)] = "x"
	}
	if err := CheckTags(tags); err != nil {
		t.Error(err)
	}
	tags["15"] = ""
	for name, bad := range map[string]map[string]string{"many": tags, "value": {"a": strings.Repeat("ä", 257)}, "name": {strings.Repeat("n", 257): ""}} {
		if err := CheckTags(bad); !apierr.Is(err, apierr.PropertyInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	value := strings.Repeat("v", 25600)
	if err := CheckSecret(value, strings.Repeat("ö", 255)); err != nil {
		t.Error(err)
	}
	err := CheckSecret(value+"v", "")
	if !apierr.Is(err, apierr.PropertyInvalid) || strings.Contains(err.Error(), "vvv") {
		t.Error("a value that is too long: ", err)
	}
	if err := CheckSecret("", strings.Repeat("ö", 256)); !apierr.Is(err, apierr.PropertyInvalid) {
		t.Error(err)
	}
}

// A disabled secret is refused; one outside its time is not.
func TestCheckRead(t *testing.T) {
	v := Version{Name: "db", Attributes: Attributes{Enabled: true, NotBefore: today().Add(time.Hour), Expires: today().Add(2 * time.Hour)}}
	if err := v.CheckRead("get"); err != nil {
		t.Error(err)
	}
	v.Enabled = false
	if err := v.CheckRead("get"); !apierr.Is(err, apierr.SecretDisabled) || !strings.Contains(err.Error(), "Operation get is not allowed on a disabled secret.") {
		t.Error(err)
	}
}

func TestCheckUse(t *testing.T) {
	before, after := today().Add(-time.Hour), today().Add(time.Hour)
	all := []Operation{Encrypt, Decrypt, Sign, Verify, WrapKey, UnwrapKey}
	old := []Operation{Decrypt, Verify, UnwrapKey} // allowed outside nbf and exp
	for _, c := range []struct {
		name     string
		enabled  bool
		nbf, exp time.Time
		allowed  []Operation
		code     apierr.Code
	}{
		{"without dates", true, time.Time{}, time.Time{}, all, 0},
		{"in its time", true, before, after, all, 0},
		{"from now on", true, today(), time.Time{}, all, 0},
		{"not yet valid", true, after, time.Time{}, old, apierr.KeyNotYetValid},
		{"expired", true, time.Time{}, before, old, apierr.KeyExpired},
		{"until now", true, time.Time{}, today(), old, apierr.KeyExpired},
		{"disabled", false, before, after, nil, apierr.KeyDisabled},
		{"disabled and expired", false, time.Time{}, before, nil, apierr.KeyDisabled},
	} {
		v := Version{Kind: Keys, Name: "k", Key: &PublicKey{Type: RSA, Operations: all}, Attributes: Attributes{Enabled: c.enabled, NotBefore: c.nbf, Expires: c.exp}}
		for _, o := range all {
			err := v.CheckUse(o, today())
			if slices.Contains(c.allowed, o) != (err == nil) || err != nil && !apierr.Is(err, c.code) {
				t.Errorf("%s: %s: %v", c.name, o, err)
			}
		}
	}
	v := Version{Kind: Keys, Name: "k", Key: &PublicKey{Type: RSA, Operations: []Operation{Sign, Import}}, Attributes: Attributes{Enabled: true}}
	if v.CheckUse(Sign, today()) != nil {
		t.Error("sign is refused")
	}
	if err := v.CheckUse(Decrypt, today()); !apierr.Is(err, apierr.KeyOperationForbidden) || !strings.Contains(err.Error(), "Operation decrypt is not permitted on this key.") {
		t.Error(err)
	}
}

// What is stored comes back as it was, under the names of the fields.
func TestRecordsAreJSON(t *testing.T) {
	yes := true
	object := Object{Vault: "/v", Kind: Certificates, Name: "c", Current: "1", Created: today(), Deleted: today(), Purge: today().AddDate(0, 0, 90),
		Rotation: &RotationPolicy{Actions: []RotationAction{{Type: Rotate, AfterCreate: Duration{Days: 90}}}, Expiry: Duration{Years: 2}, Created: today()},
		Policy:   &CertificatePolicy{X509: X509Properties{Names: Names{DNS: []string{"a"}}}, Issuer: IssuerParameters{Transparency: &yes}},
		Pending:  &Pending{ID: "2", Request: []byte{1}, Key: &PublicKey{Type: EC}, Requested: today()}}
	version := Version{Vault: "/v", Kind: Keys, Name: "k", ID: "1", Attributes: Attributes{Enabled: true, Created: today()}, Tags: map[string]string{"a": "b"},
		Key: &PublicKey{Type: RSA, N: []byte{1}, E: []byte{1, 0, 1}, Operations: []Operation{Sign}}, Certificate: []byte{2}, Chain: [][]byte{{3}}, Managed: true}
	for _, value := range []any{&object, &version} {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		back := reflect.New(reflect.TypeOf(value).Elem()).Interface()
		if err := json.Unmarshal(text, back); err != nil || !reflect.DeepEqual(value, back) {
			t.Errorf("%s\n%+v, %v", text, back, err)
		}
	}
	if !object.IsDeleted() || object.IsOver(object.Purge.Add(-1)) || !object.IsOver(object.Purge) || (&Object{}).IsOver(today()) {
		t.Error("the end of a deleted object is wrong")
	}
}
