package vault

import (
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
)

func TestCheckName(t *testing.T) {
	for _, name := range []string{"a", "A-9", "-", "0", strings.Repeat("x", 127)} {
		if err := CheckName(Secrets, name); err != nil {
			t.Errorf("%.20q: %v", name, err)
		}
	}
	for _, name := range []string{"", "a b", "a_b", "a.b", "a/b", "ä", "a\x00", "a\n", "%41", strings.Repeat("x", 128), "\xff"} {
		for _, kind := range Kinds() {
			err := CheckName(kind, name)
			if !apierr.Is(err, apierr.ParameterInvalid) || apierr.From(err).Target != kind.One()+"-name" {
				t.Errorf("%s %.20q: %v", kind, name, err)
			}
		}
	}
}

func TestCheckVersion(t *testing.T) {
	good := "0123456789abcdef0123456789abcdef"
	if !CheckVersion(good) {
		t.Error("refused")
	}
	for _, bad := range []string{"", good[1:], good + "0", strings.ToUpper(good), good[:31] + "g", good[:31] + "/"} {
		if CheckVersion(bad) {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestScope(t *testing.T) {
	const of resource.ID = "/subscriptions/S/resourceGroups/G/providers/Microsoft.KeyVault/vaults/kv"
	if got := Scope(of, Keys, "K1"); got != of+"/keys/K1" || Scope(of, Keys, "") != of {
		t.Error(got)
	}
	if _, err := resource.ParseID(string(Scope(of, Certificates, "c"))); err != nil {
		t.Error(err)
	}
}

func TestCheckBelow(t *testing.T) {
	for below, want := range map[string]string{"secrets/a": "", "Keys/a-1": "", "certificates/x": "", "secret/a": "Did you mean secrets/a?", "cert/x": "Did you mean certificates/x?",
		"": "none of these.", "secrets": "none of these.", "secrets/": "none of these.", "secrets/a/1": "none of these.", "nosuch/x": "none of these.", "/x": "none of these."} {
		err := CheckBelow(below)
		if want == "" && err != nil || want != "" && (!apierr.Is(err, apierr.ParameterInvalid) || !strings.HasSuffix(apierr.From(err).Message, want)) {
			t.Errorf("%q: %v, want %q", below, err, want)
		}
	}
}
