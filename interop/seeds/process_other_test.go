//go:build !linux

package seeds

import "syscall"

// dieWithUs is nothing where the kernel does not offer it.
func dieWithUs() *syscall.SysProcAttr { return nil }
