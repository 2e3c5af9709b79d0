package store

import (
	"context"
	"database/sql"
	"strings"
	"sync"
)

func (e *sqliteEngine) load(ctx context.Context, row func(rawRecord) error) (at Position, err error) {
	tx, err := e.store.handles.Load().read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return at, err
	}
	defer tx.Rollback()
	if err := tx.QueryRowContext(ctx, headQuery).Scan(&at.Epoch, &at.Seq, &at.Tag); err != nil {
		return at, err
	}
	rows, err := tx.QueryContext(ctx, loadQuery)
	if err != nil {
		return at, err
	}
	defer rows.Close()
	var tenant, kind, id, body sql.RawBytes // not copied: this is the start of a process with millions of records
	var seq int64
	for rows.Next() {
		if err := rows.Scan(&tenant, &kind, &id, &seq, &body); err != nil {
			return at, err
		}
		if err := row(rawRecord{tenant: tenant, kind: kind, id: id, body: body, seq: seq}); err != nil {
			return at, err
		}
	}
	return at, rows.Err()
}

const moveHead = `UPDATE head SET seq=$1, tag=$2 WHERE name='directory' AND epoch=$3 AND seq=$4 AND tag=$5`

func (e *sqliteEngine) commit(ctx context.Context, from, to Position, g Group) (bool, error) {
	err := e.transaction(ctx, g.inserts(), func(exec execer) error { return writeGroup(ctx, exec, from, to, g) })
	if err == errLost {
		return false, nil
	}
	return err == nil, err
}

func (e *sqliteEngine) locked(ctx context.Context, from Position, decide lockedDecide) (bool, error) {
	// What decide returns is not known before the transaction has begun, so all statements are made ready.
	err := e.transaction(ctx, Group{}.allInserts(), func(exec execer) error {
		d, err := followFrom(ctx, exec.tx, numbered, from)
		if err != nil {
			return err
		}
		g, to, err := decide(d, tailsOf(exec.tx))
		if err != nil || g.Updates == 0 {
			return err
		}
		return writeGroup(ctx, exec, d.Now, to, g)
	})
	return err == nil, err
}

// transaction runs f in the write connection's transaction, with the statements for queries made ready, and commits.
func (e *sqliteEngine) transaction(ctx context.Context, queries []string, f func(execer) error) error {
	db := e.store.handles.Load().write
	ready, err := e.stmts.prepare(ctx, db, queries)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := f(execer{tx, ready}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	return e.unmoved()
}

// execer is a transaction with its prepared statements.
type execer struct {
	tx    *sql.Tx
	ready map[string]*sql.Stmt
}

func (x execer) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return x.tx.StmtContext(ctx, x.ready[query]).ExecContext(ctx, args...)
}

// writeGroup moves the head, or returns errLost, and writes the rows of g.
func writeGroup(ctx context.Context, x execer, from, to Position, g Group) error {
	result, err := x.exec(ctx, moveHead, to.Seq, to.Tag, from.Epoch, from.Seq, from.Tag)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errOr(err, errLost)
	}
	if _, err := x.exec(ctx, addRevision, to.Seq, to.Tag, g.At.UnixMicro()); err != nil {
		return err
	}
	for _, part := range g.parts() {
		query := part.insert()
		for _, row := range part.values {
			if _, err := x.exec(ctx, query, row...); err != nil {
				return err
			}
		}
	}
	return nil
}

const addRevision = `INSERT INTO revision(seq,tag,at) VALUES($1,$2,$3)`

// insert is the statement for one row of the part.
func (p part) insert() string {
	marks := strings.Repeat(",?", len(p.types))[1:]
	return "INSERT INTO " + p.table + "(" + p.columns + ") VALUES(" + marks + ") " + p.conflict
}

// inserts lists the statements that committing g takes.
func (g Group) inserts() []string {
	queries := []string{moveHead, addRevision}
	for _, part := range g.parts() {
		if len(part.values) > 0 {
			queries = append(queries, part.insert())
		}
	}
	return queries
}

func (g Group) allInserts() []string {
	queries := []string{moveHead, addRevision}
	for _, part := range g.parts() {
		queries = append(queries, part.insert())
	}
	return queries
}

// statements keeps statements prepared for the write connection.
type statements struct {
	mu    sync.Mutex
	ready map[string]*sql.Stmt
}

func (s *statements) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = map[string]*sql.Stmt{}
}

// prepare returns the statements; it must be called before the transaction takes the only connection.
func (s *statements) prepare(ctx context.Context, db *sql.DB, queries []string) (map[string]*sql.Stmt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ready := make(map[string]*sql.Stmt, len(queries))
	for _, query := range queries {
		stmt := s.ready[query]
		if stmt == nil {
			var err error
			if stmt, err = db.PrepareContext(ctx, numbered(query)); err != nil {
				return nil, err
			}
			s.ready[query] = stmt
		}
		ready[query] = stmt
	}
	return ready, nil
}
