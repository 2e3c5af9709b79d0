package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
)

// Ticket is a single-use or short-lived thing, such as an authorisation code, a session, a refresh token or the jti of
// an assertion. It stands outside the log: no View shows it, and using it is one conditional write.
type Ticket struct {
	Tenant    guid.GUID
	Kind      string
	Hash      Hash      // SHA-256 of the secret that the bearer shows; the secret itself is never stored
	Expires   time.Time // from here on it is as if it did not exist; microseconds count
	Used      time.Time // zero until it was redeemed
	Principal string
	Body      []byte
}

// PutTicket adds t and reports whether it is new. A ticket of the same tenant, kind and hash that is still stored, even
// used, makes it false: so the second use of an assertion is seen.
func (s *Store) PutTicket(ctx context.Context, t Ticket) (added bool, err error) {
	var one int
	return s.single(ctx, `INSERT INTO ticket(tenant,kind,hash,expires_at,principal,body) VALUES($1,$2,$3,$4,$5,$6)
		ON CONFLICT (tenant,kind,hash) DO NOTHING RETURNING 1`,
		[]any{t.Tenant.String(), t.Kind, t.Hash[:], t.Expires.UnixMicro(), t.Principal, notNil(t.Body)}, &one)
}

// RedeemTicket uses the ticket up and returns it. Of all callers, in all processes, exactly one gets true; an unknown,
// used or expired ticket gives false.
func (s *Store) RedeemTicket(ctx context.Context, tenant guid.GUID, kind string, hash Hash, now time.Time) (Ticket, bool, error) {
	t := Ticket{Tenant: tenant, Kind: kind, Hash: hash, Used: now}
	var expires int64
	found, err := s.single(ctx, `UPDATE ticket SET used_at=$4 WHERE tenant=$1 AND kind=$2 AND hash=$3 AND used_at IS NULL
		AND expires_at>$4 RETURNING expires_at, principal, body`,
		[]any{tenant.String(), kind, hash[:], now.UnixMicro()}, &expires, &t.Principal, &t.Body)
	t.Expires = time.UnixMicro(expires).UTC()
	return t, found, err
}

// Ticket returns a ticket without using it, as a session is read at every request; used and expired ones are returned
// too until they are swept, so that the caller can tell reuse from ignorance.
func (s *Store) Ticket(ctx context.Context, tenant guid.GUID, kind string, hash Hash) (Ticket, bool, error) {
	t := Ticket{Tenant: tenant, Kind: kind, Hash: hash}
	var expires int64
	var used sql.NullInt64
	found, err := s.one(ctx, `SELECT expires_at, used_at, principal, body FROM ticket WHERE tenant=$1 AND kind=$2 AND hash=$3`,
		[]any{tenant.String(), kind, hash[:]}, &expires, &used, &t.Principal, &t.Body)
	t.Expires = time.UnixMicro(expires).UTC()
	if used.Valid {
		t.Used = time.UnixMicro(used.Int64).UTC()
	}
	return t, found, err
}
