package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/store"
)

// words merges bodies as sets of words.
func words(_ string, old, new []byte) ([]byte, error) {
	all := append(strings.Fields(string(old)), strings.Fields(string(new))...)
	slices.Sort(all)
	return []byte(strings.Join(slices.Compact(all), " ")), nil
}

func use(tenant int, id string, second int, body string) store.Use {
	return store.Use{Tenant: Tenant(tenant), Kind: "thing", ID: id, At: At(second), Body: []byte(body)}
}

// usesOf lists what is kept of a tenant.
func usesOf(t *testing.T, s *store.Store, tenant int) map[string]time.Time {
	t.Helper()
	found := map[string]time.Time{}
	err := s.Uses(t.Context(), Tenant(tenant), func(u store.Use) error {
		if u.Tenant != Tenant(tenant) || u.Kind != "thing" || u.Body != nil {
			t.Errorf("Uses of tenant %d has %+v", tenant, u)
		}
		found[u.ID] = u.At
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func lastUses(t *testing.T, place Place) {
	s, ctx := place.Open(t), t.Context()
	put := func(uses ...store.Use) {
		t.Helper()
		if err := s.PutUses(ctx, uses, words); err != nil {
			t.Fatal(err)
		}
	}
	check := func(s *store.Store, id string, second int, body string) {
		t.Helper()
		u, found, err := s.Use(ctx, Tenant(1), "thing", id)
		if err != nil || !found || !u.At.Equal(At(second)) || string(u.Body) != body {
			t.Errorf("Use(%s) = %+v %q, %v, %v; want second %d and %q", id, u, u.Body, found, err, second, body)
		}
	}
	since, err := s.UsesSince(ctx, At(0))
	if err != nil || !since.Equal(At(0)) {
		t.Errorf("UsesSince = %v, %v", since, err)
	}
	put(use(1, "a", 5, "read"), use(1, "b", 5, ""), use(2, "a", 6, "other"))
	put(use(1, "a", 3, "write read")) // older, as from a process that lagged behind
	check(s, "a", 5, "read write")
	put(use(1, "a", 7, ""))
	check(s, "a", 7, "read write")
	check(s, "b", 5, "")
	if found := usesOf(t, s, 1); len(found) != 2 || !found["a"].Equal(At(7)) || !found["b"].Equal(At(5)) {
		t.Errorf("Uses = %v", found)
	}
	if _, found, err := s.Use(ctx, Tenant(1), "other kind", "a"); found || err != nil {
		t.Errorf("Use of another kind = %v, %v", found, err)
	}
	stop := errors.New("stop")
	if err := s.Uses(ctx, Tenant(1), func(store.Use) error { return stop }); err != stop {
		t.Errorf("Uses with a failing callback = %v", err)
	}
	if err := s.PutUses(ctx, []store.Use{use(1, "b", 9, "x"), use(1, "c", 9, "x")}, func(string, []byte, []byte) ([]byte, error) { return nil, stop }); err == nil {
		t.Error("a merge that failed is no error")
	}
	check(s, "b", 5, "") // nothing of it was written

	again := place.Open(t) // another process, or the same after a restart
	check(again, "a", 7, "read write")
	if since, err := again.UsesSince(ctx, At(50)); err != nil || !since.Equal(At(0)) {
		t.Errorf("UsesSince after a restart = %v, %v", since, err)
	}
	if err := again.ForgetUses(ctx, func(u store.Use) bool { return u.Tenant == Tenant(1) && u.ID == "a" }); err != nil {
		t.Error(err)
	}
	if one, two := usesOf(t, s, 1), usesOf(t, s, 2); len(one) != 1 || len(two) != 1 {
		t.Errorf("after ForgetUses: %v and %v", one, two)
	}
	if err := again.ForgetUses(ctx, func(store.Use) bool { return true }); err != nil {
		t.Error(err)
	}
	if since, err := s.UsesSince(ctx, At(50)); err != nil || !since.Equal(At(0)) {
		t.Errorf("UsesSince after all was forgotten = %v, %v", since, err)
	}
}

// usesMerged lets processes keep uses of the same things at once: none loses what another knows.
func usesMerged(t *testing.T, place Place) {
	const writers, rounds = 4, 20
	var all []string
	var wg sync.WaitGroup
	for w := range writers {
		s := place.Open(t)
		if _, err := s.UsesSince(t.Context(), At(0)); err != nil { // opens the log, which only PostgreSQL lets many do at once
			t.Fatal(err)
		}
		wg.Go(func() {
			for i := range rounds {
				word := fmt.Sprintf("w%d-%d", w, i)
				uses := []store.Use{use(1, "x", i, word), use(1, "y", rounds-i, word)}
				if w%2 == 1 {
					slices.Reverse(uses) // in the order that would make others wait in a circle
				}
				if err := s.PutUses(t.Context(), uses, words); err != nil {
					t.Error(err)
				}
			}
		})
		for i := range rounds {
			all = append(all, fmt.Sprintf("w%d-%d", w, i))
		}
	}
	wg.Wait()
	slices.Sort(all)
	s := place.Open(t)
	for id, second := range map[string]int{"x": rounds - 1, "y": rounds} {
		u, _, err := s.Use(t.Context(), Tenant(1), "thing", id)
		if err != nil || string(u.Body) != strings.Join(all, " ") || !u.At.Equal(At(second)) {
			t.Errorf("%s = %+v %q, %v", id, u, u.Body, err)
		}
	}
}
