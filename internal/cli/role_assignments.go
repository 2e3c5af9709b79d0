package cli

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

func newRoleAssignments(sh *shell) *cobra.Command {
	var flags roleFlags
	c := &cobra.Command{Use: "assignments", Short: "List who has which role where", Args: exactly(0),
		Long:    "List who has which role: at, above and below a scope; of one principal without what it has through groups.",
		Example: "  inborn role assignments --principal func-orders\n  inborn role assignments --scope kv-orders",
		RunE:    func(c *cobra.Command, _ []string) error { return sh.roleAssignments(c.Context(), flags) }}
	c.Flags().StringVar(&flags.principal, "principal", "", "only those of a user, group, identity or application, by name or id")
	c.Flags().StringVar(&flags.role, "role", "", "only those of a role, by name or id")
	c.Flags().Var((*reference)(&flags.scope), "scope", "resource, what is in a vault, resource group or id (default: the subscription)")
	return c
}

func (sh *shell) roleAssignments(ctx context.Context, flags roleFlags) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	at, err := c.findScope(ctx, flags.scope)
	if err != nil {
		return err
	}
	filter := ""
	if flags.principal != "" {
		p, err := c.findAnyone(ctx, flags.principal)
		if err != nil {
			return err
		}
		filter = "principalId eq " + quote(p.ID)
	}
	all, err := c.roleAssignments(ctx, at, filter)
	if err != nil {
		return err
	}
	if flags.role != "" {
		role, err := c.findAnyRole(ctx, flags.role)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(a roleAssignment) bool { return !a.isOf(role.Name) })
	}
	if len(all) == 0 && sh.output == "table" {
		sh.say("No role assignments. Make one with: inborn role assign --principal P --role R --scope S")
		return nil
	}
	c.nameAssignments(ctx, all)
	return sh.print(append([]roleAssignment{}, all...), assignmentRows(all))
}

// assignmentRows is a table of assignments, with the conditions if there are any.
func assignmentRows(all []roleAssignment) [][]string {
	rows := [][]string{{"PRINCIPAL", "KIND", "ROLE", "SCOPE"}}
	for _, a := range all {
		p := a.Properties
		rows = append(rows, []string{p.PrincipalName, p.PrincipalType, p.RoleName, p.Scope})
	}
	if !slices.ContainsFunc(all, func(a roleAssignment) bool { return a.Properties.Condition != "" }) {
		return rows
	}
	rows[0] = append(rows[0], "CONDITION")
	for i, a := range all {
		rows[i+1] = append(rows[i+1], clip(a.Properties.Condition))
	}
	return rows
}

// maxCell is how much of a text a table shows, in characters; JSON has all of it.
const maxCell = 60

// clip makes one line of a text and leaves out what is too much of it.
func clip(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) <= maxCell {
		return text
	}
	return string([]rune(text)[:maxCell-3]) + "..."
}

// nameAssignments adds the names of principals and roles. Each is asked for once.
func (c *client) nameAssignments(ctx context.Context, all []roleAssignment) {
	names := map[string]string{}
	name := func(id string, ask func(context.Context, string) string) string {
		if names[id] == "" {
			names[id] = ask(ctx, id)
		}
		return names[id]
	}
	for i := range all {
		p := &all[i].Properties
		p.PrincipalName, p.RoleName = name(p.PrincipalID, c.nameOf), name(p.RoleDefinitionID, c.roleNameOf)
	}
}

// nameOf returns the name of a principal for people; its id if there is no such principal any more.
func (c *client) nameOf(ctx context.Context, id string) string {
	for _, kind := range []string{"/servicePrincipals/", "/users/", "/groups/"} {
		var p servicePrincipal
		if c.graph(ctx, http.MethodGet, kind+id, nil, &p) == nil && p.DisplayName != "" {
			return p.DisplayName
		}
	}
	return id
}

// roleNameOf returns the name of a role; its id if there is no such role any more.
func (c *client) roleNameOf(ctx context.Context, id string) string {
	var r roleDefinition
	if c.arm(ctx, http.MethodGet, id+rolesVersion, nil, &r) != nil {
		return id
	}
	return r.Properties.Name
}
