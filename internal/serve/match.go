package serve

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
)

// Bounds of a path. The deepest path of Resource Manager, a nested resource below a nested resource, has about 20
// segments.
const (
	maxSegments = 40
	maxParams   = 8
	maxLiteral  = 96 // bytes of a literal segment
)

// match is what a path was found to be: the route and the values of its parameters, in the order of the pattern.
type match struct {
	route  *Route
	params []string
	values [maxParams]string
	allow  string // the methods the path has, where the request's is not among them
}

// endpoint is the end of a pattern: the routes there, one for each method.
type endpoint struct {
	routes []*Route
	params [][]string // of each route
	tokens []token    // of the pattern
}

// node is one place in the tree of patterns.
type node struct {
	literals map[string]*node // by lower-case text; an OData key by name is "text(name="
	params   []branch         // restricted ones first
	end      *endpoint
}

type branch struct {
	oneOf []string // lower-case values; none: any
	next  *node
}

// router finds the route of a request. Patterns with a scope prefix have one tree for each length of what follows.
type router struct {
	exact  node
	scoped []tail // the shortest first: the scope is as long as it can be, as the last /providers/ of an ARM path decides
}

type tail struct {
	length int
	root   *node
}

// search is one walk through a tree.
type search struct {
	method   string
	segments []string
	values   [maxParams]string
	allow    []string
	found    *endpoint
	route    int // index in found
}

// find fills m with the route of r. The error is a PathUnknown, a MethodNotAllowed or, for a path that no client of ours
// would write, a RequestMalformed.
func (t *router) find(r *http.Request, m *match) error {
	var space [maxSegments]string
	segments, err := split(r.URL, space[:0])
	if err != nil {
		return err
	}
	s := search{method: r.Method, segments: segments}
	exact := s.walk(&t.exact, 0, 0)
	if exact {
		m.take(&s)
	}
	scope, found := t.findScoped(&s)
	if found && (!exact || moreLiteral(scope.found.tokens, s.found.tokens)) {
		m.take(&scope)
		return nil
	}
	switch {
	case exact:
		return nil
	case len(s.allow) > 0:
		m.allow = allowHeader(s.allow)
		return apierr.New(apierr.MethodNotAllowed, "%s is not allowed on this path; allowed: %s.", r.Method, m.allow).At(r.Method)
	default:
		return apierr.New(apierr.PathUnknown, "There is nothing at %s.", clip(r.URL.Path)).At(clip(r.URL.Path))
	}
}

// findScoped tries the patterns with a scope prefix. Methods that would be allowed are added to exact.allow.
func (t *router) findScoped(exact *search) (search, bool) {
	for _, tail := range t.scoped {
		start := len(exact.segments) - tail.length
		if start < 0 {
			continue
		}
		s := search{method: exact.method, segments: exact.segments[start:]}
		if !s.walk(tail.root, 0, 1) {
			exact.allow = append(exact.allow, s.allow...)
			continue
		}
		scope := exact.segments[:start]
		if slices.ContainsFunc(scope, func(segment string) bool { return strings.Contains(segment, "/") }) {
			continue // a%2Fb is one name and would look like two
		}
		s.values[0] = "/" + strings.Join(scope, "/")
		return s, true
	}
	return search{}, false
}

func (m *match) take(s *search) {
	m.route, m.params, m.values = s.found.routes[s.route], s.found.params[s.route], s.values
}

// walk tries the segments from i on below n; p parameters are set so far.
func (s *search) walk(n *node, i, p int) bool {
	if i == len(s.segments) {
		return s.arrive(n.end)
	}
	segment := s.segments[i]
	if next := n.literal(segment, ""); next != nil && s.walk(next, i+1, p) {
		return true
	}
	if name, property, value, ok := odataKey(segment); ok {
		if next := n.literal(name, property); next != nil && s.branch(next, value, i, p) {
			return true
		}
	}
	return s.branch(n, segment, i, p)
}

// branch tries the parameters of n with value, which is or is part of segment i.
func (s *search) branch(n *node, value string, i, p int) bool {
	for _, b := range n.params {
		if len(b.oneOf) > 0 && !slices.ContainsFunc(b.oneOf, func(v string) bool { return strings.EqualFold(v, value) }) {
			continue
		}
		s.values[p] = value
		if s.walk(b.next, i+1, p+1) {
			return true
		}
	}
	return false
}

// arrive takes the route for the method at the end of a path, or remembers the methods that there are.
func (s *search) arrive(end *endpoint) bool {
	if end == nil {
		return false
	}
	get := -1
	for i, route := range end.routes {
		if route.Method == s.method {
			s.found, s.route = end, i
			return true
		}
		if route.Method == http.MethodGet {
			get = i
		}
	}
	if s.method == http.MethodHead && get >= 0 {
		s.found, s.route = end, get
		return true
	}
	for _, route := range end.routes {
		s.allow = append(s.allow, route.Method)
	}
	return false
}

// literal returns the child for a literal segment in any case; property is the name of its OData key, if it has one.
func (n *node) literal(text, property string) *node {
	if len(n.literals) == 0 || len(text)+len(property)+2 > maxLiteral {
		return nil
	}
	var space [maxLiteral]byte
	b := appendLower(space[:0], text)
	if property != "" {
		b = append(appendLower(append(b, '('), property), '=')
	}
	return n.literals[string(b)]
}

func appendLower(b []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}

// split appends the decoded segments of a path to segments, without the empty ones: // is as good as /. A path is taken
// apart before it is decoded, so that %2F stays inside its segment.
func split(u *url.URL, segments []string) ([]string, error) {
	path, encoded := u.RawPath, true
	if path == "" {
		path, encoded = u.Path, false
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" {
			continue
		}
		if encoded && strings.Contains(segment, "%") {
			decoded, err := url.PathUnescape(segment)
			if err != nil {
				return nil, apierr.New(apierr.RequestMalformed, "The path is not percent-encoded correctly.").Because(err)
			}
			segment = decoded
		}
		if len(segments) == maxSegments || strings.ContainsFunc(segment, isControl) {
			return nil, apierr.New(apierr.RequestMalformed, "The path has control characters or more than %d segments.", maxSegments)
		}
		segments = append(segments, segment)
	}
	return segments, nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// odataKey takes apart name('value') and name(property='value'). Inside the quotes a doubled quote is one quote (OData
// 4.01, URL conventions, section 4.3.1).
func odataKey(segment string) (name, property, value string, ok bool) {
	if !strings.HasSuffix(segment, "')") {
		return "", "", "", false
	}
	name, rest, _ := strings.Cut(segment, "(")
	property, value, _ = strings.Cut(rest, "'")
	if property != "" {
		if property, ok = strings.CutSuffix(property, "="); !ok || property == "" {
			return "", "", "", false
		}
	}
	value, ok = strings.CutSuffix(value, "')")
	if !ok || name == "" || value == "" {
		return "", "", "", false
	}
	if strings.Contains(value, "'") {
		if strings.Contains(strings.ReplaceAll(value, "''", ""), "'") {
			return "", "", "", false
		}
		value = strings.ReplaceAll(value, "''", "'")
	}
	return name, property, value, true
}

func allowHeader(methods []string) string {
	if slices.Contains(methods, http.MethodGet) {
		methods = append(methods, http.MethodHead)
	}
	slices.Sort(methods)
	return strings.Join(slices.Compact(methods), ", ")
}
