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
			"  inborn access can func-orders Microsoft.KeyVault/vaults/secrets/getSecret/action kv-orders --data-action",
		Args: between(2, 3),
		RunE: func(c *cobra.Command, args []string) error {
			return sh.accessCan(c.Context(), append(args, "")[:3], data)
		},
	}
	dataActionFlag(c, &data)
	return c
}

// dataActionFlag is not called --data, which is the data directory everywhere.
func dataActionFlag(c *cobra.Command, data *bool) {
	c.Flags().BoolVar(data, "data-action", false, "the action is one on data, such as reading a secret")
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
		err = sh.showDecision(answer)
	}
	if err == nil && answer.Decision != "Allowed" {
		return &exitError{code: exitFailed}
	}
	return err
}

func (sh *shell) showDecision(answer accessDecision) error {
	rows := append([][]string{{"decision", answer.Decision}}, list("because", answer.Reasons, "-")...)
	if answer.Hint != "" {
		rows = append(rows, []string{"hint", answer.Hint})
	}
	return sh.print(answer, rows)
}

func newWho(sh *shell) *cobra.Command {
	var data bool
	c := &cobra.Command{
		Use:     "who ACTION [SCOPE]",
		Short:   "List the principals that may do something at a scope, and by which assignment",
		Example: "  inborn access who Microsoft.KeyVault/vaults/secrets/getSecret/action kv-orders --data-action",
		Args:    between(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			return sh.accessWho(c.Context(), append(args, "")[:2], data)
		},
	}
	dataActionFlag(c, &data)
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
	answer := accessList{Value: []accessHolder{}}
	in := accessQuestion{Action: args[0], Data: data}
	if err := c.arm(ctx, http.MethodPost, at+"/providers/Inborn.Platform/access/who"+ownVersion, in, &answer); err != nil {
		return err
	}
	rows := [][]string{{"PRINCIPAL", "KIND", "ROLE", "SCOPE", "THROUGH"}}
	for _, a := range answer.Value {
		rows = append(rows, []string{a.Name, a.Kind, a.Role, a.Scope, a.Through})
	}
	if len(answer.Value) > 0 || sh.output == "json" {
		if err := sh.print(answer.Value, rows); err != nil {
			return err
		}
	}
	sh.sayWhoElse(answer)
	return nil
}

// sayWhoElse tells of the local administrator, whose rights are no role assignment.
func (sh *shell) sayWhoElse(answer accessList) {
	switch none := len(answer.Value) == 0; {
	case none && answer.Administrator:
		sh.say("Nobody but the local administrator: whoever holds the data directory always may.")
	case none:
		sh.say("Nobody.")
	case answer.Administrator:
		sh.say("The local administrator may, too: whoever holds the data directory.")
	}
	if answer.Hint != "" {
		sh.say("%s", answer.Hint)
	}
}
