package cli

import (
	"context"

	"github.com/spf13/cobra"
)

func newUser(sh *shell) *cobra.Command {
	return family("user", "The people of the tenant: list, show",
		&cobra.Command{Use: "list", Short: "List the users", Args: exactly(0),
			RunE: func(c *cobra.Command, _ []string) error { return sh.userList(c.Context()) }},
		&cobra.Command{Use: "show USER", Short: "Show one user, and the roles that it has, itself or through groups", Args: exactly(1),
			Example: "  inborn user show ann",
			RunE:    func(c *cobra.Command, args []string) error { return sh.userShow(c.Context(), args[0]) }},
	)
}

func (sh *shell) userList(ctx context.Context) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	found, err := graphAll[servicePrincipal](ctx, c, "/users")
	if err != nil {
		return err
	}
	all := []userOutput{}
	rows := [][]string{{"NAME", "USER PRINCIPAL NAME", "OBJECT ID"}}
	for _, u := range found {
		all = append(all, userOutput{Name: u.DisplayName, UPN: u.UPN, ObjectID: u.ID})
		rows = append(rows, []string{u.DisplayName, u.UPN, u.ID})
	}
	if len(all) == 0 && sh.output == "table" {
		sh.say("No users. Declare them under users in a manifest and run: inborn apply --file MANIFEST.yaml")
		return nil
	}
	return sh.print(all, rows)
}

func (sh *shell) userShow(ctx context.Context, ref string) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	u, err := c.findAnyone(ctx, ref)
	if err != nil {
		return err
	}
	if u.UPN == "" {
		return usage("%s is not a user.", u.DisplayName)
	}
	o := userOutput{Name: u.DisplayName, UPN: u.UPN, ObjectID: u.ID}
	if o.Roles, err = c.roleAssignments(ctx, c.subscription(), "assignedTo("+quote(u.ID)+")"); err != nil {
		return err
	}
	c.nameAssignments(ctx, o.Roles)
	var roles []string
	for _, a := range o.Roles {
		line := a.Properties.RoleName + " on " + a.Properties.Scope
		if a.Properties.PrincipalID != u.ID {
			line += ", through the group " + a.Properties.PrincipalName
		}
		roles = append(roles, line)
	}
	rows := [][]string{{"name", o.Name}, {"user principal name", o.UPN}, {"object id", o.ObjectID}}
	return sh.print(o, append(rows, list("roles", roles, "none")...))
}
