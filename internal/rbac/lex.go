package rbac

import (
	"fmt"
	"strings"
)

// token is a piece of a condition.
type token struct {
	kind tokenKind
	text string // without quotes, @ and the last bracket
	at   int    // in bytes
}

type tokenKind uint8

const (
	tokenEnd       tokenKind = iota
	tokenMark                // ( ) { } ,
	tokenWord                // a name, a number, a GUID; AND, OR and NOT for && || !
	tokenText                // in single quotes; two of them are one
	tokenAttribute           // @Source[name]; text is Source[name
)

// is reports whether the token is the given mark or word.
func (t token) is(text string) bool {
	return (t.kind == tokenMark || t.kind == tokenWord) && same(t.text, text)
}

// String describes the token for a message.
func (t token) String() string {
	switch t.kind {
	case tokenEnd:
		return "the end"
	case tokenAttribute:
		return "@" + clip(t.text) + "]"
	case tokenText:
		return "'" + clip(t.text) + "'"
	}
	return clip(t.text)
}

// clip keeps a stranger's text in a message short.
func clip(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "..."
	}
	return s
}

// next reads the next token.
func (p *parser) next() {
	if p.why != "" {
		return
	}
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
	start, rest := p.pos, p.text[p.pos:]
	p.token = token{at: start}
	take := func(kind tokenKind, n int, text string) {
		p.pos += n
		p.token = token{kind, text, start}
	}
	switch {
	case rest == "":
	case strings.HasPrefix(rest, "&&"):
		take(tokenWord, 2, "AND")
	case strings.HasPrefix(rest, "||"):
		take(tokenWord, 2, "OR")
	case rest[0] == '!':
		take(tokenWord, 1, "NOT")
	case strings.IndexByte("(){},", rest[0]) >= 0:
		take(tokenMark, 1, rest[:1])
	case rest[0] == '\'':
		p.quoted(rest)
	case rest[0] == '@':
		n := strings.IndexByte(rest, ']')
		if open := strings.IndexByte(rest, '['); n < 0 || open < 0 || open > n {
			p.fail("an attribute is written @Source[name]")
			return
		}
		take(tokenAttribute, n+1, rest[1:n])
	case wordLength(rest) > 0:
		n := wordLength(rest)
		take(tokenWord, n, rest[:n])
	default:
		p.fail("%s has no meaning here", fmt.Sprintf("%q", rest[0]))
	}
}

func (p *parser) quoted(rest string) {
	var text strings.Builder
	for i := 1; i < len(rest); i++ {
		if rest[i] != '\'' {
			text.WriteByte(rest[i])
			continue
		}
		if i+1 == len(rest) || rest[i+1] != '\'' {
			p.token = token{tokenText, text.String(), p.pos}
			p.pos += i + 1
			return
		}
		text.WriteByte('\'')
		i++
	}
	p.fail("the text that begins here has no closing quote")
}

// wordLength returns how many bytes at the start of s make a word.
func wordLength(s string) int {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("_-+.:", c) >= 0) {
			return i
		}
	}
	return len(s)
}
