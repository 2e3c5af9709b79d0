package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

// roleFlags name one role assignment.
type roleFlags struct{ principal, role, scope string }

func (f *roleFlags) on(c *cobra.Command) {
	c.Flags().Var((*reference)(&f.principal), "principal", "user, group, identity or application, by name or id")
	c.Flags().Var((*reference)(&f.role), "role", "role, by name or id")
	c.Flags().Var((*reference)(&f.scope), "scope", "resource, what is in a vault, resource group or id (default: the subscription)")
	_ = c.MarkFlagRequired("principal")
	_ = c.MarkFlagRequired("role")
}

// reference is a flag that names something. It is not empty when it is given: a variable of a script that is not set must not
// come to mean the whole subscription.
type reference string

// String implements pflag.Value.
func (r *reference) String() string { return string(*r) }

// Set implements pflag.Value.
func (r *reference) Set(text string) error {
	if text == "" {
		return errors.New("it is empty; leave the flag out for its default")
	}
	*r = reference(text)
	return nil
}

// Type implements pflag.Value.
func (r *reference) Type() string { return "string" }

func newRoleAssign(sh *shell) *cobra.Command {
	var flags roleFlags
	var condition string
	c := &cobra.Command{
		Use:   "assign --principal P --role R [--scope S]",
		Short: "Give a principal a role at a scope",
		Long: "Give a principal a role at a scope. Where it has the role there already, --condition changes under which condition,\n" +
			"and --condition '' takes the condition away.",
		Example: "  inborn role assign --principal func-orders --role \"Key Vault Secrets User\" --scope kv-orders\n" +
			"  inborn role assign --principal func-orders --role \"Key Vault Secrets User\" --scope kv-orders/secrets/db-password",
		Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if !c.Flags().Changed("condition") {
				return sh.roleAssign(c.Context(), flags, nil)
			}
			return sh.roleAssign(c.Context(), flags, &condition)
		},
	}
	flags.on(c)
	c.Flags().StringVar(&condition, "condition", "", "limit what the role allows, in the language of conditions (version 2.0)")
	return c
}

func newRoleRemove(sh *shell) *cobra.Command {
	var flags roleFlags
	c := &cobra.Command{
		Use:     "remove --principal P --role R [--scope S]",
		Short:   "Take a role at a scope away from a principal; it holds at once",
		Example: "  inborn role remove --principal func-orders --role \"Key Vault Secrets User\" --scope kv-orders",
		Args:    exactly(0),
		RunE:    func(c *cobra.Command, _ []string) error { return sh.roleRemove(c.Context(), flags) },
	}
	flags.on(c)
	return c
}

// namedRole is what roleFlags name, found.
type namedRole struct {
	*client
	at   string // the scope; "" is the tenant
	who  servicePrincipal
	what roleDefinition
	have *roleAssignment // nil if who does not have it
}

// place is the scope for people.
func (n *namedRole) place() string { return cmp.Or(n.at, "/") }

// named finds what a command is about; scope finds the scope.
func (sh *shell) named(ctx context.Context, f roleFlags, scope func(*client, context.Context, string) (string, error)) (*namedRole, error) {
	c, err := sh.connect(ctx)
	if err != nil {
		return nil, err
	}
	n := &namedRole{client: c}
	if n.at, err = scope(c, ctx, f.scope); err != nil {
		return nil, err
	}
	if n.who, err = c.findAnyone(ctx, f.principal); err != nil {
		return nil, err
	}
	if n.what, err = c.findRole(ctx, n.at, f.role); err != nil {
		return nil, err
	}
	n.have, err = c.assignmentOf(ctx, n.at, n.who.ID, n.what.Name)
	return n, err
}

// roleAssign gives a role, or changes the condition of one that is given; nil leaves that as it is.
func (sh *shell) roleAssign(ctx context.Context, flags roleFlags, condition *string) error {
	n, err := sh.named(ctx, flags, (*client).findScope)
	if err != nil {
		return err
	}
	role, holder := n.what.Properties.Name, n.who.DisplayName
	switch {
	case n.have == nil:
		given := ""
		if condition != nil {
			given = *condition
		}
		if err := n.give(ctx, given); err != nil {
			return err
		}
		sh.say("gave %s on %s to %s%s", role, n.place(), holder, under(given))
	case condition == nil && n.have.Properties.Condition != "":
		sh.say("%s has %s on %s already, but only under the condition %s\nTo take the condition away, say so: --condition ''",
			holder, role, n.place(), n.have.Properties.Condition)
	case condition == nil || *condition == n.have.Properties.Condition:
		sh.say("%s has %s on %s already.", holder, role, n.place())
	default:
		before := n.have.Properties.Condition
		if err := n.change(ctx, *condition); err != nil {
			return err
		}
		sh.sayCondition(n, before)
	}
	sh.noteMissing(ctx, n.client, n.at)
	return sh.printAssignment(n)
}

func under(condition string) string {
	if condition == "" {
		return ""
	}
	return ", under the condition " + condition
}

// sayCondition tells what became of the condition of an assignment.
func (sh *shell) sayCondition(n *namedRole, before string) {
	now := n.have.Properties.Condition
	switch {
	case now == "":
		sh.say("%s has %s on %s without a condition now", n.who.DisplayName, n.what.Properties.Name, n.place())
	case before == "":
		sh.say("%s has %s on %s only under a condition now: %s", n.who.DisplayName, n.what.Properties.Name, n.place(), now)
	default:
		sh.say("%s has %s on %s under another condition now: %s", n.who.DisplayName, n.what.Properties.Name, n.place(), now)
	}
}

// give makes a new assignment.
func (n *namedRole) give(ctx context.Context, condition string) error {
	id, err := guid.New(rand.Reader)
	if err != nil {
		return err
	}
	n.have = &roleAssignment{ID: n.at + authorization + "/roleAssignments/" + id.String()}
	n.have.Properties.PrincipalID, n.have.Properties.RoleDefinitionID = n.who.ID, n.what.ID
	return n.change(ctx, condition)
}

// change writes the assignment with another condition. The rest of it stays; what a PUT leaves out would be gone.
func (n *namedRole) change(ctx context.Context, condition string) error {
	p := n.have.Properties
	in := assignmentInput{assignmentFields{PrincipalID: p.PrincipalID, RoleDefinitionID: p.RoleDefinitionID, Condition: condition,
		Description: p.Description, Delegated: p.Delegated}}
	if condition != "" {
		in.Properties.ConditionVersion = "2.0"
	}
	var made roleAssignment
	if err := n.arm(ctx, http.MethodPut, n.have.ID+rolesVersion, in, &made); err != nil {
		return err
	}
	n.have = &made
	return nil
}

func (sh *shell) roleRemove(ctx context.Context, flags roleFlags) error {
	n, err := sh.named(ctx, flags, (*client).resolveScope) // also from where nothing can be assigned any more
	if err != nil {
		return err
	}
	if n.have == nil {
		return apierr.New(apierr.ObjectNotFound, "%s does not have %s on %s itself.", n.who.DisplayName, n.what.Properties.Name, n.place()).
			WithHelp("inborn role assignments --principal %s", flags.principal)
	}
	if err := n.arm(ctx, http.MethodDelete, n.have.ID+rolesVersion, nil, nil); err != nil {
		return err
	}
	sh.say("removed %s on %s from %s", n.what.Properties.Name, n.place(), n.who.DisplayName)
	return sh.printAssignment(n)
}

// printAssignment prints the assignment that a command was about, for programs; people were told.
func (sh *shell) printAssignment(n *namedRole) error {
	if sh.output != "json" {
		return nil
	}
	n.have.Properties.PrincipalName, n.have.Properties.RoleName = n.who.DisplayName, n.what.Properties.Name
	return sh.printJSON(n.have)
}

// assignmentOf returns the assignment of that role at exactly that scope; nil if there is none.
func (c *client) assignmentOf(ctx context.Context, at, principal, role string) (*roleAssignment, error) {
	found, err := c.roleAssignments(ctx, at, "principalId eq "+quote(principal))
	if err != nil {
		return nil, err
	}
	for _, a := range found {
		if strings.EqualFold(strings.TrimRight(a.Properties.Scope, "/"), at) && a.isOf(role) {
			return &a, nil
		}
	}
	return nil, nil
}

// isOf reports whether the assignment is of the role with the id.
func (a roleAssignment) isOf(role string) bool {
	return strings.HasSuffix(strings.ToLower(a.Properties.RoleDefinitionID), "/"+strings.ToLower(role))
}

// roleAssignments lists the assignments at, above and below a scope that pass the filter, if there is one.
func (c *client) roleAssignments(ctx context.Context, at, filter string) ([]roleAssignment, error) {
	path := at + authorization + "/roleAssignments" + rolesVersion
	if filter != "" {
		path += "&$filter=" + url.QueryEscape(filter)
	}
	return armPages[roleAssignment](ctx, c, path)
}

// subscription is the id of the subscription that names are looked up in.
func (c *client) subscription() string { return "/subscriptions/" + c.status.Subscription }
