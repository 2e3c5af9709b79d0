//go:build unix

package store_test

import (
	"database/sql"
	"os"
	"testing"

	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/store/storetest"
)

var postgres storetest.Server

func TestMain(m *testing.M) {
	code := m.Run()
	postgres.Stop()
	os.Exit(code)
}

func TestPostgresConformance(t *testing.T) { storetest.Conformance(t, postgresPlace) }

// postgresPlace is a new database.
func postgresPlace(tb testing.TB) storetest.Place {
	url := postgres.Database(tb)
	return storetest.Place{
		Open: func(tb testing.TB) *store.Store { return openPostgres(tb, url) },
		SQL:  func(tb testing.TB) *sql.DB { return rawPostgres(tb, url) },
	}
}

func openPostgres(tb testing.TB, url string) *store.Store {
	tb.Helper()
	s, err := store.OpenPostgres(tb.Context(), url)
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

func rawPostgres(tb testing.TB, url string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	return db
}
