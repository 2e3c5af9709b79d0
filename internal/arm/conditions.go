package arm

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
)

// An entity tag names one state of an object: it is a hash of its record. A client that read an object can say with
// If-Match that it means to change just that, and with If-None-Match: * that it means to make a new one (RFC 9110,
// section 13.1). It is decided with the change: of two that come at once with the same tag, one is refused.

// etagOf returns the entity tag of a record.
func etagOf(record any) string {
	text, err := json.Marshal(record)
	if err != nil {
		return "" // none of ours: they were read from JSON
	}
	sum := sha256.Sum256(text)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// checkConditions refuses a change that its sender wants made only to another state; record is the object as it is, nil
// if there is none.
func checkConditions(r *http.Request, record any) error {
	match, none := r.Header.Values("If-Match"), r.Header.Values("If-None-Match")
	if len(match) == 0 && len(none) == 0 {
		return nil
	}
	tag := ""
	if record != nil {
		tag = etagOf(record)
	}
	switch {
	case len(match) > 0 && !names(match, tag):
		return apierr.New(apierr.PreconditionFailed, "The condition 'If-Match: %.100s' is not met: the object %s.", strings.Join(match, ", "), conditionOf(tag)).At("If-Match")
	case len(none) > 0 && names(none, tag):
		return apierr.New(apierr.PreconditionFailed, "The condition 'If-None-Match: %.100s' is not met: the object %s.", strings.Join(none, ", "), conditionOf(tag)).At("If-None-Match")
	}
	return nil
}

func conditionOf(tag string) string {
	if tag == "" {
		return "does not exist"
	}
	return "exists with the entity tag " + tag
}

// names reports whether a list of entity tags has tag; * is any that exists. A tag marked weak is compared as it is.
func names(list []string, tag string) bool {
	if tag == "" {
		return false
	}
	for _, line := range list {
		for one := range strings.SplitSeq(line, ",") {
			one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
			if one == "*" || one == tag || `"`+one+`"` == tag { // some clients send it without quotes
				return true
			}
		}
	}
	return false
}

// tagged writes the entity tag of record into the answer.
func (c *call) tagged(record any) { c.w.Header().Set("ETag", etagOf(record)) }
