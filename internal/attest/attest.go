// Package attest decides which workload a process is.
//
// A process proves facts about itself, called selectors: "launch:..." says that it knows the secret of one
// `inborn run`; facts of the kernel (user, executable, control group) join them as they are built. A workload binding
// lists the selectors that its workload must show. A binding matches a process that shows all of them, and of several
// that match the most specific one decides:
//
//	bindings            a process that shows launch:A
//	(none)              matches, as it matches any process
//	launch:A            matches and is more specific, so it decides
//	launch:B            does not match
//
// More specific means a strict superset of selectors. Where two bindings match and neither contains the other, there is
// no right answer, and attest refuses rather than picks: a process must never get an identity by accident.
//
// The package is pure: it looks at no process itself and the time is an argument.
package attest

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
)

// Selector is one attested fact, "type:value". Two facts are the same when their text is.
type Selector string

// launchType is the type of the selector that Launch makes.
const launchType = "launch:"

// ParseSelector checks a selector that somebody wants to put into a binding. It fails with ParameterInvalid for a type
// that is not attested here, since such a binding could never match, and for a second spelling of a value.
func ParseSelector(s string) (Selector, error) {
	value, isLaunch := strings.CutPrefix(s, launchType)
	if !isLaunch {
		return "", apierr.New(apierr.ParameterInvalid,
			"The selector %q is not one that can be attested here; use launch:HASH, where HASH is the SHA-256 of the secret of the endpoint.",
			clip(s)).At("selectors")
	}
	if len(value) != 2*sha256.Size || strings.Trim(value, "0123456789abcdef") != "" {
		return "", apierr.New(apierr.ParameterInvalid,
			"The selector %q has no SHA-256 after launch: (64 lower-case hexadecimal digits).", clip(s)).At("selectors")
	}
	return Selector(s), nil
}

// clip keeps a stranger's text in an error short.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "..."
	}
	return s
}

// Launch is the fact that a process knows secret, the value of its endpoint header (X-IDENTITY-HEADER of the App Service
// endpoint). The selector holds the SHA-256 and not the secret, so reading the directory does not let anybody pose as
// the workload; the secret must be random for that, 128 bits or more.
func Launch(secret string) Selector {
	var in [128]byte // on the stack, for the secrets that Inborn makes itself
	sum := sha256.Sum256(append(in[:0], secret...))
	var out [len(launchType) + 2*sha256.Size]byte
	hex.Encode(out[copy(out[:], launchType):], sum[:])
	return Selector(out[:])
}

// Evidence is the set of selectors that one process has shown; their order has no meaning. It holds a handful.
type Evidence []Selector

// Has reports whether the process has shown s.
func (e Evidence) Has(s Selector) bool {
	for _, shown := range e {
		if shown == s {
			return true
		}
	}
	return false
}
