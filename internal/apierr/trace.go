package apierr

import (
	"fmt"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
)

// Trace is how one request came to be refused: who asked, what was checked in which order, what failed and what would
// fix it. It is kept under the request id that the client was shown, for `inborn explain`. It never holds a secret:
// whoever adds a step writes names and ids, not tokens, headers or bodies.
type Trace struct {
	ID      guid.GUID // the request id the client saw
	Tenant  guid.GUID // zero when the request named none
	At      time.Time
	API     string // "IMDS", "App Service", "Microsoft Graph", ...
	Method  string
	Path    string // without the query
	Caller  string // the principal or workload, as far as it was established
	Steps   []Step
	Status  int // the HTTP status that was sent
	Code    string
	Message string
	Help    string
}

// Step is one check of a Trace and what it found.
type Step struct {
	Check  string // "token", "permission", "workload binding", ...
	Result string
}

// Note adds one step; format and args make its result.
func (t *Trace) Note(check, format string, args ...any) {
	t.Steps = append(t.Steps, Step{Check: check, Result: fmt.Sprintf(format, args...)})
}

// Fail records the refusal itself and the status it was given.
func (t *Trace) Fail(e *Error, status int) {
	t.Status, t.Code, t.Message, t.Help = status, e.Code.String(), e.Message, e.Help
}
