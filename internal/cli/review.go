package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const reviewHelp = `Look for principals that have more than they need: broad roles at broad scopes, the right to give access in the hands of
workloads, broad app roles of Microsoft Graph, roles and identities that nobody uses, and names of identities that do
not tell what they are for (id-<app>-<environment>-<location>-<instance>).

Each finding says why it matters and which command would put what is enough in its place. What is enough Inborn
proposes by what it has seen a role being used for; where it has seen nothing, by where its holder is at work. Read a
command before you run it. An identity that gets a better name keeps its old one beside it while resources have it,
because programs may know its client id: move them first, then delete the old one.

Looked at are the role assignments that hold at the scope, above and below it, and the identities below it. Use is
known to the hour, and only since this Inborn keeps it; what is younger than that is not called unused.`

func newReview(sh *shell) *cobra.Command {
	var scope, unusedFor string
	var fail bool
	c := &cobra.Command{
		Use:     "review",
		Short:   "Find who has more than is needed, with the commands that would change it",
		Long:    reviewHelp,
		Example: "  inborn access review\n  inborn access review --scope / --unused-for 30d\n  inborn access review --fail --output json   # in CI: exit code 3 if there are findings",
		Args:    exactly(0),
		RunE:    func(c *cobra.Command, _ []string) error { return sh.accessReview(c.Context(), scope, unusedFor, fail) },
	}
	c.Flags().Var((*reference)(&scope), "scope", "resource, resource group or id, or / for the tenant (default: the subscription)")
	c.Flags().StringVar(&unusedFor, "unused-for", "90d", "find what was not used for so many days")
	c.Flags().BoolVar(&fail, "fail", false, "exit with code 3 if there are findings")
	return c
}

func (sh *shell) accessReview(ctx context.Context, scope, unusedFor string, fail bool) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	at, err := c.findScope(ctx, scope)
	if err != nil {
		return err
	}
	all, err := c.review(ctx, at, unusedFor)
	if err != nil {
		return err
	}
	if sh.output == "json" {
		if err := sh.printJSON(all); err != nil {
			return err
		}
	} else {
		sh.showReview(all)
	}
	if fail && len(all.Findings) > 0 {
		return &exitError{code: exitFindings}
	}
	return nil
}

// review reads all pages.
func (c *client) review(ctx context.Context, at, unusedFor string) (all reviewOutput, err error) {
	all.Findings = []reviewFinding{}
	next := at + "/providers/Inborn.Platform/access/review" + ownVersion + "&unusedFor=" + url.QueryEscape(unusedFor)
	for next != "" {
		var page reviewPage
		if err := c.arm(ctx, http.MethodGet, next, nil, &page); err != nil {
			return all, err
		}
		all.reviewScope = page.reviewScope
		all.Findings = append(all.Findings, page.Value...)
		next = strings.TrimPrefix(page.NextLink, c.status.Origin)
	}
	return all, nil
}

// reviewKinds are the kinds of findings in the order in which they are shown, with their headings.
func reviewKinds() [][2]string {
	return [][2]string{
		{"workloadGivesAccess", "Workloads that can give access"},
		{"broadRole", "Broad roles at broad scopes"},
		{"broadAppRole", "Broad app roles of Microsoft Graph"},
		{"unattachedIdentity", "Identities that nothing has"},
		{"unusedIdentity", "Identities that are not used"},
		{"unusedRoleAssignment", "Role assignments that are not used"},
		{"identityName", "Names of identities"},
	}
}

func (sh *shell) showReview(all reviewOutput) {
	looked := fmt.Sprintf("%s and %s", plural(all.Identities, "identity", "identities"), plural(all.Assignments, "role assignment", "role assignments"))
	if len(all.Findings) == 0 {
		sh.say("No findings in %s%s.", looked, all.known())
		return
	}
	severities := map[string]int{}
	for _, kind := range reviewKinds() {
		title := kind[1] + "\n"
		for _, f := range all.Findings {
			if f.Kind == kind[0] {
				sh.say("%s%s", title, f.text())
				title = ""
				severities[f.Severity]++
			}
		}
	}
	var counts []string
	for _, severity := range []string{"high", "medium", "low"} {
		if n := severities[severity]; n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, severity))
		}
	}
	sh.say("%s (%s) in %s%s.", plural(len(all.Findings), "finding", "findings"), strings.Join(counts, ", "), looked, all.known())
}

// known says since when use is known, if that is less than what was asked for.
func (s reviewScope) known() string {
	since, err := time.Parse(time.RFC3339, s.Since)
	switch {
	case err != nil:
		return "; use is not known"
	case time.Since(since) < time.Duration(s.UnusedDays)*24*time.Hour:
		return "; use is known since " + since.UTC().Format(time.DateOnly) + " only"
	}
	return ""
}

// text shows a finding in a few lines.
func (f reviewFinding) text() string {
	what := f.Name
	switch {
	case f.Role != "":
		what = fmt.Sprintf("%s (%s) has %s on %s", f.Name, f.Type, f.Role, f.Scope)
	case f.AppRole != "":
		what = fmt.Sprintf("%s holds %s", f.Name, f.AppRole)
	case f.Scope != "":
		what = f.Scope
	}
	if last, err := time.Parse(time.RFC3339, f.LastUse); err == nil && f.Kind != "identityName" && f.Kind != "broadAppRole" {
		what += ", last used on " + last.UTC().Format("2006-01-02 about 15h UTC")
	}
	text := fmt.Sprintf("  %-7s %s\n          why: %s\n", f.Severity, what, f.Why)
	if f.Command == "" {
		return text + "          No smaller role or narrower scope is known to be enough.\n"
	}
	return text + "          try: " + f.Command + "\n"
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
