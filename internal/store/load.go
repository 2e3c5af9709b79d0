package store

import (
	"bytes"
	"context"

	"github.com/inborn-id/inborn/internal/guid"
)

// rawRecord is a live record as the driver hands it out; its slices are overwritten by the next row.
type rawRecord struct {
	tenant, kind, id, body []byte
	seq                    int64
}

// Load calls each with every live record, in one snapshot, and returns the position of that snapshot. The Body is only
// valid during the call. An error of each ends the reading and is returned as it is.
func (s *Store) Load(ctx context.Context, each func(Record) error) (Position, error) {
	var refused error
	var r Record
	var tenant []byte // the text that r.Tenant was parsed from: most rows repeat it
	at, err := s.load(ctx, func(raw rawRecord) error {
		if !bytes.Equal(tenant, raw.tenant) {
			parsed, err := guid.Parse(string(raw.tenant))
			if err != nil {
				return err
			}
			r.Tenant, tenant = parsed, append(tenant[:0], raw.tenant...)
		}
		if r.Kind != string(raw.kind) {
			r.Kind = string(raw.kind)
		}
		r.ID, r.Seq, r.Body = string(raw.id), raw.seq, raw.body
		refused = each(r)
		return refused
	})
	if refused != nil {
		return Position{}, refused
	}
	return at, s.fail("load the store", err)
}

const (
	headQuery = `SELECT epoch, seq, tag FROM head WHERE name='directory'`
	loadQuery = `SELECT tenant, kind, id, seq, body FROM object WHERE deleted=0`
)
