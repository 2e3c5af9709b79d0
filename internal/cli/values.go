package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/manifest"
	"github.com/inborn-id/inborn/internal/vault"
)

// readValues reads what a manifest takes from where it is: variables of this process, and files seen from that of the
// manifest. Their values stand in no error.
func readValues(m *manifest.Manifest, file string) (manifest.Values, error) {
	if m == nil {
		return nil, nil
	}
	values, sources := manifest.Values{}, m.Sources()
	for _, source := range slices.Sorted(maps.Keys(sources)) {
		value, err := readSource(source, filepath.Dir(file))
		if err != nil {
			return nil, placed(apierr.New(apierr.ManifestInvalid, "%v", err).At(sources[source]), file)
		}
		values[source] = vault.Value(value)
	}
	return values, nil
}

func readSource(source manifest.Source, dir string) (value string, err error) {
	if name, ok := source.Env(); ok {
		var set bool
		if value, set = os.LookupEnv(name); !set {
			return "", fmt.Errorf("the variable %s is not set", name)
		}
	} else if path, ok := source.File(); ok {
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		text, err := readSmall(path, vault.MaxSecret)
		if err != nil {
			return "", err
		}
		value = string(text)
	}
	if !utf8.ValidString(value) {
		return "", fmt.Errorf("the value of %s is not text in UTF-8, as a secret has to be: encode it, for example in base64", source)
	}
	return value, nil
}

// readSmall reads a file that has a bound, which a device or a pipe has not.
func readSmall(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, cause(err))
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read %s: %w", path, cause(err))
	case int64(len(text)) > limit:
		return nil, fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return text, nil
}

// cause is an error about a file without the name of the file.
func cause(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
