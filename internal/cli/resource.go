package cli

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inborn-id/inborn/internal/apierr"
)

func newResource(sh *shell) *cobra.Command {
	return family("resource", "Resources, which workloads run as: list, show, create, delete",
		newResourceList(sh),
		&cobra.Command{Use: "show RESOURCE", Short: "Show one resource and its identities", Args: exactly(1),
			RunE: func(c *cobra.Command, args []string) error { return sh.resourceShow(c.Context(), args[0]) }},
		newResourceCreate(sh),
		&cobra.Command{Use: "delete RESOURCE", Short: "Delete a resource with its system-assigned identity and all that one was given", Args: exactly(1),
			RunE: func(c *cobra.Command, args []string) error { return sh.resourceDelete(c.Context(), args[0]) }},
	)
}

func newResourceList(sh *shell) *cobra.Command {
	var kind string
	c := &cobra.Command{Use: "list", Short: "List the resources of the subscription", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error { return sh.resourceList(c.Context(), kind) }}
	c.Flags().StringVar(&kind, "type", "", "only those of a type, such as Microsoft.Web/sites")
	return c
}

func (sh *shell) resourceList(ctx context.Context, kind string) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	found, err := armPages[armResource](ctx, c, "/subscriptions/"+c.status.Subscription+"/resources"+armVersion)
	if err != nil {
		return err
	}
	all := []resourceOutput{}
	rows := [][]string{{"NAME", "TYPE", "GROUP", "IDENTITIES"}}
	for _, r := range found {
		if isIdentity(r) || kind != "" && !strings.EqualFold(r.Type, kind) {
			continue
		}
		o := resourceOf(r)
		all = append(all, o)
		rows = append(rows, []string{o.Name, o.Type, o.Group, strings.Join(append(systemName(o), o.User...), ", ")})
	}
	return sh.print(all, rows)
}

// resourceOf is what we show of a resource.
func resourceOf(r armResource) resourceOutput {
	o := resourceOutput{ID: r.ID, Name: r.Name, Type: r.Type, Location: r.Location, Group: segmentAfter(r.ID, "resourceGroups"), User: []string{}}
	if r.Identity == nil {
		return o
	}
	o.System = r.Identity.PrincipalID
	for id := range r.Identity.User {
		o.User = append(o.User, id[strings.LastIndexByte(id, '/')+1:])
	}
	slices.Sort(o.User)
	return o
}

func systemName(o resourceOutput) []string {
	if o.System == "" {
		return nil
	}
	return []string{"(system)"}
}

// segmentAfter returns the segment of a resource id that follows word.
func segmentAfter(id, word string) string {
	segments := strings.Split(id, "/")
	for i := 0; i+1 < len(segments); i++ {
		if strings.EqualFold(segments[i], word) {
			return segments[i+1]
		}
	}
	return ""
}

func (sh *shell) resourceShow(ctx context.Context, ref string) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	found, err := c.findResource(ctx, ref)
	if err != nil {
		return err
	}
	var r armResource
	if err := c.arm(ctx, http.MethodGet, found.ID+armVersion, nil, &r); err != nil {
		return err
	}
	o := resourceOf(r)
	system := o.System
	if system == "" {
		system = apierr.Command("none: inborn identity assign %s --system", o.Name)
	}
	rows := [][]string{{"name", o.Name}, {"type", o.Type}, {"resource id", o.ID}, {"location", o.Location}, {"system identity", system}}
	rows = append(rows, list("user identities", o.User, apierr.Command("none: inborn identity assign %s IDENTITY", o.Name))...)
	if o.References, err = c.references(ctx, found); err != nil {
		return err
	}
	var lines []string
	for _, one := range o.References {
		lines = append(lines, one.line())
	}
	if len(lines) > 0 {
		rows = append(rows, list("references", lines, "")...)
	}
	return sh.print(o, rows)
}

func newResourceCreate(sh *shell) *cobra.Command {
	var kind, location string
	var system bool
	var identities []string
	c := &cobra.Command{
		Use:     "create NAME --type TYPE",
		Short:   "Create a resource in the default resource group, or change the identities of one",
		Example: "  inborn resource create func-orders --type Microsoft.Web/sites --system --identity id-orders-dev-local-01",
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			return sh.resourceCreate(c.Context(), args[0], kind, location, system, identities)
		},
	}
	c.Flags().StringVar(&kind, "type", "", "type, such as Microsoft.Web/sites or Microsoft.Compute/virtualMachines")
	c.Flags().StringVar(&location, "location", "local", "region, a word without a meaning here")
	c.Flags().BoolVar(&system, "system", false, "give it a system-assigned identity")
	c.Flags().StringSliceVar(&identities, "identity", nil, "give it a user-assigned identity, by name or id (may be repeated)")
	_ = c.MarkFlagRequired("type")
	return c
}

func (sh *shell) resourceCreate(ctx context.Context, name, kind, location string, system bool, identities []string) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	if strings.ContainsAny(name, "/") || strings.Count(kind, "/") != 1 {
		return usage("A resource has a name without slashes and a type such as Microsoft.Web/sites.")
	}
	namespace, rest, _ := strings.Cut(kind, "/")
	path := c.status.ResourceGroup + "/providers/" + url.PathEscape(namespace) + "/" + url.PathEscape(rest) + "/" + url.PathEscape(name)
	var have armResource
	exists := c.arm(ctx, http.MethodGet, path+armVersion, nil, &have) == nil
	if exists && !system && len(identities) == 0 {
		sh.say("%s is there already, and its identities stay. To take one away: inborn identity unassign", have.Name)
		return sh.printCreated(have)
	}
	block := map[string]any{"type": blockType(system, len(identities) > 0)}
	users := map[string]struct{}{}
	for _, ref := range identities {
		identity, err := c.findIdentity(ctx, ref)
		if err != nil {
			return err
		}
		users[identity.ID] = struct{}{}
	}
	if len(users) > 0 {
		block["userAssignedIdentities"] = users
	}
	var made armResource
	if err := c.arm(ctx, http.MethodPut, path+armVersion, map[string]any{"location": location, "identity": block}, &made); err != nil {
		return err
	}
	if exists && resourceOf(have).System != "" && resourceOf(made).System == "" {
		sh.say("took away the system-assigned identity with its grants; inborn identity restore %s brings them back", made.Name)
	}
	return sh.printCreated(made)
}

func (sh *shell) printCreated(r armResource) error {
	o := resourceOf(r)
	return sh.print(o, [][]string{{"name", o.Name}, {"type", o.Type}, {"resource id", o.ID},
		{"identities", strings.Join(append(systemName(o), o.User...), ", ")}})
}

func (sh *shell) resourceDelete(ctx context.Context, ref string) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	r, err := c.findResource(ctx, ref)
	if err != nil {
		return err
	}
	if err := c.arm(ctx, http.MethodDelete, r.ID+armVersion, nil, nil); err != nil {
		return err
	}
	sh.say("deleted %s", r.Name)
	return nil
}
