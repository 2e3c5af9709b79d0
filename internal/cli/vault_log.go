package cli

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// accessQuery is which entries of an access log are wanted.
type accessQuery struct {
	object, caller string
	since          time.Duration
	most           int
}

func newVaultLog(sh *shell) *cobra.Command {
	q := accessQuery{}
	c := sh.vaultCommand("log NAME", "Show who used a vault, for what, and why it was allowed or refused; the newest first",
		func(ctx context.Context, name string) error { return sh.vaultLog(ctx, name, q) })
	c.Example = "  inborn vault log kv-orders --since 1h\n  inborn vault log kv-orders --object secrets/db-password --output json"
	c.Flags().StringVar(&q.object, "object", "", "of this object only, such as secrets/db-password")
	c.Flags().StringVar(&q.caller, "caller", "", "of this principal only, a name or an object id")
	c.Flags().DurationVar(&q.since, "since", 0, "not older than this, such as 1h")
	c.Flags().IntVar(&q.most, "top", 100, "at most so many")
	return c
}

func (sh *shell) vaultLog(ctx context.Context, name string, q accessQuery) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	v, err := c.findVault(ctx, name)
	if err != nil {
		return err
	}
	query := url.Values{"$top": {strconv.Itoa(min(max(q.most, 1), 1000))}}
	for key, value := range map[string]string{"object": q.object, "caller": q.caller} {
		if value != "" {
			query.Set(key, value)
		}
	}
	if q.since > 0 {
		query.Set("since", time.Now().Add(-q.since).UTC().Format(time.RFC3339))
	}
	all := []accessEntry{}
	for next := v.ID + "/providers/Inborn.Platform/accesses" + ownVersion + "&" + query.Encode(); next != "" && len(all) < q.most; {
		var page armPage[accessEntry]
		if err := c.arm(ctx, "GET", next, nil, &page); err != nil {
			return err
		}
		all = append(all, page.Value[:min(len(page.Value), q.most-len(all))]...)
		next = strings.TrimPrefix(page.NextLink, c.status.Origin)
	}
	rows := [][]string{{"AT", "CALLER", "OPERATION", "OBJECT", "STATUS", "REQUEST", "REASON"}}
	for _, a := range all {
		rows = append(rows, []string{a.At.Local().Format(time.DateTime), a.Caller, a.Operation, a.Object, strconv.Itoa(a.Status), a.Request, a.Reason})
	}
	if len(all) == 0 && sh.output == "table" {
		sh.say("Nobody used it.")
		return nil
	}
	return sh.print(all, rows)
}
