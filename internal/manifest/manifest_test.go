package manifest

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

func TestParseErrorsNameTheirPlace(t *testing.T) {
	for _, c := range []struct{ name, text, place, message string }{
		{"unknown key", "tenant: {name: a}\nidentities:\n  - name: x\n    colour: red\n", "4:5", `unknown key "colour"; the keys here are appRoles, clientId, federatedCredentials, location, name, objectId, resourceGroup, tags`},
		{"unknown top key", "policies: []\n", "1:1", `unknown key "policies"; the keys here are apps, customRoles, groups, identities, resources, roles, subscription, tenant, users, vaults`},
		{"duplicate key", "users: []\nusers: []\n", "2:1", "already defined"},
		{"wrong type", "users: 7\n", "1:8", "expected sequence"},
		{"bad guid", "tenant: {name: a, id: 12}\n", "1:23", "GUID"},
		{"bad bool", "resources:\n  - {type: a/b, name: c, identity: {system: maybe}}\n", "2:45", "true or false"},
		{"syntax", "users: [\n", "", ""},
		{"two documents", "users: []\n---\nusers: []\n", "1:1", "more than one document"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.text))
			if err == nil {
				t.Fatal("accepted")
			}
			e := apierr.From(err)
			if e.Code != apierr.ManifestInvalid || e.Target == "" || (c.place != "" && e.Target != c.place) || !strings.Contains(e.Message, c.message) || strings.Contains(e.Message, "\n") {
				t.Errorf("got %s %q at %q, want %q at %q", e.Code, e.Message, e.Target, c.message, c.place)
			}
		})
	}
}

func TestParseReadsTheDesignExample(t *testing.T) {
	text := `
tenant: {name: contoso.example}
subscription: {name: dev}
users:   [{name: ann, groups: [orders-admins]}]
groups:  [{name: orders-admins}]
apps:
  - name: orders-api
    identifierUri: api://orders
    appRoles: [{value: Orders.Read.All, members: [application]}]
identities:
  - name: id-orders-dev-local-01
    clientId: f8973019-6953-433b-b935-adc31f5646d5
    appRoles: [{app: Microsoft Graph, role: User.Read.All}, {app: orders-api, role: Orders.Read.All}]
resources:
  - {type: Microsoft.Web/sites, name: func-orders, identity: {system: true, user: [id-orders-dev-local-01]}}
`
	m, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if m.Identities[0].ClientID.String() != "f8973019-6953-433b-b935-adc31f5646d5" || m.Identities[0].AppRoles[1].App != "orders-api" || m.Resources[0].Identity == nil || !m.Resources[0].Identity.System {
		t.Errorf("read %+v", m)
	}
	for path, want := range map[string]string{"$.identities[0].appRoles[1].app": "13:67", "$.users[0].groups[0]": "4:32", "$.nope": ""} {
		if got := Locate([]byte(text), path); got != want {
			t.Errorf("Locate(%s) = %q, want %q", path, got, want)
		}
	}
}

func TestParseEmptyIsEmpty(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "{}"} {
		if m, err := Parse([]byte(text)); err != nil || m.Users != nil {
			t.Errorf("Parse(%q) = %+v, %v", text, m, err)
		}
	}
}

func TestHostileFilesAreRefusedQuickly(t *testing.T) {
	laughs := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		laughs += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+",", 9) + "]\n"
	}
	for name, text := range map[string]string{
		"brackets": "users: " + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
		"braces":   "users: " + strings.Repeat("{a: ", 20_000),
		"dashes":   strings.Repeat("- ", 20_000),
		"indents": func() (s string) {
			for i := range 400 {
				s += strings.Repeat(" ", i) + "a:\n"
			}
			return s
		}(),
		"laughs": laughs,
		"large":  strings.Repeat("#", MaxSize+1),
	} {
		started := time.Now()
		_, err := Parse([]byte(text))
		if !apierr.Is(err, apierr.ManifestInvalid) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(started); took > 5*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

// TestTheReferenceNamesEveryKey: the example of docs/manifest.md is a manifest, and has every key that there is.
func TestTheReferenceNamesEveryKey(t *testing.T) {
	page, err := os.ReadFile("../../docs/manifest.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	example, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("there is no example")
	}
	if _, err := Parse([]byte(example)); err != nil {
		t.Fatal(err)
	}
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(kind reflect.Type) {
		for slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Map}, kind.Kind()) {
			kind = kind.Elem()
		}
		if kind.Kind() != reflect.Struct || seen[kind] || kind == reflect.TypeFor[ID]() {
			return
		}
		seen[kind] = true
		for field := range kind.Fields() {
			if key := keyOf(field); !regexp.MustCompile(`\b` + key + `\b`).MatchString(example) {
				t.Errorf("%s of %s is not in it", key, kind)
			}
			walk(field.Type)
		}
	}
	walk(reflect.TypeFor[Manifest]())
	if len(seen) < 10 {
		t.Errorf("only %d kinds of blocks were looked at", len(seen))
	}
}
