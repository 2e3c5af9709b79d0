//go:build !linux

package interop

import (
	"errors"
	"syscall"
)

// Only Linux has network namespaces.
const scenarioVariable = "INBORN_INTEROP_SCENARIO"

func enterNamespace() ([]string, error) {
	return nil, errors.New(scenarioVariable + " is for Linux only")
}

func dieWithUs() *syscall.SysProcAttr { return nil }

// localClients are the clients that only Linux has.
func localClients() map[string]func([]string) error { return map[string]func([]string) error{} }
