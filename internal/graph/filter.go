package graph

import (
	"slices"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
)

// operator is what a node of a filter does.
type operator uint8

const (
	opAnd operator = iota
	opOr
	opNot
	opAny // args[0] holds for an element of the property
	opEqual
	opNotEqual
	opGreater
	opGreaterEqual
	opLess
	opLessEqual
	opIn
	opStartsWith
	opEndsWith
)

// element stands for the variable of a lambda where a property's index is expected.
const element = -1

// filter is a parsed $filter (OData 4.01 URL conventions, section 5.1.1): a tree of conditions on properties.
type filter struct {
	op       operator
	property int       // index, or element; of conditions and opAny
	name     string    // of the property
	values   []literal // one, or several with opIn
	args     []*filter
}

// literal is a value to compare with, as the kind of the property makes it: nil, a bool, a time.Time or a string in
// lower case, because Graph compares texts without regard to case.
type literal any

// advanced reports whether Graph wants ConsistencyLevel: eventual for f.
func (f *filter) advanced() bool {
	switch f.op {
	case opNot, opNotEqual, opEndsWith:
		return true
	}
	return slices.Contains(f.values, literal(nil)) || slices.ContainsFunc(f.args, (*filter).advanced)
}

// pins calls try with every property that must have a certain text for f to hold, until try returns true.
func (f *filter) pins(try func(property, value string) bool) bool {
	switch {
	case f.op == opAnd:
		return slices.ContainsFunc(f.args, func(arg *filter) bool { return arg.pins(try) })
	case f.op == opAny && f.args[0].op == opEqual:
		text, ok := f.args[0].values[0].(string)
		return ok && try(f.name, text)
	case f.op == opEqual:
		text, ok := f.values[0].(string)
		return ok && f.property != element && try(f.name, text)
	}
	return false
}

// matches reports whether f holds for the object whose properties get returns. item is the value of the lambda's
// variable, inside one.
func (f *filter) matches(get func(property int) any, item any) bool {
	switch f.op {
	case opAnd:
		return !slices.ContainsFunc(f.args, func(arg *filter) bool { return !arg.matches(get, item) })
	case opOr:
		return slices.ContainsFunc(f.args, func(arg *filter) bool { return arg.matches(get, item) })
	case opNot:
		return !f.args[0].matches(get, item)
	case opAny:
		items, _ := get(f.property).([]string)
		return slices.ContainsFunc(items, func(item string) bool { return f.args[0].matches(get, item) })
	}
	if f.property != element {
		item = get(f.property)
	}
	return f.compare(normal(item))
}

// normal turns a property's value into what literals are.
func normal(value any) any {
	switch v := value.(type) {
	case string:
		return strings.ToLower(v)
	case guid.GUID:
		return v.String()
	case time.Time:
		if v.IsZero() {
			return nil
		}
		return v.Truncate(100 * time.Nanosecond) // as it is shown
	default:
		return v
	}
}

// compare holds value, which normal returned, against the literals. Null is equal to null only, and neither less nor
// greater than anything.
func (f *filter) compare(value any) bool {
	first := f.values[0]
	switch f.op {
	case opEqual:
		return equal(value, first)
	case opNotEqual:
		return !equal(value, first)
	case opIn:
		return slices.ContainsFunc(f.values, func(v literal) bool { return equal(value, v) })
	case opStartsWith, opEndsWith:
		text, isText := value.(string)
		affix, _ := first.(string)
		if f.op == opEndsWith {
			return isText && strings.HasSuffix(text, affix)
		}
		return isText && strings.HasPrefix(text, affix)
	}
	order, ok := compareValues(value, first)
	switch f.op {
	case opGreater:
		return ok && order > 0
	case opGreaterEqual:
		return ok && order >= 0
	case opLess:
		return ok && order < 0
	default:
		return ok && order <= 0
	}
}

func equal(a, b any) bool {
	if order, ok := compareValues(a, b); ok {
		return order == 0
	}
	return a == b // bools, or null with null
}

func compareValues(a, b any) (order int, ok bool) {
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return strings.Compare(a, b), ok
	case time.Time:
		b, ok := b.(time.Time)
		return a.Compare(b), ok
	}
	return 0, false
}
