package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/inborn-id/inborn/internal/apierr"
)

// MaxSize is the largest manifest that is read, in bytes.
const MaxSize = 4 << 20

// Parse reads one YAML document. Its errors carry the place as "line:column" in Target and name the field; unknown
// keys, duplicate keys and a second document are errors.
func Parse(text []byte) (*Manifest, error) {
	if len(text) > MaxSize {
		return nil, invalid("1:1", "the manifest is larger than %d MiB", MaxSize>>20)
	}
	if err := checkDepth(text); err != nil {
		return nil, err
	}
	m := &Manifest{}
	decoder := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict())
	if err := decoder.Decode(m); err != nil && !errors.Is(err, io.EOF) {
		return nil, syntaxError(text, err)
	}
	if err := decoder.Decode(&Manifest{}); !errors.Is(err, io.EOF) {
		return nil, invalid("1:1", "the file holds more than one document; put everything into one")
	}
	return m, nil
}

// The schema nests five deep. The library's time and memory grow with the square of the depth, so a file of a few
// kilobytes of brackets would otherwise take all there is.
const (
	maxDepth  = 32
	maxIndent = 128 // columns
)

// checkDepth refuses a text that nests deeper than any manifest, before it is parsed. It counts brackets wherever they
// stand, in strings and comments too: no name needs 32 that stay open.
func checkDepth(text []byte) error {
	line, depth, indent, inIndent := 1, 0, 0, true
	for _, c := range text {
		switch {
		case c == '\n':
			line, indent, inIndent = line+1, 0, true
			continue
		case inIndent && (c == ' ' || c == '-' || c == '?' || c == '\t'):
			indent++
		default:
			inIndent = false
		}
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(depth-1, 0)
		}
		if depth > maxDepth || indent > maxIndent {
			return invalid(fmt.Sprintf("%d:1", line), "the file is nested too deeply for a manifest")
		}
	}
	return nil
}

func invalid(place, format string, args ...any) error {
	e := apierr.New(apierr.ManifestInvalid, "%s", fmt.Sprintf(format, args...))
	return e.At(place)
}

// syntaxError turns the library's errors, which draw the source around the place, into one sentence with the place.
func syntaxError(text []byte, err error) error {
	var named *apierr.Error
	var unknown *yaml.UnknownFieldError
	var mismatch *yaml.TypeError
	var syntax *yaml.SyntaxError
	var unexpected *yaml.UnexpectedNodeTypeError
	switch {
	case errors.As(err, &named):
		return named
	case errors.As(err, &unexpected):
		return invalid(place(unexpected.Token), "%s does not fit here: expected %s", unexpected.Actual.YAMLName(), unexpected.Expected.YAMLName())
	case errors.As(err, &unknown):
		return unknownKey(text, unknown.Token)
	case errors.As(err, &mismatch):
		return invalid(place(mismatch.Token), "%q does not fit here: expected %s", mismatch.Token.Value, friendly(mismatch.DstType.String()))
	case errors.As(err, &syntax):
		return invalid(place(syntax.Token), "%s", syntax.Message)
	}
	var other yaml.Error
	if errors.As(err, &other) {
		return invalid(place(other.GetToken()), "%s", other.GetMessage())
	}
	return invalid("1:1", "%s", strings.SplitN(err.Error(), "\n", 2)[0])
}

func place(t *token.Token) string {
	if t == nil || t.Position == nil {
		return "1:1"
	}
	return fmt.Sprintf("%d:%d", t.Position.Line, t.Position.Column)
}

// friendly names a Go type in the words of YAML.
func friendly(kind string) string {
	switch {
	case strings.HasPrefix(kind, "[]"):
		return "a list"
	case strings.HasPrefix(kind, "map"), strings.Contains(kind, "manifest."):
		return "a block of keys"
	case kind == "bool":
		return "true or false"
	case kind == "int":
		return "a number"
	case strings.Contains(kind, "guid."):
		return "a GUID"
	default:
		return "text"
	}
}

// Locate finds the place "line:column" of a path such as $.identities[0].appRoles[1].app in text; "" when the text
// has no such path. Errors of Plan name paths, because a plan is made where the file is not.
func Locate(text []byte, path string) string {
	file, err := parser.ParseBytes(text, 0)
	if err != nil || len(file.Docs) == 0 {
		return ""
	}
	at, err := yaml.PathString(path)
	if err != nil {
		return ""
	}
	node, err := at.FilterFile(file)
	if err != nil || node == nil {
		return ""
	}
	return place(node.GetToken())
}
