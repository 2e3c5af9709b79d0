package state

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
)

// roleAssignmentBody is what is stored of a role assignment. There are more of them than of any other record, so that what
// is empty, and an update that was none, is left out.
type roleAssignmentBody struct {
	ID                guid.GUID
	Scope             resource.ID
	Role              guid.GUID
	Principal         guid.GUID
	PrincipalType     rbac.PrincipalType
	CreatedBy         guid.GUID
	Created           time.Time
	UpdatedBy         guid.GUID `json:",omitzero"` // zero: as CreatedBy
	Updated           time.Time `json:",omitzero"` // zero: as Created
	Condition         string    `json:",omitempty"`
	ConditionVersion  string    `json:",omitempty"`
	Description       string    `json:",omitempty"`
	DelegatedIdentity string    `json:",omitempty"`
}

func storedAssignment(a rbac.RoleAssignment) roleAssignmentBody {
	b := roleAssignmentBody{a.ID, a.Scope, a.Role, a.Principal, a.PrincipalType, a.CreatedBy, a.Created, a.UpdatedBy, a.Updated,
		a.Condition, a.ConditionVersion, a.Description, a.DelegatedIdentity}
	if b.UpdatedBy == b.CreatedBy && b.Updated.Equal(b.Created) {
		b.UpdatedBy, b.Updated = guid.GUID{}, time.Time{}
	}
	return b
}

func (b roleAssignmentBody) assignment() rbac.RoleAssignment {
	if b.Updated.IsZero() {
		b.UpdatedBy, b.Updated = b.CreatedBy, b.Created
	}
	return rbac.RoleAssignment{ID: b.ID, Scope: b.Scope, Role: b.Role, Principal: b.Principal, PrincipalType: b.PrincipalType,
		Condition: b.Condition, ConditionVersion: b.ConditionVersion, Description: b.Description, DelegatedIdentity: b.DelegatedIdentity,
		CreatedBy: b.CreatedBy, UpdatedBy: b.UpdatedBy, Created: b.Created, Updated: b.Updated}
}

// decodeRoleAssignment reads a body: most at once, and what has other members or another spelling by encoding/json, which
// takes ten times as long. codec_test.go shows that the two never differ.
func decodeRoleAssignment(body []byte, a *rbac.RoleAssignment) error {
	if readRoleAssignment(body, a) {
		return nil
	}
	var b roleAssignmentBody
	err := json.Unmarshal(body, &b)
	*a = b.assignment()
	return err
}

// readRoleAssignment reads the body of an assignment that was never changed and has no condition or description, as put
// writes it. It reports false for any other.
func readRoleAssignment(body []byte, a *rbac.RoleAssignment) bool {
	r := bodyReader{rest: body}
	b := roleAssignmentBody{
		ID:            r.guid(`{"ID":`),
		Scope:         resource.ID(r.text(`,"Scope":`)),
		Role:          r.guid(`,"Role":`),
		Principal:     r.guid(`,"Principal":`),
		PrincipalType: rbac.PrincipalType(r.number(`,"PrincipalType":`)),
		CreatedBy:     r.guid(`,"CreatedBy":`),
		Created:       r.time(`,"Created":`),
	}
	if r.take(`}`); r.failed || len(r.rest) > 0 {
		return false
	}
	*a = b.assignment()
	return true
}

// bodyReader takes members from the front of a JSON object, each with the text that must stand before its value. Once
// something is not as expected, it has failed.
type bodyReader struct {
	rest   []byte
	failed bool
}

func (r *bodyReader) take(text string) {
	if r.failed || len(r.rest) < len(text) || string(r.rest[:len(text)]) != text {
		r.failed = true
		return
	}
	r.rest = r.rest[len(text):]
}

// text takes a string of plain ASCII without escapes.
func (r *bodyReader) text(before string) string {
	r.take(before)
	r.take(`"`)
	end := bytes.IndexByte(r.rest, '"')
	if r.failed || end < 0 {
		r.failed = true
		return ""
	}
	text := r.rest[:end]
	for _, c := range text {
		if c < ' ' || c >= 0x80 || c == '\\' {
			r.failed = true
			return ""
		}
	}
	r.rest = r.rest[end+1:]
	return string(text)
}

// guid takes an id in lower case.
func (r *bodyReader) guid(before string) (id guid.GUID) {
	const length = len(`"00000000-0000-0000-0000-000000000000"`)
	r.take(before)
	if r.failed || len(r.rest) < length {
		r.failed = true
		return id
	}
	text, wrong := (*[length]byte)(r.rest), byte(0)
	for i, at := range [...]uint8{1, 3, 5, 7, 10, 12, 15, 17, 20, 22, 25, 27, 29, 31, 33, 35} {
		high, low := digits[text[at]], digits[text[at+1]]
		wrong |= high | low
		id[i] = high<<4 | low
	}
	r.failed = wrong > 15 || text[0] != '"' || text[9] != '-' || text[14] != '-' || text[19] != '-' || text[24] != '-' || text[length-1] != '"'
	r.rest = r.rest[length:]
	return id
}

// digits are the values of hexadecimal digits in lower case; 16 for what is none.
var digits = func() (d [256]byte) {
	for i := range d {
		d[i] = 16
	}
	for i, c := range []byte("0123456789abcdef") {
		d[c] = byte(i)
	}
	return d
}()

func (r *bodyReader) time(before string) time.Time {
	var t time.Time
	r.take(before)
	r.take(`"`)
	end := bytes.IndexByte(r.rest, '"')
	if r.failed || end < 0 || t.UnmarshalText(r.rest[:end]) != nil {
		r.failed = true
		return t
	}
	r.rest = r.rest[end+1:]
	return t
}

// number takes a small whole number.
func (r *bodyReader) number(before string) uint8 {
	r.take(before)
	end := 0
	for end < len(r.rest) && '0' <= r.rest[end] && r.rest[end] <= '9' {
		end++
	}
	n, err := strconv.ParseUint(string(r.rest[:end]), 10, 8)
	if err != nil || end > 1 && r.rest[0] == '0' {
		r.failed = true
	}
	r.rest = r.rest[end:]
	return uint8(n)
}
