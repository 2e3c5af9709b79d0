package nodeapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/inborn-id/inborn/internal/apierr"
)

// kinds spells each kind on the wire, with the HTTP status it is sent with. Only the spelling is read back.
func kinds(k apierr.Kind) (name string, status int) {
	switch k {
	case apierr.Invalid:
		return "Invalid", http.StatusBadRequest
	case apierr.Unauthenticated:
		return "Unauthenticated", http.StatusUnauthorized
	case apierr.Forbidden:
		return "Forbidden", http.StatusForbidden
	case apierr.NotFound:
		return "NotFound", http.StatusNotFound
	case apierr.Conflict:
		return "Conflict", http.StatusConflict
	case apierr.Precondition:
		return "Precondition", http.StatusPreconditionFailed
	case apierr.Throttled:
		return "Throttled", http.StatusTooManyRequests
	case apierr.Unavailable:
		return "Unavailable", http.StatusServiceUnavailable
	default:
		return "Internal", http.StatusInternalServerError
	}
}

// refuse answers with err. What has no name crosses as the fixed sentence of an internal error.
func refuse(w http.ResponseWriter, err error) {
	e := apierr.From(err)
	kind, status := kinds(e.Kind)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(failure{&refusal{e.Code.String(), kind, e.Message, e.Target, e.Help}})
}

// refused reads what refuse wrote. A body that is no refusal, from whatever stands between the two halves, is reported
// as Unavailable: it says nothing about the request.
func refused(status int, body io.Reader) *apierr.Error {
	text, err := io.ReadAll(io.LimitReader(body, maxFailure))
	if err != nil {
		return unreachable(fmt.Errorf("answer %d: %w", status, err))
	}
	var f failure
	if err := json.Unmarshal(text, &f); err != nil || f.Error == nil {
		return unreachable(fmt.Errorf("answer %d that is no refusal of Inborn: %.200q", status, text))
	}
	e := &apierr.Error{Message: f.Error.Message, Target: f.Error.Target, Help: f.Error.Help}
	for _, k := range apierr.Kinds() {
		if name, _ := kinds(k); name == f.Error.Kind {
			e.Kind = k
		}
	}
	for _, c := range apierr.Codes() { // a code that only a newer server knows stays Fault; its kind decides then
		if c.String() == f.Error.Code {
			e.Code = c
		}
	}
	return e
}

// unreachable is the error for a server that did not answer, or not in our words.
func unreachable(err error) *apierr.Error {
	return &apierr.Error{Kind: apierr.Unavailable, Code: apierr.Fault,
		Message: "The agent of this machine cannot reach the Inborn server, which makes the tokens. Try again in a moment.", Err: err}
}
