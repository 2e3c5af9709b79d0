package graph

import (
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
)

// The bounds of a filter's tree: they also bound the work for each object it is held against.
const (
	maxFilterDepth = 20
	maxFilterNodes = 300
)

// filterParser reads a filter by recursive descent, one method for each level of precedence.
type filterParser struct {
	rest   []lexeme // never empty: the last is the end
	lookup func(name string) (int, field, error)
	depth  int
	nodes  int

	variable string // of the lambda we are in; "" outside
}

// parseFilter reads a $filter. lookup returns a property by name, or the error to fail with. The errors are those of
// lookup, ParameterInvalid and QueryUnsupported.
func parseFilter(text string, lookup func(string) (int, field, error)) (*filter, error) {
	lexemes, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := &filterParser{rest: lexemes, lookup: lookup}
	f, err := p.either()
	if err != nil {
		return nil, err
	}
	if end := p.next(); end.class != 0 {
		return nil, badFilter("expected 'and', 'or' or the end", end.at)
	}
	return f, nil
}

func (p *filterParser) next() lexeme {
	l := p.rest[0]
	if len(p.rest) > 1 {
		p.rest = p.rest[1:]
	}
	return l
}

// take skips the next lexeme if it is the word, in any case.
func (p *filterParser) take(word string) bool {
	if p.rest[0].class != 'w' || !strings.EqualFold(p.rest[0].text, word) {
		return false
	}
	p.next()
	return true
}

func (p *filterParser) expect(class byte) error {
	if l := p.next(); l.class != class {
		return badFilter("expected '"+string(class)+"'", l.at)
	}
	return nil
}

// enter counts one node and one level of depth; leave takes the level back.
func (p *filterParser) enter() error {
	p.depth++
	p.nodes++
	if p.depth > maxFilterDepth || p.nodes > maxFilterNodes {
		return badFilter("it is too complex", p.rest[0].at)
	}
	return nil
}

func (p *filterParser) leave() { p.depth-- }

func (p *filterParser) either() (*filter, error) { return p.series("or", opOr, p.both) }

func (p *filterParser) both() (*filter, error) { return p.series("and", opAnd, p.condition) }

// series reads one operand or several with a word between them.
func (p *filterParser) series(word string, op operator, operand func() (*filter, error)) (*filter, error) {
	first, err := operand()
	if err != nil {
		return nil, err
	}
	all := []*filter{first}
	for p.take(word) {
		f, err := operand()
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	if len(all) == 1 {
		return first, nil
	}
	return &filter{op: op, args: all}, nil
}

// condition reads not(..), (..), a function, a lambda or a comparison.
func (p *filterParser) condition() (*filter, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	if p.rest[0].class == '(' {
		p.next()
		f, err := p.either()
		if err != nil {
			return nil, err
		}
		return f, p.expect(')')
	}
	if p.take("not") {
		f, err := p.condition()
		if err != nil {
			return nil, err
		}
		return &filter{op: opNot, args: []*filter{f}}, nil
	}
	name := p.next()
	if name.class != 'w' {
		return nil, badFilter("expected the name of a property", name.at)
	}
	switch p.rest[0].class {
	case '(':
		return p.function(name)
	case '/':
		return p.lambda(name)
	default:
		return p.comparison(name)
	}
}

// operand returns the property or variable that a name stands for.
func (p *filterParser) operand(name lexeme) (int, field, error) {
	if p.variable == "" {
		return p.lookup(name.text)
	}
	if name.text != p.variable {
		return 0, field{}, unsupported("Inside any(%s:...) only %s can be compared.", p.variable, p.variable).At("$filter")
	}
	return element, field{name: p.variable, kind: kindText}, nil
}

// function reads startswith(property,'text') or endswith(..).
func (p *filterParser) function(name lexeme) (*filter, error) {
	op := opStartsWith
	switch strings.ToLower(name.text) {
	case "startswith":
	case "endswith":
		op = opEndsWith
	default:
		return nil, unsupported("The function '%s' is not supported in $filter.", name.text).At("$filter")
	}
	p.next() // the parenthesis
	i, f, err := p.operand(p.next())
	if err != nil {
		return nil, err
	}
	if op == opEndsWith && !f.endsWith || f.kind != kindText && f.kind != kindID && f.kind != kindNull {
		return nil, unsupported("%s is not supported for '%s'.", name.text, f.name).At("$filter")
	}
	if err := p.expect(','); err != nil {
		return nil, err
	}
	text := p.next()
	if text.class != 's' {
		return nil, badFilter("expected a text in single quotes", text.at)
	}
	made := &filter{op: op, property: i, name: f.name, values: []literal{strings.ToLower(text.text)}}
	return made, p.expect(')')
}

// lambda reads property/any(x:..).
func (p *filterParser) lambda(name lexeme) (*filter, error) {
	p.next() // the slash
	if !p.take("any") || p.variable != "" || p.rest[0].class != '(' {
		return nil, unsupported("After '%s/' only any(...) is supported.", name.text).At("$filter")
	}
	p.next()
	i, f, err := p.lookup(name.text)
	if err != nil {
		return nil, err
	}
	if f.kind != kindTexts {
		return nil, unsupported("any(...) is not supported for '%s'.", f.name).At("$filter")
	}
	variable := p.next()
	if variable.class != 'w' {
		return nil, badFilter("expected the name of a variable", variable.at)
	}
	if err := p.expect(':'); err != nil {
		return nil, err
	}
	p.variable = variable.text
	body, err := p.either()
	p.variable = ""
	if err != nil {
		return nil, err
	}
	return &filter{op: opAny, property: i, name: f.name, args: []*filter{body}}, p.expect(')')
}

// comparison reads property eq value, or property in (value, ..).
func (p *filterParser) comparison(name lexeme) (*filter, error) {
	i, f, err := p.operand(name)
	if err != nil {
		return nil, err
	}
	op, err := p.operator(f)
	if err != nil {
		return nil, err
	}
	made := &filter{op: op, property: i, name: f.name}
	if op != opIn {
		value, err := p.literal(f)
		made.values = []literal{value}
		return made, err
	}
	if err := p.expect('('); err != nil {
		return nil, err
	}
	for {
		value, err := p.literal(f)
		if err != nil {
			return nil, err
		}
		made.values = append(made.values, value)
		if p.rest[0].class != ',' {
			return made, p.expect(')')
		}
		p.next()
	}
}

// operator reads a comparison operator and says whether the property knows it.
func (p *filterParser) operator(f field) (operator, error) {
	word := p.next()
	if word.class != 'w' {
		return 0, badFilter("expected an operator", word.at)
	}
	op := operator(0)
	switch strings.ToLower(word.text) {
	case "eq":
		op = opEqual
	case "ne":
		op = opNotEqual
	case "gt":
		op = opGreater
	case "ge":
		op = opGreaterEqual
	case "lt":
		op = opLess
	case "le":
		op = opLessEqual
	case "in":
		op = opIn
	default:
		return 0, badFilter("'"+word.text+"' is not an operator,", word.at)
	}
	ordered := op >= opGreater && op <= opLessEqual
	if f.kind == kindTexts || f.kind == kindComplex || ordered && (f.kind == kindBool || f.kind == kindID) {
		return 0, unsupported("'%s' is not supported for '%s'.", strings.ToLower(word.text), f.name).At("$filter")
	}
	return op, nil
}

// literal reads a value that fits the property.
func (p *filterParser) literal(f field) (literal, error) {
	l := p.next()
	switch {
	case l.class == 'w' && strings.EqualFold(l.text, "null"):
		return nil, nil
	case l.class == 's' && (f.kind == kindText || f.kind == kindID || f.kind == kindNull):
		return strings.ToLower(l.text), nil
	case l.class != 'w':
		return nil, badFilter("expected a value for '"+f.name+"'", l.at)
	}
	if f.kind == kindBool || f.kind == kindNull {
		if strings.EqualFold(l.text, "true") || strings.EqualFold(l.text, "false") {
			return strings.EqualFold(l.text, "true"), nil
		}
	}
	if f.kind == kindTime || f.kind == kindNull {
		if at, err := time.Parse(time.RFC3339Nano, l.text); err == nil {
			return at, nil
		}
	}
	if f.kind == kindID || f.kind == kindText || f.kind == kindNull { // appId eq 1234.. is common, though appId is a text in Graph
		if id, err := guid.Parse(l.text); err == nil {
			return id.String(), nil
		}
	}
	return nil, badFilter("the value does not fit '"+f.name+"'", l.at)
}
