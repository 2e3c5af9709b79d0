package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// tokenKey is the key of the Token in a request's context.
type tokenKey struct{}

// FromContext returns the token of a request that passed Require, RequireAll or Authenticate.
func FromContext(ctx context.Context) (*Token, bool) {
	t, ok := ctx.Value(tokenKey{}).(*Token)
	return t, ok
}

// Require returns middleware that lets a request pass if its token is valid and has at least ONE of the given app
// roles. It answers others with 401 or 403 and a Bearer challenge (RFC 6750), or with 503 while there are no keys to
// check with. It panics when a role is empty.
func (v *Verifier) Require(role string, orElse ...string) func(http.Handler) http.Handler {
	roles := nonEmpty(append([]string{role}, orElse...))
	return v.guard(func(t *Token) error {
		if slices.ContainsFunc(roles, t.HasRole) {
			return nil
		}
		return lacking(t, "one of the app roles", roles)
	})
}

// RequireAll is Require for operations that need EVERY one of the given app roles.
func (v *Verifier) RequireAll(role string, and ...string) func(http.Handler) http.Handler {
	roles := nonEmpty(append([]string{role}, and...))
	return v.guard(func(t *Token) error {
		for _, role := range roles {
			if !t.HasRole(role) {
				return lacking(t, "all of the app roles", roles)
			}
		}
		return nil
	})
}

// Authenticate returns middleware that lets every valid token for this API pass, whatever its roles. Anybody in the
// tenant can get such a token: use it only where knowing the caller is enough.
func (v *Verifier) Authenticate() func(http.Handler) http.Handler {
	return v.guard(func(*Token) error { return nil })
}

func nonEmpty(roles []string) []string {
	if slices.Contains(roles, "") {
		panic("verify: a required role is empty")
	}
	return roles
}

func lacking(t *Token, what string, roles []string) *Error {
	has := "none"
	if len(t.Roles) > 0 {
		has = fmt.Sprintf("%q", t.Roles)
	}
	return &Error{
		Status: http.StatusForbidden,
		Code:   CodeRoleMissing,
		Message: fmt.Sprintf("This operation needs %s %q; the token has %s. Assign what is missing to the caller, "+
			"client id %s, and get a new token.", what, roles, has, t.ClientID),
	}
}

func (v *Verifier) guard(permitted func(*Token) error) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			t, err := v.authenticate(r)
			if err == nil {
				err = permitted(t)
			}
			if err != nil {
				v.refuse(w, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), tokenKey{}, t)))
		})
	}
}

// authenticate takes the token from the Authorization header, the only place where it is not logged by somebody on the
// way.
func (v *Verifier) authenticate(r *http.Request) (*Token, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		return nil, missing()
	}
	scheme, raw, _ := strings.Cut(headers[0], " ")
	if len(headers) > 1 {
		return nil, refused(CodeMalformed, "The request has several Authorization headers. Send one.")
	}
	if !strings.EqualFold(scheme, "Bearer") {
		return nil, missing()
	}
	return v.Verify(r.Context(), strings.TrimSpace(raw))
}

// refuse answers a request that may not pass.
func (v *Verifier) refuse(w http.ResponseWriter, err error) {
	var e *Error
	if !errors.As(err, &e) {
		e = unavailable(err)
	}
	h := w.Header()
	if e.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "5")
	} else {
		challenge := `Bearer realm="` + quotable(v.realm) + `"`
		if code := e.oauth(); code != "" {
			challenge += `, error="` + code + `", error_description="` + quotable(e.Message) + `"`
		}
		h.Set("WWW-Authenticate", challenge)
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(e.Status)
	json.NewEncoder(w).Encode(refusal{Error: e.oauth(), Code: e.Code, Message: e.Message}) // nobody to tell if that fails
}

// maxAttribute bounds an attribute of a challenge, in bytes: messages quote claims, and proxies drop large headers.
const maxAttribute = 500

// quotable makes s fit for a quoted attribute of a challenge (RFC 6750, section 3: printable ASCII without " and \).
func quotable(s string) string {
	if len(s) > maxAttribute {
		s = s[:maxAttribute] + "..."
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r < ' ' || r > '~' || r == '\\':
			return '?'
		default:
			return r
		}
	}, s)
}
