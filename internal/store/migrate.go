package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"

	"github.com/inborn-id/inborn/internal/apierr"
)

//go:embed migrations/state/*.sql migrations/log/*.sql
var migrations embed.FS

// migrate brings one set of tables ("state" or "log") up to this binary's version. The usual case, nothing to do, costs
// one query.
func migrate(ctx context.Context, dialect goose.Dialect, db *sql.DB, set string, options ...goose.ProviderOption) error {
	files, err := migrationsOf(set)
	if err != nil {
		return err
	}
	latest, err := latestMigration(files)
	if err != nil {
		return err
	}
	table := "schema_" + set
	var current sql.NullInt64
	err = db.QueryRowContext(ctx, "SELECT max(version_id) FROM "+table).Scan(&current)
	switch {
	case err == nil && current.Int64 > latest:
		return newerSchema(set, current.Int64, latest)
	case err == nil && current.Int64 == latest:
		return nil
	}
	// Whatever the query's error was, a missing table or worse, goose meets it too and says so.
	options = append(options, goose.WithTableName(table), goose.WithDisableGlobalRegistry(true))
	provider, err := goose.NewProvider(dialect, db, files, options...)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

func migrationsOf(set string) (fs.FS, error) { return fs.Sub(migrations, "migrations/"+set) }

func newerSchema(set string, found, known int64) error {
	return apierr.New(apierr.StoreFailed, "The data was written by a newer version of Inborn: its %s schema is %d and this"+
		" binary knows %d. Start the newer version, or restore a backup made by this one.", set, found, known)
}

// latestMigration reads the version from the names, which start with it: 00001_records.sql.
func latestMigration(files fs.FS) (int64, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil || len(names) == 0 {
		return 0, fmt.Errorf("no migrations embedded: %w", err)
	}
	number, _, _ := strings.Cut(names[len(names)-1], "_")
	return strconv.ParseInt(number, 10, 64)
}
