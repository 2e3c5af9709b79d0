package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// withVault is small, with a vault of which the function is the administrator.
func withVault() string {
	return small() + "vaults: [{name: kv-bench}]\nroles: [{principal: func-bench, role: Key Vault Administrator, scope: kv-bench}]\n"
}

// vaultClient asks a vault with the token of the function.
type vaultClient struct{ host, bearer string }

// openVault starts the product with a vault and returns it, as a server of that, with a client of it.
func (l *lab) openVault(ctx context.Context, data string) (*child, vaultClient, error) {
	if err := os.WriteFile(l.path("vault.yaml"), []byte(withVault()), 0o600); err != nil {
		return nil, vaultClient{}, err
	}
	s, err := l.product(ctx, data, "vault.yaml")
	if err != nil {
		return nil, vaultClient{}, err
	}
	body, _, err := s.first(question("127.0.0.1", "", false))
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err == nil {
		err = json.Unmarshal(body, &token)
	}
	if err != nil {
		s.stop()
		return nil, vaultClient{}, err
	}
	s.tls = true
	_, port, _ := net.SplitHostPort(s.apis)
	return s, vaultClient{"localhost:" + port, token.AccessToken}, nil
}

// request spells a request as a client library does.
func (v vaultClient) request(method, path, body string) []byte {
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	head := method + " /vaults/kv-bench/" + path + separator + "api-version=2025-07-01 HTTP/1.1\r\nHost: " + v.host +
		"\r\nAccept: application/json\r\nAuthorization: Bearer " + v.bearer + "\r\nUser-Agent: azsdk-go-azsecrets/v1.5.1 (go1.26; linux)\r\n"
	if body != "" {
		head += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	return []byte(head + "\r\n" + body)
}

// ask sends one request.
func (c *child) ask(ctx context.Context, request []byte) ([]byte, error) {
	conn, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	status, body, err := newClient(conn, request).ask()
	if err == nil && status != 200 {
		err = fmt.Errorf("answer %d: %.300s", status, body)
	}
	return slices.Clone(body), err
}

func same(request []byte, connections int) turn {
	load := turn{}
	for range connections {
		load.requests = append(load.requests, request)
	}
	return load
}

// vault measures reading a secret and signing with a key, each with everything that a request costs: TLS, the token, the
// role, decryption. The yardsticks have the TLS only, and send the same bytes or sign.
func vault(ctx context.Context, l *lab, o options) ([]row, error) {
	ours, v, err := l.openVault(ctx, "vault")
	if err != nil {
		return nil, err
	}
	defer ours.stop()
	if err := writeECKey(l.path("key-ec")); err != nil {
		return nil, err
	}
	digest := `{"alg":"%s","value":"` + base64.RawURLEncoding.EncodeToString(make([]byte, 32)) + `"}`
	var rows []row
	for _, c := range []struct {
		what, prepare, path, body, key string
		connections                    int
		limit                          float64
		ask                            []byte
	}{
		{what: "secret read", ask: v.request("PUT", "secrets/s", `{"value":"correct horse battery staple"}`), path: "secrets/s", connections: 16, limit: 0.40},
		{what: "secret read", ask: v.request("PUT", "secrets/s", `{"value":"correct horse battery staple"}`), path: "secrets/s", connections: 64, limit: 0.40},
		{what: "RSA 2048 sign", ask: v.request("POST", "keys/rsa/create", `{"kty":"RSA"}`), path: "keys/rsa/sign", body: fmt.Sprintf(digest, "RS256"), key: "key", connections: 16, limit: 0.85},
		{what: "P-256 sign", ask: v.request("POST", "keys/ec/create", `{"kty":"EC"}`), path: "keys/ec/sign", body: fmt.Sprintf(digest, "ES256"), key: "key-ec", connections: 16, limit: 0.60},
	} {
		if _, err := ours.ask(ctx, c.ask); err != nil {
			return nil, ours.explain(err)
		}
		method, more := "GET", []string{"-vault"}
		if c.body != "" {
			method, more = "POST", append(more, "-key", l.path(c.key))
		}
		request := v.request(method, c.path, c.body)
		answer, err := ours.ask(ctx, request)
		if err != nil {
			return nil, ours.explain(err)
		}
		turns, err := l.against(ctx, o, ours, answer, same(request, c.connections), more)
		if err != nil {
			return nil, err
		}
		rate, cpu, spread := pick(turns, perSecond), pick(turns, perRequest), pick(turns, (*sample).spread)
		rows = append(rows, rate.atLeast(rate.row(fmt.Sprintf("%s, %d connections", c.what, c.connections), "%.0f/s"), c.limit),
			cpu.row("  processor time for each", "%.1f µs"), spread.row("  wait: p99 / p50", "%.2f"))
	}
	return rows, nil
}

// against lets a server and a yardstick that imitates its answer take turns.
func (l *lab) against(ctx context.Context, o options, ours *child, answer []byte, load turn, more []string) ([][2]*sample, error) {
	yard, err := l.imitate(ctx, answer, more...)
	if err != nil {
		return nil, err
	}
	defer yard.stop()
	yard.tls = true
	return duel(ctx, o, ours, yard, load)
}

// The sizes of the vaults that manySecrets compares.
const (
	fewSecrets = 1_000
	allSecrets = 100_000
)

// manySecrets measures whether a vault slows down as it fills: one with few secrets and one with many take turns.
func manySecrets(ctx context.Context, l *lab, o options) ([]row, error) {
	many, v, err := l.openVault(ctx, "many")
	if err != nil {
		return nil, err
	}
	defer many.stop()
	few, w, err := l.openVault(ctx, "few")
	if err != nil {
		return nil, err
	}
	defer few.stop()
	if err := fill(ctx, many, v, allSecrets); err != nil {
		return nil, err
	}
	if err := fill(ctx, few, w, fewSecrets); err != nil {
		return nil, err
	}
	var rows []row
	for what, path := range map[string]string{"secret read": "secrets/s-0000500", "a page of 25": "secrets?maxresults=25"} {
		turns, err := duelOf(ctx, o, many, few, same(v.request("GET", path, ""), 16), same(w.request("GET", path, ""), 16))
		if err != nil {
			return nil, err
		}
		rate := pick(turns, perSecond)
		rows = append(rows, rate.atLeast(rate.row(fmt.Sprintf("%s, %d secrets beside %d", what, allSecrets, fewSecrets), "%.0f/s"), 0.80))
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.what, b.what) })
	size, err := many.resident()
	return append(rows, row{what: fmt.Sprintf("  memory with %d secrets", allSecrets), ours: mib(size)}), err
}

// fill sets secrets over many connections, whose changes share commits.
func fill(ctx context.Context, s *child, v vaultClient, n int) error {
	var next atomic.Int64
	var wait sync.WaitGroup
	errs := make([]error, 32)
	for i := range errs {
		wait.Go(func() {
			conn, err := s.dial(ctx)
			if err != nil {
				errs[i] = err
				return
			}
			defer conn.Close()
			c := newClient(conn, nil)
			for at := next.Add(1); at <= int64(n); at = next.Add(1) {
				c.request = v.request("PUT", fmt.Sprintf("secrets/s-%07d", at), fmt.Sprintf(`{"value":"value of %d"}`, at))
				if status, body, err := c.ask(); err != nil || status != 200 {
					errs[i] = fmt.Errorf("filling: %d %.200s %w", status, body, err)
					return
				}
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return s.explain(err)
		}
	}
	return nil
}
