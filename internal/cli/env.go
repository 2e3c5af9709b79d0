package cli

import (
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
			"gets tokens of its identities from the identity endpoint, with any stock SDK.",
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
			return sh.printLaunch(l)
		},
	}
	c.Flags().StringVar(&as, "as", "", "name or id of the resource")
	c.Flags().DurationVar(&life, "for", 24*time.Hour, "how long the environment is good for")
	_ = c.MarkFlagRequired("as")
	return c
}

func (sh *shell) printLaunch(l *launch) error {
	env := l.place().environment()
	if sh.output == "json" {
		return sh.printJSON(launchOutput{Resource: l.resource.ID, Expires: l.expires.Format(time.RFC3339), Environment: env})
	}
	fmt.Fprintf(sh.out, "unset %s\n", strings.Join(conflicting[:], " ")) // first: the launch may set some of them itself
	for _, name := range slices.Sorted(maps.Keys(env)) {
		fmt.Fprintf(sh.out, "export %s='%s'\n", name, strings.ReplaceAll(env[name], "'", `'\''`))
	}
	fmt.Fprintf(sh.out, "# You are %s until %s.\n", l.resource.Name, l.expires.Local().Format(time.DateTime))
	return nil
}
