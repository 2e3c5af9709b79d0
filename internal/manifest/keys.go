package manifest

import (
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// unknownKey says that a manifest has no such key there, and which it has.
func unknownKey(text []byte, at *token.Token) error {
	found := finder{at: at.Position}
	if file, err := parser.ParseBytes(text, 0); err == nil {
		for _, doc := range file.Docs {
			ast.Walk(&found, doc)
		}
	}
	if keys := keysOf(reflect.TypeFor[Manifest](), found.path); len(keys) > 0 {
		return invalid(place(at), "unknown key %q; the keys here are %s", at.Value, strings.Join(keys, ", "))
	}
	return invalid(place(at), "unknown key %q", at.Value)
}

// finder finds the path of the key at a position.
type finder struct {
	at   *token.Position
	path string // as $.resources[0].colour
}

// Visit implements ast.Visitor.
func (f *finder) Visit(node ast.Node) ast.Visitor {
	if pair, ok := node.(*ast.MappingValueNode); ok {
		if p := pair.Key.GetToken().Position; p.Line == f.at.Line && p.Column == f.at.Column {
			f.path = pair.Key.GetPath()
		}
	}
	return f
}

// keysOf returns the keys that may stand beside the one at a path, if those are of a struct.
func keysOf(kind reflect.Type, path string) (keys []string) {
	steps := strings.FieldsFunc(strings.TrimPrefix(path, "$"), func(c rune) bool { return c == '.' || c == '[' || c == ']' })
	if len(steps) == 0 {
		return nil
	}
	for _, step := range steps[:len(steps)-1] {
		if kind = inside(kind, step); kind == nil {
			return nil
		}
	}
	for kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	if kind.Kind() != reflect.Struct {
		return nil
	}
	for field := range kind.Fields() {
		keys = append(keys, keyOf(field))
	}
	slices.Sort(keys)
	return keys
}

// inside returns the type of what a step of a path leads to; nil if it leads nowhere.
func inside(kind reflect.Type, step string) reflect.Type {
	switch kind.Kind() {
	case reflect.Pointer:
		return inside(kind.Elem(), step)
	case reflect.Slice, reflect.Map:
		return kind.Elem()
	case reflect.Struct:
		for field := range kind.Fields() {
			if keyOf(field) == step {
				return field.Type
			}
		}
	}
	return nil
}

func keyOf(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
	return name
}
