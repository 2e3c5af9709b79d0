//go:build unix

package store

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/inborn-id/inborn/internal/apierr"
)

// claim makes an empty file that only its owner can read and that belongs to this process until it closes it or ends. One
// that a killed process left behind is replaced, one that another process has claimed is not.
func claim(path string) (*os.File, error) {
	left, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err == nil {
		defer left.Close()
		if err := lockClaimed(left); err != nil {
			return nil, err
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, claimed(path)
	}
	if err != nil {
		return nil, err
	}
	if err := lockClaimed(f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func lockClaimed(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return claimed(f.Name())
	}
	return err
}

func claimed(path string) error {
	return apierr.New(apierr.StoreFailed, "Another process is writing %s: wait for its end.", path)
}
