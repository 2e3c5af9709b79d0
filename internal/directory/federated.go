package directory

import (
	"net/url"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

// FederatedCredential lets a token of a foreign issuer stand for a principal: whoever shows one with this subject, meant
// for this audience, is the principal. It holds no secret.
type FederatedCredential struct {
	Principal guid.GUID // object id
	Name      string    // unique among those of the principal, without regard to case
	Issuer    string    // compared exactly
	Subject   string    // compared exactly
	Audiences []string  // exactly one
	Created   time.Time
}

// ExchangeAudience is what tokens that are to be exchanged are meant for, unless somebody chose otherwise (wire fact: the
// default of every client that makes federated credentials).
const ExchangeAudience = "api://AzureADTokenExchange"

// MaxFederatedCredentials is how many a principal can have (Entra's own limit).
const MaxFederatedCredentials = 20

const maxFederatedText = 600 // bytes of issuer, subject and audience each

// CheckFederatedCredential says whether c may be one as far as it alone tells.
func CheckFederatedCredential(c *FederatedCredential) error {
	invalid := func(target, format string, args ...any) error {
		return apierr.New(apierr.PropertyInvalid, format, args...).At(target)
	}
	alphanumeric := func(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' }
	if len(c.Name) < 3 || len(c.Name) > 120 || !alphanumeric(rune(c.Name[0])) ||
		strings.ContainsFunc(c.Name, func(r rune) bool { return !alphanumeric(r) && r != '-' && r != '_' }) {
		return invalid("name", "The name %q of a federated credential is not valid: 3 to 120 letters, digits, - and _, and the first a letter or digit.", c.Name)
	}
	if u, err := url.Parse(c.Issuer); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(c.Issuer) > maxFederatedText {
		return invalid("issuer", "The issuer %q is not the URL of an issuer, such as https://token.actions.githubusercontent.com.", c.Issuer)
	}
	if c.Subject == "" || len(c.Subject) > maxFederatedText || strings.ContainsFunc(c.Subject, steers) {
		return invalid("subject", "The subject %q is not valid: 1 to %d bytes, no control characters.", c.Subject, maxFederatedText)
	}
	if len(c.Audiences) != 1 || c.Audiences[0] == "" || len(c.Audiences[0]) > maxFederatedText || strings.ContainsFunc(c.Audiences[0], steers) {
		return invalid("audiences", "A federated credential has exactly one audience, such as %s.", ExchangeAudience)
	}
	return nil
}
