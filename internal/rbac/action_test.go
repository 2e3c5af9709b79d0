package rbac

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWildcards(t *testing.T) {
	for _, c := range []struct {
		pattern, action string
		want            bool
	}{
		{"*/read", "Microsoft.Web/sites/read", true},
		{"*/read", "Microsoft.Web/sites/write", false},
		{"*/read", "/read", true},
		{"*/read", "read", false},
		{"*", "anything", true},
		{"*", "", true},
		{"Microsoft.KeyVault/vaults/*", "Microsoft.KeyVault/vaults/secrets/getSecret/action", true},
		{"Microsoft.KeyVault/vaults/*", "Microsoft.KeyVault/vaults", false},
		// Case 85.
		{"Microsoft.Storage/storageAccounts/*/read", "Microsoft.Storage/storageAccounts/blobServices/containers/read", true},
		{"Microsoft.Storage/storageAccounts/*/read", "Microsoft.Storage/storageAccounts/read", false},
		{"Microsoft.Storage/storageAccounts/*/read", "microsoft.storage/STORAGEACCOUNTS//READ", true},
		{"a*b*c", "abc", true}, {"a*b*c", "aXbYbZc", true}, {"a*b*c", "acb", false}, {"a*b*c", "ac", false},
		{"*a*", "bab", true}, {"**", "", true}, {"a**b", "ab", true}, {"ab*ba", "aba", false}, {"*ab*ab*", "xabx", false},
		{"Microsoft.Web/sites/read", "microsoft.web/Sites/READ", true},
		{"Microsoft.Web/sites/read", "Microsoft.Web/sites/read/x", false},
		{"a?c", "abc", false},
	} {
		p := newPattern(c.pattern)
		if got := p.match(strings.ToLower(c.action)); got != c.want {
			t.Errorf("%s matches %s: %v", c.pattern, c.action, got)
		}
	}
}

// The matcher agrees with a regular expression.
func FuzzWildcard(f *testing.F) {
	for _, seed := range [][2]string{{"*/read", "a/read"}, {"a*b*c", "abbc"}, {"**a", "ba"}, {"ab*ba", "aba"}, {"", ""}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, action string) {
		lower := strings.ToLower(action)
		parts := strings.Split(strings.ToLower(pattern), "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		re, err := regexp.Compile("(?s)^" + strings.Join(parts, ".*") + "$")
		if err != nil || !utf8.ValidString(action) {
			return
		}
		p := newPattern(pattern)
		if got := p.match(lower); got != re.MatchString(lower) {
			t.Fatalf("%q matches %q: %v", pattern, action, got)
		}
		if len(pattern) > 200 || len(action) > 200 {
			return
		}
		// The like of conditions is another matcher for another language; where the two languages agree, so do they.
		if !strings.ContainsAny(pattern, `?\`) && isLike(lower, strings.ToLower(pattern)) != re.MatchString(lower) {
			t.Fatalf("%q is like %q: %v", action, pattern, !re.MatchString(lower))
		}
	})
}
