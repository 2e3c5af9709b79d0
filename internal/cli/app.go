package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inborn-id/inborn/internal/apierr"
)

func newApp(sh *shell) *cobra.Command {
	var all bool
	list := &cobra.Command{Use: "list", Short: "List the tenant's applications", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error { return sh.appList(c.Context(), all) }}
	list.Flags().BoolVar(&all, "all", false, "first-party applications too, such as Microsoft Graph")
	return family("app", "Applications and the app roles they offer: list, show", list,
		&cobra.Command{Use: "show NAME", Short: "Show an application and the app roles it offers", Args: exactly(1),
			Example: "  inborn app show \"Microsoft Graph\"",
			RunE:    func(c *cobra.Command, args []string) error { return sh.appShow(c.Context(), args[0]) }})
}

func (sh *shell) appList(ctx context.Context, all bool) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	if all {
		return sh.principalList(ctx, c)
	}
	apps, err := graphAll[application](ctx, c, "/applications")
	if err != nil {
		return err
	}
	rows := [][]string{{"NAME", "CLIENT ID", "APP ROLES", "IDENTIFIER URIS"}}
	for _, a := range apps {
		rows = append(rows, []string{a.DisplayName, a.AppID, strconv.Itoa(len(a.AppRoles)), strings.Join(a.IdentifierURIs, " ")})
	}
	if len(apps) == 0 && sh.output == "table" {
		sh.say("No applications of your own. Declare some under apps in a manifest; first-party ones: inborn app list --all")
		return nil
	}
	return sh.print(append([]application{}, apps...), rows)
}

// principalList lists every service principal that is not a managed identity.
func (sh *shell) principalList(ctx context.Context, c *client) error {
	found, err := graphAll[servicePrincipal](ctx, c, "/servicePrincipals?$select=id,appId,displayName,servicePrincipalType,appRoles")
	if err != nil {
		return err
	}
	apps := []servicePrincipal{}
	rows := [][]string{{"NAME", "CLIENT ID", "APP ROLES", "OBJECT ID"}}
	for _, sp := range found {
		if sp.Type == "ManagedIdentity" {
			continue
		}
		apps = append(apps, sp)
		rows = append(rows, []string{sp.DisplayName, sp.AppID, strconv.Itoa(len(sp.AppRoles)), sp.ID})
	}
	return sh.print(apps, rows)
}

func (sh *shell) appShow(ctx context.Context, name string) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	sp, err := c.findAPI(ctx, name)
	if err != nil {
		if apierr.Is(err, apierr.ObjectNotFound) {
			return &exitError{code: exitNoAPI, err: noSuchApp(name)}
		}
		return err
	}
	rows := [][]string{{"name", sp.DisplayName}, {"client id", sp.AppID}, {"object id", sp.ID}}
	roles := []string{}
	for _, role := range sp.AppRoles {
		roles = append(roles, role.Value+"  "+strings.Join(role.AllowedMemberTypes, ", "))
	}
	return sh.print(sp, append(rows, list("app roles", roles, "none")...))
}
