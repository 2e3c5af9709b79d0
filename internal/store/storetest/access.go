package storetest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/store"
)

// access makes a part of a log with two entries; who is the number of a principal.
func access(n, who int, vault string, at time.Time) store.Accesses {
	return store.Accesses{Tenant: Tenant(1), Vault: vault, Last: at, N: int64(n), First: at.Add(-time.Second), Principal: fmt.Sprint("principal-", who),
		Caller: fmt.Sprint("Caller ", who), Entries: 2, Body: fmt.Append(nil, "body ", n)}
}

// accesses writes access logs and finds what is in them.
func accesses(t *testing.T, place Place) {
	s, ctx := place.Open(t), t.Context()
	read := func(s *store.Store, tenant int, vault string, q store.AccessQuery, limit int) (all []store.Accesses) {
		t.Helper()
		for a, err := range s.Accesses(ctx, Tenant(tenant), vault, q) {
			if err != nil {
				t.Fatal(err)
			}
			if all = append(all, a); len(all) == limit {
				break
			}
		}
		return all
	}
	if got := read(s, 1, "kv", store.AccessQuery{}, 10); len(got) != 0 {
		t.Errorf("an empty log has %v", got)
	}
	var written []store.Accesses
	for n := range 200 { // two end at the same time
		written = append(written, access(n, n%2, "kv", At(n/2)))
	}
	other, foreign := access(1, 0, "kv-2", At(500)), access(2, 0, "kv", At(500))
	foreign.Tenant = Tenant(2)
	if err := s.AddAccesses(ctx, append(slices.Clone(written), other, foreign)); err != nil {
		t.Fatal(err)
	}
	if err := s.AddAccesses(ctx, []store.Accesses{access(300, 0, "kv", At(300)), access(7, 1, "kv", At(3))}); err == nil {
		t.Error("a part was written twice")
	}
	slices.Reverse(written)
	if got := read(s, 1, "kv", store.AccessQuery{}, 1000); !reflect.DeepEqual(got, written) {
		t.Errorf("read %d of %d: %+v", len(got), len(written), got[:min(2, len(got))])
	}
	for what, one := range map[string]struct {
		query store.AccessQuery
		limit int
		want  string
	}{
		"the newest":  {store.AccessQuery{}, 3, "199 198 197"},
		"to":          {store.AccessQuery{To: At(98)}, 3, "197 196 195"},
		"from":        {store.AccessQuery{From: At(98)}, 10, "199 198 197 196"},
		"from and to": {store.AccessQuery{From: At(97), To: At(97)}, 10, "195 194"},
		"a principal": {store.AccessQuery{Caller: "PRINCIPAL-1"}, 2, "199 197"},
		"a caller":    {store.AccessQuery{Caller: "caller 0"}, 2, "198 196"},
		"nobody":      {store.AccessQuery{Caller: "' OR ''='"}, 9, ""},
		"later":       {store.AccessQuery{From: At(100)}, 9, ""},
	} {
		var got []string
		for _, a := range read(s, 1, "kv", one.query, one.limit) {
			got = append(got, fmt.Sprint(a.N))
		}
		if strings.Join(got, " ") != one.want {
			t.Errorf("%s: %s; want %s", what, got, one.want)
		}
	}
	if got := read(s, 1, "kv-2", store.AccessQuery{}, 10); !reflect.DeepEqual(got, []store.Accesses{other}) {
		t.Errorf("the other vault has %v", got)
	}
	// As another process sees it.
	if got := read(place.Open(t), 2, "kv", store.AccessQuery{}, 10); !reflect.DeepEqual(got, []store.Accesses{foreign}) {
		t.Errorf("the other tenant has %v", got)
	}
}

// accessTrim lets entries grow old, and one principal flood the log of others.
func accessTrim(t *testing.T, place Place) {
	s, ctx := place.Open(t), t.Context()
	var all []store.Accesses
	for n := range 1000 { // principal 0 floods; 1 and 2 have 40 and 10 parts of two entries
		who := 0
		switch {
		case n%25 == 1:
			who = 1
		case n%100 == 2:
			who = 2
		}
		all = append(all, access(n, who, "kv", At(n)), access(n, who, "kv-2", At(n)))
	}
	if err := s.AddAccesses(ctx, all); err != nil {
		t.Fatal(err)
	}
	count := func(vault, caller string) (n int) {
		t.Helper()
		for a, err := range s.Accesses(ctx, Tenant(1), vault, store.AccessQuery{Caller: caller}) {
			if err != nil {
				t.Fatal(err)
			}
			n += a.Entries
		}
		return n
	}
	if trimmed, err := s.TrimAccesses(ctx, At(100), 1800); err != nil || len(trimmed) != 0 {
		t.Errorf("trimmed %v, %v", trimmed, err)
	}
	if count("kv", "") != 1800 || count("kv-2", "") != 1800 {
		t.Errorf("%d and %d are left, want 1800 each", count("kv", ""), count("kv-2", ""))
	}
	trimmed, err := s.TrimAccesses(ctx, At(100), 400)
	if err != nil || len(trimmed) != 2 || trimmed[0] != (store.TrimmedAccesses{Tenant: Tenant(1), Vault: "kv", Principal: "principal-0", Entries: 1440}) {
		t.Errorf("trimmed %+v, %v", trimmed, err)
	}
	for _, vault := range []string{"kv", "kv-2"} {
		if count(vault, "caller 0") != 360-72-18 || count(vault, "caller 1") != 72 || count(vault, "caller 2") != 18 {
			t.Errorf("%s: %d, %d and %d are left", vault, count(vault, "caller 0"), count(vault, "caller 1"), count(vault, "caller 2"))
		}
	}
	for newest, err := range s.Accesses(ctx, Tenant(1), "kv", store.AccessQuery{}) {
		if err != nil || newest.N != 999 {
			t.Errorf("the newest is %+v, %v", newest, err)
		}
		break
	}
	if _, err := s.TrimAccesses(ctx, At(5000), 400); err != nil || count("kv", "") != 0 {
		t.Errorf("%d outlived their time: %v", count("kv", ""), err)
	}
}
