package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// What the demo reads of a workload's output beside what it shows.
const (
	done      = "."           // ends the lines that answer one step
	requestID = "request id " // stands before the id of the refusal that the demo will ask about
)

// workload is a program as anybody writes it: no secret, no Inborn package, only the environment that a Functions host
// gives. It does what it is told on standard input, a step a line, so that the demo can show what the same process sees
// before and after a change.
type workload struct {
	client      *http.Client
	graph       string // base address
	orders      string
	name        string
	graphToken  string
	ordersToken string
}

func runWorkload(name, orders string) error {
	client, err := trusting(os.Getenv("INBORN_CA"))
	if err != nil {
		return err
	}
	w := &workload{client: client, name: name, orders: orders, graph: os.Getenv("INBORN_ORIGIN") + "/v1.0"}
	steps := map[string]func(since time.Time) error{
		"users":         func(time.Time) error { return w.listUsers() },
		"orders":        func(time.Time) error { return w.listOrders() },
		"users-refused": w.usersRefused,
		"role-lost":     w.roleLost,
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		step, at, _ := strings.Cut(lines.Text(), " ")
		nanoseconds, _ := strconv.ParseInt(at, 10, 64) // 0 for steps that measure nothing
		if err := steps[step](time.Unix(0, nanoseconds)); err != nil {
			return fmt.Errorf("%s, step %s: %w", name, step, err)
		}
		fmt.Println(done)
	}
	return lines.Err()
}

// trusting returns a client that trusts the certificate in a file.
func trusting(file string) (*http.Client, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}, nil
}

// token asks the identity endpoint, as the SDKs do: this is all there is to it.
func (w *workload) token(resource string) (string, error) {
	address := os.Getenv("IDENTITY_ENDPOINT") + "?api-version=2019-08-01&resource=" + url.QueryEscape(resource)
	status, body, err := w.get(address, "X-IDENTITY-HEADER", os.Getenv("IDENTITY_HEADER"))
	if err != nil || status != http.StatusOK {
		return "", fmt.Errorf("identity endpoint: %d %s %w", status, body, err)
	}
	var answer map[string]string
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", err
	}
	return answer["access_token"], nil
}

// get sends one request and returns status and body.
func (w *workload) get(address, header, value string) (int, []byte, error) {
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set(header, value)
	resp, err := w.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, body, err
}

func (w *workload) say(started time.Time, format string, args ...any) {
	fmt.Println(line(fmt.Sprintf("%-13s %s", w.name, fmt.Sprintf(format, args...)), time.Since(started)))
}

func (w *workload) listUsers() (err error) {
	started := time.Now()
	if w.graphToken, err = w.token("https://graph.microsoft.com"); err != nil {
		return err
	}
	w.say(started, "token for Microsoft Graph, roles %s", rolesOf(w.graphToken))
	started = time.Now()
	status, body, err := w.get(w.graph+"/users?$select=displayName", "Authorization", "Bearer "+w.graphToken)
	if err != nil {
		return err
	}
	var page struct{ Value []map[string]string }
	if err := json.Unmarshal(body, &page); err != nil || status != http.StatusOK {
		return fmt.Errorf("got from Graph %d %s", status, body)
	}
	var names []string
	for _, user := range page.Value {
		names = append(names, user["displayName"])
	}
	w.say(started, "GET /v1.0/users -> %d, %s", status, strings.Join(names, " and "))
	return nil
}

func (w *workload) listOrders() (err error) {
	started := time.Now()
	if w.ordersToken, err = w.token("api://orders"); err != nil {
		return err
	}
	w.say(started, "token for api://orders, roles %s", rolesOf(w.ordersToken))
	started = time.Now()
	status, body, err := w.get(w.orders, "Authorization", "Bearer "+w.ordersToken)
	if err != nil {
		return err
	}
	want, says := http.StatusForbidden, ""
	if rolesOf(w.ordersToken) != "none" {
		want, says = http.StatusOK, ", the orders"
	}
	if status != want {
		return fmt.Errorf("the orders API answered %d %s, want %d", status, body, want)
	}
	w.say(started, "GET orders-api -> %d%s", status, says)
	if status == http.StatusForbidden {
		fmt.Printf("  %13s %s\n", "", oneLine(body))
	}
	return nil
}

// usersRefused shows the token from before again and again, until Graph refuses it.
func (w *workload) usersRefused(since time.Time) error {
	for {
		status, body, err := w.get(w.graph+"/users", "Authorization", "Bearer "+w.graphToken)
		if err != nil {
			return err
		}
		if took := time.Since(since); took > time.Second {
			return fmt.Errorf("after the revoke Graph still answers %d after %s", status, took)
		}
		if status == http.StatusForbidden {
			w.say(since, "the very same token: GET /v1.0/users -> %d", status)
			fmt.Printf("  %13s %s\n", "", oneLine(body))
			fmt.Println(requestID + requestIDOf(body))
			return nil
		}
	}
}

// roleLost asks for tokens until one comes without the role, and shows that one to the API.
func (w *workload) roleLost(since time.Time) error {
	for {
		token, err := w.token("api://orders")
		if err != nil {
			return err
		}
		if took := time.Since(since); took > time.Second {
			return fmt.Errorf("tokens still carry the role after %s", took)
		}
		if rolesOf(token) == "none" {
			w.say(since, "the next token for api://orders: roles none")
			return w.listOrders()
		}
	}
}

// rolesOf reads the roles claim of a token without checking it: a client has no business checking its own token.
func rolesOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "unreadable"
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct{ Roles []string }
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return "unreadable"
	}
	if len(claims.Roles) == 0 {
		return "none"
	}
	return strings.Join(claims.Roles, ", ")
}

// oneLine finds the sentence in an error body.
func oneLine(body []byte) string {
	var graph struct{ Error struct{ Message string } }
	if json.Unmarshal(body, &graph) == nil && graph.Error.Message != "" {
		return graph.Error.Message
	}
	var plain map[string]any
	if json.Unmarshal(body, &plain) == nil {
		for _, key := range []string{"error_description", "message"} {
			if text, ok := plain[key].(string); ok {
				return text
			}
		}
	}
	return strings.TrimSpace(string(body))
}

// requestIDOf reads the id that Graph gives every refusal.
func requestIDOf(body []byte) string {
	var refusal struct {
		Error struct{ InnerError map[string]string }
	}
	_ = json.Unmarshal(body, &refusal) // a body without an id makes `inborn explain` fail, which ends the demo
	return refusal.Error.InnerError["request-id"]
}
