package rbac

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
)

// comparison is operand operator operand.
type comparison struct {
	quantifier  quantifier
	op          operator
	left, right operand
}

// operand is an attribute, or else values.
type operand struct {
	attr   *attribute
	values []value
}

// quantifier says how many values of the left must compare to how many of the right.
type quantifier uint8

const (
	single   quantifier = iota // one value on each side
	anyOfAny                   // some left, some right
	allOfAny                   // every left, some right
	anyOfAll                   // some left, every right
	allOfAll                   // every left, every right
)

var quantifiers = [...]string{"", "ForAnyOfAnyValues", "ForAllOfAnyValues", "ForAnyOfAllValues", "ForAllOfAllValues"}

// operator is a comparison of two values: a type of values, a way to compare them, and whether the result is turned round.
type operator struct {
	kind       valueKind
	relation   relation
	negated    bool
	ignoreCase bool
}

type valueKind uint8

const (
	kindString valueKind = iota
	kindNumeric
	kindDateTime
	kindBool
	kindGUID
	kindIP
)

var valueKinds = [...]string{"String", "Numeric", "DateTime", "Bool", "Guid", "Ip"}

type relation uint8

const (
	equals relation = iota
	startsWith
	like
	matches
	less
	lessEquals
	greater
	greaterEquals
	inNetwork
	inRange
)

var relations = [...]string{"Equals", "StartsWith", "Like", "Matches", "LessThan", "LessThanEquals", "GreaterThan",
	"GreaterThanEquals", "Match", "InRange"}

// newOperator finds an operator by its whole name without the quantifier, such as StringNotLikeIgnoreCase.
func newOperator(name string) (operator, bool) {
	for k, word := range valueKinds {
		if len(name) < len(word) || !same(name[:len(word)], word) {
			continue
		}
		op := operator{kind: valueKind(k)}
		rest := name[len(word):]
		const ignore = "IgnoreCase"
		if n := len(rest) - len(ignore); op.kind == kindString && n > 0 && same(rest[n:], ignore) {
			op.ignoreCase, rest = true, rest[:n]
		}
		if len(rest) > 3 && same(rest[:3], "Not") {
			op.negated, rest = true, rest[3:]
		}
		for r, relation_ := range relations {
			if same(rest, relation_) {
				op.relation = relation(r)
				return op, op.exists()
			}
		}
	}
	return operator{}, false
}

func (op operator) exists() bool {
	switch op.kind {
	case kindString:
		return op.relation <= matches
	case kindNumeric, kindDateTime:
		return op.relation == equals || op.relation >= less && op.relation <= greaterEquals && !op.negated
	case kindIP:
		return op.relation >= inNetwork && !op.negated
	default:
		return op.relation == equals
	}
}

// value is a value as an operator reads it; which field counts is the operator's.
type value struct {
	text     string
	number   float64
	time     time.Time
	on       bool
	id       guid.GUID
	from, to netip.Addr
	regexp   *regexp.Regexp // of Matches on the right
}

// read makes a value of text and reports whether the operator can use it. right says on which side it stands.
func (op operator) read(text string, right bool) (v value, ok bool) {
	v.text, ok = text, true
	switch op.kind {
	case kindNumeric:
		v.number, ok = readNumber(text)
	case kindDateTime:
		v.time, ok = readTime(text)
	case kindBool:
		v.on = same(text, "true")
		ok = v.on || same(text, "false")
	case kindGUID:
		var err error
		v.id, err = guid.Parse(text)
		ok = err == nil
	case kindIP:
		v.from, v.to, ok = op.readAddresses(text, right)
	}
	return v, ok
}

// compile makes the regular expression of Matches, for the whole value, once. RE2 takes linear time, whoever wrote it.
func (op operator) compile(v *value) error {
	if op.relation != matches {
		return nil
	}
	flags := "s"
	if op.ignoreCase {
		flags = "si"
	}
	var err error
	v.regexp, err = regexp.Compile("(?" + flags + ")^(?:" + v.text + ")$")
	return err
}

func readNumber(s string) (float64, bool) {
	if strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, false // what else ParseFloat reads: Inf, NaN, hexadecimal, underscores
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

// readTime reads RFC 3339, or a date with or without a time, which are UTC.
func readTime(s string) (time.Time, bool) {
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// readAddresses reads an address, and on the right also a network (10.0.0.0/8) or, for InRange, first-last.
func (op operator) readAddresses(s string, right bool) (from, to netip.Addr, ok bool) {
	if right {
		if network, err := netip.ParsePrefix(s); err == nil {
			return network.Masked().Addr().Unmap(), lastOf(network).Unmap(), true
		}
		if first, last, isRange := strings.Cut(s, "-"); isRange && op.relation == inRange {
			from, err1 := netip.ParseAddr(first)
			to, err2 := netip.ParseAddr(last)
			return from.Unmap(), to.Unmap(), err1 == nil && err2 == nil && from.Unmap().BitLen() == to.Unmap().BitLen()
		}
	}
	from, err := netip.ParseAddr(s)
	return from.Unmap(), from.Unmap(), err == nil && from.Zone() == ""
}

func lastOf(network netip.Prefix) netip.Addr {
	bytes := network.Addr().AsSlice()
	for bit := network.Bits(); bit < 8*len(bytes); bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(bytes)
	return last
}

// test compares two values without regard to negated.
func (op operator) test(l, r *value) bool {
	switch op.kind {
	case kindString:
		return op.testString(l.text, r)
	case kindNumeric:
		return op.inOrder(compareFloat(l.number, r.number))
	case kindDateTime:
		return op.inOrder(l.time.Compare(r.time))
	case kindBool:
		return l.on == r.on
	case kindGUID:
		return l.id == r.id
	default:
		return l.from.BitLen() == r.from.BitLen() && l.from.Compare(r.from) >= 0 && l.from.Compare(r.to) <= 0
	}
}

func compareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (op operator) inOrder(order int) bool {
	switch op.relation {
	case less:
		return order < 0
	case lessEquals:
		return order <= 0
	case greater:
		return order > 0
	case greaterEquals:
		return order >= 0
	default:
		return order == 0
	}
}

func (op operator) testString(l string, r *value) bool {
	if op.relation == matches {
		return r.regexp != nil && r.regexp.MatchString(l)
	}
	want := r.text
	if op.ignoreCase {
		l, want = strings.ToLower(l), strings.ToLower(want)
	}
	switch op.relation {
	case startsWith:
		return strings.HasPrefix(l, want)
	case like:
		return isLike(l, want)
	default:
		return l == want
	}
}
