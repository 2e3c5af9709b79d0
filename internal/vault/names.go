package vault

import (
	"encoding/asn1"
	"net/netip"
	"net/url"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
)

// Names are the subject alternative names of a certificate.
type Names struct {
	DNS    []string
	Emails []string
	UPNs   []string // user principal names
	URIs   []string
	IPs    []string
}

const (
	maxNames     = 100
	maxAltName   = 256 // bytes of one
	maxDNSLabel  = 63
	maxDNSLength = 253
)

func (n *Names) count() int {
	return len(n.DNS) + len(n.Emails) + len(n.UPNs) + len(n.URIs) + len(n.IPs)
}

// sorts returns the names by sort, with the word of the policy for it and what is true of each.
func (n *Names) sorts() []nameSort {
	return []nameSort{
		{"emails", n.Emails, func(s string) bool { return isASCII(s) && isAddress(s) }},
		{"dns_names", n.DNS, isDNSName},
		{"upns", n.UPNs, isAddress},
		{"uris", n.URIs, func(s string) bool {
			u, err := url.Parse(s)
			return err == nil && isASCII(s) && u.Scheme != ""
		}},
		{"ipAddresses", n.IPs, func(s string) bool {
			addr, err := netip.ParseAddr(s)
			return err == nil && addr.Zone() == ""
		}},
	}
}

type nameSort struct {
	word  string
	names []string
	valid func(string) bool
}

func (n *Names) check() error {
	if n.count() > maxNames {
		return apierr.New(apierr.PropertyInvalid, "There are %d subject alternative names; %d are allowed.", n.count(), maxNames).At("policy.x509_props.sans")
	}
	for _, sort := range n.sorts() {
		for _, name := range sort.names {
			if len(name) > maxAltName || !sort.valid(name) {
				return apierr.New(apierr.PropertyInvalid, "The subject alternative name '%.60s' is not one of %s.", name, sort.word).
					At("policy.x509_props.sans." + sort.word)
			}
		}
	}
	return nil
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' })
}

func isAddress(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && domain != "" && !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == '\uFFFD' })
}

// isDNSName takes names of hosts, of which the first label may be *, and which may have an underscore.
func isDNSName(s string) bool {
	if len(s) > maxDNSLength {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimPrefix(s, "*."), ".") {
		outside := func(c rune) bool {
			return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_'
		}
		if label == "" || len(label) > maxDNSLabel || strings.ContainsFunc(label, outside) || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}

// The tags of a GeneralName (RFC 5280, section 4.2.1.6).
const (
	tagOther = 0
	tagEmail = 1
	tagDNS   = 2
	tagURI   = 6
	tagIP    = 7
)

func oidUPN() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3}
}

// encode returns the value of the extension subjectAltName.
func (n *Names) encode() ([]byte, error) {
	var names []asn1.RawValue
	add := func(tag int, value []byte) {
		names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, Bytes: value})
	}
	for _, s := range n.Emails {
		add(tagEmail, []byte(s))
	}
	for _, s := range n.DNS {
		add(tagDNS, []byte(s))
	}
	for _, s := range n.URIs {
		add(tagURI, []byte(s))
	}
	for _, s := range n.IPs {
		add(tagIP, netip.MustParseAddr(s).Unmap().AsSlice()) // checked before
	}
	for _, s := range n.UPNs {
		other, err := encodeUPN(s)
		if err != nil {
			return nil, err
		}
		names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tagOther, IsCompound: true, Bytes: other})
	}
	return asn1.Marshal(names)
}

// encodeUPN returns what stands in an OtherName for a user principal name: its type, and the name in UTF-8.
func encodeUPN(upn string) ([]byte, error) {
	kind, err := asn1.Marshal(oidUPN())
	if err != nil {
		return nil, err
	}
	value, err := asn1.MarshalWithParams(upn, "utf8")
	if err != nil {
		return nil, err
	}
	wrapped, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: value})
	return append(kind, wrapped...), err
}

// decodeUPNs returns the user principal names in the value of the extension subjectAltName; what cannot be read is none.
func decodeUPNs(extension []byte) []string {
	var names []asn1.RawValue
	if _, err := asn1.Unmarshal(extension, &names); err != nil {
		return nil
	}
	var upns []string
	for _, name := range names {
		if name.Class != asn1.ClassContextSpecific || name.Tag != tagOther {
			continue
		}
		var kind asn1.ObjectIdentifier
		rest, err := asn1.Unmarshal(name.Bytes, &kind)
		if err != nil || !kind.Equal(oidUPN()) {
			continue
		}
		var wrapped asn1.RawValue
		var upn string
		if _, err := asn1.Unmarshal(rest, &wrapped); err != nil {
			continue
		}
		if _, err := asn1.UnmarshalWithParams(wrapped.Bytes, &upn, "utf8"); err == nil {
			upns = append(upns, upn)
		}
	}
	return upns
}
