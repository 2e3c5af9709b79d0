package apierr

import (
	"errors"
	"fmt"
	"testing"
)

func TestEveryCodeHasItsOwnName(t *testing.T) {
	seen := map[string]Code{}
	for _, c := range Codes() {
		if c.String() == "" {
			t.Errorf("code %d has no row in table", c)
		}
		if other, dup := seen[c.String()]; dup {
			t.Errorf("codes %d and %d are both called %s", c, other, c)
		}
		seen[c.String()] = c
		if c != Fault && c.Kind() == Internal {
			t.Errorf("%s has no kind", c)
		}
	}
}

func TestFromKeepsTheNamedErrorAndHidesOthers(t *testing.T) {
	named := New(AudienceUnknown, "no %s", "x").At("resource")
	if got := From(fmt.Errorf("while minting: %w", named)); got != named {
		t.Errorf("From lost the named error: %v", got)
	}
	secret := errors.New("disk on fire at /var/secret")
	got := From(secret)
	if got.Kind != Internal || got.Code != Fault || got.Message != "An unexpected error occurred." || !errors.Is(got, secret) {
		t.Errorf("From(plain) = %+v", got)
	}
	if From(nil) != nil {
		t.Error("From(nil) must be nil")
	}
}

func TestHelpIsSafeToPaste(t *testing.T) {
	for arg, want := range map[string]string{
		"id-orders":              "show id-orders",
		"api://orders/x_1.y:z":   "show api://orders/x_1.y:z",
		"Microsoft Graph":        "show 'Microsoft Graph'",
		"$(reboot)":              "show '$(reboot)'",
		"a'; reboot; '":          `show 'a'\''; reboot; '\'''`,
		"`id`":                   "show '`id`'",
		"":                       "show ''",
		"two\nlines":             "show 'two\nlines'",
		"-rf":                    "show -rf",
		"https://a.example/?q=1": "show 'https://a.example/?q=1'",
	} {
		if got := New(Fault, "m").WithHelp("show %s", arg).Help; got != want {
			t.Errorf("%q: got %s, want %s", arg, got, want)
		}
	}
}
