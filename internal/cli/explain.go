package cli

import (
	"context"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

func newExplain(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "explain REQUEST-ID",
		Short: "Tell why a request was refused: who asked, what was checked, what failed, what would fix it",
		Long: "Tell why a request was refused. Every refusal carries an id: the header x-ms-request-id or request-id, the\n" +
			"request-id or correlationId in the body. Refusals are kept for a day.",
		Example: "  inborn explain 5b1ec7c4-4c92-4c0a-9d61-0a8b5f0f9a10",
		Args:    exactly(1),
		RunE:    func(c *cobra.Command, args []string) error { return sh.explain(c.Context(), args[0]) },
	}
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
	var rows [][]string
	if t.Caller != "" {
		rows = append(rows, []string{"who", t.Caller})
	}
	for _, step := range t.Steps {
		rows = append(rows, []string{step.Check, step.Result})
	}
	rows = append(rows, []string{"refused", t.Message})
	if t.Help != "" {
		rows = append(rows, []string{"fix", t.Help})
	}
	return sh.print(t, rows)
}
