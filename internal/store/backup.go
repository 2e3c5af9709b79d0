package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/inborn-id/inborn/internal/apierr"
)

// A backup is one SQLite database, as of one position, with a line of text behind its last page:
//
//	inborn backup v1 2026-03-01T12:00:05Z sha256 <hexadecimal hash of everything before it>
//
// SQLite, and every tool that reads its files, knows from the first page where the database ends and never looks at the
// line. So people can look into a backup with what they have, and any other byte than those that were written is seen
// without trusting the database to show it. The hash tells of damage and accidents; it is no signature.
const (
	sealPrefix  = "\ninborn backup v"
	sealVersion = "1 "
	sealHash    = " sha256 "
	sealTime    = "2006-01-02T15:04:05Z"
	sealSize    = len(sealPrefix+sealVersion+sealTime+sealHash) + 2*sha256.Size + 1
	sqliteMagic = "SQLite format 3\x00"
)

// BackupDraft is a backup in the making: written, but not yet under its name.
type BackupDraft struct {
	Path   string
	target string
	force  bool
	file   *os.File // Path, claimed
}

// CreateBackup copies the database of the data directory dir, with what is committed in it at this moment, to a draft
// beside target. It needs no word with the process that uses the directory, and that one goes on writing meanwhile.
func CreateBackup(ctx context.Context, dir, target string, force bool, at time.Time) (*BackupDraft, error) {
	source := filepath.Join(dir, stateFile)
	if err := checkSource(dir, source); err != nil {
		return nil, err
	}
	d := &BackupDraft{target: target, force: force, Path: target + ".tmp"}
	if err := d.checkTarget(dir); err != nil {
		return nil, err
	}
	var err error
	if d.file, err = claim(d.Path); err != nil {
		return nil, fileError("write the backup", d.Path, err)
	}
	if err := d.write(ctx, source, at); err != nil {
		d.Discard()
		return nil, err
	}
	return d, nil
}

func checkSource(dir, source string) error {
	if _, err := os.Stat(source); errors.Is(err, fs.ErrNotExist) {
		return apierr.New(apierr.StoreFailed, "There is no database in %s, so there is nothing to back up: name the data directory"+
			" with --data.", dir).Because(err)
	}
	return directoryError(dir, checkOwner(dir))
}

// checkTarget wants a file that is not there yet and outside of the data directory, where it would end with what it is to
// outlive.
func (d *BackupDraft) checkTarget(dir string) error {
	in, err := os.Stat(filepath.Dir(d.target))
	if err != nil {
		return fileError("write the backup", d.target, err)
	}
	if data, err := os.Stat(dir); err == nil && os.SameFile(in, data) {
		return apierr.New(apierr.StoreFailed, "%s is in the data directory: keep backups elsewhere, and name the place with --to.", d.target)
	}
	switch info, err := os.Lstat(d.target); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fileError("write the backup", d.target, err)
	case !info.Mode().IsRegular():
		return apierr.New(apierr.StoreFailed, "%s is no file: name another with --to.", d.target)
	case !d.force:
		return apierr.New(apierr.StoreFailed, "%s exists already: name another file with --to, or replace it with --force.", d.target)
	}
	return nil
}

// write fills the draft. VACUUM INTO copies one snapshot, and only what is in use: what was deleted or erased before is
// not in the pages of the copy.
func (d *BackupDraft) write(ctx context.Context, source string, at time.Time) error {
	e := &sqliteEngine{dir: filepath.Dir(source)}
	db, err := sql.Open("sqlite", location(source, "mode=ro", "_pragma=busy_timeout(5000)"))
	if err != nil {
		return e.fail("back up the store", err)
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?1", d.Path)
	if err := errors.Join(err, db.Close()); err != nil {
		if ctx.Err() != nil { // SQLite only says that it was interrupted
			return ctx.Err()
		}
		return vacuumError(source, d.Path, err)
	}
	if err := seal(ctx, d.file, at); err != nil {
		return fileError("write the backup", d.Path, err)
	}
	return nil
}

// Keep gives the backup its name.
func (d *BackupDraft) Keep() error {
	defer d.file.Close()
	here, err := os.Lstat(d.Path)
	if mine, failed := d.file.Stat(); err != nil || failed != nil || !os.SameFile(here, mine) {
		return apierr.New(apierr.StoreFailed, "%s was replaced while the backup was made. Repeat the command.", d.Path).Because(err)
	}
	if _, err := os.Lstat(d.target); !d.force && !errors.Is(err, fs.ErrNotExist) {
		os.Remove(d.Path)
		return apierr.New(apierr.StoreFailed, "%s was made by somebody else meanwhile: name another file with --to.", d.target).Because(err)
	}
	err = os.Rename(d.Path, d.target)
	return fileError("write the backup", d.target, errors.Join(err, syncDir(filepath.Dir(d.target))))
}

// Discard removes the draft.
func (d *BackupDraft) Discard() {
	os.Remove(d.Path)
	d.file.Close()
}

// seal appends the line to what is in the file and waits until all of it is on the disk.
func seal(ctx context.Context, f *os.File, at time.Time) error {
	hash := sha256.New()
	if _, err := io.Copy(hash, interruptible{ctx, f}); err != nil {
		return err
	}
	head := sealPrefix + sealVersion + at.UTC().Format(sealTime) + sealHash
	io.WriteString(hash, head)
	_, err := fmt.Fprintf(f, "%s%x\n", head, hash.Sum(nil))
	return errors.Join(err, f.Sync())
}

// checkSeal reads the whole file and returns when the backup was made and how many bytes of it are the database.
func checkSeal(ctx context.Context, path string) (at time.Time, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return at, 0, fileError("read the backup", path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return at, 0, apierr.New(apierr.StoreFailed, "%s is no file.", path).Because(err)
	}
	size = info.Size() - int64(sealSize)
	line := make([]byte, sealSize)
	if _, err := f.ReadAt(line, max(size, 0)); err != nil || size < 0 || !bytes.HasPrefix(line, []byte(sealPrefix)) {
		return at, 0, notWhole(f, path)
	}
	rest, fits := strings.CutPrefix(string(line), sealPrefix+sealVersion)
	if !fits {
		return at, 0, apierr.New(apierr.StoreFailed, "The backup %s was made by a newer version of Inborn: use that one.", path)
	}
	when, written, _ := strings.Cut(strings.TrimSuffix(rest, "\n"), sealHash)
	hash := sha256.New()
	if _, err := io.Copy(hash, interruptible{ctx, io.LimitReader(f, info.Size()-int64(2*sha256.Size+1))}); err != nil {
		return at, 0, fileError("read the backup", path, err)
	}
	at, err = time.Parse(sealTime, when)
	if err != nil || hex.EncodeToString(hash.Sum(nil)) != written {
		return at, 0, apierr.New(apierr.StoreFailed, "The backup %s was damaged or changed after it was made: its checksum does not fit."+
			" Use another one.", path).Because(err)
	}
	return at, size, nil
}

// notWhole tells apart what does not end like a backup.
func notWhole(f *os.File, path string) error {
	magic := make([]byte, len(sqliteMagic))
	if _, err := f.ReadAt(magic, 0); err == nil && string(magic) == sqliteMagic {
		return apierr.New(apierr.StoreFailed, "%s is an SQLite database but no whole backup: it was cut short, or not made by"+
			" `inborn backup create`.", path)
	}
	return apierr.New(apierr.StoreFailed, "%s is no backup that `inborn backup create` made.", path)
}

// interruptible is a reader that ends with its context.
type interruptible struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (r interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// location is the name of a database file for the driver, which must not take a path for more than that.
func location(path string, options ...string) string {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: strings.Join(options, "&")}
	return u.String()
}

// vacuumError tells whether the database or the file it is copied to is at fault.
func vacuumError(source, target string, err error) error {
	var engine *sqlite.Error
	if errors.As(err, &engine) {
		switch engine.Code() & 0xff {
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_BUSY:
			return (&sqliteEngine{dir: filepath.Dir(source)}).fail("back up the store", err)
		}
	}
	return (&sqliteEngine{copied: target}).fail("write the backup", err)
}

// fileError is the sentence for a file, other than those of a data directory, that the operating system refuses.
func fileError(doing, path string, err error) error {
	if passes(err) {
		return err
	}
	because := err.Error()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		because = "there is no such file or directory"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		because = "this user may not"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		because = "the disk is full"
	}
	return apierr.New(apierr.StoreFailed, "Cannot %s %s: %s.", doing, path, because).Because(err)
}

// syncDir makes the names in a directory last.
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
