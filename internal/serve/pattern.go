package serve

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// token is one element of a pattern: a literal (in lower case) or a parameter.
type token struct {
	literal string
	param   string
	oneOf   []string // the values a parameter may have, in lower case; none: any
}

func newRouter(routes []Route) *router {
	t := &router{}
	for i := range routes {
		route := &routes[i]
		if route.Method == "" || route.Handle == nil {
			panic(fmt.Sprintf("serve: the route %s has no method or no handler", route.Pattern))
		}
		tokens, scope, err := parsePattern(route.Pattern)
		if err != nil {
			panic(fmt.Sprintf("serve: pattern %s: %v", route.Pattern, err))
		}
		params := scope
		for _, tok := range tokens {
			if tok.param != "" {
				params = append(params, tok.param)
			}
		}
		if len(params) > maxParams {
			panic(fmt.Sprintf("serve: pattern %s has more than %d parameters", route.Pattern, maxParams))
		}
		n := &t.exact
		if len(scope) > 0 {
			n = t.tail(len(tokens))
		}
		n.add(tokens).put(route, params, tokens)
	}
	return t
}

// tail returns the tree of the scoped patterns with that many tokens after the scope.
func (t *router) tail(length int) *node {
	for _, s := range t.scoped {
		if s.length == length {
			return s.root
		}
	}
	root := &node{}
	t.scoped = append(t.scoped, tail{length, root})
	slices.SortFunc(t.scoped, func(a, b tail) int { return cmp.Compare(a.length, b.length) })
	return root
}

// add returns the place in the tree where the tokens end, and makes it if need be.
func (n *node) add(tokens []token) *node {
	for _, tok := range tokens {
		if tok.param == "" {
			if n.literals == nil {
				n.literals = map[string]*node{}
			}
			if n.literals[tok.literal] == nil {
				n.literals[tok.literal] = &node{}
			}
			n = n.literals[tok.literal]
			continue
		}
		i := slices.IndexFunc(n.params, func(b branch) bool { return slices.Equal(b.oneOf, tok.oneOf) })
		if i < 0 {
			i = len(n.params)
			if len(tok.oneOf) > 0 { // a restricted parameter is nearer to a literal
				i = 0
			}
			n.params = slices.Insert(n.params, i, branch{oneOf: tok.oneOf, next: &node{}})
		}
		n = n.params[i].next
	}
	return n
}

func (n *node) put(route *Route, params []string, tokens []token) {
	if n.end == nil {
		n.end = &endpoint{tokens: tokens}
	}
	for _, other := range n.end.routes {
		if other.Method == route.Method {
			panic(fmt.Sprintf("serve: %s %s and %s are the same route", route.Method, route.Pattern, other.Pattern))
		}
	}
	n.end.routes = append(n.end.routes, route)
	n.end.params = append(n.end.params, params)
}

// parsePattern reads a pattern; scope holds the name of its scope prefix, if it has one.
func parsePattern(pattern string) (tokens []token, scope []string, err error) {
	if strings.HasPrefix(pattern, "{") {
		name, rest, ok := strings.Cut(pattern[1:], "...}")
		if !ok || name == "" || rest == "" {
			return nil, nil, fmt.Errorf("expected {name...}/ at the start")
		}
		scope, pattern = []string{name}, rest
	}
	if !strings.HasPrefix(pattern, "/") {
		return nil, nil, fmt.Errorf("expected a slash at the start")
	}
	for segment := range strings.SplitSeq(pattern, "/") {
		if segment == "" {
			continue
		}
		read, err := parseSegment(segment)
		if err != nil {
			return nil, nil, err
		}
		tokens = append(tokens, read...)
	}
	return tokens, scope, nil
}

// parseSegment reads literal, {param}, {param:a|b} or literal(property={param}). The last is two tokens.
func parseSegment(segment string) ([]token, error) {
	before, rest, hasParam := strings.Cut(segment, "{")
	if !hasParam {
		if len(segment)+2 > maxLiteral || strings.Contains(segment, "}") {
			return nil, fmt.Errorf("segment %q is too long or has a stray brace", segment)
		}
		return []token{{literal: strings.ToLower(segment)}}, nil
	}
	inner, after, closed := strings.Cut(rest, "}")
	name, values, restricted := strings.Cut(inner, ":")
	param := token{param: name}
	if restricted {
		param.oneOf = strings.Split(strings.ToLower(values), "|")
	}
	isKey := strings.Contains(before, "(") && strings.HasSuffix(before, "=") && after == ")"
	if !closed || name == "" || strings.Contains(name, ".") || !isKey && before+after != "" {
		return nil, fmt.Errorf("segment %q is neither a literal, {name}, {name:a|b} nor literal(property={name})", segment)
	}
	if isKey {
		return []token{{literal: strings.ToLower(before)}, param}, nil
	}
	return []token{param}, nil
}

// moreLiteral reports whether a is nearer to the path than b, both of which match it: from the end, the first place
// where one has a literal and the other a parameter decides. So a role assignment of a site is found before a resource
// of any type, and a site before a thing of any scope.
func moreLiteral(a, b []token) bool {
	for i := 1; i <= min(len(a), len(b)); i++ {
		inA, inB := a[len(a)-i].param == "", b[len(b)-i].param == ""
		if inA != inB {
			return inA
		}
	}
	return false
}
