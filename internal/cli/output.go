package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"
)

// print shows value as JSON, or as the table that rows makes of it: the first row is the head. In a table of what and its
// value, no value is shown as a dash, which keeps the columns together.
func (sh *shell) print(value any, rows [][]string) error {
	if sh.output == "json" {
		return sh.printJSON(value)
	}
	w := tabwriter.NewWriter(sh.out, 0, 4, 2, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = printable(cell)
		}
		if len(cells) == 2 && cells[1] == "" {
			cells[1] = "-"
		}
		fmt.Fprintln(w, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
	}
	return w.Flush()
}

// printable returns text with what would steer a terminal made visible. Names and paths in what we print come from
// whoever made the object or sent the request.
func printable(text string) string {
	steers := func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Bidi_Control, r)
	}
	if utf8.ValidString(text) && !strings.ContainsFunc(text, steers) {
		return text
	}
	var shown strings.Builder
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		if steers(r) {
			fmt.Fprintf(&shown, "\\u%04x", r)
		} else {
			shown.WriteRune(r)
		}
	}
	return shown.String()
}

func (sh *shell) printJSON(value any) error {
	encoder := json.NewEncoder(sh.out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// say writes a sentence for the person at the terminal; with --output json it goes to standard error, so that standard
// output stays one JSON value.
func (sh *shell) say(format string, args ...any) {
	w := sh.out
	if sh.output == "json" {
		w = sh.err
	}
	fmt.Fprintln(w, printable(fmt.Sprintf(format, args...)))
}
