package cli

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inborn-id/inborn/internal/apierr"
)

func newIdentity(sh *shell) *cobra.Command {
	return family("identity", "Managed identities: list, show, create, delete, restore, assign, unassign",
		newIdentityList(sh),
		&cobra.Command{Use: "show NAME", Short: "Show one identity, its app roles and the resources that have it", Args: exactly(1),
			RunE: func(c *cobra.Command, args []string) error { return sh.identityShow(c.Context(), args[0]) }},
		newIdentityCreate(sh),
		&cobra.Command{Use: "delete NAME", Short: "Delete a user-assigned identity with all it was given; restore undoes it", Args: exactly(1),
			RunE: func(c *cobra.Command, args []string) error { return sh.identityDelete(c.Context(), args[0]) }},
		newRestore(sh), newAssign(sh, true), newAssign(sh, false),
	)
}

func newIdentityList(sh *shell) *cobra.Command {
	var deleted bool
	c := &cobra.Command{Use: "list", Short: "List the managed identities, user-assigned and system-assigned", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if deleted {
				return sh.identityDeleted(c.Context())
			}
			return sh.identityList(c.Context())
		}}
	c.Flags().BoolVar(&deleted, "deleted", false, "those that were deleted and can be restored")
	return c
}

func (sh *shell) identityList(ctx context.Context) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	found, err := graphAll[servicePrincipal](ctx, c, "/servicePrincipals?$filter="+url.QueryEscape("servicePrincipalType eq 'ManagedIdentity'"))
	if err != nil {
		return err
	}
	all := []identityOutput{}
	rows := [][]string{{"NAME", "KIND", "CLIENT ID", "OBJECT ID", "RESOURCE ID"}}
	for _, sp := range found {
		i := identityOf(sp)
		all = append(all, i)
		rows = append(rows, []string{i.Name, i.Kind, i.ClientID, i.ObjectID, i.ResourceID})
	}
	if len(all) == 0 && sh.output == "table" {
		sh.say("No managed identities. Create one with: inborn identity create NAME")
		return nil
	}
	return sh.print(all, rows)
}

// identityOf reads what a managed identity's service principal says of it: alternativeNames holds whether it is
// user-assigned, and its resource id.
func identityOf(sp servicePrincipal) identityOutput {
	i := identityOutput{Name: sp.DisplayName, Kind: "system", ClientID: sp.AppID, ObjectID: sp.ID}
	for _, name := range sp.AlternativeNames {
		switch {
		case name == "isExplicit=True":
			i.Kind = "user"
		case strings.HasPrefix(name, "/"):
			i.ResourceID = name
		}
	}
	return i
}

func (sh *shell) identityShow(ctx context.Context, name string) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	sp, err := c.findPrincipal(ctx, name)
	if err != nil {
		return missingIdentity(err)
	}
	i := identityOf(sp)
	if i.AppRoles, err = c.rolesOf(ctx, sp.ID); err != nil {
		return err
	}
	if i.UsedBy, err = c.usersOf(ctx, i); err != nil {
		return err
	}
	rows := [][]string{{"name", i.Name}, {"kind", i.Kind + "-assigned"}, {"client id", i.ClientID}, {"object id", i.ObjectID}, {"resource id", i.ResourceID}}
	rows = append(rows, list("app roles", i.AppRoles, apierr.Command("none: inborn grant %s %s User.Read.All", i.Name, "Microsoft Graph"))...)
	rows = append(rows, list("used by", i.UsedBy, "no resource: inborn identity assign RESOURCE "+i.Name)...)
	return sh.print(i, rows)
}

func list(title string, lines []string, none string) [][]string {
	if len(lines) == 0 {
		return [][]string{{title, none}}
	}
	var rows [][]string
	for _, line := range lines {
		rows = append(rows, []string{title, line})
		title = ""
	}
	return rows
}

// rolesOf returns the app roles of a principal as "Value of Application".
func (c *client) rolesOf(ctx context.Context, principal string) ([]string, error) {
	given, err := graphAll[appRoleAssignment](ctx, c, "/servicePrincipals/"+principal+"/appRoleAssignments")
	if err != nil {
		return nil, err
	}
	var roles []string
	apis := map[string]servicePrincipal{}
	for _, a := range given {
		api, known := apis[a.ResourceID]
		if !known {
			if err := c.graph(ctx, http.MethodGet, "/servicePrincipals/"+a.ResourceID, nil, &api); err != nil {
				return nil, err
			}
			apis[a.ResourceID] = api
		}
		roles = append(roles, roleName(api, a.AppRoleID)+" of "+a.ResourceDisplayName)
	}
	return roles, nil
}

func roleName(api servicePrincipal, id string) string {
	for _, role := range api.AppRoles {
		if role.ID == id {
			return role.Value
		}
	}
	return "default access"
}

// usersOf returns the ids of the resources that have an identity.
func (c *client) usersOf(ctx context.Context, i identityOutput) ([]string, error) {
	if i.Kind == "system" {
		return []string{i.ResourceID}, nil
	}
	all, err := armPages[armResource](ctx, c, "/subscriptions/"+c.status.Subscription+"/resources"+armVersion)
	if err != nil {
		return nil, err
	}
	var users []string
	for _, r := range all {
		if r.Identity == nil {
			continue
		}
		for id := range r.Identity.User {
			if strings.EqualFold(id, i.ResourceID) {
				users = append(users, r.ID)
			}
		}
	}
	return users, nil
}

func newIdentityCreate(sh *shell) *cobra.Command {
	var location string
	c := &cobra.Command{Use: "create NAME", Short: "Create a user-assigned identity in the default resource group, or by its resource id", Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error { return sh.identityCreate(c.Context(), args[0], location) }}
	c.Flags().StringVar(&location, "location", "local", "where it is said to be")
	return c
}

func (sh *shell) identityCreate(ctx context.Context, ref, location string) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	var made identityResource
	path := ref
	switch isID := strings.HasPrefix(ref, "/"); {
	case !isID:
		path = c.status.ResourceGroup + "/providers/" + identityType + "/" + url.PathEscape(ref)
	case !strings.Contains(strings.ToLower(ref), "/providers/"+strings.ToLower(identityType)+"/"):
		return usage("%s is not the resource id of a user-assigned identity.", ref)
	}
	if err := c.arm(ctx, http.MethodPut, path+armVersion, armResource{Location: location}, &made); err != nil {
		return err
	}
	i := identityOutput{Name: made.Name, Kind: "user", ClientID: made.Properties.ClientID, ObjectID: made.Properties.PrincipalID, ResourceID: made.ID}
	return sh.print(i, [][]string{{"name", i.Name}, {"client id", i.ClientID}, {"object id", i.ObjectID}, {"resource id", i.ResourceID}})
}

func (sh *shell) identityDelete(ctx context.Context, name string) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	identity, err := c.findIdentity(ctx, name)
	if err != nil {
		return c.orUnassign(ctx, name, err)
	}
	if err := c.arm(ctx, http.MethodDelete, identity.ID+armVersion, nil, nil); err != nil {
		return err
	}
	sh.say("deleted %s; for 30 days it can be had back: %s", identity.Name, apierr.Command("inborn identity restore %s", identity.Name))
	return nil
}

// orUnassign gives the refusal to delete an identity that is not there another remedy, if a resource has that name: its
// system-assigned identity ends otherwise.
func (c *client) orUnassign(ctx context.Context, name string, refused error) error {
	r, err := c.findResource(ctx, name)
	if err != nil || r.Identity == nil || r.Identity.PrincipalID == "" {
		return refused
	}
	return &exitError{code: exitNoIdentity, err: apierr.New(apierr.ObjectNotFound, "%q is a resource, and its system-assigned identity is no identity of its own.", r.Name).
		WithHelp("inborn identity unassign %s --system", r.Name)}
}

func newAssign(sh *shell, assign bool) *cobra.Command {
	use, short := "assign", "Give a resource a user-assigned identity, or its system-assigned one"
	if !assign {
		use, short = "unassign", "Take an identity away from a resource; a system-assigned one ends with its grants"
	}
	var system bool
	c := &cobra.Command{
		Use:     use + " RESOURCE [IDENTITY]",
		Short:   short,
		Example: "  inborn identity " + use + " func-orders id-orders-dev-local-01\n  inborn identity " + use + " func-orders --system",
		Args:    between(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			if system == (len(args) == 2) {
				return usage("Name an identity or use --system, one of the two.")
			}
			return sh.identityAssign(c.Context(), args, system, assign)
		},
	}
	c.Flags().BoolVar(&system, "system", false, "the system-assigned identity of the resource")
	return c
}

// identityAssign changes the identity block of a resource by a PATCH that says what the block shall be.
func (sh *shell) identityAssign(ctx context.Context, args []string, system, assign bool) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	r, err := c.findResource(ctx, args[0])
	if err != nil {
		return err
	}
	hasSystem, users := readBlock(r.Identity)
	change := map[string]*struct{}{} // null takes an identity out
	if system {
		hasSystem = assign
	} else {
		identity, err := c.findIdentity(ctx, args[1])
		if err != nil {
			return err
		}
		id := strings.ToLower(identity.ID)
		if delete(users, id); assign {
			users[id], change[identity.ID] = true, &struct{}{}
		} else {
			change[identity.ID] = nil
		}
	}
	block := map[string]any{"type": blockType(hasSystem, len(users) > 0)}
	if len(change) > 0 && len(users) > 0 {
		block["userAssignedIdentities"] = change
	}
	var after armResource
	if err := c.arm(ctx, http.MethodPatch, r.ID+armVersion, map[string]any{"identity": block}, &after); err != nil {
		return err
	}
	sh.say("%s now has: %s", r.Name, after.Identity.Type)
	return nil
}

func readBlock(block *armIdentity) (system bool, users map[string]bool) {
	users = map[string]bool{}
	if block == nil {
		return false, users
	}
	for id := range block.User {
		users[strings.ToLower(id)] = true
	}
	return strings.Contains(block.Type, "SystemAssigned"), users
}

func blockType(system, user bool) string {
	switch {
	case system && user:
		return "SystemAssigned, UserAssigned"
	case system:
		return "SystemAssigned"
	case user:
		return "UserAssigned"
	default:
		return "None"
	}
}

// missingIdentity gives "there is no such principal" the exit code that scripts know.
func missingIdentity(err error) error {
	if apierr.Is(err, apierr.ObjectNotFound) {
		return &exitError{code: exitNoIdentity, err: err}
	}
	return err
}
