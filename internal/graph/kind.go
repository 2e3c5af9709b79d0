package graph

import (
	"bytes"
	"encoding/json"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/state"
)

// kind is one entity type and the set that a path addresses: what its objects show and how they are found.
type kind[T any] struct {
	name       string // as in microsoft.graph.user
	set        string // as in $metadata#users
	properties []property[T]

	// find returns the one object that the path names; the error is an ObjectNotFound.
	find func(*call) (T, error)
	// walk walks the set's objects whose key is greater than after, in the order of their keys. after is empty or has
	// keyLength bytes.
	walk func(c *call, after []byte) (iter.Seq[T], error)
	// pinned returns all objects whose property has a value, which is in lower case, and perhaps more; nil: there is no
	// index for it. It saves walking the whole set.
	pinned func(d *state.Directory, property, value string) []T
	// key tells objects apart and never changes.
	key       func(T) []byte
	keyLength int
	// context returns what follows $metadata# for one object; nil: set/$entity.
	context func(*call) string
	// check refuses callers whose permission does not cover the properties a query touches; nil: none.
	check func(c *call, touched []field) error
}

// property is one property of an entity type.
type property[T any] struct {
	field
	value func(d *state.Directory, o T) any // nil: always null
}

// field is what a query needs to know of a property.
type field struct {
	name     string
	kind     valueKind
	hidden   bool // shown only when $select names it
	beta     bool // unknown to v1.0
	order    bool // $orderby may name it
	endsWith bool // endswith may name it
}

// valueKind says what the values of a property are, which decides what a $filter may do with it.
type valueKind uint8

// The kinds. What is said of each is the Go type of its values beside nil.
const (
	kindText    valueKind = iota // string
	kindID                       // guid.GUID
	kindBool                     // bool
	kindTime                     // time.Time; the zero time is null
	kindTexts                    // []string
	kindNull                     // always null
	kindComplex                  // anything else; cannot be filtered
)

// fields returns the properties as queries see them.
func (k *kind[T]) fields() []field {
	all := make([]field, len(k.properties))
	for i, p := range k.properties {
		all[i] = p.field
	}
	return all
}

// value returns the i-th property of o; nil is null.
func (k *kind[T]) value(d *state.Directory, o T, i int) any {
	if k.properties[i].value == nil {
		return nil
	}
	return k.properties[i].value(d, o)
}

// render returns the selected properties of o after the members in head.
func (k *kind[T]) render(c *call, o T, selected []int, head ...member) object {
	shown := append(make(object, 0, len(head)+len(selected)), head...)
	for _, i := range selected {
		value := k.value(c.dir, o, i)
		if at, ok := value.(time.Time); ok {
			value = wireTime(at)
		}
		shown = append(shown, member{k.properties[i].name, value})
	}
	return shown
}

// show answers with one object.
func show[T any](k *kind[T]) action {
	return func(c *call) error {
		o, err := parseOptions(c.r, k.name, c.version, k.fields(), forEntity)
		if err != nil {
			return err
		}
		if k.check != nil {
			if err := k.check(c, o.touched); err != nil {
				return err
			}
		}
		found, err := k.find(c)
		if err != nil {
			return err
		}
		context := k.set + o.selection() + "/$entity"
		if k.context != nil {
			context = k.context(c) + o.selection() + "/$entity"
		}
		return c.answer(http.StatusOK, k.render(c, found, o.shown, c.contextOf(context)))
	}
}

// contextOf returns the member that says of what type an answer is.
func (c *call) contextOf(fragment string) member {
	return member{"@odata.context", c.base + "/$metadata#" + fragment}
}

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // links stay readable
	separator := byte('{')
	for _, m := range o {
		b.WriteByte(separator)
		separator = ','
		if err := e.Encode(m.name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := e.Encode(m.value); err != nil {
			return nil, err
		}
	}
	if len(o) == 0 {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// wireTime is Graph's form of a time: UTC with up to seven digits of a second; the zero time is null.
func wireTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.9999999Z")
}

// What follows are parts of property tables.

func nulls[T any](names ...string) []property[T] {
	var all []property[T]
	for _, name := range names {
		all = append(all, property[T]{field: field{name: name, kind: kindNull}})
	}
	return all
}

func empties[T any](names ...string) []property[T] {
	var all []property[T]
	for _, name := range names {
		all = append(all, fixed[T](name, kindTexts, []string{}))
	}
	return all
}

func fixed[T any](name string, kind valueKind, value any) property[T] {
	return property[T]{field: field{name: name, kind: kind}, value: func(*state.Directory, T) any { return value }}
}

func hide[T any](properties []property[T]) []property[T] {
	for i := range properties {
		properties[i].hidden = true
	}
	return properties
}

// orNull is for texts that are null when there is none.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// lookUp finds the object of a path in a set keyed by GUID: by {id} or by {appId}, whichever the path has.
func lookUp[T any](c *call, byID, byAppID func(guid.GUID) (T, bool)) (T, error) {
	text, get := c.param("id"), byID
	if text == "" {
		text, get = c.param("appId"), byAppID
	}
	if id, err := guid.Parse(text); err == nil {
		if found, ok := get(id); ok {
			return found, nil
		}
	}
	var none T
	return none, notFound(text)
}

// byID makes the walk of a set that is kept in the order of object ids.
func byID[T any](walk func(d *state.Directory, after guid.GUID) iter.Seq[T]) func(*call, []byte) (iter.Seq[T], error) {
	return func(c *call, after []byte) (iter.Seq[T], error) {
		var id guid.GUID
		copy(id[:], after)
		return walk(c.dir, id), nil
	}
}

// one returns the object as a list, which is what an index by a unique value finds.
func one[T any](found T, ok bool) []T {
	if !ok {
		return []T{}
	}
	return []T{found}
}

// all returns what is walked as a list that is not nil.
func all[T any](walk iter.Seq[T]) []T {
	found := []T{}
	for o := range walk {
		found = append(found, o)
	}
	return found
}

// parseID returns the zero GUID, which names nothing, for what is no GUID.
func parseID(text string) guid.GUID {
	id, err := guid.Parse(text)
	if err != nil {
		return guid.GUID{}
	}
	return id
}

// unsupported is a query that Graph or this server does not answer.
func unsupported(format string, args ...any) *apierr.Error {
	return apierr.New(apierr.QueryUnsupported, "Unsupported query. "+format, args...)
}

// unknownProperty is for a name in $select, $filter or $orderby.
func unknownProperty(name, kind string) error {
	name = strings.ToValidUTF8(name, "?")
	return apierr.New(apierr.PropertyUnknown, "Could not find a property named '%s' on type 'microsoft.graph.%s'.", name, kind).At(name)
}
