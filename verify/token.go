package verify

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/token"
)

// Token is what a verified access token says. It is shared by all requests that bring the same token: do not change it.
// Ids are GUIDs in lower case; what a token does not say is empty.
type Token struct {
	ID        string // of this token (uti), for logs
	Version   string // "1.0" or "2.0"
	Issuer    string
	Audience  string
	TenantID  string
	Subject   string // stable for this caller and API
	ObjectID  string // of the caller in its tenant: what to authorize and log by
	ClientID  string // of the program that got the token; for a managed identity its client id
	IssuedAt  time.Time
	NotBefore time.Time
	Expires   time.Time

	// AppOnly is true when a program calls as itself, with no person behind it.
	AppOnly bool
	// Roles are the values of the app roles granted to the caller.
	Roles []string
	// Scopes are the delegated permissions of a program that calls for a person. They bound what the program may do in
	// the person's name; they do not say what the person may do.
	Scopes []string

	// IdentityID is the Azure resource id of a managed identity, or of the resource that owns a system-assigned one.
	IdentityID string
	// ComputeID is the Azure resource id of the resource whose workload calls with a user-assigned managed identity.
	ComputeID string

	payload []byte
}

func newToken(c *token.Claims, payload []byte) *Token {
	t := &Token{
		ID:         c.UniqueID,
		Version:    "1.0",
		Issuer:     c.Issuer,
		Audience:   c.Audience,
		TenantID:   text(c.Tenant),
		Subject:    c.Subject,
		ObjectID:   text(c.ObjectID),
		ClientID:   text(c.AppID),
		IssuedAt:   c.IssuedAt,
		NotBefore:  c.NotBefore,
		Expires:    c.Expires,
		AppOnly:    c.AppOnly(),
		Roles:      c.Roles,
		Scopes:     c.Scopes,
		IdentityID: c.Identity,
		ComputeID:  c.ComputeResource,
		payload:    payload,
	}
	if c.Version == 2 {
		t.Version = "2.0"
	}
	return t
}

func text(id guid.GUID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}

// HasRole reports whether the caller has the app role of that value, compared exactly.
func (t *Token) HasRole(role string) bool { return slices.Contains(t.Roles, role) }

// Decode decodes all claims as JSON into v, for claims that Token has no field for.
func (t *Token) Decode(v any) error { return json.Unmarshal(t.payload, v) }
