package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/token"
)

// maxBody bounds a document, in bytes. Entra's key document has some 20 KB.
const maxBody = 1 << 20

// The bounds of how long keys are used before they are looked at again. Entra and Inborn allow a day; an hour limits for
// how long a withdrawn key is trusted.
const (
	minAge = time.Minute
	maxAge = time.Hour
)

const wellKnown = "/.well-known/openid-configuration"

var errNotFound = errors.New("not found")

// fetcher gets the documents of one tenant.
type fetcher struct {
	client    *http.Client
	timeout   time.Duration
	discovery []string // addresses; all are read, the first names the keys
	issuers   []string // configured
	keysURL   string   // configured
}

func newFetcher(c Config) (*fetcher, error) {
	f := &fetcher{timeout: c.Timeout, issuers: slices.Clone(c.Issuers), keysURL: c.JWKSURL}
	if f.timeout <= 0 {
		f.timeout = 10 * time.Second
	}
	if slices.Contains(c.Issuers, "") {
		return nil, errors.New("verify: Config.Issuers has an empty entry")
	}
	if c.Authority == "" && (len(c.Issuers) == 0 || c.JWKSURL == "") {
		return nil, errors.New("verify: Config needs Authority, or Issuers and JWKSURL")
	}
	if c.JWKSURL != "" {
		if _, err := secureURL(c.JWKSURL); err != nil {
			return nil, fmt.Errorf("verify: Config.JWKSURL: %w", err)
		}
	}
	if c.Authority != "" {
		var err error
		if f.discovery, err = discoveryURLs(c.Authority); err != nil {
			return nil, fmt.Errorf("verify: Config.Authority: %w", err)
		}
	}
	client := http.Client{}
	if c.HTTPClient != nil {
		client = *c.HTTPClient
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	f.client = &client
	return f, nil
}

// secureURL reads an address and refuses those at which anybody on the way could swap the keys.
func secureURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return nil, fmt.Errorf("%q is not an https address", address)
	}
	return u, nil
}

// discoveryURLs returns the addresses of the discovery documents that authority means.
func discoveryURLs(authority string) ([]string, error) {
	u, err := secureURL(authority)
	if err != nil {
		return nil, err
	}
	base := strings.TrimRight(authority, "/")
	switch path := strings.Trim(u.Path, "/"); {
	case path == "" || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%q does not have the form https://host/{tenant}", authority)
	case strings.HasSuffix(base, wellKnown):
		return []string{base}, nil
	case strings.HasSuffix(base, "/v2.0"):
		return []string{base + wellKnown}, nil
	default:
		return []string{base + "/v2.0" + wellKnown, base + wellKnown}, nil
	}
}

// fetch reads everything needed to check tokens.
func (f *fetcher) fetch() (*keySet, error) {
	ctx, cancel := context.WithTimeout(context.Background(), f.timeout)
	defer cancel()
	set := &keySet{issuers: f.issuers, tenant: f.issuers, keys: map[string][]token.PublicKey{}}
	keysURL := f.keysURL
	for i, address := range f.discovery {
		doc, err := f.metadata(ctx, address)
		if errors.Is(err, errNotFound) && i > 0 { // an issuer need not offer both versions
			continue
		}
		if err != nil {
			return nil, err
		}
		if keysURL == "" {
			keysURL = doc.KeysURL
		}
		if !strings.Contains(doc.Issuer, "{") { // the one of "common" is a pattern that fits every tenant there is
			set.tenant = append(slices.Clip(set.tenant), doc.Issuer)
		}
	}
	if len(set.issuers) == 0 {
		set.issuers = set.tenant
	}
	if len(set.issuers) == 0 {
		return nil, fmt.Errorf("%s names no single tenant: set Config.Issuers", f.discovery[0])
	}
	return set, f.addKeys(ctx, set, keysURL)
}

func (f *fetcher) metadata(ctx context.Context, address string) (metadata, error) {
	body, _, err := f.get(ctx, address)
	if err != nil {
		return metadata{}, err
	}
	doc, err := readMetadata(body)
	if err != nil {
		return metadata{}, fmt.Errorf("%s: %w", address, err)
	}
	if _, err := secureURL(doc.KeysURL); err != nil {
		return metadata{}, fmt.Errorf("%s: jwks_uri: %w", address, err)
	}
	return doc, nil
}

func (f *fetcher) addKeys(ctx context.Context, set *keySet, address string) error {
	body, header, err := f.get(ctx, address)
	if err != nil {
		return err
	}
	keys, err := token.ParseJWKS(body)
	if err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	for _, key := range keys {
		set.keys[key.ID] = append(set.keys[key.ID], key)
	}
	set.maxAge = freshness(header.Get("Cache-Control"))
	return nil
}

// get reads one document.
func (f *fetcher) get(ctx context.Context, address string) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return nil, nil, fmt.Errorf("%s: %w", address, errNotFound)
	case resp.StatusCode != http.StatusOK:
		return nil, nil, fmt.Errorf("%s answers %s", address, resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", address, err)
	}
	if len(body) > maxBody {
		return nil, nil, fmt.Errorf("%s answers more than %d bytes", address, maxBody)
	}
	return body, resp.Header, nil
}

// freshness returns the max-age of a Cache-Control header, within our bounds.
func freshness(control string) time.Duration {
	for part := range strings.SplitSeq(control, ",") {
		value, found := strings.CutPrefix(strings.ToLower(strings.TrimSpace(part)), "max-age=")
		if seconds, err := strconv.ParseUint(value, 10, 31); found && err == nil {
			return min(max(time.Duration(seconds)*time.Second, minAge), maxAge)
		}
	}
	return maxAge
}
