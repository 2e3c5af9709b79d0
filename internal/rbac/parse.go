package rbac

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/inborn-id/inborn/internal/apierr"
)

const (
	maxCondition      = 8192 // bytes (Resource Manager's own bound is 8 KB)
	maxConditionDepth = 32   // parentheses and negations inside each other
)

// ParseCondition reads a condition. It fails with ConditionInvalid, which names the place, counted in characters from 1,
// for bad syntax and for operators and attributes that are not known here: what cannot be evaluated must not be stored as
// if it could.
func ParseCondition(text string) (*Condition, error) {
	if len(text) > maxCondition || !utf8.ValidString(text) {
		return nil, apierr.New(apierr.ConditionInvalid, "The condition is not valid: it may have %d bytes of UTF-8.", maxCondition).At("condition")
	}
	p := parser{text: text}
	p.next()
	root := p.expression(0)
	if p.why == "" && p.token.kind != tokenEnd {
		p.fail("expected AND, OR or the end instead of %s", p.token)
	}
	if p.why == "" && p.guids && p.storage {
		p.at, p.why = 0, "GUID operators cannot be used with actions of Microsoft.Storage"
	}
	if p.why != "" {
		return nil, apierr.New(apierr.ConditionInvalid, "The condition is not valid at character %d: %s.",
			utf8.RuneCountInString(text[:p.at])+1, p.why).At("condition")
	}
	return &Condition{text, root}, nil
}

// parser goes through a text once. After its first mistake it only unwinds.
type parser struct {
	text    string
	pos     int // behind token
	token   token
	at      int    // of the mistake, in bytes
	why     string // the mistake; "" for none yet
	guids   bool   // GUID operators occur
	storage bool   // actions of Storage occur
}

// fail notes a mistake at the token, if it is the first.
func (p *parser) fail(format string, args ...any) *node {
	if p.why == "" {
		p.at, p.why = p.token.at, fmt.Sprintf(format, args...)
		p.token = token{kind: tokenEnd, at: p.token.at}
	}
	return nil
}

// expression reads terms that are joined by one word, AND or OR.
func (p *parser) expression(depth int) *node {
	kids := []*node{p.term(depth)}
	joined := p.token
	for p.why == "" && (p.token.is("AND") || p.token.is("OR")) {
		if p.token.is("AND") != joined.is("AND") {
			return p.fail("AND and OR are mixed; put parentheses round what belongs together")
		}
		p.next()
		kids = append(kids, p.term(depth))
	}
	switch {
	case len(kids) == 1:
		return kids[0]
	case joined.is("AND"):
		return &node{kind: nodeAnd, kids: kids}
	}
	return &node{kind: nodeOr, kids: kids}
}

func (p *parser) term(depth int) *node {
	if depth >= maxConditionDepth {
		return p.fail("it is nested deeper than %d levels", maxConditionDepth)
	}
	switch {
	case p.token.is("NOT"):
		p.next()
		return &node{kind: nodeNot, kids: []*node{p.term(depth + 1)}}
	case p.token.is("("):
		p.next()
		inner := p.expression(depth + 1)
		p.expect(")")
		return inner
	case p.token.is("ActionMatches"):
		return p.action()
	case p.token.is("SubOperationMatches"):
		p.next()
		return &node{kind: nodeSubOperation, texts: p.texts(p.set())}
	case p.token.is("Exists"):
		p.next()
		n := &node{kind: nodeExists, attr: p.attribute()}
		p.next()
		return n
	}
	return p.comparison()
}

// action reads ActionMatches{'pattern'}, behind which several patterns mean any of them.
func (p *parser) action() *node {
	p.next()
	texts := p.texts(p.set())
	n := &node{kind: nodeOr}
	for _, text := range texts {
		p.storage = p.storage || strings.HasPrefix(strings.ToLower(text), "microsoft.storage/")
		n.kids = append(n.kids, &node{kind: nodeAction, pattern: newPattern(text)})
	}
	return n
}

func (p *parser) comparison() *node {
	at := p.token
	c := &comparison{}
	leftAttr, leftTokens := p.side()
	name := p.token
	quantifier, operator, quantified := strings.Cut(name.text, ":")
	if !quantified {
		quantifier, operator = "", name.text
	}
	var ok bool
	if c.op, ok = newOperator(operator); !ok || name.kind != tokenWord {
		return p.fail("there is no operator %s", name)
	}
	if c.quantifier, ok = newQuantifier(quantifier); !ok || quantified && quantifier == "" {
		return p.fail("there is no quantifier %q", quantifier)
	}
	p.guids = p.guids || c.op.kind == kindGUID
	p.next()
	rightAttr, rightTokens := p.side()
	switch {
	case p.why != "":
		return nil
	case leftAttr == nil && rightAttr == nil:
		p.token = at
		return p.fail("one of the two sides must be an attribute")
	case rightAttr != nil && c.op.relation == matches:
		p.token = name
		return p.fail("the right side of %s must be a text", name)
	case c.quantifier == single && len(leftTokens)+len(rightTokens) > 1:
		p.token = name
		return p.fail("%s compares single values; for sets put ForAnyOfAnyValues: or the like in front", name)
	}
	c.left = operand{leftAttr, p.values(c.op, leftTokens, false)}
	c.right = operand{rightAttr, p.values(c.op, rightTokens, true)}
	return &node{kind: nodeCompare, compare: c}
}

func newQuantifier(name string) (quantifier, bool) {
	for i, word := range quantifiers {
		if same(name, word) {
			return quantifier(i), true
		}
	}
	return single, false
}

// side reads an attribute, a value or a set of values.
func (p *parser) side() (*attribute, []token) {
	switch p.token.kind {
	case tokenAttribute:
		a := p.attribute()
		p.next()
		return a, nil
	case tokenText, tokenWord:
		one := p.token
		p.next()
		return nil, []token{one}
	}
	return nil, p.set()
}

func (p *parser) set() (values []token) {
	p.expect("{")
	for {
		if p.token.kind != tokenText && p.token.kind != tokenWord {
			p.fail("expected a value instead of %s", p.token)
			return nil
		}
		values = append(values, p.token)
		p.next()
		if !p.token.is(",") {
			p.expect("}")
			return values
		}
		p.next()
	}
}

func (p *parser) attribute() *attribute {
	if p.token.kind != tokenAttribute {
		p.fail("expected an attribute such as @Resource[...] instead of %s", p.token)
		return nil
	}
	source, name, _ := strings.Cut(p.token.text, "[")
	a, why := newAttribute(source, name)
	if why != "" {
		p.fail("%s", why)
	}
	return a
}

// texts takes quoted texts, and nothing else, from a set.
func (p *parser) texts(values []token) (texts []string) {
	for _, v := range values {
		if v.kind != tokenText || v.text == "" {
			p.token = v
			p.fail("expected a text in quotes instead of %s", v)
			return nil
		}
		texts = append(texts, v.text)
	}
	return texts
}

// values reads values as the operator wants them. Texts are quoted; numbers, times, truth and GUIDs need not be.
func (p *parser) values(op operator, tokens []token, right bool) (values []value) {
	for _, t := range tokens {
		v, ok := op.read(t.text, right)
		if op.kind == kindString && t.kind != tokenText {
			p.token = t
			p.fail("expected a text in quotes instead of %s", t)
		}
		if ok && right {
			ok = op.compile(&v) == nil
		}
		if !ok {
			p.token = t
			p.fail("%s is not a value for this operator", t)
		}
		values = append(values, v)
	}
	return values
}

func (p *parser) expect(mark string) {
	if !p.token.is(mark) {
		p.fail("expected %s instead of %s", mark, p.token)
		return
	}
	p.next()
}
