package store

import (
	"context"
	"time"
)

const (
	keepHistory   = 24 * time.Hour // revisions, tombstones and operations
	keepRevisions = 1024           // newest sequence numbers whose revisions stay however old: an idle follower stands there
	sweepBatch    = 500            // rows deleted by one statement, so that no commit waits long
)

// Sweep deletes what nobody may ask for any more: tickets that expired before now, and operations, revisions and
// tombstones older than 24 hours. It works in small writes between those of others. A follower that has not been heard
// of for a day finds the floor above its position and loads again.
func (s *Store) Sweep(ctx context.Context, now time.Time) error {
	old := now.Add(-keepHistory).UnixMicro()
	raise := `UPDATE head SET floor=(SELECT coalesce(max(seq),0) FROM revision WHERE at<$1)
		WHERE name='directory' AND floor<(SELECT coalesce(max(seq),0) FROM revision WHERE at<$1)`
	if _, err := s.sweep(ctx, raise, old); err != nil {
		return err
	}
	for _, job := range []struct {
		query string
		args  []any
	}{
		{`DELETE FROM ticket WHERE (tenant,kind,hash) IN (SELECT tenant,kind,hash FROM ticket WHERE expires_at<$1 LIMIT $2)`,
			[]any{now.UnixMicro(), sweepBatch}},
		{`DELETE FROM operation WHERE (tenant,op_key) IN (SELECT tenant,op_key FROM operation WHERE at<$1 LIMIT $2)`,
			[]any{old, sweepBatch}},
		{`DELETE FROM object WHERE deleted=1 AND (tenant,kind,id) IN (SELECT tenant,kind,id FROM object
			WHERE deleted=1 AND seq<=(SELECT floor FROM head WHERE name='directory') LIMIT $1)`, []any{sweepBatch}},
		{`DELETE FROM revision WHERE seq IN (SELECT seq FROM revision WHERE at<$1
			AND seq<(SELECT seq FROM head WHERE name='directory')-$2 LIMIT $3)`, []any{old, keepRevisions, sweepBatch}},
	} {
		for {
			n, err := s.sweep(ctx, job.query, job.args...)
			if err != nil {
				return err
			}
			if n < sweepBatch {
				break
			}
		}
	}
	return nil
}

func (s *Store) sweep(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := s.handles.Load().write.ExecContext(ctx, s.rewrite(query), args...)
	if err != nil {
		return 0, s.fail("sweep the store", err)
	}
	n, err := result.RowsAffected()
	return n, s.fail("sweep the store", err)
}
