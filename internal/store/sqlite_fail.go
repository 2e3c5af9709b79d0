package store

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/inborn-id/inborn/internal/apierr"
)

// fail turns an error of SQLite into one sentence with its remedy. Named errors and the end of a context pass as they
// are; nil stays nil.
func (e *sqliteEngine) fail(doing string, err error) error {
	if passes(err) {
		return err
	}
	path := filepath.Join(e.dir, stateFile)
	if e.copied != "" {
		path = e.copied
	}
	remedy := "Look at the log for the cause and start Inborn again."
	var engine *sqlite.Error
	if errors.As(err, &engine) {
		switch engine.Code() & 0xff {
		case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH:
			remedy = "The file or its directory cannot be written: give this user write permission, or name another directory with --data."
		case sqlite3.SQLITE_FULL:
			remedy = "The disk is full: free some space. Nothing that was acknowledged is lost."
		case sqlite3.SQLITE_IOERR:
			remedy = "The disk reported an error: check the disk and its free space. Nothing that was acknowledged before is lost."
		case sqlite3.SQLITE_CORRUPT:
			remedy = "The file is damaged: stop Inborn, keep a copy of the directory, and restore a backup."
		case sqlite3.SQLITE_NOTADB:
			remedy = "The file is not an Inborn database: move it away, or name another directory with --data."
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			remedy = "Another program holds the file open for writing: close it."
		}
		if c := engine.Code() & 0xff; e.copied != "" && (c == sqlite3.SQLITE_CORRUPT || c == sqlite3.SQLITE_NOTADB) {
			remedy = "The file is damaged, or not an Inborn database: use another backup."
		}
	}
	return apierr.New(apierr.StoreFailed, "Cannot %s in %s. %s", doing, path, remedy).Because(err)
}

// passes reports whether err needs no sentence of the engine's.
func passes(err error) bool {
	var named *apierr.Error
	return err == nil || errors.As(err, &named) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// directoryError is the sentence for a data directory or file that the operating system refuses.
func directoryError(dir string, err error) error {
	if passes(err) {
		return err
	}
	failed := func(format string, args ...any) *apierr.Error {
		return apierr.New(apierr.StoreFailed, format, args...).Because(err)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return failed("The data directory %s cannot be made because its parent does not exist.", dir).
			WithHelp("mkdir -p %s", filepath.Dir(dir))
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return failed("The data directory %s cannot be written: give this user write permission, or name another directory"+
			" with --data.", dir)
	case errors.Is(err, syscall.ENOTDIR):
		return failed("The data directory %s is a file or lies below one: name another directory with --data.", dir)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return failed("The disk of the data directory %s is full: free some space. Nothing is lost.", dir)
	}
	return failed("The data directory %s cannot be used: %v.", dir, err)
}

// olderVersion compares dotted numbers.
func olderVersion(version, than string) bool {
	a, b := strings.Split(version, "."), strings.Split(than, ".")
	for i := range b {
		if i >= len(a) {
			return true
		}
		x, _ := strconv.Atoi(a[i])
		y, _ := strconv.Atoi(b[i])
		if x != y {
			return x < y
		}
	}
	return false
}
