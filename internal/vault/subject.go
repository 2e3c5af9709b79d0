package vault

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/inborn-id/inborn/internal/apierr"
)

const (
	maxSubject   = 1024 // bytes of a distinguished name
	maxAttribute = 256  // bytes of one value in it
	maxRDNs      = 32
)

// attributeType returns the object identifier of a type of attribute by its name in distinguished names, in any case (RFC
// 4514, section 3, and the names that Windows has).
func attributeType(name string) (asn1.ObjectIdentifier, bool) {
	switch upper := strings.ToUpper(name); upper {
	case "CN":
		return asn1.ObjectIdentifier{2, 5, 4, 3}, true
	case "SN":
		return asn1.ObjectIdentifier{2, 5, 4, 4}, true
	case "SERIALNUMBER":
		return asn1.ObjectIdentifier{2, 5, 4, 5}, true
	case "C":
		return asn1.ObjectIdentifier{2, 5, 4, 6}, true
	case "L":
		return asn1.ObjectIdentifier{2, 5, 4, 7}, true
	case "S", "ST":
		return asn1.ObjectIdentifier{2, 5, 4, 8}, true
	case "STREET":
		return asn1.ObjectIdentifier{2, 5, 4, 9}, true
	case "O":
		return asn1.ObjectIdentifier{2, 5, 4, 10}, true
	case "OU":
		return asn1.ObjectIdentifier{2, 5, 4, 11}, true
	case "T", "TITLE":
		return asn1.ObjectIdentifier{2, 5, 4, 12}, true
	case "POSTALCODE":
		return asn1.ObjectIdentifier{2, 5, 4, 17}, true
	case "G", "GN", "GIVENNAME":
		return asn1.ObjectIdentifier{2, 5, 4, 42}, true
	case "I", "INITIALS":
		return asn1.ObjectIdentifier{2, 5, 4, 43}, true
	case "DC":
		return oidDomainComponent(), true
	case "UID":
		return asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}, true
	case "E", "EMAIL", "EMAILADDRESS":
		return oidEmailAddress(), true
	default:
		return parseOID(strings.TrimPrefix(upper, "OID."))
	}
}

func oidEmailAddress() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
}

func oidDomainComponent() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}
}

// parseOID reads an object identifier in numbers and dots.
func parseOID(s string) (asn1.ObjectIdentifier, bool) {
	const maxLength, maxArc = 128, 1<<31 - 1
	if s == "" || len(s) > maxLength {
		return nil, false
	}
	var oid asn1.ObjectIdentifier
	for arc := range strings.SplitSeq(s, ".") {
		n := 0
		if arc == "" || len(arc) > 1 && arc[0] == '0' {
			return nil, false
		}
		for _, c := range arc {
			if c < '0' || c > '9' || n > maxArc/10-1 {
				return nil, false
			}
			n = 10*n + int(c-'0')
		}
		oid = append(oid, n)
	}
	return oid, len(oid) >= 2 && oid[0] <= 2 && (oid[0] == 2 || oid[1] < 40)
}

// parseSubject reads a distinguished name as RFC 4514 writes it: the most specific part first, values with \ or in quotes
// where they need it. A semicolon is a comma, and blanks around parts do not count, as Windows has it. The result has the
// order of certificates, the most specific part last.
func parseSubject(s string) (pkix.RDNSequence, error) {
	if len(s) > maxSubject || !utf8.ValidString(s) {
		return nil, errSubject(s, "it is too long or not UTF-8")
	}
	p := subjectParser{rest: strings.TrimRight(strings.TrimLeft(s, " \t\r\n"), "\t\r\n")} // a blank at the end may be escaped
	if p.rest == "" {
		return nil, nil
	}
	names := pkix.RDNSequence{nil}
	for {
		one, why := p.attribute()
		if why != "" {
			return nil, errSubject(s, why)
		}
		last := len(names) - 1
		names[last] = append(names[last], one)
		if p.rest == "" {
			slices.Reverse(names)
			return names, nil
		}
		if p.rest[0] != '+' {
			names = append(names, nil)
		}
		if len(names) > maxRDNs {
			return nil, errSubject(s, "it has too many parts")
		}
		p.rest = p.rest[1:]
	}
}

func errSubject(s, why string) error {
	return apierr.New(apierr.PropertyInvalid, "The subject '%.60s' is no X.509 distinguished name such as CN=www.example.com, O=Example: %s.", s, why).
		At("policy.x509_props.subject")
}

type subjectParser struct{ rest string }

// attribute reads a type, an equals sign and a value, up to a separator or the end. The second result says what is wrong.
func (p *subjectParser) attribute() (pkix.AttributeTypeAndValue, string) {
	none := pkix.AttributeTypeAndValue{}
	name, rest, ok := strings.Cut(p.rest, "=")
	if !ok {
		return none, "a part has no ="
	}
	kind, ok := attributeType(strings.TrimSpace(name))
	if !ok {
		return none, "a part has an unknown type"
	}
	p.rest = strings.TrimLeft(rest, " ")
	if strings.HasPrefix(p.rest, "#") {
		return p.encoded(kind)
	}
	value, why := p.value()
	if why != "" {
		return none, why
	}
	if value == "" || len(value) > maxAttribute || !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
		return none, "a value is empty, too long or not UTF-8"
	}
	return encodeAttribute(kind, value)
}

// encodeAttribute picks the string type that certificates have for a type of attribute (RFC 5280, appendix A.1).
func encodeAttribute(kind asn1.ObjectIdentifier, value string) (pkix.AttributeTypeAndValue, string) {
	one := pkix.AttributeTypeAndValue{Type: kind, Value: value}
	switch {
	case kind.Equal(oidEmailAddress()) || kind.Equal(oidDomainComponent()):
		if !isASCII(value) {
			return one, "a mail address or domain component has a character that is not allowed"
		}
		one.Value = asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte(value)}
	case kind.Equal(asn1.ObjectIdentifier{2, 5, 4, 6}) && (len(value) != 2 || !isASCII(value)):
		return one, "a country is not two letters"
	}
	return one, ""
}

// encoded reads # and a value in DER, in hexadecimal, as programs write values of types that they do not know. It has to be
// one of the types of strings.
func (p *subjectParser) encoded(kind asn1.ObjectIdentifier) (pkix.AttributeTypeAndValue, string) {
	end := strings.IndexFunc(p.rest, func(c rune) bool { return c < 0x80 && isSeparator(byte(c)) })
	if end < 0 {
		end = len(p.rest)
	}
	der, err := hex.DecodeString(strings.TrimSpace(p.rest[1:end]))
	var value asn1.RawValue
	if err != nil || len(der) > maxAttribute || decodeDER(der, &value) != nil {
		return pkix.AttributeTypeAndValue{}, "a value behind # is not DER in hexadecimal"
	}
	text := []int{asn1.TagUTF8String, asn1.TagPrintableString, asn1.TagT61String, asn1.TagIA5String, asn1.TagBMPString}
	if value.Class != asn1.ClassUniversal || value.IsCompound || len(value.Bytes) == 0 || !slices.Contains(text, value.Tag) {
		return pkix.AttributeTypeAndValue{}, "a value behind # is no text"
	}
	p.rest = p.rest[end:]
	return pkix.AttributeTypeAndValue{Type: kind, Value: asn1.RawValue{FullBytes: der}}, ""
}

func isSeparator(c byte) bool { return c == ',' || c == ';' || c == '+' }

// value reads a value with its quotes and escapes, and the blanks behind it.
func (p *subjectParser) value() (string, string) {
	if strings.HasPrefix(p.rest, `"`) {
		return p.quoted()
	}
	var b strings.Builder
	kept := 0 // what is before this is no blank at the end
	for p.rest != "" && !isSeparator(p.rest[0]) {
		c := p.rest[0]
		if c == '\\' {
			unescaped, ok := p.escape()
			if !ok {
				return "", "a \\ stands before something that needs none"
			}
			b.WriteByte(unescaped)
			kept = b.Len()
			continue
		}
		if strings.IndexByte("\"<>\n", c) >= 0 {
			return "", "a value has a character that must be quoted"
		}
		b.WriteByte(c)
		if c != ' ' {
			kept = b.Len()
		}
		p.rest = p.rest[1:]
	}
	return b.String()[:kept], ""
}

// escape reads \ and what follows: a special character, or two digits of hexadecimal for one byte.
func (p *subjectParser) escape() (byte, bool) {
	if len(p.rest) >= 2 && strings.IndexByte(` "#+,;<=>\`, p.rest[1]) >= 0 {
		c := p.rest[1]
		p.rest = p.rest[2:]
		return c, true
	}
	if len(p.rest) < 3 {
		return 0, false
	}
	b, err := hex.DecodeString(p.rest[1:3])
	if err != nil {
		return 0, false
	}
	p.rest = p.rest[3:]
	return b[0], true
}

// quoted reads a value in quotes, in which a doubled quote is one.
func (p *subjectParser) quoted() (string, string) {
	var b strings.Builder
	p.rest = p.rest[1:]
	for p.rest != "" {
		switch {
		case strings.HasPrefix(p.rest, `""`):
			b.WriteByte('"')
			p.rest = p.rest[2:]
		case p.rest[0] == '"':
			p.rest = strings.TrimLeft(p.rest[1:], " ")
			if p.rest != "" && !isSeparator(p.rest[0]) {
				return "", "something stands behind a quoted value"
			}
			return b.String(), ""
		case p.rest[0] == '\\':
			c, ok := p.escape()
			if !ok {
				return "", "a \\ stands before something that needs none"
			}
			b.WriteByte(c)
		default:
			b.WriteByte(p.rest[0])
			p.rest = p.rest[1:]
		}
	}
	return "", "a quote is not closed"
}
