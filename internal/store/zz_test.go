package store

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
)

func TestZZ(t *testing.T) {
	dir := t.TempDir() + "/d"
	for i := range 3 {
		t0 := time.Now()
		s, err := OpenSQLite(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		t1 := time.Now()
		p, err := s.Load(t.Context(), func(Record) error { return nil })
		fmt.Println(i, t1.Sub(t0), time.Since(t1), p, err)
		t2 := time.Now()
		g := Group{Updates: 1, Tag: fmt.Sprint("t", i), At: time.Now(), Records: []Record{{Key: Key{guid.GUID{1}, "k", "a"}, Seq: p.Seq + 1, Body: []byte("x")}},
			Events: []Event{{Tenant: guid.GUID{1}, Seq: p.Seq + 1, Actor: "x"}}}
		won, to, err := s.Commit(t.Context(), p, g)
		fmt.Println(won, to, err, time.Since(t2))
		d, err := s.Follow(t.Context(), p)
		fmt.Println(d, err)
		t3 := time.Now()
		fmt.Println(s.Close(), time.Since(t3))
	}
	b, _ := os.ReadFile("/proc/self/status")
	for _, l := range strings.Split(string(b), "\n") {
		if strings.HasPrefix(l, "VmRSS") {
			fmt.Println(l)
		}
	}
	_ = context.Background
}
