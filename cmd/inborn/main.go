// Command inborn is the whole of Inborn: the control plane, the node agent and the command line.
package main

import (
	"os"

	"github.com/inborn-id/inborn/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
