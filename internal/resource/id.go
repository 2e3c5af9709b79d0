// Package resource holds the things that have a Resource Manager id: subscriptions, groups, resources with their
// identity blocks, managed identities, nodes, and the bindings that say which workload runs which resource. It is pure.
package resource

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/inborn-id/inborn/internal/apierr"
)

// ID is a Resource Manager path such as
// /subscriptions/S/resourceGroups/G/providers/Microsoft.Web/sites/NAME, spelled as it was created. Two ids are the
// same when their Keys are equal: Resource Manager compares without regard to case and keeps the case it was given.
type ID string

// Key is the form of an ID that is compared and used as a map key: lower case, no doubled or trailing slashes.
type Key string

const maxIDLength = 2048

// ParseID checks s and returns it without doubled and trailing slashes. Accepted are subscriptions, resource groups,
// and provider resources below a subscription, a group or another resource (nested types and extension resources).
func ParseID(s string) (ID, error) {
	if len(s) > maxIDLength {
		return "", bad(s[:40]+"...", "it is longer than 2048 characters")
	}
	if !strings.HasPrefix(s, "/") {
		return "", bad(s, "it does not start with /")
	}
	segments := split(s)
	if err := checkSegments(s, segments); err != nil {
		return "", err
	}
	return ID("/" + strings.Join(segments, "/")), nil
}

func bad(s, why string) error {
	return apierr.New(apierr.ResourceIDInvalid, "The resource id %q is not valid: %s.", s, why).At(s)
}

// isWord compares a segment with a word of ours as keys are compared, which is not as strings.EqualFold folds: that takes ſ,
// which has one byte more, for s.
func isWord(segment, word string) bool {
	return len(segment) == len(word) && strings.EqualFold(segment, word)
}

func split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == '/' })
}

func checkSegments(s string, segments []string) error {
	for _, segment := range segments {
		if strings.ContainsAny(segment, "<>%&\\?#\"'`$;|") || strings.ContainsFunc(segment, unicode.IsControl) || !utf8.ValidString(segment) ||
			strings.TrimSpace(segment) != segment || segment == "." || segment == ".." {
			return bad(s, "a segment holds a character that is not allowed")
		}
	}
	rest := segments
	switch {
	case len(rest) >= 2 && isWord(rest[0], "subscriptions"):
		rest = rest[2:]
	case len(rest) >= 1 && isWord(rest[0], "providers"):
	default:
		return bad(s, "it starts neither with /subscriptions/{id} nor with /providers/{namespace}")
	}
	if len(rest) >= 2 && isWord(rest[0], "resourceGroups") {
		rest = rest[2:]
	}
	return checkProviders(s, rest)
}

// checkProviders accepts any number of /providers/{namespace}(/{type}/{name})+ blocks.
func checkProviders(s string, rest []string) error {
	for len(rest) > 0 {
		if !isWord(rest[0], "providers") || len(rest) < 4 {
			return bad(s, "expected /providers/{namespace}/{type}/{name}")
		}
		if !isASCII(rest[1]) {
			return bad(s, "a namespace has ASCII letters only")
		}
		rest = rest[2:]
		for len(rest) >= 2 && !isWord(rest[0], "providers") {
			if !isASCII(rest[0]) { // actions are made of it, and nobody shall be in doubt which
				return bad(s, "a type has ASCII letters only")
			}
			rest = rest[2:]
		}
		if len(rest) == 1 {
			return bad(s, "a type has no name after it")
		}
	}
	return nil
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

// Key returns the form to compare by.
func (id ID) Key() Key { return Key(strings.ToLower(string(id))) }

// Same reports whether both ids name the same resource.
func (id ID) Same(other ID) bool { return id.Key() == other.Key() }

// Name returns the last segment.
func (id ID) Name() string { return string(id[strings.LastIndexByte(string(id), '/')+1:]) }

// Subscription returns the subscription's id as spelled, or "" if there is none.
func (id ID) Subscription() string { return id.after("subscriptions") }

// Group returns the resource group's name as spelled, or "" if there is none.
func (id ID) Group() string { return id.after("resourceGroups") }

// GroupID returns the id of the resource group that holds id, or "" if there is none.
func (id ID) GroupID() ID {
	sub, group := id.Subscription(), id.Group()
	if sub == "" || group == "" {
		return ""
	}
	return GroupID(sub, group)
}

func (id ID) after(word string) string {
	segments := split(string(id))
	for i := 0; i+1 < len(segments); i += 2 {
		if isWord(segments[i], word) {
			return segments[i+1]
		}
	}
	return ""
}

// Type returns namespace and types of the last provider block, such as Microsoft.Web/sites; "" for a subscription or
// a group.
func (id ID) Type() string {
	segments := split(string(id))
	start := -1
	for i, segment := range segments {
		if isWord(segment, "providers") && i%2 == 0 {
			start = i
		}
	}
	if start < 0 || start+1 >= len(segments) {
		return ""
	}
	kind := segments[start+1]
	for i := start + 2; i < len(segments); i += 2 {
		kind += "/" + segments[i]
	}
	return kind
}

// Issued returns id as the token service writes it into claims: the segment resourcegroups in lower case, the rest as
// spelled (wire fact: the xms_mirid and xms_az_rid claims, Graph's alternativeNames).
func (id ID) Issued() string {
	segments := split(string(id))
	for i := 0; i < len(segments); i += 2 {
		if isWord(segments[i], "resourceGroups") {
			segments[i] = "resourcegroups"
		}
	}
	return "/" + strings.Join(segments, "/")
}

// SubscriptionID makes the id of a subscription.
func SubscriptionID(subscription string) ID { return ID("/subscriptions/" + subscription) }

// GroupID makes the id of a resource group.
func GroupID(subscription, group string) ID {
	return ID("/subscriptions/" + subscription + "/resourceGroups/" + group)
}

// In makes the id of a resource of the given type (Namespace/type) inside the group.
func In(group ID, kind, name string) ID { return group + ID("/providers/"+kind+"/"+name) }

// IsPlain reports whether resources of a type are just kept, with an identity if they want one. Namespaces with a meaning
// of their own are not: a role assignment, say, that was stored and granted nothing would be worse than a refusal.
func IsPlain(kind string) bool {
	namespace, _, _ := strings.Cut(kind, "/")
	for _, special := range []string{"Microsoft.Authorization", "Microsoft.ManagedIdentity", "Microsoft.Management",
		"Microsoft.Resources", "Microsoft.Subscription", "Inborn.Platform"} {
		if strings.EqualFold(namespace, special) {
			return false
		}
	}
	return strings.Contains(namespace, ".") && strings.Contains(kind, "/") && !strings.ContainsFunc(kind, func(c rune) bool {
		return !isAlphanumeric(c) && !strings.ContainsRune("./-_", c)
	})
}

// IsIdentityName reports whether a user-assigned identity may have that name: 3 to 128 letters, digits, - and _, of which
// the first is no - or _ (naming rules of Microsoft.ManagedIdentity).
func IsIdentityName(name string) bool {
	return len(name) >= 3 && len(name) <= 128 && isAlphanumeric(rune(name[0])) && !strings.ContainsFunc(name, func(c rune) bool {
		return !isAlphanumeric(c) && c != '-' && c != '_'
	})
}

func isAlphanumeric(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
