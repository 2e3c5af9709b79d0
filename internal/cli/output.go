package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
)

// print shows value as JSON, or as the table that rows makes of it: the first row is the head.
func (sh *shell) print(value any, rows [][]string) error {
	if sh.output == "json" {
		return sh.printJSON(value)
	}
	w := tabwriter.NewWriter(sh.out, 0, 4, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	return w.Flush()
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
	fmt.Fprintf(w, format+"\n", args...)
}
