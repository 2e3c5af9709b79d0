package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/manifest"
)

func newApply(sh *shell) *cobra.Command {
	var file string
	var dryRun, prune bool
	c := &cobra.Command{
		Use:     "apply --file MANIFEST.yaml",
		Short:   "Bring a running Inborn to what a manifest declares",
		Long:    "Bring a running Inborn to what a manifest declares, and print what that changes. Applying it again changes\nnothing. All of it takes effect, or nothing does. What secrets take fromEnv and fromFile is read here, and files are\nseen from the manifest. docs/manifest.md has all that a manifest can say; a mistake is answered with its place and the keys\nthat there are.",
		Example: "  inborn apply --file inborn.yaml --dry-run\n  inborn apply --file inborn.yaml --prune",
		Args:    exactly(0),
		RunE:    func(c *cobra.Command, _ []string) error { return sh.apply(c.Context(), file, dryRun, prune) },
	}
	c.Flags().StringVarP(&file, "file", "f", "", "the manifest")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "print what would change and change nothing")
	c.Flags().BoolVar(&prune, "prune", false, "delete what the manifest does not name")
	_ = c.MarkFlagRequired("file")
	return c
}

func (sh *shell) apply(ctx context.Context, file string, dryRun, prune bool) error {
	m, err := readManifest(file) // here, where its lines can be named
	if err != nil {
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	values, err := readValues(m, file)
	if err != nil {
		return err
	}
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	path := fmt.Sprintf("/providers/Inborn.Platform/apply%s&dryRun=%t&prune=%t", ownVersion, dryRun, prune)
	var p plan
	if err := c.arm(ctx, http.MethodPost, path, manifestBody(text, values), &p); err != nil {
		return manifestError(err, file)
	}
	if err := sh.showPlan(p); err != nil {
		return err
	}
	if home := c.status.Subscription; m.Subscription != nil && !m.Subscription.ID.IsZero() && m.Subscription.ID.String() != home {
		fmt.Fprintf(sh.err, "note: this is in the subscription %s, and these commands work in %s: start Inborn with --file %s to work there\n",
			m.Subscription.ID, home, printable(file))
	}
	return nil
}

// manifestBody is a manifest on its way, with the values that it takes from here if there are any.
func manifestBody(text []byte, values manifest.Values) any {
	if len(values) == 0 {
		return text
	}
	in := appliedManifest{Manifest: string(text), Values: map[string]string{}}
	for source, value := range values {
		in.Values[string(source)] = string(value)
	}
	return in
}

// manifestError turns the API's word that a declaration is wrong into one that names the line of the file.
func manifestError(err error, file string) error {
	var e *refused
	if errors.As(err, &e) && e.code == "ManifestInvalid" {
		return placed(apierr.New(apierr.ManifestInvalid, "%s", e.message).At(e.target).Helped(e.help), file)
	}
	return err
}

func (sh *shell) showPlan(p plan) error {
	if sh.output == "json" {
		return sh.printJSON(p)
	}
	if len(p.Changes) == 0 {
		sh.say("Nothing to change.")
		return nil
	}
	rows := [][]string{}
	sign := map[string]string{"create": "+", "update": "~", "delete": "-"}
	for _, change := range p.Changes {
		rows = append(rows, []string{sign[change.Action] + " " + change.Action, change.Kind, change.Name, change.Detail})
	}
	if err := sh.print(p, rows); err != nil {
		return err
	}
	if p.DryRun {
		sh.say("\n%s would be made.", changes(len(p.Changes)))
	} else {
		sh.say("\n%s made.", changes(len(p.Changes)))
	}
	return nil
}

func changes(n int) string {
	if n == 1 {
		return "1 change"
	}
	return fmt.Sprintf("%d changes", n)
}
