package directory

import (
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
)

func TestCatalogHoldsTheFactsScriptsHardCode(t *testing.T) {
	c, err := FirstParty()
	if err != nil {
		t.Fatal(err)
	}
	graph, ok := c.Application(GraphAppID)
	if !ok || graph.DisplayName != "Microsoft Graph" || len(graph.AppRoles) < 700 {
		t.Fatalf("Microsoft Graph = %+v", graph)
	}
	if err := CheckAppRoles(graph.AppRoles); err != nil {
		t.Error(err)
	}
	role, ok := graph.RoleByValue("User.Read.All", MemberApplication)
	if !ok || role.ID.String() != "df021288-bdef-4463-88db-98f22de89214" {
		t.Errorf("User.Read.All = %+v", role)
	}
	seen := map[string]string{}
	for _, app := range c.Applications() {
		for _, uri := range app.IdentifierURIs {
			if err := CheckIdentifierURI(uri); err != nil {
				t.Errorf("%s: %v", app.DisplayName, err)
			}
			if other := seen[AudienceKey(uri)]; other != "" {
				t.Errorf("%s belongs to %s and %s", uri, other, app.DisplayName)
			}
			seen[AudienceKey(uri)] = app.DisplayName
		}
	}
	if seen["https://vault.azure.net"] != "Azure Key Vault" || seen["https://management.core.windows.net"] == "" {
		t.Errorf("audiences missing: %v", seen)
	}
}

// The pair of texts was returned by Microsoft Graph for one assignment.
func TestAssignmentIDHoldsItsPrincipal(t *testing.T) {
	const text, principal = "-WmtM5na7Uus0D8kI1yylpU9Mdo0Pb9OoBJvd3T5eKc", "33ad69f9-da99-4bed-acd0-3f24235cb296"
	id, err := ParseAssignmentID(text)
	if err != nil || id.Principal().String() != principal || id.String() != text {
		t.Errorf("ParseAssignmentID = %v (principal %v), %v", id, id.Principal(), err)
	}
	p := guid.MustParse(principal)
	if got := NewAssignmentID(p, guid.Derive(p, "x")).Principal(); got != p {
		t.Errorf("NewAssignmentID holds principal %v", got)
	}
	for _, bad := range []string{"", "x", text + "A", text[:42], "-WmtM5na7Uus0D8kI1yylpU9Mdo0Pb9OoBJvd3T5eKd"} {
		if _, err := ParseAssignmentID(bad); err == nil {
			t.Errorf("ParseAssignmentID(%q) was accepted", bad)
		}
	}
}

func TestAudienceKey(t *testing.T) {
	for in, want := range map[string]string{
		"https://vault.azure.net":              "https://vault.azure.net",
		"https://vault.azure.net/":             "https://vault.azure.net",
		"HTTPS://Vault.Azure.NET/":             "https://vault.azure.net",
		"api://Orders/V1":                      "api://orders/V1",
		"00000003-0000-0000-C000-000000000000": "00000003-0000-0000-c000-000000000000",
		"https://vault.azure.net//":            "https://vault.azure.net/",
		"urn:X:y":                              "urn:x:y",
		"":                                     "",
	} {
		if got := AudienceKey(in); got != want {
			t.Errorf("AudienceKey(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestChecksRefuse(t *testing.T) {
	for _, uri := range []string{"", "orders", "ftp://x", "api://", "https://", "api://a b", "https://x?y", "urn:"} {
		if CheckIdentifierURI(uri) == nil {
			t.Errorf("CheckIdentifierURI(%q) accepted it", uri)
		}
	}
	id := guid.MustParse("df021288-bdef-4463-88db-98f22de89214")
	for name, roles := range map[string][]AppRole{
		"no id":       {{Value: "A", AllowedMembers: MemberUser}},
		"space":       {{ID: id, Value: "A B", AllowedMembers: MemberUser}},
		"no members":  {{ID: id, Value: "A"}},
		"same values": {{ID: id, Value: "A", AllowedMembers: MemberUser}, {ID: guid.Derive(id, ""), Value: "A", AllowedMembers: MemberUser}},
		"same ids":    {{ID: id, Value: "A", AllowedMembers: MemberUser}, {ID: id, Value: "B", AllowedMembers: MemberUser}},
	} {
		if CheckAppRoles(roles) == nil {
			t.Errorf("CheckAppRoles accepted %s", name)
		}
	}
	if CheckName("user", "") == nil || CheckName("user", "a\nb") == nil || CheckName("user", "Ann O'Neil") != nil {
		t.Error("CheckName is wrong")
	}
}
