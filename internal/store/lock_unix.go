//go:build unix

package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/inborn-id/inborn/internal/apierr"
)

// lockDirectory takes the lock that gives a data directory to one process. The kernel lets go of it when the process
// ends, however it ends; the pid in the file only tells people who has it.
func lockDirectory(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		holder, _ := os.ReadFile(path)
		f.Close()
		return nil, apierr.New(apierr.StoreFailed, "The data directory %s is in use by the Inborn process %s: stop that one, or"+
			" name another directory with --data.", filepath.Dir(path), strings.TrimSpace(string(holder)))
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt(fmt.Appendln(nil, os.Getpid()), 0)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// checkOwner refuses a directory in which somebody else can put or replace files: a database, a master key or a socket
// of theirs would be taken for ours.
func checkOwner(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
		return apierr.New(apierr.StoreFailed, "The data directory %s belongs to another user (uid %d): name one of your own with --data.", dir, owner.Uid)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return apierr.New(apierr.StoreFailed, "Other users can write to the data directory %s (mode %04o).", dir, info.Mode().Perm()).
			WithHelp("chmod go-w %s", dir)
	}
	return nil
}
