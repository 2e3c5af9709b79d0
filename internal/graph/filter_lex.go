package graph

import (
	"strings"
	"unicode/utf8"

	"github.com/inborn-id/inborn/internal/apierr"
)

// maxFilter bounds the text of a $filter, in bytes: some 200 ids.
const maxFilter = 8 << 10

// lexeme is one piece of a filter. Its class is 'w' for a word (a name, an operator, a number, an id or a time), 's' for
// a string, 0 for the end, or the punctuation mark itself.
type lexeme struct {
	class byte
	text  string // of a word, or the content of a string with its quotes undone
	at    int    // byte offset
}

// lex takes a filter apart.
func lex(text string) ([]lexeme, error) {
	if len(text) > maxFilter {
		return nil, apierr.New(apierr.ParameterInvalid, "Invalid filter clause: it is longer than %d bytes.", maxFilter).At("$filter")
	}
	if !utf8.ValidString(text) {
		return nil, badFilter("it is not UTF-8", 0)
	}
	var all []lexeme
	for i := 0; i < len(text); {
		start := i
		switch c := text[i]; {
		case c == ' ' || c == '\t':
			i++
			continue
		case strings.IndexByte("(),/:", c) >= 0:
			i++
			all = append(all, lexeme{class: c, at: start})
		case c == '\'':
			content, length, ok := quoted(text[i:])
			if !ok {
				return nil, badFilter("the string is not closed", start)
			}
			i += length
			all = append(all, lexeme{class: 's', text: content, at: start})
		case isWord(c):
			timed := c >= '0' && c <= '9' // a time holds colons; after a name one begins the body of a lambda
			for i < len(text) && (isWord(text[i]) || timed && text[i] == ':') {
				i++
			}
			all = append(all, lexeme{class: 'w', text: text[start:i], at: start})
		default:
			return nil, badFilter("the character is not expected", start)
		}
	}
	return append(all, lexeme{at: len(text)}), nil
}

// quoted returns the content of the string that s begins with and how many bytes it takes: two quotes are one.
func quoted(s string) (content string, length int, ok bool) {
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			i++
			continue
		}
		return strings.ReplaceAll(s[1:i], "''", "'"), i + 1, true
	}
	return "", 0, false
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("_$.-+", c) >= 0
}

func badFilter(why string, at int) error {
	return apierr.New(apierr.ParameterInvalid, "Invalid filter clause: %s at position %d.", why, at).At("$filter")
}
