package vault

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/apierr"
)

func TestParseSubject(t *testing.T) {
	for text, want := range map[string]string{ // as package pkix writes it
		"":          "",
		"  ":        "",
		"CN=a":      "CN=a",
		"cn=MyCert": "CN=MyCert",
		"CN=www.example.com, O=Example Ltd., L=Bern ,C=CH": "CN=www.example.com,O=Example Ltd.,L=Bern,C=CH",
		" CN = a ; O = b ":      "CN=a,O=b",
		"CN=a+OU=b,O=c":         "CN=a+OU=b,O=c",
		`CN=a\, b,O=c`:          `CN=a\, b,O=c`,
		`CN="a, b; ""c""", O=d`: `CN=a\, b\; \"c\",O=d`,
		`CN=\ a\ `:              `CN=\ a\ `,
		`CN=a\2Cb\C3\A4`:        `CN=a\,bä`,
		`CN=" a "`:              `CN=\ a\ `,
		"CN=日本":                 "CN=日本",
		"CN=a=b":                "CN=a=b",
		"CN=a b,S=x,STREET=y":   "CN=a b,ST=x,STREET=y",
		"OID.2.5.4.3=a":         "CN=a",
		"2.5.4.3=a,2.5.4.5=7":   "CN=a,SERIALNUMBER=7",
		"CN=#0c0161":            "CN=a",
		"CN=#0C0161 , O=b":      "CN=a,O=b",
	} {
		names, err := parseSubject(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		der, err := asn1.Marshal(names)
		if err != nil {
			t.Fatal(err)
		}
		var back pkix.RDNSequence
		if err := decodeDER(der, &back); err != nil {
			t.Fatal(err)
		}
		if got := back.String(); got != want {
			t.Errorf("%s is %s; want %s", text, got, want)
		}
	}
}

// Mail addresses and domain components are IA5String (tag 22) in certificates, the most specific part last.
func TestSubjectStringTypes(t *testing.T) {
	names, err := parseSubject("E=a@b,CN=d,DC=c")
	if err != nil {
		t.Fatal(err)
	}
	der, err := asn1.Marshal(names)
	if err != nil || !strings.Contains(hex.EncodeToString(der), "160163") || !strings.HasSuffix(hex.EncodeToString(der), "1603614062") {
		t.Errorf("%x, %v", der, err)
	}
}

func TestParseSubjectRefuses(t *testing.T) {
	for _, bad := range []string{"a", "CN", "CN=", "=a", "CN=a,", ",CN=a", "CN=a,,O=b", "CN=a+", "XX=a", "CN=a\nO=b", `CN="a`, `CN="a"b`, `CN=a\`, `CN=a\x`, `CN=a\0`, `CN=a"b`,
		"CN=a<b", `CN=\00`, "CN=\x00", "CN=\xff", `CN=\ff`, "C=CHE", "C=é", "E=ä@b", "CN=#", "CN=#zz", "CN=#0c01", "CN=#020101", "CN=#0c016100", "CN=#0c00", "CN=#30030c0161",
		"1=a", "2.5.4.=a", "2.5.4.03=a", "3.1=a", "1.40=a", "2.5.4.99999999999=a", "OID.=a", "CN=" + strings.Repeat("a", 257), strings.Repeat("CN=a,", 40) + "CN=a",
		"CN=" + strings.Repeat("a,O=", 300)} {
		if names, err := parseSubject(bad); !apierr.Is(err, apierr.PropertyInvalid) || names != nil || len(err.Error()) > 400 {
			t.Errorf("%.60q: %v, %v", bad, names, err)
		}
	}
}

// What is read can be encoded, and what a certificate with it would show reads as the same name again.
func FuzzParseSubject(f *testing.F) {
	for _, seed := range []string{"CN=a, O=b", `CN="a""b"+OU=\2c;C=CH`, "E=a@b,DC=c", "CN=#0c0161", "1.2.3=x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		names, err := parseSubject(text)
		if err != nil || len(names) == 0 {
			return
		}
		der, err := asn1.Marshal(names)
		if err != nil {
			t.Fatalf("%q cannot be encoded: %v", text, err)
		}
		var shown pkix.RDNSequence
		if err := decodeDER(der, &shown); err != nil {
			return // a value behind # may have bytes that its type does not allow
		}
		again, err := parseSubject(shown.String())
		if err != nil {
			if len(shown.String()) > maxSubject || strings.Contains(text, "#") {
				return
			}
			t.Fatalf("%q is shown as %q, and that is refused: %v", text, shown, err)
		}
		var back pkix.RDNSequence
		if der, err := asn1.Marshal(again); err != nil || decodeDER(der, &back) != nil || back.String() != shown.String() {
			t.Fatalf("%q is shown as %q and then as %q", text, shown, back)
		}
	})
}
