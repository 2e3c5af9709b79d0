package guid

import (
	"bytes"
	"strings"
	"testing"
)

func TestParseAndFormatAgree(t *testing.T) {
	const text = "f8973019-6953-433b-b935-adc31f5646d5"
	for _, in := range []string{text, strings.ToUpper(text)} {
		g, err := Parse(in)
		if err != nil || g.String() != text {
			t.Errorf("Parse(%q) = %v, %v", in, g, err)
		}
	}
}

func TestParseRefusesOtherForms(t *testing.T) {
	for _, in := range []string{"", "x", "{f8973019-6953-433b-b935-adc31f5646d5}", "f89730196953433bb935adc31f5646d5",
		"f8973019-6953-433b-b935-adc31f5646dg", "f8973019-6953-433b-b935_adc31f5646d5", "f8973019-6953-433b-b935-adc31f5646d5 "} {
		if g, err := Parse(in); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", in, g)
		}
	}
}

func TestNewMarksTheVersion(t *testing.T) {
	g, err := New(bytes.NewReader(bytes.Repeat([]byte{0xff}, 16)))
	if err != nil || g.String() != "ffffffff-ffff-4fff-bfff-ffffffffffff" {
		t.Errorf("New = %v, %v", g, err)
	}
	if _, err := New(bytes.NewReader(nil)); err == nil {
		t.Error("New with no randomness must fail")
	}
}

func TestDeriveDependsOnBothArguments(t *testing.T) {
	a, b := MustParse("00000000-0000-4000-8000-000000000001"), MustParse("00000000-0000-4000-8000-000000000002")
	if got := Derive(a, "x").String(); got != "4066927e-4090-8ae6-a126-f8c3689ae19a" {
		t.Errorf("Derive is not stable: %s", got)
	}
	if Derive(a, "x") == Derive(b, "x") || Derive(a, "x") == Derive(a, "y") {
		t.Error("Derive ignores an argument")
	}
}

func TestTextRoundTrip(t *testing.T) {
	g := MustParse("f8973019-6953-433b-b935-adc31f5646d5")
	text, _ := g.MarshalText()
	var back GUID
	if err := back.UnmarshalText(text); err != nil || back != g {
		t.Errorf("round trip = %v, %v", back, err)
	}
	if err := back.UnmarshalText([]byte("no")); err == nil {
		t.Error("UnmarshalText accepted nonsense")
	}
}
