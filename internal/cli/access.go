package cli

import (
	"context"
	"net/http"

	"github.com/spf13/cobra"
)

func newAccess(sh *shell) *cobra.Command {
	return family("access", "Who may do what, and why, and who may too much: can, who, review", newCan(sh), newWho(sh), newReview(sh))
}

func newCan(sh *shell) *cobra.Command {
	var data bool
	c := &cobra.Command{
		Use:   "can PRINCIPAL ACTION [SCOPE]",
		Short: "Tell whether a principal may do something, and why",
		Long: "Tell whether a user, group, identity or application may do something at a scope (default: the subscription), and\n" +
			"which assignment decides. The exit code is 0 for yes and 1 for no.",
		Example: "  inborn access can func-orders Microsoft.Storage/storageAccounts/read stordev\n" +
			"  inborn access can func-orders Microsoft.KeyVault/vaults/secrets/getSecret/action kv-orders --data",
		Args: between(2, 3),
		RunE: func(c *cobra.Command, args []string) error {
			return sh.accessCan(c.Context(), append(args, "")[:3], data)
		},
	}
	c.Flags().BoolVar(&data, "data", false, "the action is one on data, such as reading a secret")
	return c
}

func (sh *shell) accessCan(ctx context.Context, args []string, data bool) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	who, err := c.findAnyone(ctx, args[0])
	if err != nil {
		return err
	}
	at, err := c.findScope(ctx, args[2])
	if err != nil {
		return err
	}
	var answer accessDecision
	in := accessQuestion{Principal: who.ID, Action: args[1], Data: data}
	if err := c.arm(ctx, http.MethodPost, at+"/providers/Inborn.Platform/access/can"+ownVersion, in, &answer); err != nil {
		return err
	}
	if sh.output == "json" {
		err = sh.printJSON(answer)
	} else {
		err = sh.print(answer, append([][]string{{"decision", answer.Decision}}, list("because", answer.Reasons, "-")...))
	}
	if err == nil && answer.Decision != "Allowed" {
		return &exitError{code: exitFailed}
	}
	return err
}

func newWho(sh *shell) *cobra.Command {
	var data bool
	c := &cobra.Command{
		Use:     "who ACTION [SCOPE]",
		Short:   "List the principals that may do something at a scope, and by which assignment",
		Example: "  inborn access who Microsoft.KeyVault/vaults/secrets/getSecret/action kv-orders --data",
		Args:    between(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			return sh.accessWho(c.Context(), append(args, "")[:2], data)
		},
	}
	c.Flags().BoolVar(&data, "data", false, "the action is one on data, such as reading a secret")
	return c
}

func (sh *shell) accessWho(ctx context.Context, args []string, data bool) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	at, err := c.findScope(ctx, args[1])
	if err != nil {
		return err
	}
	var answer accessList
	in := accessQuestion{Action: args[0], Data: data}
	if err := c.arm(ctx, http.MethodPost, at+"/providers/Inborn.Platform/access/who"+ownVersion, in, &answer); err != nil {
		return err
	}
	rows := [][]string{{"PRINCIPAL", "KIND", "ROLE", "SCOPE", "THROUGH"}}
	for _, a := range answer.Value {
		rows = append(rows, []string{a.Name, a.Kind, a.Role, a.Scope, a.Through})
	}
	if len(answer.Value) == 0 && sh.output == "table" {
		sh.say("Nobody.")
		return nil
	}
	return sh.print(answer.Value, rows)
}
