package cli

import (
	"context"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

const (
	authorization = "/providers/Microsoft.Authorization"
	rolesVersion  = "?api-version=2022-04-01"
)

func newRole(sh *shell) *cobra.Command {
	return family("role", "Roles of Resource Manager and the data planes: list, show, assignments, assign, remove, create, update, delete",
		newRoleList(sh),
		&cobra.Command{Use: "show ROLE", Short: "Show what a role permits", Args: exactly(1),
			Example: "  inborn role show \"Key Vault Secrets User\"",
			RunE:    func(c *cobra.Command, args []string) error { return sh.roleShow(c.Context(), args[0]) }},
		newRoleAssignments(sh), newRoleAssign(sh), newRoleRemove(sh),
		newRolePut(sh, false), newRolePut(sh, true), newRoleDelete(sh),
	)
}

func newRoleList(sh *shell) *cobra.Command {
	var custom bool
	var scope string
	c := &cobra.Command{Use: "list", Short: "List the roles, built-in and custom", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error { return sh.roleList(c.Context(), custom, scope) }}
	c.Flags().BoolVar(&custom, "custom", false, "only custom roles")
	c.Flags().Var((*reference)(&scope), "scope", "only those that can be assigned at a resource, resource group or id (default: all of the subscription)")
	return c
}

func (sh *shell) roleList(ctx context.Context, custom bool, scope string) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	at, err := c.findScope(ctx, scope)
	if err != nil {
		return err
	}
	var filters []string
	if scope == "" {
		filters = append(filters, belowToo)
	}
	if custom {
		filters = append(filters, "type eq 'CustomRole'")
	}
	found, err := c.roleDefinitions(ctx, at, filters...)
	if err != nil {
		return err
	}
	rows := [][]string{{"NAME", "KIND", "ID"}}
	all := []roleDefinition{}
	for _, r := range found {
		all = append(all, r)
		rows = append(rows, []string{r.Properties.Name, r.kind(), r.Name})
	}
	if len(all) == 0 && sh.output == "table" {
		sh.say("No custom roles. Make one with: inborn role create --file ROLE.yaml")
		return nil
	}
	return sh.print(all, rows)
}

// roleDefinitions lists the roles at a scope that pass all of the filters.
func (c *client) roleDefinitions(ctx context.Context, at string, filters ...string) ([]roleDefinition, error) {
	path := at + authorization + "/roleDefinitions" + rolesVersion
	if len(filters) > 0 {
		path += "&$filter=" + url.QueryEscape(strings.Join(filters, " and "))
	}
	return armPages[roleDefinition](ctx, c, path)
}

func (sh *shell) roleShow(ctx context.Context, ref string) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	r, err := c.findAnyRole(ctx, ref)
	if err != nil {
		return err
	}
	return sh.showRole(r)
}

func (sh *shell) showRole(r roleDefinition) error {
	rows := [][]string{{"name", r.Properties.Name}, {"kind", r.kind()}, {"id", r.Name}}
	if r.Properties.Description != "" {
		rows = append(rows, []string{"description", r.Properties.Description})
	}
	for _, p := range r.Properties.Permissions {
		rows = append(rows, list("actions", p.Actions, "none")...)
		rows = append(rows, list("but not", p.NotActions, "-")...)
		rows = append(rows, list("data actions", p.DataActions, "none")...)
		rows = append(rows, list("but not", p.NotDataActions, "-")...)
		if p.Condition != "" {
			rows = append(rows, []string{"condition", p.Condition})
		}
	}
	rows = append(rows, list("assignable at", r.Properties.AssignableScopes, "nowhere")...)
	return sh.print(r, rows)
}
