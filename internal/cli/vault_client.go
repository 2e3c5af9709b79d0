package cli

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inborn-id/inborn/internal/apierr"
)

const (
	vaultAudience = "https://vault.azure.net"
	dataVersion   = "?api-version=7.6" // of the data plane
	vaultType     = "Microsoft.KeyVault/vaults"
)

// inVault is the command line as a caller of the data plane of one vault.
type inVault struct {
	*client
	name string
}

// inVault finds the vault that a command is about: the one that is named, else the only one there is.
func (sh *shell) inVault(ctx context.Context, name string) (*inVault, error) {
	c, err := sh.connect(ctx)
	if err != nil || name != "" {
		return &inVault{c, name}, err
	}
	all, err := c.vaults(ctx)
	switch {
	case err != nil:
		return nil, err
	case len(all) == 0:
		return nil, apierr.New(apierr.ParameterMissing, "There is no vault.").WithHelp("inborn vault create NAME")
	case len(all) > 1:
		var names []string
		for _, v := range all {
			names = append(names, v.Name)
		}
		return nil, usage("Say with --vault which vault: %s.", strings.Join(names, ", "))
	}
	return &inVault{c, all[0].Name}, nil
}

// vaults lists the vaults of the subscription.
func (c *client) vaults(ctx context.Context) ([]vaultResource, error) {
	return armPages[vaultResource](ctx, c, c.subscription()+"/providers/"+vaultType+armVersion)
}

// deletedVaults lists those that were deleted.
func (c *client) deletedVaults(ctx context.Context) ([]deletedVault, error) {
	return armPages[deletedVault](ctx, c, c.subscription()+"/providers/Microsoft.KeyVault/deletedVaults"+armVersion)
}

// ask sends a request to the vault; path begins with a slash. in and out may be nil.
func (v *inVault) ask(ctx context.Context, method, path string, in, out any) error {
	return v.improved(path, v.call(ctx, method, v.at(path)+dataVersion, vaultAudience, in, out))
}

func (v *inVault) at(path string) string { return "/vaults/" + url.PathEscape(v.name) + path }

// pages reads all pages of a list.
func vaultPages[T any](ctx context.Context, v *inVault, path string) ([]T, error) {
	all := []T{}
	for next := v.at(path) + dataVersion; next != ""; {
		var page armPage[T]
		if err := v.call(ctx, http.MethodGet, next, vaultAudience, nil, &page); err != nil {
			return nil, v.improved(path, err)
		}
		all = append(all, page.Value...)
		next = strings.TrimPrefix(page.NextLink, v.status.Origin)
	}
	return all, nil
}

// improved adds to a refusal of the data plane what would help: it has no place for that on the wire.
func (v *inVault) improved(path string, err error) error {
	var e *refused
	if !errors.As(err, &e) {
		return err
	}
	e.message = strings.TrimRight(strings.ReplaceAll(e.message, "\r\n", "\n"), "\n ")
	kind, name, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(path, "/"), "deleted"), "/")
	name, _, _ = strings.Cut(name, "/")
	one := commandOf(kind)
	switch {
	case e.code == "VaultNotFound":
		e.help = "inborn vault list"
	case e.inner == "ObjectIsDeletedButRecoverable":
		e.help = apierr.Command("inborn vault %s recover %s --vault %s", one, name, v.name)
	case e.inner == "SecretDisabled" || e.inner == "KeyDisabled":
		e.help = apierr.Command("inborn vault %s update %s --vault %s --enable", one, name, v.name)
	case e.status == http.StatusConflict && kind == "certificates" && e.inner == "": // an operation waits
		e.help = apierr.Command("inborn vault cert pending show %s --vault %s", name, v.name)
	case e.status == http.StatusNotFound && strings.HasSuffix(path, "/pending"):
		e.help = apierr.Command("inborn vault cert show %s --vault %s", name, v.name)
	case e.status == http.StatusNotFound && strings.HasPrefix(path, "/deleted"):
		e.help = apierr.Command("inborn vault %s list --vault %s --deleted", one, v.name)
	case e.status == http.StatusNotFound:
		e.help = apierr.Command("inborn vault %s list --vault %s", one, v.name)
	}
	return err
}

// commandOf is the word of the command line for things of a kind.
func commandOf(kind string) string {
	if kind == "certificates" {
		return "cert"
	}
	return strings.TrimSuffix(kind, "s")
}

// vaultFlag adds the flag that every command about what is in a vault has.
func (sh *shell) vaultFlag(c *cobra.Command, name *string) {
	c.Flags().StringVar(name, "vault", "", "name of the vault (default: the only one there is)")
	_ = c.RegisterFlagCompletionFunc("vault", func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return sh.vaultNames(c), cobra.ShellCompDirectiveNoFileComp
	})
}

// vaultNames are the names of the vaults, for completion: none if they cannot be had.
func (sh *shell) vaultNames(c *cobra.Command) (names []string) {
	client, err := sh.connect(c.Context())
	if err != nil {
		return nil
	}
	all, _ := client.vaults(c.Context())
	for _, v := range all {
		names = append(names, v.Name)
	}
	return names
}
