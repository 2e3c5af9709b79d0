package token

import (
	"slices"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

// How signing keys rotate.
const (
	// RotateEvery is how long one key signs.
	RotateEvery = 30 * 24 * time.Hour
	// PublishAhead is how long a key is in the key document before it signs. It is the max-age of that document, so
	// that no API meets a key that it has not had the chance to fetch.
	PublishAhead = 24 * time.Hour
	// KeepPublished is how long a key stays in the document after its successor signs: the longest token and an hour
	// for clocks that differ.
	KeepPublished = MaxLifetime + time.Hour
)

// RingKey is a key and the time of its service.
type RingKey struct {
	Key        *Key
	ActiveFrom time.Time // when it starts to sign
	RetireAt   time.Time // when it leaves the document and its tokens stop being accepted; zero: not yet known
}

// KeyRing is the set of one issuer's keys. It is a value: its methods return changed copies. The zero KeyRing is empty.
type KeyRing struct {
	keys []RingKey // the latest ActiveFrom first
}

// NewKeyRing makes a ring of keys that were stored, in any order.
func NewKeyRing(keys ...RingKey) KeyRing {
	sorted := slices.Clone(keys)
	slices.SortStableFunc(sorted, func(a, b RingKey) int { return b.ActiveFrom.Compare(a.ActiveFrom) })
	return KeyRing{keys: sorted}
}

// Due says whether a new key should be made at now, and from when it should sign. Where no key signs, or the last one
// is to retire because its successor was taken out, that is at once; otherwise the new key is published for
// PublishAhead before it signs, however late the rotation is.
func (r KeyRing) Due(now time.Time) (activeFrom time.Time, due bool) {
	if _, err := r.Signing(now); err != nil || !r.keys[0].RetireAt.IsZero() {
		return now, true
	}
	next := r.keys[0].ActiveFrom.Add(RotateEvery)
	if now.Before(next.Add(-PublishAhead)) {
		return time.Time{}, false
	}
	if earliest := now.Add(PublishAhead); next.Before(earliest) {
		next = earliest
	}
	return next, true
}

// With returns the ring with one more key, which signs from activeFrom on. Each key then retires KeepPublished after its
// successor starts, or earlier where that was already decided.
func (r KeyRing) With(key *Key, activeFrom time.Time) KeyRing {
	r = NewKeyRing(append(slices.Clone(r.keys), RingKey{Key: key, ActiveFrom: activeFrom})...)
	for i := 1; i < len(r.keys); i++ {
		k, last := &r.keys[i], r.keys[i-1].ActiveFrom.Add(KeepPublished)
		if k.RetireAt.IsZero() || k.RetireAt.After(last) {
			k.RetireAt = last
		}
	}
	return r
}

// Without returns the ring without a key, whose tokens are then refused at once: what to do when a key has leaked. Ask
// Due afterwards.
func (r KeyRing) Without(keyID string) KeyRing {
	return KeyRing{keys: slices.DeleteFunc(slices.Clone(r.keys), func(k RingKey) bool { return k.Key.id == keyID })}
}

// Prune returns the ring without the keys that have retired.
func (r KeyRing) Prune(now time.Time) KeyRing {
	return KeyRing{keys: slices.DeleteFunc(slices.Clone(r.keys), func(k RingKey) bool { return k.retired(now) })}
}

// Keys returns all keys, the one that signs last first. The slice is the caller's.
func (r KeyRing) Keys() []RingKey { return slices.Clone(r.keys) }

// Signing returns the key that signs at now: of those that have started and not retired, the one that started last. The
// error is a KeysNotReady.
func (r KeyRing) Signing(now time.Time) (*Key, error) {
	for _, k := range r.keys {
		if !k.ActiveFrom.After(now) && !k.retired(now) {
			return k.Key, nil
		}
	}
	return nil, apierr.New(apierr.KeysNotReady, "The signing key is not ready yet. Try again in a few seconds.")
}

// Lookup returns the key of that id if tokens signed with it are accepted at now.
func (r KeyRing) Lookup(keyID string, now time.Time) (PublicKey, bool) {
	for _, k := range r.keys {
		if k.Key.id == keyID && !k.retired(now) {
			return k.Key.Public(), true
		}
	}
	return PublicKey{}, false
}

func (k RingKey) retired(now time.Time) bool { return !k.RetireAt.IsZero() && !now.Before(k.RetireAt) }
