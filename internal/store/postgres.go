package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

// oldestPostgres is the first version this is tested with, as server_version_num tells it.
const oldestPostgres = 150000

// postgresEngine shares one database with other replicas. Commits go through one connection of their own, everything
// else through a pool.
type postgresEngine struct {
	store  *Store
	config *pgx.ConnConfig
	place  string      // host, port and database, for messages; never the password
	writer *pgx.Conn   // nil until the first commit and after a failure; guarded by Store.writing
	recent []guid.GUID // tenants whose tails the last locked commits asked for
}

// OpenPostgres opens the store in the database that url names (postgres://user@host/database or keywords), making its
// tables if there are none. Any number of processes may do so.
func OpenPostgres(ctx context.Context, url string) (*Store, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, apierr.New(apierr.StoreFailed, "The address of the PostgreSQL database is not valid; it looks like"+
			" postgres://user@host:5432/database.").Because(err)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 5 * time.Second
	}
	for name, value := range map[string]string{"application_name": "inborn", "lock_timeout": "2s", "statement_timeout": "5s",
		"synchronous_commit": "on", "idle_in_transaction_session_timeout": "1s"} {
		config.RuntimeParams[name] = value
	}
	e := &postgresEngine{config: config, place: fmt.Sprintf("%s:%d/%s", config.Host, config.Port, config.Database)}
	s := &Store{engine: e, rewrite: unchanged}
	e.store = s
	if err := e.prepare(ctx); err != nil {
		return nil, e.fail("open the store", err)
	}
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(16)
	pool.SetMaxIdleConns(4)
	pool.SetConnMaxIdleTime(time.Minute)
	s.handles.Store(&handles{write: pool, read: pool})
	s.traces.rewrite = unchanged
	s.traces.open = func(context.Context) (*sql.DB, error) {
		logs := stdlib.OpenDB(*config)
		logs.SetMaxOpenConns(2)
		logs.SetConnMaxIdleTime(time.Minute)
		return logs, nil
	}
	return s, nil
}

func unchanged(query string) string { return query }

// prepare checks the server and brings both schemas up to date, through connections that may take their time.
func (e *postgresEngine) prepare(ctx context.Context) error {
	config := e.config.Copy()
	for _, limit := range []string{"lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"} {
		config.RuntimeParams[limit] = "0"
	}
	db := stdlib.OpenDB(*config)
	defer db.Close()
	var version int
	if err := db.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version); err != nil {
		return err
	}
	if version < oldestPostgres {
		return apierr.New(apierr.StoreFailed, "The database %s is PostgreSQL %d; Inborn needs %d or newer.", e.place,
			version/10000, oldestPostgres/10000)
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300)) // every second, for five minutes
	if err != nil {
		return err
	}
	for _, set := range []string{"state", "log"} {
		if err := migrate(ctx, goose.DialectPostgres, db, set, goose.WithSessionLocker(locker)); err != nil {
			return err
		}
	}
	return nil
}

// load reads in the wire's binary form: database/sql would make two copies of each body.
func (e *postgresEngine) load(ctx context.Context, row func(rawRecord) error) (at Position, err error) {
	pooled, err := e.store.handles.Load().read.Conn(ctx)
	if err != nil {
		return at, err
	}
	defer pooled.Close()
	err = pooled.Raw(func(driver any) error {
		at, err = loadFrom(ctx, driver.(*stdlib.Conn).Conn(), row)
		return err
	})
	return at, err
}

func loadFrom(ctx context.Context, conn *pgx.Conn, row func(rawRecord) error) (at Position, err error) {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return at, err
	}
	defer tx.Rollback(ctx)
	if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
		return at, err
	}
	if err := tx.QueryRow(ctx, headQuery).Scan(&at.Epoch, &at.Seq, &at.Tag); err != nil {
		return at, err
	}
	rows, err := tx.Query(ctx, loadQuery)
	if err != nil {
		return at, err
	}
	defer rows.Close()
	for rows.Next() {
		v := rows.RawValues()
		raw := rawRecord{tenant: v[0], kind: v[1], id: v[2], seq: int64(binary.BigEndian.Uint64(v[3])), body: v[4]}
		if err := row(raw); err != nil {
			return at, err
		}
	}
	return at, rows.Err()
}

// single runs on any connection: PostgreSQL locks the row alone.
func (e *postgresEngine) single(ctx context.Context, query string, args []any, dest ...any) (bool, error) {
	err := e.store.handles.Load().write.QueryRowContext(ctx, query, args...).Scan(dest...)
	if err == sql.ErrNoRows {
		return false, nil
	}
	return err == nil, e.fail("write to the store", err)
}

func (e *postgresEngine) close() error {
	if e.writer == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return e.writer.Close(ctx)
}
