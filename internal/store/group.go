package store

import (
	"time"

	"github.com/inborn-id/inborn/internal/guid"
)

// Group is everything that one commit writes: all of it, or nothing. Updates in it carry the sequence numbers from.Seq+1
// to from.Seq+Updates, but no follower ever sees the ones between.
type Group struct {
	Updates    int       // how far the head moves; at least 1
	Tag        string    // random, made by the caller, never used again: the name of this commit
	At         time.Time // when, for the revision and the operations
	Records    []Record  // each key at most once
	Bodies     []Record  // large or cold bodies, read by key with Body; Deleted is ignored
	Ciphers    []Cipher  // each (Tenant, ID) at most once
	Operations []Operation
	Events     []Event // in order; Commit fills in N and Prev
}

// Cipher is one encrypted value, kept outside the View. An empty Ciphertext erases the value.
type Cipher struct {
	Tenant     guid.GUID
	ID         string
	Seq        int64
	Ciphertext []byte
}

// Operation is the outcome of an update whose caller gave a key to repeat it by; it is remembered for 24 hours.
type Operation struct {
	Tenant guid.GUID
	Key    string
	Seq    int64
	Result []byte
	At     time.Time // filled in from the Group
}

// part is one table that a commit writes to: both engines make their INSERT from it.
type part struct {
	table    string
	columns  string
	types    []string // of PostgreSQL, in the order of columns
	conflict string
}

// parts returns the tables of a commit with the rows that g has for each.
func (g Group) parts() []rows {
	return []rows{
		{part{"object", "tenant,kind,id,seq,deleted,body", []string{"text", "text", "text", "bigint", "bigint", "bytea"},
			"ON CONFLICT (tenant,kind,id) DO UPDATE SET seq=excluded.seq, deleted=excluded.deleted, body=excluded.body"},
			recordRows(g.Records, true)},
		{part{"body", "tenant,kind,id,seq,body", []string{"text", "text", "text", "bigint", "bytea"},
			"ON CONFLICT (tenant,kind,id) DO UPDATE SET seq=excluded.seq, body=excluded.body"},
			recordRows(g.Bodies, false)},
		{part{"cipher", "tenant,id,seq,ciphertext", []string{"text", "text", "bigint", "bytea"},
			"ON CONFLICT (tenant,id) DO UPDATE SET seq=excluded.seq, ciphertext=excluded.ciphertext"},
			g.cipherRows()},
		{part{"operation", "tenant,op_key,seq,result,at", []string{"text", "text", "bigint", "bytea", "bigint"}, ""},
			g.operationRows()},
		{part{"event", "tenant,seq,n,at,actor,action,target,outcome,prev_hash,body",
			[]string{"text", "bigint", "bigint", "bigint", "text", "text", "text", "text", "bytea", "bytea"}, ""},
			g.eventRows()},
	}
}

// rows are the values for one part, one slice per row.
type rows struct {
	part
	values [][]any
}

func recordRows(records []Record, withDeleted bool) [][]any {
	values := make([][]any, 0, len(records))
	for _, r := range records {
		body := notNil(r.Body)
		if !withDeleted {
			values = append(values, []any{r.Tenant.String(), r.Kind, r.ID, r.Seq, body})
			continue
		}
		deleted := int64(0)
		if r.Deleted {
			deleted, body = 1, []byte{}
		}
		values = append(values, []any{r.Tenant.String(), r.Kind, r.ID, r.Seq, deleted, body})
	}
	return values
}

func (g Group) cipherRows() [][]any {
	values := make([][]any, 0, len(g.Ciphers))
	for _, c := range g.Ciphers {
		values = append(values, []any{c.Tenant.String(), c.ID, c.Seq, notNil(c.Ciphertext)})
	}
	return values
}

func (g Group) operationRows() [][]any {
	values := make([][]any, 0, len(g.Operations))
	for _, o := range g.Operations {
		values = append(values, []any{o.Tenant.String(), o.Key, o.Seq, notNil(o.Result), g.At.UnixMicro()})
	}
	return values
}

func (g Group) eventRows() [][]any {
	values := make([][]any, 0, len(g.Events))
	for _, e := range g.Events {
		values = append(values, []any{e.Tenant.String(), e.Seq, int64(e.N), e.At.UnixMicro(), e.Actor, e.Action, e.Target,
			e.Outcome, e.Prev[:], notNil(e.Body)})
	}
	return values
}

// notNil keeps an empty value from becoming NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
