package vault

import (
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

// Access is one use of a vault, or the attempt of one, for its access log. Nothing secret is in it.
type Access struct {
	Tenant    guid.GUID
	Vault     resource.ID
	At        time.Time
	Request   guid.GUID
	Principal guid.GUID
	Caller    string // the principal, as a person knows it
	Operation string // such as secrets/get
	Object    string // kind, name and version, as far as the request named them; "" for the vault
	Status    int    // of the answer, as in HTTP
	Reason    string // why: the assignment or policy that let it pass, or what forbade it
	Place     string // in the log; "" for one that was not read from there
}

// AccessFilter says which entries of an access log are asked for. What is zero does not matter.
type AccessFilter struct {
	Since  time.Time
	Object string // name of the object, or kind and name with a slash between
	Caller string // the principal's id or name
	Before string // Place of an entry: only older ones
}
