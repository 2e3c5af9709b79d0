package interop

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// apiToken gets a token for an API of the tenant from the shared IMDS endpoint.
func apiToken(t *testing.T, audience string) string {
	t.Helper()
	got := curl(t, append(imds(), "-H", "Metadata: true",
		"http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource="+audience)...)
	got.want(t, 200)
	return got.json(t)["access_token"].(string)
}

// tampered returns token with one character of the claims changed, so that they still parse.
func tampered(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	object := readToken(t, token).Object
	other := strings.Repeat("0", len(object)-1) + "1"
	claims := strings.Replace(decode(t, parts[1]), object, other, -1)
	changed := parts[0] + "." + encode(claims) + "." + parts[2]
	if changed == token || readToken(t, changed).Object != other {
		t.Fatal("nothing was changed")
	}
	return changed
}

func TestJoseAcceptsTokensByTheKeysWePublish(t *testing.T) {
	needPackages(t)
	type check struct {
		Token    string `json:"token"`
		Issuer   string `json:"issuer"`
		Audience string `json:"audience"`
	}
	v1, v2 := apiToken(t, orders), apiToken(t, ledger)
	who := identityOf(t, "func-orders").ObjectID
	cases := []struct {
		name          string
		check         check
		subject, code string
	}{
		{"a v1.0 token", check{v1, dev.Issuers[0], orders}, who, ""},
		{"a v2.0 token, whose audience is the client id", check{v2, dev.Issuers[1], ledgerClient}, who, ""},
		{"not a changed one", check{tampered(t, v1), dev.Issuers[0], orders}, "", "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"},
		{"not one for another API", check{v1, dev.Issuers[0], ledgerClient}, "", "ERR_JWT_CLAIM_VALIDATION_FAILED"},
		{"not one of another issuer", check{v1, dev.Issuers[1], orders}, "", "ERR_JWT_CLAIM_VALIDATION_FAILED"},
	}
	in := struct {
		JWKS   string  `json:"jwks"`
		Checks []check `json:"checks"`
	}{JWKS: dev.Origin + "/" + dev.Tenant + "/discovery/v2.0/keys"}
	for _, c := range cases {
		in.Checks = append(in.Checks, c.check)
	}
	var out []struct{ Subject, Code string }
	nodeJSON(t, map[string]string{"NODE_EXTRA_CA_CERTS": dev.CA}, in, &out, "js/jose.mjs")
	if len(out) != len(cases) {
		t.Fatalf("%d answers to %d checks", len(out), len(cases))
	}
	for i, c := range cases {
		if out[i].Subject != c.subject || out[i].Code != c.code {
			t.Errorf("%s: got %+v, want %q %q", c.name, out[i], c.subject, c.code)
		}
	}
}

// go-oidc reads the discovery document, takes the keys from where it says and checks a token by them. The issuer is the
// public one, under which programs know it; the document comes from our own address, as with Entra's common endpoint.
func TestGoOIDCVerifiesATokenByDiscovery(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ctx = oidc.InsecureIssuerURLContext(oidc.ClientContext(ctx, trusting(t)), dev.Issuers[1])
	provider, err := oidc.NewProvider(ctx, dev.Origin+"/"+dev.Tenant+"/v2.0")
	if err != nil {
		t.Fatal(err)
	}
	token := apiToken(t, ledger)
	verified, err := provider.Verifier(&oidc.Config{ClientID: ledgerClient}).Verify(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	if want := identityOf(t, "func-orders").ObjectID; verified.Subject != want {
		t.Errorf("subject %s, want %s", verified.Subject, want)
	}
	if _, err := provider.Verifier(&oidc.Config{ClientID: ledgerClient}).Verify(ctx, tampered(t, token)); err == nil {
		t.Error("a changed token was accepted")
	}
	if _, err := provider.Verifier(&oidc.Config{ClientID: orders}).Verify(ctx, token); err == nil {
		t.Error("a token for another API was accepted")
	}
}

// oauth4webapi insists that the issuer is the address it was given. That holds for the adfs alias, whose issuer follows
// the request.
func TestOAuth4WebAPIReadsTheDiscoveryDocument(t *testing.T) {
	needPackages(t)
	issuer := dev.Origin + "/adfs"
	var out struct {
		Issuer, TokenEndpoint string
		Keys                  int
	}
	nodeJSON(t, map[string]string{"NODE_EXTRA_CA_CERTS": dev.CA}, map[string]string{"issuer": issuer}, &out, "js/oauth4webapi.mjs")
	if out.Issuer != issuer || !strings.HasPrefix(out.TokenEndpoint, issuer) || out.Keys == 0 {
		t.Errorf("read %+v", out)
	}
}

// trusting returns a client that trusts Inborn's certificate and no other.
func trusting(t *testing.T) *http.Client {
	t.Helper()
	pem, err := os.ReadFile(dev.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatalf("%s holds no certificate", dev.CA)
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}, Timeout: 10 * time.Second}
}
