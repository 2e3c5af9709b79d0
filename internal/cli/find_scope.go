package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/vault"
)

// findScope resolves where a role holds, and refuses what lies below a vault and is nothing there: Resource Manager knows
// no more of it than the vault's name, and a role there would allow nothing.
func (c *client) findScope(ctx context.Context, ref string) (string, error) {
	id, err := c.resolveScope(ctx, ref)
	if err != nil {
		return "", err
	}
	return id, checkInVault(id)
}

// resolveScope resolves an id, the name of a resource, with what lies below it, such as kv-orders/secrets/db-password, or of
// a resource group; "" is the subscription.
func (c *client) resolveScope(ctx context.Context, ref string) (string, error) {
	switch {
	case ref == "":
		return c.subscription(), nil
	case strings.HasPrefix(ref, "/"):
		return strings.TrimRight(ref, "/"), nil
	}
	name, below, _ := strings.Cut(ref, "/")
	r, err := c.findResource(ctx, name)
	switch {
	case err == nil && strings.Trim(below, "/") != "":
		return r.ID + "/" + strings.Trim(below, "/"), nil
	case err == nil:
		return r.ID, nil
	}
	if !apierr.Is(err, apierr.ResourceNotFound) {
		return "", err
	}
	var group armResource
	if c.arm(ctx, http.MethodGet, c.subscription()+"/resourceGroups/"+url.PathEscape(ref)+armVersion, nil, &group) == nil {
		return group.ID, nil
	}
	return "", apierr.New(apierr.ResourceNotFound, "No resource or resource group is called %q.", ref).WithHelp("inborn resource list")
}

// inVaultScope takes a scope below a vault apart: the vault's name and what follows it.
func inVaultScope(id string) (vault, below string, ok bool) {
	const before = "/providers/microsoft.keyvault/vaults/"
	for at := range id {
		if rest := id[at:]; len(rest) > len(before) && strings.EqualFold(rest[:len(before)], before) {
			return strings.Cut(rest[len(before):], "/")
		}
	}
	return "", "", false
}

func checkInVault(id string) error {
	name, below, ok := inVaultScope(id)
	if !ok {
		return nil
	}
	if err := vault.CheckBelow(below); err != nil {
		return &exitError{code: exitUsage, err: apierr.From(err).WithHelp("inborn vault secret list --vault %s", name)}
	}
	return nil
}

// noteMissing says so if a role was given on something in a vault that is not there: it may come later, or be misspelt.
func (sh *shell) noteMissing(ctx context.Context, c *client, id string) {
	name, below, ok := inVaultScope(id)
	if !ok {
		return
	}
	kind, object, _ := strings.Cut(below, "/")
	kind = strings.ToLower(kind)
	versions, err := vaultPages[vaultObject](ctx, &inVault{c, name}, "/"+kind+"/"+url.PathEscape(object)+"/versions")
	if err == nil && len(versions) == 0 {
		fmt.Fprintf(sh.err, "note: %s has no %s %s yet: the role waits for it\n", printable(name), vault.Kind(kind).One(), printable(object))
	}
}
