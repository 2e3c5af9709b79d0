package server

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/manifest"
)

// vaultClient is a client of the data plane, as the local administrator.
type vaultClient struct {
	base, bearer string
	http         *http.Client
}

// newVaultClient waits for the server on dir.
func newVaultClient(t *testing.T, dir string) *vaultClient {
	t.Helper()
	admin, end := NewAdmin(dir), time.Now().Add(30*time.Second)
	for {
		status, err := admin.Status(t.Context())
		token, other := AdminToken{}, err
		if err == nil {
			token, other = admin.Token(t.Context(), "https://vault.azure.net")
		}
		if other == nil {
			roots := x509.NewCertPool()
			roots.AppendCertsFromPEM(read(t, filepath.Join(dir, "ca.pem")))
			return &vaultClient{status.Origin + "/vaults/kv-canaries/secrets/", token.AccessToken,
				&http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: 8}, Timeout: 20 * time.Second}}
		}
		if time.Now().After(end) {
			t.Fatal(other)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// secret sends a request about one secret and returns its value.
func (c *vaultClient) secret(method, name, value string) (string, error) {
	var body io.Reader
	if value != "" {
		body = bytes.NewReader(fmt.Appendf(nil, `{"value":%q}`, value))
	}
	req, err := http.NewRequest(method, c.base+name+"?api-version=7.4", body)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+c.bearer)
	resp, err := c.http.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s %s: %d %s: %w", method, name, resp.StatusCode, text, errors.Join(err, errStatus))
	}
	var out struct{ Value string }
	return out.Value, json.Unmarshal(text, &out)
}

var errStatus = errors.New("refused")

// canary is the value of a secret, which stands nowhere else in the world.
func canary(i int) string { return fmt.Sprintf("canary-%07d-Zq3xW8", i) }

// TestSecretsSurviveKills kills a server again and again while clients write secrets. Whatever it has acknowledged is
// there afterwards, and none of it can be read in the files.
func TestSecretsSurviveKills(t *testing.T) {
	const rounds = 30
	w := startWorld(t, Config{Manifest: withVault(t)})
	dir := w.config.DataDir
	w.stop()
	written := map[int]bool{}
	next := 0
	for range rounds {
		next = writeUntilKilled(t, dir, next, written)
	}
	if len(written) < 10*rounds {
		t.Errorf("only %d secrets were written", len(written))
	}
	w = startWorld(t, Config{DataDir: dir, Manifest: &manifest.Manifest{}})
	c := newVaultClient(t, dir)
	for i := 0; len(written) < 1000 || i < next; i++ {
		if !written[i] && i >= next {
			if _, err := c.secret("PUT", fmt.Sprint("s-", i), canary(i)); err != nil {
				t.Fatal(err)
			}
			written[i] = true
		}
		if !written[i] {
			continue
		}
		if value, err := c.secret("GET", fmt.Sprint("s-", i), ""); err != nil || value != canary(i) {
			t.Fatalf("s-%d was acknowledged and is %q, %v", i, value, err)
		}
	}
	noneReadable(t, dir, written)
	w.stop()
	noneReadable(t, dir, written)
}

// withVault is declared, with a vault.
func withVault(t *testing.T) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Parse([]byte(declared + "  - {type: Microsoft.KeyVault/vaults, name: kv-canaries}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// writeUntilKilled lets four clients write secrets from number first on to a server that is killed after a while. It adds
// those that were acknowledged to written, and returns the next number.
func writeUntilKilled(t *testing.T, dir string, first int, written map[int]bool) (next int) {
	t.Helper()
	child := childOf(serves, dir)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	c := newVaultClient(t, dir)
	var mu sync.Mutex
	next = first
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				_, err := c.secret("PUT", fmt.Sprint("s-", i), canary(i))
				if err != nil {
					if errors.Is(err, errStatus) {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				written[i] = true
				mu.Unlock()
			}
		})
	}
	time.Sleep(time.Duration(50+rand.IntN(250)) * time.Millisecond)
	child.Process.Kill()
	child.Wait()
	wait.Wait()
	return next
}

// noneReadable looks for the values in all files of the data directory.
func noneReadable(t *testing.T, dir string, written map[int]bool) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text := read(t, path)
		if seen++; bytes.Contains(text, []byte("Zq3xW8")) || bytes.Contains(text, []byte("canary-0")) {
			t.Errorf("a secret is readable in %s", path)
		}
		return nil
	})
	if err != nil || seen < 3 || len(written) < 1000 {
		t.Errorf("%d files, %d values, %v", seen, len(written), err)
	}
}
