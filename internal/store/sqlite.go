package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/inborn-id/inborn/internal/apierr"
)

// The files of a data directory. SQLite adds -wal and -shm files while it runs.
const (
	stateFile = "inborn.db"
	logFile   = "inborn-log.db"
	lockFile  = "inborn.lock"
)

// oldestSQLite is the first version without the defect that can corrupt a database in WAL mode.
const oldestSQLite = "3.51.3"

// sqliteEngine keeps the state in one file that this process alone writes, through one connection.
type sqliteEngine struct {
	store  *Store
	dir    string
	memory string   // what the databases in memory are called; "" for files in dir
	copied string   // the only file, if it is a copy and no data directory
	lock   *os.File // nil in memory and for a copy
	queue  writeQueue

	reopening sync.Mutex
	opened    fs.FileInfo // the state file as it was when opened
	stmts     statements
}

// OpenSQLite opens the store in the data directory dir, making the directory (but not its parents) and the store if
// they do not exist. The directory belongs to this process until Close; a second one is told who has it.
func OpenSQLite(ctx context.Context, dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, directoryError(dir, err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, directoryError(dir, err)
	}
	if err := checkOwner(dir); err != nil {
		return nil, directoryError(dir, err)
	}
	lock, err := lockDirectory(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, directoryError(dir, err)
	}
	e := &sqliteEngine{dir: dir, lock: lock}
	s := &Store{engine: e, rewrite: numbered}
	e.store = s
	s.traces.rewrite = numbered
	s.traces.open = func(ctx context.Context) (*sql.DB, error) { return openLog(ctx, filepath.Join(dir, logFile)) }
	if err := e.open(ctx); err != nil {
		lock.Close()
		return nil, e.fail("open the store", err)
	}
	return s, nil
}

// OpenMemory opens an empty store that is in the memory of this process only and is gone with it. The name tells it
// from others in this process.
func OpenMemory(ctx context.Context, name string) (*Store, error) {
	e := &sqliteEngine{memory: "/" + name}
	s := &Store{engine: e, rewrite: numbered}
	e.store = s
	s.traces.rewrite = numbered
	s.traces.open = func(ctx context.Context) (*sql.DB, error) {
		db, err := openMemory("/" + name + " log")
		if err != nil {
			return nil, err
		}
		return migrated(ctx, db, "log")
	}
	if err := e.open(ctx); err != nil {
		return nil, e.fail("open the store", err)
	}
	return s, nil
}

// numbered rewrites $1 to ?1: some drivers bind $2,$1 by place instead of number.
func numbered(query string) string { return strings.ReplaceAll(query, "$", "?") }

// open opens the state file and puts its handles in place of those there were.
func (e *sqliteEngine) open(ctx context.Context) error {
	if e.memory != "" {
		return e.openMemory(ctx)
	}
	path := filepath.Join(e.dir, stateFile)
	if err := checkOrphan(path); err != nil {
		return err
	}
	if err := createPrivate(path); err != nil {
		return directoryError(e.dir, err)
	}
	write, err := openSQLite(path, "_txlock=immediate", "synchronous(FULL)", "foreign_keys(ON)", "cache_size(-131072)",
		"journal_size_limit(67108864)", "secure_delete(ON)") // what was erased is overwritten, see scrub
	if err != nil {
		return err
	}
	write.SetMaxOpenConns(1)
	if err := prepareState(ctx, write); err != nil {
		write.Close()
		return err
	}
	read, err := openSQLite(path, "_query_only=on", "cache_size(-16384)")
	if err != nil {
		write.Close()
		return err
	}
	read.SetMaxOpenConns(4)
	read.SetMaxIdleConns(4)
	read.SetConnMaxIdleTime(time.Minute)
	if e.opened, err = os.Stat(path); err != nil {
		return errors.Join(err, write.Close(), read.Close())
	}
	e.stmts.reset()
	e.store.handles.Store(&handles{write: write, read: read})
	return nil
}

// openMemory opens the database in memory. One connection serves reads and writes: in memory, readers would keep the
// writer waiting, as there is no write-ahead log.
func (e *sqliteEngine) openMemory(ctx context.Context) error {
	db, err := openMemory(e.memory)
	if err != nil {
		return err
	}
	if err := prepareState(ctx, db); err != nil {
		db.Close()
		return err
	}
	e.stmts.reset()
	e.store.handles.Store(&handles{write: db, read: db})
	return nil
}

// prepareState checks the library and brings the schema up to date.
func prepareState(ctx context.Context, db *sql.DB) error {
	var version string
	if err := db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
		return err
	}
	if olderVersion(version, oldestSQLite) {
		return apierr.New(apierr.StoreFailed, "This binary was built with SQLite %s, which can corrupt a database; build it"+
			" with %s or newer.", version, oldestSQLite)
	}
	return migrate(ctx, goose.DialectSQLite3, db, "state")
}

func openLog(ctx context.Context, path string) (*sql.DB, error) {
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	db, err := openSQLite(path, "_txlock=immediate", "synchronous(NORMAL)", "cache_size(-4096)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(2)
	db.SetConnMaxIdleTime(time.Minute)
	return migrated(ctx, db, "log")
}

// migrated brings the schema of a database up to date, or closes it.
func migrated(ctx context.Context, db *sql.DB, schema string) (*sql.DB, error) {
	if err := migrate(ctx, goose.DialectSQLite3, db, schema); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// openMemory prepares a database in memory, which lives as long as its only connection.
func openMemory(name string) (*sql.DB, error) {
	location := url.URL{Scheme: "file", Path: name, RawQuery: "vfs=memdb&_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=foreign_keys(ON)"}
	db, err := sql.Open("sqlite", location.String())
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// openSQLite prepares a pool; no connection is made before the first use. Options with an = are the driver's, others are
// pragmas.
func openSQLite(path string, options ...string) (*sql.DB, error) {
	query := []string{"_pragma=busy_timeout(5000)", "_pragma=journal_mode(WAL)"}
	for _, o := range options {
		if !strings.Contains(o, "=") {
			o = "_pragma=" + o
		}
		query = append(query, o)
	}
	location := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: strings.Join(query, "&")}
	return sql.Open("sqlite", location.String())
}

// createPrivate makes an empty file that only its owner can read; the files SQLite adds take over its mode.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil // never opened here: closing it would drop the locks that SQLite holds on it
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// checkOrphan refuses to begin an empty database where one is missing: the write-ahead log of another one lies there, which
// SQLite would delete, or a restore was killed at its last step.
func checkOrphan(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if info, err := os.Stat(path + "-wal"); err == nil && info.Size() > 0 {
		return apierr.New(apierr.StoreFailed, "The database %s is missing, but the file %s-wal, which belongs to it, is there: put the"+
			" database back, or move that file to where the database is now.", path, path)
	}
	if exists(filepath.Join(filepath.Dir(path), draftFile)) {
		return apierr.New(apierr.StoreFailed, "A restore into %s did not come to its end: repeat it.", filepath.Dir(path)).
			WithHelp("inborn backup restore FILE --data %s", filepath.Dir(path))
	}
	return nil
}

// replaced reports whether the state file is no longer the one that was opened, and opens the new one. What the old
// file's log still holds goes into the old file first, or SQLite would replay it into the new one.
func (e *sqliteEngine) replaced(ctx context.Context) (bool, error) {
	if e.alone() {
		return false, nil
	}
	e.reopening.Lock()
	defer e.reopening.Unlock()
	if e.unmoved() == nil {
		return false, nil
	}
	e.store.writing.Lock()
	defer e.store.writing.Unlock()
	if _, err := os.Stat(filepath.Join(e.dir, stateFile)); err != nil {
		return false, directoryError(e.dir, err) // taken away and not replaced yet: never make an empty one
	}
	old := e.store.handles.Load()
	_, err := old.write.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	if err := errors.Join(err, old.read.Close(), old.write.Close()); err != nil {
		return false, err
	}
	return true, e.open(ctx)
}

// scrub takes what was overwritten or erased out of the files: the write-ahead log holds it until it is written again. The
// database itself overwrites it (secure_delete).
func (e *sqliteEngine) scrub(ctx context.Context) error {
	var busy, pages, moved int
	err := e.store.handles.Load().write.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
	if err == nil && busy != 0 {
		err = errors.New("somebody reads the write-ahead log for a long time")
	}
	return err
}

// alone reports whether nobody can put another file in the place of the one that is open.
func (e *sqliteEngine) alone() bool { return e.memory != "" || e.copied != "" }

// unmoved returns an error if the path of the state file names another file by now, or none.
func (e *sqliteEngine) unmoved() error {
	if e.alone() {
		return nil
	}
	now, err := os.Stat(filepath.Join(e.dir, stateFile))
	if err == nil && os.SameFile(now, e.opened) {
		return nil
	}
	return apierr.New(apierr.StoreFailed, "The file %s was replaced while Inborn was running; what was being written is not"+
		" in the new file. Repeat the request.", filepath.Join(e.dir, stateFile)).Because(err)
}

func (e *sqliteEngine) close() error {
	e.queue.close()
	if e.lock == nil {
		return nil
	}
	return e.lock.Close()
}
