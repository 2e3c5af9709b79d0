package envelope

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// header is the first line of a master key file; the second is the key in base64.
const header = "inborn master key v1"

// maxFile is more than a master key file can have, in bytes.
const maxFile = 1 << 10

// Open returns the master key in the file at path and makes the file, readable by its owner only, when there is none.
// Programs that start at the same time end up with the same key, and one that is killed leaves no half a key behind.
func Open(path string, random io.Reader) (*Master, error) {
	m, err := Load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return m, err
	}
	if err := create(path, random); err != nil {
		return nil, fmt.Errorf("making the master key file: %w", err)
	}
	return Load(path)
}

// Load returns the master key in the file at path, which must exist (otherwise the error is an fs.ErrNotExist) and be
// readable by its owner only.
func Load(path string) (*Master, error) {
	key, err := read(path)
	if err != nil {
		return nil, err
	}
	return New(key)
}

// read returns the bytes of the key in the file at path.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the master key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat() // of the open file: the name may mean another one by now
	if err != nil {
		return nil, fmt.Errorf("reading the master key: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("the master key file %s can be read or changed by other users: run chmod 600 %s", path, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("reading the master key: %w", err)
	}
	first, second, _ := strings.Cut(string(text), "\n")
	key, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(second))
	if strings.TrimSpace(first) != header || err != nil || len(key) != keySize {
		return nil, fmt.Errorf("%s is not a master key file: expected the line %q and then %d bytes in base64; "+
			"restore it from a backup, without it the secrets in the database are lost", path, header, keySize)
	}
	return key, nil
}

// create makes a new key in the file at path.
func create(path string, random io.Reader) error {
	var fresh [keySize]byte
	if _, err := io.ReadFull(random, fresh[:]); err != nil {
		return err
	}
	return place(path, fresh[:], random)
}

// place writes a key to a file of another name and links it to path, which fails if path exists by then: then the key of
// whoever was first counts.
func place(path string, key []byte, random io.Reader) error {
	var suffix [8]byte
	if _, err := io.ReadFull(random, suffix[:]); err != nil {
		return err
	}
	draft := path + "." + hex.EncodeToString(suffix[:]) + ".new"
	text := header + "\n" + base64.StdEncoding.EncodeToString(key) + "\n"
	defer os.Remove(draft) // of 64 random bits: nobody else's
	if err := writeNew(draft, text); err != nil {
		return err
	}
	if err := os.Link(draft, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// writeNew writes a file that does not exist yet and waits until it is on the disk.
func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncDir makes the new name last: a key that is lost with the power would take all secrets with it.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" { // has no such thing
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
