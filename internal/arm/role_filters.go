package arm

import (
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
)

// The filters of Microsoft.Authorization are a few fixed phrases, joined by and.

// phrases splits a filter at the word and, outside of quotes.
func phrases(text string) []string {
	var all []string
	quoted, start := false, 0
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\'':
			quoted = !quoted
		case !quoted && i+5 <= len(text) && strings.EqualFold(text[i:i+5], " and "):
			all = append(all, strings.TrimSpace(text[start:i]))
			start = i + 5
		}
	}
	return append(all, strings.TrimSpace(text[start:]))
}

// equals reads "property eq 'value'".
func equals(phrase, property string) (string, bool) {
	name, rest, ok := strings.Cut(phrase, " ")
	if !ok || !strings.EqualFold(name, property) {
		return "", false
	}
	operator, value, ok := strings.Cut(strings.TrimSpace(rest), " ")
	if !ok || !strings.EqualFold(operator, "eq") {
		return "", false
	}
	return unquoted(strings.TrimSpace(value))
}

// unquoted reads a literal: 'it”s'.
func unquoted(value string) (string, bool) {
	if len(value) < 2 || value[0] != '\'' || value[len(value)-1] != '\'' {
		return "", false
	}
	return strings.ReplaceAll(value[1:len(value)-1], "''", "'"), true
}

func badFilter(text string) error {
	return apierr.New(apierr.QueryUnsupported, "The filter '%s' is not supported. The supported filters are atScope(), atScopeAndBelow(),"+
		" principalId eq '{value}', assignedTo('{value}'), roleName eq '{value}' and type eq '{value}'.", text).At("$filter")
}

// roleFilter reads the filter of a list of role definitions: which it lets through, and whether those come, too, that are
// assignable only below the scope.
func roleFilter(text string) (match func(*rbac.Role) bool, below bool, err error) {
	match = func(*rbac.Role) bool { return true }
	if strings.TrimSpace(text) == "" {
		return match, false, nil
	}
	for _, phrase := range phrases(text) {
		before := match
		if name, ok := equals(phrase, "roleName"); ok {
			match = func(r *rbac.Role) bool { return before(r) && strings.EqualFold(r.Name, name) }
		} else if kind, ok := equals(phrase, "type"); ok {
			match = func(r *rbac.Role) bool { return before(r) && r.BuiltIn == strings.EqualFold(kind, "BuiltInRole") }
		} else if strings.EqualFold(phrase, "atScopeAndBelow()") {
			below = true
		} else if !strings.EqualFold(phrase, "atScope()") {
			return nil, false, badFilter(text)
		}
	}
	return match, below, nil
}

// assignmentFilter is the filter of a list of role assignments.
type assignmentFilter struct {
	below      bool      // assignments below the scope, too
	principal  guid.GUID // those for exactly this principal
	assignedTo guid.GUID // those for this principal and for the groups it is in
}

func readAssignmentFilter(text string) (f assignmentFilter, err error) {
	f.below = true
	if strings.TrimSpace(text) == "" {
		return f, nil
	}
	for _, phrase := range phrases(text) {
		id, isPrincipal := equals(phrase, "principalId")
		inner, isAssigned := strings.CutSuffix(phrase, ")")
		if isAssigned = isAssigned && len(inner) > len("assignedTo(") && strings.EqualFold(inner[:len("assignedTo(")], "assignedTo("); isAssigned {
			id, isAssigned = unquoted(inner[len("assignedTo("):])
		}
		switch {
		case strings.EqualFold(phrase, "atScope()"):
			f.below = false
			continue
		case isPrincipal:
			f.principal, err = guid.Parse(id)
		case isAssigned:
			f.assignedTo, err = guid.Parse(id)
		default:
			return f, badFilter(text)
		}
		if err != nil {
			return f, badFilter(text)
		}
	}
	return f, nil
}
