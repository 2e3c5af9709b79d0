package store

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

// Backup is an opened backup: a Store that can only be read, and never changes.
type Backup struct {
	*Store
	Path string
	Size int64     // of the file
	Made time.Time // to the second
}

// OpenBackup opens the backup in the file at path, if that is as it was made, and leaves no trace beside it.
func OpenBackup(ctx context.Context, path string) (*Backup, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	at, size, err := checkSeal(ctx, path)
	if err != nil {
		return nil, err
	}
	s, err := openCopy(path, "mode=ro", "immutable=1")
	if err != nil {
		return nil, err
	}
	return &Backup{Store: s, Path: path, Size: size + int64(sealSize), Made: at}, nil
}

// openCopy opens a database file that is no data directory and that nobody else writes to.
func openCopy(path string, options ...string) (*Store, error) {
	e := &sqliteEngine{dir: filepath.Dir(path), copied: path}
	s := &Store{engine: e, rewrite: numbered}
	e.store = s
	s.traces.rewrite = numbered
	s.traces.open = func(context.Context) (*sql.DB, error) { return nil, os.ErrNotExist } // traces are not in a copy
	db, err := sql.Open("sqlite", location(path, append(options, "_pragma=trusted_schema(OFF)")...))
	if err != nil {
		return nil, e.fail("open the store", err)
	}
	db.SetMaxOpenConns(4)
	e.stmts.reset()
	s.handles.Store(&handles{write: db, read: db})
	return s, nil
}

// Contents is what Check has counted.
type Contents struct {
	Position Position
	Schema   int64
	Objects  int // live records
	Events   int
	Tenants  []guid.GUID // that have events; the zero one is the platform itself
}

// Check reads a whole copy of a store and returns an error unless it is sound: its pages, its schema, the head as the
// newest of all that is there, and the audit log of each tenant as one chain.
func (s *Store) Check(ctx context.Context) (Contents, error) {
	var c Contents
	for _, check := range []func(context.Context, *Contents) error{s.checkPages, s.checkSchema, s.checkHead, s.checkAudit} {
		if err := check(ctx, &c); err != nil {
			return Contents{}, s.fail("check the store", err)
		}
	}
	return c, nil
}

// unsound is the error of a copy that can be read but does not hold what it should.
func (s *Store) unsound(format string, args ...any) error {
	path := ""
	if e, ok := s.engine.(*sqliteEngine); ok {
		path = e.copied
	}
	return apierr.New(apierr.StoreFailed, "%s is damaged: %s.", path, fmt.Sprintf(format, args...))
}

func (s *Store) checkPages(ctx context.Context, _ *Contents) error {
	var result string
	if err := s.handles.Load().read.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&result); err != nil {
		return err
	}
	if result != "ok" {
		return s.unsound("SQLite says %q", strings.ReplaceAll(result, "\n", " "))
	}
	return nil
}

// checkSchema wants the tables of this binary or of an older one, and nothing that acts by itself.
func (s *Store) checkSchema(ctx context.Context, c *Contents) error {
	read := s.handles.Load().read
	var found, active int
	if err := read.QueryRowContext(ctx, `SELECT
		count(*) FILTER (WHERE type='table' AND name IN ('schema_state','head','object','cipher','event')),
		count(*) FILTER (WHERE type NOT IN ('table','index')) FROM sqlite_schema`).Scan(&found, &active); err != nil {
		return err
	}
	if found != 5 {
		return apierr.New(apierr.StoreFailed, "%s is no database of Inborn.", s.engine.(*sqliteEngine).copied)
	}
	if active > 0 {
		return s.unsound("it has views or triggers, which Inborn never makes")
	}
	files, err := migrationsOf("state")
	if err != nil {
		return err
	}
	latest, err := latestMigration(files)
	if err != nil {
		return err
	}
	if err := read.QueryRowContext(ctx, "SELECT coalesce(max(version_id),0) FROM schema_state").Scan(&c.Schema); err != nil {
		return err
	}
	if c.Schema > latest {
		return newerSchema("state", c.Schema, latest)
	}
	return nil
}

// checkHead compares the head with the rows, which cannot be newer, and counts them.
func (s *Store) checkHead(ctx context.Context, c *Contents) error {
	var heads int
	var tag sql.NullString
	var newest int64
	row := s.handles.Load().read.QueryRowContext(ctx, `SELECT
		count(*), coalesce(max(h.epoch),0), coalesce(max(h.seq),0), coalesce(max(h.tag),''),
		(SELECT tag FROM revision WHERE seq=(SELECT seq FROM head WHERE name='directory')),
		max((SELECT coalesce(max(seq),0) FROM revision), (SELECT coalesce(max(seq),0) FROM object), (SELECT coalesce(max(seq),0) FROM cipher),
			(SELECT coalesce(max(seq),0) FROM body), (SELECT coalesce(max(seq),0) FROM event)),
		(SELECT count(*) FROM object WHERE deleted=0)
		FROM head h WHERE h.name='directory'`)
	if err := row.Scan(&heads, &c.Position.Epoch, &c.Position.Seq, &c.Position.Tag, &tag, &newest, &c.Objects); err != nil {
		return err
	}
	switch {
	case heads != 1 || c.Position.Epoch < 1:
		return s.unsound("the head of the log is missing")
	case !tag.Valid || tag.String != c.Position.Tag:
		return s.unsound("the head of the log at %d is not the commit that was recorded there", c.Position.Seq)
	case newest > c.Position.Seq:
		return s.unsound("it has rows of number %d, but the head of the log stands at %d", newest, c.Position.Seq)
	}
	return nil
}

func (s *Store) checkAudit(ctx context.Context, c *Contents) error {
	rows, err := s.handles.Load().read.QueryContext(ctx, `SELECT DISTINCT tenant FROM event ORDER BY tenant`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		tenant, err := guid.Parse(text)
		if err != nil {
			return s.unsound("it has audit events of the tenant %q", text)
		}
		c.Tenants = append(c.Tenants, tenant)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, tenant := range c.Tenants {
		var audit Audit
		err := s.Events(ctx, tenant, 0, func(e Event) error {
			c.Events++
			if err := audit.Add(e); err != nil {
				return s.unsound("%v", err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
