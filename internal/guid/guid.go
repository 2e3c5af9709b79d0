// Package guid holds the 128-bit identifiers that name every tenant, principal, application and role.
//
// The text form is the canonical one of RFC 9562, always written in lower case and read in either case. A GUID is a
// plain array, so it can be compared with ==, used as a map key and kept inline in large tables.
package guid

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
)

// GUID is a 128-bit identifier; the zero value means "none".
type GUID [16]byte

var errSyntax = errors.New("not a GUID: expected 8-4-4-4-12 hexadecimal digits")

// Parse reads the 36-character form "8-4-4-4-12" in upper or lower case. Braces, urn: prefixes and undashed forms are
// refused, because two spellings of one id would make two cache keys.
func Parse(s string) (GUID, error) {
	var g GUID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return GUID{}, errSyntax
	}
	var digits [32]byte
	copy(digits[0:], s[0:8])
	copy(digits[8:], s[9:13])
	copy(digits[12:], s[14:18])
	copy(digits[16:], s[19:23])
	copy(digits[20:], s[24:36])
	if _, err := hex.Decode(g[:], digits[:]); err != nil {
		return GUID{}, errSyntax
	}
	return g, nil
}

// MustParse is Parse for constants in code; it panics on a bad literal.
func MustParse(s string) GUID {
	g, err := Parse(s)
	if err != nil {
		panic("guid.MustParse(" + s + "): " + err.Error())
	}
	return g
}

// New reads 16 bytes from random and marks them as a version 4 GUID. It fails only when random does.
func New(random io.Reader) (GUID, error) {
	var g GUID
	if _, err := io.ReadFull(random, g[:]); err != nil {
		return GUID{}, err
	}
	return mark(g, 4), nil
}

// Derive makes the id that belongs to name inside namespace: the same arguments always give the same id (version 8,
// SHA-256). It names things that exist without a record, such as Microsoft Graph's service principal in each tenant.
func Derive(namespace GUID, name string) GUID {
	h := sha256.New()
	h.Write(namespace[:])
	io.WriteString(h, name)
	var g GUID
	copy(g[:], h.Sum(nil))
	return mark(g, 8)
}

func mark(g GUID, version byte) GUID {
	g[6] = g[6]&0x0f | version<<4
	g[8] = g[8]&0x3f | 0x80
	return g
}

// IsZero reports whether g names nothing.
func (g GUID) IsZero() bool { return g == GUID{} }

// String returns the canonical lower-case form.
func (g GUID) String() string {
	var b [36]byte
	return string(g.append(b[:0]))
}

func (g GUID) append(b []byte) []byte {
	b = hex.AppendEncode(b, g[0:4])
	b = append(b, '-')
	b = hex.AppendEncode(b, g[4:6])
	b = append(b, '-')
	b = hex.AppendEncode(b, g[6:8])
	b = append(b, '-')
	b = hex.AppendEncode(b, g[8:10])
	b = append(b, '-')
	return hex.AppendEncode(b, g[10:16])
}

// AppendText implements encoding.TextAppender.
func (g GUID) AppendText(b []byte) ([]byte, error) { return g.append(b), nil }

// MarshalText implements encoding.TextMarshaler with the form of String.
func (g GUID) MarshalText() ([]byte, error) { return g.append(nil), nil }

// UnmarshalText implements encoding.TextUnmarshaler; it accepts what Parse accepts.
func (g *GUID) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*g = parsed
	return nil
}
