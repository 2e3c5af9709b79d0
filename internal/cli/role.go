package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

const (
	authorization = "/providers/Microsoft.Authorization"
	rolesVersion  = "?api-version=2022-04-01"
)

func newRole(sh *shell) *cobra.Command {
	return family("role", "Roles of Resource Manager and the data planes: list, show, assignments, assign, remove",
		newRoleList(sh),
		&cobra.Command{Use: "show ROLE", Short: "Show what a role permits", Args: exactly(1),
			Example: "  inborn role show \"Key Vault Secrets User\"",
			RunE:    func(c *cobra.Command, args []string) error { return sh.roleShow(c.Context(), args[0]) }},
		newRoleAssignments(sh), newRoleAssign(sh, true), newRoleAssign(sh, false),
	)
}

func newRoleList(sh *shell) *cobra.Command {
	var custom bool
	c := &cobra.Command{Use: "list", Short: "List the roles, built-in and custom", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error { return sh.roleList(c.Context(), custom) }}
	c.Flags().BoolVar(&custom, "custom", false, "only custom roles")
	return c
}

func (sh *shell) roleList(ctx context.Context, custom bool) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	filter := ""
	if custom {
		filter = "&$filter=" + url.QueryEscape("type eq 'CustomRole'")
	}
	found, err := armPages[roleDefinition](ctx, c, c.subscription()+authorization+"/roleDefinitions"+rolesVersion+filter)
	if err != nil {
		return err
	}
	rows := [][]string{{"NAME", "KIND", "ID"}}
	all := []roleDefinition{}
	for _, r := range found {
		all = append(all, r)
		rows = append(rows, []string{r.Properties.Name, r.kind(), r.Name})
	}
	return sh.print(all, rows)
}

func (sh *shell) roleShow(ctx context.Context, ref string) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	r, err := c.findRole(ctx, c.subscription(), ref)
	if err != nil {
		return err
	}
	rows := [][]string{{"name", r.Properties.Name}, {"kind", r.kind()}, {"id", r.Name}}
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

func newRoleAssignments(sh *shell) *cobra.Command {
	var principal, scope string
	c := &cobra.Command{Use: "assignments", Short: "List who has which role where", Args: exactly(0),
		Long:    "List who has which role: at, above and below a scope; of one principal without what it has through groups.",
		Example: "  inborn role assignments --principal func-orders\n  inborn role assignments --scope kv-orders",
		RunE:    func(c *cobra.Command, _ []string) error { return sh.roleAssignments(c.Context(), principal, scope) }}
	c.Flags().StringVar(&principal, "principal", "", "only those of a user, group, identity or application, by name or id")
	c.Flags().StringVar(&scope, "scope", "", "resource, resource group or id (default: the subscription)")
	return c
}

func (sh *shell) roleAssignments(ctx context.Context, principal, scope string) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	at, err := c.findScope(ctx, scope)
	if err != nil {
		return err
	}
	filter := ""
	if principal != "" {
		p, err := c.findAnyone(ctx, principal)
		if err != nil {
			return err
		}
		filter = "&$filter=" + url.QueryEscape("principalId eq "+quote(p.ID))
	}
	found, err := armPages[roleAssignment](ctx, c, at+authorization+"/roleAssignments"+rolesVersion+filter)
	if err != nil {
		return err
	}
	rows := [][]string{{"PRINCIPAL", "KIND", "ROLE", "SCOPE"}}
	all := []roleAssignment{}
	for _, a := range found {
		all = append(all, a)
		rows = append(rows, []string{c.nameOf(ctx, a.Properties.PrincipalID), a.Properties.PrincipalType, c.roleNameOf(ctx, a.Properties.RoleDefinitionID), a.Properties.Scope})
	}
	if len(all) == 0 && sh.output == "table" {
		sh.say("No role assignments. Make one with: inborn role assign --principal P --role R --scope S")
		return nil
	}
	return sh.print(all, rows)
}

func newRoleAssign(sh *shell, assign bool) *cobra.Command {
	use, short := "assign", "Give a principal a role at a scope"
	if !assign {
		use, short = "remove", "Take a role at a scope away from a principal; it holds at once"
	}
	var principal, role, scope, condition string
	c := &cobra.Command{
		Use:     use + " --principal P --role R [--scope S]",
		Short:   short,
		Example: "  inborn role " + use + " --principal func-orders --role \"Key Vault Secrets User\" --scope kv-orders",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return sh.changeRole(c.Context(), principal, role, scope, condition, assign)
		},
	}
	c.Flags().StringVar(&principal, "principal", "", "user, group, identity or application, by name or id")
	c.Flags().StringVar(&role, "role", "", "role, by name or id")
	c.Flags().StringVar(&scope, "scope", "", "resource, resource group or id (default: the subscription)")
	if assign {
		c.Flags().StringVar(&condition, "condition", "", "limit what the role allows, in the language of conditions (version 2.0)")
	}
	_ = c.MarkFlagRequired("principal")
	_ = c.MarkFlagRequired("role")
	return c
}

func (sh *shell) changeRole(ctx context.Context, principal, role, scope, condition string, assign bool) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	at, err := c.findScope(ctx, scope)
	if err != nil {
		return err
	}
	who, err := c.findAnyone(ctx, principal)
	if err != nil {
		return err
	}
	what, err := c.findRole(ctx, at, role)
	if err != nil {
		return err
	}
	have, err := c.assignmentOf(ctx, at, who.ID, what.Name)
	if err != nil {
		return err
	}
	switch {
	case assign && have != nil:
		sh.say("%s has %s on %s already.", who.DisplayName, what.Properties.Name, cmp.Or(at, "/"))
		return nil
	case assign:
		return sh.assignRole(ctx, c, at, who, what, condition)
	case have == nil:
		return apierr.New(apierr.ObjectNotFound, "%s does not have %s on %s itself.", who.DisplayName, what.Properties.Name, cmp.Or(at, "/")).
			WithHelp("inborn role assignments --principal %s", principal)
	}
	if err := c.arm(ctx, http.MethodDelete, have.ID+rolesVersion, nil, nil); err != nil {
		return err
	}
	sh.say("removed %s on %s from %s", what.Properties.Name, cmp.Or(at, "/"), who.DisplayName)
	return nil
}

func (sh *shell) assignRole(ctx context.Context, c *client, at string, who servicePrincipal, what roleDefinition, condition string) error {
	id, err := guid.New(rand.Reader)
	if err != nil {
		return err
	}
	properties := map[string]string{"principalId": who.ID, "roleDefinitionId": what.ID}
	if condition != "" {
		properties["condition"], properties["conditionVersion"] = condition, "2.0"
	}
	in := map[string]any{"properties": properties}
	if err := c.arm(ctx, http.MethodPut, at+authorization+"/roleAssignments/"+id.String()+rolesVersion, in, nil); err != nil {
		return err
	}
	sh.say("gave %s on %s to %s", what.Properties.Name, cmp.Or(at, "/"), who.DisplayName)
	return nil
}

// assignmentOf returns the assignment of that role at exactly that scope; nil if there is none.
func (c *client) assignmentOf(ctx context.Context, at, principal, role string) (*roleAssignment, error) {
	filter := "&$filter=" + url.QueryEscape("principalId eq "+quote(principal))
	found, err := armPages[roleAssignment](ctx, c, at+authorization+"/roleAssignments"+rolesVersion+filter)
	if err != nil {
		return nil, err
	}
	for _, a := range found {
		if strings.EqualFold(strings.TrimRight(a.Properties.Scope, "/"), at) && strings.HasSuffix(strings.ToLower(a.Properties.RoleDefinitionID), "/"+strings.ToLower(role)) {
			return &a, nil
		}
	}
	return nil, nil
}

// subscription is the id of the subscription that names are looked up in.
func (c *client) subscription() string { return "/subscriptions/" + c.status.Subscription }
