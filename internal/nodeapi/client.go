package nodeapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

// Client is the agent's half. Its errors are *apierr.Error: a refusal with the code the server gave it, or one of kind
// Unavailable when the server cannot be reached or does not answer in time.
type Client struct {
	// HTTP carries the requests. It must not have a Timeout, which would end every watch, and should keep as many idle
	// connections per host as tokens are minted at a time. See Pipe for the one to use inside a process.
	HTTP *http.Client
	// Base is the origin of the server, such as https://login.example.org, without a slash at the end.
	Base string
	// Local is the server's half if it is in the same process: tokens are asked of it directly, and only of it. Written
	// and read as JSON and HTTP, and collected as garbage, they would take a tenth of the time of their signatures. nil:
	// it is somewhere else.
	Local *Handler
	// Trouble is told each time the watch is lost, with the reason, for the log. nil: nobody is.
	Trouble func(error)
}

// Watch calls install with each snapshot the server sends, one after another, until ctx ends. A watch that is lost is
// taken up again, after a pause that grows to half a minute and is never the same for two agents.
func (c *Client) Watch(ctx context.Context, install func(Workloads)) {
	for tries := 0; ; tries++ {
		err := c.follow(ctx, func(w Workloads) {
			tries = 0
			install(w)
		})
		if ctx.Err() != nil {
			return
		}
		if c.Trouble != nil {
			c.Trouble(err)
		}
		select {
		case <-time.After(pause(tries, rand.Float64())):
		case <-ctx.Done():
			return
		}
	}
}

// pause is how long to wait after tries failures in a row: 100 ms doubled each time up to 30 s, of which dice (0 to 1)
// takes away up to half.
func pause(tries int, dice float64) time.Duration {
	longest := min(100*time.Millisecond<<min(tries, 20), 30*time.Second)
	return longest - time.Duration(dice*float64(longest)/2)
}

// follow reads one stream to its end and returns why it ended.
func (c *Client) follow(ctx context.Context, install func(Workloads)) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	dead := time.AfterFunc(silence, func() { stop(fmt.Errorf("no sign of life for %v", silence)) })
	defer dead.Stop()
	response, err := c.do(ctx, http.MethodGet, pathWorkloads+"?watch", nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(make([]byte, 0, 4096), maxSnapshot)
	for lines.Scan() {
		dead.Reset(silence)
		if len(lines.Bytes()) == 0 {
			continue // heartbeat
		}
		var w Workloads
		if err := json.Unmarshal(lines.Bytes(), &w); err != nil {
			return unreachable(fmt.Errorf("a line of the watch: %w", err))
		}
		install(w)
	}
	return unreachable(errors.Join(errors.New("the watch ended"), lines.Err(), context.Cause(ctx)))
}

// Workloads fetches the snapshot of this moment.
func (c *Client) Workloads(ctx context.Context) (Workloads, error) {
	response, err := c.do(ctx, http.MethodGet, pathWorkloads, nil)
	if err != nil {
		return Workloads{}, err
	}
	var w Workloads
	err = decode(response, maxSnapshot, &w)
	return w, err
}

// Mint has a token made.
func (c *Client) Mint(ctx context.Context, m MintRequest) (Minted, error) {
	if c.Local != nil {
		return c.Local.direct(ctx, m)
	}
	response, err := c.do(ctx, http.MethodPost, pathTokens, m)
	if err != nil {
		return Minted{}, err
	}
	var minted Minted
	err = decode(response, maxMinted, &minted)
	return minted, err
}

// Report sends traces of requests that were refused here, at most MaxTraces.
func (c *Client) Report(ctx context.Context, traces []apierr.Trace) error {
	batch := report{make([]trace, len(traces))}
	for i, t := range traces {
		batch.Traces[i] = toWire(t)
	}
	response, err := c.do(ctx, http.MethodPost, pathTraces, batch)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// do sends body as JSON and returns an answer that is a success; the caller closes its Body.
func (c *Client) do(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, apierr.From(err)
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.Base+path, content)
	if err != nil {
		return nil, apierr.From(err)
	}
	response, err := c.HTTP.Do(request)
	if err != nil {
		return nil, unreachable(err)
	}
	if response.StatusCode/100 != 2 {
		defer response.Body.Close()
		return nil, refused(response.StatusCode, response.Body)
	}
	return response, nil
}

// decode reads all of an answer, so that the connection can carry the next request, and closes it.
func decode(response *http.Response, limit int64, into any) error {
	defer response.Body.Close()
	text, err := readAll(response.Body, response.ContentLength, limit)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		return unreachable(err)
	}
	return nil
}
