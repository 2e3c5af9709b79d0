package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/inborn-id/inborn/internal/guid"
)

// object is a JSON object of which each member occurs once. Decoding into structs is no use here: encoding/json lets
// the last duplicate win and takes "ALG" for "alg", and a token must not mean one thing to us and another to a peer.
type object map[string]any

// maxDepth is how deep objects and arrays may nest; real tokens need three.
const maxDepth = 8

// latest is the last second of the year 9999, beyond which time.Time has no JSON form.
const latest = 253402300799

var errNotJSON = errors.New("is not a JSON object in UTF-8")

// readObject reads data as exactly one JSON object.
func readObject(data []byte) (object, error) {
	// Valid first: the token reader below is lenient about some malformed input.
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, errNotJSON
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := readValue(d, 0)
	if err != nil {
		return nil, err
	}
	o, ok := v.(object)
	if !ok {
		return nil, errNotJSON
	}
	return o, nil
}

func readValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, errNotJSON
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if depth == maxDepth {
		return nil, fmt.Errorf("nests deeper than %d", maxDepth)
	}
	if delim == '[' {
		return readArray(d, depth+1)
	}
	return readMembers(d, depth+1)
}

func readArray(d *json.Decoder, depth int) ([]any, error) {
	all := []any{}
	for d.More() {
		v, err := readValue(d, depth)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	_, err := d.Token()
	return all, err
}

func readMembers(d *json.Decoder, depth int) (object, error) {
	o := object{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, errNotJSON
		}
		if _, twice := o[name]; twice {
			return nil, errors.New("names a member twice")
		}
		if o[name], err = readValue(d, depth); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return o, err
}

// reader takes members out of an object and remembers the first that has the wrong type, so that a profile reads as a
// plain list of its claims.
type reader struct {
	object
	wrong string // the name of the first member at fault
}

func (r *reader) fail(name string) {
	if r.wrong == "" {
		r.wrong = name
	}
}

// text returns a member that is a string; an absent one is "", and at fault when need is set.
func (r *reader) text(name string, need bool) string {
	v, present := r.object[name]
	s, ok := v.(string)
	if present && !ok || need && s == "" {
		r.fail(name)
	}
	return s
}

// seconds returns a required member that is a whole number of seconds since 1970, written without fraction or exponent.
func (r *reader) seconds(name string) time.Time {
	n, _ := r.object[name].(json.Number)
	s, err := strconv.ParseInt(string(n), 10, 64)
	if err != nil || s < 0 || s > latest {
		r.fail(name)
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

// id returns a member that is a GUID; an absent one is zero, and at fault when need is set.
func (r *reader) id(name string, need bool) guid.GUID {
	s := r.text(name, need)
	if s == "" {
		return guid.GUID{}
	}
	g, err := guid.Parse(s)
	if err != nil {
		r.fail(name)
	}
	return g
}

// texts returns a member that is an array of strings, or nil.
func (r *reader) texts(name string) []string {
	v, present := r.object[name]
	if !present {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		r.fail(name)
	}
	all := make([]string, 0, len(list))
	for _, v := range list {
		s, ok := v.(string)
		if !ok {
			r.fail(name)
		}
		all = append(all, s)
	}
	return all
}
