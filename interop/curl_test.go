package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

const curlWithin = 20 * time.Second

// secrets are what a failed test does not show.
var secrets = regexp.MustCompile(`(Bearer|X-IDENTITY-HEADER:) \S+`)

// answer is what curl got.
type answer struct {
	command string
	status  int
	head    string // status line and headers as they came
	body    []byte
}

// curl runs curl with these arguments. It trusts Inborn's certificate and nothing else.
func curl(t *testing.T, args ...string) answer {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		unavailable(t, "no curl: %v", err)
	}
	dir := t.TempDir()
	head, body := filepath.Join(dir, "head"), filepath.Join(dir, "body")
	ctx, cancel := context.WithTimeout(t.Context(), curlWithin)
	defer cancel()
	all := append([]string{"-q", "-sS", "--cacert", dev.CA, "-D", head, "-o", body, "-w", "%{http_code}"}, args...)
	command := exec.CommandContext(ctx, "curl", all...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	code, err := command.Output()
	if err != nil {
		t.Fatalf("curl %q: %v\n%s", args, err, &stderr)
	}
	a := answer{command: secrets.ReplaceAllString("curl "+strings.Join(args, " "), "$1 ...")}
	if a.status, err = strconv.Atoi(string(code)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(head)
	if err != nil {
		t.Fatal(err)
	}
	a.head = string(text)
	a.body, _ = os.ReadFile(body) // there is none for 204
	return a
}

func (a answer) want(t *testing.T, status int) {
	t.Helper()
	if a.status != status {
		t.Fatalf("%s\nanswered %d, want %d\n%s%s", a.command, a.status, status, a.head, a.body)
	}
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal(a.body, &out); err != nil {
		t.Fatalf("%s\nanswered %q: %v", a.command, a.body, err)
	}
	return out
}

// header returns the value of a header, "" if there is none.
func (a answer) header(name string) string {
	for line := range strings.SplitSeq(a.head, "\r\n") {
		if key, value, ok := strings.Cut(line, ":"); ok && http.CanonicalHeaderKey(key) == http.CanonicalHeaderKey(name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// imds leads the address of IMDS, which stays in the command as articles print it, to the Inborn under test.
func imds() []string {
	return []string{"--connect-to", "169.254.169.254:80:" + strings.TrimPrefix(dev.IdentityEndpoint, "http://")}
}

func TestCurlGetsATokenFromIMDSAsPrinted(t *testing.T) {
	system, user := identityOf(t, "func-orders"), identityOf(t, "id-orders-dev-local-01")
	const url = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://graph.microsoft.com/"
	for _, c := range []struct {
		name, url string
		want      identity
	}{
		{"the identity of the resource", url, system},
		{"the identity of a client id", url + "&client_id=" + user.ClientID, user},
		{"the identity of an object id", url + "&object_id=" + user.ObjectID, user},
		{"the identity of a resource id", url + "&msi_res_id=" + user.ResourceID, user},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := curl(t, append(imds(), "-H", "Metadata: true", c.url)...)
			got.want(t, 200)
			checkTokenAnswer(t, got, c.want)
		})
	}
}

// checkTokenAnswer expects the members that scripts read: all numbers are strings of digits.
func checkTokenAnswer(t *testing.T, got answer, who identity) {
	t.Helper()
	body := got.json(t)
	token, _ := body["access_token"].(string)
	checkToken(t, token, graph+"/", who)
	if body["token_type"] != "Bearer" || body["resource"] != graph+"/" || body["client_id"] != who.ClientID {
		t.Errorf("body: %s", got.body)
	}
	for _, name := range []string{"expires_in", "expires_on", "not_before"} {
		text, _ := body[name].(string)
		if n, err := strconv.Atoi(text); err != nil || n <= 0 {
			t.Errorf("%s is %v, want digits", name, body[name])
		}
	}
	if in, _ := strconv.Atoi(body["expires_in"].(string)); in < 3000 || in > 3600 {
		t.Errorf("expires_in is %d, want about 3599", in)
	}
}

func TestCurlIsToldWhatAnIMDSRequestLacks(t *testing.T) {
	const base = "http://169.254.169.254/metadata/identity/oauth2/token"
	const full = base + "?api-version=2018-02-01&resource=https://graph.microsoft.com/"
	header := []string{"-H", "Metadata: true"}
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"no Metadata header", []string{full}, "Required metadata header not specified"},
		{"no resource", append(header, base+"?api-version=2018-02-01"), "resource"},
		{"no api-version", append(header, base+"?resource=https://graph.microsoft.com/"), "api-version"},
		{"a forwarded request", append(header, "-H", "X-Forwarded-For: 10.0.0.1", full), "X-Forwarded-For"},
		{"an identity of another resource", append(header, full+"&client_id="+identityOf(t, "id-of-another").ClientID), "Identity not found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := curl(t, append(imds(), c.args...)...)
			got.want(t, 400)
			if !strings.Contains(string(got.body), c.want) || strings.Contains(string(got.body), "access_token") {
				t.Errorf("%s\nanswered %s, want something about %q", got.command, got.body, c.want)
			}
		})
	}
}

func TestCurlGetsATokenFromAppServiceAsPrinted(t *testing.T) {
	env := launch(t, "func-orders")
	url := env["IDENTITY_ENDPOINT"] + "?resource=https://graph.microsoft.com/&api-version=2019-08-01"
	t.Run("with the header of the launch", func(t *testing.T) {
		got := curl(t, "-H", "X-IDENTITY-HEADER: "+env["IDENTITY_HEADER"], url)
		got.want(t, 200)
		checkTokenAnswer(t, got, identityOf(t, "func-orders"))
	})
	t.Run("in the spelling of /MSI/token", func(t *testing.T) {
		got := curl(t, "-H", "X-IDENTITY-HEADER: "+env["IDENTITY_HEADER"], strings.Replace(url, "/msi/token", "/MSI/token", 1))
		got.want(t, 200)
	})
	t.Run("not with another header", func(t *testing.T) {
		curl(t, "-H", "X-IDENTITY-HEADER: "+strings.Repeat("x", 43), url).want(t, 401)
	})
	t.Run("not without it", func(t *testing.T) {
		got := curl(t, url)
		if got.status != 400 && got.status != 401 {
			t.Errorf("answered %d %s", got.status, got.body)
		}
	})
}
