package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/inborn-id/inborn/internal/apierr"
)

// draftFile is a restored database before it has its name.
const draftFile = stateFile + ".restore"

// Restored is a backup on its way into a data directory: a Store of its own, in which changes are made like in any other,
// until Keep puts it in place. Until then the directory is as it was.
type Restored struct {
	*Store
	dir   string
	draft string
	lock  *os.File
	at    time.Time
}

// Restore copies b into the data directory dir, which it makes if there is none, and begins a new history there: another
// epoch, so that whoever has followed or cached the old one loads again, and without tickets, as those that were used
// after the backup must not be good once more. The directory must hold nothing but the files named beside (patterns of
// path.Match) unless force is set, and it belongs to this process until Keep or Discard.
func (b *Backup) Restore(ctx context.Context, dir string, force bool, at time.Time, beside ...string) (*Restored, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, directoryError(dir, err)
	}
	if err := checkOwner(dir); err != nil {
		return nil, directoryError(dir, err)
	}
	lock, err := lockDirectory(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, directoryError(dir, err)
	}
	r := &Restored{dir: dir, draft: filepath.Join(dir, draftFile), lock: lock, at: at}
	if !force {
		err = r.checkEmpty(beside)
	}
	if err == nil {
		err = r.copy(ctx, b)
	}
	if err == nil {
		err = r.begin(ctx)
	}
	if err != nil {
		r.Discard()
		return nil, err
	}
	return r, nil
}

// checkEmpty refuses a directory that is in use for something, this or other.
func (r *Restored) checkEmpty(beside []string) error {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return directoryError(r.dir, err)
	}
	for _, entry := range entries {
		name := entry.Name()
		known := slices.ContainsFunc(beside, func(pattern string) bool { ok, _ := path.Match(pattern, name); return ok })
		switch {
		case known || name == lockFile || strings.HasPrefix(name, draftFile) || strings.HasPrefix(name, logFile):
		case name == stateFile:
			return apierr.New(apierr.StoreFailed, "The data directory %s has a database already: name an empty or new directory with --data,"+
				" or have that database moved aside with --force.", r.dir)
		default:
			return apierr.New(apierr.StoreFailed, "The directory %s is not empty, there is %s: name an empty or new one with --data.", r.dir, name)
		}
	}
	return nil
}

// copy writes the database of the backup, without the line behind it, to the draft.
func (r *Restored) copy(ctx context.Context, b *Backup) error {
	if err := os.Remove(r.draft); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a process that was killed
		return directoryError(r.dir, err)
	}
	from, err := os.Open(b.Path)
	if err != nil {
		return fileError("read the backup", b.Path, err)
	}
	defer from.Close()
	to, err := os.OpenFile(r.draft, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return directoryError(r.dir, err)
	}
	_, err = io.Copy(to, interruptible{ctx, io.LimitReader(from, b.Size-int64(sealSize))})
	return directoryError(r.dir, errors.Join(err, to.Close()))
}

// begin opens the draft and makes it the start of a history of its own.
func (r *Restored) begin(ctx context.Context) (err error) {
	r.Store, err = openCopy(r.draft, "mode=rw", "_txlock=immediate", "_pragma=journal_mode(MEMORY)", "_pragma=synchronous(FULL)")
	if err != nil {
		return err
	}
	write := r.handles.Load().write
	write.SetMaxOpenConns(1)
	if err := migrate(ctx, goose.DialectSQLite3, write, "state"); err != nil {
		return r.fail("restore the store", err)
	}
	for _, query := range []string{`UPDATE head SET epoch=epoch+1`, `DELETE FROM ticket`} {
		if _, err := write.ExecContext(ctx, query); err != nil {
			return r.fail("restore the store", err)
		}
	}
	return nil
}

// Keep puts the database in place, ends the Store and gives the directory back. A database that was there is moved to
// another name, which it returns, and never deleted.
func (r *Restored) Keep() (aside string, err error) {
	defer r.Discard()
	if err := errors.Join(r.Close(), syncFile(r.draft)); err != nil {
		return "", directoryError(r.dir, err)
	}
	if aside, err = r.moveAside(); err != nil {
		return "", directoryError(r.dir, err)
	}
	err = os.Rename(r.draft, filepath.Join(r.dir, stateFile))
	return aside, directoryError(r.dir, errors.Join(err, syncDir(r.dir)))
}

// moveAside gives the database that is there another name. Usually that is one file, once its write-ahead log is in it,
// and it keeps the old name as well until the new database takes that: there is no moment without one. A database that
// SQLite does not open has its log beside it, and moves before that.
func (r *Restored) moveAside() (aside string, err error) {
	state := filepath.Join(r.dir, stateFile)
	suffixes := []string{"", "-shm", "-wal"}
	if !slices.ContainsFunc(suffixes, func(suffix string) bool { return exists(state + suffix) }) {
		return "", nil
	}
	settle(state)
	base := state + ".before-" + r.at.UTC().Format("20060102T150405Z")
	aside = base
	for n := 2; exists(aside) || exists(aside+"-wal"); n++ {
		aside = fmt.Sprint(base, "-", n)
	}
	if !exists(state+"-wal") && os.Link(state, aside) == nil {
		return aside, syncDir(r.dir)
	}
	for _, suffix := range suffixes {
		if err := os.Rename(state+suffix, aside+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return aside, syncDir(r.dir)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// settle has SQLite write its log into the database, if it still can: it does so when the last connection closes.
func settle(state string) {
	if _, err := os.Stat(state); err != nil {
		return
	}
	db, err := openSQLite(state)
	if err == nil {
		_, _ = db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
		db.Close()
	}
}

// Discard removes what is not kept and gives the directory back; after Keep there is nothing to remove.
func (r *Restored) Discard() {
	if r.Store != nil {
		r.Close()
	}
	os.Remove(r.draft)
	r.lock.Close()
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
