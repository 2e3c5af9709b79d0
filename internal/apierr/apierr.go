// Package apierr names every way a request can be refused, once. Each wire API has a table that spells these names in
// its own dialect; what is not in a table falls back to the Kind. Whatever is not an *Error is a fault of ours: the
// client then sees a fixed sentence and its request id, and only the log sees the cause.
package apierr

import (
	"errors"
	"fmt"
	"strings"
)

// Kind is the coarse class of a refusal and decides the HTTP status where an API's table has no row for the code.
type Kind uint8

// The kinds. The zero value is Internal, so that a forgotten kind never turns into a client's mistake.
const (
	Internal Kind = iota
	Invalid
	Unauthenticated
	Forbidden
	NotFound
	Conflict
	Precondition
	Throttled
	Unavailable
)

// Kinds lists all kinds, for tests that walk them.
func Kinds() []Kind {
	return []Kind{Internal, Invalid, Unauthenticated, Forbidden, NotFound, Conflict, Precondition, Throttled, Unavailable}
}

// Error is a refusal with a name.
type Error struct {
	Kind    Kind
	Code    Code   // what happened, in our words
	Message string // the fact and the remedy, for the person who reads it; never a secret
	Target  string // the parameter, property or id that is at fault, if one is
	Help    string // a command line that would fix it, if there is one
	Err     error  // the cause, for the log only
}

// Error returns the message, with the code in front so that logs can be searched for it.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error of the code's own kind; format and args make the message.
func New(code Code, format string, args ...any) *Error {
	return &Error{Kind: code.Kind(), Code: code, Message: fmt.Sprintf(format, args...)}
}

// At names the parameter, property or id at fault.
func (e *Error) At(target string) *Error {
	e.Target = target
	return e
}

// WithHelp adds the command that would fix it, as Command makes it.
func (e *Error) WithHelp(format string, args ...any) *Error {
	return e.Helped(Command(format, args...))
}

// Command returns a command for people, who paste it into a shell: args that a shell would take apart or run are quoted.
func Command(format string, args ...any) string {
	quoted := make([]any, len(args))
	for i, arg := range args {
		quoted[i] = quote(fmt.Sprint(arg))
	}
	return fmt.Sprintf(format, quoted...)
}

// Helped adds a command that is complete already, such as one that another error came with.
func (e *Error) Helped(command string) *Error {
	e.Help = command
	return e
}

// quote returns s as one word of a POSIX shell.
func quote(s string) string {
	plain := func(c rune) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("-_./:@=,+", c)
	}
	if s != "" && !strings.ContainsFunc(s, func(c rune) bool { return !plain(c) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// Because adds the cause, which only the log shows.
func (e *Error) Because(err error) *Error {
	e.Err = err
	return e
}

// From returns the *Error in err's chain, or an Internal one that wraps err; nil stays nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Internal, Code: Fault, Message: "An unexpected error occurred.", Err: err}
}

// Is reports whether err carries the given code.
func Is(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}
