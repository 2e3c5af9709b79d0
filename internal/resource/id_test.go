package resource

import (
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/apierr"
)

const site = "/subscriptions/S/resourceGroups/Rg1/providers/Microsoft.Web/sites/Func"

func TestPartsOfAnID(t *testing.T) {
	id, err := ParseID(site)
	if err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string][2]string{
		"name":         {id.Name(), "Func"},
		"type":         {id.Type(), "Microsoft.Web/sites"},
		"subscription": {id.Subscription(), "S"},
		"group":        {id.Group(), "Rg1"},
		"group id":     {string(id.GroupID()), "/subscriptions/S/resourceGroups/Rg1"},
		"key":          {string(id.Key()), strings.ToLower(site)},
		"issued":       {id.Issued(), "/subscriptions/S/resourcegroups/Rg1/providers/Microsoft.Web/sites/Func"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s = %q, want %q", what, pair[0], pair[1])
		}
	}
	nested := ID(site + "/slots/s1/providers/Inborn.Platform/bindings/b")
	if nested.Type() != "Inborn.Platform/bindings" || nested.Name() != "b" || ID(site+"/slots/s1").Type() != "Microsoft.Web/sites/slots" {
		t.Errorf("nested: %q %q %q", nested.Type(), nested.Name(), ID(site+"/slots/s1").Type())
	}
	if !id.Same(ID(strings.ToUpper(site))) || id.Same(id.GroupID()) {
		t.Error("Same is wrong")
	}
}

func TestParseIDTidiesSlashesAndKeepsCase(t *testing.T) {
	for _, in := range []string{site, site + "/", "/" + site, strings.ReplaceAll(site, "/", "//")} {
		if id, err := ParseID(in); err != nil || string(id) != site {
			t.Errorf("ParseID(%q) = %q, %v", in, id, err)
		}
	}
	for _, in := range []string{"/subscriptions/S", "/subscriptions/S/resourceGroups/G", "/providers/Microsoft.Management/managementGroups/root",
		site + "/slots/s1", site + "/providers/Microsoft.Authorization/roleAssignments/x", "/subscriptions/S/providers/Microsoft.X/a/b"} {
		if _, err := ParseID(in); err != nil {
			t.Errorf("ParseID(%q): %v", in, err)
		}
	}
}

func TestParseIDRefuses(t *testing.T) {
	for _, in := range []string{"", "/", "x", "subscriptions/S", "/subscriptions", "/nope/S", "/subscriptions/S/resourceGroups",
		"/subscriptions/S/resourceGroups/G/providers", "/subscriptions/S/resourceGroups/G/providers/Microsoft.Web",
		"/subscriptions/S/resourceGroups/G/providers/Microsoft.Web/sites", site + "/slots", site + "/providers/X",
		"/subscriptions/S/resourceGroups/a?b", "/subscriptions/S/resourceGroups/a%2Fb", "/subscriptions/S/resourceGroups/a\nb",
		"/subscriptions/S/resourceGroups/ a", "/subscriptions/" + strings.Repeat("x", 3000)} {
		id, err := ParseID(in)
		if !apierr.Is(err, apierr.ResourceIDInvalid) || id != "" {
			t.Errorf("ParseID(%.60q) = %q, %v", in, id, err)
		}
	}
}

// Whatever is accepted is in its one form: it parses to itself, its parts are free of slashes, and its key is that of
// every other spelling.
func FuzzParseID(f *testing.F) {
	for _, seed := range []string{site, "/subscriptions/S", "//", "/providers/a/b/c", site + "/providers/a/b/c", "/subscriptions/ſ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		id, err := ParseID(in)
		if err != nil {
			return
		}
		again, err := ParseID(string(id))
		if err != nil || again != id {
			t.Fatalf("%q parses to %q and that to %q, %v", in, id, again, err)
		}
		if strings.Contains(id.Name(), "/") || strings.Contains(id.Group(), "/") || !strings.HasSuffix(string(id), id.Name()) {
			t.Fatalf("%q has the name %q and the group %q", id, id.Name(), id.Group())
		}
		if id.Type() != "" && !strings.HasPrefix(string(id.Key()), strings.ToLower(string(id.GroupID()))) {
			t.Fatalf("%q is not in its group %q", id, id.GroupID())
		}
		if !strings.EqualFold(id.Issued(), string(id)) {
			t.Fatalf("%q is issued as %q", id, id.Issued())
		}
	})
}
