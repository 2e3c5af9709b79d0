// Command inborn is the whole of Inborn: the control plane, the node agent and the command line.
package main

import (
	"os"

	"github.com/inborn-id/inborn/internal/cli"
	"github.com/inborn-id/inborn/internal/sandbox"
)

func main() {
	sandbox.Init() // of `inborn run`: this program is also pid 1 of its sandboxes
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
