package rbac

import "unicode/utf8"

// holds compares the two sides. Values that are missing or that the operator cannot read make it false whatever it is.
func (c *comparison) holds(r *Request) bool {
	left, right := side{&c.left, c.left.attr.values(r), c.op, false}, side{&c.right, c.right.attr.values(r), c.op, true}
	if !left.usable() || !right.usable() {
		return false
	}
	if c.quantifier == single && (left.len() != 1 || right.len() != 1) {
		return false
	}
	if c.quantifier == anyOfAny {
		return c.some(&left, &right, false) != c.op.negated
	}
	allLeft := c.quantifier == allOfAny || c.quantifier == allOfAll
	for i := range left.len() {
		l := left.at(i)
		if c.one(&l, &right) != allLeft {
			return !allLeft
		}
	}
	return allLeft
}

// one compares one value of the left to those of the right.
func (c *comparison) one(l *value, right *side) bool {
	allRight := c.quantifier == anyOfAll || c.quantifier == allOfAll
	for i := range right.len() {
		r := right.at(i)
		if (c.op.test(l, &r) != c.op.negated) != allRight {
			return !allRight
		}
	}
	return allRight
}

// some reports whether some pair of values compares, turned round or not.
func (c *comparison) some(left, right *side, negated bool) bool {
	for i := range left.len() {
		l := left.at(i)
		for n := range right.len() {
			r := right.at(n)
			if c.op.test(&l, &r) != negated {
				return true
			}
		}
	}
	return false
}

// side is an operand for one request: values of the condition, or texts of the request that are read as they come.
type side struct {
	operand *operand
	texts   []string // of the attribute
	op      operator
	right   bool
}

func (a *attribute) values(r *Request) []string {
	if a == nil {
		return nil
	}
	return a.of(r)
}

func (s *side) len() int {
	if s.operand.attr != nil {
		return len(s.texts)
	}
	return len(s.operand.values)
}

func (s *side) at(i int) value {
	if s.operand.attr == nil {
		return s.operand.values[i]
	}
	v, _ := s.op.read(s.texts[i], s.right)
	return v
}

func (s *side) usable() bool {
	for _, text := range s.texts {
		if _, ok := s.op.read(text, s.right); !ok {
			return false
		}
	}
	return s.len() > 0
}

// isLike reports whether the whole of s fits a pattern in which * is any text, ? any one character, and \ takes the
// meaning from the character behind it. It goes back to the last * only, so it takes at most len(s) x len(pattern) steps.
func isLike(s, pattern string) bool {
	at, p := 0, 0
	star, retry := -1, 0 // behind the last *, and where in s it was tried
	for at < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			p++
			star, retry = p, at
			continue
		}
		if size, width := likeOne(s[at:], pattern[p:]); size > 0 {
			at, p = at+size, p+width
			continue
		}
		if star < 0 {
			return false
		}
		_, size := utf8.DecodeRuneInString(s[retry:])
		retry += size
		at, p = retry, star
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// likeOne matches one character at the start of s, which is not empty, to the start of a pattern, which is no *, and returns
// how many bytes both take; 0 if they do not match.
func likeOne(s, pattern string) (size, width int) {
	escaped := len(pattern) > 1 && pattern[0] == '\\'
	switch {
	case pattern == "":
		return 0, 0
	case pattern[0] == '?':
		_, size = utf8.DecodeRuneInString(s)
		return size, 1
	case escaped:
		pattern = pattern[1:]
	}
	_, width = utf8.DecodeRuneInString(pattern)
	if len(s) < width || s[:width] != pattern[:width] {
		return 0, 0
	}
	if escaped {
		return width, width + 1
	}
	return width, width
}
