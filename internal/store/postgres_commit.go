package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/inborn-id/inborn/internal/guid"
)

const (
	commitTimeout = 8 * time.Second  // for one attempt: longer than the server's own limits together
	fenceTimeout  = 10 * time.Second // to settle an attempt that was cut off
	maxRecent     = 8                // tenants whose tails are read together with the head lock
)

// connection returns the commits' own connection, making one if needed.
func (e *postgresEngine) connection(ctx context.Context) (*pgx.Conn, error) {
	if e.writer != nil && !e.writer.IsClosed() {
		return e.writer, nil
	}
	conn, err := pgx.ConnectConfig(ctx, e.config)
	e.writer = conn
	return conn, err
}

func (e *postgresEngine) commit(ctx context.Context, from, to Position, g Group) (bool, error) {
	conn, err := e.connection(ctx)
	if err != nil {
		return false, err
	}
	attempt, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	query, args := commitStatement(from, to, g)
	var won int
	err = conn.QueryRow(attempt, query, args...).Scan(&won)
	if err != nil && e.cutOff(conn, err) {
		return e.settle(ctx, from, to, g.At)
	}
	return won == 1, err
}

// commitStatement makes the commit: one statement, so one round trip and a transaction of its own. Every part selects
// from h, the moved head: if the head stood elsewhere there is no h, and nothing is written.
func commitStatement(from, to Position, g Group) (string, []any) {
	args := []any{from.Epoch, from.Seq, to.Seq, to.Tag, from.Tag, g.At.UnixMicro()}
	var q strings.Builder
	q.WriteString(`WITH h AS (UPDATE head SET seq=$3::bigint, tag=$4::text
		WHERE name='directory' AND epoch=$1::bigint AND seq=$2::bigint AND tag=$5::text RETURNING 1),
		r AS (INSERT INTO revision(seq,tag,at) SELECT $3::bigint,$4::text,$6::bigint FROM h)`)
	for _, part := range g.parts() {
		if len(part.values) == 0 {
			continue
		}
		arrays := make([]string, len(part.types))
		for i, kind := range part.types {
			args = append(args, column(part.values, i, kind))
			arrays[i] = fmt.Sprintf("$%d::%s[]", len(args), kind)
		}
		fmt.Fprintf(&q, ", %s_rows AS (INSERT INTO %s(%s) SELECT u.* FROM h, unnest(%s) AS u %s)",
			part.table, part.table, part.columns, strings.Join(arrays, ","), part.conflict)
	}
	q.WriteString(" SELECT count(*) FROM h")
	return q.String(), args
}

// column turns one column of rows into an array that the driver can encode.
func column(values [][]any, i int, kind string) any {
	switch kind {
	case "text":
		return cells[string](values, i)
	case "bigint":
		return cells[int64](values, i)
	default:
		return cells[[]byte](values, i)
	}
}

func cells[T any](values [][]any, i int) []T {
	column := make([]T, len(values))
	for row, value := range values {
		column[row] = value[i].(T)
	}
	return column
}

func (e *postgresEngine) locked(ctx context.Context, from Position, decide lockedDecide) (bool, error) {
	conn, err := e.connection(ctx)
	if err != nil {
		return false, err
	}
	attempt, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	d, tails, err := e.lockHead(attempt, conn, from)
	if err != nil {
		return false, errors.Join(err, e.abandon(ctx, conn))
	}
	g, to, err := decide(d, e.tailReader(conn, tails))
	if err != nil || g.Updates == 0 {
		return true, errOr(err, e.abandon(ctx, conn))
	}
	query, args := commitStatement(d.Now, to, g)
	batch := &pgx.Batch{}
	var won int
	batch.Queue(query, args...).QueryRow(func(row pgx.Row) error { return row.Scan(&won) })
	batch.Queue("COMMIT")
	err = conn.SendBatch(attempt, batch).Close()
	if err != nil && e.cutOff(conn, err) {
		return e.settle(ctx, d.Now, to, g.At)
	}
	if err != nil {
		return false, errors.Join(err, e.abandon(ctx, conn))
	}
	return won == 1, nil
}

// lockHead begins a transaction, takes the head lock and reads what changed since from, and the tails of the tenants
// that are likely to be written next, all in one round trip. Each statement sees what was committed before it began.
func (e *postgresEngine) lockHead(ctx context.Context, conn *pgx.Conn, from Position) (d Delta, tails map[guid.GUID]Hash, err error) {
	tails = map[guid.GUID]Hash{}
	batch := &pgx.Batch{}
	batch.Queue("BEGIN")
	batch.Queue("SELECT seq FROM head WHERE name='directory' FOR UPDATE")
	batch.Queue(followQuery, from.Seq).Query(func(rows pgx.Rows) error {
		var err error
		d, err = readDelta(rows, from)
		return err
	})
	for _, tenant := range e.recent {
		batch.Queue(tailQuery, tenant.String(), int64(1<<62)).QueryRow(func(row pgx.Row) (err error) {
			tails[tenant], err = tailOf(row, tenant)
			return err
		})
	}
	err = conn.SendBatch(ctx, batch).Close()
	return d, tails, err
}

// tailReader reads tails in the open transaction, if they did not come with the lock.
func (e *postgresEngine) tailReader(conn *pgx.Conn, tails map[guid.GUID]Hash) tailReader {
	return func(ctx context.Context, tenant guid.GUID, seq int64) (Hash, error) {
		if !slices.Contains(e.recent, tenant) {
			e.recent = append(e.recent, tenant)
			e.recent = e.recent[max(0, len(e.recent)-maxRecent):]
		}
		if tail, ok := tails[tenant]; ok {
			return tail, nil
		}
		return tailOf(conn.QueryRow(ctx, tailQuery, tenant.String(), seq), tenant)
	}
}

func tailOf(row pgx.Row, tenant guid.GUID) (Hash, error) {
	event, err := scanEvent(row, tenant)
	if errors.Is(err, pgx.ErrNoRows) {
		return Hash{}, nil
	}
	if err != nil {
		return Hash{}, err
	}
	return event.Hash(), nil
}

// abandon ends the open transaction, if there is one, without a trace.
func (e *postgresEngine) abandon(ctx context.Context, conn *pgx.Conn) error {
	if conn.IsClosed() {
		return nil // and so is the transaction
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if _, err := conn.Exec(ctx, "ROLLBACK"); err != nil {
		conn.Close(ctx)
	}
	return nil
}

// cutOff reports whether err leaves open what became of a commit: the server said nothing, or said that it is going.
func (e *postgresEngine) cutOff(conn *pgx.Conn, err error) bool {
	var said *pgconn.PgError
	if errors.As(err, &said) && said.Severity == "ERROR" && !conn.IsClosed() {
		return false
	}
	return !pgconn.SafeToRetry(err)
}

// settle finds out what became of a commit that was cut off, and makes sure that it stays that way: the commit's bytes
// may still be on their way to the server. It retries until the database answers.
func (e *postgresEngine) settle(ctx context.Context, from, to Position, at time.Time) (committed bool, err error) {
	if e.writer != nil {
		e.writer.Close(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, fenceTimeout)
	defer cancel()
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		conn, err := e.connection(ctx)
		if err == nil {
			committed, err = fence(ctx, conn, from, to, at)
			if err == nil {
				return committed, nil
			}
			conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return false, errors.Join(errUnknown, err)
		case <-time.After(pause):
		}
	}
}

// errUnknown marks a commit of which nobody could be asked what became of it.
var errUnknown = errors.New("the outcome of the commit is unknown")

// fence looks under the head lock whether the commit from from to to has happened. If not, it moves the head, so that a
// late arrival loses.
func fence(ctx context.Context, conn *pgx.Conn, from, to Position, at time.Time) (committed bool, err error) {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return false, err
	}
	defer tx.Rollback(ctx)
	var head Position
	if err := tx.QueryRow(ctx, headQuery+" FOR UPDATE").Scan(&head.Epoch, &head.Seq, &head.Tag); err != nil {
		return false, err
	}
	var tag string
	err = tx.QueryRow(ctx, "SELECT tag FROM revision WHERE seq=$1", to.Seq).Scan(&tag)
	switch {
	case err != nil && !errors.Is(err, pgx.ErrNoRows):
		return false, err
	case tag == to.Tag:
		return true, nil
	case head != from:
		return false, nil // somebody else was first: the late arrival has lost already
	}
	moved := Position{Epoch: from.Epoch, Seq: from.Seq + 1, Tag: "fence " + to.Tag}
	query, args := commitStatement(from, moved, Group{At: at})
	if _, err := tx.Exec(ctx, query, args...); err != nil {
		return false, err
	}
	return false, tx.Commit(ctx)
}
