package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newToken(sh *shell) *cobra.Command {
	return family("token", "Get a token as a workload would, and read what a token says", newTokenGet(sh), newTokenShow(sh))
}

// tokenRequest is what `inborn token get` asks the identity endpoint for.
type tokenRequest struct {
	as, resource                   string
	clientID, objectID, resourceID string
}

func newTokenGet(sh *shell) *cobra.Command {
	var t tokenRequest
	c := &cobra.Command{
		Use:   "get --as RESOURCE --resource URI",
		Short: "Get a token from the identity endpoint, as the workload of a resource would",
		Example: "  inborn token get --as func-orders --resource https://graph.microsoft.com\n" +
			"  inborn token get --as func-orders --resource api://orders --output json",
		Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error { return sh.tokenGet(c.Context(), t) },
	}
	flags := c.Flags()
	flags.StringVar(&t.as, "as", "", "name or id of the resource")
	flags.StringVar(&t.resource, "resource", "", "identifier URI or client id of the API that the token is for")
	flags.StringVar(&t.clientID, "client-id", "", "choose the identity by client id")
	flags.StringVar(&t.objectID, "object-id", "", "choose the identity by object id")
	flags.StringVar(&t.resourceID, "resource-id", "", "choose the identity by resource id")
	_ = c.MarkFlagRequired("as")
	_ = c.MarkFlagRequired("resource")
	c.MarkFlagsMutuallyExclusive("client-id", "object-id", "resource-id")
	return c
}

func (sh *shell) tokenGet(ctx context.Context, t tokenRequest) error {
	c, err := sh.connect(ctx)
	if err != nil {
		return err
	}
	l, err := c.launch(ctx, t.as, time.Minute)
	if err != nil {
		return err
	}
	defer func() { _ = l.end(context.WithoutCancel(ctx)) }() // it ends by itself within a minute
	body, err := l.ask(ctx, t)
	if err != nil {
		return err
	}
	if sh.output == "json" {
		_, err = fmt.Fprintf(sh.out, "%s\n", body)
		return err
	}
	var token tokenAnswer
	if err := json.Unmarshal(body, &token); err != nil {
		return err
	}
	_, err = fmt.Fprintln(sh.out, token.AccessToken)
	return err
}

// ask sends the request an SDK would send to the App Service endpoint and returns the body.
func (l *launch) ask(ctx context.Context, t tokenRequest) ([]byte, error) {
	query := url.Values{"api-version": {"2019-08-01"}, "resource": {t.resource}}
	for name, value := range map[string]string{"client_id": t.clientID, "principal_id": t.objectID, "mi_res_id": t.resourceID} {
		if value != "" {
			query.Set(name, value)
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.endpoint()+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-IDENTITY-HEADER", l.header)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil || resp.StatusCode == http.StatusOK {
		return body, err
	}
	var failed tokenRefusal
	if json.Unmarshal(body, &failed) != nil || failed.Message == "" {
		return nil, fmt.Errorf("the identity endpoint answered %s", resp.Status)
	}
	return nil, &refused{status: resp.StatusCode, message: failed.Message, id: failed.CorrelationID}
}

func newTokenShow(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "show [TOKEN]",
		Short: "Explain every claim of a token, read from the argument or from standard input",
		Long: "Explain every claim of a token. Without an argument, or with -, it is read from standard input, which keeps it\n" +
			"out of the list of processes and the history of the shell. The signature is checked where an Inborn is running.",
		Example: "  inborn token get --as func-orders --resource api://orders | inborn token show",
		Args:    between(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			text := "-"
			if len(args) == 1 {
				text = args[0]
			}
			if text == "-" {
				read, err := io.ReadAll(io.LimitReader(sh.in, 64<<10))
				if err != nil {
					return err
				}
				text = string(read)
			}
			return sh.tokenShow(c.Context(), strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(text), "Bearer ")))
		},
	}
}

func (sh *shell) tokenShow(ctx context.Context, text string) error {
	header, claims, err := decodeToken(text)
	if err != nil {
		return err
	}
	verdict := sh.checkSignature(ctx, text)
	if sh.output == "json" {
		return sh.printJSON(map[string]any{"header": header, "claims": claims, "signature": verdict})
	}
	rows := [][]string{{"HEADER", "VALUE", "MEANING"}}
	rows = append(rows, explainAll(header, headerMeanings())...)
	rows = append(rows, []string{}, []string{"CLAIM", "VALUE", "MEANING"})
	rows = append(rows, explainAll(claims, claimMeanings())...)
	if err := sh.print(nil, rows); err != nil {
		return err
	}
	_, err = fmt.Fprintf(sh.out, "\nsignature: %s\n", verdict)
	return err
}
