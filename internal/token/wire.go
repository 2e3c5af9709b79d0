package token

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/inborn-id/inborn/internal/guid"
)

// This file spells everything the package puts on the wire: header and claim names (Entra, access token claims
// reference and optional claims reference) and the key document.

// JWKS is the document of a tenant's keys (RFC 7517, in the dialect of Entra).
type JWKS struct {
	Keys []JWK `json:"keys"`
}

// rawJWKS is JWKS as it is read: one malformed key must not cost the others.
type rawJWKS struct {
	Keys []json.RawMessage `json:"keys"`
}

// JWK is one public key. Entra writes no alg, and issuer only in the v2.0 document.
type JWK struct {
	Type         string   `json:"kty"`
	Use          string   `json:"use,omitempty"`
	ID           string   `json:"kid,omitempty"`
	Thumbprint   string   `json:"x5t,omitempty"`
	Modulus      string   `json:"n,omitempty"`
	Exponent     string   `json:"e,omitempty"`
	Curve        string   `json:"crv,omitempty"`
	X            string   `json:"x,omitempty"`
	Y            string   `json:"y,omitempty"`
	Certificates []string `json:"x5c,omitempty"` // standard base64 DER, the key's own first
	Issuer       string   `json:"issuer,omitempty"`
}

// encodedHeader returns the first part of our tokens: v1.0 names the certificate's thumbprint beside the key id.
func encodedHeader(keyID string, version int) string {
	x5t := ""
	if version == 1 {
		x5t = `"x5t":"` + keyID + `",`
	}
	return base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"RS256",` + x5t + `"kid":"` + keyID + `"}`))
}

func readHeader(data []byte) (Header, error) {
	o, err := readObject(data)
	if err != nil {
		return Header{}, malformed("has a header that %v", err)
	}
	for _, name := range []string{"crit", "b64"} {
		if _, present := o[name]; present {
			return Header{}, malformed("has the header member %s, which is not supported", name)
		}
	}
	r := reader{object: o}
	h := Header{
		Algorithm:        Algorithm(r.text("alg", true)),
		Type:             r.text("typ", false),
		KeyID:            r.text("kid", false),
		Thumbprint:       r.text("x5t", false),
		ThumbprintSHA256: r.text("x5t#S256", false),
	}
	if one, ok := o["x5c"].(string); ok { // MSAL.NET sends a lone certificate as a string
		h.Certificates = []string{one}
	} else {
		h.Certificates = r.texts("x5c")
	}
	if r.wrong != "" {
		return Header{}, malformed("has a wrong or missing header member %s", r.wrong)
	}
	switch h.Algorithm {
	case RS256, PS256, ES256:
		return h, nil
	default:
		return Header{}, malformed("has an alg that is not supported; expected RS256, PS256 or ES256")
	}
}

// Access reads the payload as an access token in its exact spelling: times are whole numbers, names are strings. The
// error is a TokenMalformed that names the claim.
func (j *JWS) Access() (*Claims, error) {
	if j.Header.Type != "JWT" || j.Header.Algorithm != RS256 || j.Header.KeyID == "" {
		return nil, malformed("is no access token: its header must have typ JWT, alg RS256 and a kid")
	}
	if strings.IndexByte(j.signed, '.') > maxAccessHeader {
		return nil, malformed("has a header longer than %d bytes", maxAccessHeader)
	}
	r := reader{object: j.claims}
	c := &Claims{
		Issuer:           r.text("iss", true),
		Audience:         r.text("aud", true),
		IssuedAt:         r.seconds("iat"),
		NotBefore:        r.seconds("nbf"),
		Expires:          r.seconds("exp"),
		Tenant:           r.id("tid", true),
		ObjectID:         r.id("oid", false),
		Subject:          r.text("sub", true),
		IDType:           r.text("idtyp", false),
		Roles:            r.texts("roles"),
		Scopes:           strings.Fields(r.text("scp", false)),
		IdentityProvider: r.text("idp", false),
		Identity:         r.text("xms_mirid", false),
		ComputeResource:  r.text("xms_az_rid", false),
		UniqueID:         r.text("uti", false),
		Opaque:           r.text("aio", false),
		Handle:           r.text("rh", false),
	}
	client, auth := "appid", "appidacr"
	switch r.text("ver", true) {
	case "1.0":
		c.Version = 1
	case "2.0":
		c.Version, client, auth = 2, "azp", "azpacr"
	default:
		r.fail("ver")
	}
	c.AppID = r.id(client, true)
	switch r.text(auth, false) {
	case "0":
		c.Auth = AuthNone
	case "1":
		c.Auth = AuthSecret
	case "2":
		c.Auth = AuthCertificate
	default:
		r.fail(auth)
	}
	for _, text := range r.texts("wids") {
		id, err := guid.Parse(text)
		if err != nil {
			r.fail("wids")
		}
		c.DirectoryRoles = append(c.DirectoryRoles, id)
	}
	if r.wrong != "" {
		return nil, malformed("has a wrong or missing claim %s", r.wrong)
	}
	return c, nil
}

// appendJSON appends the payload of c. It is written by hand because it runs once per token beside a signature that
// other requests wait for; reflection would cost more than all the rest.
func (c *Claims) appendJSON(b []byte) []byte {
	b = appendText(append(b, `{"aud":`...), c.Audience)
	b = appendText(append(b, `,"iss":`...), c.Issuer)
	b = strconv.AppendInt(append(b, `,"iat":`...), c.IssuedAt.Unix(), 10)
	b = strconv.AppendInt(append(b, `,"nbf":`...), c.NotBefore.Unix(), 10)
	b = strconv.AppendInt(append(b, `,"exp":`...), c.Expires.Unix(), 10)
	b = appendText(append(b, `,"aio":`...), c.Opaque)
	client, auth := `,"appid":`, `,"appidacr":`
	if c.Version == 2 {
		client, auth = `,"azp":`, `,"azpacr":`
	}
	b = appendID(append(b, client...), c.AppID)
	b = appendText(append(b, auth...), c.Auth.String())
	b = appendOptional(b, `,"idp":`, c.IdentityProvider)
	b = appendOptional(b, `,"idtyp":`, c.IDType)
	b = appendID(append(b, `,"oid":`...), c.ObjectID)
	b = appendText(append(b, `,"rh":`...), c.Handle)
	for i, role := range c.Roles {
		b = appendText(append(b, opening(i, `,"roles":[`)...), role)
	}
	b = closing(b, len(c.Roles))
	if len(c.Scopes) > 0 {
		b = appendText(append(b, `,"scp":`...), strings.Join(c.Scopes, " "))
	}
	b = appendText(append(b, `,"sub":`...), c.Subject)
	b = appendID(append(b, `,"tid":`...), c.Tenant)
	b = appendText(append(b, `,"uti":`...), c.UniqueID)
	b = append(b, `,"ver":"`...)
	b = append(strconv.AppendInt(b, int64(c.Version), 10), `.0"`...)
	for i, id := range c.DirectoryRoles {
		b = appendID(append(b, opening(i, `,"wids":[`)...), id)
	}
	b = closing(b, len(c.DirectoryRoles))
	if c.Identity != "" { // managed identities say that no network perimeter is meant, too
		b = append(b, `,"xms_az_nwperimid":[]`...)
		b = appendOptional(b, `,"xms_az_rid":`, c.ComputeResource)
		b = appendText(append(b, `,"xms_mirid":`...), c.Identity)
	}
	return append(b, '}')
}

// opening returns what stands before the i-th element of an array, and closing what stands after n of them.
func opening(i int, start string) string {
	if i == 0 {
		return start
	}
	return ","
}

func closing(b []byte, n int) []byte {
	if n == 0 {
		return b
	}
	return append(b, ']')
}

func appendOptional(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendText(append(b, name...), value)
}

func appendID(b []byte, id guid.GUID) []byte {
	b, _ = id.AppendText(append(b, '"')) // a GUID always has a text
	return append(b, '"')
}

// appendText appends s as a JSON string. Nearly all of ours need no escape; the rest is left to encoding/json.
func appendText(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			escaped, _ := json.Marshal(s) // a string always has a JSON form
			return append(b, escaped...)
		}
	}
	b = append(append(b, '"'), s...)
	return append(b, '"')
}
