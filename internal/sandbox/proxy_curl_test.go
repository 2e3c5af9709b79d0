package sandbox

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// runBehind runs a program with the environment that a command of proxy mode gets, and returns what it prints.
func (b *behindProxy) runBehind(t *testing.T, args ...string) (string, error) {
	t.Helper()
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "NO_PROXY=*", "https_proxy=http://127.0.0.1:1"}
	trust, err := NewTrust(b.ca, env, os.DirFS("/"))
	if err != nil {
		t.Fatal(err)
	}
	bundle := filepath.Join(t.TempDir(), "bundle.pem")
	if err := os.WriteFile(bundle, trust.Bundle, 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), args[0], args[1:]...)
	command.Env = trust.Environment(bundle, ProxyEnvironment(b.url.String(), env))
	out, err := command.CombinedOutput()
	return string(out), err
}

func TestProxyByCurl(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("no curl")
	}
	b := startProxy(t, nil)
	local := httptest.NewServer(teller("local"))
	defer local.Close()
	for _, c := range []struct{ url, at, proto string }{
		{"http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01", "metadata", ""},
		{"https://graph.microsoft.com/v1.0/me", "public", "HTTP/"},
		{"https://sa1.blob.core.windows.net/con/blob", "public", "HTTP/"},
		{local.URL, "local", ""}, // loopback is exempt, and reached without the proxy
	} {
		out, err := b.runBehind(t, "curl", "-sS", "--max-time", "10", "-H", "Metadata: true", c.url)
		var h heard
		if err := json.Unmarshal([]byte(out), &h); err != nil || h.At != c.at || !strings.HasPrefix(h.Proto, c.proto) {
			t.Errorf("%s: %v: %s", c.url, err, out)
		}
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
		}
	}
	if out, err := b.runBehind(t, "curl", "-sS", "--max-time", "10", "https://graph.microsoft.com:444/"); err == nil || !strings.Contains(out, "403") {
		t.Errorf("another port: %v: %s", err, out)
	}
}

// git asks without the credential first, and curl's library does so for every program that lets it choose the method.
func TestProxyAnswersWhoWaitsToBeAsked(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("no curl")
	}
	b := startProxy(t, nil)
	for _, url := range []string{"https://graph.microsoft.com/", "http://169.254.169.254/"} {
		if out, err := b.runBehind(t, "curl", "-sS", "--max-time", "10", "--proxy-anyauth", url); err != nil || !strings.Contains(out, `"At"`) {
			t.Errorf("%s: %v: %s", url, err, out)
		}
	}
}

// Node has no proxy for its own fetch before 22.21, but its http client for CONNECT is what the Azure SDKs are built on.
func TestProxyByNode(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("no node")
	}
	b := startProxy(t, func(p *Proxy) {
		p.Public = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("hello from " + r.Host)) })
	})
	const script = `
const u = new URL(process.env.HTTPS_PROXY);
const auth = 'Basic ' + Buffer.from(u.username + ':' + u.password).toString('base64');
require('http').request({host: u.hostname, port: u.port, method: 'CONNECT', path: 'login.windows.net:443', headers: {'Proxy-Authorization': auth}})
  .on('connect', (res, socket) => require('https').get({host: 'login.windows.net', socket, agent: false}, r => r.pipe(process.stdout))
    .on('error', e => console.log(e.message))).end();`
	if out, err := b.runBehind(t, "node", "-e", script); err != nil || out != "hello from login.windows.net" {
		t.Errorf("%v: %s", err, out)
	}
}
