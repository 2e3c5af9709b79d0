package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/token"
)

// errNotToken is what decodeToken says of anything that is not a signed token.
var errNotToken = errors.New("this is not a token: expected three parts of base64url with dots between them")

// decodeToken reads header and claims of any JWT without believing them. It is lenient on purpose: a token that Inborn
// itself would refuse is just the one a person wants to look into.
func decodeToken(text string) (header, claims json.RawMessage, err error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, nil, errNotToken
	}
	var decoded [2]json.RawMessage
	for i := range decoded {
		raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[i], "="))
		if err != nil || !json.Valid(raw) || !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
			return nil, nil, errNotToken
		}
		decoded[i] = raw
	}
	return decoded[0], decoded[1], nil
}

// explainAll makes a row of every member of a JSON object, in the order of the token: name, value, meaning.
func explainAll(object json.RawMessage, meanings map[string]string) [][]string {
	var rows [][]string
	decoder := json.NewDecoder(bytes.NewReader(object))
	decoder.UseNumber()
	_, _ = decoder.Token() // the opening brace; decodeToken has checked that the text is an object
	for decoder.More() {
		name, _ := decoder.Token()
		var value json.RawMessage
		if decoder.Decode(&value) != nil {
			break
		}
		key, _ := name.(string)
		meaning, known := meanings[key]
		if !known {
			meaning = "not a claim that Inborn issues"
		}
		rows = append(rows, []string{key, showValue(key, value), meaning})
	}
	return rows
}

// showValue prints strings without quotes and times as times.
func showValue(name string, value json.RawMessage) string {
	var seconds int64
	if (name == "exp" || name == "iat" || name == "nbf") && json.Unmarshal(value, &seconds) == nil {
		at := time.Unix(seconds, 0)
		return fmt.Sprintf("%d (%s, %s)", seconds, at.Local().Format(time.DateTime), relative(time.Until(at)))
	}
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	var list []string
	if json.Unmarshal(value, &list) == nil && len(list) > 0 {
		return strings.Join(list, ", ")
	}
	return string(value)
}

func relative(d time.Duration) string {
	if d < 0 {
		return (-d).Round(time.Second).String() + " ago"
	}
	return "in " + d.Round(time.Second).String()
}

func headerMeanings() map[string]string {
	return map[string]string{
		"typ":      "a JSON web token",
		"alg":      "how it is signed",
		"kid":      "which key of the issuer's key document signed it",
		"x5t":      "thumbprint of that key's certificate; the same as kid",
		"x5t#S256": "SHA-256 thumbprint of the certificate",
	}
}

// claimMeanings says in a few words what each claim is for; the facts are in docs/protocols/oauth.md.
func claimMeanings() map[string]string {
	return map[string]string{
		"aud":                "the API it is for; an API refuses tokens for others",
		"iss":                "who issued it; an API trusts the issuers it was told of",
		"iat":                "issued at",
		"nbf":                "not valid before",
		"exp":                "expires",
		"aio":                "internal to the issuer",
		"rh":                 "internal to the issuer",
		"uti":                "unique id of this token, for logs",
		"appid":              "client id of the caller",
		"azp":                "client id of the caller",
		"appidacr":           "how the caller proved itself: 2 is a certificate or managed identity, 1 a secret, 0 nothing",
		"azpacr":             "how the caller proved itself: 2 is a certificate or managed identity, 1 a secret, 0 nothing",
		"idp":                "who authenticated the caller",
		"idtyp":              "app: a program acts as itself; user: a person is behind it",
		"oid":                "object id of the caller's principal in the directory",
		"sub":                "the caller; for a program the same as oid",
		"tid":                "the tenant",
		"roles":              "app roles of this API that the caller holds; what the API decides by",
		"scp":                "what a person allowed the client to do in their name",
		"wids":               "directory roles of the caller, by template id",
		"groups":             "groups of the caller",
		"ver":                "version of the token, chosen by the API's registration",
		"xms_mirid":          "managed identity: its resource id, or that of the resource that owns it",
		"xms_az_rid":         "managed identity: the resource whose workload asked",
		"xms_az_nwperimid":   "network security perimeters of the resource",
		"xms_cc":             "what the client can handle; cp1: claims challenges",
		"name":               "the person's name, for display",
		"preferred_username": "the person's sign-in name, for display",
	}
}

// checkSignature says whether the Inborn on the data directory signed the token.
func (sh *shell) checkSignature(ctx context.Context, text string) string {
	c, err := sh.connect(ctx)
	if err != nil {
		return "not checked: no Inborn is running on " + sh.data
	}
	jws, err := token.ParseJWS(text)
	if err != nil {
		return "not valid: " + err.Error()
	}
	keys, err := c.keys(ctx)
	if err != nil {
		return "not checked: " + err.Error()
	}
	for _, key := range keys {
		if key.ID == jws.Header.KeyID && jws.Verify(key.Key, token.RS256) == nil {
			return "valid: signed by this Inborn"
		}
	}
	return "not signed by this Inborn"
}

// keys reads the key document of the running Inborn.
func (c *client) keys(ctx context.Context) ([]token.PublicKey, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.status.Origin+"/"+c.status.Tenant+"/discovery/v2.0/keys", nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	return token.ParseJWKS(body)
}
