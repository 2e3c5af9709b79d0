package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

// version is set by the linker (make build); a plain go build says "devel".
var version = "devel"

func newVersion(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  exactly(0),
		RunE: func(*cobra.Command, []string) error {
			if sh.output == "json" {
				return sh.printJSON(map[string]string{"version": version, "go": runtime.Version(), "platform": platformName()})
			}
			_, err := fmt.Fprintf(sh.out, "inborn %s (%s, %s)\n", version, runtime.Version(), platformName())
			return err
		},
	}
}

func platformName() string {
	return runtime.GOOS + "/" + runtime.GOARCH
}
