package cli

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/inborn-id/inborn/internal/apierr"
)

func newVault(sh *shell) *cobra.Command {
	c := family("vault", "Key vaults and what is in them: list, show, create, delete, recover, purge, secret, key, cert, log, rekey",
		newVaultList(sh),
		sh.vaultCommand("show NAME", "Show a vault", sh.vaultShow),
		newVaultCreate(sh),
		sh.vaultCommand("delete NAME", "Delete a vault with all that is in it; recover undoes it until its end", sh.vaultDelete),
		newVaultEnd(sh, "recover NAME", "Bring a deleted vault back with all that was in it; roles on it have to be assigned again", sh.vaultRecover),
		newVaultEnd(sh, "purge NAME", "End a deleted vault and all that is in it, for good", sh.vaultPurge),
		newVaultSecret(sh), newVaultKey(sh), newVaultCert(sh), newVaultLog(sh), newRekey(sh))
	c.Long = "Key vaults and the secrets, keys and certificates in them. Values are read from standard input or a file, never from\n" +
		"the command line. The local administrator may use every vault; programs need roles:\n\n" +
		"  inborn role assign --principal func-orders --role \"Key Vault Secrets User\" --scope kv-orders/secrets/db-password"
	return c
}

func (sh *shell) vaultCommand(use, short string, run func(context.Context, string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: exactly(1),
		ValidArgsFunction: func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return sh.vaultNames(c), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error { return run(c.Context(), args[0]) }}
}

func newVaultEnd(sh *shell, use, short string, run func(context.Context, string) error) *cobra.Command {
	c := sh.vaultCommand(use, short, run)
	c.ValidArgsFunction = func(c *cobra.Command, _ []string, _ string) (names []string, _ cobra.ShellCompDirective) {
		if client, err := sh.connect(c.Context()); err == nil {
			all, _ := client.deletedVaults(c.Context())
			for _, v := range all {
				names = append(names, v.Name)
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	return c
}

func newVaultList(sh *shell) *cobra.Command {
	var deleted bool
	c := &cobra.Command{Use: "list", Short: "List the vaults of the subscription", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if deleted {
				return sh.vaultListDeleted(c.Context())
			}
			return sh.vaultList(c.Context())
		}}
	c.Flags().BoolVar(&deleted, "deleted", false, "those that were deleted and can be recovered")
	return c
}

func (sh *shell) vaultList(ctx context.Context) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	all, err := c.vaults(ctx)
	if err != nil {
		return err
	}
	rows := [][]string{{"NAME", "GROUP", "ACCESS", "URI"}}
	for _, v := range all {
		rows = append(rows, []string{v.Name, segmentAfter(v.ID, "resourceGroups"), accessOf(v), v.Properties.URI})
	}
	if len(all) == 0 && sh.output == "table" {
		sh.say("No vaults. Create one with: inborn vault create NAME")
		return nil
	}
	return sh.print(append([]vaultResource{}, all...), rows)
}

func accessOf(v vaultResource) string {
	if v.Properties.RBAC {
		return "roles"
	}
	return "access policies"
}

func (sh *shell) vaultListDeleted(ctx context.Context) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	all, err := c.deletedVaults(ctx)
	if err != nil {
		return err
	}
	rows := [][]string{{"NAME", "GROUP", "DELETED", "ENDS", "PURGE PROTECTION"}}
	for _, v := range all {
		rows = append(rows, []string{v.Name, segmentAfter(v.Properties.VaultID, "resourceGroups"), v.Properties.Deleted.Format(time.RFC3339),
			v.Properties.Purge.Format(time.RFC3339), strconv.FormatBool(v.Properties.PurgeProtection)})
	}
	if len(all) == 0 && sh.output == "table" {
		sh.say("No deleted vaults.")
		return nil
	}
	return sh.print(append([]deletedVault{}, all...), rows)
}

// findVault resolves a vault by name.
func (c *client) findVault(ctx context.Context, name string) (vaultResource, error) {
	all, err := c.vaults(ctx)
	if err != nil {
		return vaultResource{}, err
	}
	for _, v := range all {
		if strings.EqualFold(v.Name, name) {
			return v, nil
		}
	}
	return vaultResource{}, apierr.New(apierr.ResourceNotFound, "No vault is called %q.", name).WithHelp("inborn vault list")
}

// findDeletedVault resolves a deleted vault by name.
func (c *client) findDeletedVault(ctx context.Context, name string) (deletedVault, error) {
	all, err := c.deletedVaults(ctx)
	if err != nil {
		return deletedVault{}, err
	}
	for _, v := range all {
		if strings.EqualFold(v.Name, name) {
			return v, nil
		}
	}
	return deletedVault{}, apierr.New(apierr.ObjectNotFound, "No deleted vault is called %q.", name).WithHelp("inborn vault list --deleted")
}

func (sh *shell) vaultShow(ctx context.Context, name string) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	v, err := c.findVault(ctx, name)
	if err != nil {
		return err
	}
	return sh.printVault(c, v)
}

func (sh *shell) printVault(c *client, v vaultResource) error {
	purge := "no"
	if v.Properties.PurgeProtection {
		purge = "yes"
	}
	return sh.print(v, [][]string{{"name", v.Name}, {"resource id", v.ID}, {"location", v.Location}, {"access", accessOf(v)},
		{"uri", v.Properties.URI}, {"by path", c.status.Origin + "/vaults/" + v.Name}, {"keeps deleted", strconv.Itoa(v.Properties.RetentionDays) + " days"},
		{"purge protection", purge}})
}

func newVaultCreate(sh *shell) *cobra.Command {
	var v vaultResource
	var policies bool
	c := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a vault in the default resource group",
		Long: "Create a vault in the default resource group. Roles decide who may use it. Its name is one of a host and unique in all\n" +
			"of Inborn. How long it keeps what is deleted is fixed, and purge protection cannot be taken back.",
		Example: "  inborn vault create kv-orders\n  inborn vault create kv-orders --retention-days 7 --purge-protection",
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			v.Properties.RBAC = !policies
			return sh.vaultCreate(c.Context(), args[0], v)
		},
	}
	c.Flags().StringVar(&v.Location, "location", "local", "region, a word without a meaning here")
	c.Flags().IntVar(&v.Properties.RetentionDays, "retention-days", 90, "how long it keeps what is deleted, 7 to 90")
	c.Flags().BoolVar(&v.Properties.PurgeProtection, "purge-protection", false, "nobody can end what is deleted before its time")
	c.Flags().BoolVar(&policies, "access-policies", false, "access policies decide who may use it, and not roles")
	c.Flags().StringToStringVar(&v.Tags, "tag", nil, "tag as NAME=VALUE (may be repeated)")
	return c
}

func (sh *shell) vaultCreate(ctx context.Context, name string, v vaultResource) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	path := c.status.ResourceGroup + "/providers/" + vaultType + "/" + url.PathEscape(name)
	var there vaultResource
	if err := c.arm(ctx, http.MethodGet, path+armVersion, nil, &there); err == nil {
		return apierr.New(apierr.ObjectExists, "There is a vault %s already.", there.Name).WithHelp("inborn vault show %s", there.Name)
	} else if !notFound(err) {
		return err
	}
	var made vaultResource
	if err := c.arm(ctx, http.MethodPut, path+armVersion, v, &made); err != nil {
		return err
	}
	return sh.printVault(c, made)
}

func (sh *shell) vaultDelete(ctx context.Context, name string) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	v, err := c.findVault(ctx, name)
	if err != nil {
		return err
	}
	if err := c.arm(ctx, http.MethodDelete, v.ID+armVersion, nil, nil); err != nil {
		return err
	}
	sh.say("deleted %s; for %d days it can be had back: %s", v.Name, v.Properties.RetentionDays, apierr.Command("inborn vault recover %s", v.Name))
	return nil
}

func (sh *shell) vaultRecover(ctx context.Context, name string) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	gone, err := c.findDeletedVault(ctx, name)
	if err != nil {
		return err
	}
	in := vaultResource{Location: gone.Properties.Location, Properties: vaultProperties{CreateMode: "recover"}}
	if err := c.arm(ctx, http.MethodPut, gone.Properties.VaultID+armVersion, in, nil); err != nil {
		return err
	}
	sh.say("recovered %s; the roles that were assigned on it are not back", gone.Name)
	return nil
}

func (sh *shell) vaultPurge(ctx context.Context, name string) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	gone, err := c.findDeletedVault(ctx, name)
	if err != nil {
		return err
	}
	path := (&url.URL{Path: gone.ID + "/purge"}).EscapedPath() // a location may have a blank
	if err := c.arm(ctx, http.MethodPost, path+armVersion, nil, nil); err != nil {
		return err
	}
	sh.say("purged %s", gone.Name)
	return nil
}
