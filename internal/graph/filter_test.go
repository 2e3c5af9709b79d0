package graph

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

// thing is an object with a property of every kind.
var thingFields = []field{
	{name: "name"}, {name: "mail", endsWith: true}, {name: "id", kind: kindID}, {name: "enabled", kind: kindBool},
	{name: "created", kind: kindTime}, {name: "tags", kind: kindTexts}, {name: "missing", kind: kindNull}, {name: "roles", kind: kindComplex},
}

func thingLookup(name string) (int, field, error) {
	i := slices.IndexFunc(thingFields, func(f field) bool { return strings.EqualFold(f.name, name) })
	if i < 0 {
		return 0, field{}, unknownProperty(name, "thing")
	}
	return i, thingFields[i], nil
}

func thing(i int) any {
	return []any{"O'Brien", "ann@contoso.example", guid.MustParse("33ad69f9-da99-4bed-acd0-3f24235cb296"), true,
		time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC), []string{"a", "Blue Sky"}, nil, struct{}{}}[i]
}

func TestFilters(t *testing.T) {
	for text, want := range map[string]bool{
		"name eq 'O''Brien'": true, "name eq 'o''brien'": true, "name EQ 'x'": false, "name ne 'x'": true, "name ne null": true, "name eq null": false,
		"startsWith(name,'o''b')": true, "STARTSWITH(name, 'b')": false, "endswith(mail,'@Contoso.example')": true, "endswith(mail,'x')": false,
		"name gt 'a'": true, "name ge 'o''brien'": true, "name lt 'p'": true, "name le 'a'": false,
		"id eq 33AD69F9-da99-4bed-acd0-3f24235cb296": true, "id eq '33ad69f9-DA99-4bed-acd0-3f24235cb296'": true, "id eq 'no guid'": false,
		"id in ('x', 33ad69f9-da99-4bed-acd0-3f24235cb296)": true, "name in ('x','y')": false, "startswith(id,'33ad')": true,
		"enabled eq true": true, "enabled eq FALSE": false, "enabled ne true": false, "enabled in (false)": false, "enabled eq null": false,
		"created eq 2026-01-02T03:04:05.1234567Z": true, "created ge 2026-01-02T04:04:05+01:00": true, "created lt 2026-01-02T03:04:05Z": false,
		"tags/any(t:t eq 'blue sky')": true, "tags/any(x: startswith(x,'BL'))": true, "tags/any(t:t eq 'b' or t eq 'A')": true, "not tags/any(t:t eq 'a')": false,
		"tags/any(t:t eq 'a' and t eq 'blue sky')": false,
		"missing eq null":                          true, "missing ne null": false, "missing eq 'x'": false, "missing ne true": true, "missing gt 'a'": false, "startswith(missing,'')": false,
		"name eq 'x' or enabled eq true and id eq 'x'": false, "(name eq 'x' or enabled eq true) and startswith(mail,'ann')": true,
		"not(name eq 'x')": true, "NOT name eq 'o''brien'": false, "not not enabled eq true": true, " ( ( enabled eq true ) ) ": true,
	} {
		f, err := parseFilter(text, thingLookup)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := f.matches(thing, nil); got != want {
			t.Errorf("%s = %t, want %t", text, got, want)
		}
	}
}

func TestFiltersThatAreRefused(t *testing.T) {
	for text, want := range map[string]apierr.Code{
		"": apierr.ParameterInvalid, "name": apierr.ParameterInvalid, "name eq": apierr.ParameterInvalid, "name eq 'x": apierr.ParameterInvalid,
		"name eq 'x' and": apierr.ParameterInvalid, "name eq 'x' name eq 'y'": apierr.ParameterInvalid, "name is 'x'": apierr.ParameterInvalid,
		"(name eq 'x'": apierr.ParameterInvalid, "name eq 'x')": apierr.ParameterInvalid, "'x' eq name": apierr.ParameterInvalid, "name eq 7": apierr.ParameterInvalid,
		"enabled eq 'true'": apierr.ParameterInvalid, "created gt '2026-01-02T03:04:05Z'": apierr.ParameterInvalid, "created gt 2026": apierr.ParameterInvalid,
		"name in ()": apierr.ParameterInvalid, "name in 'x'": apierr.ParameterInvalid, "startswith(name,x)": apierr.ParameterInvalid, "startswith(name)": apierr.ParameterInvalid,
		"tags/any()": apierr.ParameterInvalid, "tags/any(t:)": apierr.ParameterInvalid, "tags/any(t t eq 'a')": apierr.ParameterInvalid, "name eq \"x\"": apierr.ParameterInvalid,
		"name eq 'x'; drop": apierr.ParameterInvalid, "name eq '\xff'": apierr.ParameterInvalid, "not": apierr.ParameterInvalid,
		"foo eq 'x'": apierr.PropertyUnknown, "startswith(foo,'x')": apierr.PropertyUnknown, "foo/any(x:x eq 'a')": apierr.PropertyUnknown,
		"contains(name,'x')": apierr.QueryUnsupported, "endswith(name,'x')": apierr.QueryUnsupported, "tags eq 'a'": apierr.QueryUnsupported,
		"roles eq 'a'": apierr.QueryUnsupported, "roles/any(r:r eq 'a')": apierr.QueryUnsupported, "name/any(r:r eq 'a')": apierr.QueryUnsupported,
		"tags/all(t:t eq 'a')": apierr.QueryUnsupported, "tags/$count eq 0": apierr.QueryUnsupported, "enabled gt true": apierr.QueryUnsupported,
		"tags/any(t:name eq 'a')": apierr.QueryUnsupported, "tags/any(t:tags/any(u:u eq 'a'))": apierr.QueryUnsupported, "startswith(enabled,'t')": apierr.QueryUnsupported,
		"tags/any(t:t/id eq 'a')":                          apierr.QueryUnsupported,
		strings.Repeat("(", 5000):                          apierr.ParameterInvalid,
		strings.Repeat("not ", 2000):                       apierr.ParameterInvalid,
		strings.Repeat("enabled eq true or ", 400) + "x":   apierr.ParameterInvalid,
		"name eq '" + strings.Repeat("x", maxFilter) + "'": apierr.ParameterInvalid,
	} {
		f, err := parseFilter(text, thingLookup)
		if !apierr.Is(err, want) {
			t.Errorf("%.60s: %+v, %v; want %s", text, f, err, want)
		}
	}
}

func TestFiltersThatNeedTheHeader(t *testing.T) {
	for text, want := range map[string]bool{
		"name eq 'x'": false, "name in ('x')": false, "startswith(name,'x')": false, "tags/any(t:t eq 'x') and enabled eq true": false, "created ge 2026-01-01T00:00:00Z": false,
		"name ne 'x'": true, "not startswith(name,'x')": true, "endswith(mail,'x')": true, "name eq null": true, "name in ('x',null)": true,
		"name eq 'x' or (enabled eq true and name ne 'y')": true, "tags/any(t:t ne 'x')": true,
	} {
		f, err := parseFilter(text, thingLookup)
		if err != nil || f.advanced() != want {
			t.Errorf("%s: %v, want %t", text, err, want)
		}
	}
}

// An index must find at least what a walk finds.
func TestPins(t *testing.T) {
	for text, want := range map[string]string{
		"name eq 'X'": "name=x", "enabled eq true and (id eq 'A' and name eq 'b')": "id=a", "tags/any(t:t eq 'V')": "tags=v",
		"name eq 'x' or id eq 'y'": "", "not(name eq 'x')": "", "name ne 'x'": "", "name in ('x')": "", "tags/any(t:t eq 'a' or t eq 'b')": "", "name eq null": "",
		"tags/any(t:startswith(t,'a'))": "",
	} {
		f, err := parseFilter(text, thingLookup)
		must(t, err)
		got := ""
		f.pins(func(property, value string) bool { got = property + "=" + value; return true })
		if got != want {
			t.Errorf("%s pins %q, want %q", text, got, want)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, seed := range []string{"name eq 'O''Brien' and not(tags/any(t:startswith(t,'a')))", "id in (33ad69f9-da99-4bed-acd0-3f24235cb296,'x')",
		"created ge 2026-01-02T03:04:05Z or missing ne null", "endswith(mail,'x') eq true", "((((", "tags/any(t:t eq"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parseFilter(text, thingLookup)
		if err != nil {
			if e := apierr.From(err); e.Kind != apierr.Invalid || len(e.Message) > maxFilter+200 {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if depth, nodes := size(parsed); depth > 3*maxFilterDepth || nodes > 3*maxFilterNodes {
			t.Fatalf("%q has depth %d and %d nodes", text, depth, nodes)
		}
		held := parsed.matches(thing, nil)
		opposite, err := parseFilter("not("+text+")", thingLookup)
		if err == nil && opposite.matches(thing, nil) == held {
			t.Fatalf("%q and its opposite are both %t", text, held)
		}
		if again := parsed.matches(thing, nil); again != held {
			t.Fatalf("%q is %t and then %t", text, held, again)
		}
		parsed.pins(func(property, value string) bool {
			if !strings.EqualFold(fmt.Sprint(value), value) {
				t.Fatalf("%q pins %s to %q", text, property, value)
			}
			return false
		})
	})
}

func size(f *filter) (depth, nodes int) {
	for _, arg := range f.args {
		d, n := size(arg)
		depth, nodes = max(depth, d), nodes+n
	}
	return depth + 1, nodes + 1
}
