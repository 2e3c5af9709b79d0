package directory

import "testing"

func TestGraphRoleReach(t *testing.T) {
	catalog, err := FirstParty()
	if err != nil {
		t.Fatal(err)
	}
	graph, _ := catalog.Application(GraphAppID)
	for value, want := range map[string]struct {
		reach    AppRoleReach
		narrower string
	}{
		"User.ReadWrite.All":                 {ReachBroad, "User.Read.All"},
		"Sites.FullControl.All":              {ReachBroad, "Sites.Selected"},
		"Sites.ReadWrite.All":                {ReachBroad, "Sites.Selected"},
		"Application.ReadWrite.All":          {ReachTenant, "Application.ReadWrite.OwnedBy"},
		"RoleManagement.ReadWrite.Directory": {ReachTenant, "RoleManagement.Read.Directory"},
		"AppRoleAssignment.ReadWrite.All":    {ReachTenant, ""},
		"Directory.ReadWrite.All":            {ReachTenant, "Directory.Read.All"},
		"User.Read.All":                      {ReachLimited, ""},
		"Application.ReadWrite.OwnedBy":      {ReachLimited, ""},
		"Mail.ReadWrite":                     {ReachLimited, ""},
		"User.ReadWrite.Allow":               {ReachLimited, ""},
	} {
		if got := GraphRoleReach(value); got != want.reach {
			t.Errorf("%s reaches %d, want %d", value, got, want.reach)
		}
		if want.reach == ReachLimited {
			continue
		}
		if got := NarrowerGraphRole(graph, value); got != want.narrower {
			t.Errorf("%s: narrower is %q, want %q", value, got, want.narrower)
		}
	}
	for _, role := range graph.AppRoles {
		if GraphRoleReach(role.Value) == ReachLimited {
			continue
		}
		if narrower := NarrowerGraphRole(graph, role.Value); narrower != "" && GraphRoleReach(narrower) != ReachLimited {
			t.Errorf("%s: %s is not narrower", role.Value, narrower)
		}
	}
}
