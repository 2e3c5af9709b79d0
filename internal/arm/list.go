package arm

import (
	"encoding/base64"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/serve"
)

// maxPage is the size of a page where $top asks for none or for more.
const maxPage = 1000

// query returns the value of a query parameter, whose name is compared without regard to case; "" if it is absent.
func query(r *http.Request, name string) string {
	values := r.URL.Query()
	if values.Has(name) {
		return values.Get(name)
	}
	for key, value := range values {
		if strings.EqualFold(key, name) {
			return value[0]
		}
	}
	return ""
}

// flag reads a query parameter that is true or false; absent is false.
func flag(r *http.Request, name string) (bool, error) {
	switch strings.ToLower(query(r, name)) {
	case "true":
		return true, nil
	case "", "false":
		return false, nil
	default:
		return false, apierr.New(apierr.ParameterInvalid, "The query parameter %s must be true or false.", name).At(name)
	}
}

// checkVersion demands an api-version. Any date will do for what the real service defines, since its clients send
// another one with every release; Inborn's own, which actions on Inborn.Platform need, has exactly one.
func checkVersion(r *http.Request, needs action) error {
	version, supported := query(r, "api-version"), "YYYY-MM-DD, YYYY-MM-DD-preview"
	if version == "" {
		return apierr.New(apierr.APIVersionMissing, "The api-version query parameter (?api-version=) is required for all requests.").At("api-version")
	}
	_, err := time.Parse(time.DateOnly, strings.TrimSuffix(version, "-preview"))
	valid := err == nil
	if strings.HasPrefix(string(needs), "Inborn.Platform/") {
		valid, supported = version == PlatformVersion, PlatformVersion
	}
	if !valid {
		return apierr.New(apierr.APIVersionInvalid, "The api-version '%s' is invalid. The supported versions are '%s'.", version, supported).
			At("api-version")
	}
	return nil
}

// page answers with one page of all, whose keys ascend: $top rows after the one that $skipToken names.
func (c *call) page(all iter.Seq2[string, any]) error {
	size, after, err := paging(c.r)
	if err != nil {
		return err
	}
	page, last := pageWire{Value: []any{}}, ""
	for key, value := range all {
		if key <= after {
			continue
		}
		if len(page.Value) == size {
			page.NextLink = nextLink(c.r, last)
			break
		}
		page.Value, last = append(page.Value, value), key
	}
	if c.broken != nil {
		return c.broken
	}
	return c.json(http.StatusOK, page)
}

func paging(r *http.Request) (size int, after string, err error) {
	size = maxPage
	if top := query(r, "$top"); top != "" {
		n, err := strconv.Atoi(top)
		if err != nil || n < 1 {
			return 0, "", apierr.New(apierr.PageSizeInvalid, "The query parameter $top must be a whole number from 1 on, not '%s'.", top).At("$top")
		}
		size = min(n, maxPage)
	}
	key, err := base64.RawURLEncoding.DecodeString(query(r, "$skipToken"))
	if err != nil {
		return 0, "", apierr.New(apierr.ParameterInvalid, "The $skipToken is not one of this server: follow nextLink as it is.").At("$skipToken")
	}
	return size, string(key), nil
}

// nextLink is the URL of r, to be continued after the row with that key.
func nextLink(r *http.Request, key string) string {
	values := url.Values{}
	for name, value := range r.URL.Query() {
		if !strings.EqualFold(name, "$skipToken") {
			values[name] = value
		}
	}
	values.Set("$skipToken", base64.RawURLEncoding.EncodeToString([]byte(key)))
	return serve.Origin(r) + r.URL.EscapedPath() + "?" + values.Encode()
}

// keyed gives the values of all their keys and wire forms, for page.
func keyed[T any](all iter.Seq[T], form func(T) (key string, wire any)) iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for value := range all {
			if !yield(form(value)) {
				return
			}
		}
	}
}

// inOrder gives what was found, in the order of its keys, for page.
func inOrder(found map[string]any) iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for _, key := range slices.Sorted(maps.Keys(found)) {
			if !yield(key, found[key]) {
				return
			}
		}
	}
}

// merged walks a and b, whose keys ascend, as one sequence whose keys ascend.
func merged(a, b iter.Seq2[string, any]) iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		next, stop := iter.Pull2(b)
		defer stop()
		keyB, valueB, more := next()
		for keyA, valueA := range a {
			for ; more && keyB < keyA; keyB, valueB, more = next() {
				if !yield(keyB, valueB) {
					return
				}
			}
			if !yield(keyA, valueA) {
				return
			}
		}
		for ; more; keyB, valueB, more = next() {
			if !yield(keyB, valueB) {
				return
			}
		}
	}
}
