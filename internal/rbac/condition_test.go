package rbac

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

const (
	containerName = "Microsoft.Storage/storageAccounts/blobServices/containers:name"
	blobPath      = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path"
	tags          = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/tags"
	department    = "Microsoft.Directory/CustomSecurityAttributes/Id:HR_Department"
	someGUID      = "f8973019-6953-433b-b935-adc31f5646d5"
)

// photos is a request to read a blob, with attributes of many kinds.
func photos() *Request {
	return &Request{Action: blobRead, Attributes: []Attribute{
		{Resource, containerName, []string{"photos"}},
		{RequestSource, blobPath, []string{"2026/cat[1].jpg"}},
		{RequestSource, attributeSubOperation, []string{"Blob.List"}},
		{Resource, tags + ":Project", []string{"Cascade"}},
		{Resource, tags + "&$keys$&", []string{"Project", "Stage"}},
		{Principal, department, []string{"Sales", "Legal"}},
		{Resource, "Contoso.X/y:number", []string{"12.5"}},
		{Resource, "Contoso.X/y:numbers", []string{"1", "2", "3"}},
		{Resource, "Contoso.X/y:on", []string{"True"}},
		{Resource, "Contoso.X/y:ip", []string{"10.1.2.3"}},
		{Resource, "Contoso.X/y:none", nil},
		{RequestSource, AttributeRoleDefinitionID, []string{strings.ToUpper(someGUID)}},
		{Environment, "UtcNow", []string{"2026-11-21T12:00:00.5Z"}},
		{Environment, "isPrivateLink", []string{"false"}},
	}}
}

func TestConditions(t *testing.T) {
	const name, path, dep, nums = "@Resource[" + containerName + "]", "@Request[" + blobPath + "]", "@Principal[" + department + "]", "@Resource[Contoso.X/y:numbers]"
	const num, on, ip, none, role = "@Resource[Contoso.X/y:number]", "@Resource[Contoso.X/y:on]", "@Resource[Contoso.X/y:ip]", "@Resource[Contoso.X/y:none]", "@Request[" + AttributeRoleDefinitionID + "]"
	const now = "@Environment[UtcNow]"
	for condition, want := range map[string]bool{
		// Case 87.
		"!(ActionMatches{'" + blobs + "write'}) OR " + name + " StringEquals 'photos'":   true,
		"!(ActionMatches{'" + blobs + "write'}) OR " + name + " StringEquals 'invoices'": true,
		"!(ActionMatches{'" + blobs + "read'}) OR " + name + " StringEquals 'invoices'":  false,
		"ActionMatches{'Microsoft.Storage/*/READ'}":                                      true,
		"ActionMatches{'Microsoft.Storage/*/write'}":                                     false,
		"SubOperationMatches{'blob.list'}":                                               true,
		"SubOperationMatches{'Blob.Read.WithTagConditions', 'Blob.List'}":                true,
		"SubOperationMatches{'Blob'}":                                                    false,
		"@Request[subOperation] ForAnyOfAnyValues:StringEqualsIgnoreCase {'blob.list'}":  true,

		// Logic.
		name + " StringEquals 'photos' AND NOT " + name + " StringEquals 'x'":                true,
		name + " StringEquals 'photos' && !" + name + " StringEquals 'photos'":               false,
		name + " StringEquals 'x' || (" + name + " StringEquals 'y' || Exists " + name + ")": true,
		"NOT NOT Exists " + name:              true,
		"(((Exists " + name + ")))":           true,
		"exists " + none:                      false,
		"not exists @Resource[Contoso.X/y:z]": true,
		"Exists " + name + " and Exists " + path + " and Exists " + dep + " AND Exists " + none: false,

		// Texts.
		name + " StringEquals 'Photos'":                                                            false,
		name + " StringEqualsIgnoreCase 'PHOTOS'":                                                  true,
		name + " StringNotEquals 'Photos'":                                                         true,
		name + " StringNotEqualsIgnoreCase 'Photos'":                                               false,
		"'photos' StringEquals " + name:                                                            true,
		path + " StringStartsWith '2026/'":                                                         true,
		path + " StringNotStartsWith '2026/'":                                                      false,
		path + " StringStartsWithIgnoreCase '2026/CAT'":                                            true,
		path + " StringLike '*/cat[?].jpg'":                                                        true,
		path + " StringLike '2026'":                                                                false,
		path + " StringNotLike '2026*'":                                                            false,
		path + " StringLikeIgnoreCase '*.JPG'":                                                     true,
		path + ` StringLike '*\*jpg'`:                                                              false,
		path + " StringMatches '[0-9]+/.*'":                                                        true,
		path + " StringMatches '[0-9]+'":                                                           false,
		path + " StringNotMatchesIgnoreCase '.*JPG'":                                               false,
		name + " StringStartsWith @Request[subOperation]":                                          false,
		"@Resource[" + tags + ":Project<$key_case_sensitive$>] StringEquals 'Cascade'":             true,
		"@Resource[" + tags + ":project<$key_case_sensitive$>] StringEquals 'Cascade'":             false,
		"@Resource[" + strings.ToUpper(tags) + ":project] StringEquals 'Cascade'":                  true,
		"@Resource[" + tags + "&$keys$&] ForAllOfAnyValues:StringEquals {'Project', 'Stage', 'x'}": true,
		"@Resource[" + tags + "&$keys$&] ForAnyOfAllValues:StringEquals {'Project', 'Stage'}":      false,

		// What is missing, or cannot be read, compares to nothing.
		none + " StringEquals ''":                                    false,
		none + " StringNotEquals 'x'":                                false,
		none + " ForAllOfAllValues:StringNotEquals {'x'}":            false,
		none + " ForAnyOfAnyValues:StringNotEquals {'x'}":            false,
		"!(" + none + " StringEquals 'x')":                           true,
		name + " StringEquals " + none:                               false,
		name + " NumericEquals 1":                                    false,
		name + " NumericNotEquals 1":                                 false,
		name + " ForAnyOfAnyValues:GuidNotEquals {" + someGUID + "}": false,
		"@Resource[" + blobPath + "] StringEquals '2026/cat[1].jpg'": false, // of another source

		// Many values.
		dep + " StringEquals 'Sales'":                                   false, // which of the two?
		dep + " ForAnyOfAnyValues:StringEquals {'Legal', 'x'}":          true,
		dep + " ForAllOfAnyValues:StringEquals {'Legal', 'x'}":          false,
		dep + " ForAllOfAnyValues:StringEquals {'Legal', 'Sales', 'x'}": true,
		dep + " ForAnyOfAllValues:StringEquals {'Legal'}":               true,
		dep + " ForAnyOfAllValues:StringEquals {'Legal', 'Sales'}":      false,
		dep + " ForAllOfAllValues:StringStartsWith {'', 'L'}":           false,
		dep + " ForAllOfAllValues:StringLike {'*s*', '*'}":              false,
		dep + " ForAllOfAllValues:StringLikeIgnoreCase {'*l*', '*'}":    true,
		dep + " ForAnyOfAnyValues:StringNotEquals {'Legal', 'x'}":       false, // not word for word
		dep + " ForAnyOfAnyValues:StringNotEquals {'x', 'y'}":           true,
		dep + " ForAllOfAllValues:StringNotEquals {'Legal', 'x'}":       false,
		dep + " ForAllOfAnyValues:StringNotEquals {'Legal', 'x'}":       true,
		dep + " ForAnyOfAllValues:StringNotEquals {'Legal', 'x'}":       true,
		"{'Legal', 'x'} ForAnyOfAnyValues:StringEquals " + dep:          true,
		name + " ForAnyOfAnyValues:StringEquals 'photos'":               true,

		// Numbers, times, truth, ids, addresses.
		num + " NumericEquals 12.50": true, num + " NumericNotEquals 12.5": false, num + " NumericLessThan '13'": true, num + " NumericLessThan -13": false,
		num + " NumericLessThanEquals 12.5": true, num + " NumericGreaterThan 12.5": false, num + " NumericGreaterThanEquals 1e1": true,
		nums + " ForAllOfAllValues:NumericGreaterThan {0, 0.5}": true, nums + " ForAnyOfAllValues:NumericGreaterThan {2, 0}": true, nums + " ForAllOfAnyValues:NumericEquals {1,2}": false,
		now + " DateTimeGreaterThan 2026-11-21T12:00:00Z": true, now + " DateTimeLessThanEquals '2026-11-21T13:00:00+01:00'": false,
		now + " DateTimeEquals '2026-11-21T13:00:00.500+01:00'": true, now + " DateTimeLessThan 2026-11-22": true, now + " DateTimeNotEquals 2026-11-21T12:00:00": true,
		on + " BoolEquals true": true, on + " BoolNotEquals TRUE": false, "@Environment[isPrivateLink] BoolEquals true": false,
		role + " GuidEquals " + someGUID: true, role + " GuidNotEquals '" + someGUID + "'": false,
		role + " ForAnyOfAnyValues:GuidEquals{" + Owner.String() + ", " + someGUID + "}": true,
		ip + " IpMatch '10.1.0.0/16'": true, ip + " IpMatch 10.1.2.3": true, ip + " IpMatch '10.2.0.0/16'": false, ip + " IpMatch '::/0'": false,
		ip + " IpInRange '10.1.2.0-10.1.2.3'": true, ip + " IpInRange '10.1.2.4-10.1.2.9'": false, ip + " ForAnyOfAnyValues:IpInRange {'10.9.0.0/16', '10.1.2.3'}": true,
	} {
		c, err := ParseCondition(condition)
		if err != nil {
			t.Errorf("%s: %v", condition, err)
		} else if got := c.Holds(photos()); got != want || c.String() != condition {
			t.Errorf("%s: %v", condition, got)
		}
	}
}

func TestBadConditions(t *testing.T) {
	const name = "@Resource[" + containerName + "]"
	for _, c := range []struct {
		condition string
		at        int
		why       string
	}{
		{"", 1, "expected {"},
		{"   ", 4, ""},
		{name, len(name) + 1, "there is no operator the end"},
		{name + " StringIs 'x'", len(name) + 2, "there is no operator StringIs"},
		{name + " StringEquals", len(name) + 14, "expected {"},
		{name + " Sometimes:StringEquals 'x'", len(name) + 2, "there is no quantifier"},
		{name + " :StringEquals 'x'", len(name) + 2, "there is no quantifier"},
		{name + " NumericLike 'x'", len(name) + 2, "there is no operator"},
		{name + " BoolLessThan true", len(name) + 2, "there is no operator"},
		{name + " NumericNotLessThan 1", len(name) + 2, "there is no operator"},
		{name + " GuidEqualsIgnoreCase x", len(name) + 2, "there is no operator"},
		{name + " StringEquals x", len(name) + 15, "in quotes"},
		{name + " NumericEquals 'x'", len(name) + 16, "'x' is not a value"},
		{name + " NumericEquals NaN", len(name) + 16, "NaN is not a value"},
		{name + " NumericEquals 0x10", len(name) + 16, ""},
		{name + " DateTimeEquals 'today'", len(name) + 17, ""},
		{name + " ForAnyOfAnyValues:GuidEquals {" + someGUID + ", 'x'}", len(name) + 70, "'x' is not a value"},
		{name + " IpMatch '1.2.3.4-1.2.3.5'", len(name) + 10, ""},
		{name + " IpInRange '1.2.3.4-::1'", len(name) + 12, ""},
		{name + " StringMatches '('", len(name) + 16, "'(' is not a value"},
		{name + " StringMatches " + name, len(name) + 2, "must be a text"},
		{name + " StringEquals {'x', 'y'}", len(name) + 2, "ForAnyOfAnyValues"},
		{name + " StringEquals {}", len(name) + 16, "expected a value"},
		{name + " StringEquals {'x'", len(name) + 19, "expected }"},
		{name + " StringEquals 'x", len(name) + 15, "no closing quote"},
		{"'a' StringEquals 'a'", 1, "must be an attribute"},
		{"(Exists " + name, len(name) + 9, "expected )"},
		{"Exists " + name + ")", len(name) + 8, "instead of )"},
		{"Exists 'x'", 8, "expected an attribute"},
		{"Exists " + name + " Exists " + name, len(name) + 9, "expected AND, OR or the end"},
		{"Exists " + name + " AND", len(name) + 12, ""},
		{"Exists " + name + " AND Exists " + name + " OR Exists " + name, 2*len(name) + 21, "mixed"},
		{"Exists " + name + " || Exists " + name + " && Exists " + name, 2*len(name) + 20, "mixed"},
		{"ActionMatches{x}", 15, "in quotes"},
		{"ActionMatches{''}", 15, "in quotes"},
		{"ActionMatches'x'", 14, "expected {"},
		{"Exists @Nobody[Contoso.X/y:z]", 8, "no source of attributes called @Nobody"},
		{"Exists @Resource[name]", 8, "no attribute name"},
		{"Exists @Resource[Contoso.X/y]", 8, ""},
		{"Exists @Environment[Weather]", 8, "no attribute Weather"},
		{"Exists @Principal[Contoso.X/y:z]", 8, ""},
		{"Exists @Request[Microsoft.Authorization/roleAssignments:Scope]", 8, ""},
		{"Exists @Resource", 8, "@Source[name]"},
		{"Exists @Resource[a", 8, "@Source[name]"},
		{"# x", 1, "'#' has no meaning"},
		{"Exists @Resource[Contoso.X/y:ä] # 'ü'", 33, ""}, // characters, not bytes
		{strings.Repeat("(", 40) + "Exists " + name + strings.Repeat(")", 40), 33, "nested deeper"},
		{strings.Repeat("!", 40) + "Exists " + name, 33, "nested deeper"},
		{"ActionMatches{'" + blobs + "read'} AND @Request[" + AttributePrincipalID + "] GuidEquals " + someGUID, 1, "GUID operators"},
	} {
		_, err := ParseCondition(c.condition)
		want := fmt.Sprintf("at character %d: ", c.at)
		if !apierr.Is(err, apierr.ConditionInvalid) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v; want %s%s", c.condition, err, want, c.why)
		}
	}
	for _, long := range []string{"Exists " + name + strings.Repeat(" ", maxCondition), "Exists @Resource[Contoso.X/y:\xff]"} {
		if _, err := ParseCondition(long); !apierr.Is(err, apierr.ConditionInvalid) {
			t.Errorf("%.60s: %v", long, err)
		}
	}
}

func TestWhatCannotBeReadNeverHolds(t *testing.T) {
	if c := mustHold("@Resource[Contoso.X/y:z] FutureOperator 'x'"); c.Holds(photos()) || !c.unreadable() {
		t.Error("it holds")
	}
	if c := mustHold(""); c != nil || !c.Holds(photos()) {
		t.Error("no condition does not hold")
	}
	if id, ok := ParseRoleDefinitionID(someGUID); !ok || id != guid.MustParse(someGUID) {
		t.Error(id)
	}
}

// Whatever text: no panic, one answer, and what was read once is read again the same way.
func FuzzCondition(f *testing.F) {
	catalog, err := BuiltIn()
	if err != nil {
		f.Fatal(err)
	}
	for _, role := range catalog.Roles() {
		if c := role.Permissions[0].Condition; c != "" {
			f.Add(c)
		}
	}
	for _, seed := range []string{"Exists @Resource[Contoso.X/y:z]", "!(ActionMatches{'a*'}) || @Request[subOperation] ForAllOfAnyValues:StringNotLikeIgnoreCase {'x''y', ''}",
		"@Resource[Contoso.X/y:number] NumericLessThan 1e3 AND @Environment[UtcNow] DateTimeLessThan 2026-01-01",
		`@Resource[Contoso.X/y:ip] IpInRange '1.2.3.4-1.2.3.9' OR (NOT 'a' StringMatches @Request[snapshot])`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCondition(text)
		if err != nil {
			if !apierr.Is(err, apierr.ConditionInvalid) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		holds := c.Holds(photos())
		turned, err := ParseCondition("!(" + text + ")")
		if err != nil && strings.Contains(err.Error(), "nested deeper") || len(text) > maxCondition-3 {
			return
		}
		if err != nil || turned.Holds(photos()) == holds || c.Holds(photos()) != holds {
			t.Fatalf("%q holds: %v; turned round it is %v", text, holds, err)
		}
		c.Holds(&Request{})
	})
}
