package verify

import (
	"fmt"
	"net/http"

	"github.com/inborn-id/inborn/internal/apierr"
)

// The values of Error.Code.
const (
	CodeMissing         = "TokenMissing"     // the request has no bearer token
	CodeMalformed       = "TokenMalformed"   // it is not an access token
	CodeSignature       = "TokenSignature"   // no key of the issuer made it
	CodeExpired         = "TokenExpired"     // its exp is past
	CodeNotYetValid     = "TokenNotYetValid" // its nbf is to come: a clock is wrong
	CodeIssuer          = "TokenIssuer"      // another tenant's, or one of another token service
	CodeAudience        = "TokenAudience"    // it is for another API
	CodeRoleMissing     = "RoleMissing"      // the caller has not been granted what the operation needs
	CodeKeysUnavailable = "KeysUnavailable"  // the keys could not be fetched; the token may be good
)

// Error is why a request was refused.
type Error struct {
	Status  int    // 401 when the token is no good, 403 when its roles do not suffice, 503 when that is not known
	Code    string // one of the constants above
	Message string // the fact and the remedy, for the person who calls the API
	Err     error  // the cause, for the log of the API; nil in most cases
}

// Error returns code, message and cause.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Err)
	}
	return e.Code + ": " + e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// oauth returns the error code of RFC 6750, section 3.1; a request without a token gets none.
func (e *Error) oauth() string {
	switch {
	case e.Status == http.StatusForbidden:
		return "insufficient_scope"
	case e.Status == http.StatusUnauthorized && e.Code != CodeMissing:
		return "invalid_token"
	default:
		return ""
	}
}

func refused(code, format string, args ...any) *Error {
	return &Error{Status: http.StatusUnauthorized, Code: code, Message: fmt.Sprintf(format, args...)}
}

func missing() *Error {
	return refused(CodeMissing, "The request has no access token. Send one in the header Authorization: Bearer TOKEN.")
}

func unavailable(cause error) *Error {
	return &Error{
		Status:  http.StatusServiceUnavailable,
		Code:    CodeKeysUnavailable,
		Message: "The token cannot be checked, because the keys of its issuer cannot be fetched at the moment. Try again.",
		Err:     cause,
	}
}

// fromDomain turns a refusal of internal/token, whose codes are named alike, into an Error.
func fromDomain(err error) *Error {
	e := apierr.From(err)
	return &Error{Status: http.StatusUnauthorized, Code: e.Code.String(), Message: e.Message, Err: e.Err}
}
