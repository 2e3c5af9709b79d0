package verify_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/token"
	"github.com/inborn-id/inborn/verify"
)

// call sends a request with the given Authorization headers through the middleware.
func call(guard func(http.Handler) http.Handler, authorization ...string) *httptest.ResponseRecorder {
	h := guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t, ok := verify.FromContext(r.Context())
		if !ok {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		w.Write([]byte("hello " + t.ObjectID))
	}))
	r := httptest.NewRequest("GET", "/orders", nil)
	for _, a := range authorization {
		r.Header.Add("Authorization", a)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestRolesDecide(t *testing.T) {
	s := newIssuer(t)
	v := s.verifier(t)
	with := func(roles ...string) string {
		return "Bearer " + s.token(t, keyPool[0](), func(c *token.Claims) { c.Roles = roles })
	}
	oneOf, all, anybody := v.Require("A", "B"), v.RequireAll("A", "B"), v.Authenticate()
	for _, test := range []struct {
		guard  func(http.Handler) http.Handler
		token  string
		status int
	}{
		{oneOf, with("A"), 200}, {oneOf, with("x", "B"), 200}, {oneOf, with("A", "B"), 200},
		{oneOf, with(), 403}, {oneOf, with("a"), 403}, {oneOf, with("AB"), 403}, {oneOf, with("A B"), 403},
		{all, with("A"), 403}, {all, with("B"), 403}, {all, with("B", "x", "A"), 200}, {all, with(), 403},
		{anybody, with(), 200}, {anybody, with("x"), 200},
		{anybody, "bearer" + strings.TrimPrefix(with(), "Bearer"), 200},
	} {
		w := call(test.guard, test.token)
		if w.Code != test.status {
			t.Errorf("%d %s; want %d", w.Code, w.Body, test.status)
		}
		if test.status == 200 && w.Body.String() != "hello "+objectID.String() {
			t.Errorf("the handler saw %s", w.Body)
		}
	}
	// A scope of the same name is not a role.
	scoped := s.token(t, keyPool[0](), func(c *token.Claims) { c.Roles, c.Scopes, c.IDType = nil, []string{"A"}, "" })
	if w := call(oneOf, "Bearer "+scoped); w.Code != 403 {
		t.Errorf("a scope passed for a role: %d", w.Code)
	}
}

func TestRefusalsExplainThemselves(t *testing.T) {
	s := newIssuer(t)
	v := s.verifier(t)
	good := s.token(t, keyPool[0]())
	other := s.token(t, keyPool[0](), func(c *token.Claims) { c.Audience = "api://\"other\"\\\r\nX: y" })
	expired := s.token(t, keyPool[0](), func(c *token.Claims) { c.Expires = epoch.Add(-time.Hour) })
	long := s.token(t, keyPool[0](), func(c *token.Claims) { c.Audience = strings.Repeat("a", 5000) })
	const realm = `Bearer realm="api://orders"`
	for name, test := range map[string]struct {
		headers   []string
		status    int
		challenge string // its beginning
		code      string
		says      string
	}{
		"none":    {nil, 401, realm, verify.CodeMissing, "Authorization: Bearer"},
		"basic":   {[]string{"Basic eDp5"}, 401, realm, verify.CodeMissing, ""},
		"empty":   {[]string{"Bearer "}, 401, realm, verify.CodeMissing, ""},
		"two":     {[]string{"Bearer " + good, "Bearer " + good}, 401, realm + `, error="invalid_token"`, verify.CodeMalformed, "several"},
		"list":    {[]string{"Bearer " + good + ", Bearer " + good}, 401, realm + `, error="invalid_token"`, verify.CodeMalformed, ""},
		"garbage": {[]string{"Bearer x"}, 401, realm + `, error="invalid_token", error_description="The token is not three parts`, verify.CodeMalformed, ""},
		"expired": {[]string{"Bearer " + expired}, 401, realm + `, error="invalid_token", error_description="The token expired at 2026-03-01T11:00:00Z.`, verify.CodeExpired, "Get a new one"},
		"other":   {[]string{"Bearer " + other}, 401, realm + `, error="invalid_token", error_description="The token is for 'api://?'other?'`, verify.CodeAudience, "api://orders"},
		"long":    {[]string{"Bearer " + long}, 401, realm + `, error="invalid_token", error_description="The token is for 'aaa`, verify.CodeAudience, ""},
		"role":    {[]string{"Bearer " + good}, 403, realm + `, error="insufficient_scope", error_description="This operation needs one of the app roles ['Orders.Write.All']`, verify.CodeRoleMissing, "client id " + clientID.String()},
	} {
		w := call(v.Require("Orders.Write.All"), test.headers...)
		got := w.Header().Get("WWW-Authenticate")
		if w.Code != test.status || !strings.HasPrefix(got, test.challenge) || test.code == verify.CodeMissing && got != test.challenge {
			t.Errorf("%s: %d, challenge %s", name, w.Code, got)
		}
		if inner := got[1 : len(got)-1]; strings.ContainsAny(inner, "\r\n\\") || len(got) > 700 || strings.Count(got, `"`)%2 != 0 {
			t.Errorf("%s: malformed challenge %q", name, got)
		}
		var body struct{ Error, Code, Message string }
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Code != test.code || !strings.Contains(body.Message, test.says) {
			t.Errorf("%s: body %s, %v", name, w.Body, err)
		}
		if (body.Error != "") != strings.Contains(got, `error="`+body.Error+`"`) {
			t.Errorf("%s: body and challenge differ about %q", name, body.Error)
		}
		for _, raw := range []string{good, expired} {
			if strings.Contains(w.Body.String()+got, raw[len(raw)-40:]) {
				t.Errorf("%s: the answer repeats the token", name)
			}
		}
		if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("%s: headers %v", name, w.Header())
		}
	}
}

func TestNoKeysIsNoVerdict(t *testing.T) {
	s := newIssuer(t)
	s.breakWith(http.NotFound)
	w := call(s.verifier(t).Require("A"), "Bearer "+s.token(t, keyPool[0]()))
	if w.Code != 503 || w.Header().Get("Retry-After") == "" || w.Header().Get("WWW-Authenticate") != "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if strings.Contains(w.Body.String(), s.URL) {
		t.Errorf("the caller is told the cause: %s", w.Body)
	}
}

func TestAnEmptyRoleIsAMistakeOfTheProgram(t *testing.T) {
	v := newIssuer(t).verifier(t)
	for name, require := range map[string]func(){
		"Require":    func() { v.Require("A", "") },
		"RequireAll": func() { v.RequireAll("") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s accepted an empty role", name)
				}
			}()
			require()
		}()
	}
}

func TestFromContextWithoutMiddleware(t *testing.T) {
	if tok, ok := verify.FromContext(t.Context()); ok || tok != nil {
		t.Errorf("found %v", tok)
	}
}
