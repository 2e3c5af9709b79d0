package cli

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

const roleFileHelp = ` a custom role by a file, in JSON or YAML, as az role definition takes it:

  Name: Secret Keeper
  Description: Reads and writes secrets, and sees the vaults that they are in.
  Actions: [Microsoft.KeyVault/vaults/read]
  NotActions: []
  DataActions: [Microsoft.KeyVault/vaults/secrets/*]
  NotDataActions: [Microsoft.KeyVault/vaults/secrets/purge/action]
  AssignableScopes: [kv-orders]

Keys may have any case. AssignableScopes are names or ids, as in --scope of inborn role assign; without them the role `

// newRolePut makes `role create` or `role update`.
func newRolePut(sh *shell, update bool) *cobra.Command {
	use, short, long := "create", "Make a custom role", "Make"+roleFileHelp+"can be\nassigned in the whole subscription."
	if update {
		use, short = "update", "Change what a custom role permits; it holds at once"
		long = "Change" + roleFileHelp + "stays\nassignable where it is. A file that gives the id of the role, too, may give it another name."
	}
	var file string
	c := &cobra.Command{Use: use + " --file ROLE.yaml", Short: short, Long: long, Args: exactly(0),
		Example: "  inborn role " + use + " --file role.yaml",
		RunE: func(c *cobra.Command, _ []string) error {
			if update {
				return sh.roleUpdate(c.Context(), file)
			}
			return sh.roleCreate(c.Context(), file)
		}}
	c.Flags().StringVarP(&file, "file", "f", "", "the role, in JSON or YAML")
	_ = c.MarkFlagRequired("file")
	return c
}

func newRoleDelete(sh *shell) *cobra.Command {
	return &cobra.Command{Use: "delete ROLE", Short: "Delete a custom role that nobody has", Args: exactly(1),
		Example: "  inborn role delete \"Secret Keeper\"",
		RunE:    func(c *cobra.Command, args []string) error { return sh.roleDelete(c.Context(), args[0]) }}
}

func (sh *shell) roleCreate(ctx context.Context, file string) error {
	in, c, err := sh.openRole(ctx, file)
	if err != nil {
		return err
	}
	same, err := c.roleDefinitions(ctx, c.subscription(), belowToo, "roleName eq "+quote(in.name()))
	switch {
	case err != nil:
		return err
	case len(same) > 0 && same[0].kind() == "custom":
		return apierr.New(apierr.ObjectExists, "There is a custom role %q already.", same[0].Properties.Name).WithHelp("inborn role update --file %s", file)
	case len(same) > 0:
		return apierr.New(apierr.ObjectExists, "%q is the name of a built-in role: choose another.", same[0].Properties.Name).
			WithHelp("inborn role show %s", same[0].Properties.Name)
	}
	id, err := guid.New(rand.Reader)
	if err != nil {
		return err
	}
	made, err := c.putRole(ctx, id.String(), in, []string{c.subscription()})
	if err != nil {
		return err
	}
	sh.say("made the role %s, which can be assigned at %s", made.Properties.Name, strings.Join(made.Properties.AssignableScopes, ", "))
	return sh.printDefinition(made)
}

func (sh *shell) roleUpdate(ctx context.Context, file string) error {
	in, c, err := sh.openRole(ctx, file)
	if err != nil {
		return err
	}
	have, err := c.rolesNamed(ctx, c.subscription(), in.reference(), belowToo)
	switch {
	case notFound(err) || err == nil && len(have) == 0:
		return &exitError{code: exitNoRole, err: apierr.New(apierr.ObjectNotFound, "There is no custom role %q to update.", in.name()).
			WithHelp("inborn role create --file %s", file)}
	case err != nil:
		return err
	case have[0].kind() != "custom":
		return builtInRole(have[0])
	}
	made, err := c.putRole(ctx, have[0].Name, in, have[0].Properties.AssignableScopes)
	if err != nil {
		return err
	}
	sh.say("changed the role %s", made.Properties.Name)
	return sh.printDefinition(made)
}

func (sh *shell) roleDelete(ctx context.Context, ref string) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	r, err := c.findAnyRole(ctx, ref)
	if err != nil {
		return err
	}
	if r.kind() != "custom" {
		return builtInRole(r)
	}
	if err := c.arm(ctx, http.MethodDelete, r.ID+rolesVersion, nil, nil); err != nil {
		return err
	}
	sh.say("deleted the role %s", r.Properties.Name)
	return sh.printDefinition(r)
}

func builtInRole(r roleDefinition) error {
	return apierr.New(apierr.RoleDefinitionUpdateNotPermitted, "The role %s is built in: it can be neither changed nor deleted.", r.Properties.Name).
		WithHelp("inborn role list --custom")
}

// printDefinition prints the role that a command was about, for programs; people were told.
func (sh *shell) printDefinition(r roleDefinition) error {
	if sh.output != "json" {
		return nil
	}
	return sh.printJSON(r)
}

// openRole reads the file, where its mistakes can be named, and connects.
func (sh *shell) openRole(ctx context.Context, file string) (roleFile, *client, error) {
	in, err := readRoleFile(file)
	if err != nil {
		return in, nil, err
	}
	c, err := sh.connect(ctx)
	return in, c, err
}

// putRole writes a custom role; scopes are where it can be assigned if its file does not say.
func (c *client) putRole(ctx context.Context, id string, in roleFile, scopes []string) (made roleDefinition, err error) {
	if len(in.Scopes) > 0 {
		scopes = nil
	}
	for _, ref := range in.Scopes {
		at, err := c.findScope(ctx, ref)
		if err != nil {
			return made, err
		}
		if at == "" {
			at = "/" // which Resource Manager refuses, with the reason
		}
		scopes = append(scopes, at)
	}
	body := definitionInput{roleProperties{Name: in.name(), Type: "CustomRole", Description: in.Description, AssignableScopes: scopes,
		Permissions: in.permissions()}}
	err = c.arm(ctx, http.MethodPut, c.subscription()+authorization+"/roleDefinitions/"+id+rolesVersion, body, &made)
	return made, err
}
