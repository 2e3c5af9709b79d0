package cli

import (
	"bytes"
	"testing"
)

func TestATerminalIsNotSteered(t *testing.T) {
	for text, want := range map[string]string{
		"orders-api":          "orders-api",
		"Müller & Söhne 🙂":    "Müller & Söhne 🙂",
		"two\nlines":          "two\nlines",
		"\x1b[2J\x1b]0;x\x07": `\u001b[2J\u001b]0;x\u0007`,
		"a\u202eb":            `a\u202eb`,
		"c1 \u009b31m":        `c1 \u009b31m`,
		"\xff\x1b":            "\uFFFD" + `\u001b`,
		"back\rspace\b":       `back\u000dspace\u0008`,
	} {
		if got := printable(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	var out bytes.Buffer
	sh := &shell{out: &out, err: &out, output: "table"}
	if err := sh.print(nil, [][]string{{"name", "what"}, {"\x1b[31mred", "x"}}); err != nil {
		t.Fatal(err)
	}
	sh.say("%s", "\x1b[31mred")
	if bytes.ContainsRune(out.Bytes(), 0x1b) {
		t.Errorf("%q", out.String())
	}
}
