package cli

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inborn-id/inborn/internal/apierr"
)

const exitCodesHelp = "\n\nExit codes: 10 the identity does not exist, 20 the application does not exist, 30 it does not offer the role."

func newGrant(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:     "grant IDENTITY APP ROLE",
		Short:   "Give an identity an app role of an application, by names",
		Long:    "Give an identity an app role of an application. IDENTITY and APP are names, object ids or client ids; APP may be\nan identifier URI." + exitCodesHelp,
		Example: "  inborn grant func-orders \"Microsoft Graph\" User.Read.All\n  inborn grant id-orders-dev-local-01 api://orders Orders.Read.All",
		Args:    exactly(3),
		RunE: func(c *cobra.Command, args []string) error {
			return sh.changeGrant(c.Context(), args, true)
		},
	}
}

func newRevoke(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:     "revoke IDENTITY APP ROLE",
		Short:   "Take an app role away from an identity; it holds within a second",
		Long:    "Take an app role away from an identity. Inborn's own APIs refuse from then on even tokens that were issued before;\nnew tokens for other APIs no longer carry the role." + exitCodesHelp,
		Example: "  inborn revoke func-orders \"Microsoft Graph\" User.Read.All",
		Args:    exactly(3),
		RunE: func(c *cobra.Command, args []string) error {
			return sh.changeGrant(c.Context(), args, false)
		},
	}
}

// changeGrant looks up the three ids that an assignment needs, in the order in which scripts report what is missing.
func (sh *shell) changeGrant(ctx context.Context, args []string, grant bool) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	identity, err := c.findPrincipal(ctx, args[0])
	if err != nil {
		return missingIdentity(err)
	}
	api, err := c.findAPI(ctx, args[1])
	if err != nil {
		if apierr.Is(err, apierr.ObjectNotFound) {
			return &exitError{code: exitNoAPI, err: noSuchApp(args[1])}
		}
		return err
	}
	role, ok := roleFor(api, args[2])
	if !ok {
		missing := apierr.New(apierr.AppRoleUnknown, "%s offers no app role %q to applications.", api.DisplayName, args[2]).
			WithHelp("inborn app show %s", api.DisplayName)
		return &exitError{code: exitNoRole, err: missing}
	}
	if grant {
		return sh.grant(ctx, c, identity, api, role)
	}
	return sh.revoke(ctx, c, identity, api, role)
}

func noSuchApp(name string) error {
	if strings.Contains(name, "://") {
		return apierr.New(apierr.ObjectNotFound, "No application has the identifier URI %s.", name).WithHelp("inborn app list")
	}
	return apierr.New(apierr.ObjectNotFound, "No application is called %q.", name).WithHelp("inborn app list --all")
}

func (sh *shell) grant(ctx context.Context, c *client, identity, api servicePrincipal, role appRole) error {
	var made appRoleAssignment
	err := c.graph(ctx, http.MethodPost, "/servicePrincipals/"+identity.ID+"/appRoleAssignments",
		appRoleAssignment{PrincipalID: identity.ID, ResourceID: api.ID, AppRoleID: role.ID}, &made)
	var refusal *refused
	if errors.As(err, &refusal) && refusal.message == "Permission being assigned already exists on the object" {
		sh.say("%s has %s of %s already", identity.DisplayName, role.Value, api.DisplayName)
		return nil
	}
	if err != nil {
		return err
	}
	if sh.output == "json" {
		return sh.printJSON(made)
	}
	sh.say("granted %s of %s to %s", role.Value, api.DisplayName, identity.DisplayName)
	return nil
}

func (sh *shell) revoke(ctx context.Context, c *client, identity, api servicePrincipal, role appRole) error {
	given, err := graphAll[appRoleAssignment](ctx, c, "/servicePrincipals/"+identity.ID+"/appRoleAssignments")
	if err != nil {
		return err
	}
	for _, a := range given {
		if a.ResourceID != api.ID || a.AppRoleID != role.ID {
			continue
		}
		if err := c.graph(ctx, http.MethodDelete, "/servicePrincipals/"+identity.ID+"/appRoleAssignments/"+a.ID, nil, nil); err != nil {
			return err
		}
		sh.say("revoked %s of %s from %s", role.Value, api.DisplayName, identity.DisplayName)
		return nil
	}
	sh.say("%s does not have %s of %s", identity.DisplayName, role.Value, api.DisplayName)
	return nil
}
