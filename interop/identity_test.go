package interop

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
)

const (
	graph        = "https://graph.microsoft.com"
	arm          = "https://management.azure.com"
	orders       = "api://orders"
	ledger       = "api://ledger"
	ledgerClient = "0b6f4c1e-52a5-4cf2-9a0e-6a2f8d4d7c11"

	// A permanent refusal must not look like one that clients try again: the libraries repeat for half a minute.
	failsWithin = 3 * time.Second

	explainedWithin = 5 * time.Second
)

// identity is a managed identity as `inborn identity list` tells it.
type identity struct {
	Name       string `json:"name"`
	ClientID   string `json:"clientId"`
	ObjectID   string `json:"objectId"`
	ResourceID string `json:"resourceId"`
}

// identityOf finds an identity by name; a system-assigned one has the name of its resource.
func identityOf(t *testing.T, name string) identity {
	t.Helper()
	var all []identity
	dev.run(t, &all, "identity", "list")
	for _, i := range all {
		if i.Name == name {
			return i
		}
	}
	t.Fatalf("there is no identity %s among %v", name, all)
	return identity{}
}

// launch returns the variables that make a program the workload of a resource.
func launch(t *testing.T, resource string) map[string]string {
	t.Helper()
	var out struct {
		Environment map[string]string `json:"environment"`
	}
	dev.run(t, &out, "env", "--as", resource, "--for", "10m")
	if out.Environment["IDENTITY_ENDPOINT"] == "" || out.Environment["IDENTITY_HEADER"] == "" {
		t.Fatalf("inborn env printed only %v", out.Environment)
	}
	return out.Environment
}

// claims are the claims that tests look at.
type claims struct {
	Audience string   `json:"aud"`
	Issuer   string   `json:"iss"`
	Tenant   string   `json:"tid"`
	Object   string   `json:"oid"`
	Subject  string   `json:"sub"`
	AppID    string   `json:"appid"` // v1.0
	Party    string   `json:"azp"`   // v2.0
	Kind     string   `json:"idtyp"`
	Mirid    string   `json:"xms_mirid"`
	Roles    []string `json:"roles"`
	Version  string   `json:"ver"`
	Expires  int64    `json:"exp"`
}

func readToken(t *testing.T, token string) claims {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is not a signed token", token)
	}
	var c claims
	if err := json.Unmarshal([]byte(decode(t, parts[1])), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func decode(t *testing.T, part string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// tenant is what all tokens of an Inborn have in common.
type tenant struct {
	id      string
	issuers []string // of v1.0 and v2.0 tokens
}

func (d *inborn) tokens() tenant { return tenant{d.Tenant, d.Issuers} }

// checkToken fails unless token says that its bearer is who, for that audience, for about an hour.
func checkToken(t *testing.T, token, audience string, who identity) {
	t.Helper()
	dev.tokens().check(t, token, audience, who)
}

// check is checkToken for another tenant. What is empty in who is not known beforehand, as the ids of a system-assigned
// identity of an Inborn that did not exist a moment ago.
func (from tenant) check(t *testing.T, token, audience string, who identity) {
	t.Helper()
	c := readToken(t, token)
	issuer, app := from.issuers[0], c.AppID
	if c.Version == "2.0" {
		issuer, app = from.issuers[1], c.Party
	}
	if who.ObjectID == "" {
		who.ObjectID = c.Object
	}
	if who.ClientID == "" {
		who.ClientID = app
	}
	for _, check := range []struct{ claim, got, want string }{
		{"aud", c.Audience, audience},
		{"iss", c.Issuer, issuer},
		{"tid", c.Tenant, from.id},
		{"oid", c.Object, who.ObjectID},
		{"sub", c.Subject, who.ObjectID},
		{"appid or azp", app, who.ClientID},
		{"xms_mirid", strings.ToLower(c.Mirid), strings.ToLower(who.ResourceID)},
		{"idtyp", c.Kind, "app"},
	} {
		if check.got != check.want || check.got == "" {
			t.Errorf("claim %s is %q, want %q", check.claim, check.got, check.want)
		}
	}
	if left := time.Until(time.Unix(c.Expires, 0)); left < 50*time.Minute || left > time.Hour+time.Minute {
		t.Errorf("the token lives for %s, want about an hour", left)
	}
}

// checkExplained finds the request id in the text of a refusal and expects `inborn explain` to tell why. Traces are
// written behind the answers, so it may take a moment.
func checkExplained(t *testing.T, refusal, why string) {
	t.Helper()
	id := regexp.MustCompile(`"correlationId": ?"([0-9a-f-]{36})"`).FindStringSubmatch(refusal)
	if id == nil {
		t.Fatalf("the refusal has no correlation id:\n%s", refusal)
	}
	text, err := dev.output(t, "explain", id[1])
	for end := time.Now().Add(explainedWithin); err != nil && time.Now().Before(end); text, err = dev.output(t, "explain", id[1]) {
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	var trace struct {
		Message string `json:"message"`
		Status  int    `json:"status"`
	}
	if err := json.Unmarshal(text, &trace); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(trace.Message, why) || trace.Status < 400 {
		t.Errorf("inborn explain %s says %d %q, want something about %q", id[1], trace.Status, trace.Message, why)
	}
}
