package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newEnv(sh *shell) *cobra.Command {
	var as string
	var life time.Duration
	c := &cobra.Command{
		Use:   "env --as RESOURCE",
		Short: "Print the environment that makes a shell the workload of a resource",
		Long: "Print shell commands that set the environment of a launch: whoever has it is the workload of the resource and\n" +
			"gets tokens of its identities from the identity endpoint, with any stock SDK. The application settings of a site\n" +
			"are in it, secrets of vaults that they refer to as well.",
		Example: "  eval \"$(inborn env --as func-orders)\"\n  inborn env --as func-orders --output json",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			if life < time.Second {
				return usage("--for %s is too short.", life)
			}
			client, err := sh.connect(ctx)
			if err != nil {
				return err
			}
			l, err := client.launch(ctx, as, life)
			if err != nil {
				return err
			}
			settings, err := sh.settings(ctx, client, l.resource.ID)
			if err != nil {
				return errors.Join(err, l.end(context.WithoutCancel(ctx)))
			}
			return sh.printLaunch(l, settings)
		},
	}
	c.Flags().StringVar(&as, "as", "", "name or id of the resource")
	c.Flags().DurationVar(&life, "for", 24*time.Hour, "how long the environment is good for")
	_ = c.MarkFlagRequired("as")
	return c
}

func (sh *shell) printLaunch(l *launch, settings map[string]string) error {
	env := map[string]string{}
	maps.Copy(env, settings)
	maps.Copy(env, l.place().environment())
	if sh.output == "json" {
		return sh.printJSON(launchOutput{Resource: l.resource.ID, Expires: l.expires.Format(time.RFC3339), Environment: env})
	}
	fmt.Fprintf(sh.out, "unset %s\n", strings.Join(conflicting[:], " ")) // first: the launch may set some of them itself
	for _, name := range slices.Sorted(maps.Keys(env)) {
		_, set := settings[name]
		switch {
		case !isVariable(name): // a shell would take it for something else
			sh.warn(name + " is not set: shells take no such name for a variable.")
			continue
		case set && runsCode(name):
			sh.warn(name + " is not set: in your own shell it would run what the settings of the resource say. inborn run sets it.")
			continue
		}
		fmt.Fprintf(sh.out, "export %s='%s'\n", name, strings.ReplaceAll(env[name], "'", `'\''`))
	}
	fmt.Fprintf(sh.out, "# You are %s until %s.\n", l.resource.Name, l.expires.Local().Format(time.DateTime))
	return nil
}
