//go:build !linux

package cli

import (
	"os"

	"github.com/inborn-id/inborn/internal/apierr"
)

// isTerminal reports whether a person is behind f, as far as a mode tells.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// readHidden refuses: what is typed could be seen.
func readHidden(*os.File) ([]byte, error) {
	return nil, apierr.New(apierr.ParameterInvalid, "Values are not read from a terminal on this system: pipe it in, or use --from-file FILE.")
}
