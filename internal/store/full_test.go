package store

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/apierr"
)

// A full disk refuses the commit with a clear sentence, keeps all there was, and goes on when there is space again.
func TestFullDisk(t *testing.T) {
	s, err := OpenSQLite(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	group := func(from Position, tag string) Group {
		return Group{Updates: 1, Tag: tag, Records: []Record{{Key: Key{Kind: "thing", ID: tag}, Seq: from.Seq + 1,
			Body: []byte(strings.Repeat("x", 100_000))}}}
	}
	_, at, err := s.Commit(t.Context(), Position{Epoch: 1}, group(Position{}, "fits"))
	if err != nil {
		t.Fatal(err)
	}
	limit := func(pages int) {
		if _, err := s.handles.Load().write.Exec(fmt.Sprintf("PRAGMA max_page_count=%d", pages)); err != nil {
			t.Fatal(err)
		}
	}
	limit(50)
	won, _, err := s.Commit(t.Context(), at, group(at, "too much"))
	if won || !apierr.Is(err, apierr.StoreFailed) || !strings.Contains(apierr.From(err).Message, "The disk is full") {
		t.Errorf("on a full disk: %v, %v", won, err)
	}
	if d, err := s.Follow(t.Context(), Position{Epoch: 1}); err != nil || d.Now != at || len(d.Records) != 1 {
		t.Errorf("after it: %+v, %v", d.Now, err)
	}
	limit(1_000_000)
	if won, _, err := s.Commit(t.Context(), at, group(at, "again")); !won || err != nil {
		t.Errorf("with space again: %v, %v", won, err)
	}
}
