package cli

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

func newExplain(sh *shell) *cobra.Command {
	var caller string
	var most int
	c := &cobra.Command{
		Use:   "explain [REQUEST-ID]",
		Short: "Tell why a request was refused: who asked, what was checked, what failed, what would fix it",
		Long: "Tell why a request was refused. Every refusal carries an id: the header x-ms-request-id or request-id, the\n" +
			"request-id or correlationId in the body. Without an id the newest refusals are listed with theirs, for clients that\n" +
			"do not show it. Refusals are kept for a day.",
		Example: "  inborn explain 5b1ec7c4-4c92-4c0a-9d61-0a8b5f0f9a10\n  inborn explain --caller func-orders",
		Args:    between(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return sh.refusals(c.Context(), caller, most)
			}
			return sh.explain(c.Context(), args[0])
		},
	}
	c.Flags().StringVar(&caller, "caller", "", "list those of one caller only, by name")
	c.Flags().IntVar(&most, "top", 20, "list at most so many")
	return c
}

// refusals lists the newest ones.
func (sh *shell) refusals(ctx context.Context, caller string, most int) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	query := url.Values{"$top": {strconv.Itoa(most)}}
	if caller != "" {
		query.Set("caller", caller)
	}
	var page armPage[trace]
	if err := c.arm(ctx, http.MethodGet, "/providers/Inborn.Platform/traces"+ownVersion+"&"+query.Encode(), nil, &page); err != nil {
		return err
	}
	if len(page.Value) == 0 && sh.output != "json" {
		sh.say("No request was refused.")
		return nil
	}
	rows := [][]string{{"AT", "WHO", "API", "REQUEST", "REFUSED WITH", "ID"}}
	for _, t := range page.Value {
		at := t.At
		if when, err := time.Parse(time.RFC3339, at); err == nil {
			at = when.Local().Format(time.DateTime)
		}
		rows = append(rows, []string{at, t.Caller, t.API, t.Method + " " + t.Path, strconv.Itoa(t.Status) + " " + t.Code, t.ID})
	}
	return sh.print(page.Value, rows)
}

// A refusal is written behind the answer, so the reason may be asked for before it is there.
const (
	writtenWithin = 500 * time.Millisecond
	writtenPause  = 50 * time.Millisecond
)

func (sh *shell) explain(ctx context.Context, id string) error {
	if _, err := guid.Parse(id); err != nil {
		return usage("%q is not a request id: %v.", id, err)
	}
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	var t trace
	err = c.arm(ctx, http.MethodGet, "/providers/Inborn.Platform/traces/"+id+ownVersion, nil, &t)
	for tries := 0; notFound(err) && tries < int(writtenWithin/writtenPause); tries++ {
		time.Sleep(writtenPause)
		err = c.arm(ctx, http.MethodGet, "/providers/Inborn.Platform/traces/"+id+ownVersion, nil, &t)
	}
	if notFound(err) {
		return apierr.New(apierr.ObjectNotFound, "No refused request has the id %s. Refusals are kept for a day.", id)
	}
	if err != nil {
		return err
	}
	if sh.output == "json" {
		return sh.printJSON(t)
	}
	sh.say("%s %s\n%s, %s, refused with %d %s\n", t.Method, t.Path, t.API, t.At, t.Status, t.Code)
	return sh.print(t, t.rows())
}

// rows are what a trace tells, what was found under the name of the check.
func (t trace) rows() (rows [][]string) {
	add := func(name, text string) {
		for i, line := range lines(text) {
			if i > 0 {
				name = "" // so that no text can pass for a row of ours
			}
			rows = append(rows, []string{name, line})
		}
	}
	if t.Caller != "" {
		add("who", t.Caller)
	}
	for _, step := range t.Steps {
		add(step.Check, step.Result)
	}
	add("refused", t.Message)
	if t.Help != "" {
		add("fix", t.Help)
	}
	return rows
}

// lines splits a text where any system breaks lines; what is empty at its end is left out.
func lines(text string) []string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	all := strings.Split(strings.TrimRight(text, " \n"), "\n")
	for i, line := range all {
		all[i] = strings.TrimRight(line, " ")
	}
	return all
}
