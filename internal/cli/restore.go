package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/inborn-id/inborn/internal/apierr"
)

const deletedItems = "/providers/Inborn.Platform/deletedItems"

func newRestore(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "restore NAME|ID",
		Short: "Put a deleted identity back with its ids and everything it was given",
		Long: "Put a managed identity that was deleted less than 30 days ago back: the same client id and object id, its app roles,\n" +
			"role assignments, group memberships, federated credentials and places in identity blocks, as far as the other side of\n" +
			"them still is there. A system-assigned identity needs its resource, without another identity in its place.\n\n" +
			"NAME is the last one deleted of that name. Any id will do as ID: object id, client id, resource id.",
		Example: "  inborn identity list --deleted\n  inborn identity restore id-orders-dev-local-01",
		Args:    exactly(1),
		RunE:    func(c *cobra.Command, args []string) error { return sh.identityRestore(c.Context(), args[0]) },
	}
}

func (sh *shell) identityDeleted(ctx context.Context) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	items, err := armPages[deletedItem](ctx, c, deletedItems+ownVersion)
	if err != nil {
		return err
	}
	all := []deletedProperties{}
	rows := [][]string{{"NAME", "KIND", "OBJECT ID", "DELETED", "UNTIL", "RESOURCE ID"}}
	for _, item := range items {
		p := item.Properties
		all = append(all, p)
		rows = append(rows, []string{p.Name, strings.ToLower(strings.TrimSuffix(p.Kind, "Assigned")), p.PrincipalID,
			p.Deleted.Local().Format(time.DateTime), p.Purge.Local().Format(time.DateOnly), p.ResourceID})
	}
	if len(all) == 0 && sh.output == "table" {
		sh.say("No deleted identities.")
		return nil
	}
	return sh.print(all, rows)
}

func (sh *shell) identityRestore(ctx context.Context, ref string) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	item, err := c.findDeleted(ctx, ref)
	if err != nil {
		return err
	}
	var done restoration
	if err := c.arm(ctx, http.MethodPost, deletedItems+"/"+item.PrincipalID+"/restore"+ownVersion, nil, &done); err != nil {
		return err
	}
	if sh.output == "json" {
		return sh.printJSON(done)
	}
	rows := [][]string{{"name", done.Name}, {"client id", done.ClientID}, {"object id", done.PrincipalID}, {"resource id", done.ResourceID},
		{"came back with it", fmt.Sprintf("%d grants, memberships, credentials and attachments", done.Restored)}}
	if len(done.Lost) > 0 {
		rows = append(rows, list("lost", done.Lost, "")...)
	}
	return sh.print(done, rows)
}

// findDeleted returns the deleted identity of that name, the last one if there are several, or with that id.
func (c *client) findDeleted(ctx context.Context, ref string) (found deletedProperties, err error) {
	items, err := armPages[deletedItem](ctx, c, deletedItems+ownVersion)
	if err != nil {
		return found, err
	}
	for _, item := range items {
		p := item.Properties
		for _, name := range []string{p.Name, p.PrincipalID, p.ClientID, p.ResourceID} {
			if strings.EqualFold(name, ref) && !p.Deleted.Before(found.Deleted) {
				found = p
			}
		}
	}
	if found.PrincipalID == "" {
		return found, &exitError{code: exitNoIdentity, err: apierr.New(apierr.ObjectNotFound, "No deleted identity is called %q or has that id.", ref).
			At(ref).WithHelp("inborn identity list --deleted")}
	}
	return found, nil
}
