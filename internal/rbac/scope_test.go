package rbac

import (
	"slices"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
)

func TestLevels(t *testing.T) {
	for scope, want := range map[resource.ID][]resource.ID{
		Tenant:        {},
		testDivision:  {testDivision},
		testContainer: {testSubscription, testGroup, testAccount, testAccount + "/blobServices/default", testContainer},
		testSite + "/providers/Microsoft.Authorization/locks/l":    {testSubscription, testGroup, testSite, testSite + "/providers/Microsoft.Authorization/locks/l"},
		testSubscription + "/providers/Microsoft.X/a/b":            {testSubscription, testSubscription + "/providers/Microsoft.X/a/b"},
		testSubscription + "/resourceGroups/providers":             {testSubscription, testSubscription + "/resourceGroups/providers"},
		testDivision + "/providers/Microsoft.X/a/b":                {testDivision, testDivision + "/providers/Microsoft.X/a/b"},
		"/subscriptions/S/resourceGroups/Ünder/providers/M.X/a/ÄB": {"/subscriptions/s", "/subscriptions/s/resourcegroups/ünder", "/subscriptions/s/resourcegroups/ünder/providers/m.x/a/äb"},
		"//subscriptions/S//resourceGroups/G/":                     {"/subscriptions/s", "/subscriptions/s/resourcegroups/g"},
		testGroup + "/providers/Microsoft.X/a":                     {testSubscription, testGroup, testGroup + "/providers/Microsoft.X/a"}, // a collection
		testGroup + "/providers":                                   {testSubscription, testGroup, testGroup + "/providers"},
		testGroup + "/providers/Microsoft.X/providers/b/t/n":       {testSubscription, testGroup, testGroup + "/providers/Microsoft.X/providers/b", testGroup + "/providers/Microsoft.X/providers/b/t/n"},
		"/providers/Microsoft.X/a/b":                               {"/providers/Microsoft.X/a/b"},
		testSite + "/slots/providers":                              {testSubscription, testGroup, testSite, testSite + "/slots/providers"},
		testVault + "/secrets/a/versions/1":                        {testSubscription, testGroup, testVault, testVault + "/secrets/a", testVault + "/secrets/a/versions/1"},
		"/providers/Microsoft.Management/managementGroups/":        {"/providers/microsoft.management/managementgroups"},
	} {
		if got := Levels(scope); !slices.Equal(got, want) {
			t.Errorf("%s: %q", scope, got)
		}
		for i, level := range want {
			if i < 3 && PathOf(scope).Marks[i] != MarkOf(level) {
				t.Errorf("%s: level %d has another mark than in the path", scope, i)
			}
			if !Within(level, scope) || i > 0 && Within(level, want[i-1]) {
				t.Errorf("Within is wrong for %s and %s", level, scope)
			}
		}
	}
	if PathOf(Tenant).Depth != 0 || PathOf(testContainer).Depth != 5 || MarkOf(Tenant) != tenantMark {
		t.Error("depths")
	}
}

func TestLineage(t *testing.T) {
	want := []resource.ID{Tenant, testRoot, testDivision, testSubscription, testGroup}
	if got := Lineage(newTree(t), testGroup); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := Lineage(newTree(t), testDivision); !slices.Equal(got, want[:3]) {
		t.Errorf("%q", got)
	}
}

func TestMarksDoNotLookAtCase(t *testing.T) {
	for _, s := range []resource.ID{testContainer, testDivision, "/subscriptions/S/resourceGroups/ÄÖK", "/subscriptions/@[`{Az"} {
		for _, other := range []resource.ID{resource.ID(strings.ToUpper(string(s))), resource.ID(s.Key()), s + "/"} {
			if MarkOf(s) != MarkOf(other) || !SameScope(s, other) {
				t.Errorf("%s and %s differ", s, other)
			}
		}
	}
	if SameScope("/subscriptions/a[", "/subscriptions/a{") || same("a@", "a`") || !same("K", "k") {
		t.Error("characters beside the letters are letters")
	}
}

func TestParseScope(t *testing.T) {
	for in, want := range map[string]resource.ID{"/": Tenant, "//": Tenant, "/" + string(testSite): testSite, string(testDivision) + "/": testDivision} {
		if got, err := ParseScope(in); err != nil || got != want {
			t.Errorf("%q is %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "x", "/subscriptions", "/nowhere/x"} {
		if _, err := ParseScope(in); !apierr.Is(err, apierr.ResourceIDInvalid) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestRoleDefinitionIDs(t *testing.T) { // cases 50 and 51
	const bare = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
	if got := RoleDefinitionID(testSite, Reader); got != string(testSubscription)+bare {
		t.Error(got)
	}
	for _, scope := range []resource.ID{Tenant, testDivision} {
		if got := RoleDefinitionID(scope, Reader); got != bare {
			t.Error(got)
		}
	}
	for _, in := range []string{bare, string(testSubscription) + bare, strings.ToUpper(string(testDivision) + bare), Reader.String()} {
		if got, ok := ParseRoleDefinitionID(in); !ok || got != Reader {
			t.Errorf("%q: %v", in, got)
		}
	}
	for _, in := range []string{"", "Reader", "/" + Reader.String(), "/providers/Microsoft.Authorization/roleAssignments/" + Reader.String()} {
		if _, ok := ParseRoleDefinitionID(in); ok {
			t.Errorf("%q was taken", in)
		}
	}
}

// Whatever the spelling, the levels of a scope are those of its key, each the start of the next, and marks follow the text.
func FuzzLevels(f *testing.F) {
	for _, seed := range []string{string(testContainer), "/", "//a/b", "/subscriptions/Ä/providers/K/b", "/providers/a/b/c/d", "/a//b", "a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		levels := Levels(resource.ID(s))
		key := Levels(resource.ID(clean(resource.ID(strings.ToLower(s)))))
		if len(levels) != len(key) {
			t.Fatalf("%q has the levels %q and in lower case %q", s, levels, key)
		}
		if plain := levelsBySegments(string(clean(resource.ID(s)))); !slices.Equal(levels, plain) {
			t.Fatalf("%q has the levels %q, by its segments %q", s, levels, plain)
		}
		for i, level := range levels {
			if MarkOf(level) != MarkOf(key[i]) || !Within(level, resource.ID(s)) {
				t.Fatalf("level %q of %q", level, s)
			}
		}
	})
}

// levelsBySegments takes a clean scope apart as its definition says it: a type and a name, or providers, a namespace, a type
// and a name, and whatever is left over.
func levelsBySegments(s string) []resource.ID {
	levels := []resource.ID{}
	segments := strings.Split(s, "/")[1:]
	for at := 0; at < len(segments) && s != "/"; {
		n := 2
		if strings.ToLower(segments[at]) == "providers" {
			n = 4
		}
		at = min(at+n, len(segments))
		levels = append(levels, resource.ID("/"+strings.Join(segments[:at], "/")))
	}
	return levels
}
