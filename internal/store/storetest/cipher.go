package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/inborn-id/inborn/internal/store"
)

// ciphers walks the encrypted values in pages and replaces some of them, while others are written and erased.
func ciphers(t *testing.T, place Place) {
	s := place.Open(t)
	start := NewFollower(t, s).At
	g := Group("a")
	var want []string
	for i := range 25 {
		c := store.Cipher{Tenant: Tenant(i % 3), ID: fmt.Sprintf("id-%02d", i), Seq: 1, Ciphertext: fmt.Append(nil, "old ", i)}
		g.Ciphers, want = append(g.Ciphers, c), append(want, c.Tenant.String()+c.ID)
	}
	g.Ciphers = append(g.Ciphers, store.Cipher{ID: "of the platform", Seq: 1, Ciphertext: []byte("old")},
		store.Cipher{Tenant: Tenant(1), ID: "erased", Seq: 1})
	want = append(want, "00000000-0000-0000-0000-000000000000of the platform")
	at := MustCommit(t, s, start, g)
	slices.Sort(want)

	var all []store.Cipher
	var after store.Cipher
	for {
		page, err := s.Ciphers(t.Context(), after, 4)
		if err != nil || len(page) > 4 {
			t.Fatalf("Ciphers = %d, %v", len(page), err)
		}
		if len(page) == 0 {
			break
		}
		all, after = append(all, page...), page[len(page)-1]
	}
	var got []string
	for _, c := range all {
		got = append(got, c.Tenant.String()+c.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("walked %v, want %v", got, want)
	}
	if n, err := s.CountCiphers(t.Context()); err != nil || n != len(want) {
		t.Errorf("CountCiphers = %d, %v; want %d", n, err, len(want))
	}

	// Between the walk and the replacement one value is written again and one erased: those stay what they became.
	rewritten, erased, kept := all[3], all[4], all[5]
	rewritten.Seq, rewritten.Ciphertext = 2, []byte("written again")
	erased.Seq, erased.Ciphertext = 2, nil
	change := Group("b")
	change.Ciphers = []store.Cipher{rewritten, erased}
	at = MustCommit(t, s, at, change)
	var batch []store.Rewrapped
	for _, c := range all[:10] {
		batch = append(batch, store.Rewrapped{Was: c, Ciphertext: []byte("new")})
	}
	if err := s.ReplaceCiphers(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	other := place.Open(t) // as another process, or another replica, sees it
	for _, c := range all {
		text := string(c.Ciphertext)
		switch i := slices.IndexFunc(all, func(o store.Cipher) bool { return o.Tenant == c.Tenant && o.ID == c.ID }); {
		case i == 3:
			text = "written again"
		case i == 4:
			text = ""
		case i < 10:
			text = "new"
		}
		if now, found, err := other.Cipher(t.Context(), c.Tenant, c.ID); err != nil || found != (text != "") || string(now.Ciphertext) != text {
			t.Errorf("%s is %q, %v, %v; want %q", c.ID, now.Ciphertext, found, err, text)
		}
	}
	if now, _, _ := other.Cipher(t.Context(), kept.Tenant, kept.ID); now.Seq != kept.Seq {
		t.Errorf("a replaced value has the sequence number %d, had %d", now.Seq, kept.Seq)
	}
	if d, err := other.Follow(t.Context(), at); err != nil || d.Now != at || d.Reload || len(d.Records) > 0 {
		t.Errorf("the log moved: %+v, %v", d, err)
	}
}
