package envelope

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A change of the master key is seen in the files, so that it survives the death of the process at any point:
//
//	master.key         the present key
//	master.key.next    the one that seals from now on; there while something may still be sealed with the present one
//	master.key.ID      a former key, which opens what it has sealed for as long as the file is there: backups made in
//	                   its time need it, and only people know how long they keep those
//
// Begin writes the second file and Finish renames; whoever starts in between finds both with Present and goes on.

const nextSuffix = ".next"

// Present returns the master key of the file at path, which opens what the former keys beside it have sealed as well. While
// a change is under way it seals with the next key, and former is the ID of the key that is being replaced; otherwise that
// is "".
func Present(path string) (m *Master, former string, err error) {
	if m, err = Load(path); err != nil {
		return nil, "", err
	}
	m = openingFormer(m, path)
	next, err := Load(path + nextSuffix)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return m, "", nil
	case err != nil:
		return nil, "", err
	}
	return next.Opening(m), m.ID(), nil
}

// openingFormer adds the former keys beside path. One that cannot be read is as good as moved away: whatever needs it says so.
func openingFormer(m *Master, path string) *Master {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return m
	}
	for _, entry := range entries {
		id, beside := strings.CutPrefix(entry.Name(), filepath.Base(path)+".")
		if former, err := loadFormer(path, id); beside && err == nil {
			m = m.Opening(former)
		}
	}
	return m
}

// loadFormer returns the former key of that ID, if the file of that name holds it.
func loadFormer(path, id string) (*Master, error) {
	if len(id) != 2*idSize {
		return nil, fs.ErrNotExist
	}
	m, err := Load(path + "." + id)
	if err == nil && m.ID() != id {
		return nil, fs.ErrNotExist
	}
	return m, err
}

// Begin starts a change of the key in the file at path, to the key in the file from or to a new one if from is "". It
// returns what Present does from then on. A change that is under way already stays the one it is.
func Begin(path, from string, random io.Reader) (*Master, error) {
	var err error
	if from == "" {
		err = create(path+nextSuffix, random)
	} else {
		var key []byte
		if key, err = read(from); err != nil {
			return nil, err
		}
		err = place(path+nextSuffix, key, random)
	}
	if err != nil {
		return nil, fmt.Errorf("writing the next master key: %w", err)
	}
	m, _, err := Present(path)
	return m, err
}

// Finish ends a change when nothing is sealed with the former key any more. That key stays beside, in a file of the name
// it returns; "" if no change was under way.
func Finish(path string) (former string, err error) {
	if _, err := Load(path + nextSuffix); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		return "", err
	}
	m, err := Load(path)
	if err != nil {
		return "", err
	}
	former = path + "." + m.ID()
	if err := os.Link(path, former); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("keeping the former master key: %w", err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return "", err
	}
	if err := os.Rename(path+nextSuffix, path); err != nil {
		return "", fmt.Errorf("putting the next master key in place: %w", err)
	}
	return former, syncDir(filepath.Dir(path))
}
