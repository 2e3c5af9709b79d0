package directory

import (
	"encoding/base64"
	"errors"

	"github.com/inborn-id/inborn/internal/guid"
)

// AssignmentID names an app role assignment: the principal's id and 16 fresh bytes. Its text form is base64url without
// padding, 43 characters, with the principal's GUID in the mixed-endian order of .NET. (Checked against ids that
// Microsoft Graph returned.)
type AssignmentID [32]byte

// NewAssignmentID makes the id of a new assignment of principal.
func NewAssignmentID(principal, fresh guid.GUID) AssignmentID {
	var id AssignmentID
	copy(id[:16], swap(principal[:]))
	copy(id[16:], fresh[:])
	return id
}

// ParseAssignmentID reads the 43-character form.
func ParseAssignmentID(s string) (AssignmentID, error) {
	var id AssignmentID
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(raw) != len(id) {
		return id, errors.New("not an app role assignment id: expected 43 base64url characters")
	}
	return AssignmentID(raw), nil
}

// Principal returns the principal that the id says it belongs to.
func (id AssignmentID) Principal() guid.GUID { return guid.GUID(swap(id[:16])) }

// String returns the 43-character form.
func (id AssignmentID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// MarshalText implements encoding.TextMarshaler with the form of String.
func (id AssignmentID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *AssignmentID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseAssignmentID(string(text))
	return err
}

// swap turns the first three fields of a GUID between big-endian and little-endian; it is its own inverse.
func swap(g []byte) []byte {
	return []byte{g[3], g[2], g[1], g[0], g[5], g[4], g[7], g[6],
		g[8], g[9], g[10], g[11], g[12], g[13], g[14], g[15]}
}
