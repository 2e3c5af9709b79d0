//go:build !unix

package store

import (
	"errors"
	"io/fs"
	"os"
)

// claim makes an empty file in the place of one that may have been left behind. Without flock nothing tells whether
// another process still uses that one.
func claim(path string) (*os.File, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}
