package rbac

import "slices"

// Condition is an attribute-based condition (version 2.0 of Resource Manager's language), parsed and ready. A nil
// Condition is none and holds always.
//
//	expr     = and-chain or or-chain of terms; a mixture needs parentheses
//	term     = ("!" | "NOT") term | "(" expr ")" | "ActionMatches" set | "SubOperationMatches" set
//	         | "Exists" attribute | operand operator operand
//	operand  = attribute | value | set            at least one of the two is an attribute
//	attribute= "@" source "[" name "]"            source: Resource, Request, Principal, Environment
//	set      = "{" value ("," value)* "}"
//	operator = [quantifier ":"] name              && and || may stand for AND and OR
//
// What an attribute that the request does not have is compared to does not matter: the comparison is false. So it is when
// a value cannot be read as the operator wants it. Under ForAnyOfAnyValues the operators with Not mean that no value of
// the left equals any of the right: taken word for word, one of two excluded roles would always differ from the other.
type Condition struct {
	text string
	root *node // nil if the text could not be read: never true
}

// node is one term.
type node struct {
	kind    nodeKind
	kids    []*node    // of and, or, not
	pattern pattern    // of ActionMatches
	texts   []string   // of SubOperationMatches
	attr    *attribute // of Exists
	compare *comparison
}

type nodeKind uint8

const (
	nodeAnd nodeKind = iota
	nodeOr
	nodeNot
	nodeAction
	nodeSubOperation
	nodeExists
	nodeCompare
)

// mustHold returns the condition that text says, nil for "". A text that cannot be read, because a newer version stored
// it, gives a condition that never holds.
func mustHold(text string) *Condition {
	if text == "" {
		return nil
	}
	c, err := ParseCondition(text)
	if err != nil {
		return &Condition{text: text}
	}
	return c
}

// String returns the condition as it was written.
func (c *Condition) String() string { return c.text }

// unreadable reports whether there is a condition that could not be read.
func (c *Condition) unreadable() bool { return c != nil && c.root == nil }

// Holds reports whether the condition is true for a request.
func (c *Condition) Holds(r *Request) bool {
	return c == nil || c.root != nil && c.root.holds(r)
}

func (n *node) holds(r *Request) bool {
	switch n.kind {
	case nodeAnd:
		for _, kid := range n.kids {
			if !kid.holds(r) {
				return false
			}
		}
		return true
	case nodeOr:
		for _, kid := range n.kids {
			if kid.holds(r) {
				return true
			}
		}
		return false
	case nodeNot:
		return !n.kids[0].holds(r)
	case nodeAction:
		return n.pattern.match(r.Action.lower)
	case nodeSubOperation:
		for _, value := range subOperation(r) {
			if slices.ContainsFunc(n.texts, func(t string) bool { return same(t, value) }) {
				return true
			}
		}
		return false
	case nodeExists:
		return len(n.attr.of(r)) > 0
	default:
		return n.compare.holds(r)
	}
}
