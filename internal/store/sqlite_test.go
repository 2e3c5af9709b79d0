package store_test

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/store/storetest"
)

func TestSQLiteConformance(t *testing.T) { storetest.Conformance(t, sqlitePlace) }

// sqlitePlace is a data directory that, unlike in production, several handles may open.
func TestMemoryConformance(t *testing.T) { storetest.Conformance(t, memoryPlace) }

func memoryPlace(tb testing.TB) storetest.Place {
	name := tb.Name()
	return storetest.Place{
		Open: func(tb testing.TB) *store.Store {
			s, err := store.OpenMemory(tb.Context(), name)
			if err != nil {
				tb.Fatal(err)
			}
			tb.Cleanup(func() {
				if err := s.Close(); err != nil {
					tb.Error(err)
				}
			})
			return s
		},
		SQL: func(tb testing.TB) *sql.DB {
			location := url.URL{Scheme: "file", Path: "/" + name, RawQuery: "vfs=memdb&_pragma=busy_timeout(5000)"}
			db, err := sql.Open("sqlite", location.String())
			if err != nil {
				tb.Fatal(err)
			}
			tb.Cleanup(func() { db.Close() })
			return db
		},
	}
}

func sqlitePlace(tb testing.TB) storetest.Place {
	dir := tb.TempDir()
	return storetest.Place{
		Open: func(tb testing.TB) *store.Store {
			os.Remove(filepath.Join(dir, "inborn.lock")) // the next handle locks a new file
			return openSQLite(tb, dir)
		},
		SQL: func(tb testing.TB) *sql.DB { return rawSQLite(tb, dir) },
	}
}

func openSQLite(tb testing.TB, dir string) *store.Store {
	tb.Helper()
	s, err := store.OpenSQLite(tb.Context(), dir)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func rawSQLite(tb testing.TB, dir string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("sqlite", "file://"+filepath.Join(dir, "inborn.db")+"?_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	return db
}
