package imds

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

const contentType = "application/json; charset=utf-8"

// Facts is what a Token says.
type Facts struct {
	AccessToken string
	ClientID    guid.GUID
	ObjectID    guid.GUID
	ResourceID  resource.ID // of the identity
	Resource    string      // as the client asked for it
	NotBefore   time.Time
	ExpiresOn   time.Time
}

// Token is an access token as the endpoints hand it out. It is made once and handed out often: all of the body but the
// seconds that are left is fixed, and those are the same for all requests of one second. It is safe for concurrent use.
type Token struct {
	accessToken string
	expiresOn   int64     // Unix seconds
	parts       [3]string // the body after the access token, around expires_in and ext_expires_in
	tails       [3]string // how the body ends, by variant
	rendered    [3]atomic.Pointer[rendered]
	contentType []string // header value, shared by all answers
}

// rendered is the whole body as it is during one second.
type rendered struct {
	left   int64 // seconds to the end of the token
	body   []byte
	length []string // header value
}

// NewToken renders a token. The members of the body and their order are what all client libraries together want (rule
// R5): some read only expires_on, some only expires_in, and .NET takes the later one for both. Numbers are strings of
// digits (rule R6).
func NewToken(f Facts) *Token {
	t := &Token{accessToken: f.AccessToken, expiresOn: f.ExpiresOn.Unix(), contentType: []string{contentType}}
	t.parts[0] = `,"client_id":"` + f.ClientID.String() + `","expires_in":"`
	t.parts[1] = `","expires_on":"` + strconv.FormatInt(t.expiresOn, 10) + `","ext_expires_in":"`
	t.parts[2] = `","not_before":"` + strconv.FormatInt(f.NotBefore.Unix(), 10) + `","resource":` + quote(f.Resource) + `,"token_type":"Bearer"`
	t.tails = [3]string{
		`}`,
		`,"object_id":"` + f.ObjectID.String() + `"}`,
		`,"msi_res_id":` + quote(string(f.ResourceID)) + `}`,
	}
	return t
}

// AccessToken returns the token itself.
func (t *Token) AccessToken() string { return t.accessToken }

// write answers with the token. The selector that chose the identity is echoed: Go and JavaScript compare it on Arc, and
// the published API of IMDS lists it.
func (t *Token) write(w http.ResponseWriter, now time.Time, by By) {
	variant := 0
	switch by {
	case ByObjectID:
		variant = 1
	case ByResourceID:
		variant = 2
	}
	r := t.at(t.expiresOn-now.Unix(), variant)
	header := w.Header()
	header["Content-Type"] = t.contentType
	header["Content-Length"] = r.length
	w.Write(r.body)
}

func (t *Token) at(left int64, variant int) *rendered {
	if r := t.rendered[variant].Load(); r != nil && r.left == left {
		return r
	}
	tail := t.tails[variant]
	seconds := strconv.FormatInt(max(left, 0), 10)
	const start = `{"access_token":`
	body := make([]byte, 0, len(start)+len(t.accessToken)+2+len(t.parts[0])+len(t.parts[1])+len(t.parts[2])+2*len(seconds)+len(tail))
	body = appendQuoted(append(body, start...), t.accessToken)
	body = append(body, t.parts[0]...)
	body = append(body, seconds...)
	body = append(body, t.parts[1]...)
	body = append(body, seconds...)
	body = append(body, t.parts[2]...)
	body = append(body, tail...)
	r := &rendered{left: left, body: body, length: []string{strconv.Itoa(len(body))}}
	t.rendered[variant].Store(r)
	return r
}

// quote writes s as JSON, leaving the characters of URLs as they are.
func quote(s string) string { return string(appendQuoted(nil, s)) }

// appendQuoted is quote at the end of b. What needs no escape, as no token does, is only copied.
func appendQuoted(b []byte, s string) []byte {
	if plain(s) {
		b = append(append(b, '"'), s...)
		return append(b, '"')
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.Encode(s) // a string can always be written
	return append(b, bytes.TrimSuffix(out.Bytes(), []byte{'\n'})...)
}

func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
