package rbac

import (
	"math/rand/v2"
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
)

func mustParse(t *testing.T, text string) *Condition {
	t.Helper()
	c, err := ParseCondition(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return c
}

func TestWhatConditionsLetGive(t *testing.T) {
	const write, role, whom = "ActionMatches{'Microsoft.Authorization/roleAssignments/write'}", "@Request[" + AttributeRoleDefinitionID + "]", "@Request[" + AttributePrincipalType + "]"
	reader, owner := Reader.String(), Owner.String()
	for text, want := range map[string]struct{ owner, reader bool }{
		OnlyRoles([]guid.GUID{Reader}):        {false, true},
		OnlyRoles([]guid.GUID{Reader, Owner}): {true, true},
		"!(" + write + ")":                    {false, false},
		"!(ActionMatches{'*'})":               {false, false},
		"!(ActionMatches{'Microsoft.Authorization/roleAssignments/delete'})":                                                              {true, true},
		role + " GuidEquals " + reader:                                                                                                    {false, true},
		role + " StringEqualsIgnoreCase '" + reader + "'":                                                                                 {false, true},
		role + " ForAnyOfAllValues:GuidNotEquals {" + owner + ", " + UserAccessAdministrator.String() + "}":                               {false, true},
		"NOT " + role + " GuidEquals " + owner:                                                                                            {false, true},
		"(!(" + write + ")) OR (" + role + " GuidEquals " + reader + " AND " + whom + " StringEquals 'User')":                             {false, true},
		"(!(" + write + ")) OR " + whom + " StringEquals 'User'":                                                                          {true, true}, // whoever that is
		"!(" + write + ") OR " + role + " GuidEquals " + reader + " OR @Principal[" + department + "] StringEquals 'x'":                   {true, true},
		"@Environment[isPrivateLink] BoolEquals true AND " + role + " GuidEquals " + reader:                                               {false, true},
		"@Resource[" + AttributeRoleDefinitionID + "] GuidEquals " + reader:                                                               {true, true}, // says nothing of what is written
		"NOT @Resource[" + AttributeRoleDefinitionID + "] GuidEquals " + reader:                                                           {true, true},
		"Exists @Request[" + AttributePrincipalID + "]":                                                                                   {true, true},
		"SubOperationMatches{'x'}":                                                                                                        {true, true},
		"@Request[" + AttributePrincipalID + "] GuidEquals " + role:                                                                       {true, true},
		"ActionMatches{'Microsoft.Authorization/roleAssignments/write'} AND @Resource[" + containerName + "] StringEquals 'photos'":       {true, true},
		"!(ActionMatches{'Microsoft.Authorization/roleAssignments/*'}) OR " + role + " ForAllOfAnyValues:GuidEquals {" + reader + "}":     {false, true},
		"!(ActionMatches{'microsoft.authorization/ROLEASSIGNMENTS/write'}) OR " + role + " ForAnyOfAnyValues:GuidEquals {" + reader + "}": {false, true},
	} {
		c := mustParse(t, text)
		if c.MayGive(Owner) != want.owner || c.MayGive(Reader) != want.reader {
			t.Errorf("%s: Owner %t, Reader %t", text, c.MayGive(Owner), c.MayGive(Reader))
		}
	}
	if c := mustHold("that is none"); !c.MayGive(Owner) || !mustHold("").MayGive(Owner) {
		t.Error("no condition, or one that cannot be read, keeps from nothing")
	}
}

// TestPossibleAndCertain compares with what conditions really are, for requests that tell more and more attributes: what is
// impossible never holds, and what is certain always does.
func TestPossibleAndCertain(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	name, path := "@Resource["+containerName+"]", "@Request["+blobPath+"]"
	atoms := []string{name + " StringEquals 'a'", name + " StringNotEquals 'a'", path + " StringLike 'b*'", "Exists " + path, "ActionMatches{'x/*'}",
		"ActionMatches{'x/y/read'}", name + " StringEquals " + path, "SubOperationMatches{'s'}"}
	var expression func(depth int) string
	expression = func(depth int) string {
		switch n := random.IntN(4); {
		case depth == 0 || n == 0:
			return atoms[random.IntN(len(atoms))]
		case n == 1:
			return "!(" + expression(depth-1) + ")"
		case n == 2:
			return "(" + expression(depth-1) + ") AND (" + expression(depth-1) + ")"
		default:
			return "(" + expression(depth-1) + ") OR (" + expression(depth-1) + ")"
		}
	}
	pick := func(values ...string) []string { return values[random.IntN(len(values)):][:1] }
	decided := 0
	for range 20_000 {
		c := mustParse(t, expression(4))
		whole := Request{Action: ControlAction(pick("x/y/read", "x/z", "y/z")[0]), Attributes: []Attribute{{Resource, containerName, pick("a", "b", "bb")},
			{RequestSource, blobPath, pick("a", "b", "bb")}, {RequestSource, attributeSubOperation, pick("s", "t")}}}
		part := whole
		part.Attributes = whole.Attributes[:random.IntN(4)]
		possible, certain, holds := c.Possible(&part), c.Certain(&part), c.Holds(&whole)
		if holds && !possible || certain && !holds || certain && !possible {
			t.Fatalf("%s of %v: possible %t, certain %t, but %t of %v", c, part, possible, certain, holds, whole)
		}
		if len(part.Attributes) == 3 && (possible != holds || certain != holds) {
			t.Fatalf("%s: all is known of %v, but possible %t, certain %t", c, whole, possible, certain)
		}
		if certain || !possible {
			decided++
		}
	}
	if decided < 5000 {
		t.Errorf("only %d are decided", decided)
	}
}

func TestIdleConditions(t *testing.T) {
	catalog, _ := newRanking(t)
	only := OnlyRoles([]guid.GUID{Reader})
	for _, c := range []struct {
		condition, role string
		want            bool
	}{
		{only, "Reader", true},
		{only, "Contributor", true}, // which excepts it
		{only, "Website Contributor", true},
		{only, "Owner", false},
		{only, "Role Based Access Control Administrator", false},
		{"!(ActionMatches{'Microsoft.Authorization/*'})", "Website Contributor", false}, // it reads some of that
		{"!(ActionMatches{'Microsoft.Authorization/*/write'})", "Website Contributor", true},
		{"!(ActionMatches{'" + blobs + "read'}) OR @Resource[" + containerName + "] StringEquals 'a'", "Storage Blob Data Reader", false},
		{"!(ActionMatches{'" + blobs + "read'}) OR @Resource[" + containerName + "] StringEquals 'a'", "Key Vault Secrets User", true},
		{"@Resource[" + containerName + "] StringEquals 'a'", "Reader", false},
		{"@Request[" + AttributeRoleDefinitionID + "] GuidEquals " + Reader.String(), "Reader", true}, // or nobody could read
		{"@Request[" + AttributeRoleDefinitionID + "] GuidEquals " + Reader.String(), "Owner", false},
		{"@Request[" + AttributeRoleDefinitionID + "] GuidEquals " + Reader.String() + " AND !(ActionMatches{'Microsoft.Web/*'})", "Reader", false},
		{"Exists @Request[" + AttributePrincipalID + "] OR @Request[" + AttributePrincipalID + "] GuidEquals @Resource[" + AttributePrincipalID + "]", "Reader", true},
		{"SubOperationMatches{'x'}", "Reader", false},
		{"ActionMatches{'*'}", "Reader", false}, // true of everything, which is not worth finding out
		{"ActionMatches{'" + blobs + "read'} OR !(ActionMatches{'" + blobs + "read'})", "Storage Blob Data Reader", true},
	} {
		if got := mustParse(t, c.condition).IsIdle(catalog.RoleNamed(c.role)); got != c.want {
			t.Errorf("%s for %s: %t", c.condition, c.role, got)
		}
	}
	if !(*Condition)(nil).IsIdle(catalog.Role(Owner)) || mustHold("that is none").IsIdle(catalog.Role(Reader)) {
		t.Error("no condition, or one that cannot be read")
	}
}
