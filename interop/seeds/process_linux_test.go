package seeds

import "syscall"

// dieWithUs has the kernel end a program with this one, however this one ends.
func dieWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
