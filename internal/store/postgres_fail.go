package store

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/inborn-id/inborn/internal/apierr"
)

// fail turns an error of PostgreSQL into one sentence with its remedy. Named errors and the end of a caller's context
// pass as they are; nil stays nil.
func (e *postgresEngine) fail(doing string, err error) error {
	if errors.Is(err, errUnknown) {
		return apierr.New(apierr.StoreFailed, "The connection to the database %s was lost while writing: the change may or may"+
			" not have happened. Look before you repeat the request.", e.place).Because(err)
	}
	var unreached *pgconn.ConnectError // may carry the end of our own patience, which is not the caller's
	if passes(err) && !errors.As(err, &unreached) {
		return err
	}
	var said *pgconn.PgError
	if !errors.As(err, &said) {
		return apierr.New(apierr.StoreFailed, "Cannot %s: the database %s cannot be reached. Check that it runs and that"+
			" this server's address of it is right.", doing, e.place).Because(err)
	}
	return apierr.New(apierr.StoreFailed, "Cannot %s in the database %s. %s", doing, e.place, remedy(said)).Because(err)
}

// remedy goes by the codes of the PostgreSQL manual, appendix A.
func remedy(said *pgconn.PgError) string {
	switch said.Code {
	case "28P01", "28000":
		return "The user or password is refused: check them and pg_hba.conf."
	case "3D000":
		return "There is no such database: create it, for example with createdb."
	case "42501":
		return "The user may not do this: give it all rights on the schema."
	case "25006":
		return "The server is a read-only standby: name the primary."
	case "53100":
		return "The disk of the database is full: free some space. Nothing that was acknowledged is lost."
	case "53300":
		return "It has no connection left: raise max_connections or start fewer replicas."
	case "55P03", "57014":
		return "It took too long: look for long transactions in pg_stat_activity."
	case "57P03", "57P01":
		return "It is starting or stopping: try again soon."
	}
	return "Look at the log for the cause."
}
