package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRole(t *testing.T) {
	const guid = "10000000-0000-4000-8000-000000000001"
	for name, test := range map[string]struct{ text, name, reference, actions string }{
		"as az takes it":     {"{\t\"Name\": \"r\",\n\t\"IsCustom\": true,\n\t\"Id\": null,\n\t\"Actions\": [\"a/b\"]}", "r", "r", "a/b"},
		"with the id":        {`{"name": "r", "id": "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/` + guid + `"}`, "r", guid, ""},
		"as az lists it":     {`{"name": "` + guid + `", "roleName": "r", "roleType": "CustomRole", "permissions": [{"actions": ["a/b"], "condition": null}]}`, "r", guid, "a/b"},
		"as we show it":      {`{"name": "` + guid + `", "properties": {"roleName": "r", "type": "CustomRole", "permissions": [{"actions": ["a/b"]}]}}`, "r", guid, "a/b"},
		"YAML":               {"NAME: r\npermissions:\n  - Actions: [a/b]\n", "r", "r", "a/b"},
		"called like a GUID": {"name: " + guid, guid, guid, ""},
	} {
		in, err := parseRole([]byte(test.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := []string{in.name(), in.reference(), strings.Join(in.permissions()[0].Actions, " ")}
		if diff := cmp.Diff([]string{test.name, test.reference, test.actions}, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, text := range []string{"", "null", "[]", "7", "name: [r]", "name: r\nactions: {a: b}", "name: r\nactions: [[a]]", "name: r\n1: 2",
		"name: r\nproperties: 7", "name: r\nproperties: {name: s}", "name: r\npermissions: [7]", "\x00", "name: \"\\ud800", "{\"name\": \"r\"} {}"} {
		if in, err := parseRole([]byte(text)); err == nil {
			t.Errorf("%q is a role: %+v", text, in)
		}
	}
}

func TestWhatIsBelowAVaultIsAScope(t *testing.T) {
	const at = "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv"
	for id, ok := range map[string]bool{
		"": true, "/": true, at: true, at + "/secrets/a": true, strings.ToUpper(at) + "/KEYS/A-1": true, at + "/certificates/c": true,
		"/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/secret/x": true,
		at + "/secret/a": false, at + "/secrets": false, at + "/secrets/a/v": false, at + "/secrets/": false, at + "/keys/a_b": false,
		at + "/certificate/" + strings.Repeat("x", 200): false, at + "/\u0130/a": false,
	} {
		if err := checkInVault(id); (err == nil) != ok {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestAReferenceIsNotEmpty(t *testing.T) {
	scope := ""
	c := newRoleAssign(&shell{})
	for args, ok := range map[string]bool{"--scope=": false, "--principal=": false, "--role=": false, "--scope=kv-orders": true, "": true} {
		if err := c.ParseFlags(strings.Fields(args)); (err == nil) != ok {
			t.Errorf("%q: %v", args, err)
		}
	}
	if err := (*reference)(&scope).Set("/"); err != nil || scope != "/" {
		t.Errorf("%q, %v", scope, err)
	}
}

func TestClip(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a\n\t b": "a b", strings.Repeat("ä", maxCell): strings.Repeat("ä", maxCell),
		strings.Repeat("ä", maxCell+1): strings.Repeat("ä", maxCell-3) + "...",
	} {
		if got := clip(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
