package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/server"
)

const (
	graphAudience = "https://graph.microsoft.com"
	armAudience   = "https://management.azure.com"
	armVersion    = "?api-version=2024-11-30"
	ownVersion    = "?api-version=2026-11-01" // of Inborn.Platform
	maxAnswer     = 64 << 20
)

// client is the command line as a caller of the public APIs of one running Inborn, in the role of its local
// administrator.
type client struct {
	admin  *server.Admin // nil of a private one
	data   string        // the data directory
	status server.Status
	http   *http.Client
	grant  func(ctx context.Context, audience string) (server.AdminToken, error)

	mu     sync.Mutex
	tokens map[string]server.AdminToken // by audience
}

// renewBefore is how long before its end a token is replaced: `inborn run` outlives many.
const renewBefore = time.Minute

// connect finds the Inborn that runs on the data directory.
func (sh *shell) connect(ctx context.Context) (*client, error) {
	admin := server.NewAdmin(sh.data)
	status, err := admin.Status(ctx)
	if err != nil {
		return nil, err
	}
	pem, err := os.ReadFile(status.CA)
	if err != nil {
		return nil, err
	}
	c, err := newClient(status, pem, admin.Token)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", status.CA, err)
	}
	c.admin, c.data = admin, sh.data
	return c, nil
}

// newClient returns a client of an Inborn whose certificates are signed by the one in ca and which gives out tokens by grant.
func newClient(status server.Status, ca []byte, grant func(ctx context.Context, audience string) (server.AdminToken, error)) (*client, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, errors.New("there is no certificate in it")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	return &client{status: status, grant: grant, tokens: map[string]server.AdminToken{},
		http: &http.Client{Transport: transport, Timeout: time.Minute}}, nil
}

// graph calls Microsoft Graph v1.0; path starts with a slash. in and out may be nil.
func (c *client) graph(ctx context.Context, method, path string, in, out any) error {
	return c.call(ctx, method, "/v1.0"+path, graphAudience, in, out)
}

// arm calls Resource Manager; path holds its api-version.
func (c *client) arm(ctx context.Context, method, path string, in, out any) error {
	return c.call(ctx, method, path, armAudience, in, out)
}

// graphAll reads all pages of a collection.
func graphAll[T any](ctx context.Context, c *client, path string) ([]T, error) {
	var all []T
	next := "/v1.0" + path
	for next != "" {
		var page graphList[T]
		if err := c.call(ctx, http.MethodGet, next, graphAudience, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Value...)
		next = strings.TrimPrefix(page.NextLink, c.status.Origin)
	}
	return all, nil
}

// armPages reads all pages of a list.
func armPages[T any](ctx context.Context, c *client, path string) ([]T, error) {
	var all []T
	for next := path; next != ""; {
		var page armPage[T]
		if err := c.arm(ctx, http.MethodGet, next, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Value...)
		next = strings.TrimPrefix(page.NextLink, c.status.Origin)
	}
	return all, nil
}

func (c *client) token(ctx context.Context, audience string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if have, ok := c.tokens[audience]; ok && time.Until(time.Unix(have.ExpiresOn, 0)) > renewBefore {
		return have.AccessToken, nil
	}
	token, err := c.grant(ctx, audience)
	if err != nil {
		return "", err
	}
	c.tokens[audience] = token
	return token.AccessToken, nil
}

// call sends one request. in is sent as JSON, or as YAML when it is bytes.
func (c *client) call(ctx context.Context, method, path, audience string, in, out any) error {
	bearer, err := c.token(ctx, audience)
	if err != nil {
		return err
	}
	body, kind, err := requestBody(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, c.status.Origin+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	resp, err := c.http.Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return apierr.New(apierr.StoreFailed, "The Inborn on %s does not answer at %s: is it in another container or network namespace?",
			c.data, c.status.Origin).Because(err)
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return refusal(resp, text)
	}
	if out == nil || len(text) == 0 {
		return nil
	}
	return json.Unmarshal(text, out)
}

func requestBody(in any) (body io.Reader, kind string, err error) {
	switch in := in.(type) {
	case nil:
		return nil, "", nil
	case []byte:
		return bytes.NewReader(in), "application/yaml", nil
	case appliedManifest:
		text, err := json.Marshal(in)
		return bytes.NewReader(text), "application/vnd.inborn.manifest+json", err
	default:
		text, err := json.Marshal(in)
		return bytes.NewReader(text), "application/json", err
	}
}

// refused is a request that an API answered with an error.
type refused struct {
	status  int
	code    string
	inner   string // the code that tells most, of Key Vault
	message string
	target  string
	help    string
	id      string // the request id, for inborn explain
}

func (e *refused) Error() string {
	text := e.message
	if e.help != "" {
		text += "\n  try: " + e.help
	}
	if e.id != "" {
		text += "\n  why: inborn explain " + e.id
	}
	return text
}

func refusal(resp *http.Response, body []byte) error {
	e := &refused{status: resp.StatusCode, id: resp.Header.Get("request-id")}
	if e.id == "" {
		e.id = resp.Header.Get("x-ms-request-id")
	}
	var wire wireError
	if json.Unmarshal(body, &wire) != nil || wire.Error.Message == "" {
		e.message = fmt.Sprintf("%s answered %s", resp.Request.URL.Path, resp.Status)
		return e
	}
	e.code, e.message, e.target, e.inner = wire.Error.Code, wire.Error.Message, wire.Error.Target, wire.Error.Inner.Code
	for _, detail := range wire.Error.Details {
		if detail.Code == "Help" {
			e.help = detail.Message
		}
	}
	return e
}

// notFound reports whether err says that the thing asked for does not exist.
func notFound(err error) bool {
	var e *refused
	return errors.As(err, &e) && e.status == http.StatusNotFound
}

// quote makes an OData string literal.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// usage is a mistake in the command line that a client of an API cannot see.
func usage(format string, args ...any) error {
	return &exitError{code: exitUsage, err: apierr.New(apierr.ParameterInvalid, format, args...)}
}
